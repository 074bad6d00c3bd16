"""What one client sends cannot fail what another client asks, in any store."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

CLEAN = {"detection": False, "explanation": "", "correction": "", "confidence": 0.5}
NUL = {"detection": True, "explanation": "a\x00b", "correction": "\x00", "confidence": 0.5}


@pytest.fixture
async def arena(serve: Any, store_url: str) -> AsyncIterator[Any]:
    async with serve(store=store_url, probes=2) as running:
        yield running


def poisoned_requests(id: str) -> list[tuple[str, str, Any]]:
    """Every door that takes the id of an episode or a submission."""
    path = {"\x00": "%00", "ü": "%C3%BC", "\ud83d": "%ED%A0%BD", "/": "%2F"}
    quoted = "".join(path.get(character, character) for character in id)
    return [
        ("GET", f"/v1/episodes/{quoted}", None),
        ("DELETE", f"/v1/episodes/{quoted}", None),
        ("GET", f"/v1/submissions/{quoted}", None),
        ("POST", f"/v1/episodes/{quoted}/probe", {"question": "Are you sure?"}),
        ("POST", "/v1/verdicts", {"verdicts": [{"episode_id": id, "verdict": CLEAN}]}),
        ("POST", "/v1/episodes", {"submission": id, "count": 1}),
        ("POST", "/step", {"episode_id": id, "action": CLEAN}),
        ("POST", "/step", {"episode_id": id, "action": {"question": "Are you sure?"}}),
    ]


@pytest.mark.parametrize("id", ["a\x00b", "\x00", "a b", "für"])
async def test_an_id_that_the_server_never_gave_is_not_found_at_any_door(arena: Any, id: str) -> None:
    for method, path, body in poisoned_requests(id):
        answer = await arena.http.request(method, path, json=body)
        assert answer.status_code == 404, (method, path, answer.text)
        assert answer.json()["error"]["code"] in ("unknown_episode", "unknown_submission")


async def test_clients_who_send_nul_in_ids_fail_no_request_of_others(arena: Any) -> None:
    done = asyncio.Event()
    statuses: set[int] = set()

    async def poison() -> None:
        while not done.is_set():
            for method, path, body in poisoned_requests("a\x00b"):
                statuses.add((await arena.http.request(method, path, json=body)).status_code)

    async def play() -> None:
        for _ in range(15):
            (episode,) = await arena.open()
            answer = await arena.send_verdicts({"episode_id": episode["episode_id"], "verdict": CLEAN})
            assert answer.status_code == 200, answer.text

    async with asyncio.TaskGroup() as tasks:
        for _ in range(2):
            tasks.create_task(poison())
        await asyncio.gather(*(play() for _ in range(3)))
        done.set()
    assert statuses == {404}


async def test_nul_in_what_an_overseer_says_or_asks_is_kept_like_any_other_text(arena: Any) -> None:
    (episode,) = await arena.open(attempts=3)
    id = episode["episode_id"]
    asked = await arena.http.post(f"/v1/episodes/{id}/probe", json={"question": "a\x00b"})
    assert (asked.status_code, asked.json()["probe"]["question"]) == (200, "a\x00b")
    attempts = [
        {"episode_id": id, "attempt": 0, "verdict": NUL},
        {"episode_id": id, "attempt": 1, "completion": '{"detection": "\x00", "\x00": 1}'},
        {"episode_id": id, "attempt": 2, "completion": "\x00"},
    ]
    judged = await arena.send_verdicts(*attempts)
    assert judged.status_code == 200, judged.text
    assert [r["outcome"] for r in judged.json()["results"]] == ["scored", "invalid_verdict", "invalid_verdict"]
    assert (await arena.send_verdicts(*attempts)).json() == judged.json()
    state = await arena.state(id)
    assert state["observation"]["probes"][0]["question"] == "a\x00b"
