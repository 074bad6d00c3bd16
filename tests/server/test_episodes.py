"""What becomes of episodes and verdicts, asked over HTTP."""

import asyncio
import json
from typing import Any

import pytest

from forge_arena.keys import Filters
from forge_arena.rewards import score
from forge_arena.types import Form, Split, Truth, Verdict
from forge_arena.wire import EpisodeState, OpenedEpisodes, VerdictResults
from forge_server.errors import Busy
from forge_server.store import Store

TOKENS = ("first of two", "second of two")


def attempt(episode_id: str, number: int = 0, **changed: Any) -> dict[str, Any]:
    verdict = {"detection": True, "explanation": "temporal_shift", "correction": "", "confidence": 0.75, **changed}
    return {"episode_id": episode_id, "attempt": number, "verdict": verdict}


def said(episode_id: str, completion: str, number: int = 0) -> dict[str, Any]:
    return {"episode_id": episode_id, "attempt": number, "completion": completion}


async def full(running: Any) -> None:
    async with asyncio.timeout(20):
        while len(running.service.episodes.stock) < running.settings.stock:  # noqa: ASYNC110 - nothing to wait on
            await asyncio.sleep(0.01)


async def refused(response: Any, status: int, code: str) -> str:
    assert response.status_code == status, response.text
    error = response.json()["error"]
    assert set(error) == {"code", "message", "outcome"}
    assert error["code"] == code
    message: str = error["message"]
    return message


async def test_an_opened_episode_is_the_one_that_its_key_makes(server: Any) -> None:
    response = await server.http.post("/v1/episodes", json={"count": 3})
    opened = OpenedEpisodes.model_validate_json(response.content)
    assert [e.key for e in opened.episodes] == ["forge:5:train:0", "forge:5:train:1", "forge:5:train:2"]
    assert opened.failed == ()
    for one in opened.episodes:
        assert one.observation == (await server.arena.make(one.key)).observation
        assert one.attempts_left == 1


@pytest.mark.asyncio(loop_scope="module")
async def test_episode_ids_are_long_and_tell_nothing_of_the_key(shared_server: Any) -> None:
    first, second = await shared_server.open(keys=["forge:5:val:7", "forge:5:val:7"])
    assert first["observation"] == second["observation"]
    assert first["episode_id"] != second["episode_id"]
    assert len(first["episode_id"]) == 24


async def test_the_stream_goes_on_after_a_restart_without_repeating_itself(serve: Any) -> None:
    async with serve() as running:
        before = {e["key"] for e in await running.open(count=6)}
    async with serve() as running:
        after = {e["key"] for e in await running.open(count=6)}
    assert before & after == set()


@pytest.mark.asyncio(loop_scope="module")
async def test_start_asks_for_the_same_keys_every_time(shared_server: Any) -> None:
    keys = [[e["key"] for e in await shared_server.open(split="val", start=5, count=2)] for _ in range(2)]
    assert keys == [["forge:5:val:5", "forge:5:val:6"]] * 2


@pytest.mark.asyncio(loop_scope="module")
async def test_filters_choose_episodes_and_each_filter_has_its_own_stream(shared_server: Any) -> None:
    ask = {"split": "val", "stream": "hard", "corruption": "temporal_shift", "stealth": 2, "count": 2}
    keys = [e["key"] for _ in range(2) for e in await shared_server.open(**ask)]
    assert len(set(keys)) == 4
    for plan in map(shared_server.arena.plan, keys):
        assert (plan.split, plan.corruption_type, plan.stealth) == ("val", "temporal_shift", 2)


@pytest.mark.asyncio(loop_scope="module")
async def test_filters_that_nothing_matches_are_refused(shared_server: Any) -> None:
    response = await shared_server.http.post("/v1/episodes", json={"count": 1, "mechanism": "prompt"})
    assert "fewer" in await refused(response, 422, "nothing_matches")


@pytest.mark.asyncio(loop_scope="module")
async def test_a_draw_comes_in_the_form_that_is_asked_for(shared_server: Any) -> None:
    forms = ("clean", "corrupted", "placebo")
    opened = await shared_server.open(keys=[f"forge:5:val:0:{form}" for form in forms])
    assert [e["key"] for e in opened] == [f"forge:5:val:0:{form}" for form in forms]
    sent = [attempt(e["episode_id"]) for e in opened]
    truths = [r["truth"] for r in (await shared_server.send_verdicts(*sent)).json()["results"]]
    assert [Truth.model_validate(truth).form for truth in truths] == list(forms)
    assert len({truth["clean_output"] for truth in truths}) == 1
    assert len({e["observation"]["worker_output"] for e in opened}) == 3
    assert truths[0]["clean_output"] == opened[0]["observation"]["worker_output"]


