"""Find the families of `scenarios/`: each domain is a folder, and each family is a file."""

import os
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from random import Random
from typing import Protocol, runtime_checkable

from pydantic import TypeAdapter

from forge_arena.additions import VOCABULARY, domain_folders, family_files, further_domains, scenario_folder
from forge_arena.errors import ScenarioError
from forge_arena.files import read_yaml, validate
from forge_arena.scenarios.family import Family
from forge_arena.scenarios.reading import load_family
from forge_arena.suggest import did_you_mean
from forge_arena.types import CorruptionType, Domain, Load, Scenario, Split

# The suite of the arena's own families.
SUITE = "forge"

__all__ = [
    "Family",
    "Mixed",
    "Source",
    "draw_to_reword",
    "families",
    "files_of_set",
    "find_set",
    "lightest_load_below",
    "load_families",
    "load_family",
    "scenario_folder",
]


class Source(Protocol):
    """A family or an imported document, from which an arena draws scenarios."""

    @property
    def name(self) -> str: ...

    @property
    def domain(self) -> Domain: ...

    @property
    def split(self) -> Split: ...

    @property
    def corruptions(self) -> frozenset[CorruptionType]: ...

    @property
    def specimen(self) -> str:
        """The scenario that `Random(name)` draws, as JSON: the name of a split is made from these."""
        ...

    def draw(self, rng: Random, wording: int = 0) -> Scenario: ...


@runtime_checkable
class Mixed(Source, Protocol):
    """A source whose scenarios differ in the corruptions that they can take."""

    def able_to_take(self, type: CorruptionType) -> Source:
        """The scenarios that can take a corruption. There are some for each of `corruptions`."""
        ...


def draw_to_reword(source: Source, random: Callable[[], Random]) -> tuple[Scenario, Callable[[int], Scenario]]:
    """A scenario, and a function that gives the same scenario in another wording.

    Args:
        random: the random numbers of the scenario, the same each time. Only a family needs no second draw.
    """
    if isinstance(source, Family):
        return source.draw_to_reword(random())
    return source.draw(random()), lambda wording: source.draw(random(), wording)


def find_set(name: str) -> Path:
    """The folder of a set of families: a shipped set by its name, such as `short`, or any set by its path.

    Raises:
        ScenarioError: there is no such set.
    """
    shipped = {path.name: path for path in sorted(scenario_folder().iterdir()) if any(path.glob("*/*.yaml"))}
    if name in shipped:
        return shipped[name]
    if Path(name).is_dir():
        return Path(name).resolve()
    guess = did_you_mean(name, shipped)
    raise ScenarioError(f"no set of scenarios {name!r}: neither a folder nor one of {', '.join(shipped)}.{guess}")


def open_set(name: str | None = None, load: Load = Load.full) -> tuple[tuple[Family, ...], str]:
    """The families of a set under a load, and the suite in the keys of their episodes.

    Args:
        name: a shipped set, or the folder of a set; default the arena's own families.

    Raises:
        ScenarioError: there is no such set, or it has no such load.
    """
    folder = None if name is None else find_set(name)
    return load_families(folder, load), suite_of_load(SUITE if folder is None else folder.name, load)


def files_of_set(name: str | None = None) -> frozenset[Path]:
    """The files of the families of a set, which is named as in `open_set`. Raises `ScenarioError`."""
    domains = [*(find_set(name) if name is not None else scenario_folder()).iterdir()]
    domains += [] if name is not None else domain_folders().values()
    return frozenset(path.resolve() for domain in domains if domain.is_dir() for path in family_files(domain))


def suite_of_load(suite: str, load: Load) -> str:
    """The name of a suite under a load: `forge` and, because another load gives other episodes, `forge-light`.

    Raises:
        ScenarioError: the suite has a name that another suite has under a lighter load or with an addition, or that
            no key can hold.
    """
    if not suite or ":" in suite or "+" in suite:
        raise ScenarioError(
            f"a set of scenarios must not be named {suite!r}: in keys a colon ends the name, and a plus stands before an "
            "addition. Rename the folder"
        )
    for lighter in Load.light, Load.normal:
        if suite.endswith(f"-{lighter.value}"):
            raise ScenarioError(
                f"a set of scenarios must not be named {suite!r}: in keys -{lighter.value} stands for the load. "
                "Rename the folder"
            )
    return suite if load is Load.full else f"{suite}-{load.value}"


def lightest_load_below(sources: Sequence[Source]) -> Load | None:
    """The lightest load under which these sources ask less; None if they ask the least already, or have only one load.

    What a task of an imported document asks stands in the document, so documents have only one load.
    """
    families = [source for source in sources if isinstance(source, Family)]
    if len(families) < len(sources) or all(family.load is Load.light for family in families):
        return None
    return Load.light if all(family.has(Load.light) for family in families) else None


@lru_cache(maxsize=8)
def load_families(folder: Path | None = None, load: Load = Load.full) -> tuple[Family, ...]:
    """All families under `folder` (default: the arena's own, and those of the domains that packages add), by path.

    Raises:
        ScenarioError: a family has no such load (see `Family.at`).
        ScenarioError: a file does not fit, with file and line; two files name the same family; no file at all.
        BadAddition: a domain has no usable name, or is registered at a place that holds no families.
    """
    if load is not Load.full:
        return tuple(family.at(load) for family in load_families(folder))
    if folder is None:
        further_domains(Domain.SHIPPED)
    root = folder or scenario_folder()
    vocabulary = read_vocabulary(root / VOCABULARY)
    # (domain, file, words). A set in this folder, such as `short`, holds no family files of its own, so it adds none.
    files = [
        (domain.name, path, vocabulary)
        for domain in sorted(path for path in root.iterdir() if path.is_dir())
        for path in family_files(domain)
    ]
    added_domains = {} if folder else domain_folders()
    for name, domain_folder in added_domains.items():
        words = read_vocabulary(domain_folder / VOCABULARY)
        files += [(name, path, words) for path in family_files(domain_folder)]
    families_by_name: dict[str, Family] = {}
    places: dict[str, Path] = {}
    for domain_name, path, words in files:
        family = load_family(path, words)
        if family.spec.domain != domain_name:
            raise ScenarioError(f"{path}:1: domain must be its folder's name {domain_name!r}, got {family.spec.domain}")
        if family.name in families_by_name:
            raise ScenarioError(f"{path}:1: family {family.name!r} is already in {places[family.name]}")
        families_by_name[family.name] = family
        places[family.name] = path
    if not families_by_name:
        raise ScenarioError(f"no scenario files ({root}{os.sep}DOMAIN{os.sep}*.yaml)")
    return tuple(families_by_name.values())


def families(split: Split, domain: Domain | None = None, folder: Path | None = None) -> tuple[Family, ...]:
    """The families of a split, of one domain or of all (`None` and `mixed`)."""
    return tuple(
        family
        for family in load_families(folder)
        if family.split is split and domain in (None, Domain.mixed, family.domain)
    )


def read_vocabulary(path: Path) -> Mapping[str, Mapping[str, tuple[str, ...]]]:
    """The words of a vocabulary file, by split and name; none if there is no such file."""
    if not path.is_file():
        return {}
    pools = TypeAdapter(dict[str, dict[str, tuple[str, ...]]])
    wanted = "for each split the names of lists of words"
    return validate(read_yaml(path, error=ScenarioError), pools, str(path), wanted=wanted, error=ScenarioError)
