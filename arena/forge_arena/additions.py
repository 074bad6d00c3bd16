"""Find the additions to the arena, in files and in installed packages, without running their code.

The closed sets of `forge_arena.types` must know every member before an addition is imported, because the addition
imports those sets. A corruption is a module of `corruptions/` that defines `corruption`; a domain is a folder of
`scenarios/` that holds families. An installed package registers an addition as an entry point: the entry point's name
is the name of the addition, and its value says where the addition is.
"""

import importlib
import re
import sysconfig
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from importlib.metadata import EntryPoints, entry_points
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType, TracebackType
from typing import TypeVar

from forge_arena.errors import ForgeArenaError

CORRUPTIONS = "forge_arena.corruptions"
DOMAINS = "forge_arena.domains"
REWARD_TERMS = "forge_arena.reward_terms"
WORKERS = "forge_arena.workers"

VOCABULARY = "vocabulary.yaml"

# The members that additions give to a set: names for an enum, or fields.
Members = TypeVar("Members", dict[str, str], tuple[str, ...])

_HERE = Path(__file__).parent
_DEFINES_CORRUPTION = re.compile(r"^corruption\b[^=\n]*=", re.MULTILINE)
_NAME = re.compile(r"[a-z][a-z0-9_]*")
# These words name the forms of an answer, and a type whose name nobody knows.
_TAKEN = frozenset({"clean", "corrupted", "placebo", "other", "none"})


class BadAddition(ForgeArenaError, ValueError):
    """An addition to the arena cannot be used; the message says which addition, and why."""


@cache
def _select() -> Callable[..., EntryPoints]:
    # Every call of entry_points() reads the metadata of all packages, which takes tens of milliseconds.
    return entry_points().select


@cache
def registered(group: str) -> dict[str, str]:
    """The places of a group's additions that packages register, by name.

    Raises:
        BadAddition: two packages register one name for different places.
    """
    places: dict[str, str] = {}
    for point in sorted(_select()(group=group), key=lambda point: (point.name, point.value)):
        if places.setdefault(point.name, point.value) != point.value:
            raise BadAddition(
                f"{group}: two packages register {point.name!r}: {places[point.name]} and {point.value}; remove one"
            )
    return places


def usable(further: Callable[[Iterable[str]], Members], shipped: Iterable[str]) -> Members | tuple[()]:
    """The further members of a set; none if one of them must be refused.

    The sets are made while `forge_arena.types` is imported, where an error would end every command in a traceback.
    Whoever loads the additions of the set asks `further` again, and raises the error there.
    """
    try:
        return further(shipped)
    except BadAddition:
        return ()


def further_corruptions(shipped: Iterable[str]) -> dict[str, str]:
    """The corruption types beyond the shipped ones, as members for an enum: from files first, then from packages."""
    files = (path.stem for path in (_HERE / "corruptions").glob("*.py") if _defines_corruption(path))
    return _members(CORRUPTIONS, shipped, files)


def further_domains(shipped: Iterable[str]) -> dict[str, str]:
    """The domains beyond the shipped ones, as members for an enum: from folders first, then from packages."""
    folders = (path.name for path in scenario_folder().iterdir() if path.is_dir() and family_files(path))
    return _members(DOMAINS, shipped, folders)


def further_terms(shipped: Iterable[str]) -> tuple[str, ...]:
    """The terms of the reward that packages add, in order of their names."""
    return tuple(_members(REWARD_TERMS, shipped, ()))


def scenario_folder() -> Path:
    """The folder of the scenario files: the installed copy, or the one at the root of a checkout."""
    installed = _HERE / "_scenarios"
    return installed if installed.is_dir() else _HERE.parents[1] / "scenarios"


def family_files(folder: Path) -> list[Path]:
    """The family files of a folder, by name, without those of the folders in it."""
    return sorted(path for path in folder.glob("*.yaml") if path.name != VOCABULARY)