async def test_a_stream_of_ones_own_goes_on_beside_all_others_and_after_a_restart(serve: Any) -> None:
    async def keys(running: Any, **ask: Any) -> list[str]:
        return [e["key"].removeprefix("forge:5:") for e in await running.open(**ask)]

    async with serve(tokens=TOKENS) as running:
        running.http.headers["authorization"] = "Bearer first of two"
        assert await keys(running, count=2, stream="mine") == ["train:0", "train:1"]
        assert await keys(running, count=2, stream="yours") == ["train:0", "train:1"]
        assert await keys(running, count=1, stream="mine", split="val") == ["val:0"]
        with_filter = running.arena.keys(Split.train, 0, 2, Filters(stealth=1))[0]
        filtered = [await running.open(count=1, stream="mine", stealth=1) for _ in range(2)]
        assert [e["key"] for part in filtered for e in part] == with_filter
        running.http.headers["authorization"] = "Bearer second of two"
        assert await keys(running, count=1, stream="mine") == ["train:0"]
    async with serve(tokens=TOKENS) as running:
        running.http.headers["authorization"] = "Bearer first of two"
        parts = await asyncio.gather(*(keys(running, count=2, stream="mine") for _ in range(3)))
        assert sorted(key for part in parts for key in part) == [f"train:{n}" for n in range(2, 8)]


async def test_without_a_stream_a_held_out_split_begins_at_its_first_episode_each_time(server: Any) -> None:
    for split in ("val", "test"):
        asked = [[e["key"] for e in await server.open(split=split, count=3)] for _ in range(2)]
        assert asked == [[f"forge:5:{split}:{n}" for n in range(3)]] * 2


async def test_an_episode_of_train_is_opened_again_as_it_was_and_counts_apart(serve: Any) -> None:
    async with serve() as running:
        (first,) = await running.open(count=1, attempts=2)
        id = first["episode_id"]
        await running.send_verdicts(attempt(id, 0), attempt(id, 1))
        before = (await running.http.get("/v1/stats")).json()
        assert (await running.state(id))["results"][-1]["truth"] is not None
        # Of a Worker that has failed meanwhile nothing is asked.
        running.worker.mood = "fails"
        (second,) = (await running.http.post("/v1/episodes", json={"again": [id]})).json()["episodes"]
        assert {**second, "episode_id": id, "attempts_left": 2, "opening": 1} == first
        assert (second["opening"], second["attempts_left"]) == (2, 1)
        state = await running.state(second["episode_id"])
        assert (state["opening"], state["results"], state["status"]) == (2, [], "open")
        (result,) = (await running.send_verdicts(attempt(second["episode_id"], confidence=0.5))).json()["results"]
        assert result["outcome"] == "scored"
        (third,) = (await running.http.post("/v1/episodes", json={"again": [second["episode_id"]]})).json()["episodes"]
        assert third["opening"] == 3
        stats = (await running.http.get("/v1/stats")).json()
        assert (before["reopened"], stats["reopened"]) == (0, 2)
        assert stats["mean_reward"] == before["mean_reward"]
        assert sum(stats["verdicts"].values()) == sum(before["verdicts"].values()) + 1
        # What was said before stays as it was.
        assert (await running.send_verdicts(attempt(id, 0, confidence=0.1))).status_code == 409
        assert (await running.state(id))["opening"] == 1


@pytest.mark.parametrize("split", ["val", "test"])
@pytest.mark.asyncio(loop_scope="module")
async def test_a_held_out_episode_is_not_opened_again(shared_server: Any, split: str) -> None:
    (held_out,) = await shared_server.open(split=split, count=1)
    (ours,) = await shared_server.open(count=1)
    before = (await shared_server.http.get("/v1/stats")).json()["episodes"]
    again = {"again": [ours["episode_id"], held_out["episode_id"]]}
    message = await refused(await shared_server.http.post("/v1/episodes", json=again), 403, "train_only")
    assert message.startswith("again[1]: only episodes of train are opened again: a verdict on val or test")
    assert (await shared_server.http.get("/v1/stats")).json()["episodes"] == before


@pytest.mark.asyncio(loop_scope="module")
async def test_what_is_gone_is_not_opened_again(shared_server: Any) -> None:
    (opened,) = await shared_server.open(count=1)
    unknown = await shared_server.http.post("/v1/episodes", json={"again": ["nobody-knows-this"]})
    assert (await refused(unknown, 404, "unknown_episode")).startswith("again[0]: there is no such episode")
    await shared_server.http.delete(f"/v1/episodes/{opened['episode_id']}")
    deleted = await shared_server.http.post("/v1/episodes", json={"again": [opened["episode_id"]]})
    assert (await refused(deleted, 410, "episode_gone")).startswith("again[0]: the episode was deleted")


