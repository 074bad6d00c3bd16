"""Serve, with one process or several: set up the log, listen, and say where once an episode can be had."""

import asyncio
import errno
import json
import socket
import sys
from contextlib import suppress

from forge_server import logs
from forge_server.processes import serve_together
from forge_server.running import run_server
from forge_server.settings import Settings, SettingsError, unknown_variables


def serve(settings: Settings) -> None:
    """Serve until SIGINT or SIGTERM. Prints the URL once an episode can be had, as JSON if the log is JSON.

    Raises:
        SettingsError: the address, the store, the Worker or the scenarios cannot be used.
        WorkerFailed: the Worker does not start.
    """
    logs.configure(settings.log_level, settings.log_json)
    logs.take_over(settings.log_level, settings.log_json)
    for variable, nearest in unknown_variables().items():
        logs.log.warning("unknown_variable", variable=variable, did_you_mean=nearest)
    if settings.processes == 1:
        # After it has shut down, uvicorn raises the signal again.
        with suppress(KeyboardInterrupt):
            asyncio.run(_serve_alone(settings))
        return
    listener = _listen(settings)
    with listener:
        serve_together(settings, listener, lambda: _announce(settings, listener))


async def _serve_alone(settings: Settings) -> None:
    listeners: list[socket.socket] = []

    def listen(_: object) -> socket.socket:
        listeners.append(_listen(settings))
        return listeners[0]

    await run_server(settings, listen, lambda: _announce(settings, listeners[0]))


def _listen(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        return socket.create_server((settings.host, settings.port), family=family, backlog=2048)
    except OSError as error:
        # Python adds the address in brackets, which stands here already.
        why = (error.strerror or str(error)).partition(" (while")[0]
        advice = ": give another --port, or 0 for a free one" if error.errno == errno.EADDRINUSE else ""
        raise SettingsError(f"cannot listen on {settings.host} port {settings.port}: {why}{advice}") from None


def _announce(settings: Settings, listener: socket.socket) -> None:
    """Print the URL, and where the episodes are kept; as JSON if the log is JSON."""
    from sqlalchemy.engine import make_url  # a refusal of `serve` comes before this and loads nothing heavy

    url, store = _url(listener), make_url(settings.store).render_as_string(hide_password=True)
    if settings.log_json:
        lines = [json.dumps({"event": "serving", "url": url, "store": store})]
    else:
        lines = [f"ForgeArena is ready at {url}", f"Episodes are kept in {store}"]
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
