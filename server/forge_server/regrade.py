"""Grade stored verdicts anew by the grader of this version, and say what it would change. Nothing is written back: a
reward that was given stays given."""

import heapq
import zlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from json import JSONDecodeError

from pydantic import JsonValue, ValidationError

from forge_arena.audits.report import AuditReport, Figure, Gate, Table
from forge_arena.keys import Key
from forge_arena.types import Components, Episode, Noun, Outcome
from forge_arena.verify import Judge
from forge_server.archive import Archive, Recorded, RecordedEpisode
from forge_server.grading import Grade, grade, grader, read_stored
from forge_server.stock import decode, without_statements

SAME = 1e-9
LARGEST = 15
COMPONENTS = tuple(Components.model_fields)


class Change(Noun):
    """A verdict that the grader of this version grades otherwise than the `grader` that gave its reward."""

    key: str
    episode_id: str
    attempt: int
    grader: str
    before: Grade
    after: Grade

    @property
    def by(self) -> float:
        """What the reward gains."""
        return (self.after.reward or 0.0) - (self.before.reward or 0.0)

    def where(self) -> str:
        """What changed, in words."""
        if self.before.outcome is not self.after.outcome:
            return f"{self.before.outcome.value} -> {self.after.outcome.value}"
        was, now = self.before.components, self.after.components
        if was is None or now is None:
            return "weights"
        moved = [name for name in COMPONENTS if abs(getattr(was, name) - getattr(now, name)) > SAME]
        return ", ".join(f"{name} {getattr(was, name):.3f} -> {getattr(now, name):.3f}" for name in moved) or "weights"


@dataclass(slots=True)
class _Moved:
    """A number of many verdicts, before and after."""

    count: int = 0
    before: float = 0.0
    after: float = 0.0
    changed: int = 0
    largest: float = 0.0

    def add(self, before: float, after: float) -> None:
        self.count += 1
        self.before += before
        self.after += after
        self.changed += abs(after - before) > SAME
        self.largest = max(self.largest, after - before, key=abs)

    def means(self) -> tuple[float | None, float | None]:
        return (self.before / self.count, self.after / self.count) if self.count else (None, None)


@dataclass(slots=True)
class _Tally:
    """What came of the verdicts of one grader."""

    gone: int = 0
    unreadable: int = 0
    changed: int = 0
    reward: _Moved = field(default_factory=_Moved)
    components: dict[str, _Moved] = field(default_factory=lambda: {name: _Moved() for name in COMPONENTS})

    def add(self, change: Change, *, differs: bool) -> None:
        self.changed += differs
        self.reward.add(change.before.reward or 0.0, change.after.reward or 0.0)
        if change.before.components is not None and change.after.components is not None:
            for name, moved in self.components.items():
                moved.add(getattr(change.before.components, name), getattr(change.after.components, name))


@dataclass(slots=True)
class _Sums:
    """All that is kept of the verdicts that went by."""

    by_grader: dict[str, _Tally] = field(default_factory=dict)
    outcomes: Counter[tuple[Outcome, Outcome]] = field(default_factory=Counter)
    largest: list[tuple[float, str, int, Change]] = field(default_factory=list)
    suites: set[str] = field(default_factory=set)

    def tally(self, grader: str) -> _Tally:
        return self.by_grader.setdefault(grader, _Tally())

    def keep(self, change: Change) -> None:
        self.outcomes[change.before.outcome, change.after.outcome] += 1
        entry = (abs(change.by), change.episode_id, change.attempt, change)
        (heapq.heappush if len(self.largest) < LARGEST else heapq.heappushpop)(self.largest, entry)

    @property
    def regraded(self) -> int:
        return sum(tally.reward.count for tally in self.by_grader.values())

    @property
    def changed(self) -> int:
        return sum(tally.changed for tally in self.by_grader.values())