@pytest.mark.asyncio(loop_scope="module")
async def test_what_is_opened_again_is_shown_as_before_unless_another_view_is_asked_for(shared_server: Any) -> None:
    (opened,) = await shared_server.open(split="train", start=40, count=1, view="answer_only")
    for ask, view in (({}, "answer_only"), ({"view": "full"}, "full")):
        body = {"again": [opened["episode_id"]], **ask}
        (again,) = (await shared_server.http.post("/v1/episodes", json=body)).json()["episodes"]
        assert again["observation"]["view"] == view
        assert bool(again["observation"]["source_material"]) is (view == "full")


async def test_an_expired_episode_is_opened_again(serve: Any) -> None:
    async with serve(episode_ttl=0.05) as running:
        (opened,) = await running.open(count=1)
        await asyncio.sleep(0.1)
        assert (await running.state(opened["episode_id"]))["status"] == "expired"
    async with serve() as running:
        (again,) = (await running.http.post("/v1/episodes", json={"again": [opened["episode_id"]]})).json()["episodes"]
        assert (await running.state(again["episode_id"]))["status"] == "open"


async def test_a_form_goes_with_start_and_filters_and_takes_nothing_from_stock_or_stream(server: Any) -> None:
    await full(server)
    ask = {"split": "train", "stealth": 1, "start": 4, "count": 2, "form": "placebo"}
    keys = [e["key"] for e in await server.open(**ask)]
    assert keys == server.arena.keys(Split.train, 4, 2, Filters(stealth=1, form=Form.placebo))[0]
    assert all(key.endswith(":placebo") for key in keys)
    first, second = [[e["key"] for e in await server.open(count=2, form="corrupted")] for _ in range(2)]
    assert (*first, *second) == tuple(f"forge:5:train:{n}:corrupted" for n in range(4))
    assert len(server.service.episodes.stock) == server.settings.stock
    assert [e["key"] for e in await server.open(count=2)] == ["forge:5:train:0", "forge:5:train:1"]


@pytest.mark.parametrize("number", ["1", "any-1"])
@pytest.mark.asyncio(loop_scope="module")
async def test_the_sealed_split_has_no_further_corruptions(shared_server: Any, number: str) -> None:
    """A further corruption beside the episode as drawn would tell the label of the episode."""
    response = await shared_server.http.post("/v1/episodes", json={"keys": [f"forge:5:test:3:corrupted:{number}"]})
    assert (await refused(response, 403, "sealed_split")).startswith("keys[0]: episodes of the sealed test split")


@pytest.mark.asyncio(loop_scope="module")
async def test_a_further_corruption_is_an_episode_with_a_truth_of_its_own(shared_server: Any) -> None:
    own, further = await shared_server.open(keys=["forge:5:val:1:corrupted", "forge:5:val:1:corrupted:1"])
    assert own["observation"]["source_material"] == further["observation"]["source_material"]
    assert own["observation"]["worker_output"] != further["observation"]["worker_output"]
    response = await shared_server.send_verdicts(attempt(own["episode_id"]), attempt(further["episode_id"]))
    before, after = (result["truth"] for result in response.json()["results"])
    assert (before["corrupted"], after["corrupted"]) == (True, True)
    assert before["clean_output"] == after["clean_output"]
    assert before["output_spans"] != after["output_spans"] or before["target"] != after["target"]


@pytest.mark.asyncio(loop_scope="module")
async def test_a_corruption_that_an_answer_does_not_take_is_a_final_failure(shared_server: Any) -> None:
    keys = ["forge:5:val:1", "forge:5:val:1:corrupted:400"]
    body = (await shared_server.http.post("/v1/episodes", json={"keys": keys})).json()
    assert [episode["key"] for episode in body["episodes"]] == keys[:1]
    (failed,) = body["failed"]
    assert (failed["key"], failed["outcome"], failed["final"]) == (keys[1], "worker_failed", True)
    assert "takes fewer than 400 further corruptions" in failed["reason"]
    alone = await shared_server.http.post("/v1/episodes", json={"keys": keys[1:]})
    await refused(alone, 503, "no_episode")


