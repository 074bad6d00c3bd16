"""Follow the curriculum that the store holds, so that a restart and every replica leave out the same of the train stream."""

import asyncio
import time
from dataclasses import dataclass

from forge_arena.curriculum import Zones, fit, zones
from forge_arena.episodes import Arena
from forge_arena.errors import CurriculumError
from forge_arena.types import Split
from forge_arena.wire import Curriculum, CurriculumState
from forge_server.errors import NoCurriculum, UnfitCurriculum
from forge_server.logs import log
from forge_server.store import Store

NOTHING_LEFT_OUT = Zones()


@dataclass(frozen=True, slots=True)
class InForce:
    """What the stream follows at a revision. Without a curriculum nothing is left out."""

    revision: int = 0
    curriculum: Curriculum | None = None
    zones: Zones = NOTHING_LEFT_OUT


class Following:
    """The curriculum of one arena's suite. The store has the last word and is asked each time: replicas share it. `seen` is
    what it said last, for work that may be in vain."""

    def __init__(self, arena: Arena, store: Store) -> None:
        self._store = store
        self._suite = arena.suite_and_version
        self._families = arena.families(Split.train)
        self.seen = InForce()
        self._reading: asyncio.Task[InForce] | None = None
        self._next: asyncio.Task[InForce] | None = None

    async def now(self) -> InForce:
        """Those who ask at the same time share an answer, which the store gave after the last of them had asked."""
        if self._next is None:
            self._next = asyncio.create_task(self._ask(self._reading))
        # Whoever leaves must not take the answer away from the others.
        return await asyncio.shield(self._next)

    async def _ask(self, before: asyncio.Task[InForce] | None) -> InForce:
        if before is not None:
            await asyncio.wait([before])
        self._reading, self._next = self._next, None
        if await self._store.curriculum_revision(self._suite) != self.seen.revision:
            revision, body = await self._store.curriculum(self._suite)
            self.seen = await asyncio.to_thread(self._read, revision, body)
        return self.seen

    async def replace(self, curriculum: Curriculum) -> CurriculumState:
        """Raises `UnfitCurriculum`, and then the one before stays in force."""
        try:
            await asyncio.to_thread(fit, curriculum, self._families)
        except CurriculumError as error:
            raise UnfitCurriculum(str(error)) from None
        body = await asyncio.to_thread(curriculum.model_dump_json)
        revision = await self._store.replace_curriculum(self._suite, body, time.time())
        self.seen = InForce(revision, curriculum, zones(curriculum))
        log.info("curriculum_replaced", revision=revision, left_out=len(self.seen.zones.left_out))
        return self._state(self.seen)

    async def clear(self) -> None:
        revision = await self._store.replace_curriculum(self._suite, None, time.time())
        log.info("curriculum_cleared", revision=revision)

    async def state(self) -> CurriculumState:
        """Raises `NoCurriculum`."""
        return self._state(await self.now())

    def _state(self, at: InForce) -> CurriculumState:
        if at.curriculum is None:
            raise NoCurriculum("no curriculum is in force: the train stream holds everything")
        return CurriculumState(
            revision=at.revision,
            low=at.curriculum.low,
            high=at.curriculum.high,
            measured=len(at.curriculum.cells),
            kept=at.zones.kept(self._families),
            too_easy=len(at.zones.too_easy),
            too_hard=len(at.zones.too_hard),
        )

    def _read(self, revision: int, body: str | None) -> InForce:
        if body is None:
            return InForce(revision)
        curriculum = Curriculum.model_validate_json(body)
        divided = zones(curriculum)
        if divided.kept(self._families):
            return InForce(revision, curriculum, divided)
        # Only where the families under this suite's name have changed since. To follow it would mean never to be ready,
        # and nobody could clear it then.
        log.error("curriculum_ignored", revision=revision, reason="nothing of the train split would remain")
        return InForce(revision)
