"""Training runs that a trainer reports over real HTTP: what is kept, what is refused, and whose they are."""

import asyncio
import json
from typing import Any

import pytest

from forge_arena.wire import MAX_NUMBERS, MAX_POINTS, MAX_TRAINING_STEP
from forge_server import run_records

PLAYER, TRAINER, OTHER, ADMIN = "a token to play", "a token to train", "another to train", "a token for all"
TOKENS = (f"player:{PLAYER}", f"trainer:{TRAINER}", f"trainer:{OTHER}", f"admin:{ADMIN}")


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def refused(answer: Any, status: int, code: str, message: str) -> None:
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (status, code), answer.text
    assert message in error["message"]


async def begin(server: Any, token: str = "", **ask: Any) -> dict[str, Any]:
    headers = bearer(token) if token else {}
    answer = await server.http.post("/v1/runs", json={"name": "a run", **ask}, headers=headers)
    assert answer.status_code == 200, answer.text
    run: dict[str, Any] = answer.json()
    return run


async def report(server: Any, run: dict[str, Any], *points: dict[str, Any], token: str = "") -> Any:
    headers = bearer(token) if token else {}
    return await server.http.post(f"/v1/runs/{run['run_id']}/points", json={"points": list(points)}, headers=headers)


async def kept(server: Any, run: dict[str, Any]) -> list[tuple[str, str, int, dict[str, float]]]:
    stored = await server.service.runs._store.run_points(run["run_id"])
    return [(point.kind, point.phase, point.step, point.numbers) for point in stored]


async def test_a_run_is_begun_reported_listed_and_deleted(server: Any) -> None:
    run = await begin(server, name="first", notes="GRPO, 200 steps")
    assert (run["name"], run["notes"], run["reported"], run["points"]) == ("first", "GRPO, 200 steps", None, 0)
    train = {"step": 1, "numbers": {"reward": 0.25, "kl": 0}}
    held_out = {"kind": "held_out", "phase": "phase 3", "step": 1, "numbers": {"auroc": 0.5}}
    answer = await report(server, run, train, held_out)
    assert answer.status_code == 200, answer.text
    assert (answer.json()["points"], answer.json()["reported"] is not None) == (2, True)
    assert await kept(server, run) == [
        ("held_out", "phase 3", 1, {"auroc": 0.5}),
        ("train", "train", 1, {"reward": 0.25, "kl": 0.0}),
    ]
    assert (await server.http.get("/v1/runs")).json() == {"runs": [answer.json()]}
    assert (await server.http.get(f"/v1/runs/{run['run_id']}")).json() == answer.json()
    assert (await server.http.delete(f"/v1/runs/{run['run_id']}")).status_code == 204
    assert (await server.http.get("/v1/runs")).json() == {"runs": []}
    assert await kept(server, run) == []
    refused(await report(server, run, train), 404, "unknown_run", "no such run")


async def test_a_report_that_is_sent_again_changes_nothing_and_a_repeated_step_counts_last(server: Any) -> None:
    run = await begin(server)
    first = [{"step": step, "numbers": {"reward": step / 10}} for step in (1, 2, 3)]
    for _ in range(2):
        assert (await report(server, run, *first)).json()["points"] == 3
    again = {"step": 3, "numbers": {"reward": 0.9}}
    assert (await report(server, run, {"step": 3, "numbers": {"reward": 0.8}}, again)).json()["points"] == 3
    assert [point[3]["reward"] for point in await kept(server, run)] == [0.1, 0.2, 0.9]


async def test_the_same_request_gets_the_same_run_also_after_a_restart_and_at_once(serve: Any) -> None:
    async with serve() as server:
        runs = await asyncio.gather(*(begin(server, request="mine") for _ in range(6)))
        assert len({run["run_id"] for run in runs}) == 1
        await report(server, runs[0], {"step": 1, "numbers": {"reward": 0.5}})
        assert (await begin(server, request="another"))["run_id"] != runs[0]["run_id"]
    async with serve() as server:
        again = await begin(server, name="another name", request="mine")
        assert (again["run_id"], again["name"], again["points"]) == (runs[0]["run_id"], "a run", 1)