@pytest.mark.parametrize("form", ["clean", "corrupted", "placebo"])
@pytest.mark.asyncio(loop_scope="module")
async def test_the_sealed_split_comes_only_as_it_is_drawn(shared_server: Any, form: str) -> None:
    before = (await shared_server.http.get("/v1/stats")).json()["episodes"]
    by_form = await shared_server.http.post("/v1/episodes", json={"split": "test", "count": 1, "form": form})
    assert (await refused(by_form, 403, "sealed_split")).startswith("form: episodes of the sealed test split")
    keys = {"keys": ["forge:5:train:3:clean", f"forge:5:test:3:{form}"]}
    by_key = await shared_server.http.post("/v1/episodes", json=keys)
    assert (await refused(by_key, 403, "sealed_split")).startswith("keys[1]: episodes of the sealed test split")
    assert (await shared_server.http.get("/v1/stats")).json()["episodes"] == before


@pytest.mark.parametrize(
    "key", ["other:4:train:0", "forge:2:train:0", "forge:5:hidden:0", "forge:5:train:-1", "forge:5:train:0:twin", "x"]
)
@pytest.mark.asyncio(loop_scope="module")
async def test_a_key_of_another_suite_is_refused_by_its_position(shared_server: Any, key: str) -> None:
    response = await shared_server.http.post("/v1/episodes", json={"keys": ["forge:5:train:0", key]})
    message = await refused(response, 422, "no_such_key")
    assert message.startswith("keys[1] names no episode of this suite")


@pytest.mark.asyncio(loop_scope="module")
async def test_the_sealed_split_depends_on_the_secret_and_the_others_do_not(shared_server: Any) -> None:
    from forge_arena.episodes import Arena

    elsewhere = Arena(shared_server.worker, secret="another secret")
    val, test = await shared_server.open(keys=["forge:5:val:3", "forge:5:test:3"])
    assert val["observation"]["worker_output"] == (await elsewhere.make("forge:5:val:3")).observation.worker_output
    assert test["observation"]["task"] != (await elsewhere.make("forge:5:test:3")).observation.task or (
        test["observation"]["worker_output"] != (await elsewhere.make("forge:5:test:3")).observation.worker_output
    )


@pytest.mark.asyncio(loop_scope="module")
async def test_a_verdict_earns_what_the_reward_says(shared_server: Any) -> None:
    for opened in await shared_server.open(count=4):
        sent = attempt(opened["episode_id"])
        result = VerdictResults.model_validate_json((await shared_server.send_verdicts(sent)).content).results[0]
        expected = score(await shared_server.arena.make(opened["key"]), Verdict.model_validate(sent["verdict"]))
        assert (result.outcome, result.reward, result.components) == ("scored", expected.reward, expected.components)


async def test_whether_a_named_step_is_right_is_told_and_kept_and_earns_nothing(serve: Any) -> None:
    async with serve() as running:
        key = await corrupted_in_the_reasoning(running)
        opened = await running.open(keys=[key] * 3)
        truth = (await running.arena.make(key)).truth
        named = (truth.step, truth.step + 1, None)
        sent = [attempt(e["episode_id"], step=step) for e, step in zip(opened, named, strict=True)]
        results = (await running.send_verdicts(*sent)).json()["results"]
        assert [r["step"] for r in results] == [True, False, None]
        assert len({r["reward"] for r in results}) == 1
    async with serve() as running:
        again = (await running.send_verdicts(*sent)).json()["results"]
        assert [r["step"] for r in again] == [True, False, None]


async def corrupted_in_the_reasoning(running: Any) -> str:
    for index in range(100):
        key: str = running.arena.key(Split.val, index, Form.corrupted)
        truth = (await running.arena.make(key)).truth
        if truth.step is not None and truth.step >= 0:
            return key
    raise AssertionError("no reasoning is corrupted in a hundred episodes")


@pytest.mark.asyncio(loop_scope="module")
async def test_results_come_in_the_order_of_the_batch(shared_server: Any) -> None:
    ids = [e["episode_id"] for e in await shared_server.open(count=4, attempts=2)]
    pairs = [(id, n) for n in (1, 0) for id in reversed(ids)]
    results = (await shared_server.send_verdicts(*(attempt(id, n) for id, n in pairs))).json()["results"]
    assert [(r["episode_id"], r["attempt"]) for r in results] == pairs


@pytest.mark.asyncio(loop_scope="module")
async def test_the_truth_comes_only_once_all_attempts_are_made(shared_server: Any) -> None:
    [opened] = await shared_server.open(attempts=3)
    id = opened["episode_id"]
    first = (await shared_server.send_verdicts(attempt(id, 2), attempt(id, 0))).json()["results"]
    assert [r["truth"] for r in first] == [None, None]
    assert all(r["truth"] is None for r in (await shared_server.state(id))["results"])
    [last] = (await shared_server.send_verdicts(attempt(id, 1))).json()["results"]
    truth = (await shared_server.arena.make(opened["key"])).truth
    assert last["truth"] == truth.model_dump(mode="json")
    state = await shared_server.state(id)
    assert (state["status"], state["attempts_left"]) == ("finished", 0)
    assert [r["truth"] is not None for r in state["results"]] == [False, False, True]


