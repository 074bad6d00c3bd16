"""Build the documentation site into site/: gather its pages in build/docs/, then render them strictly.

Run by `make docs`. The pages are those in docs/ and three kinds of others:

- files of the repository that a page links to, such as CONTRIBUTING.md or a module. They become pages below
  `repository/`, and the links go there, so that no link needs another host;
- the environment's specification and the command line, which are made from the docstring and the options in the code;
- notebooks.

A dead link, a dead anchor, or a name without a docstring page fails the build.
"""

import inspect
import json
import posixpath
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import tomlkit
import typer
from typer.cli import get_docs_for_click
from typer.main import get_command

ROOT = Path(__file__).parents[1]
GATHERED = ROOT / "build" / "docs"
SITE = ROOT / "site"
DOCS = "docs/"
PICTURES = {".png", ".jpg", ".svg", ".webp"}
LANGUAGES = {".py": "python", ".mjs": "javascript", ".yml": "yaml", ".yaml": "yaml", ".toml": "toml", ".sh": "bash"}
# Code, which is passed over, or the target of a link: a file and an anchor in it.
CODE_OR_LINK = re.compile(
    r"^(?P<indent> *)(?P<fence>`{3,}|~{3,}).*?^(?P=indent)(?P=fence) *$"
    r"|`[^`\n]*`"
    r"|\]\((?P<file>[^)\s#]+)(?P<anchor>#[^)\s]*)?\)",
    re.MULTILINE | re.DOTALL,
)
# The rest of a page after this line is made from the code. In the repository it says where to look instead.
MARK = "<!-- generated from here on: make docs -->"
# The section of the navigation for the pages of a folder that zensical.toml gives no place.
SECTIONS = {"docs/reference": "Python", "docs/tools": "By tool", "docs": "Use"}


def main() -> None:
    for folder in (GATHERED, SITE):
        shutil.rmtree(folder, ignore_errors=True)
    gather(GATHERED / "pages")
    config = GATHERED / "zensical.toml"
    config.write_text(configuration(), encoding="utf-8")
    command = [sys.executable, "-m", "zensical", "build", "--strict", "--config-file", str(config)]
    built = subprocess.run(command, check=False)
    if built.returncode:
        sys.exit(built.returncode)
    shutil.move(GATHERED / "site", SITE)


def gather(folder: Path) -> None:
    """Write every page of the site into a folder, as Markdown, and the pictures beside them.

    Raises:
        SystemExit: a page links to a file that is not there, or zensical.toml names one. zensical itself looks only at
            links within its folder.
    """
    files = linked(own_pages())
    dead = [f"zensical.toml: there is no {page}" for page in own_pages() if page not in files]
    dead += [f"{page}: there is no {file}" for page in sorted(files) for file in links(page) if file not in files]
    if dead:
        sys.exit("dead links\n" + "\n".join(dead))
    for file in files:
        target = folder / place(file)
        target.parent.mkdir(parents=True, exist_ok=True)
        if is_picture(file):
            shutil.copyfile(ROOT / file, target)
        else:
            text = (ROOT / file).read_text(encoding="utf-8")
            if file in GENERATED:
                text = text.partition(MARK)[0] + GENERATED[file]()
            target.write_text(as_markdown(file, text), encoding="utf-8")


def own_pages() -> list[str]:
    """The pages in docs/ and the pages outside it that the navigation names, as paths in the repository."""
    inside = [path for ending in ("*.md", "*.ipynb") for path in (ROOT / DOCS).rglob(ending)]
    named = pages_of(tomlkit.parse((ROOT / "zensical.toml").read_text(encoding="utf-8"))["project"]["nav"])
    return sorted({path.relative_to(ROOT).as_posix() for path in inside} | set(named))


def linked(pages: list[str]) -> set[str]:
    """The pages, the files of the repository that they link to, and so on."""
    waiting = list(pages)
    seen: set[str] = set()
    while waiting:
        page = waiting.pop()
        if page not in seen and (ROOT / page).is_file():
            seen.add(page)
            waiting += links(page)
    return seen


def links(page: str) -> list[str]:
    """The paths in the repository that a page links to."""
    if not page.endswith(".md") or not (ROOT / page).is_file():
        return []
    text = (ROOT / page).read_text(encoding="utf-8")
    return [file for match in CODE_OR_LINK.finditer(text) if (file := target_of(match, page)) is not None]


def target_of(match: re.Match[str], page: str) -> str | None:
    """The path in the repository that a link of a page goes to; None if it goes to another host, or was code."""
    file = match["file"]
    if file is None or re.match(r"\w+:", file):
        return None
    return posixpath.normpath(posixpath.join(posixpath.dirname(page), file))


