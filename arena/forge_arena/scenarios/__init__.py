"""Where scenarios come from: the families of `scenarios/`, one folder a domain, one file a family."""

import os
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from random import Random
from typing import Protocol

from pydantic import TypeAdapter

from forge_arena.errors import ScenarioError
from forge_arena.files import read_yaml, validate
from forge_arena.scenarios.family import Family
from forge_arena.scenarios.reading import load_family
from forge_arena.suggest import did_you_mean
from forge_arena.types import CorruptionType, Domain, Scenario, Split

__all__ = ["Family", "Source", "families", "find_set", "load_families", "load_family", "scenario_folder"]

VOCABULARY = "vocabulary.yaml"


class Source(Protocol):
    """Where an arena's scenarios come from: a family, or an imported document."""

    @property
    def name(self) -> str: ...

    @property
    def domain(self) -> Domain: ...

    @property
    def split(self) -> Split: ...

    @property
    def corruptions(self) -> frozenset[CorruptionType]: ...

    def draw(self, rng: Random, wording: int = 0) -> Scenario: ...


def scenario_folder() -> Path:
    """The folder of the scenario files: the installed copy, or the one at the root of a checkout."""
    installed = Path(__file__).parent.parent / "_scenarios"
    return installed if installed.is_dir() else Path(__file__).parents[3] / "scenarios"


def find_set(name: str) -> Path:
    """The folder of a set of families: one that is shipped beside the arena's own, such as `short`, or any by its path.

    Raises:
        ScenarioError: there is neither.
    """
    shipped = {path.name: path for path in sorted(scenario_folder().iterdir()) if any(path.glob("*/*.yaml"))}
    if name in shipped:
        return shipped[name]
    if Path(name).is_dir():
        return Path(name).resolve()
    guess = did_you_mean(name, shipped)
    raise ScenarioError(f"no set of scenarios {name!r}: neither a folder nor one of {', '.join(shipped)}.{guess}")


def open_set(name: str) -> tuple[tuple[Family, ...], str]:
    """The families of a set, and the suite under whose name their keys go. Raises what `find_set` raises."""
    folder = find_set(name)
    return load_families(folder), folder.name


@lru_cache(maxsize=8)
def load_families(folder: Path | None = None) -> tuple[Family, ...]:
    """All families under `folder` (default: the arena's own), by path.

    Raises:
        ScenarioError: a file does not fit, with file and line; two files name the same family; no file at all.
    """
    root = folder or scenario_folder()
    vocabulary = _vocabulary(root / VOCABULARY)
    found: dict[str, Path] = {}
    loaded = []
    # A set that stands in this folder has a vocabulary where a domain has families.
    for path in sorted(path for path in root.glob("*/*.yaml") if path.name != VOCABULARY):
        family = load_family(path, vocabulary)
        if path.parent.name != family.spec.domain:
            raise ScenarioError(
                f"{path}:1: domain must be its folder's name {path.parent.name!r}, got {family.spec.domain}"
            )
        if family.name in found:
            raise ScenarioError(f"{path}:1: family {family.name!r} is already in {found[family.name]}")
        found[family.name] = path
        loaded.append(family)
    if not loaded:
        raise ScenarioError(f"no scenario files ({root}{os.sep}DOMAIN{os.sep}*.yaml)")
    return tuple(loaded)


def families(split: Split, domain: Domain | None = None, folder: Path | None = None) -> tuple[Family, ...]:
    """The families of a split, of one domain or of all (`None` and `mixed`)."""
    return tuple(
        family
        for family in load_families(folder)
        if family.split is split and domain in (None, Domain.mixed, family.domain)
    )


def _vocabulary(path: Path) -> Mapping[str, Mapping[str, tuple[str, ...]]]:
    if not path.is_file():
        return {}
    pools = TypeAdapter(dict[str, dict[str, tuple[str, ...]]])
    wanted = "for each split the names of lists of words"
    return validate(read_yaml(path, error=ScenarioError), pools, str(path), wanted=wanted, error=ScenarioError)
