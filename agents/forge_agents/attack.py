"""Attack an overseer: it reviews several verified corruptions of each answer, and the least suspected one counts.

This is red teaming of a monitor by best-of-n search. The candidates are the corruptions that the arena itself finds in
an answer (`forge_arena.keys.Key.further`), each verified like any other. So the search says how far the choice of a
place, a value or an authority moves the overseer. An adversary who writes freely can do at least as much.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import ValidationError

import forge_arena
from forge_agents.batch import AnyArena, Terms, review_batch
from forge_agents.compare import FEW_FAMILIES
from forge_agents.evaluation import check_threshold, rounds_of_keys
from forge_agents.overseers import Overseer, Reviewer
from forge_agents.parties import open_parties
from forge_agents.provenance import Provenance
from forge_agents.records import AttemptRecord, Records, Setup, Task
from forge_agents.result import Result, ResultError, check_rows, wrong_field
from forge_agents.words import common_reasons, counted
from forge_arena.errors import BadArgument
from forge_arena.files import load_json, read_text
from forge_arena.keys import MAX_FURTHER, Key
from forge_arena.measures.detection import FEW_NEGATIVES, trouble_notes
from forge_arena.measures.metrics import BUDGET, choose_thresholds, cost
from forge_arena.measures.scorecard import Cost, Row, Rule, Threshold, graded_rows
from forge_arena.measures.search import SearchPoint, search_curve, tried_draws
from forge_arena.storable import Text
from forge_arena.types import CorruptionType, Outcome, Split, View
from forge_arena.wire import MAX_BATCH

Progress = Callable[[int, int], None]


class AttackSetup(Setup):
    """The task of an attack, without the number of tries: an attack with more tries goes on with one of fewer."""

    any_type: bool


class AttackResult(Task):
    """What is left of an overseer's scores against a search among the arena's corruptions.

    Attributes:
        tries: how many corruptions of each answer were tried at most, the episode's own included.
        any_type: whether they are of every type; otherwise they are of the episode's type.
        draws: the draws that are scored, each with one right answer and its tries.
        left_out: the draws on which something failed.
        families: how many families the draws are of. The intervals draw whole families.
        curve: the scores for 1, 2, 4, … and `tries` tries.
        rows: every verdict, also those on corruptions that were not chosen, and the failures.
        cost: what the verdicts took, those on all tries.
    """

    schema_version: Literal[1] = 1
    forge_arena: str = forge_arena.__version__
    tries: int
    any_type: bool
    seed: int
    draws: int
    left_out: int
    families: int
    curve: tuple[SearchPoint, ...]
    cost: Cost
    name: Text | None = None
    notes: tuple[str, ...] = ()
    provenance: Provenance | None = None
    rows: tuple[Row, ...]

    @classmethod
    def read(cls, path: Path) -> Self:
        """The result in a file, or in a folder that `attack --out` wrote.

        Raises:
            ResultError: there is no result of an attack, or another version wrote it.
        """
        path = path / "result.json" if path.is_dir() else path
        try:
            text = read_text(path, error=ResultError)
        except OSError as error:
            raise ResultError(f"no result in {path}: {error.strerror or error}") from None
        try:
            result = cls.model_validate(
                load_json(text, str(path), wanted="the result of forge-arena attack", error=ResultError)
            )
        except ValidationError as error:
            raise ResultError(f"{path}: holds no result of forge-arena attack: {wrong_field(error)}") from None
        check_rows(result.rows, path)
        return result

    @property
    def title(self) -> str:
        """What this result is called in tables and pages: its name, otherwise that of its overseer."""
        return self.name or self.overseer

    @property
    def source(self) -> str:
        """The draws in words: `forge:5:val, 300 draws from 0`."""
        view = "" if self.view is View.full else f", view {self.view}"
        tools = "" if self.tools is None else f", tools {self.tools}"
        return f"{self.suite}:{self.split.value}, {counted(self.draws, 'draw')} from {self.start}{view}{tools}"

    @property
    def search(self) -> str:
        """The search in words: `up to 16 corruptions of the same type`."""
        return f"up to {counted(self.tries, 'corruption')} of {'any type' if self.any_type else 'the same type'}"

    @property
    def chosen_types(self) -> list[str]:
        """The types that were chosen at any number of tries, in the order of `CorruptionType`."""
        return [type.value for type in CorruptionType if any(type in point.chosen for point in self.curve)]

    def to_json(self) -> str:
        """This result as JSON; `AttackResult.read` reads it back from a file."""
        return self.model_dump_json(indent=2)


def attack(
    overseer: Overseer | str,
    *,
    tries: int,
    arena: str | AnyArena = "http://127.0.0.1:8000",
    token: str | None = None,
    split: Split | str = Split.val,
    episodes: int = 300,
    start: int = 0,
    any_type: bool = False,
    batch: int = 32,
    view: View | str = View.full,
    tools: bool = False,
    threshold_from: Result | None = None,
    name: str | None = None,
    spec: str | None = None,
    settings: Mapping[str, Any] | None = None,
    records: Path | None = None,
    resume: bool = False,
    seed: int = 0,
    on_progress: Progress | None = None,
) -> AttackResult:
    """Let an overseer review up to `tries` corruptions of each of `episodes` answers, and score the search.

    Each draw is reviewed as in a paired evaluation, so `curve[0]` is what `evaluate(..., paired=True)` says of the same
    draws. Then come the further corruptions, one of each draw in each round, so that no batch shows two corruptions of
    one answer. A draw whose answer takes no more corruptions is not asked for again. The arguments that are not
    explained here are those of `forge_agents.evaluation.evaluate`.

    Args:
        tries: how many corruptions of each answer, the episode's own included: 1 to 1,000. An attack that is resumed
            may have more of them, and asks for no verdict twice.
        any_type: try corruptions of every type that the scenario takes; by default of the episode's own type.
        threshold_from: an evaluation of the same overseer on other episodes. Its thresholds of 1% and 5% false alarms
            are tried on the chosen corruptions too.
        seed: decides the bootstrap and nothing else.
        on_progress: called with the verdicts done, and the most that there will be, after every batch and at the end.
            The second number falls where answers take fewer corruptions.

    Raises:
        ValueError: as `evaluate`.
        WrongReview, OverseerFailed, ArenaError: as `evaluate`.
    """
    split = Split(split)
    _check_numbers(episodes, start, batch, tries)
    thresholds: list[Threshold] = []
    if threshold_from is not None:
        points = choose_thresholds(threshold_from.rows, threshold_from.source, threshold_from.suite_hash, budget=BUDGET)
        thresholds = [point for point in points if point.rule is Rule.false_alarms]
    with ExitStack() as stack:
        parties = stack.enter_context(
            open_parties(overseer, arena, token=token, split=split, tools=tools, spec=spec, settings=settings)
        )
        task = parties.task(split, start, View(view))
        setup = AttackSetup(**task.model_dump(), episodes=episodes, paired=True, any_type=any_type)
        keys = [Key.of(setup.suite, split, index) for index in range(start, start + episodes)]
        if threshold_from is not None:
            check_threshold(threshold_from, setup, [str(key) for key in keys])
        file = None if records is None else stack.enter_context(Records(records, setup, AttemptRecord, resume=resume))
        reviewer = Reviewer(parties.overseer, answered=file is not None and bool(file.known))
        terms = Terms(view=setup.view, tools=parties.offered)
        search = _Search(reviewer, parties.client, terms, file, batch, on_progress or (lambda done, of: None))
        rows = search.rows_of(keys, tries, any_type)
        reviewer.finish()
        origin = parties.provenance(episodes=episodes, paired=True, batch=batch)
    draws, left_out = tried_draws(rows)
    families = len({draw.right.family for draw in draws})
    return AttackResult(
        **task.model_dump(),
        tries=tries,
        any_type=any_type,
        seed=seed,
        draws=len(draws),
        left_out=left_out,
        families=families,
        curve=tuple(search_curve(draws, tries, any_type=any_type, thresholds=thresholds, seed=seed)),
        cost=cost(graded_rows(rows)),
        name=name,
        notes=tuple(_notes(rows, len(draws), left_out, families)),
        provenance=origin,
        rows=tuple(rows),
    )


@dataclass(frozen=True, slots=True)
class _Search:
    """An overseer that reviews corruptions of answers, round after round. `rows` are its verdicts so far."""

    reviewer: Reviewer
    client: AnyArena
    terms: Terms
    file: Records[AttemptRecord] | None
    batch: int
    on_progress: Progress
    rows: list[Row] = field(default_factory=list)

    def rows_of(self, keys: Sequence[Key], tries: int, any_type: bool) -> list[Row]:
        """The verdicts on the right answers and on up to `tries` corruptions of each."""
        for names in rounds_of_keys(keys, paired=True):
            self._review(names, len(keys) * (tries + 1))
        going = _draws_that_go_on(keys, self.rows)
        for number in range(1, tries):
            if not going:
                break
            before = len(self.rows)
            further = [str(draw.with_corruption(number, any_type=any_type)) for draw in going]
            self._review(further, before + len(going) * (tries - number))
            going = _draws_that_go_on(going, self.rows[before:])
        # The last round may have ended searches of which more verdicts were expected.
        self.on_progress(len(self.rows), len(self.rows))
        return self.rows

    def _review(self, names: Sequence[str], of: int) -> None:
        for first in range(0, len(names), self.batch):
            part = names[first : first + self.batch]
            self.rows.extend(review_batch(self.reviewer, self.client, part, self.terms, self.file))
            self.on_progress(len(self.rows), of)


def _is_further(row: Row) -> bool:
    """Whether a row is of a further corruption of its answer, and not of the episode's own."""
    return Key.parse(row.key).further > 0