def domain_folders() -> dict[str, Path]:
    """The folders of the domains that packages add, by domain.

    Raises:
        BadAddition: a registered place is no package, or it holds no family.
    """
    folders = {}
    for name, place in registered(DOMAINS).items():
        try:
            spec = find_spec(place)
        except ModuleNotFoundError:
            spec = None
        if spec is None or not spec.submodule_search_locations:
            raise BadAddition(f"domain {name!r}: {place!r} is no package; register the package that holds the families")
        folder = Path(next(iter(spec.submodule_search_locations)))
        if not family_files(folder):
            raise BadAddition(f"domain {name!r}: {folder} holds no family (*.yaml)")
        folders[name] = folder
    return folders


def load(group: str, name: str) -> object:
    """The object that a package registers under a name.

    Raises:
        BadAddition: its module cannot be imported, or it has no such attribute.
    """
    place = registered(group)[name]
    module, _, attribute = place.partition(":")
    try:
        return getattr(
            import_module(module, f"{group}: loading {name!r}, which is registered at {place!r},"), attribute
        )
    except AttributeError as error:
        raise BadAddition(f"{group}: {name!r} is registered at {place!r}, which cannot be loaded: {error}") from error


def import_module(module: str, culprit: str) -> ModuleType:
    """Import the module of an addition.

    Args:
        culprit: the import, in words that begin the message of a failure.

    Raises:
        BadAddition: the module does not exist, or its code raises an error. The message names file and line.
    """
    with blame(culprit, error=BadAddition):
        return importlib.import_module(module)


@contextmanager
def blame(culprit: str, *, error: type[Exception], passing: tuple[type[Exception], ...] = ()) -> Iterator[None]:
    """Raise any error of the block as `error`, with a message that names the culprit and the line of its code.

    The code of an addition is not ours, so it may raise any error. A `SystemExit` is one of them: it would otherwise
    end the command as if all had gone well.

    Args:
        culprit: the code that runs, in words: "overseer 'mine'", "making overseer 'mine'".
        error: the error that is raised instead.
        passing: errors with a clear message. They pass unchanged.
    """
    try:
        yield
    except passing:
        raise
    except (Exception, SystemExit) as raised:
        reason = raised.msg if isinstance(raised, SyntaxError) else str(raised)
        message = f"{type(raised).__name__}: {reason}".removesuffix(": ")
        raise error(f"{culprit} raised {message}{_place(raised, raised.__traceback__)}") from raised


def _place(raised: BaseException, trace: TracebackType | None) -> str:
    """The file and line of an addition at which an error was raised, in brackets; empty if no line was reached."""
    if isinstance(raised, SyntaxError) and raised.filename is not None:
        return f" ({raised.filename}:{raised.lineno})"
    frames = [frame for frame in traceback.extract_tb(trace) if not _is_python_itself(frame.filename)]
    return f" ({frames[-1].filename}:{frames[-1].lineno})" if frames else ""


def _is_python_itself(filename: str) -> bool:
    """Whether a file belongs to Python's own library, or is this one. Its line says nothing of an addition."""
    library = sysconfig.get_path("stdlib")
    is_installed = "site-packages" in filename
    return filename == __file__ or filename.startswith("<frozen") or (filename.startswith(library) and not is_installed)


def _defines_corruption(path: Path) -> bool:
    return _DEFINES_CORRUPTION.search(path.read_text(encoding="utf-8")) is not None


def _members(group: str, shipped: Iterable[str], here: Iterable[str]) -> dict[str, str]:
    known = frozenset(shipped)
    names = [name for name in sorted(here) if name not in known]
    for name in registered(group):
        if name in known or name in names:
            raise BadAddition(f"{group}: {registered(group)[name]} registers {name!r}, which the arena has already")
        names.append(name)
    for name in names:
        if not _NAME.fullmatch(name) or name in _TAKEN or hasattr(str, name):
            raise BadAddition(
                f"{group}: {name!r} cannot be a name; it must read like `some_name` and be no word that is taken: "
                f"{', '.join(sorted(_TAKEN))} or a method of a text"
            )
    return {name: name for name in names}