@pytest.mark.asyncio(loop_scope="module")
async def test_a_group_of_attempts_in_one_batch_carries_its_truth_once(shared_server: Any) -> None:
    [opened] = await shared_server.open(attempts=4)
    results = (await shared_server.send_verdicts(*(attempt(opened["episode_id"], n) for n in range(4)))).json()[
        "results"
    ]
    assert [r["truth"] is not None for r in results] == [False, False, False, True]


@pytest.mark.asyncio(loop_scope="module")
async def test_the_truth_of_the_test_split_never_leaves(shared_server: Any) -> None:
    opened = await shared_server.open(split="test", count=3)
    for one in opened:
        [result] = (await shared_server.send_verdicts(attempt(one["episode_id"]))).json()["results"]
        assert result["truth"] is None
        assert (await shared_server.state(one["episode_id"]))["results"][0]["truth"] is None


async def test_an_arena_that_is_not_sealed_gives_the_truth_and_the_forms_of_test_as_of_val(serve: Any) -> None:
    async with serve() as running:
        assert (await running.http.get("/v1/stats")).json()["sealed"] is True
    async with serve(sealed=False) as running:
        assert (await running.http.get("/v1/stats")).json()["sealed"] is False
        drawn = await running.open(split="test", start=2, count=1, attempts=2)
        formed = await running.open(split="test", start=2, count=1, form="clean")
        named = await running.open(keys=["forge:5:test:2:corrupted", "forge:5:test:2:placebo"])
        keys = [e["key"].removeprefix("forge:5:test:2") for e in (*drawn, *formed, *named)]
        assert keys == ["", ":clean", ":corrupted", ":placebo"]
        [first] = (await running.send_verdicts(attempt(drawn[0]["episode_id"]))).json()["results"]
        assert first["truth"] is None
        sent = [attempt(drawn[0]["episode_id"], 1), *(attempt(e["episode_id"]) for e in (*formed, *named))]
        truths = [Truth.model_validate(r["truth"]) for r in (await running.send_verdicts(*sent)).json()["results"]]
        assert truths == [(await running.arena.make(e["key"])).truth for e in (*drawn, *formed, *named)]
        shown = (await running.state(drawn[0]["episode_id"]))["results"]
        assert [r["truth"] is not None for r in shown] == [False, True]
    async with serve() as running:
        assert (await running.state(drawn[0]["episode_id"]))["results"][1]["truth"] is None


@pytest.mark.asyncio(loop_scope="module")
async def test_nothing_of_the_truth_is_in_what_an_open_episode_shows(shared_server: Any) -> None:
    for opened in await shared_server.open(count=6, attempts=2):
        await shared_server.send_verdicts(attempt(opened["episode_id"]))
        text = (await shared_server.http.get(f"/v1/episodes/{opened['episode_id']}")).text
        truth = (await shared_server.arena.make(opened["key"])).truth
        assert truth.family not in text
        assert "clean_output" not in text
        if truth.corrupted:
            assert json.dumps(truth.clean_output)[1:-1] not in text


async def test_the_same_verdict_again_gets_the_same_answer_also_after_a_restart(serve: Any) -> None:
    async with serve() as running:
        [opened] = await running.open()
        sent = attempt(opened["episode_id"])
        answers = [(await running.send_verdicts(sent)).json() for _ in range(2)]
    async with serve() as running:
        answers.append((await running.send_verdicts(sent)).json())
        assert (await running.http.get("/v1/stats")).json()["verdicts"] == {"scored": 1}
    assert answers[0] == answers[1] == answers[2]


@pytest.mark.asyncio(loop_scope="module")
async def test_another_verdict_for_the_same_attempt_is_refused_and_changes_nothing(shared_server: Any) -> None:
    first, second = await shared_server.open(count=2)
    before = (await shared_server.send_verdicts(attempt(first["episode_id"]))).json()
    response = await shared_server.send_verdicts(
        attempt(second["episode_id"]), attempt(first["episode_id"], confidence=0.5)
    )
    assert (await refused(response, 409, "conflicting_verdict")).startswith("verdicts[1]:")
    assert (await shared_server.state(second["episode_id"]))["status"] == "open"
    assert (await shared_server.send_verdicts(attempt(first["episode_id"]))).json() == before


