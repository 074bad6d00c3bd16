"""The clients against a real server: batches, order, retries, refusals."""

import asyncio
import socket
import time
from pathlib import Path
from typing import Any, cast

import pytest

from forge_agents.client import (
    ArenaClient,
    ArenaError,
    ArenaRefused,
    ArenaUnreachable,
    AsyncArenaClient,
    Selection,
    transport,
)
from forge_agents.client.calls import join
from forge_arena.episodes import Arena
from forge_arena.errors import BadArgument
from forge_arena.keys import Filters, Key
from forge_arena.scenarios import load_families
from forge_arena.types import Domain, Outcome, Split, Verdict
from forge_arena.wire import (
    MAX_BATCH,
    MAX_POINTS,
    Attempt,
    Curriculum,
    DifficultyCell,
    OpenedEpisodes,
    OpenEpisodes,
    RunPoint,
)
from forge_arena.workers import ScriptedWorker

from ..scripts import end_of
from ..trickle import in_every_way, trickling
from .conftest import TOKEN

CLEAN = Verdict(detection=False, explanation="", correction="", confidence=0.7)


def keys(start: int, count: int, split: str = "train") -> list[str]:
    return [f"forge:5:{split}:{index}" for index in range(start, start + count)]


def without_failed(asked: list[str], opened: OpenedEpisodes) -> list[str]:
    """The keys that were asked for, less those whose scenario the Worker could not answer."""
    failed = {f.key for f in opened.failed}
    assert len(failed) < len(asked) / 10
    return [key for key in asked if key not in failed]


def test_episodes_by_key_come_in_the_order_of_the_keys(client: ArenaClient) -> None:
    asked = keys(5, 4)[::-1]
    opened = client.open_episodes(keys=asked)
    assert [e.key for e in opened.episodes] == without_failed(asked, opened)
    assert all(e.observation.worker_output for e in opened.episodes)


def test_a_selection_has_the_fields_of_the_request() -> None:
    assert set(Selection.__annotations__) == set(OpenEpisodes.model_fields)


def test_more_than_a_batch_is_split_and_joined_in_order(client: ArenaClient) -> None:
    opened = client.open_episodes(split="train", count=MAX_BATCH + 3, start=0)
    assert [e.key for e in opened.episodes] == without_failed(keys(0, MAX_BATCH + 3), opened)
    results = client.submit(Attempt(episode_id=e.episode_id, verdict=CLEAN) for e in opened.episodes)
    assert [r.episode_id for r in results] == [e.episode_id for e in opened.episodes]
    assert all(r.outcome is Outcome.scored and r.reward is not None and r.truth is not None for r in results)


def test_a_large_order_of_a_held_out_split_begins_at_its_first_episode(client: ArenaClient) -> None:
    indices = [int(e.key.rpartition(":")[2]) for e in client.open_episodes(split="val", count=MAX_BATCH + 3).episodes]
    assert (indices[0], len(set(indices))) == (0, len(indices))
    assert indices == sorted(indices)


def test_a_large_order_of_a_stream_goes_on_where_the_stream_stands(client: ArenaClient) -> None:
    ask: Selection = {"split": "val", "stream": "large-order"}
    opened = [client.open_episodes(**ask, count=count) for count in (2, MAX_BATCH + 3, 1)]
    asked = [key.replace("train", "val") for key in keys(0, MAX_BATCH + 6)]
    assert [e.key for part in opened for e in part.episodes] == without_failed(asked, join(opened))


def test_another_epoch_opens_the_same_episodes_in_order(client: ArenaClient) -> None:
    first = client.open_episodes(keys=keys(40, 3)).episodes
    client.submit(Attempt(episode_id=e.episode_id, verdict=CLEAN) for e in first)
    other = CLEAN.model_copy(update={"confidence": 0.6})
    with pytest.raises(ArenaRefused, match="for another epoch of train open this one with again"):
        client.submit([Attempt(episode_id=first[0].episode_id, verdict=other)])
    second = client.open_episodes(again=[e.episode_id for e in first], attempts=2).episodes
    assert [(e.key, e.observation) for e in second] == [(e.key, e.observation) for e in first]
    assert {(e.opening, e.attempts_left) for e in second} == {(2, 2)}
    results = client.submit(Attempt(episode_id=e.episode_id, verdict=other) for e in second)
    assert all(r.outcome is Outcome.scored and r.truth is None for r in results)


