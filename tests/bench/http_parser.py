"""Measure what parsing HTTP in C saves: a server's CPU for a verdict that it knows already, with httptools and without.

PYTHONPATH=tests python tests/bench/http_parser.py

Nothing is graded or written for such a verdict, so the numbers are those of the wire. A bare echo of the same sizes on the
same uvicorn stands beside them.
"""

import json
import statistics
import tempfile
from collections import defaultdict
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path

import httpx
from measure import Child, Load, child, send, write_table

from server_process import serving

REQUESTS = 150
ROUNDS = 6
WITHOUT = "import sys; sys.modules['httptools'] = None; "
ECHO = Path(__file__).with_name("echo.py")


def program(before: str, store: Path) -> tuple[str, ...]:
    """What a Python is called with to serve, after it has run `before`."""
    flag, text, settings = serving(store=f"sqlite:///{store}", stock=2, scenarios="short", log_level="warning")
    return flag, before + text, settings


def known_verdict(server: Child) -> tuple[bytes, object]:
    """A verdict that the server has scored, as a body, and the answer."""
    with httpx.Client(base_url=server.url, timeout=60) as http:
        (episode,) = http.post("/v1/episodes", json={"count": 1}).raise_for_status().json()["episodes"]
        output = episode["observation"]["worker_output"]
        verdict = {"detection": True, "explanation": output[:160], "correction": 2 * output, "confidence": 0.8}
        body = {"verdicts": [{"episode_id": episode["episode_id"], "verdict": verdict}]}
        return json.dumps(body).encode(), http.post("/v1/verdicts", json=body).raise_for_status().json()


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        loads: dict[str, tuple[Child, str, bytes]] = {}
        for parser, before in (("httptools", ""), ("Python", WITHOUT)):
            server = stack.enter_context(child(*program(before, Path(folder, f"{parser}.db"))))
            body, reply = known_verdict(server)
            loads[f"verdict, {parser}"] = (server, "/v1/verdicts", body)
            run = f"{before}import runpy; runpy.run_path({str(ECHO)!r}, run_name='__main__')"
            echo = stack.enter_context(child("-c", run, json.dumps({"verdict": reply})))
            loads[f"echo, {parser}"] = (echo, "/echo/verdict", body)
        for connections in (1, 16):
            costs: dict[str, list[float]] = defaultdict(list)
            for number in range(-1, ROUNDS):
                for name, (server, path, body) in loads.items():
                    before_load = server.cpu_seconds()
                    send(Load(server.url + path, [body] * REQUESTS, connections))
                    # The first round is there to warm up.
                    if number >= 0:
                        costs[name].append((server.cpu_seconds() - before_load) / REQUESTS * 1000)
            rows: list[dict[str, object]] = [
                {"request, parser": name, "CPU ms": statistics.median(ms), "from": min(ms), "to": max(ms)}
                for name, ms in costs.items()
            ]
            write_table(f"{connections} connections", rows)


if __name__ == "__main__":
    if find_spec("httptools") is None:
        raise SystemExit("httptools is missing: pip install httptools")
    main()
