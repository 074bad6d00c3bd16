"""What every environment does with its source of episodes: draw again, refuse once over, read the options of a reset."""

from random import Random
from typing import Any

import numpy as np
import pytest

from forge_arena.env import ArenaSource, ForgeArenaEnv
from forge_arena.episodes import Arena
from forge_arena.errors import WorkerFailed
from forge_arena.keys import EVERYTHING, Filters, Key
from forge_arena.play import RESET_TRIES, Seat, ask, open_seats, read_options
from forge_arena.types import Answer, Domain, Form, Probe, Scenario, Split
from forge_arena.workers import HiddenInstruction, ScriptedWorker


class Faltering(ScriptedWorker):
    """Fails the first answers and the first replies, and then works."""

    def __init__(self, failures: int) -> None:
        super().__init__(1.0)
        self.failures = failures

    def fail(self) -> None:
        if self.failures > 0:
            self.failures -= 1
            raise WorkerFailed("down for now")

    async def answer(self, scenario: Scenario, rng: Random, hidden: HiddenInstruction | None = None) -> Answer:
        self.fail()
        return await super().answer(scenario, rng, hidden)

    async def reply(
        self, scenario: Scenario, answer: Answer, probes: tuple[Probe, ...], question: str, rng: Random
    ) -> str:
        self.fail()
        return await super().reply(scenario, answer, probes, question, rng)


def starts(seed: int, count: int) -> list[int]:
    rng = np.random.default_rng(seed)
    return [int(rng.integers(2**31)) for _ in range(count)]


def test_an_episode_is_drawn_again_where_the_worker_fails() -> None:
    env = ForgeArenaEnv(Faltering(2))
    drawn = [Key.parse(env.reset(seed=5)[1]["key"]).index for _ in range(2)]
    assert drawn == [starts(seed=5, count=2)[1], 5]
    env.close()


def test_a_worker_that_goes_on_failing_is_reported_after_some_draws() -> None:
    worker = Faltering(1_000)
    env = ForgeArenaEnv(worker)
    with pytest.raises(WorkerFailed, match="down for now"):
        env.reset(seed=5)
    assert worker.failures == 1_000 - RESET_TRIES
    env.close()


def test_an_episode_that_is_named_is_tried_once() -> None:
    env = ForgeArenaEnv(Faltering(1))
    with pytest.raises(WorkerFailed, match="down for now"):
        env.reset(options={"key": "forge:5:train:7"})
    assert env.reset(options={"key": "forge:5:train:7"})[1]["key"] == "forge:5:train:7"
    env.close()


def test_only_the_episodes_that_failed_are_drawn_again() -> None:
    source = ArenaSource(Arena(Faltering(1)), Split.train)
    seats = open_seats(source, np.random.default_rng(3), 3, EVERYTHING)
    first, second = starts(seed=3, count=2)
    assert [Key.parse(seat.key).index for seat in seats] == [first + 1, first + 2, second]
    source.close()


def test_only_the_seed_that_failed_is_replaced_by_a_draw() -> None:
    source = ArenaSource(Arena(Faltering(1)), Split.train)
    seats = open_seats(source, np.random.default_rng(3), 3, EVERYTHING, [5, None, 7])
    first, second = starts(seed=3, count=1), [seat.key for seat in seats]
    assert [Key.parse(key).index for key in second] == [first[0], first[0] + 1, 7]
    source.close()


def test_neighbouring_seeds_find_different_episodes_of_narrow_filters() -> None:
    source = ArenaSource(Arena(ScriptedWorker()), Split.train)
    filters = Filters(stealth=3)
    seats = open_seats(source, np.random.default_rng(3), 4, filters, [7, 8, 9, 0])
    expected = [*source.arena.keys(Split.train, 7, 3, filters)[0], *source.arena.keys(Split.train, 0, 1, filters)[0]]
    assert [seat.key for seat in seats] == expected
    source.close()


def test_a_worker_that_fails_a_probe_ends_the_episode_without_a_score() -> None:
    worker = Faltering(0)
    source = ArenaSource(Arena(worker), Split.train)
    (episode,) = source.open_keys(["forge:5:train:7"])
    seat = Seat.of(episode)
    worker.failures = 1
    turn = ask(source, seat, "Why?")
    assert (turn.reward, turn.terminated, turn.truncated, seat.over) == (0.0, False, True, True)
    assert turn.info == {"key": "forge:5:train:7", "outcome": "worker_failed", "reason": "down for now"}
    source.close()


@pytest.mark.parametrize("options", [None, {}, {"key": None, "form": None}])
def test_no_option_is_no_filter(options: dict[str, Any] | None) -> None:
    assert read_options(options, "key") == (None, EVERYTHING)


def test_options_are_read_as_values_or_as_texts() -> None:
    expected = Filters(domain=Domain.mixed, stealth=2, form=Form.clean)
    assert read_options({"domain": "mixed", "stealth": np.int64(2), "form": Form.clean}, "key") == (None, expected)
    assert read_options({"keys": ["a", "b"]}, "keys") == (["a", "b"], EVERYTHING)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"domian": "mixed"}, r"unknown options \['domian'\]; known are keys, domain, corruption, stealth, mechanism, awareness, candour, form"),
        ({"key": "forge:5:train:7"}, r"unknown options \['key'\]; known are keys"),
        ({"keys": ["a"], "form": "clean", "stealth": 0}, "option keys names what to play by itself; leave out form, ste"),
        ({"form": "dirty"}, "option form must be 'clean', 'corrupted' or 'placebo', got 'dirty'"),
        ({"stealth": -1}, "option stealth must be greater than or equal to 0, got -1"),
        ({"stealth": "high"}, "option stealth must be a valid integer, .*got 'high'"),
    ],
)  # fmt: skip
def test_wrong_options_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_options(options, "keys")