def test_a_form_is_asked_for_in_every_part_of_a_large_order(client: ArenaClient) -> None:
    opened = client.open_episodes(split="train", count=MAX_BATCH + 3, start=0, form="placebo")
    assert [e.key for e in opened.episodes] == without_failed(
        [f"{key}:placebo" for key in keys(0, MAX_BATCH + 3)], opened
    )


def test_the_sealed_split_is_refused_in_a_form(client: ArenaClient) -> None:
    with pytest.raises(ArenaRefused, match="come only as they are drawn") as refused:
        client.open_episodes(split="test", count=1, form="clean")
    assert (refused.value.status, refused.value.code) == (403, "sealed_split")


def test_a_batch_too_large_for_one_body_is_split_by_size(client: ArenaClient) -> None:
    opened = client.open_episodes(count=1, attempts=64).episodes[0]
    # 6 bytes each in JSON, so that 64 of them are more than the server takes in one body.
    long = CLEAN.model_copy(update={"detection": True, "correction": "\u0001" * 16_000})
    results = client.submit(Attempt(episode_id=opened.episode_id, attempt=n, verdict=long) for n in range(64))
    assert [r.attempt for r in results] == list(range(64))
    assert results[-1].truth is not None


def test_the_same_verdict_again_gets_the_same_result(client: ArenaClient) -> None:
    opened = client.open_episodes(count=1).episodes[0]
    attempt = Attempt(episode_id=opened.episode_id, verdict=CLEAN)
    assert client.submit([attempt]) == client.submit([attempt])


def test_another_verdict_for_the_same_attempt_is_refused(client: ArenaClient) -> None:
    opened = client.open_episodes(count=1).episodes[0]
    client.submit([Attempt(episode_id=opened.episode_id, verdict=CLEAN)])
    with pytest.raises(ArenaRefused, match="a verdict is final") as refused:
        client.submit([Attempt(episode_id=opened.episode_id, completion="{}")])
    assert (refused.value.status, refused.value.code) == (409, "conflicting_verdict")


def test_an_unreadable_completion_is_an_invalid_verdict_with_reward_0(client: ArenaClient) -> None:
    opened = client.open_episodes(count=1).episodes[0]
    (result,) = client.submit([Attempt(episode_id=opened.episode_id, completion="no idea")])
    assert (result.outcome, result.reward, result.components) == (Outcome.invalid_verdict, 0.0, None)


def test_a_probe_is_answered_and_counted(client: ArenaClient) -> None:
    opened = client.open_episodes(count=1).episodes[0]
    answered = client.probe(opened.episode_id, "Where does that follow from?")
    assert answered.probe.answer
    assert answered.probes_left == opened.observation.probes_left - 1
    state = client.state(opened.episode_id)
    assert state.observation.probes == (answered.probe,)
    assert state.status == "open"


def test_a_deleted_episode_takes_no_verdict(client: ArenaClient) -> None:
    opened = client.open_episodes(count=1).episodes[0]
    client.delete(opened.episode_id)
    with pytest.raises(ArenaRefused, match="deleted"):
        client.submit([Attempt(episode_id=opened.episode_id, verdict=CLEAN)])


def test_an_id_with_a_path_in_it_stays_one_id(client: ArenaClient) -> None:
    with pytest.raises(ArenaRefused) as refused:
        client.state("../stats?x=1")
    assert refused.value.status == 404


def test_stats_and_health_are_read(client: ArenaClient) -> None:
    assert client.health().ready
    stats = client.stats()
    assert (stats.suite, stats.version, stats.worker) == ("forge", "5", "scripted")


def test_a_missing_token_is_refused_with_what_to_do(arena_url: str) -> None:
    with ArenaClient(arena_url) as client, pytest.raises(ArenaRefused, match="needs a token") as refused:
        client.stats()
    assert refused.value.status == 401