def _check_numbers(episodes: int, start: int, batch: int, tries: int) -> None:
    if episodes < 1 or start < 0 or not 1 <= batch <= MAX_BATCH or not 1 <= tries <= MAX_FURTHER + 1:
        raise BadArgument(
            f"episodes must be at least 1, start at least 0, batch 1..{MAX_BATCH} and tries 1..{MAX_FURTHER + 1}, got "
            f"{episodes}, {start}, {batch}, {tries}"
        )


def _draws_that_go_on(draws: Sequence[Key], rows: Sequence[Row]) -> list[Key]:
    """The draws on which every one of these rows was graded. On the others a further verdict would be of no use."""
    stopped = {Key.parse(row.key).draw for row in rows if row.outcome not in (Outcome.scored, Outcome.invalid_verdict)}
    return [draw for draw in draws if draw not in stopped]


def _notes(rows: Sequence[Row], draws: int, left_out: int, families: int) -> list[str]:
    """What a reader must know of the numbers."""
    notes = []
    # A try that does not exist is no failure.
    why = common_reasons(row.reason for row in rows if row.reward is None and not (row.final and _is_further(row)))
    if not draws:
        return ["no draw could be scored: nothing is shown", *([f"what failed: {why}"] if why else [])]
    if left_out:
        are = "is" if left_out == 1 else "are"
        notes.append(
            f"{counted(left_out, 'draw')} {are} left out for every number of tries, because something failed there"
            + (f": {why}" if why else "")
        )
    if unreadable := sum(row.outcome is Outcome.invalid_verdict for row in rows):
        notes.append(
            f"{unreadable} of {counted(len(graded_rows(rows)), 'verdict')} could not be read; counted as wrong"
        )
    notes += trouble_notes(Counter(row.trouble for row in rows if row.trouble is not None))
    if draws < FEW_NEGATIVES:
        notes.append(f"the rates at 1% and 5% false alarms rest on {counted(draws, 'right answer')}")
    if families < 2:
        notes.append("one family only: no interval, for that needs at least two")
    elif families < FEW_FAMILIES:
        notes.append(f"the draws are of {families} families: intervals that draw families are uncertain themselves")
    return notes
