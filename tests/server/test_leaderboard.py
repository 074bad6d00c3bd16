"""Submissions on the sealed split: what comes back, what is scored, and what nobody learns."""

import asyncio
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

import forge_arena
from forge_arena.errors import Unfit
from forge_arena.measures.metrics import scorecard
from forge_arena.measures.scorecard import Row, Scorecard
from forge_arena.types import Components, Form, Outcome, Split
from forge_server import leaderboard
from forge_server.leaderboard import COLUMNS, compute_scorecard, leaderboard_entry
from forge_server.rounding import STEP
from forge_server.rows import StoredSubmission
from forge_server.store import Store

VERDICT = {"detection": True, "explanation": "bias injection", "correction": "", "confidence": 0.8}
Server = Any


async def enter(server: Server, name: str = "mine") -> dict[str, Any]:
    response = await server.http.post("/v1/submissions", json={"overseer": name})
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    return found


async def opened(server: Server, submission: dict[str, Any], count: int) -> list[dict[str, Any]]:
    response = await server.http.post("/v1/episodes", json={"count": count, "submission": submission["submission_id"]})
    assert response.status_code == 200, response.text
    found: list[dict[str, Any]] = response.json()["episodes"]
    return found


async def judged(server: Server, episodes: list[dict[str, Any]], **verdict: Any) -> list[dict[str, Any]]:
    answer = await server.send_verdicts(
        *({"episode_id": one["episode_id"], "verdict": {**VERDICT, **verdict}} for one in episodes)
    )
    assert answer.status_code == 200, answer.text
    results: list[dict[str, Any]] = answer.json()["results"]
    return results


async def finish(server: Server, submission: dict[str, Any]) -> list[str]:
    """Give a verdict on every episode of a submission; gives back their keys."""
    keys = []
    while episodes := await opened(server, submission, 5):
        keys += [one["key"] for one in episodes]
        await judged(server, episodes)
    return keys


async def test_a_new_submission_says_how_large_it_is_and_what_its_name_has_left(serve: Any) -> None:
    async with serve(leaderboard_episodes=12, leaderboard_budget=2) as server:
        submission = await enter(server)
        shown = {name: submission[name] for name in ("episodes", "judged", "entry", "budget")}
        assert shown == {"episodes": 12, "judged": 0, "entry": 1, "budget": 2}


async def test_a_submission_plays_each_episode_of_its_split_once(serve: Any) -> None:
    async with serve(leaderboard_episodes=12) as server:
        keys = await finish(server, await enter(server))
        assert sorted(keys) == sorted(f"forge:5:test:{n}" for n in range(12))


async def test_what_a_sealed_verdict_earned_is_not_told_because_it_would_tell_the_label(serve: Any) -> None:
    async with serve(leaderboard_episodes=6) as server:
        episodes = await opened(server, await enter(server), 6)
        results = await judged(server, episodes)
        assert {(r["outcome"], r["reward"], r["components"], r["truth"]) for r in results} == {
            ("scored", None, None, None)
        }
        for one in episodes:
            state = (await server.http.get(f"/v1/episodes/{one['episode_id']}")).json()
            assert state["results"][0]["reward"] is None


async def test_a_finished_submission_is_scored_by_the_server_from_its_verdicts(serve: Any) -> None:
    async with serve(leaderboard_episodes=12) as server:
        submission = await enter(server)
        keys = await finish(server, submission)
        board = (await server.http.get("/v1/leaderboard")).json()
        (line,) = board["entries"]
        truths = [server.arena.plan(key).form is Form.corrupted for key in keys]
        assert line["overseer"] == "mine"
        assert line["balanced_accuracy"]["value"] == 0.5
        assert line["brier"]["value"] == pytest.approx(sum((0.8 - t) ** 2 for t in truths) / 12, abs=STEP / 2 + 1e-9)
        assert board["suite_hash"] == submission["suite_hash"]
        assert (await server.http.get("/v1/leaderboard")).json() == board


