"""Say whether a host is this very machine."""

import ipaddress


def is_loopback(host: str | None) -> bool:
    """Whether a host, without port and brackets, is this machine: localhost, any address in 127.0.0.0/8, or ::1."""
    if host is None:
        return False
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"
