"""A reading of `forge-arena audit labels`: episodes that a person marks, as files, and the score of the marks."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from forge_arena.types import Split
from forge_command.console import extra, fail, write_file
from forge_command.result_folder import ResultFolder

if TYPE_CHECKING:
    from forge_arena.audits.report import AuditReport
    from forge_arena.episodes import Arena


def score_reading(marks: Path, key: Path) -> "AuditReport":
    from forge_arena.audits.blind import load_key, load_marks, score_marks

    return score_marks(load_marks(marks), load_key(key))


def keep_result(marks: Path, key: Path, folder: ResultFolder, name: str | None) -> str | None:
    """Keep the marks as the result of an evaluation: result, records and page. Returns the line that names the page.

    Args:
        marks, key: the files of a reading.
        folder: where the result is kept; without a path nothing is.
        name: what the result is called.
    """
    from forge_agents.human import result_of_marks
    from forge_arena.audits.blind import load_key, load_marks

    if folder.path is None or folder.records is None:
        return None
    if folder.records.exists():
        raise fail(f"{folder.path} holds an evaluation already: take another folder")
    result = result_of_marks(load_marks(marks), load_key(key), records=folder.records, name=name)
    for path, text in folder.files(result).items():
        write_file(path, text)
    return folder.write_page(result)


def write_reading(
    file: Path, arena: "Arena", count: int, splits: Sequence[Split], seed: int, on_progress: Callable[[int, int], None]
) -> tuple[Path, Path, Path]:
    """Write a reading; its page, its rows and its key."""
    with extra("report", "a reading"):
        from forge_arena.audits.blind import blind, export

        return export(blind(arena, count, splits=splits, seed=seed, on_progress=on_progress), file)