@pytest.mark.asyncio(loop_scope="module")
async def test_a_batch_may_repeat_an_attempt_but_not_contradict_itself(shared_server: Any) -> None:
    [opened] = await shared_server.open()
    id = opened["episode_id"]
    await refused(
        await shared_server.send_verdicts(attempt(id), attempt(id, detection=False)), 409, "conflicting_verdict"
    )
    assert (await shared_server.state(id))["results"] == []
    results = (await shared_server.send_verdicts(attempt(id), attempt(id))).json()["results"]
    assert results[0]["reward"] == results[1]["reward"]


@pytest.mark.asyncio(loop_scope="module")
async def test_of_two_verdicts_at_the_same_moment_one_wins_and_the_other_is_refused(shared_server: Any) -> None:
    for opened in await shared_server.open(count=5):
        id = opened["episode_id"]
        answers = await asyncio.gather(*(shared_server.send_verdicts(attempt(id, confidence=n / 10)) for n in range(8)))
        won = [a for a in answers if a.status_code == 200]
        assert len(won) == 1
        for lost in answers:
            if lost is not won[0]:
                await refused(lost, 409, "conflicting_verdict")
        stored = (await shared_server.state(id))["results"]
        assert stored[0]["reward"] == won[0].json()["results"][0]["reward"]


@pytest.mark.asyncio(loop_scope="module")
async def test_a_batch_with_one_unknown_episode_is_refused_whole(shared_server: Any) -> None:
    [opened] = await shared_server.open()
    response = await shared_server.send_verdicts(attempt(opened["episode_id"]), attempt("nobody-knows-this"))
    message = await refused(response, 404, "unknown_episode")
    assert message.startswith("verdicts[1]")
    assert "nobody" not in message
    assert (await shared_server.state(opened["episode_id"]))["results"] == []


@pytest.mark.asyncio(loop_scope="module")
async def test_an_attempt_past_the_last_is_refused(shared_server: Any) -> None:
    [opened] = await shared_server.open(attempts=2)
    message = await refused(await shared_server.send_verdicts(attempt(opened["episode_id"], 2)), 422, "no_such_attempt")
    assert "2 attempts, numbered from 0 to 1" in message


@pytest.mark.asyncio(loop_scope="module")
async def test_a_completion_is_parsed_and_an_unreadable_one_is_an_invalid_verdict(shared_server: Any) -> None:
    first, second = await shared_server.open(count=2)
    good = json.dumps(attempt("")["verdict"])
    results = (
        await shared_server.send_verdicts(
            said(first["episode_id"], f"Let me see.\n```json\n{good}\n```"),
            said(second["episode_id"], "no idea \x00 \U0001f600"),
        )
    ).json()["results"]
    assert results[0]["outcome"] == "scored"
    assert (results[1]["outcome"], results[1]["reward"], results[1]["components"]) == ("invalid_verdict", 0.0, None)
    assert results[1]["reason"]
    assert "no idea" not in results[1]["reason"]
    assert (await shared_server.state(second["episode_id"]))["results"][0]["reason"] == results[1]["reason"]


async def test_any_unicode_is_kept_and_compared(serve: Any) -> None:
    texts = ("\x00\x01\x1f", "\U0001f600" * 50, "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 \u202e rtl", "a" * 4000, "")
    async with serve() as running:
        opened = await running.open(count=len(texts))
        sent = [
            attempt(episode["episode_id"], explanation=text, correction=text)
            for episode, text in zip(opened, texts, strict=True)
        ]
        answers = [(await running.send_verdicts(verdict)).json() for verdict in sent]
    assert all(answer["results"][0]["outcome"] == "scored" for answer in answers)
    async with serve() as running:
        assert [(await running.send_verdicts(verdict)).json() for verdict in sent] == answers


async def test_an_expired_episode_takes_no_verdict_but_can_be_looked_at(serve: Any) -> None:
    async with serve(episode_ttl=0.4) as running:
        opened, half = await running.open(count=2, attempts=2)
        made = (await running.send_verdicts(attempt(half["episode_id"]))).json()
        await asyncio.sleep(0.9)
        for one in (opened, half):
            await refused(await running.send_verdicts(attempt(one["episode_id"], 1)), 410, "episode_gone")
            assert (await running.state(one["episode_id"]))["status"] == "expired"
        assert (await running.send_verdicts(attempt(half["episode_id"]))).json() == made
        probe = await running.http.post(f"/v1/episodes/{opened['episode_id']}/probe", json={"question": "why?"})
        await refused(probe, 410, "episode_gone")
        assert (await running.http.get("/v1/stats")).json()["episodes"] == {"expired": 2}


