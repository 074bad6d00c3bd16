"""Grade stored verdicts again with the grader of this version, and report what would change.

Nothing is written back: a reward that was given stays.
"""

import heapq
import zlib
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from json import JSONDecodeError

from pydantic import JsonValue, ValidationError

from forge_arena.audits.report import AuditReport, Figure, Gate, Table
from forge_arena.errors import BadArgument
from forge_arena.keys import Key
from forge_arena.types import Components, Episode, Noun, Outcome
from forge_arena.verify import Verifier
from forge_server.archive import Archive, RecordedEpisode, RecordedVerdict
from forge_server.grading import Grade, grade, grader, read_stored
from forge_server.payload import decode, without_statements

# Numbers that differ by no more than this are equal.
SAME = 1e-9
# How many of the largest changes the report shows.
LARGEST = 15
COMPONENTS = tuple(Components.model_fields)


class Change(Noun):
    """One verdict graded twice: `before` by the `grader` that gave its reward, `after` by this version's."""

    key: str
    episode_id: str
    attempt: int
    grader: str
    before: Grade
    after: Grade

    @property
    def gain(self) -> float:
        """How much higher the reward is after than before."""
        return (self.after.reward or 0.0) - (self.before.reward or 0.0)

    def describe(self) -> str:
        """What changed, in words: the outcome, some components, or only the weights."""
        if self.before.outcome is not self.after.outcome:
            return f"{self.before.outcome.value} -> {self.after.outcome.value}"
        before, after = self.before.components, self.after.components
        if before is None or after is None:
            return "weights"
        changed = [name for name in COMPONENTS if abs(getattr(before, name) - getattr(after, name)) > SAME]
        texts = (f"{name} {getattr(before, name):.3f} -> {getattr(after, name):.3f}" for name in changed)
        return ", ".join(texts) or "weights"

    @property
    def differs(self) -> bool:
        if self.before.outcome is not self.after.outcome or abs(self.gain) > SAME:
            return True
        before, after = self.before.components, self.after.components
        if before is None or after is None:
            return before is not after
        return any(abs(getattr(before, name) - getattr(after, name)) > SAME for name in COMPONENTS)


@dataclass(slots=True)
class _Sum:
    """A number summed over many verdicts, before and after."""

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
    """The verdicts that one grader scored, counted by what became of them."""

    gone: int = 0
    unreadable: int = 0
    changed: int = 0
    reward: _Sum = field(default_factory=_Sum)
    components: dict[str, _Sum] = field(default_factory=lambda: {name: _Sum() for name in COMPONENTS})

    def add(self, change: Change) -> None:
        self.changed += change.differs
        self.reward.add(change.before.reward or 0.0, change.after.reward or 0.0)
        if change.before.components is not None and change.after.components is not None:
            for name, component in self.components.items():
                component.add(getattr(change.before.components, name), getattr(change.after.components, name))


@dataclass(slots=True)
class _Sums:
    """All that the report needs of the verdicts that were graded."""

    by_grader: dict[str, _Tally] = field(default_factory=dict)
    outcomes: Counter[tuple[Outcome, Outcome]] = field(default_factory=Counter)
    largest: list[tuple[float, str, int, Change]] = field(default_factory=list)
    suites: set[str] = field(default_factory=set)

    def tally(self, grader: str) -> _Tally:
        return self.by_grader.setdefault(grader, _Tally())

    def add_change(self, change: Change) -> None:
        self.outcomes[change.before.outcome, change.after.outcome] += 1
        entry = (abs(change.gain), change.episode_id, change.attempt, change)
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
    """Grade the verdicts of an archive again, and report for each grader that gave the rewards.

    A verdict is changed if its outcome, its reward or one of its components differs. Whether the verdict named the
    right step is not compared, because no reward depends on it.

    Args:
        limit: grade only the first `limit` verdicts.
        expect_unchanged: add a gate that no verdict is changed.
        on_change: called with each changed verdict.
        on_progress: called with the number of verdicts that are done, and of all.

    Raises:
        ValueError: the archive holds no verdict.
        ChildProcessError: code could not be run, because no process could be started.
    """
    total = archive.count()
    if limit is not None:
        total = min(total, limit)
    if total == 0:
        raise BadArgument("the store holds no verdict of that time: nothing can be graded again")
    sums = _Sums()
    done = 0
    profiles = archive.profiles()
    for episode in archive.episodes(limit):
        _regrade(episode, sums, on_change, profiles)
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


