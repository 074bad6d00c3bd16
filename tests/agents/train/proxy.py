"""A real proxy before a real arena, which counts requests, loses answers and changes them."""

import http.server
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

Json = dict[str, Any]


def unchanged(answer: Json) -> Json:
    return answer


@dataclass(slots=True)
class Proxy:
    """`change` is applied to every answer to verdicts; of the first `losing` answers the connection is cut."""

    url: str = ""
    change: Callable[[Json], Json] = unchanged
    losing: int = 0
    asked: list[str] = field(default_factory=list)


@contextmanager
def proxied(arena: str) -> Iterator[Proxy]:
    """A proxy before the arena at that URL."""
    proxy = Proxy()

    class Passing(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            headers = {name: self.headers[name] for name in ("authorization",) if name in self.headers}
            self._answer(httpx.get(arena + self.path, headers=headers, trust_env=False, timeout=60))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name: self.headers[name] for name in ("content-type", "authorization") if name in self.headers}
            answer = httpx.post(arena + self.path, content=body, headers=headers, trust_env=False, timeout=60)
            proxy.asked.append(self.path)
            if proxy.losing:
                proxy.losing -= 1
                self.close_connection = True
                return
            self._answer(answer)

        def _answer(self, answer: httpx.Response) -> None:
            content = answer.content
            if self.path == "/v1/verdicts" and answer.is_success:
                content = json.dumps(proxy.change(answer.json())).encode()
            self.send_response(answer.status_code)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            return None

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Passing)
    proxy.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