def audit_regrade(
    archive: Archive,
    *,
    limit: int | None = None,
    expect_unchanged: bool = False,
    on_change: Callable[[Change], None] | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> AuditReport:
    """Grade the verdicts of an archive (the first `limit` of them) anew and report, per grader that gave the rewards.

    A verdict is changed where its outcome, its reward or one of its components is another one; each such verdict goes
    to `on_change`. `expect_unchanged` makes it a gate that there is none. Whether a named step is right is not
    compared, for no reward depends on it.

    Raises:
        ValueError: the archive holds no verdict.
        ChildProcessError: code could not be run for want of a process.
    """
    total = archive.count()
    if limit is not None:
        total = min(total, limit)
    if total == 0:
        raise ValueError("the store holds no verdict of that time: nothing can be graded anew")
    sums = _Sums()
    done = 0
    for episode in archive.episodes(limit):
        _regrade(episode, sums, on_change)
        done += len(episode.attempts)
        if on_progress is not None:
            on_progress(done, total)
    settings: dict[str, JsonValue] = {"grader": grader(), "verdicts": done, "limit": limit}
    return AuditReport(
        audit="regrade",
        suite=", ".join(sorted(sums.suites)),
        settings=settings,
        gates=_gates(sums) if expect_unchanged else (),
        tables=_tables(sums),
        figures=_figures(sums),
    )


def _regrade(recorded: RecordedEpisode, sums: _Sums, on_change: Callable[[Change], None] | None) -> None:
    if recorded.key:
        sums.suites.add(Key.parse(recorded.key).suite_and_version)
    episode = _read(recorded.payload)
    judge = None if episode is None else Judge(episode.scenario)
    for attempt in recorded.attempts:
        tally = sums.tally(attempt.grader)
        if episode is None or judge is None:
            tally.gone += recorded.payload is None
            tally.unreadable += recorded.payload is not None
            continue
        try:
            before, verdict = _given(attempt), read_stored(attempt.submitted)
        except (ValidationError, JSONDecodeError):
            tally.unreadable += 1
            continue
        change = Change(
            key=recorded.key,
            episode_id=recorded.id,
            attempt=attempt.attempt,
            grader=attempt.grader,
            before=before,
            after=grade(verdict, episode, judge),
        )
        differs = _differs(change)
        tally.add(change, differs=differs)
        if differs:
            sums.keep(change)
            if on_change is not None:
                on_change(change)


def _read(payload: bytes | None) -> Episode | None:
    """The episode, if it is there and this version still understands it."""
    if payload is None:
        return None
    try:
        return without_statements(decode(payload))
    except (ValidationError, zlib.error):
        return None


def _given(attempt: Recorded) -> Grade:
    components = None if attempt.components is None else Components.model_validate_json(attempt.components)
    return Grade.model_validate(
        {
            "outcome": attempt.outcome,
            "reward": attempt.reward,
            "components": components,
            "reason": attempt.reason,
        }
    )


def _differs(change: Change) -> bool:
    was, now = change.before, change.after
    if was.outcome is not now.outcome or abs(change.by) > SAME:
        return True
    if was.components is None or now.components is None:
        return was.components is not now.components
    return any(abs(getattr(was.components, name) - getattr(now.components, name)) > SAME for name in COMPONENTS)


def _gates(sums: _Sums) -> tuple[Gate, ...]:
    return (
        Gate(
            name="verdicts changed",
            value=sums.changed,
            limit=0,
            passed=sums.changed == 0,
            detail=f"of {sums.regraded} graded anew",
        ),
        # Where nothing could be graded, nothing was shown to be unchanged either.
        Gate(name="verdicts graded anew, at least", value=sums.regraded, limit=1, passed=sums.regraded >= 1),
    )


def _tables(sums: _Sums) -> tuple[Table, ...]:
    by_grader = sorted(sums.by_grader.items())
    graders = Table(
        title=f"verdicts by the grader that scored them, graded anew by {grader()}",
        columns=("grader", "verdicts", "gone", "unreadable", "unchanged", "changed", "reward before", "after"),
        rows=tuple(
            (
                name,
                tally.gone + tally.unreadable + tally.reward.count,
                tally.gone,
                tally.unreadable,
                tally.reward.count - tally.changed,
                tally.changed,
                *tally.reward.means(),
            )
            for name, tally in by_grader
        ),
        note="gone: the episode was deleted; unreadable: this version does not understand its record. "
        "Neither can be graded anew, and neither is in the means.",
    )
    components = Table(
        title="components",
        columns=("grader", "component", "verdicts", "changed", "before", "after", "largest change"),
        rows=tuple(
            (name, part, moved.count, moved.changed, *moved.means(), moved.largest)
            for name, tally in by_grader
            for part, moved in tally.components.items()
        ),
        note="of the verdicts that both graders could read",
    )
    outcomes = Table(
        title="outcomes of the changed verdicts",
        columns=("before", "after", "verdicts"),
        rows=tuple((was.value, now.value, count) for (was, now), count in sorted(sums.outcomes.items())),
    )
    largest = Table(
        title="largest changes",
        columns=("key", "attempt", "grader", "before", "after", "change", "where"),
        rows=tuple(
            (c.key, c.attempt, c.grader, c.before.reward, c.after.reward, c.by, c.where())
            for *_, c in sorted(sums.largest, key=lambda entry: (-entry[0], entry[1], entry[2]))
        ),
    )
    return (graders, components, outcomes, largest) if sums.changed else (graders, components)


def _figures(sums: _Sums) -> tuple[Figure, ...]:
    if not sums.regraded:
        return ()
    labels: list[str] = []
    values: list[float] = []
    for name, tally in sorted(sums.by_grader.items()):
        for part, moved in (("reward", tally.reward), *tally.components.items()):
            if moved.count:
                labels.append(f"{name}: {part}")
                values.append((moved.after - moved.before) / moved.count)
    return (Figure(title="mean change", kind="bars", labels=tuple(labels), values=tuple(values), limit=0.0),)
