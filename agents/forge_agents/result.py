"""The result of an evaluation: its task, its rows and its scorecard, as a file and as text."""

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, ValidationError

import forge_arena
from forge_agents.provenance import Provenance
from forge_agents.records import Task
from forge_agents.votes import Votes
from forge_agents.words import counted, format_number, interval, shortened
from forge_arena.errors import ForgeArenaError
from forge_arena.files import load_json, read_text
from forge_arena.keys import Key
from forge_arena.measures.scorecard import Cost, Detectable, FixedThreshold, Pairs, Row, Scorecard
from forge_arena.storable import Text
from forge_arena.texts.visible import visible
from forge_arena.types import Estimate, Outcome, View

SCHEMA: Literal[2] = 2
WANTED = "the result of an evaluation: the folder that eval --out wrote, or its result.json"
HEADLINE = {
    "balanced_accuracy": "balanced accuracy",
    "auroc": "AUROC",
    "tpr_at_5": "found at 5% false alarms",
    "reward": "reward",
    "skill": "skill",
    "brier": "Brier score",
}


class ResultError(ForgeArenaError, ValueError):
    """A file holds no result of an evaluation, or a result of another version."""


def _several(frozen: Any) -> Any:
    """Older versions wrote the scores at one threshold, or None, where there are now several."""
    return () if frozen is None else (frozen,) if isinstance(frozen, dict) else frozen


class Result(Task):
    """One evaluation: its task, its rows, and their scorecard.

    Attributes:
        seed: decided the intervals, and nothing else.
        groups: the scorecards by domain, corruption type, stealth, mechanism, awareness, candour and family.
        detectable: what difference from a fixed value, such as chance, so many families show; None if there are too few
            families, and in results of older versions.
        name: what its maker calls it; None if it has the name of its overseer.
        frozen: the scores at thresholds that were chosen on other episodes; empty without such thresholds.
        votes: the scores of a vote of several verdicts on each episode; None if each episode has one verdict.
        pairs: the scores on twins; None unless the evaluation was paired.
        cost: what the verdicts took, in time, tokens and money.
        provenance: how the result was made; None in results of older versions.
    """

    schema_version: Literal[2] = SCHEMA
    forge_arena: str = forge_arena.__version__
    seed: int
    rows: tuple[Row, ...]
    scorecard: Scorecard
    groups: dict[str, dict[str, Scorecard]] = {}
    frozen: Annotated[tuple[FixedThreshold, ...], BeforeValidator(_several)] = ()
    detectable: Detectable | None = None
    votes: Votes | None = None
    pairs: Pairs | None = None
    cost: Cost | None = None
    name: Text | None = None
    provenance: Provenance | None = None

    def to_json(self) -> str:
        """This evaluation as JSON; `Result.read` reads it back from a file."""
        return self.model_dump_json(indent=2)

    @classmethod
    def read(cls, path: Path) -> Self:
        """The result in a file, or in a folder that `eval --out` wrote.

        Raises:
            ResultError: there is no result, or another version wrote it; the message says what to do.
        """
        path = path / "result.json" if path.is_dir() else path
        try:
            text = read_text(path, error=ResultError)
        except OSError as error:
            raise ResultError(f"no result in {path}: {error.strerror or error}; wanted {WANTED}") from None
        content = load_json(text, str(path), wanted=WANTED, error=ResultError)
        try:
            result = cls.model_validate(content)
        except ValidationError as error:
            raise ResultError(f"{path}: {_explain(content, error)}") from None
        check_rows(result.rows, path)
        return result

    @property
    def title(self) -> str:
        """What this result is called in tables and pages: its name, otherwise that of its overseer."""
        return self.name or self.overseer

    def __repr__(self) -> str:
        metrics = ", ".join(f"{title} {format_number(e.value)} ({interval(e)})" for title, e in self.headline())
        return f"Result({self.title} on {self.source}: {metrics})"

    def __str__(self) -> str:
        return repr(self)

    def _repr_html_(self) -> str:
        """The headline as a table, for a notebook."""
        cells = "".join(
            f"<tr><th>{escape(title)}</th><td>{format_number(e.value)}</td><td>{interval(e)}</td></tr>"
            for title, e in self.headline()
        )
        return (
            f"<table><caption>{escape(visible(self.title))} on {escape(visible(self.source))}</caption>"
            f"<tr><th></th><th>value</th><th>95% interval</th></tr>{cells}</table>"
        )

    def headline(self) -> list[tuple[str, Estimate]]:
        """The metrics that a reader looks at first, with their titles."""
        return [(title, getattr(self.scorecard, name)) for name, title in HEADLINE.items()]

    @property
    def power_in_words(self) -> str:
        """What difference the families of this result show, as a sentence; empty if that is not known."""
        if self.detectable is None or not self.detectable.in_words:
            return ""
        return (
            f"With {self.detectable.families} families that differ as much as these, a difference from a fixed value "
            f"(such as chance) is found with {self.detectable.power:.0%} power if it is at least "
            f"{self.detectable.in_words}."
        )

    @property
    def source(self) -> str:
        """The episodes in words: `forge:5:val, 300 episodes from 0`."""
        return f"{self.suite}:{self.split.value}, {self._draws} from {self.start}{self._verdicts_on_each}{self._shown}"

    @property
    def size_in_words(self) -> str:
        """The number of episodes or pairs, in words: `150 pairs`, or `100 episodes, 4 verdicts on each`."""
        return self._draws + self._verdicts_on_each

    @property
    def _draws(self) -> str:
        draws = len({Key.parse(row.key).draw for row in self.rows})
        return counted(draws, "episode" if self.pairs is None else "pair")

    @property
    def _shown(self) -> str:
        """The view and the tools in words, empty if everything was shown and no tool was offered."""
        view = "" if self.view is View.full else f", view {self.view}"
        return view + ("" if self.tools is None else f", tools {self.tools}")

    @property
    def _verdicts_on_each(self) -> str:
        if self.samples == 1:
            return ""
        return f", {self.samples} verdicts on each" + ("" if self.pairs is None else " answer")