async def test_a_player_reports_nothing_and_a_token_sees_its_own_runs_only(serve: Any) -> None:
    async with serve(tokens=TOKENS) as server:
        run = await begin(server, TRAINER, request="shared")
        point = {"step": 1, "numbers": {"reward": 0.5}}
        for method, path, body in (
            ("POST", "/v1/runs", {"name": "x"}),
            ("POST", f"/v1/runs/{run['run_id']}/points", {"points": [point]}),
            ("DELETE", f"/v1/runs/{run['run_id']}", None),
        ):
            answer = await server.http.request(method, path, json=body, headers=bearer(PLAYER))
            refused(answer, 403, "forbidden", "this needs the role trainer")
        refused(await report(server, run, point, token=OTHER), 404, "unknown_run", "this token has no such run")
        other = await begin(server, OTHER, request="shared")
        assert other["run_id"] != run["run_id"]
        gone = await server.http.delete(f"/v1/runs/{run['run_id']}", headers=bearer(OTHER))
        refused(gone, 404, "unknown_run", "this token has no such run")
        for token, sees in ((PLAYER, set()), (TRAINER, {run["run_id"]}), (OTHER, {other["run_id"]})):
            listed = (await server.http.get("/v1/runs", headers=bearer(token))).json()["runs"]
            assert {one["run_id"] for one in listed} == sees
        listed = (await server.http.get("/v1/runs", headers=bearer(ADMIN))).json()["runs"]
        assert {one["run_id"] for one in listed} == {run["run_id"], other["run_id"]}
        assert (await report(server, run, point, token=ADMIN)).json()["points"] == 1


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"points": []}, "points: The list should have at least 1 item"),
        ({"points": [{"step": 1, "numbers": {"reward": 0.5}}] * (MAX_POINTS + 1)}, f"at most {MAX_POINTS} items"),
        ({"points": [{"step": 1, "numbers": {}}]}, f"points[0].numbers: need 1 to {MAX_NUMBERS} finite"),
        ({"points": [{"step": 1, "numbers": {f"n{n}": 0.5 for n in range(MAX_NUMBERS + 1)}}]}, "need 1 to 64"),
        ({"points": [{"step": -1, "numbers": {"reward": 0.5}}]}, "points[0].step: Input should be greater"),
        ({"points": [{"step": MAX_TRAINING_STEP + 1, "numbers": {"reward": 0.5}}]}, "points[0].step"),
        ({"points": [{"step": 1, "numbers": {"reward": "0.5"}}]}, "points[0].numbers: need"),
        ({"points": [{"step": 1, "numbers": {"reward": True}}]}, "points[0].numbers: need"),
        ({"points": [{"step": 1, "numbers": {"reward": 0.5}, "kind": "test"}]}, "points[0].kind"),
        ({"points": [{"step": 1, "numbers": {"reward": 0.5}, "phase": "<b>"}]}, "points[0].phase"),
        ({"points": [{"step": 1, "numbers": {"reward": 0.5}, "more": 1}]}, "points[0]: unknown field 'more'"),
    ],
)
async def test_a_report_that_is_none_is_refused_by_the_place_and_keeps_nothing(
    server: Any, body: dict[str, Any], message: str
) -> None:
    run = await begin(server)
    answer = await server.http.post(f"/v1/runs/{run['run_id']}/points", json=body)
    refused(answer, 422, "invalid_request", message)
    assert await kept(server, run) == []


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
async def test_a_number_that_is_none_is_refused(server: Any, number: str) -> None:
    run = await begin(server)
    content = json.dumps({"points": [{"step": 1, "numbers": {"reward": "?"}}]}).replace('"?"', number)
    answer = await server.http.post(f"/v1/runs/{run['run_id']}/points", content=content)
    assert answer.status_code in (400, 422), answer.text
    assert await kept(server, run) == []


@pytest.mark.parametrize("ask", [{"name": ""}, {"name": " \n"}, {"name": "x" * 101}, {"request": "a b"}, {"notes": 5}])
async def test_a_run_that_cannot_be_begun_is_refused(server: Any, ask: dict[str, Any]) -> None:
    answer = await server.http.post("/v1/runs", json={"name": "a run", **ask})
    refused(answer, 422, "invalid_request", next(iter(ask)))
    assert "xxx" not in answer.text


async def test_a_name_of_a_number_that_holds_markup_is_refused_without_being_repeated(server: Any) -> None:
    run = await begin(server)
    for number in (0.5, "0.5"):
        answer = await report(server, run, {"step": 1, "numbers": {"<script>alert(1)</script>": number}})
        refused(answer, 422, "invalid_request", "each under a name of up to 64 letters")
        assert "script" not in answer.text
    assert await kept(server, run) == []


async def test_a_run_and_a_token_have_room_for_so_much_and_a_deleted_run_makes_room(
    server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_records, "MOST_POINTS", 3)
    monkeypatch.setattr(run_records, "MOST_RUNS", 2)
    run = await begin(server, request="first")
    points = [{"step": step, "numbers": {"reward": 0.5}} for step in range(4)]
    refused(await report(server, run, *points), 403, "runs_full", "a run has at most 3 points")
    assert await kept(server, run) == []
    assert (await report(server, run, *points[:3])).json()["points"] == 3
    assert (await report(server, run, *points[:3])).status_code == 200
    refused(await report(server, run, points[3]), 403, "runs_full", "at most 3 points")
    await begin(server)
    answer = await server.http.post("/v1/runs", json={"name": "one more"})
    refused(answer, 403, "runs_full", "this token has 2 runs")
    assert (await begin(server, request="first"))["run_id"] == run["run_id"]
    assert (await server.http.delete(f"/v1/runs/{run['run_id']}")).status_code == 204
    await begin(server, name="one more")


async def test_the_largest_report_is_taken(server: Any) -> None:
    run = await begin(server)
    names = [f"{'n' * 60}{n:04d}" for n in range(MAX_NUMBERS)]
    points = [
        {"step": step, "phase": "p" * 64, "numbers": dict.fromkeys(names, -1.2345678901234567e-300)}
        for step in range(MAX_POINTS)
    ]
    assert len(json.dumps(points)) < server.settings.body_limit
    assert (await report(server, run, *points)).json()["points"] == MAX_POINTS


async def test_reports_at_once_lose_nothing(server: Any) -> None:
    run = await begin(server)
    answers = await asyncio.gather(
        *(report(server, run, {"step": step, "numbers": {"reward": step / 100}}) for step in range(40))
    )
    assert {answer.status_code for answer in answers} == {200}
    assert [point[2] for point in await kept(server, run)] == list(range(40))
