"""Samples: every episode of the stream comes with the same draw in another form, and exactly one of the two is corrupted."""

from collections import Counter

from forge_arena.audits.samples import counterpart, draw, failures_in_words, first_keys
from forge_arena.episodes import Arena
from forge_arena.errors import WorkerFailed
from forge_arena.types import Form, Split
from forge_arena.workers import ScriptedWorker

ARENA = Arena(ScriptedWorker(), secret="tests")
KEYS = first_keys(ARENA, 60, {Split.train: 0.5, Split.test: 0.5})


def test_keys_are_shared_out_over_the_splits() -> None:
    assert Counter(ARENA.plan(key).split for key in KEYS) == {Split.train: 30, Split.test: 30}


async def test_of_each_pair_one_is_corrupted_and_one_in_the_stream() -> None:
    samples = await draw(ARENA, KEYS)
    assert len(samples.rows) + 2 * sum(samples.failed.values()) == 2 * len(KEYS)
    for first, second in zip(samples.rows[::2], samples.rows[1::2], strict=True):
        assert (first.pair, first.family, first.source) == (second.pair, second.family, second.source)
        assert {first.corrupted, second.corrupted} == {True, False}
        assert (first.in_stream, second.in_stream) == (True, False)
        assert first.answer != second.answer


async def test_the_one_in_the_stream_is_the_episode_of_the_key() -> None:
    samples = await draw(ARENA, KEYS[:6])
    for row in samples.rows:
        episode = await ARENA.make(row.key)
        assert (episode.observation, episode.truth.form) == (row.observation, row.form)
        assert row.in_stream is (row.key in KEYS)


async def test_many_at_a_time_give_the_same_as_one_by_one() -> None:
    calls: list[tuple[int, int]] = []
    at_once = await draw(ARENA, KEYS[:10], concurrency=4, on_progress=lambda *now: calls.append(now))
    assert at_once == await draw(ARENA, KEYS[:10])
    assert calls == [(4, 10), (8, 10), (10, 10)]


def test_a_corrupted_episode_has_a_clean_or_a_placebo_counterpart_equally_often() -> None:
    forms = Counter(counterpart(ARENA.key(Split.val, index), Form.corrupted) for index in range(400))
    assert set(forms) == {Form.clean, Form.placebo}
    assert abs(forms[Form.clean] - 200) < 50
    assert counterpart(KEYS[0], Form.clean) is counterpart(KEYS[0], Form.placebo) is Form.corrupted


async def test_a_pair_without_its_other_half_is_left_out_and_counted() -> None:
    class Refusing(Arena):
        async def make(self, key: str):  # type: ignore[no-untyped-def]
            if key.endswith(":corrupted"):
                raise WorkerFailed("not this one")
            return await super().make(key)

    arena = Refusing(ScriptedWorker(), secret="tests")
    samples = await draw(arena, KEYS[:20])
    in_stream = [arena.plan(key).form for key in KEYS[:20]]
    assert len(samples.rows) == 2 * in_stream.count(Form.corrupted)
    failed = 20 - in_stream.count(Form.corrupted)
    assert samples.failed == {"corrupted": failed}
    assert samples.reasons == {"the Worker failed: not this one": failed}


def test_the_most_frequent_failures_are_said_first_and_the_rest_is_summed() -> None:
    reasons = {"a": 1, "b": 9, "c": 2, "d": 2, "e": 2, "f": 1}
    assert failures_in_words(reasons) == "9: b; 2: c; 2: d; 2: e; 2: other failures"
    assert failures_in_words({}) == ""