def check_rows(rows: Sequence[Row], path: Path) -> None:
    """Check what the fields of a row cannot say, because anybody may have written the file.

    Raises:
        ResultError: a row contradicts itself, or is of the same verdict as a row before it.
    """
    first: dict[tuple[str, int], int] = {}
    for number, row in enumerate(rows):
        try:
            Key.parse(row.key)
        except ValueError as error:
            raise ResultError(f"{path}: rows.{number}.key {shortened(repr(row.key))}: {error}") from None
        if (problem := _contradiction(row)) is not None:
            raise ResultError(f"{path}: rows.{number} {problem}")
        same = first.setdefault((row.key, row.attempt), number)
        if same != number:
            raise ResultError(
                f"{path}: rows.{number} is of the same verdict as rows.{same}: key {row.key}, attempt {row.attempt}; "
                "a result has one row for each verdict"
            )


def _contradiction(row: Row) -> str | None:
    """What of a row contradicts the rest of the row; None if nothing does."""
    is_graded = row.outcome in (Outcome.scored, Outcome.invalid_verdict)
    if is_graded and row.reward is None:
        return f"has no reward, although its outcome is {row.outcome}"
    if not is_graded and row.reward is not None:
        return f"has a reward, although its outcome is {row.outcome}"
    if row.reward is not None and (row.corrupted is None or row.family is None):
        return "has a reward, and does not say its family or whether it is corrupted"
    if (row.detection is None) != (row.p_corrupted is None):
        return "has only one of detection and p_corrupted, and a verdict gives both"
    return None


def wrong_field(error: ValidationError) -> str:
    """The first field that a file has wrong, and why: `rows.3.reward: Input should be a finite number, got nan`."""
    first = error.errors(include_url=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    given = "" if first["type"] == "missing" else f", got {shortened(repr(first['input']))}"
    return f"{where}: {first['msg']}{given}"


def _explain(content: Any, error: ValidationError) -> str:
    """Why a file holds no result, in words for its owner."""
    if not isinstance(content, dict):
        return "holds no result of an evaluation: it is no JSON object"
    version = content.get("schema_version")
    if "dataset" in content:
        return "is of labelled answers (eval --dataset), and this takes evaluations against an arena"
    if "tries" in content:
        return "is of an attack (forge-arena attack), and this takes evaluations"
    if version is not None and version != SCHEMA:
        return f"written by another version (schema {version}, this one reads {SCHEMA}): evaluate again"
    return f"holds no result of an evaluation: {wrong_field(error)}"
