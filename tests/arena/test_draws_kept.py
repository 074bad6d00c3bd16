"""An arena that remembers draws makes the same episodes, counts the same, and asks the Worker once for all forms."""

import asyncio
from collections import Counter
from random import Random

import pytest

from forge_arena.episodes import Arena
from forge_arena.errors import Unfit, WorkerFailed
from forge_arena.types import Answer, Episode, Form, Mechanism, Scenario, Split
from forge_arena.workers import ScriptedWorker
from forge_arena.workers.base import HiddenInstruction

KEYS = range(700, 712)


class CountingWorker(ScriptedWorker):
    """Counts how often it was asked for an honest answer."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0

    async def answer(self, scenario: Scenario, rng: Random, hidden: HiddenInstruction | None = None) -> Answer:
        self.asked += hidden is None
        return await super().answer(scenario, rng, hidden)


class ForgetfulWorker:
    """Writes what the scripted Worker writes, and does not promise to repeat itself."""

    name = "forgetful"

    def __init__(self) -> None:
        self._scripted = CountingWorker()
        self.start, self.aclose = self._scripted.start, self._scripted.aclose
        self.answer, self.reply = self._scripted.answer, self._scripted.reply

    @property
    def asked(self) -> int:
        return self._scripted.asked


def forms_of(arena: Arena) -> list[Episode | str]:
    """The episodes of some keys in all forms; the reason instead of an episode that cannot be made."""

    async def make() -> list[Episode | str]:
        made: list[Episode | str] = []
        for index in KEYS:
            for form in (*Form, None):
                try:
                    made.append(await arena.make(arena.key(Split.train, index, form)))
                except WorkerFailed as failed:
                    made.append(failed.reason)
        return made

    return asyncio.run(make())


@pytest.mark.parametrize("mechanism", Mechanism)
@pytest.mark.parametrize("kept", [1, 32])
def test_remembered_draws_change_neither_episodes_nor_counts(mechanism: Mechanism, kept: int) -> None:
    fresh = Arena(CountingWorker(), mechanism=mechanism, secret="a secret")
    remembering = Arena(CountingWorker(), mechanism=mechanism, secret="a secret", draws_kept=kept)
    assert forms_of(remembering) == forms_of(fresh)
    assert remembering.counts == fresh.counts
    assert remembering.counts["answers_asked"] > len(KEYS)


def test_a_worker_that_repeats_itself_is_asked_once_for_all_forms() -> None:
    worker = CountingWorker()
    arena = Arena(worker, draws_kept=32)
    forms_of(arena)
    rejected = arena.counts["answers_rejected"] + sum(n for name, n in arena.counts.items() if "cannot_corrupt" in name)
    assert len(KEYS) <= worker.asked <= len(KEYS) + rejected


def test_any_other_worker_is_asked_each_time() -> None:
    worker = ForgetfulWorker()
    arena = Arena(worker, draws_kept=32)
    forms_of(arena)
    assert worker.asked == arena.counts["answers_asked"] >= 4 * len(KEYS)


def test_further_corruptions_of_a_remembered_draw_are_the_same() -> None:
    async def make(arena: Arena) -> list[Episode | None]:
        made: list[Episode | None] = []
        for index in KEYS:
            for further in range(3):
                key = f"{arena.key(Split.train, index, Form.corrupted)}{f':{further}' if further else ''}"
                try:
                    made.append(await arena.make(key))
                except Unfit:
                    made.append(None)
        return made

    remembered = asyncio.run(make(Arena(ScriptedWorker(), draws_kept=4)))
    assert remembered == asyncio.run(make(Arena(ScriptedWorker())))
    assert Counter(episode is None for episode in remembered)[False] > len(KEYS)
