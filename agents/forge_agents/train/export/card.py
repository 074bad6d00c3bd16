"""Describe exported rows: their counts, the dataset card in the Hub's format, and parquet as the other file format."""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from huggingface_hub import DatasetCard, DatasetCardData

from forge_agents.pages import fill
from forge_agents.train.export.request import COLUMNS, ExportRecord, Kind
from forge_agents.train.rows import Row
from forge_agents.words import shortened
from forge_arena import __version__
from forge_arena.software import revision
from forge_arena.types import CorruptionType, Form

SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
LONGEST_SHOWN = 160
ROWS_OF_A_PART = 1_000
# Suites whose texts are the arena's own. Texts of documents have the licence of their owners.
OWN_SUITES = ("forge", "short")
LICENCE = "apache-2.0"


@dataclass(slots=True)
class Counts:
    """Rows by what was done to the answer and by domain, their families, and what they earned."""

    rows: int = 0
    cells: Counter[tuple[str, str]] = field(default_factory=Counter)
    families: set[str] = field(default_factory=set)
    rewards: Counter[str] = field(default_factory=Counter)

    def add(self, row: Row) -> None:
        self.rows += 1
        self.cells[row["corruption_type"] or row["form"], row["domain"]] += 1
        self.families.add(row["family"])
        for name in row:
            if name.endswith("reward"):
                self.rewards[name] += row[name]

    @property
    def kinds(self) -> list[str]:
        """The forms and corruption types that occur, in order."""
        present = {kind for kind, _ in self.cells}
        return [kind for kind in (Form.clean.value, Form.placebo.value, *CorruptionType) if kind in present]

    @property
    def domains(self) -> list[str]:
        return sorted({domain for _, domain in self.cells})

    def of(self, kind: str | None = None, domain: str | None = None) -> int:
        """How many rows there are of a kind and a domain; None means all."""
        return sum(n for (k, d), n in self.cells.items() if kind in (None, k) and domain in (None, d))


def count_rows(rows: Iterable[Row]) -> Counts:
    """The counts of all rows of an export."""
    counts = Counts()
    for row in rows:
        counts.add(row)
    return counts


def write_parquet(rows: Iterable[Row], path: Path, kind: Kind) -> None:
    """Write rows as a parquet file, which is written whole or not at all."""
    import pyarrow  # type: ignore[import-untyped]
    from pyarrow import parquet

    chat = pyarrow.list_(pyarrow.struct([("role", pyarrow.string()), ("content", pyarrow.string())]))
    types = {"stealth": pyarrow.int64()} | dict.fromkeys(
        ("reward", "chosen_reward", "rejected_reward"), pyarrow.float64()
    )
    types |= dict.fromkeys(("prompt", "completion", "chosen", "rejected"), chat)
    # The schema is given, because a column in which every value is None would be guessed to have no type.
    schema = pyarrow.schema([(name, types.get(name, pyarrow.string())) for name in COLUMNS[kind]])
    new = path.with_name(f"{path.name}.new")
    with parquet.ParquetWriter(new, schema) as writer:
        part: list[Row] = []
        for row in rows:
            part.append(row)
            if len(part) == ROWS_OF_A_PART:
                writer.write_table(pyarrow.Table.from_pylist(part, schema))
                part = []
        writer.write_table(pyarrow.Table.from_pylist(part, schema))
    new.replace(path)


def write_card(record: ExportRecord, counts: Counts, sample: Row | None, out: Path) -> None:
    """Write the dataset card to `out / "README.md"`."""
    request = record.wanted
    own = record.suite.split(":")[0] in OWN_SUITES
    data = DatasetCardData(
        license=LICENCE if own else None,
        pretty_name=f"ForgeArena {record.suite} {request.split}, {request.kind.value}",
        task_categories=["text-generation"],
        size_categories=next((name for most, name in SIZES if counts.rows < most), "n>1M"),
        tags=["forge-arena", "scalable-oversight", "trl", request.kind.value],
        configs=[{"config_name": "default", "data_files": [{"split": request.split, "path": request.file}]}],
    )
    text = fill(
        "train/export.md.jinja",
        data=data.to_yaml(),
        record=record,
        request=request,
        counts=counts,
        columns=COLUMNS[request.kind],
        sample=None if sample is None else json.dumps(_shorten(sample), ensure_ascii=False, indent=2),
        version=__version__,
        revision=revision(),
        made=datetime.now(UTC).date().isoformat(),
        own=own,
    )
    DatasetCard(text).save(out / "README.md")


def _shorten(value: Any) -> Any:
    if isinstance(value, str):
        return shortened(value, LONGEST_SHOWN)
    if isinstance(value, list):
        return [_shorten(inner) for inner in value]
    return {name: _shorten(inner) for name, inner in value.items()} if isinstance(value, dict) else value
