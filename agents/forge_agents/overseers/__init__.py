"""Overseers behind one protocol, and how one is found by its name.

A name is one of the built-in ones, one that an installed package registers under the entry-point group
`forge_arena.overseers`, `hf:PATH` for a language model on this machine, `openai:MODEL@URL` for one behind an endpoint,
the `http(s)://` address of a webhook, or `module:Class` for anything importable.
"""

import importlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from importlib.metadata import entry_points
from inspect import Parameter, signature
from typing import Any, Protocol, Self, runtime_checkable

from forge_arena.errors import ForgeArenaError
from forge_arena.types import JsonObject, Observation, Usage, Verdict

GROUP = "forge_arena.overseers"
LOCAL = "hf:"
ENDPOINT = "openai:"
WEBHOOK = ("http://", "https://")
BUILT_IN: Mapping[str, str] = {
    "always_clean": "forge_agents.overseers.constants:AlwaysClean",
    "always_corrupted": "forge_agents.overseers.constants:AlwaysCorrupted",
    "classifier": "forge_agents.overseers.classifier:Classifier",
    "degenerate": "forge_agents.overseers.degenerate:DegenerateOverseer",
    "prior": "forge_agents.overseers.constants:Prior",
    "random": "forge_agents.overseers.random:RandomOverseer",
    "rules": "forge_agents.overseers.rules:Rules",
    "rules_without_source": "forge_agents.overseers.rules:RulesWithoutSource",
}


class Completion(str):
    """Raw text of a model; the arena parses it, so that an unreadable verdict is scored as one.

    `log_odds` may tell the model's own log-odds that the answer is corrupted, beside what its text states; `usage` what
    it cost; `trouble` why there is no verdict to read.
    """

    log_odds: float | None
    usage: Usage | None
    trouble: str | None

    def __new__(
        cls, text: str, log_odds: float | None = None, *, usage: Usage | None = None, trouble: str | None = None
    ) -> Self:
        completion = super().__new__(cls, text)
        completion.log_odds = log_odds
        completion.usage = usage
        completion.trouble = trouble
        return completion


@runtime_checkable
class Overseer(Protocol):
    """Judges observations in batches. One that holds connections may also have `close()`; one whose verdicts depend on
    more than its name may have `conditions`, see the function of that name."""

    @property
    def name(self) -> str:
        """What judged, for records and reports."""
        ...

    def review(self, observations: Sequence[Observation]) -> Sequence[Verdict | str]:
        """One verdict (or a model's raw text) for each observation, in order."""
        ...


def conditions(overseer: Overseer) -> JsonObject:
    """What an overseer's verdicts depend on beside its name, as its attribute `conditions` tells; {} where it has none.

    The prompt as the model is shown it, sampling, weights: verdicts under other conditions are another overseer's.
    """
    told: JsonObject = getattr(overseer, "conditions", {})
    return told


class NoSuchOverseer(ValueError):
    """No overseer goes by this name, or what goes by it is none."""


class OverseerFailed(ForgeArenaError):
    """An overseer could not be asked: its endpoint is down, or answers with something else. Never a score."""


def names() -> tuple[str, ...]:
    """The names of all overseers that are built in or registered."""
    return tuple(sorted({*BUILT_IN, *(point.name for point in entry_points(group=GROUP))}))


def open_overseer(name: str, **settings: Any) -> Overseer:
    """The overseer of that name, made with `settings`.

    Raises:
        NoSuchOverseer: nothing goes by that name, or it is not an overseer, or it does not take these settings.
    """
    factory, first = _found(name)
    _check_settings(name, factory, first, settings)
    try:
        overseer = factory(*first, **settings)
    except ValueError as error:
        raise NoSuchOverseer(f"overseer {name!r}: {error}") from None
    if not isinstance(overseer, Overseer):
        lacks = " and ".join(f"`{what}`" for what in ("name", "review") if not hasattr(overseer, what))
        raise NoSuchOverseer(
            f"{name!r} made a {type(overseer).__name__}, which lacks {lacks}: an overseer has a `name` and "
            "`review(observations)`, which returns one verdict for each observation"
        )
    return overseer


@contextmanager
def opened(name: str, **settings: Any) -> Iterator[Overseer]:
    """As `open_overseer`; what it holds open, where it says how to close it, is closed with the block."""
    overseer = open_overseer(name, **settings)
    try:
        yield overseer
    finally:
        end = getattr(overseer, "close", None)
        if callable(end):
            end()


def _found(name: str) -> tuple[Callable[..., object], tuple[str, ...]]:
    """What makes the overseer, and its first argument where the name holds one."""
    if name.startswith(LOCAL):
        try:
            from forge_agents.overseers.local import LocalModel
        except ModuleNotFoundError as error:
            raise NoSuchOverseer(f"overseer {name!r} needs {error.name}: pip install 'forge-arena[train]'") from None
        return LocalModel, (name.removeprefix(LOCAL),)
    if name.startswith(ENDPOINT):
        from forge_agents.overseers.endpoint import EndpointOverseer

        return EndpointOverseer, (name.removeprefix(ENDPOINT),)
    if name.startswith(WEBHOOK):
        from forge_agents.overseers.webhook import Webhook

        return Webhook, (name,)
    return _factory(name), ()


def _check_settings(
    name: str, factory: Callable[..., object], first: tuple[str, ...], settings: Mapping[str, Any]
) -> None:
    try:
        parameters = list(signature(factory).parameters.values())[len(first) :]
    except ValueError:  # Some built-in types do not tell what they take.
        return
    if any(p.kind is Parameter.VAR_KEYWORD for p in parameters):
        return
    known = [p.name for p in parameters if p.kind in (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)]
    for setting in settings:
        if setting not in known:
            close_by = get_close_matches(setting, known, n=1, cutoff=0.5)
            guess = f" Did you mean {close_by[0]!r}?" if close_by else ""
            takes = f"it takes {', '.join(known)}" if known else "it takes none"
            raise NoSuchOverseer(f"overseer {name!r} has no setting {setting!r}.{guess} {takes[0].upper()}{takes[1:]}")
    missing = [
        p.name for p in parameters if p.default is Parameter.empty and p.name in known and p.name not in settings
    ]
    if missing:
        raise NoSuchOverseer(f"overseer {name!r} needs {', '.join(missing)}: give it by --set {missing[0]}=…")


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
        f"no overseer is called {name!r}.{guess} Known are {', '.join(names())}; or give openai:MODEL@URL, hf:PATH, the http:// address of a webhook, or module:Class"
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