def is_picture(path: str) -> bool:
    return PurePosixPath(path).suffix in PICTURES


def place(path: str) -> str:
    """Where the site has the page of a file of the repository."""
    inside = path.removeprefix(DOCS) if path.startswith(DOCS) else f"repository/{path}"
    inside = inside if inside.endswith(".md") or is_picture(inside) else f"{inside}.md"
    return re.sub(r"(^|/)README\.md$", r"\1index.md", inside)


def as_markdown(page: str, text: str) -> str:
    """The text of a page as the site has it, with links between the places of the pages."""
    if page.endswith(".ipynb"):
        return notebook(text)
    if not page.endswith(".md"):
        language = LANGUAGES.get(PurePosixPath(page).suffix, "text")
        return f"# {page}\n\n````````{language}\n{text}````````\n"

    def relinked(match: re.Match[str]) -> str:
        file = target_of(match, page)
        if file is None:
            return match[0]
        return f"]({posixpath.relpath(place(file), posixpath.dirname(place(page)) or '.')}{match['anchor'] or ''})"

    return CODE_OR_LINK.sub(relinked, text)


def configuration() -> str:
    """zensical.toml for the gathered pages: paths as the site has them, and every page somewhere in the navigation."""
    config = tomlkit.parse((ROOT / "zensical.toml").read_text(encoding="utf-8")).unwrap()
    nav = config["project"]["nav"]
    named = set(pages_of(nav))
    for page in own_pages():
        if page not in named:
            dict(sections(nav))[SECTIONS[posixpath.dirname(page)]].append(page)
    config["project"] |= {"docs_dir": "pages", "nav": placed(nav)}
    paths = [str(ROOT / folder) for folder in ("arena", "server", "agents")]
    config["project"]["plugins"]["mkdocstrings"]["handlers"]["python"]["paths"] = paths
    return tomlkit.dumps(config)


def pages_of(nav: Any) -> Iterator[str]:
    if isinstance(nav, str):
        yield str(nav)
    else:
        for entry in nav.values() if isinstance(nav, dict) else nav:
            yield from pages_of(entry)


def placed(nav: Any) -> Any:
    if isinstance(nav, str):
        return place(nav)
    if isinstance(nav, dict):
        return {title: placed(below) for title, below in nav.items()}
    return [placed(entry) for entry in nav]


def sections(nav: Any) -> Iterator[tuple[str, list[Any]]]:
    """The sections of the navigation, each with its entries."""
    for entry in nav:
        for title, below in entry.items() if isinstance(entry, dict) else ():
            if isinstance(below, list):
                yield title, below
                yield from sections(below)


def environment() -> str:
    """The specification of the environment, from the docstring of its class."""
    from forge_arena import ENV_ID
    from forge_arena.env import ForgeArenaEnv

    summary, specification = inspect.cleandoc(ForgeArenaEnv.__doc__ or "").split("\n", 1)
    return f'{summary}\n\n```python\nenv = gymnasium.make("{ENV_ID}")\n```\n{specification}\n'


def command_line() -> str:
    """Every command with its options, from the command itself."""
    from forge_command.app import app

    command = get_command(app)
    for one in commands(command):
        if one.epilog and one.epilog.startswith("Example"):
            one.epilog = examples(one.epilog)
    text = get_docs_for_click(obj=command, ctx=typer.Context(command), name="forge-arena").partition("\n")[2]
    # A "[default: 300]" of an option is no link.
    return re.sub(r"^\* .*$", lambda option: re.sub(r"`[^`]*`|\[", escape_bracket, option[0]), text, flags=re.MULTILINE)


def escape_bracket(match: re.Match[str]) -> str:
    return r"\[" if match[0] == "[" else match[0]


def commands(command: Any) -> Iterator[Any]:
    yield command
    for one in getattr(command, "commands", {}).values():
        yield from commands(one)


def examples(epilog: str) -> str:
    """The examples at the end of a help text, as a block of code."""
    paragraphs = re.sub(r"^Examples?:\s*", "", epilog).split("\n\n")
    lines = "\n".join(f"$ {' '.join(paragraph.split())}" for paragraph in paragraphs)
    return f"**Examples**:\n\n```console\n{lines}\n```"


def notebook(text: str) -> str:
    """The cells of a notebook as Markdown."""
    return "\n\n".join(
        "".join(cell["source"]) if cell["cell_type"] == "markdown" else f"```python\n{''.join(cell['source'])}\n```"
        for cell in json.loads(text)["cells"]
    )


GENERATED = {"docs/reference/environment.md": environment, "docs/reference/command-line.md": command_line}


if __name__ == "__main__":
    main()
