"""The examples of a page of the documentation, by convention, so that a new page is tested by existing.

- A `python` block is run. All such blocks of a page are one script, in their order.
- A `python` block whose first line is `# name.py` is a file with that name beside the script.
- A `bash` block is run by bash after the script, in the same folder.
- A `text` block right after a `python` block is what the script prints there. "…" stands for any text.
- A block after a line `<!-- not run: reason -->` is not run.

`http://127.0.0.1:8000` is replaced by the URL of a running arena. Blocks of `console` show what a person types, and are not
run.
"""

import ast
import re
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

ARENA = "http://127.0.0.1:8000"
BLOCK = re.compile(
    r"(?P<not_run><!-- not run: [^\n]+ -->\n+)?^```(?P<language>python|bash)\n(?P<code>.*?)^```$"
    r"(?:\n+^```text\n(?P<printed>.*?)^```$)?",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Examples:
    """What a page has to run: a script, files beside the script, commands for bash, and what the script prints."""

    script: str
    files: dict[str, str]
    commands: str
    printed: str

    @classmethod
    def of(cls, text: str) -> "Examples":
        """The examples in the text of a page."""
        blocks = [match for match in BLOCK.finditer(text) if not match["not_run"]]
        python = [match for match in blocks if match["language"] == "python"]
        files = {name: match["code"] for match in python if (name := file_name(match["code"])) is not None}
        scripts = [match for match in python if file_name(match["code"]) is None]
        return cls(
            script="\n".join(match["code"] for match in scripts),
            files=files,
            commands="\n".join(match["code"] for match in blocks if match["language"] == "bash"),
            printed="".join(match["printed"] or "" for match in scripts),
        )

    def __bool__(self) -> bool:
        return bool(self.script or self.commands)

    @property
    def missing(self) -> list[str]:
        """The packages that the script imports and this environment lacks."""
        nodes = list(ast.walk(ast.parse("\n".join([self.script, *self.files.values()]))))
        names = {name.name for node in nodes if isinstance(node, ast.Import) for name in node.names}
        names |= {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module}
        packages = {name.partition(".")[0] for name in names} - {Path(file).stem for file in self.files}
        return sorted(name for name in packages if name not in sys.stdlib_module_names and find_spec(name) is None)


def file_name(code: str) -> str | None:
    """The name of the file that a block is; None if the block is part of the script."""
    match = re.match(r"# ([\w/]+\.py)\n", code)
    return match[1] if match else None


def agrees(printed: str, shown: str) -> bool:
    """Whether what was printed is what a page shows, where "…" stands for any text."""
    return re.fullmatch(".*?".join(map(re.escape, shown.strip().split("…"))), printed.strip(), re.DOTALL) is not None
