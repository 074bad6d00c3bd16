"""The result of an evaluation: its task, its rows and its scorecard, as a file and as text."""

from html import escape
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import ValidationError

import forge_arena
from forge_agents.records import Task
from forge_agents.votes import Votes
from forge_agents.words import format_number, interval
from forge_arena.errors import ForgeArenaError
from forge_arena.files import load_json, read_text
from forge_arena.keys import Key
from forge_arena.measures.scorecard import Cost, FixedThreshold, Pairs, Row, Scorecard
from forge_arena.texts.visible import visible
from forge_arena.types import Estimate

SCHEMA: Literal[2] = 2
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


class Result(Task):
    """One evaluation: its task, its rows, and their scorecard.

    Attributes:
        seed: decided the intervals, and nothing else.
        groups: the scorecards by domain, corruption type, stealth and mechanism.
        frozen: the scores at a threshold that was chosen on other episodes; None without such a threshold.
        votes: the scores of a vote of several verdicts on each episode; None if each episode has one verdict.
        pairs: the scores on twins; None unless the evaluation was paired.
    """

    schema_version: Literal[2] = SCHEMA
    forge_arena: str = forge_arena.__version__
    seed: int
    rows: tuple[Row, ...]
    scorecard: Scorecard
    groups: dict[str, dict[str, Scorecard]] = {}
    frozen: FixedThreshold | None = None
    votes: Votes | None = None
    pairs: Pairs | None = None
    cost: Cost | None = None

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
            raise ResultError(f"no result in {path}: {error}") from None
        content = load_json(text, str(path), wanted="the result of an evaluation", error=ResultError)
        try:
            return cls.model_validate(content)
        except ValidationError as error:
            raise ResultError(f"{path}: {_explain(content, error)}") from None

    def __repr__(self) -> str:
        metrics = ", ".join(f"{title} {format_number(e.value)} ({interval(e)})" for title, e in self.headline())
        return f"Result({self.overseer} on {self.source}: {metrics})"

    def __str__(self) -> str:
        return repr(self)

    def _repr_html_(self) -> str:
        """The headline as a table, for a notebook."""
        cells = "".join(
            f"<tr><th>{escape(title)}</th><td>{format_number(e.value)}</td><td>{interval(e)}</td></tr>"
            for title, e in self.headline()
        )
        return (
            f"<table><caption>{escape(visible(self.overseer))} on {escape(visible(self.source))}</caption>"
            f"<tr><th></th><th>value</th><th>95% interval</th></tr>{cells}</table>"
        )

    def headline(self) -> list[tuple[str, Estimate]]:
        """The metrics that a reader looks at first, with their titles."""
        return [(title, getattr(self.scorecard, name)) for name, title in HEADLINE.items()]

    @property
    def source(self) -> str:
        """The episodes in words: `forge:4:val, 300 episodes from 0`."""
        return f"{self.suite}:{self.split.value}, {self._draws} from {self.start}{self._verdicts_on_each}"

    @property
    def size_in_words(self) -> str:
        """The number of episodes or pairs, in words: `150 pairs`, or `100 episodes, 4 verdicts on each`."""
        return self._draws + self._verdicts_on_each

    @property
    def _draws(self) -> str:
        draws = len({Key.parse(row.key).draw for row in self.rows})
        noun = "episode" if self.pairs is None else "pair"
        return f"{draws} {noun}{'' if draws == 1 else 's'}"

    @property
    def _verdicts_on_each(self) -> str:
        if self.samples == 1:
            return ""
        return f", {self.samples} verdicts on each" + ("" if self.pairs is None else " answer")


def _explain(content: Any, error: ValidationError) -> str:
    """Why a file holds no result, in words for its owner."""
    if not isinstance(content, dict):
        return "holds no result of an evaluation: it is no JSON object"
    version = content.get("schema_version")
    if "dataset" in content:
        return "is of labelled answers (eval --dataset), and this takes evaluations against an arena"
    if version is not None and version != SCHEMA:
        return f"written by another version (schema {version}, this one reads {SCHEMA}): evaluate again"
    where = ".".join(str(part) for part in error.errors()[0]["loc"])
    return f"holds no result of an evaluation: {where} is not as it should be"
