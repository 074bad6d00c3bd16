"""Read the rows of files to import, and refuse what is no row by file and line."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

from pydantic import Field, TypeAdapter

from forge_arena.errors import ScenarioError
from forge_arena.files import ForeignRow, read_json_lines
from forge_arena.storable import STORABLE, Text
from forge_arena.types import Domain


class Row(ForeignRow):
    """One line of a file to import. Other fields are ignored."""

    task: Annotated[str, Field(min_length=1, max_length=8_000), STORABLE]
    source_material: Annotated[str, Field(min_length=1), STORABLE]
    domain: Domain
    id: Text | None = None
    options: tuple[Text, ...] = ()
    fitting_option: Text | None = None


def read_rows(paths: Iterable[Path]) -> dict[Path, dict[str, Row]]:
    """The rows of JSONL files: by file, and by the name of the scenario that each becomes.

    Raises:
        ScenarioError: a line is no JSON or no row, or two rows have one name; `file:line: what was given, what was wanted`.
        OSError: a file cannot be read.
    """
    files: dict[Path, dict[str, Row]] = {}
    places: dict[str, str] = {}
    for path in paths:
        if path.stem != path.stem.encode("utf-8", "replace").decode():
            raise ScenarioError(f"{path}: scenarios are named after their file, and this name is not UTF-8: rename it")
        rows = {}
        wanted = "a row with task, source_material, domain"
        for number, row in read_json_lines(path, TypeAdapter(Row), wanted=wanted, error=ScenarioError):
            name, place = f"{path.stem}:{row.id or number}", f"{path}:{number}"
            if name in places:
                raise ScenarioError(
                    f"{place}: a scenario is named after its file and the row's id (without an id, its line), and "
                    f"{name!r} is {places[name]} already: give one of the two rows another id, or its file another name"
                )
            places[name] = place
            rows[name] = row
        files[path] = rows
    return files
