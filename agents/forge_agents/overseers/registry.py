"""Find an overseer by its name, and make it.

These are the forms of a name:

- a built-in name (`BUILT_IN`);
- a name that an installed package registers in the entry-point group `forge_arena.overseers`;
- `hf:PATH`, a language model on this machine;
- `checker:FOLDER`, an encoder that `forge-arena train checker` trained;
- `openai:MODEL@URL`, a language model behind an endpoint;
- the `http(s)://` address of a webhook;
- `mean: NAME NAME`, and `max:`, `vote:`, `cascade:`, which ask several (`forge_agents.overseers.several`);
- `sentences: NAME`, which asks about each sentence of an answer (`forge_agents.overseers.sentences`);
- `module:Class`, anything that Python can import.
"""

import importlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import entry_points
from inspect import Parameter
from typing import Any

from forge_agents.overseers.addresses import ENDPOINT, WEBHOOK
from forge_agents.overseers.base import NoSuchOverseer, Overseer, conditions, details
from forge_agents.overseers.members import PREFIXES, AsksMembers, Opener, single_overseers
from forge_agents.overseers.sentences import Sentences
from forge_agents.overseers.settings import parameters_of, problem_with
from forge_agents.overseers.several import Cascade, Highest, Mean, Vote
from forge_arena.additions import blame
from forge_arena.errors import ForgeArenaError
from forge_arena.secrecy import public_address
from forge_arena.suggest import did_you_mean

GROUP = "forge_arena.overseers"
LOCAL = "hf:"
CHECKER = "checker:"
# The overseers that ask others, by the beginning of their names.
ASKING: Mapping[str, type[AsksMembers]] = {f"{kind.kind}:": kind for kind in (Mean, Highest, Vote, Cascade, Sentences)}
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


def names() -> tuple[str, ...]:
    """The names of all overseers that are built in or registered."""
    return tuple(sorted({*BUILT_IN, *(point.name for point in entry_points(group=GROUP))}))


def open_overseer(name: str, **settings: Any) -> Overseer:
    """The overseer of that name, made with `settings`.

    Raises:
        NoSuchOverseer: nothing has that name, or it is not an overseer, or it does not take these settings.
    """
    # Names may hold passwords.
    shown = public_address(name)
    factory, arguments = _find_factory(name)
    _check_settings(shown, factory, arguments, settings)
    try:
        with blame(f"making overseer {shown!r}", error=NoSuchOverseer, passing=(ForgeArenaError, ValueError)):
            overseer = factory(*arguments, **settings)
    except ValueError as error:
        raise NoSuchOverseer(f"overseer {shown!r}: {error}") from None
    missing = " and ".join(f"`{part}`" for part in _missing_parts(overseer))
    if not isinstance(overseer, Overseer) or missing:
        raise NoSuchOverseer(
            f"{shown!r} made a {type(overseer).__name__}, which lacks {missing}: an overseer has a `name` and "
            "`review(observations)`, which returns one verdict for each observation"
        )
    # The details are only written down at the end, when every verdict has been paid for.
    conditions(overseer)
    details(overseer)
    return overseer


@contextmanager
def use_overseer(name: str, **settings: Any) -> Iterator[Overseer]:
    """The overseer of that name for the length of a block; an overseer that has `close()` is closed at the end.

    Raises:
        NoSuchOverseer: see `open_overseer`.
    """
    overseer = open_overseer(name, **settings)
    try:
        yield overseer
    finally:
        close = getattr(overseer, "close", None)
        if callable(close):
            close()


