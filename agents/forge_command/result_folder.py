"""The folder in which `eval --out` keeps an evaluation."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from forge_command.console import as_json

RESULT = "result.json"


@dataclass(frozen=True)
class ResultFolder:
    """Where an evaluation is kept, and whether it goes on with what is there. `path` is None where nothing is kept."""

    path: Path | None
    resume: bool = False

    @property
    def records(self) -> Path | None:
        """The file with every judged episode."""
        return None if self.path is None else self.path / "records.jsonl"

    def files(self, result: Any) -> dict[Path, str]:
        """What is to be written of a result, by its place."""
        return {} if self.path is None else {self.path / RESULT: as_json(result)}

    def how_to_go_on(self) -> str:
        """What a person should do after an interruption."""
        if self.path is None:
            return "; keep what is judged by --out"
        return f"; what was judged is in {self.path}: go on with --resume"

    def how_to_go_on_if_begun(self) -> str:
        """The same after an error, where an episode was judged before it; otherwise nothing."""
        return self.how_to_go_on() if self.records is not None and self.records.exists() else ""
