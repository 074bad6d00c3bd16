"""What the store keeps of training runs: the rows, the writes and the queries."""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from forge_arena.wire import RunPoint
from forge_server.access import Caller
from forge_server.errors import RunsFull, UnknownRun
from forge_server.schema import meta, replace_known, run_points, runs

# The most runs of one token, and the most points of one run.
MOST_RUNS = 500
MOST_POINTS = 20_000
# The most runs in one list.
LISTED = 100
UNKNOWN = "this token has no such run: GET /v1/runs lists its own, and POST /v1/runs begins one"


@dataclass(frozen=True, slots=True)
class StoredRun:
    """A run, and how many points it has. Times are in seconds since 1970."""

    id: str
    owner: str
    name: str
    notes: str
    request: str | None
    created: float
    reported: float | None
    points: int


@dataclass(frozen=True, slots=True)
class StoredPoint:
    """A point of a run. `kind` is `train` or `held_out`."""

    kind: str
    phase: str
    step: int
    numbers: dict[str, float]


@dataclass(frozen=True, slots=True)
class BeginRunWrite:
    """Begin a run; gives back its id. The same `request` of a token again gets the id of the same run.

    Raises:
        RunsFull: the token has as many runs as the server keeps.
    """

    id: str
    name: str
    notes: str
    request: str | None
    owner: str
    now: float

    def apply(self, connection: Connection) -> str:
        # Runs take turns here by locking this row. Otherwise one request that is sent twice could begin two runs.
        connection.execute(select(meta.c.value).where(meta.c.name == "secret").with_for_update())
        own = runs.c.owner == self.owner
        if self.request is not None:
            known = connection.execute(select(runs.c.id).where(own, runs.c.request == self.request)).scalar()
            if known is not None:
                return str(known)
        if (connection.execute(select(func.count()).select_from(runs).where(own)).scalar() or 0) >= MOST_RUNS:
            raise RunsFull(f"this token has {MOST_RUNS} runs: DELETE /v1/runs/{{run_id}} deletes one")
        row = {"id": self.id, "owner": self.owner, "name": self.name, "notes": self.notes, "request": self.request}
        connection.execute(insert(runs), [{**row, "created": self.now}])
        return self.id


@dataclass(frozen=True, slots=True)
class ReportPointsWrite:
    """Add points to a run. A point replaces the former one of its kind, phase and step.

    Raises:
        UnknownRun: the run does not exist, or belongs to another token.
        RunsFull: the run would have more points than the server keeps. Nothing of the report is kept.
    """

    run_id: str
    points: Sequence[RunPoint]
    caller: Caller
    now: float

    def apply(self, connection: Connection) -> None:
        check_owner(connection, self.run_id, self.caller)
        # The last point of a kind, phase and step counts. Postgres refuses a statement that changes a row twice.
        rows = {
            (p.kind, p.phase, p.step): {
                "run_id": self.run_id,
                "kind": p.kind,
                "phase": p.phase,
                "step": p.step,
                "numbers": json.dumps(p.numbers),
            }
            for p in self.points
        }
        connection.execute(replace_known(connection, run_points, ("numbers",)), list(rows.values()))
        if connection.execute(select(runs.c.points).where(runs.c.id == self.run_id)).scalar_one() > MOST_POINTS:
            raise RunsFull(f"a run has at most {MOST_POINTS} points: report every tenth step, say")
        connection.execute(update(runs).where(runs.c.id == self.run_id).values(reported=self.now))


@dataclass(frozen=True, slots=True)
class DeleteRun:
    """Delete a run and its points. Raises `UnknownRun`."""

    run_id: str
    caller: Caller

    def apply(self, connection: Connection) -> None:
        check_owner(connection, self.run_id, self.caller)
        connection.execute(delete(run_points).where(run_points.c.run_id == self.run_id))
        connection.execute(delete(runs).where(runs.c.id == self.run_id))


def check_owner(connection: Connection, run_id: str, caller: Caller) -> None:
    """Raises `UnknownRun` also if the run belongs to another token. Locks the run until the transaction ends."""
    owner = connection.execute(select(runs.c.owner).where(runs.c.id == run_id).with_for_update()).scalar()
    if owner is None or not (caller.admin or owner == caller.owner):
        raise UnknownRun(UNKNOWN)


def read_runs(connection: Connection, caller: Caller, ids: Collection[str] | None = None) -> list[StoredRun]:
    """The newest runs of a caller; of an admin, of all tokens. Only those with these ids if `ids` is given."""
    query = (
        select(*(runs.c[name] for name in StoredRun.__slots__)).order_by(runs.c.created.desc(), runs.c.id).limit(LISTED)
    )
    if not caller.admin:
        query = query.where(runs.c.owner == caller.owner)
    if ids is not None:
        query = query.where(runs.c.id.in_(ids))
    rows: list[Any] = [tuple(row) for row in connection.execute(query)]
    return [StoredRun(*row) for row in rows]


def read_points(connection: Connection, run_id: str) -> list[StoredPoint]:
    """The points of a run, in the order of phases and steps."""
    query = (
        select(run_points.c.kind, run_points.c.phase, run_points.c.step, run_points.c.numbers)
        .where(run_points.c.run_id == run_id)
        .order_by(run_points.c.phase, run_points.c.step)
    )
    return [StoredPoint(row[0], row[1], row[2], json.loads(row[3])) for row in connection.execute(query)]
