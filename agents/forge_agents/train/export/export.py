"""Write training data for somebody who trains elsewhere: demonstrations, or pairs for preference optimization.

The rows are in TRL's conversational format, with a dataset card in the Hub's. An export leaves in its folder

    train.jsonl     or .parquet, or val: one row a line, in the order of the keys
    README.md       the dataset card
    export.json     the request, so that an interrupted export continues and no other export is mixed in

`request` says what can be asked for, `rows` makes the rows, and `card` describes the rows.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from forge_agents.client import ArenaClient
from forge_agents.train.export.card import Counts, count_rows, write_card, write_parquet
from forge_agents.train.export.request import ExportError, ExportRecord, ExportRequest, Format
from forge_agents.train.export.rows import batches, episode_index
from forge_agents.train.rows import Row
from forge_arena.errors import FileError
from forge_arena.files import parse_json, read_json, read_json_lines
from forge_arena.locks import LOCK, lock_folder

RECORD = "export.json"
ROW = TypeAdapter(dict[str, Any])


@dataclass(frozen=True, slots=True)
class ExportedRows:
    """The file of the rows, and how many rows there are of each kind of answer."""

    path: Path
    counts: Counts


def export(
    request: ExportRequest,
    *,
    arena: str,
    token: str | None = None,
    out: Path,
    on_progress: Callable[[int, int], None] = lambda done, of: None,
) -> ExportedRows:
    """Write an export to a folder. An interrupted export continues where it stopped.

    Raises:
        ExportError: the folder holds something else, or the arena is not the one with which the export was begun.
        FolderInUse: another process works in the folder.
        ArenaError: the arena cannot be reached, or refuses.
        ModelError: the model cannot be loaded.
    """
    if request.format is Format.parquet:
        # A missing package is refused before the work and not after it.
        import pyarrow  # type: ignore[import-untyped]  # noqa: F401
    if not (out / RECORD).is_file() and out.exists() and (not out.is_dir() or _holds_something(out)):
        raise ExportError(f"{out} holds something that is no export: give another --out")
    with lock_folder(out), ArenaClient(arena, token=token) as client:
        return _write_export(request, client, arena, token, out, on_progress)


def _write_export(
    request: ExportRequest,
    client: ArenaClient,
    arena: str,
    token: str | None,
    out: Path,
    on_progress: Callable[[int, int], None],
) -> ExportedRows:
    stats = client.stats()
    record = ExportRecord(wanted=request, suite=stats.suite_and_version, worker=stats.worker)
    if _begin_or_resume(out, record):
        on_progress(request.count, request.count)
        return ExportedRows(out / request.file, count_rows(_read_rows(out / request.file)))
    lines = out / f"{request.split}.jsonl"
    first = max(request.start, _cut_to_whole_rows(lines) + 1)
    on_progress(first - request.start, request.count)
    with lines.open("a", encoding="utf-8") as file:
        for batch in batches(record, client, first, arena, token):
            file.write("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in batch.rows))
            file.flush()
            on_progress(min(batch.end, request.end) - request.start, request.count)
    counts = count_rows(_read_rows(lines))
    if request.format is Format.parquet:
        write_parquet(_read_rows(lines), out / request.file, request.kind)
    write_card(record, counts, next(_read_rows(out / request.file), None), out)
    _write_record(out, record.model_copy(update={"done": True}))
    if request.format is Format.parquet:
        lines.unlink()
    return ExportedRows(out / request.file, counts)


def _begin_or_resume(out: Path, record: ExportRecord) -> bool:
    """Begin an export, or check that the folder holds the same export; returns whether the export is done already."""
    path = out / RECORD
    if not path.is_file():
        _write_record(out, record)
        return False
    try:
        known = read_json(path, TypeAdapter(ExportRecord))
    except FileError as error:
        raise ExportError(f"{path} is damaged, so the export cannot continue: give another --out ({error})") from None
    has = {"suite": known.suite, "worker": known.worker, **known.wanted.model_dump(mode="json")}
    asked = {"suite": record.suite, "worker": record.worker, **record.wanted.model_dump(mode="json")}
    for name, value in asked.items():
        if has[name] != value:
            raise ExportError(f"{out} holds an export with {name} {has[name]!r}, not {value!r}: give another --out")
    return known.done


def _holds_something(out: Path) -> bool:
    return any(path.name != LOCK for path in out.iterdir())


def _write_record(out: Path, record: ExportRecord) -> None:
    new = out / f"{RECORD}.new"
    new.write_text(record.model_dump_json(indent=2) + "\n", encoding="utf-8")
    new.replace(out / RECORD)


def _cut_to_whole_rows(path: Path) -> int:
    """Cut off a row that was not written whole; returns the index of the last episode, -1 if there is no row."""
    if not path.is_file():
        return -1
    whole, last, number = 0, b"", 0
    with path.open("r+b") as file:
        for line in file:
            if line.endswith(b"\n"):
                whole, last, number = whole + len(line), line, number + 1
        file.truncate(whole)
    if not last:
        return -1
    row = parse_json(last, ROW, f"{path}:{number}", wanted="a row of this export", error=ExportError)
    return episode_index(row["key"])


def _read_rows(path: Path) -> Iterator[Row]:
    if path.suffix == ".parquet":
        from pyarrow import parquet

        for batch in parquet.ParquetFile(path).iter_batches():
            yield from batch.to_pylist()
        return
    for _, row in read_json_lines(path, ROW, wanted="a row of this export", error=ExportError):
        yield row
