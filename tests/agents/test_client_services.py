"""The clients against services that are no arena, or a wrong one."""

import http.server
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from forge_agents.client import (
    ArenaClient,
    ArenaGarbled,
    ArenaRefused,
)
from forge_arena.types import Verdict
from forge_arena.wire import MAX_BATCH, Attempt

CLEAN = Verdict(detection=False, explanation="", correction="", confidence=0.7)

Reply = tuple[int, dict[str, str], Any]


@contextmanager
def service(answer: Callable[[str, dict[str, Any]], Reply]) -> Iterator[str]:
    """A real HTTP service that answers as told."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            size = int(self.headers.get("content-length", "0"))
            status, headers, content = answer(self.path, json.loads(self.rfile.read(size) or b"{}"))
            body = content.encode() if isinstance(content, str) else json.dumps(content).encode()
            self.send_response(status)
            for name, value in {"content-length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET  # noqa: N815  (the name that http.server looks for)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


STATS = {
    "suite": "forge",
    "version": "5",
    "worker": "scripted",
    "episodes": {},
    "verdicts": {},
    "mean_reward": None,
    "stock": 0,
    "uptime_seconds": 1.0,
}
BUSY = {"error": {"code": "busy", "message": "too many at a time: try again"}}


@pytest.mark.parametrize("status", [429, 503])
def test_busy_is_tried_again_after_what_retry_after_says(status: int) -> None:
    asked: list[float] = []

    def answer(path: str, body: dict[str, Any]) -> Reply:
        asked.append(time.monotonic())
        return (status, {"retry-after": "1"}, BUSY) if len(asked) == 1 else (200, {}, STATS)

    with service(answer) as url, ArenaClient(url, patience=10) as client:
        assert client.stats().suite == "forge"
    assert len(asked) == 2
    assert asked[1] - asked[0] >= 1.0


def test_busy_for_longer_than_patience_is_the_refusal_itself() -> None:
    with (
        service(lambda path, body: (503, {"retry-after": "30"}, BUSY)) as url,
        ArenaClient(url, patience=1) as client,
        pytest.raises(ArenaRefused, match=r"try again \(HTTP 503, busy\)"),
    ):
        client.stats()


def test_what_is_wrong_is_not_tried_again() -> None:
    asked = []

    def answer(path: str, body: dict[str, Any]) -> Reply:
        asked.append(path)
        return 404, {}, "<html>not here</html>"

    with (
        service(answer) as url,
        ArenaClient(url) as client,
        pytest.raises(ArenaRefused, match="not one of an arena"),
    ):
        client.stats()
    assert len(asked) == 1


def test_a_key_that_does_not_say_where_to_go_on_is_garbled() -> None:
    def answer(path: str, body: dict[str, Any]) -> Reply:
        failed = [{"key": f"k{n}", "outcome": "worker_failed", "reason": "down"} for n in range(body["count"])]
        return 200, {}, {"episodes": [], "failed": failed}

    with (
        service(answer) as url,
        ArenaClient(url) as client,
        pytest.raises(ArenaGarbled, match="does not read suite:version:split:index"),
    ):
        client.open_episodes(count=MAX_BATCH + 1, start=0)


def test_no_curriculum_is_told_from_no_arena() -> None:
    with (
        service(lambda path, body: (404, {}, "<html>not here</html>")) as url,
        ArenaClient(url) as client,
        pytest.raises(ArenaRefused, match="not one of an arena"),
    ):
        client.curriculum()


@pytest.mark.parametrize(
    ("body", "message"),
    [("<html>Welcome</html>", "not one of an arena: check the URL"), ({"suite": 5}, "must be of the same version")],
)
def test_a_web_page_is_told_from_an_arena_of_another_version(body: Any, message: str) -> None:
    with (
        service(lambda path, given: (200, {}, body)) as url,
        ArenaClient(url) as client,
        pytest.raises(ArenaGarbled, match=message),
    ):
        client.stats()


def test_a_redirect_is_not_followed() -> None:
    with (
        service(lambda path, body: (302, {"location": "/elsewhere"}, "")) as url,
        ArenaClient(url) as client,
        pytest.raises(ArenaGarbled, match="redirects"),
    ):
        client.stats()


def test_a_body_of_another_version_says_where_it_differs() -> None:
    with (
        service(lambda path, body: (200, {}, STATS | {"stock": "many"})) as url,
        ArenaClient(url) as client,
        pytest.raises(ArenaGarbled, match="not a Stats of this API \\(stock"),
    ):
        client.stats()


def result(episode_id: str, **update: Any) -> dict[str, Any]:
    parts = {"detection": 1.0, "explanation": 0.25, "correction": 0.25, "calibration": 0.9}
    return {
        "episode_id": episode_id,
        "attempt": 0,
        "outcome": "scored",
        "reward": 0.6,
        "components": parts,
        **update,
    }


@pytest.mark.parametrize(
    ("results", "message"),
    [
        ([result("a")], "other attempts than the 2"),
        ([result("a"), result("c")], "other attempts than the 2"),
        ([result("a"), result("a")], "other attempts than the 2"),
        ([result("a"), result("b"), result("c")], "other attempts than the 2"),
        ([result("a"), result("b", attempt=1)], "other attempts than the 2"),
        ([result("a"), result("b", outcome="worker_failed")], "outcome worker_failed with reward 0.6"),
        ([result("a"), result("b", reward=None)], "outcome scored with wrong components"),
        ([result("a"), result("b", components=None)], "wrong components"),
        ([result("a"), result("b", reward=1.5)], "not a VerdictResults"),
    ],
)
def test_results_that_do_not_match_what_was_sent_are_garbled(results: list[Any], message: str) -> None:
    with (
        service(lambda path, body: (200, {}, {"results": results})) as url,
        ArenaClient(url) as client,
        pytest.raises(ArenaGarbled, match=message),
    ):
        client.submit([Attempt(episode_id="a", verdict=CLEAN), Attempt(episode_id="b", verdict=CLEAN)])


def test_results_in_another_order_are_put_into_the_order_of_the_attempts() -> None:
    answer = {"results": [result("b", reward=0.2), result("a", reward=0.6)]}
    with service(lambda path, body: (200, {}, answer)) as url, ArenaClient(url) as client:
        found = client.submit([Attempt(episode_id="a", verdict=CLEAN), Attempt(episode_id="b", verdict=CLEAN)])
    assert [(r.episode_id, r.reward) for r in found] == [("a", 0.6), ("b", 0.2)]