def indices(opened: OpenedEpisodes) -> list[int]:
    return sorted(Key.parse(one.key).index for one in (*opened.episodes, *opened.failed))


def curriculum(stealth: int) -> Curriculum:
    """One of the types of every family at one stealth, all others too easy."""
    families = load_families()
    return Curriculum(
        cells=tuple(
            DifficultyCell(
                family=family.name,
                corruption_type=type,
                stealth=level,
                episodes=16,
                pass_rate=0.5 if level == stealth else 1.0,
            )
            for family in families
            if family.split is Split.train
            for type in family.corruptions
            for level in range(4)
        )
    )


def test_start_with_a_filter_goes_on_after_the_last_key_of_each_batch(client: ArenaClient) -> None:
    arena = Arena(ScriptedWorker(), secret="of no account for train")
    opened = client.open_episodes(count=MAX_BATCH + 3, start=2, domain="legal_summarisation")
    expected, _ = arena.keys(Split.train, 2, MAX_BATCH + 3, Filters(domain=Domain.legal_summarisation))
    assert [e.key for e in opened.episodes] == without_failed(expected, opened)


def test_a_curriculum_is_set_looked_at_followed_and_cleared(own_url: str) -> None:
    arena = Arena(ScriptedWorker(), secret="of no account for train")
    with ArenaClient(own_url) as client:
        assert client.curriculum() is None
        state = client.set_curriculum(curriculum(stealth=2))
        assert (state.revision, state.kept, state.too_easy, state.too_hard) == (1, 60, 180, 0)
        assert client.curriculum() == state
        assert client.stats().curriculum == state.revision
        opened = client.open_episodes(split="train", count=MAX_BATCH + 20, start=0)
        stealth = [arena.plan(arena.key(Split.train, n)).stealth for n in range(indices(opened)[-1] + 1)]
        assert indices(opened) == [n for n, level in enumerate(stealth) if level == 2]
        assert {arena.plan(e.key).stealth for e in client.open_episodes(count=8).episodes} == {2}
        client.clear_curriculum()
        client.clear_curriculum()
        assert client.curriculum() is None
        assert client.stats().curriculum is None


async def test_the_async_client_sets_and_clears_a_curriculum_and_leaves_no_key_out_or_twice(own_url: str) -> None:
    arena = Arena(ScriptedWorker(), secret="of no account for train")
    async with AsyncArenaClient(own_url) as client:
        state = await client.set_curriculum(curriculum(stealth=1))
        assert await client.curriculum() == state
        opened = await client.open_episodes(count=MAX_BATCH + 5, start=7)
        expected = [n for n in range(7, indices(opened)[-1] + 1) if arena.plan(arena.key(Split.train, n)).stealth == 1]
        assert indices(opened) == expected
        await client.clear_curriculum()
        assert await client.curriculum() is None