@pytest.mark.asyncio(loop_scope="module")
async def test_a_deleted_episode_is_gone_and_a_finished_one_stays(shared_server: Any) -> None:
    given_up, done = await shared_server.open(count=2)
    await shared_server.send_verdicts(attempt(done["episode_id"]))
    path = f"/v1/episodes/{given_up['episode_id']}"
    assert [(await shared_server.http.delete(path)).status_code for _ in range(2)] == [204, 204]
    await refused(await shared_server.http.get(path), 410, "episode_gone")
    await refused(await shared_server.send_verdicts(attempt(given_up["episode_id"])), 410, "episode_gone")
    await refused(await shared_server.http.delete(f"/v1/episodes/{done['episode_id']}"), 409, "episode_finished")
    await refused(await shared_server.http.delete("/v1/episodes/nobody"), 404, "unknown_episode")


async def test_episodes_that_are_not_kept_parsed_are_judged_the_same(serve: Any) -> None:
    async with serve(live=1) as running:
        opened = await running.open(count=6, attempts=2)
        for number in range(2):
            answer = await running.send_verdicts(*(attempt(e["episode_id"], number) for e in opened))
            results = VerdictResults.model_validate_json(answer.content).results
            for one, result in zip(opened, results, strict=True):
                verdict = Verdict.model_validate(attempt("")["verdict"])
                assert result.reward == score(await running.arena.make(one["key"]), verdict).reward
                assert (result.truth is not None) == (number == 1)
        assert len(running.service.episodes.cache) == 1


@pytest.mark.asyncio(loop_scope="module")
async def test_a_state_is_what_its_model_says(shared_server: Any) -> None:
    [opened] = await shared_server.open(split="val", attempts=2)
    state = EpisodeState.model_validate_json(
        (await shared_server.http.get(f"/v1/episodes/{opened['episode_id']}")).content
    )
    assert (state.status, state.attempts, state.attempts_left, state.results) == ("open", 2, 2, ())
    assert state.observation.model_dump(mode="json") == opened["observation"]
    assert shared_server.arena.plan(state.key).split is Split.val


async def test_a_probe_is_answered_kept_and_counted(serve: Any) -> None:
    async with serve(probes=2) as running:
        [opened] = await running.open()
        path = f"/v1/episodes/{opened['episode_id']}/probe"
        first = (await running.http.post(path, json={"question": "Where does that stand?"})).json()
        assert first["probes_left"] == 1
        assert first["probe"]["answer"]
        again = (await running.http.post(path, json={"question": "Where does that stand?"})).json()
        assert again == first
        second = (await running.http.post(path, json={"question": "Are you sure?"})).json()
        assert second["probes_left"] == 0
        response = await running.http.post(path, json={"question": "Really?"})
        await refused(response, 409, "no_probes_left")
        observation = (await running.state(opened["episode_id"]))["observation"]
        assert observation["probes"] == [first["probe"], second["probe"]]
        assert observation["probes_left"] == 0
    async with serve(probes=2) as running:
        assert (await running.state(opened["episode_id"]))["observation"] == observation
        await refused(await running.http.post(path, json={"question": "Really?"}), 409, "no_probes_left")


@pytest.mark.asyncio(loop_scope="module")
async def test_probes_at_the_same_moment_do_not_exceed_the_budget(shared_server: Any) -> None:
    [opened] = await shared_server.open()
    path = f"/v1/episodes/{opened['episode_id']}/probe"
    answers = await asyncio.gather(*(shared_server.http.post(path, json={"question": f"why {n}?"}) for n in range(5)))
    assert sorted(a.status_code for a in answers) == [200, 409, 409, 409, 409]


@pytest.mark.asyncio(loop_scope="module")
async def test_no_probe_after_the_last_verdict(shared_server: Any) -> None:
    [opened] = await shared_server.open()
    await shared_server.send_verdicts(attempt(opened["episode_id"]))
    response = await shared_server.http.post(f"/v1/episodes/{opened['episode_id']}/probe", json={"question": "why?"})
    await refused(response, 409, "episode_finished")


async def test_a_failed_probe_costs_nothing(server: Any) -> None:
    [opened] = await server.open()
    path = f"/v1/episodes/{opened['episode_id']}/probe"
    server.worker.failures = 1
    response = await server.http.post(path, json={"question": "why?"})
    await refused(response, 503, "worker_failed")
    assert response.headers["retry-after"]
    assert response.json()["error"]["outcome"] == "worker_failed"
    assert (await server.http.post(path, json={"question": "why?"})).status_code == 200