def test_the_digits_of_a_score_do_not_tell_labels() -> None:
    """A spy states p = 1/2 - 2^-k on the k-th of the first eight episodes, and 1/2 on all others."""

    def card(labels: Sequence[bool]) -> Scorecard:
        rows = [
            Row(
                key=f"forge:5:test:{n}",
                outcome=Outcome.scored,
                family=f"family_{n % 20}",
                form=Form.corrupted if label else Form.clean,
                corrupted=label,
                detection=False,
                p_corrupted=0.5 - 2.0 ** -(n + 2) if n < 8 else 0.5,
                reward=0.1 + 0.4 * (not label),
                components=Components(detection=float(not label), explanation=0.0, correction=0.0, calibration=0.75),
            )
            for n, label in enumerate(labels)
        ]
        return scorecard(rows, np.random.default_rng(0))

    def exact(labels: Sequence[bool]) -> float:
        value = card(labels).brier.value
        assert value is not None
        return value

    rest = [n % 2 == 0 for n in range(392)]
    secret = [True, False, True, True, False, False, True, False]
    # The spy knows its own probabilities, so all but the labels can be taken away from the exact score.
    shown, digits = exact([*secret, *rest]) - exact([*[False] * 8, *rest]), []
    for n in range(8):
        weight = 2.0 ** -(n + 1) / 400
        digits.append(shown > weight - 1e-9)
        shown -= weight * digits[-1]
    assert digits == secret
    stored = StoredSubmission("x", "spy", "hash", 1, 400, 0.0, None)
    entries = [
        leaderboard_entry(stored, card([*some, *rest]).model_dump_json()) for some in (secret, [*secret[1:], secret[0]])
    ]
    for name in COLUMNS:
        assert getattr(entries[0], name).value == getattr(entries[1], name).value
        for number in (score := getattr(entries[0], name)).value, score.low, score.high:
            assert number is not None
            assert number / STEP == pytest.approx(round(number / STEP), abs=1e-6)


