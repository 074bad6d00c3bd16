"""The report of an audit: gates that must hold, tables and figures. It is frozen, and the same as JSON."""

from typing import Literal, Self

from pydantic import JsonValue, model_validator

from forge_arena.types import Finite, Noun

Cell = str | int | Finite | None


class Gate(Noun):
    """A bound that must be kept: the value that was measured, the limit, and whether the value passed.

    An `open` gate neither holds nor fails, because too little was measured to decide it.
    """

    name: str
    value: Finite
    limit: Finite
    passed: bool
    detail: str = ""
    open: bool = False

    @model_validator(mode="after")
    def _of_one_state(self) -> Self:
        if self.open and self.passed:
            raise ValueError(f"gate {self.name!r} is open, so it cannot have passed")
        return self

    @property
    def state(self) -> Literal["failed", "open", "passed"]:
        return "passed" if self.passed else "open" if self.open else "failed"


class Table(Noun):
    """Rows under named columns; None is an empty cell."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""

    @model_validator(mode="after")
    def _rectangular(self) -> Self:
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(
                    f"table {self.title!r} has {len(self.columns)} columns, got a row of {len(row)}: {row!r}"
                )
        return self


class Figure(Noun):
    """Numbers to draw.

    Attributes:
        title: the heading.
        kind: `bars` and `intervals` have one value for each label; `heat` has one for each label in each row.
        labels: the names of the bars or intervals, or of the columns of a heat map.
        values: the numbers; those of a heat map row by row.
        low: the lower ends of the intervals; bars may have them too.
        high: the upper ends of the intervals.
        limit: is drawn as a line.
        rows: the names of the rows of a heat map.
    """

    title: str
    kind: Literal["bars", "heat", "intervals"]
    labels: tuple[str, ...]
    values: tuple[Finite, ...]
    low: tuple[Finite, ...] = ()
    high: tuple[Finite, ...] = ()
    limit: Finite | None = None
    rows: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _complete(self) -> Self:
        wanted = len(self.labels) * (len(self.rows) if self.kind == "heat" else 1)
        if len(self.values) != wanted:
            raise ValueError(f"figure {self.title!r} needs {wanted} values, got {len(self.values)}")
        ends = {len(self.low), len(self.high)}
        if ends != {wanted} and (ends != {0} or self.kind == "intervals"):
            raise ValueError(
                f"figure {self.title!r} needs {wanted} interval ends, got {len(self.low)} low and {len(self.high)} high"
            )
        return self


class AuditReport(Noun):
    """The result of an audit; `settings` has everything that is needed to repeat the audit."""

    schema_version: Literal[1] = 1
    audit: str
    suite: str
    settings: dict[str, JsonValue]
    gates: tuple[Gate, ...]
    tables: tuple[Table, ...]
    figures: tuple[Figure, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether every gate holds; true if there is no gate. A gate that is open does not hold."""
        return all(gate.passed for gate in self.gates)

    @property
    def failed(self) -> bool:
        """Whether a gate fails. An open gate does not."""
        return any(gate.state == "failed" for gate in self.gates)

    def to_json(self) -> str:
        """The report as indented JSON; `AuditReport.model_validate_json` reads it back."""
        return self.model_dump_json(indent=2)
