"""Collect the rows of the audit: make every key in every form, examine the episodes, try every type on fresh draws."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from functools import partial
from random import Random

from forge_arena.audits.faults import compare_with_clean, examine, report_on_twin
from forge_arena.audits.labels.readings import Readings
from forge_arena.audits.labels.rows import STEALTHS, FreshDraws, Kind, Row, row_of
from forge_arena.audits.labels.rules import Rules, check_names, check_readings
from forge_arena.corruptions import can_inject
from forge_arena.episodes import Arena
from forge_arena.errors import WorkerFailed
from forge_arena.reader import Reader
from forge_arena.scenarios import Family, Source
from forge_arena.types import CorruptionType, Domain, Episode, Form, Mechanism, Split
from forge_arena.verify import ClaimReport, Verifier
from forge_arena.workers.base import Worker

# The values of a reading change with each draw of a family, but its words do not.
DRAWS_WITH_READINGS = 10
# The seeds begin so far apart in the stream that two audits share no key.
STRIDE = 10_000_000
SEARCHED_PER_KEY = 12


class Collection:
    """What the audit makes and finds: the rows, the fresh draws, and the checks of rules.

    Args:
        worker: answers the tasks.
        arenas: one for each mechanism.
        sources: the families or documents of the audited splits.
        seed: decides the keys and the fresh draws.
        reader: the model whose errors are measured on the answers; None for none. It takes no part in making them.
    """

    def __init__(
        self,
        worker: Worker,
        arenas: Mapping[Mechanism, Arena],
        sources: Sequence[Source],
        seed: int,
        reader: Reader | None = None,
    ) -> None:
        self.rows: list[Row] = []
        self.fresh: dict[tuple[str, CorruptionType], FreshDraws] = defaultdict(FreshDraws)
        self.rules = Rules()
        self.readings = None if reader is None else Readings(reader)
        self._worker = worker
        self._arenas = arenas
        self._sources = sources
        self._seed = seed
        self._suite = arenas[Mechanism.rewrite].suite

    async def collect(
        self,
        splits: Sequence[Split],
        draws: int,
        fresh: int,
        concurrency: int,
        on_progress: Callable[[int, int], None] | None,
    ) -> None:
        """Make and examine all keys, and do all fresh draws; `concurrency` of them at a time."""
        keys = list(_choose_keys(self._arenas[Mechanism.rewrite], splits, draws, self._seed * STRIDE))
        total = len(keys) * len(Mechanism) + len(self._sources) * fresh
        done = 0
        tasks = self._tasks(keys, fresh)

        async def work_off() -> None:
            nonlocal done
            for task in tasks:
                await task()
                done += 1
                if on_progress is not None:
                    on_progress(done, total)

        try:
            await self._worker.start()
            if self.readings is not None:
                await self.readings.reader.start()
            await asyncio.gather(*(work_off() for _ in range(concurrency)))
        finally:
            if self.readings is not None:
                await self.readings.reader.aclose()
            await self._worker.aclose()
        self.rows.sort(key=lambda row: (row.key, row.kind.mechanism))

    def _tasks(self, keys: Sequence[str], fresh: int) -> Iterator[Callable[[], Awaitable[None]]]:
        for key in keys:
            for mechanism in Mechanism:
                yield partial(self._make_key, key, mechanism)
        for source in self._sources:
            for number in range(fresh):
                yield partial(self._try_fresh_draw, source, number)

    async def _make_key(self, key: str, mechanism: Mechanism) -> None:
        """Make a key in its three forms and examine each. The clean one comes first, because the others need it."""
        arena = self._arenas[mechanism]
        plan = arena.plan(key)
        clean: Episode | None = None
        twin_of_clean: ClaimReport | None = None
        made: dict[Form, Episode] = {}
        for form in Form:
            kind = Kind(plan.corruption_type, plan.domain, plan.stealth, mechanism, form)
            key_in_form = arena.key(plan.split, plan.index, form)
            try:
                episode = await arena.make(key_in_form)
            except WorkerFailed as error:
                self.rows.append(Row(kind, key_in_form, reason=error.reason))
                continue
            made[form] = episode
            # To verify the code of a live Worker means to run it. The other answers must not wait for that.
            shared = clean is not None and _have_the_same_twin(clean, episode)
            twin = twin_of_clean if shared else await asyncio.to_thread(report_on_twin, episode)
            if form is Form.clean:
                clean, twin_of_clean = episode, twin
            findings = await asyncio.to_thread(examine, episode, twin)
            if clean is not None and form is not Form.clean:
                findings |= compare_with_clean(episode, clean)
            self.rows.append(row_of(kind, episode, findings))
        if self.readings is not None and mechanism is Mechanism.rewrite:
            await self.readings.ask(made)

    async def _try_fresh_draw(self, source: Source, number: int) -> None:
        """Get one answer to one scenario, and try each type on the answer once."""
        seed = f"{self._suite}:{source.name}:{self._seed}:{number}"
        if isinstance(source, Family) and number < DRAWS_WITH_READINGS:
            self.rules.add(await asyncio.to_thread(check_readings, source, Random(f"{seed}:readings")))
        rng = Random(seed)
        scenario = source.draw(rng)
        self.rules.add(check_names(source.name, scenario))
        counts = {type: self.fresh[source.name, type] for type in sorted(source.corruptions)}
        for count in counts.values():
            count.drawn += 1
        try:
            answer = await self._worker.answer(scenario, rng)
        except WorkerFailed:
            answer = None
        verifier = Verifier(scenario)
        if answer is None or not verifier.verify(answer.output).clean:
            for count in counts.values():
                count.unclean += 1
            return
        for type, count in counts.items():
            rng = Random(f"{source.name}:{number}:{type}")
            count.impossible += not can_inject(verifier, answer.output, type, number % len(STEALTHS), rng)


def _have_the_same_twin(one: Episode, other: Episode) -> bool:
    """Whether two episodes have the same clean twin, and one scenario, which is so if they share a draw."""
    return one.scenario is other.scenario and one.truth.clean_output == other.truth.clean_output


def _choose_keys(arena: Arena, splits: Sequence[Split], draws: int, start: int) -> Iterator[str]:
    """`draws` keys for each type, domain and stealth level. Splits take turns; if one has no key, another has."""
    left: dict[tuple[CorruptionType, Domain, int], int] = {}
    share = {split: (draws + n) // len(splits) for n, split in enumerate(reversed(splits))}
    for turn, most in enumerate((share, dict.fromkeys(splits, draws))):
        # A domain may have scenarios in one split only, which then gives the shares of the others too.
        if turn and not any(left.values()):
            return
        for split in splits:
            chosen: Counter[tuple[CorruptionType, Domain, int]] = Counter()
            searched = SEARCHED_PER_KEY * share[split] * 80 + 400
            for index in range(start + turn * searched, start + (turn + 1) * searched):
                plan = arena.plan(arena.key(split, index))
                cell = plan.corruption_type, plan.domain, plan.stealth
                left.setdefault(cell, draws)
                if chosen[cell] < most[split] and left[cell]:
                    chosen[cell] += 1
                    left[cell] -= 1
                    yield plan.key
