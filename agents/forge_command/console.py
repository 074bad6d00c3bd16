"""What every command shares with its user: printing, writing results, checking options, and one way to refuse."""

import json
import os
import shlex
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer
from pydantic import BaseModel
from rich.console import Console
from rich.markup import escape

from forge_arena.errors import ForgeArenaError
from forge_arena.suggest import did_you_mean
from forge_arena.types import Load

UNAUTHORIZED = 401
# The columns of a table that goes into a pipe or a file.
PIPED_WIDTH = 120


class Messages(Console):
    """The console on standard error. If nobody reads it any more, the command goes on without messages."""

    def __init__(self) -> None:
        super().__init__(stderr=True, emoji=False)

    def on_broken_pipe(self) -> None:
        """Go on, because the command may still have results to write. By default rich ends the process here."""
        self.quiet = True
        # Otherwise the last words fail again when the process ends, and the exit code becomes 120.
        with open(os.devnull, "w") as nowhere:
            os.dup2(nowhere.fileno(), sys.stderr.fileno())


console = Messages()


def open_closed_streams() -> None:
    """Put an empty stream in the place of each standard stream that is closed, as after `>&-` in a shell.

    Python makes such a stream None, to which nothing can be written. And the next file that is opened would get the
    number of the closed stream, so that a message of a library could end up in a result.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115  (open until the process ends)


def fail(message: str) -> typer.Exit:
    """Say on standard error what is wrong. Returns the exit for the caller to raise."""
    # Not wrapped, because a path that is broken over two lines cannot be copied.
    console.print(f"[bold red]error:[/] {escape(message)}", highlight=False, soft_wrap=True)
    return typer.Exit(2)


@contextmanager
def refusals() -> Iterator[None]:
    """Turn an error that the user can mend into one line and exit code 2. The command catches errors here alone.

    An error that the user can mend is a `ForgeArenaError`, or an `OSError` of the disk, the network or the terminal.
    Any other error is a defect of ours and stays a traceback, because whoever repairs it needs the place.
    """
    try:
        yield
    except (ForgeArenaError, OSError) as error:
        # The reader of a pipe may leave when it has seen enough. That is no error to report.
        if isinstance(error, BrokenPipeError):
            raise
        if isinstance(error, FileNotFoundError) and error.filename is not None:
            raise fail(f"{error.filename}: there is no such file") from None
        if isinstance(error, IsADirectoryError) and error.filename is not None:
            raise fail(f"{error.filename} is a folder, and this takes a file") from None
        if isinstance(error, OSError) and error.filename is not None and error.strerror is not None:
            # Without the number of the error, which says nothing to a person.
            raise fail(f"{error.filename}: {error.strerror}") from None
        raise fail(in_words(error)) from None


def in_words(error: Exception) -> str:
    """What the error says. If the arena wants a token, also the option that gives one."""
    from forge_agents.client.errors import ArenaRefused

    if isinstance(error, ArenaRefused) and error.status == UNAUTHORIZED:
        return f"{error}: give the arena's token by --token or FORGE_ARENA_TOKEN"
    return str(error)


@contextmanager
def resumable(
    how_to_go_on: Callable[[], str], *errors: type[Exception], if_failed: Callable[[], str] | None = None
) -> Iterator[None]:
    """Say how to go on if the block is interrupted or raises one of `errors`.

    Args:
        how_to_go_on: gives the words to add to the message. Called when the block has ended.
        errors: errors that may pass by themselves, such as an arena that cannot be reached.
        if_failed: gives the words to add to such an error, if they differ.
    """
    try:
        yield
    except KeyboardInterrupt:
        raise fail(f"interrupted{how_to_go_on()}") from None
    except errors as error:
        raise fail(f"{in_words(error)}{(if_failed or how_to_go_on)()}") from None


def if_begun(folder: Path, words: str) -> Callable[[], str]:
    """A function for `resumable`: the words that name a folder, or nothing while the folder holds no file of a run."""
    # A file whose name begins with a dot is a lock.
    return lambda: words if any(folder.glob("[!.]*")) else ""


@contextmanager
def extra(name: str, work: str) -> Iterator[None]:
    """Name the extra to install if the block misses a library. `work` is what needs the library."""
    try:
        yield
    except ModuleNotFoundError as error:
        # A module of our own that is missing is a defect, except in an installation without that part.
        if error.name is not None and error.name.startswith("forge_") and "." in error.name:
            raise
        raise fail(f"{work} needs {error.name}, which is missing: pip install 'forge-arena[{name}]'") from None


def printer(json: str | None = None) -> Console:
    """The console for people: standard output, or standard error if `--json -` takes standard output."""
    if json == "-":
        return Messages()
    out = Console(emoji=False)
    if not out.is_terminal and "COLUMNS" not in os.environ:
        # A pipe has no width, and rich's 80 columns break names in two.
        out.width = PIPED_WIDTH
    return out


def say(text: str, *, err: bool = False) -> None:
    """Print a line as it is, for people and for other programs."""
    if err:
        console.print(text, markup=False, highlight=False, soft_wrap=True)
        return
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def deliver(
    result: Any,
    json: str | None,
    show: Callable[[Console], None],
    files: Mapping[Path, str] | None = None,
    page: Callable[[], str | None] = lambda: None,
) -> None:
    """Write a result as JSON to the place that `--json` names, and files and a page. Then show the result to people.

    Files are written before anything is shown, because the reader of a pipe may leave in the middle of a table. If a
    file cannot be written, the command says so and shows the result nevertheless.

    Args:
        page: writes a page from the files. Returns the last line to show, which names the page; None without a page.
    """
    line = None
    try:
        for path, text in (files or {}).items():
            write_file(path, text)
        line = page()
    finally:
        try:
            write_json(result, json)
        finally:
            show(printer(json))
    if line is not None:
        say(line, err=json == "-")


def write_json(result: Any, target: str | None) -> None:
    """Write a result to the place that `--json` names. Without `--json`, write nothing."""
    if target == "-":
        sys.stdout.write(as_json(result, sys.stdout.encoding))
        sys.stdout.flush()
    elif target is not None:
        write_file(Path(target), as_json(result))


def as_json(result: Any, encoding: str = "utf-8") -> str:
    """A result as JSON, with escapes if the encoding lacks some of its characters."""
    if isinstance(result, BaseModel):
        text = result.model_dump_json(indent=2)
    else:
        text = json.dumps(result, indent=2, ensure_ascii=False, allow_nan=False)
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        text = json.dumps(json.loads(text), indent=2)
    return f"{text}\n"


def write_file(path: Path, text: str) -> None:
    """Write a file, or say why it cannot be written and leave. A file that was there stays if the disk is full."""
    from forge_arena.files import write_whole

    try:
        write_whole(path, text, errors="backslashreplace")
    except OSError as error:
        raise fail(f"{path} could not be written: {error.strerror or error}") from None


def writable_file(path: Path | None) -> Path | None:
    """Refuse a file that cannot be written, before the work begins. The callback of an option."""
    if path is not None:
        if path.is_dir():
            raise typer.BadParameter(f"{path} is a folder, and this takes a file")
        if not path.parent.is_dir():
            raise typer.BadParameter(f"{path}: there is no folder {path.parent}")
        if not os.access(path if path.exists() else path.parent, os.W_OK):
            raise typer.BadParameter(f"{path} may not be written: give another place")
    return path


def writable_folder(path: Path | None) -> Path | None:
    """Refuse a folder that cannot be made or written, before the work begins. The callback of an option."""
    if path is not None:
        if path.exists() and not path.is_dir():
            raise typer.BadParameter(f"{path} is a file, and this takes a folder")
        above = path if path.exists() else next(parent for parent in path.parents if parent.exists())
        if not above.is_dir():
            raise typer.BadParameter(f"{path}: {above} is a file, and no folder can be made in it")
        if not os.access(above, os.W_OK):
            raise typer.BadParameter(f"{path} may not be written: give another place")
    return path


def one_file(files: list[Path] | None) -> list[Path] | None:
    """Refuse a second file of documents, because only the last would count. The callback of an option."""
    if files is not None and len(files) > 1:
        raise typer.BadParameter(
            f"takes one file, got {', '.join(map(str, files))}: "
            "import all documents by one `forge-arena scenarios import`"
        )
    return files


def one_of(option: str, given: str, known: Iterable[str]) -> str:
    """The value of an option that takes one of a few words. The refusal of a typo names the closest word."""
    names = [str(name) for name in known]
    if given in names:
        return given
    raise fail(f"{option} {given!r} is not known.{did_you_mean(given, names)} There are {', '.join(names)}")


def load_named(name: str) -> Load:
    """The load that `--load` names."""
    return Load(one_of("--load", name, Load))


def words(option: str, text: str) -> tuple[str, ...]:
    """The value of an option that holds several words, split as a shell would split them."""
    try:
        return tuple(shlex.split(text))
    except ValueError as error:
        raise fail(f"{option} {text!r}: {error}") from None


def given_options(context: typer.Context, *names: str) -> str:
    """The options among `names` that the command line gives, as a person writes them. Empty if it gives none."""
    sources = {name: context.get_parameter_source(name) for name in names}
    written = {parameter.name: parameter.opts[0] for parameter in context.command.params}
    return ", ".join(
        written[name] for name, source in sources.items() if source is not None and source.name == "COMMANDLINE"
    )