def every_setting(name: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of the overseer of that name: those that are given, and the defaults of the others.

    Raises:
        NoSuchOverseer: nothing has that name.
    """
    factory, arguments = _find_factory(name)
    parameters = parameters_of(factory)[len(arguments) :]
    return {p.name: p.default for p in parameters if p.default is not Parameter.empty} | dict(settings)


def runs_code(name: str) -> bool:
    """Whether a name, or that of a member in it, says which code is to be run: any `module:Class` of this machine.

    Raises:
        ValueError: the members of a name cannot be read.
    """
    known = names()
    return any(
        not (member.startswith((LOCAL, CHECKER, ENDPOINT, *WEBHOOK)) or member in known)
        for member, _ in single_overseers(name)
    )


def settings_with_tools(name: str, settings: Mapping[str, Any] | None) -> dict[str, Any]:
    """The settings of the overseer of that name if it is asked with tools: an overseer may have a setting for it.

    Raises:
        NoSuchOverseer: nothing has that name.
    """
    given = dict(settings or {})
    return {"tools": True, **given} if "tools" in every_setting(name, given) else given


def _missing_parts(overseer: object) -> list[str]:
    """The parts of an overseer that this object lacks."""
    parts = {
        "name": isinstance(getattr(overseer, "name", None), str),
        "review": callable(getattr(overseer, "review", None)),
    }
    return [part for part, is_there in parts.items() if not is_there]


def _find_factory(name: str) -> tuple[Callable[..., object], tuple[Any, ...]]:
    """The function or class that makes the overseer, and its first arguments if the name holds them."""
    if name.startswith((LOCAL, CHECKER)):
        try:
            return _class_of_a_model(name), (name.partition(":")[2],)
        except ModuleNotFoundError as error:
            raise NoSuchOverseer(f"overseer {name!r} needs {error.name}: pip install 'forge-arena[train]'") from None
    if name.startswith(ENDPOINT):
        from forge_agents.overseers.endpoint import EndpointOverseer

        return EndpointOverseer, (name.removeprefix(ENDPOINT),)
    if name.startswith(WEBHOOK):
        from forge_agents.overseers.webhook import Webhook

        return Webhook, (name,)
    if name.startswith(PREFIXES):
        kind, colon, members = name.partition(":")
        return ASKING[kind + colon], (members, Opener(open_overseer, every_setting))
    return _find_class(name), ()


def _class_of_a_model(name: str) -> Callable[..., object]:
    """The class of an overseer that is a model on this machine. It needs torch, so it is imported here."""
    if name.startswith(LOCAL):
        from forge_agents.overseers.local import LocalModel

        return LocalModel
    from forge_agents.overseers.checker.overseer import Checker

    return Checker


def _check_settings(
    name: str, factory: Callable[..., object], arguments: tuple[Any, ...], settings: Mapping[str, Any]
) -> None:
    """Refuse settings that the factory does not take, values of another type, and a factory that lacks settings.

    Raises:
        NoSuchOverseer: names the setting, and what the overseer takes.
    """
    parameters = parameters_of(factory)[len(arguments) :]
    takes_any = any(p.kind is Parameter.VAR_KEYWORD for p in parameters)
    known = {p.name: p for p in parameters if p.kind in (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)}
    for setting, value in settings.items():
        if setting in known:
            if (problem := problem_with(known[setting], value)) is not None:
                raise NoSuchOverseer(f"overseer {name!r}: setting {setting}: {problem}")
        elif not takes_any:
            takes = f"It takes {', '.join(known)}" if known else "It takes none"
            raise NoSuchOverseer(f"overseer {name!r} has no setting {setting!r}.{did_you_mean(setting, known)} {takes}")
    missing = [p.name for p in known.values() if p.default is Parameter.empty and p.name not in settings]
    if missing:
        raise NoSuchOverseer(f"overseer {name!r} needs {', '.join(missing)}: give it by --set {missing[0]}=…")


def _find_class(name: str) -> Callable[..., object]:
    """The class of a name that is built in, registered, or a place like `module:Class`."""
    if name in BUILT_IN:
        return _import_class(BUILT_IN[name])
    for point in entry_points(group=GROUP, name=name):
        return _import_class(point.value)
    if ":" in name:
        return _import_class(name)
    raise NoSuchOverseer(
        f"no overseer is called {name!r}.{did_you_mean(name, names())} Known are {', '.join(names())}; or give "
        "openai:MODEL@URL, hf:PATH, checker:FOLDER, the http:// address of a webhook, module:Class, several: "
        "mean: NAME NAME, or each sentence: sentences: NAME"
    )


def _import_class(place: str) -> Callable[..., object]:
    """The class at `module:Class`.

    Raises:
        NoSuchOverseer: there is no such module or class, or importing the module raises an error.
    """
    module_name, _, class_name = place.partition(":")
    # A mistyped address may hold a password, too.
    shown = public_address(place)
    try:
        with blame(f"importing overseer {shown!r}", error=NoSuchOverseer, passing=(ModuleNotFoundError,)):
            module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is not None and (module_name == error.name or module_name.startswith(f"{error.name}.")):
            raise NoSuchOverseer(f"overseer {shown!r}: there is no module {error.name!r}") from None
        raise NoSuchOverseer(f"overseer {shown!r} needs {error.name}, which is not installed") from None
    factory: Callable[..., object] | None = getattr(module, class_name, None)
    if not callable(factory):
        public = [name for name in dir(module) if not name.startswith("_")]
        guess = did_you_mean(class_name, public)
        raise NoSuchOverseer(f"overseer {shown!r}: module {module_name!r} has no class {class_name!r}.{guess}")
    return factory