def _regrade(
    recorded: RecordedEpisode,
    sums: _Sums,
    on_change: Callable[[Change], None] | None,
    profiles: Mapping[str, Mapping[str, float]],
) -> None:
    if recorded.key:
        sums.suites.add(Key.parse(recorded.key).suite_and_version)
    episode = _read_episode(recorded.payload)
    verifier = None if episode is None else Verifier(episode.scenario)
    for attempt in recorded.attempts:
        tally = sums.tally(attempt.grader)
        if episode is None or verifier is None:
            tally.gone += recorded.payload is None
            tally.unreadable += recorded.payload is not None
            continue
        try:
            before, verdict = _stored_grade(attempt), read_stored(attempt.submitted)
        except (ValidationError, JSONDecodeError):
            tally.unreadable += 1
            continue
        change = Change(
            key=recorded.key,
            episode_id=recorded.id,
            attempt=attempt.attempt,
            grader=attempt.grader,
            before=before,
            # By the weights that were paid: another profile is no change of the grader.
            after=grade(verdict, episode, verifier, profiles.get(attempt.grader.rpartition(" ")[2])),
        )
        tally.add(change)
        if change.differs:
            sums.add_change(change)
            if on_change is not None:
                on_change(change)


def _read_episode(payload: bytes | None) -> Episode | None:
    """The episode, or None if it was deleted or this version cannot read it."""
    if payload is None:
        return None
    try:
        return without_statements(decode(payload))
    except (ValidationError, zlib.error):
        return None


def _stored_grade(attempt: RecordedVerdict) -> Grade:
    components = None if attempt.components is None else Components.model_validate_json(attempt.components)
    return Grade.model_validate(
        {
            "outcome": attempt.outcome,
            "reward": attempt.reward,
            "components": components,
            "reason": attempt.reason,
        }
    )


def _gates(sums: _Sums) -> tuple[Gate, ...]:
    return (
        Gate(
            name="verdicts changed",
            value=sums.changed,
            limit=0,
            passed=sums.changed == 0,
            detail=f"of {sums.regraded} graded again",
        ),
        # If nothing could be graded, nothing was shown to be unchanged.
        Gate(name="verdicts graded again, at least", value=sums.regraded, limit=1, passed=sums.regraded >= 1),
    )


def _tables(sums: _Sums) -> tuple[Table, ...]:
    by_grader = sorted(sums.by_grader.items())
    graders = Table(
        title=f"verdicts by the grader that scored them, graded again by {grader()}",
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
        note="gone: the episode was deleted; unreadable: this version cannot read its record. "
        "Neither can be graded again, and neither is in the means.",
    )
    components = Table(
        title="components",
        columns=("grader", "component", "verdicts", "changed", "before", "after", "largest change"),
        rows=tuple(
            (name, component, sum.count, sum.changed, *sum.means(), sum.largest)
            for name, tally in by_grader
            for component, sum in tally.components.items()
        ),
        note="of the verdicts that both graders could read",
    )
    outcomes = Table(
        title="outcomes of the changed verdicts",
        columns=("before", "after", "verdicts"),
        rows=tuple((before.value, after.value, count) for (before, after), count in sorted(sums.outcomes.items())),
    )
    largest = Table(
        title="largest changes",
        columns=("key", "attempt", "grader", "before", "after", "change", "where"),
        rows=tuple(
            (c.key, c.attempt, c.grader, c.before.reward, c.after.reward, c.gain, c.describe())
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
        for number, sum in (("reward", tally.reward), *tally.components.items()):
            if sum.count:
                labels.append(f"{name}: {number}")
                values.append((sum.after - sum.before) / sum.count)
    return (Figure(title="mean change", kind="bars", labels=tuple(labels), values=tuple(values), limit=0.0),)