async def test_a_finished_submission_is_scored_once_however_many_ask(
    serve: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    computed = []

    def counting(episodes: Any) -> str:
        computed.append(1)
        return compute_scorecard(episodes)

    monkeypatch.setattr("forge_server.submissions.compute_scorecard", counting)
    async with serve(leaderboard_episodes=4) as server:
        await finish(server, await enter(server))
        answers = await asyncio.gather(*(server.http.get("/v1/leaderboard") for _ in range(6)))
        assert len({answer.text for answer in answers}) == 1
        assert len(computed) == 1


async def test_the_page_shows_a_finished_submission_and_runs_nothing(serve: Any) -> None:
    async with serve(leaderboard_episodes=2, leaderboard_budget=2) as server:
        await finish(server, await enter(server))
        html = await server.http.get("/leaderboard")
        assert html.headers["content-security-policy"].startswith("default-src 'none'")
        assert "mine" in html.text
        assert "entry 1 of 2" in html.text


async def test_an_unfinished_submission_is_not_shown_and_goes_on_with_the_same_episodes(serve: Any) -> None:
    async with serve(leaderboard_episodes=6) as server:
        submission = await enter(server)
        first = await opened(server, submission, 4)
        assert await opened(server, submission, 4) == first
        await judged(server, first[:3])
        now = (await server.http.get(f"/v1/submissions/{submission['submission_id']}")).json()
        assert now["judged"] == 3
        assert (await server.http.get("/v1/leaderboard")).json()["entries"] == []
        rest = await opened(server, submission, 99)
        assert rest[0] == first[3]
        assert len(rest) == 3


async def test_a_name_has_a_budget_and_two_at_once_do_not_exceed_it(serve: Any) -> None:
    async with serve(leaderboard_budget=2) as server:
        answers = await asyncio.gather(
            *(server.http.post("/v1/submissions", json={"overseer": "eager"}) for _ in range(5))
        )
        assert sorted(answer.status_code for answer in answers) == [200, 200, 403, 403, 403]
        refusal = next(answer for answer in answers if answer.status_code == 403).json()["error"]
        assert refusal["code"] == "budget_spent"
        assert "used its 2 submissions" in refusal["message"]
        await enter(server, "someone else")


async def test_requests_at_once_never_open_an_episode_twice(serve: Any) -> None:
    async with serve(leaderboard_episodes=20) as server:
        submission = await enter(server)
        ask = {"count": 20, "submission": submission["submission_id"]}
        answers = await asyncio.gather(*(server.http.post("/v1/episodes", json=ask) for _ in range(4)))
        ids: dict[str, set[str]] = {}
        for answer in answers:
            for one in answer.json().get("episodes", ()):
                ids.setdefault(one["key"], set()).add(one["episode_id"])
        assert len(ids) == 20
        assert all(len(some) == 1 for some in ids.values())


async def test_the_mean_reward_does_not_tell_what_a_sealed_verdict_earned(serve: Any) -> None:
    async with serve() as server:
        (train,) = await server.open()
        await judged(server, [train])
        before = (await server.http.get("/v1/stats")).json()
        for one in await server.open(split="test", count=8):
            await judged(server, [one])
        after = (await server.http.get("/v1/stats")).json()
        assert before["mean_reward"] == after["mean_reward"] is not None
        assert after["verdicts"]["scored"] == 9


@pytest.mark.parametrize(
    ("ask", "status", "message"),
    [
        ({"count": 1, "submission": "none"}, 404, "no such submission"),
        ({"count": 1, "submission": "x", "split": "val"}, 422, "give count beside it, and nothing else"),
        ({"keys": ["forge:5:test:0"], "submission": "x"}, 422, "give count beside it, and nothing else"),
    ],
)
@pytest.mark.asyncio(loop_scope="module")
async def test_a_submission_decides_its_episodes(
    shared_server: Any, ask: dict[str, Any], status: int, message: str
) -> None:
    response = await shared_server.http.post("/v1/episodes", json=ask)
    assert response.status_code == status
    assert message in response.json()["error"]["message"]


@pytest.mark.parametrize(
    "name",
    [
        *("", "<script>alert(1)</script>", "x" * 65, "two\nlines", " led"),
        # What Unicode has to look like Honest: another script, other widths, accents, no width, another direction.
        *("H\u043enest", "\uff28onest", "H\u00f6nest", "Ho\u0308nest", "Hon\u200best", "Honest\u2060", "\u202eHonest"),
        *("Honest\u00a0", "Honest\u3000", "Honest\n", "\u210donest", "Hone\u017ft"),
    ],
)
@pytest.mark.asyncio(loop_scope="module")
async def test_a_name_is_plain(shared_server: Any, name: str) -> None:
    response = await shared_server.http.post("/v1/submissions", json={"overseer": name})
    assert response.status_code == 422


async def test_an_arena_that_gives_the_truth_out_has_no_leaderboard(serve: Any) -> None:
    async with serve(sealed=False) as server:
        response = await server.http.post("/v1/submissions", json={"overseer": "mine"})
        assert (response.status_code, response.json()["error"]["code"]) == (403, "unsealed")


async def test_the_leaderboard_needs_no_token_and_entering_does(serve: Any) -> None:
    async with serve(tokens=("a-token-for-tests",)) as server:
        server.http.headers.pop("authorization", None)
        assert (await server.http.get("/leaderboard")).status_code == 200
        assert (await server.http.get("/v1/leaderboard")).status_code == 200
        assert (await server.http.post("/v1/submissions", json={"overseer": "mine"})).status_code == 401


MINE = {"authorization": "Bearer the-first-player"}
THEIRS = {"authorization": "Bearer the-second-player"}
ADMIN = {"authorization": "Bearer the-operator"}
TOKENS = ("player:the-first-player", "player:the-second-player", "admin:the-operator")


async def test_names_that_look_alike_are_one_in_the_spelling_that_came_first(serve: Any) -> None:
    async with serve(leaderboard_episodes=2, leaderboard_budget=3) as server:
        entries = [await enter(server, name) for name in ("Honest 1.0", "honest  1.0 ", "HONEST l.O")]
        assert [(one["overseer"], one["entry"]) for one in entries] == [("Honest 1.0", n) for n in (1, 2, 3)]
        response = await server.http.post("/v1/submissions", json={"overseer": "h0ne5t 1.0"})
        assert response.status_code == 200
        response = await server.http.post("/v1/submissions", json={"overseer": "hOnest 1.0"})
        assert response.json()["error"]["code"] == "budget_spent"
        for one in entries:
            await judged(server, await opened(server, one, 2))
        html = (await server.http.get("/leaderboard")).text
        assert html.count('<th scope="row">Honest 1.0<small>') == 3


async def test_a_name_belongs_to_the_token_that_used_it_first(serve: Any) -> None:
    async with serve(tokens=TOKENS, leaderboard_budget=3) as server:

        async def post(name: str, headers: dict[str, str]) -> Any:
            return await server.http.post("/v1/submissions", json={"overseer": name}, headers=headers)

        mine = (await post("Honest", MINE)).json()
        for name in ("Honest", "honest", "Honest "):
            refusal = await post(name, THEIRS)
            assert (refusal.status_code, refusal.json()["error"]["code"]) == (403, "name_taken")
            assert "choose another name" in refusal.json()["error"]["message"]
        assert (await post("honest", MINE)).json()["entry"] == 2
        # An admin acts for the owner, who finds the entry among the own ones.
        third = (await post("honest", ADMIN)).json()
        assert third["entry"] == 3
        listed = (await server.http.get("/v1/submissions", headers=MINE)).json()["submissions"]
        assert [one["entry"] for one in listed] == [3, 2, 1]
        assert listed[-1] == mine
        assert (await server.http.get("/v1/submissions", headers=THEIRS)).json()["submissions"] == []
        assert len((await server.http.get("/v1/submissions", headers=ADMIN)).json()["submissions"]) == 3
        path = f"/v1/submissions/{mine['submission_id']}"
        ask = {"count": 1, "submission": mine["submission_id"]}
        for headers, status in ((THEIRS, 404), (MINE, 200), (ADMIN, 200)):
            assert (await server.http.get(path, headers=headers)).status_code == status
            assert (await server.http.post("/v1/episodes", json=ask, headers=headers)).status_code == status


async def test_an_entry_whose_answer_was_lost_is_found_by_its_request_and_in_the_list(serve: Any) -> None:
    async with serve(leaderboard_episodes=4, leaderboard_budget=1) as server:
        ask = {"overseer": "mine", "request": "run-1"}
        lost = (await server.http.post("/v1/submissions", json=ask)).json()
        assert (await server.http.post("/v1/submissions", json=ask)).json() == lost
        await judged(server, (await opened(server, lost, 4))[:1])
        (found,) = (await server.http.get("/v1/submissions", params={"overseer": "MINE"})).json()["submissions"]
        assert found == {**lost, "judged": 1}
        assert (await server.http.get("/v1/submissions", params={"overseer": "other"})).json() == {"submissions": []}
        wrong = await server.http.get("/v1/submissions", params={"overseer": "<b>"})
        assert (wrong.status_code, wrong.json()["error"]["code"]) == (422, "invalid_request")
        assert "<b>" not in wrong.text
        assert len(await opened(server, found, 9)) == 3


async def test_an_entry_whose_open_episodes_lapsed_can_be_finished(serve: Any) -> None:
    async with serve(leaderboard_episodes=4) as server:
        submission = await enter(server)
        first = await opened(server, submission, 3)
        assert (await server.http.delete(f"/v1/episodes/{first[0]['episode_id']}")).status_code == 204
        store = Store(server.settings.store)
        await store.expire(time.time() + 8 * 24 * 3600)
        store.close()
        again = await opened(server, submission, 9)
        assert [one["key"] for one in again] == [f"forge:5:test:{n}" for n in range(4)]
        assert [one["observation"] for one in again[:3]] == [one["observation"] for one in first]
        assert not {one["episode_id"] for one in again} & {one["episode_id"] for one in first}
        await judged(server, again)
        assert len((await server.http.get("/v1/leaderboard")).json()["entries"]) == 1


async def test_the_suite_hash_depends_on_the_secret_and_not_on_the_process(serve: Any) -> None:
    hashes = []
    for secret in ("one secret", "one secret", "another"):
        async with serve(secret=secret) as server:
            hashes.append((await server.http.get("/v1/leaderboard")).json()["suite_hash"])
    assert hashes[0] == hashes[1] != hashes[2]


async def test_the_suite_hash_depends_on_the_code_and_not_on_the_name_of_its_version(
    serve: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashes = []
    for version, code in (("0.1.dev1057", "one"), ("0.1.dev0", "one"), ("0.1.dev0", "another")):
        monkeypatch.setattr(forge_arena, "__version__", version)
        monkeypatch.setattr(leaderboard, "episode_code", lambda code=code: code)
        async with serve(secret="one secret") as server:
            hashes.append((await server.http.get("/v1/stats")).json()["suite_hashes"])
    assert hashes[0] == hashes[1]
    assert all(hashes[1][split] != hashes[2][split] for split in hashes[1])


async def test_a_split_without_scenarios_has_no_suite_hash(serve: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async with serve() as server:
        families = server.arena.families
        monkeypatch.setattr(server.arena, "families", lambda split: {} if split is Split.public else families(split))
        assert set((await server.http.get("/v1/stats")).json()["suite_hashes"]) == {"train", "val", "test"}
        page = await server.http.get("/")
        assert page.status_code == 200
        assert "<td><code>-</code></td>" in page.text


async def test_a_page_of_hostile_words_is_only_text(serve: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async with serve() as server:
        monkeypatch.setattr(type(server.arena), "answers_by", "<script>alert(1)</script>")
        html = (await server.http.get("/leaderboard")).text
    assert "<script>" not in html
    assert "&lt;script&gt;alert(1)" in html


async def test_a_key_that_makes_no_episode_gives_its_place_to_another_the_same_for_all(
    serve: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serve(leaderboard_episodes=6) as server:
        make = server.arena.make_with_verifier

        async def unfit(key: str) -> Any:
            if key in ("forge:5:test:3", "forge:5:test:9"):
                raise Unfit("no harmless edit fits")
            return await make(key)

        monkeypatch.setattr(server.arena, "make_with_verifier", unfit)
        for name in ("first", "second"):
            submission = await enter(server, name)
            keys = []
            while episodes := await opened(server, submission, 4):
                keys += [one["key"] for one in episodes]
                await judged(server, episodes)
            assert sorted(keys) == sorted(f"forge:5:test:{n}" for n in (0, 1, 2, 15, 4, 5))
        assert len((await server.http.get("/v1/leaderboard")).json()["entries"]) == 2
