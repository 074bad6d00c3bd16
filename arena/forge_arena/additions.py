"""Find the additions to the arena, in files and in installed packages, without running their code.

The closed sets of `forge_arena.types` must know every member before an addition is imported, because the addition imports
those sets. A corruption is a module of `corruptions/` that defines `corruption`; a domain is a folder of `scenarios/` that
holds families. An installed package registers an addition as an entry point: the entry point's name is the name of the
addition, and its value says where the addition is.
"""

import importlib
import re
from collections.abc import Callable, Iterable
from functools import cache
from importlib.metadata import EntryPoints, entry_points
from importlib.util import find_spec
from pathlib import Path

from forge_arena.errors import ForgeArenaError

CORRUPTIONS = "forge_arena.corruptions"
DOMAINS = "forge_arena.domains"
REWARD_TERMS = "forge_arena.reward_terms"
WORKERS = "forge_arena.workers"

VOCABULARY = "vocabulary.yaml"

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
        BadAddition: its module cannot be imported, refuses a value, or has no such attribute.
    """
    place = registered(group)[name]
    module, _, attribute = place.partition(":")
    try:
        return getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise BadAddition(f"{group}: {name!r} is registered at {place!r}, which cannot be loaded: {error}") from error


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