def test_a_curriculum_that_does_not_fit_is_refused_by_the_place_of_the_cell(client: ArenaClient) -> None:
    cells = curriculum(stealth=1).cells
    wrong = Curriculum(cells=(*cells[:3], cells[3].model_copy(update={"family": "roaming_bil"})))
    with pytest.raises(ArenaRefused, match=r"cells\[3\].family: .* Did you mean 'roaming_bill'") as refused:
        client.set_curriculum(wrong)
    assert (refused.value.status, refused.value.code) == (422, "unfit_curriculum")


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("localhost:8000", "must be like http://127.0.0.1:8000"),
        ("http://127.0.0.1:8000/v1/", "must come without /v1"),
        ("http://[::1", "is not a URL"),
    ],
)
def test_a_url_that_cannot_be_one_is_refused(url: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ArenaClient(url)


@pytest.mark.parametrize("token", ["schl\u00fcssel", "one line\nand another"])
def test_a_token_that_no_header_can_hold_is_refused_without_being_shown(token: str) -> None:
    with pytest.raises(BadArgument, match="the token holds a character that no token has") as refused:
        ArenaClient("http://127.0.0.1:8000", token=token)
    assert token not in str(refused.value)


def test_an_arena_that_is_not_there_is_unreachable_after_patience() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    begin = time.monotonic()
    with (
        ArenaClient(f"http://127.0.0.1:{port}", patience=0.5) as client,
        pytest.raises(ArenaUnreachable, match="forge-arena serve starts one"),
    ):
        client.stats()
    assert time.monotonic() - begin < 3.0


@in_every_way
def test_the_timeout_is_for_the_whole_answer(way: str) -> None:
    with trickling(way) as url, ArenaClient(url, timeout=0.5, patience=0) as client:
        for ask in (client.stats, client.health, lambda: client.enter("mine")):
            begin = time.monotonic()
            with pytest.raises(ArenaUnreachable, match=rf"no whole answer from the arena at {url} within 0\.5 s"):
                ask()
            assert time.monotonic() - begin < 3.0


def test_a_client_that_waits_for_long_says_so_unless_a_worker_may_be_the_reason(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(transport, "SILENT_FOR", 0.1)
    with trickling("body") as url, ArenaClient(url, timeout=0.5, patience=0) as client:
        with pytest.raises(ArenaUnreachable, match="Look at the log of the server, and try again"):
            client.stats()
        assert caplog.messages == [f"No answer from the arena at {url} for 0.1 s, still waiting (0.5 s at most)"]
        with pytest.raises(ArenaUnreachable):
            client.open_episodes(count=1)
    assert len(caplog.messages) == 1


@in_every_way
async def test_the_timeout_of_the_async_client_is_for_the_whole_answer(way: str) -> None:
    with trickling(way) as url:
        async with AsyncArenaClient(url, timeout=0.5, patience=0) as client:
            begin = time.monotonic()
            with pytest.raises(ArenaUnreachable, match=r"within 0\.5 s"):
                await client.stats()
            assert time.monotonic() - begin < 3.0


def test_a_request_takes_at_most_patience_and_one_timeout() -> None:
    with trickling("body") as url, ArenaClient(url, timeout=0.3, patience=1.0) as client:
        begin = time.monotonic()
        with pytest.raises(ArenaUnreachable):
            client.stats()
        assert 0.3 < time.monotonic() - begin < 3.0


@pytest.mark.parametrize(("timeout", "patience"), [(0, 1), (-1, 1), (1, -1)])
def test_a_timeout_that_is_none_is_refused(timeout: float, patience: float) -> None:
    with pytest.raises(ValueError, match="timeout must be above 0 and patience at least 0, got timeout="):
        ArenaClient("http://127.0.0.1:9", timeout=timeout, patience=patience)


def test_a_client_that_nobody_closes_keeps_no_script_from_ending(arena_url: str) -> None:
    script = "import sys\nfrom forge_agents.client import ArenaClient\nprint(ArenaClient(*sys.argv[1:]).health().ready)"
    ended = end_of(script, "raise ValueError('mine')", arguments=(arena_url,))
    assert (ended.said, ended.complained_of_nothing_but, ended.code) == (("True",), "ValueError: mine", 1)
    assert ended.seconds < 5.0


def test_a_closed_client_says_so(arena_url: str) -> None:
    client = ArenaClient(arena_url, token=TOKEN)
    client.stats()
    client.close()
    client.close()
    with pytest.raises(RuntimeError, match=f"the client of the arena at {arena_url} is closed"):
        client.stats()


def test_a_failed_worker_is_reported_at_once_and_by_its_outcome(moody: tuple[str, Path]) -> None:
    url, down = moody
    with ArenaClient(url) as client:
        assert client.open_episodes(keys=keys(0, 1)).episodes
        down.touch()
        begin = time.monotonic()
        with pytest.raises(ArenaRefused, match="the engine answered 500") as refused:
            client.open_episodes(keys=keys(1, 1))
        assert time.monotonic() - begin < 5.0
        assert refused.value.outcome is Outcome.worker_failed
        down.unlink()
        assert client.open_episodes(keys=keys(1, 1)).episodes


async def test_the_async_client_does_the_same(arena_url: str) -> None:
    async with AsyncArenaClient(arena_url, token=TOKEN) as client:
        assert (await client.health()).ready
        opened = await client.open_episodes(keys=keys(20, MAX_BATCH + 2))
        assert [e.key for e in opened.episodes] == without_failed(keys(20, MAX_BATCH + 2), opened)
        results = await client.submit(Attempt(episode_id=e.episode_id, verdict=CLEAN) for e in opened.episodes)
        assert [r.episode_id for r in results] == [e.episode_id for e in opened.episodes]
        spare = (await client.open_episodes(count=1)).episodes[0]
        await client.probe(spare.episode_id, "Why?")
        assert len((await client.state(spare.episode_id)).observation.probes) == 1
        await client.delete(spare.episode_id)
        assert (await client.stats()).verdicts[Outcome.scored] >= len(results)


async def test_async_requests_run_side_by_side(arena_url: str) -> None:
    async with AsyncArenaClient(arena_url, token=TOKEN) as client:
        opened = await asyncio.gather(*(client.open_episodes(count=2) for _ in range(8)))
    assert len({e.episode_id for part in opened for e in part.episodes}) == 16


def test_a_training_run_is_begun_reported_in_parts_found_again_and_deleted(client: ArenaClient) -> None:
    run = client.begin_run("first", notes="GRPO", request="a-run-of-this-test")
    points = [RunPoint(step=step, numbers={"reward": step / 200}) for step in range(MAX_POINTS + 1)]
    for _ in range(2):
        client.report(run.run_id, points)
    assert client.run(run.run_id).points == MAX_POINTS + 1
    again = client.begin_run("first", request="a-run-of-this-test")
    assert (again.run_id, again.notes, again.points) == (run.run_id, "GRPO", MAX_POINTS + 1)
    assert again in client.runs()
    client.delete_run(run.run_id)
    with pytest.raises(ArenaRefused, match="this token has no such run"):
        client.report(run.run_id, points)


async def test_the_async_client_reports_a_training_run_too(arena_url: str) -> None:
    async with AsyncArenaClient(arena_url, token=TOKEN, patience=5.0) as client:
        run = await client.begin_run("second")
        await client.report(run.run_id, [RunPoint(kind="held_out", step=0, numbers={"auroc": 0.5})])
        assert (await client.run(run.run_id)).points == 1
        assert run.run_id in {one.run_id for one in await client.runs()}
        await client.delete_run(run.run_id)
        with pytest.raises(ArenaRefused, match="no such run"):
            await client.run(run.run_id)


def test_tools_are_listed_and_used_by_both_clients(client: ArenaClient, arena_url: str) -> None:
    assert "search_source" in [tool.name for tool in client.tools().tools]
    (episode,) = client.open_episodes(split="val", start=7, count=1, attempts=2).episodes
    assert client.use_tool(episode.episode_id, "calculate", {"expression": "6 * 7"}) == "42"
    assert client.use_tool(episode.episode_id, "calculate", {}).startswith("expression: Field required")
    half = {"query": "xyzzy \ud83d"}
    assert client.use_tool(episode.episode_id, "search_source", half).startswith("no passage has any of these words")
    answer = client.tool_answer(episode.episode_id, "calculate", {"expression": "6 * 7"}, attempt=1)
    assert (answer.counted, answer.tools_left) == (True, 15)

    async def use() -> str:
        async with AsyncArenaClient(arena_url, token=TOKEN) as other:
            assert await other.tools() == client.tools()
            return await other.use_tool(episode.episode_id, "read_passage", {"n": 1}, attempt=1)

    assert asyncio.run(use()).startswith("[1 of ")
    state = client.state(episode.episode_id)
    assert [(use.attempt, use.name, use.ok) for use in state.tool_uses] == [
        (0, "calculate", True),
        (0, "calculate", False),
        (0, "search_source", False),
        (1, "calculate", True),
        (1, "read_passage", True),
    ]


def test_a_selection_that_makes_no_sense_is_refused_in_plain_words(arena_url: str) -> None:
    with (
        ArenaClient(arena_url) as client,
        pytest.raises(ArenaError, match=r"^split: Input should be 'train'") as refused,
    ):
        client.open_episodes(split=cast(Any, "vall"), count=1)
    assert isinstance(refused.value, ValueError)
    assert "pydantic" not in str(refused.value)
