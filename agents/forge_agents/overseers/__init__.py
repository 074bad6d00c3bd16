"""Overseers behind one protocol, and how one is found by its name.

A name is one of the built-in ones, one that an installed package registers under the entry-point group
`forge_arena.overseers`, `hf:PATH` for a language model on this machine, or `module:Class` for anything importable.
"""

import importlib
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from importlib.metadata import entry_points
from typing import Any, Protocol, Self, runtime_checkable

from forge_arena.types import Observation, Verdict

GROUP = "forge_arena.overseers"
LOCAL = "hf:"
BUILT_IN: Mapping[str, str] = {
    "always_clean": "forge_agents.overseers.constants:AlwaysClean",
    "always_corrupted": "forge_agents.overseers.constants:AlwaysCorrupted",
    "prior": "forge_agents.overseers.constants:Prior",
    "random": "forge_agents.overseers.random:RandomOverseer",
    "rules": "forge_agents.overseers.rules:Rules",
    "rules_without_source": "forge_agents.overseers.rules:RulesWithoutSource",
}


class Completion(str):
    """Raw text of a model; the arena parses it, so that an unreadable verdict is scored as one.

    `log_odds` may tell the model's own log-odds that the answer is corrupted, beside what its text states.
    """

    log_odds: float | None

    def __new__(cls, text: str, log_odds: float | None = None) -> Self:
        completion = super().__new__(cls, text)
        completion.log_odds = log_odds
        return completion


@runtime_checkable
class Overseer(Protocol):
    """Judges observations in batches."""

    @property
    def name(self) -> str:
        """What judged, for records and reports."""
        ...

    def review(self, observations: Sequence[Observation]) -> Sequence[Verdict | str]:
        """One verdict (or a model's raw text) for each observation, in order."""
        ...


class NoSuchOverseer(ValueError):
    """No overseer goes by this name, or what goes by it is none."""


def names() -> tuple[str, ...]:
    """The names of all overseers that are built in or registered."""
    return tuple(sorted({*BUILT_IN, *(point.name for point in entry_points(group=GROUP))}))


def open_overseer(name: str, **settings: Any) -> Overseer:
    """The overseer of that name, made with `settings`.

    Raises:
        NoSuchOverseer: nothing goes by that name, or it is not an overseer.
    """
    overseer = _local_model(name, settings) if name.startswith(LOCAL) else _factory(name)(**settings)
    if not isinstance(overseer, Overseer):
        raise NoSuchOverseer(f"{name!r} made a {type(overseer).__name__}, which lacks `name` or `review(observations)`")
    return overseer


def _local_model(name: str, settings: dict[str, Any]) -> object:
    try:
        from forge_agents.models import ModelError
        from forge_agents.overseers.local import LocalModel
    except ModuleNotFoundError as error:
        raise NoSuchOverseer(f"overseer {name!r} needs {error.name}: pip install 'forge-arena[train]'") from None
    try:
        return LocalModel(name.removeprefix(LOCAL), **settings)
    except ModelError as error:
        raise NoSuchOverseer(f"overseer {name!r}: {error}") from None


def _factory(name: str) -> Callable[..., object]:
    if name in BUILT_IN:
        return _imported(BUILT_IN[name])
    for point in entry_points(group=GROUP, name=name):
        return _imported(point.value)
    if ":" in name:
        return _imported(name)
    close = get_close_matches(name, names(), n=1, cutoff=0.5)
    guess = f" Did you mean {close[0]!r}?" if close else ""
    raise NoSuchOverseer(
        f"no overseer is called {name!r}.{guess} Known are {', '.join(names())}; or give hf:PATH or module:Class"
    )


def _imported(place: str) -> Callable[..., object]:
    module, _, attribute = place.partition(":")
    try:
        found = importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is not None and (module == error.name or module.startswith(f"{error.name}.")):
            raise NoSuchOverseer(f"overseer {place!r}: there is no module {error.name!r}") from None
        raise
    made = getattr(found, attribute, None)
    if not callable(made):
        close = get_close_matches(attribute, [n for n in dir(found) if not n.startswith("_")], n=1, cutoff=0.5)
        guess = f" Did you mean {close[0]!r}?" if close else ""
        raise NoSuchOverseer(f"overseer {place!r}: module {module!r} has no class {attribute!r}.{guess}")
    factory: Callable[..., object] = made
    return factory