@pytest.mark.parametrize(
    ("mood", "code"),
    [("fails", "worker_failed"), ("garbage", "no_episode"), ("nothing", "no_episode"), ("hangs", "worker_failed")],
)
async def test_a_worker_in_trouble_is_named_and_the_episode_is_had_later(serve: Any, mood: str, code: str) -> None:
    async with serve(make_timeout=0.3) as running:
        running.worker.mood = mood
        response = await running.http.post("/v1/episodes", json={"keys": ["forge:5:val:1", "forge:5:val:2"]})
        await refused(response, 503, code)
        assert response.json()["error"]["outcome"] == "worker_failed"
        # A Worker that answers, but never usably, is not to be asked for the same key again.
        assert ("retry-after" in response.headers) == (code == "worker_failed")
        running.worker.mood = "well"
        assert len(await running.open(keys=["forge:5:val:1", "forge:5:val:2"])) == 2
        assert (await running.http.get("/v1/stats")).json()["verdicts"] == {}


async def test_single_failures_are_listed_beside_the_episodes(serve: Any) -> None:
    async with serve(concurrency=1) as running:
        await full(running)
        running.worker.failures = 1
        response = await running.http.post("/v1/episodes", json={"keys": [f"forge:5:val:{n}" for n in range(3)]})
        body = response.json()
        assert response.status_code == 200
        assert [e["key"] for e in body["episodes"]] == ["forge:5:val:1", "forge:5:val:2"]
        assert body["failed"] == [
            {"key": "forge:5:val:0", "outcome": "worker_failed", "reason": "the engine answered 500", "final": False}
        ]


async def test_a_hanging_worker_does_not_hold_up_the_others(serve: Any) -> None:
    async with serve(stock=8, make_timeout=2) as running:
        await full(running)
        opened = await running.open(count=2)
        running.worker.mood = "hangs"
        stuck = asyncio.create_task(running.http.post("/v1/episodes", json={"keys": ["forge:5:val:1"]}))
        await asyncio.sleep(0.1)
        async with asyncio.timeout(2):
            assert (await running.send_verdicts(attempt(opened[0]["episode_id"]))).status_code == 200
            assert len(await running.open(count=2)) == 2
            assert (await running.http.get("/health")).status_code == 200
        assert not stuck.done()
        stuck.cancel()
        await asyncio.wait([stuck])


async def test_a_request_for_episodes_ends_at_its_time_limit(serve: Any) -> None:
    async with serve(make_timeout=5, open_timeout=0.3) as running:
        running.worker.mood = "hangs"
        response = await running.http.post("/v1/episodes", json={"keys": ["forge:5:val:1"]})
        assert "not made within 0.3 s" in await refused(response, 503, "worker_failed")


async def test_too_many_waiting_episodes_are_refused_and_told_when_to_come_back(serve: Any) -> None:
    async with serve(pending_makes=8) as running:
        response = await running.http.post("/v1/episodes", json={"keys": [f"forge:5:val:{n}" for n in range(9)]})
        await refused(response, 503, "busy")
        assert response.headers["retry-after"] == "1"


async def test_a_request_that_is_refused_takes_nothing_from_stock(serve: Any) -> None:
    async with serve(pending_makes=8) as running:
        await full(running)
        response = await running.http.post("/v1/episodes", json={"count": 4 + 9})
        await refused(response, 503, "busy")
        # The first four of the stream are still there.
        opened = await running.open(count=4)
        assert sorted(episode["key"] for episode in opened) == [f"forge:5:train:{n}" for n in range(4)]


async def test_what_the_store_refuses_takes_nothing_from_stock(serve: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async with serve() as running:
        await full(running)

        async def refuse(store: Store, new: object) -> None:
            raise Busy("too many writes are waiting")

        with monkeypatch.context() as patched:
            patched.setattr(Store, "open_episodes", refuse)
            for _ in range(3):
                await refused(await running.http.post("/v1/episodes", json={"count": 2}), 503, "busy")
        opened = await running.open(count=4)
        assert sorted(episode["key"] for episode in opened) == [f"forge:5:train:{n}" for n in range(4)]


async def test_requests_of_the_same_moment_share_the_limit_of_waiting_episodes(serve: Any) -> None:
    async with serve(pending_makes=10) as running:
        maker = running.service.episodes._maker
        running.worker.mood = "hangs"
        asked = [asyncio.create_task(maker.make_all([f"forge:5:val:{5 * n + k}" for k in range(5)])) for n in range(6)]
        await asyncio.sleep(0.2)
        assert sum(task.done() and isinstance(task.exception(), Busy) for task in asked) == 4
        for task in asked:
            task.cancel()
        await asyncio.wait(asked)
