"""The folder in which `eval --out` keeps an evaluation."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from forge_command.console import as_json, fail, writable_file, writable_folder

if TYPE_CHECKING:  # It takes seconds to import, and refusals do not need it.
    from forge_agents.result import Result

RESULT = "result.json"


@dataclass(frozen=True)
class ResultFolder:
    """Where an evaluation's files lie, and whether the evaluation goes on with them. Without `path` nothing is kept."""

    path: Path | None
    resume: bool = False

    @property
    def records(self) -> Path | None:
        """The file with the record of every verdict."""
        return None if self.path is None else self.path / "records.jsonl"

    def check_no_other_result(self) -> None:
        """Leave if the folder holds a result without its records, which this evaluation would replace."""
        if self.path is None or self.records is None or not (self.path / RESULT).exists():
            return
        from forge_agents.records import has_records

        if not has_records(self.records):
            raise fail(f"{self.path / RESULT} is a result already: take another folder")

    def files(self, result: Any) -> dict[Path, str]:
        """The texts to write for a result, by path."""
        return {} if self.path is None else {self.path / RESULT: as_json(result)}

    def write_page(self, result: "Result") -> str | None:
        """Write the page of a result. Returns the line that names the page; None without a folder."""
        return None if self.path is None else write_page(self.path, result)

    def how_to_go_on(self) -> str:
        """What a person should do after an interruption."""
        if self.path is None:
            return "; with --out the next evaluation can go on after an interruption"
        return self.how_to_go_on_if_begun() or "; no verdict is recorded yet: start again"

    def how_to_go_on_if_begun(self) -> str:
        """The same if a verdict is recorded; otherwise nothing."""
        from forge_agents.records import has_records

        if self.records is None or not has_records(self.records):
            return ""
        return f"; every verdict so far is in {self.path}: go on with --resume"


def writable_result_folder(path: Path | None) -> Path | None:
    """Refuse a folder that cannot take a result, before the work begins. The callback of an option."""
    if writable_folder(path) is not None and path is not None and path.exists():
        writable_file(path / RESULT)
    return path


def write_page(folder: Path, result: "Result | None" = None) -> str:
    """Write the page. Returns the line that says where the page is, or how to install the libraries for it.

    Args:
        folder: holds the result and its records.
        result: the result in the folder, if the caller has it already.
    """
    try:
        from forge_agents.report import write_report
    except ModuleNotFoundError as error:
        return f"{folder / RESULT} (a report needs {error.name}: pip install 'forge-arena[report]')"
    return str(write_report(folder, result))
