"""This machine is known by all of its names."""

import pytest

from forge_arena.hosts import is_loopback


@pytest.mark.parametrize(
    ("host", "is_this_machine"),
    [
        ("localhost", True),
        ("LOCALHOST", True),
        ("127.0.0.1", True),
        ("127.0.0.2", True),
        ("127.255.255.254", True),
        ("::1", True),
        ("0.0.0.0", False),
        ("128.0.0.1", False),
        ("192.168.0.1", False),
        ("localhost.example.org", False),
        ("127.0.0.1.example.org", False),
        ("", False),
        (None, False),
    ],
)
def test_this_machine_is_told_from_others(host: str | None, is_this_machine: bool) -> None:
    assert is_loopback(host) is is_this_machine
