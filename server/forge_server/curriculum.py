"""Follow the curriculum that the store holds, so that all replicas, also after a restart, leave out the same cells."""

import asyncio
import time
from dataclasses import dataclass

from forge_arena.curriculum import Zones, zones, zones_for
from forge_arena.episodes import Arena
from forge_arena.errors import CurriculumError
from forge_arena.types import Split
from forge_arena.wire import Curriculum, CurriculumState
from forge_server.coalesced import Coalesced
from forge_server.errors import NoCurriculum, UnfitCurriculum
from forge_server.logs import log
from forge_server.store import Store

NOTHING_LEFT_OUT = Zones()


@dataclass(frozen=True, slots=True)
class CurriculumInForce:
    """What the train stream follows at a revision. Without a curriculum nothing is left out."""

    revision: int = 0
    curriculum: Curriculum | None = None
    zones: Zones = NOTHING_LEFT_OUT


class CurriculumWatch:
    """The curriculum of one arena's suite, asked from the store each time because replicas share it.

    `last_seen` is the store's last answer. It may be out of date.
    """

    def __init__(self, arena: Arena, store: Store) -> None:
        self._store = store
        self._suite = arena.suite_and_version
        self._families = arena.families(Split.train)
        self.last_seen = CurriculumInForce()
        self._current = Coalesced(self._ask_the_store)

    async def now(self) -> CurriculumInForce:
        """The curriculum in force. The store is asked after this call, never before."""
        return await self._current.get()

    async def _ask_the_store(self) -> CurriculumInForce:
        if await self._store.curriculum_revision(self._suite) != self.last_seen.revision:
            revision, body = await self._store.curriculum(self._suite)
            self.last_seen = await asyncio.to_thread(self._read, revision, body)
        return self.last_seen

    async def replace(self, curriculum: Curriculum) -> CurriculumState:
        """Put a curriculum in force.

        Raises:
            UnfitCurriculum: it does not fit the suite. The curriculum before it stays in force.
        """
        try:
            await asyncio.to_thread(zones_for, curriculum, self._families)
        except CurriculumError as error:
            raise UnfitCurriculum(str(error)) from None
        body = await asyncio.to_thread(curriculum.model_dump_json)
        revision = await self._store.replace_curriculum(self._suite, body, time.time())
        self.last_seen = CurriculumInForce(revision, curriculum, zones(curriculum))
        log.info("curriculum_replaced", revision=revision, left_out=len(self.last_seen.zones.left_out))
        return self._state(self.last_seen)

    async def clear(self) -> None:
        revision = await self._store.replace_curriculum(self._suite, None, time.time())
        log.info("curriculum_cleared", revision=revision)

    async def state(self) -> CurriculumState:
        """Raises `NoCurriculum`."""
        return self._state(await self.now())

    def _state(self, in_force: CurriculumInForce) -> CurriculumState:
        if in_force.curriculum is None:
            raise NoCurriculum("no curriculum is in force: the train stream holds everything")
        return CurriculumState(
            revision=in_force.revision,
            low=in_force.curriculum.low,
            high=in_force.curriculum.high,
            measured=len(in_force.curriculum.cells),
            kept=in_force.zones.count_remaining(self._families),
            too_easy=len(in_force.zones.too_easy),
            too_hard=len(in_force.zones.too_hard),
        )

    def _read(self, revision: int, body: str | None) -> CurriculumInForce:
        if body is None:
            return CurriculumInForce(revision)
        curriculum = Curriculum.model_validate_json(body)
        divided = zones(curriculum)
        if divided.count_remaining(self._families):
            return CurriculumInForce(revision, curriculum, divided)
        # This happens only if the families of the suite have changed since. A server that followed this curriculum
        # would never be ready, and then nobody could clear the curriculum.
        log.error("curriculum_ignored", revision=revision, reason="nothing of the train split would remain")
        return CurriculumInForce(revision)
