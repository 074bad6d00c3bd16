"""What an audit says: gates that must hold, tables and figures to look at. Frozen, and the same in memory and as JSON."""

from typing import Annotated, Literal, Self

from pydantic import Field, JsonValue, model_validator

from forge_arena.types import Noun

# A value that is not a number would make every comparison false, and JSON cannot say it.
Finite = Annotated[float, Field(allow_inf_nan=False)]
Cell = str | int | Finite | None


class Gate(Noun):
    """One thing that must hold: what was measured, and the limit that `passed` says it keeps."""

    name: str
    value: Finite
    limit: Finite
    passed: bool
    detail: str = ""


class Table(Noun):
    """Rows under named columns; None is a cell with nothing to say."""

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
    """Numbers to draw. `bars` and `intervals` have one value a label, intervals with their ends in `low` and `high`
    (which bars may have too); `heat` has `values` row by row, one for each label in each of `rows`. `limit` is drawn as
    a line."""

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
    """What an audit found. `settings` are what it takes to repeat it."""

    schema_version: Literal[1] = 1
    audit: str
    suite: str
    settings: dict[str, JsonValue]
    gates: tuple[Gate, ...]
    tables: tuple[Table, ...]
    figures: tuple[Figure, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether every gate holds. An audit without gates has nothing that could fail."""
        return all(gate.passed for gate in self.gates)

    def to_json(self) -> str:
        """The report as indented JSON; `AuditReport.model_validate_json` reads it back."""
        return self.model_dump_json(indent=2)
