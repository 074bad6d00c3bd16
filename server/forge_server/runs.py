"""Training runs that their trainers report: begin one, add its points, list a token's own.

A report is for people to look at (`pages.training`). Nothing that the server decides depends on one.
"""

import secrets
import time
from collections.abc import Sequence
from datetime import UTC, datetime

from forge_arena.wire import BeginRun, OwnRuns, ReportPoints, Run
from forge_server.access import Caller
from forge_server.errors import UnknownRun
from forge_server.run_records import UNKNOWN, StoredPoint, StoredRun
from forge_server.store import Store


class Runs:
    """The runs of one store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def begin(self, ask: BeginRun, caller: Caller) -> Run:
        """Begin a run, or find the one of the same `request`. Raises `RunsFull`."""
        id = secrets.token_urlsafe(18)
        return await self.get(
            await self._store.begin_run(id, ask.name, ask.notes, ask.request, caller.owner, time.time()), caller
        )

    async def get(self, run_id: str, caller: Caller) -> Run:
        """Raises `UnknownRun`, also if the run belongs to another token."""
        for stored in await self._store.runs(caller, [run_id]):
            return _run(stored)
        raise UnknownRun(UNKNOWN)

    async def report(self, run_id: str, ask: ReportPoints, caller: Caller) -> Run:
        """Add points to a run. Raises `UnknownRun` or `RunsFull`."""
        await self._store.report_points(run_id, ask.points, caller, time.time())
        return await self.get(run_id, caller)

    async def delete(self, run_id: str, caller: Caller) -> None:
        """Raises `UnknownRun`."""
        await self._store.delete_run(run_id, caller)

    async def own(self, caller: Caller) -> OwnRuns:
        """The newest 100 runs of a caller. An admin has those of all tokens."""
        return OwnRuns(runs=tuple(map(_run, await self._store.runs(caller))))

    async def points(self, runs: Sequence[Run]) -> list[list[StoredPoint]]:
        """The points of each of these runs."""
        return [await self._store.run_points(run.run_id) for run in runs]


def _run(stored: StoredRun) -> Run:
    return Run(
        run_id=stored.id,
        name=stored.name,
        notes=stored.notes,
        begun=_time(stored.created),
        reported=None if stored.reported is None else _time(stored.reported),
        points=stored.points,
    )


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
