"""Find a Worker by a short text, its spec: the kind of Worker, and after a colon the text that this kind needs.

A kind is one of the built-in ones or one that an installed package registers under the entry-point group
`forge_arena.workers`. A spec may also be the `module:Class` of anything importable.
"""

import importlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from inspect import signature
from pathlib import Path
from typing import Any

from forge_arena import additions
from forge_arena.additions import WORKERS, BadAddition, blame
from forge_arena.errors import BadArgument, ForgeArenaError
from forge_arena.suggest import did_you_mean
from forge_arena.workers.base import Worker
from forge_arena.workers.scripted import ScriptedWorker

# Settings may follow `openai:MODEL@URL` and `vllm:MODEL`. They follow a #, because what follows a # is never sent.
SETTINGS = re.compile(r"(?P<asked>.+)#(?P<settings>\w+=[^#]*)")
NONE = "none"
_PLACE = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")


@dataclass(frozen=True, slots=True)
class Means:
    """What a Worker may use beside its spec."""

    api_key: str | None
    vllm_executable: str
    vllm_args: tuple[str, ...]
    concurrency: int


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of Worker: how its spec reads, and the function that makes a Worker from the text after the colon."""

    spec: str
    open: Callable[[str, Means], Worker]

    @property
    def needs_rest(self) -> bool:
        return ":" in self.spec


def open_worker(
    spec: str,
    *,
    api_key: str | None = None,
    vllm_executable: str = "vllm",
    vllm_args: tuple[str, ...] = (),
    concurrency: int = 16,
) -> Worker:
    """Make a Worker; nothing is connected or spawned before its `start`.

    Args:
        spec: `scripted`; `openai:MODEL@http://host:port/v1` (any OpenAI-compatible server); `vllm:MODEL` (a supervised
            `vllm serve` child); `bank:FILE` (recorded answers), or `bank:FILE+SPEC` to record what is not there yet; a
            kind that a package registers, such as `echo` or `echo:TEXT`; or `module:Class`. Settings of an openai or a
            vllm Worker may follow: `#temperature=none,seed=none,system_role=user`, or `#max_tokens=4096,timeout=300`.
        concurrency: how many requests an endpoint or a vLLM is sent at a time; further ones wait here.

    Raises:
        ValueError: the text is none of these, or what it names is no Worker.
    """
    means = Means(api_key, vllm_executable, vllm_args, concurrency)
    name, colon, rest = spec.partition(":")
    if name in BUILT_IN:
        if bool(colon) == bool(rest) == BUILT_IN[name].needs_rest:
            return BUILT_IN[name].open(rest, means)
    elif name in additions.registered(WORKERS):
        return _make(spec, additions.load(WORKERS, name), rest, means)
    elif (factory := _import_factory(spec)) is not None:
        return _make(spec, factory, "", means)
    names = (*BUILT_IN, *additions.registered(WORKERS))
    guess = "" if name in names else did_you_mean(name, names)
    raise BadArgument(f"unknown Worker {spec!r}.{guess} A Worker is one of {', '.join(specs())}, or module:Class")


def with_defaults(spec: str, **settings: int | float) -> str:
    """The spec of a Worker with settings that it does not name, if Workers of its kind take settings.

    Example: `openai:M@http://h/v1#timeout=9` with `temperature=0` is `openai:M@http://h/v1#timeout=9,temperature=0`.
    """
    if not spec.startswith(("openai:", "vllm:")):
        return spec
    match = SETTINGS.fullmatch(spec)
    named = set() if match is None else {part.partition("=")[0].strip() for part in match["settings"].split(",")}
    added = ",".join(f"{name}={value}" for name, value in settings.items() if name not in named)
    return f"{spec}{'#' if match is None else ','}{added}" if added else spec


def check_reads_documents(spec: str) -> None:
    """Refuse the scripted Worker before it is asked to answer documents.

    Raises:
        BadArgument: the spec names the scripted Worker. The message says which Workers read.
    """
    if spec == ScriptedWorker.name:
        raise BadArgument(
            "the scripted Worker only writes the sentences of families, and documents need a Worker that reads: "
            "give --worker openai:MODEL@URL, vllm:MODEL or bank:FILE"
        )


def specs() -> Iterator[str]:
    """How the spec of each kind of Worker reads."""
    yield from (kind.spec for kind in BUILT_IN.values())
    for name in additions.registered(WORKERS):
        yield getattr(additions.load(WORKERS, name), "spec", name)


def _make(spec: str, factory: object, rest: str, means: Means) -> Worker:
    """Call somebody else's class with the text after the colon, and with the means for which the class has parameters."""
    if not callable(factory):
        raise BadAddition(f"Worker {spec!r}: a {type(factory).__name__} is no class that makes a Worker")
    offered = {"api_key": means.api_key, "concurrency": means.concurrency}
    try:
        taken = {name: value for name, value in offered.items() if name in signature(factory).parameters}
        with blame(f"making Worker {spec!r}", error=BadAddition, passing=(ForgeArenaError, TypeError, ValueError)):
            worker = factory(*([rest] if rest else []), **taken)
    except ForgeArenaError:
        raise
    except (TypeError, ValueError) as error:
        raise BadAddition(f"Worker {spec!r}: {error}") from error
    if not isinstance(worker, Worker):
        lacks = [f"`{part}`" for part in ("name", "answer", "reply", "start", "aclose") if not hasattr(worker, part)]
        raise BadAddition(f"Worker {spec!r} made a {type(worker).__name__}, which lacks {' and '.join(lacks)}")
    return worker


def _import_factory(spec: str) -> object | None:
    """The object that `module:Class` names; None if the text does not read so.

    Raises:
        BadArgument: there is no such module, or the module has no such class.
        BadAddition: the module raises an error.
    """
    if _PLACE.fullmatch(spec) is None:
        return None
    module, _, attribute = spec.partition(":")
    try:
        with blame(f"importing Worker {spec!r}", error=BadAddition, passing=(ModuleNotFoundError,)):
            loaded = importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is not None and f"{module}.".startswith(f"{error.name}."):
            raise BadArgument(
                f"Worker {spec!r}: there is no module {error.name!r}. Otherwise, a Worker is one of {', '.join(specs())}"
            ) from None
        raise BadArgument(f"Worker {spec!r} needs {error.name}, which is not installed") from None
    if not hasattr(loaded, attribute):
        guess = did_you_mean(attribute, [name for name in dir(loaded) if not name.startswith("_")])
        raise BadArgument(f"Worker {spec!r}: module {module!r} has no class {attribute!r}.{guess}")
    factory: object = getattr(loaded, attribute)
    return factory


def _open_openai(rest: str, means: Means) -> Worker:
    from forge_arena.endpoints.endpoint import model_and_url
    from forge_arena.workers.openai import OpenAIWorker

    asked, settings = _asked_and_settings(rest)
    return OpenAIWorker(*model_and_url(asked), means.api_key, concurrency=means.concurrency, **settings)


def _open_vllm(rest: str, means: Means) -> Worker:
    from forge_arena.workers.vllm import VLLMWorker

    asked, settings = _asked_and_settings(rest)
    return VLLMWorker(
        asked, executable=means.vllm_executable, args=means.vllm_args, concurrency=means.concurrency, **settings
    )


def _open_bank(rest: str, means: Means) -> Worker:
    from forge_arena.workers.bank import Bank, BankWorker

    path, plus, other = rest.partition("+")
    live = (
        open_worker(
            other,
            api_key=means.api_key,
            vllm_executable=means.vllm_executable,
            vllm_args=means.vllm_args,
            concurrency=means.concurrency,
        )
        if plus
        else None
    )
    return BankWorker(Bank(Path(path)), live)


BUILT_IN: Mapping[str, Kind] = {
    "scripted": Kind("scripted", lambda rest, means: ScriptedWorker()),
    "openai": Kind("openai:MODEL@URL", _open_openai),
    "vllm": Kind("vllm:MODEL", _open_vllm),
    "bank": Kind("bank:FILE or bank:FILE+OTHER", _open_bank),
}


def _asked_and_settings(text: str) -> tuple[str, dict[str, Any]]:
    """The text before the #, which says what is asked, and the settings after the #."""
    match = SETTINGS.fullmatch(text)
    if match is None:
        return text, {}
    settings: dict[str, Any] = {}
    for part in match["settings"].split(","):
        name, _, value = part.strip().partition("=")
        if name not in _READ_SETTING:
            guess = did_you_mean(name, _READ_SETTING)
            raise BadArgument(f"a Worker has no setting {name!r}.{guess} It takes {', '.join(_READ_SETTING)}")
        try:
            settings |= _READ_SETTING[name](value)
        except ValueError:
            raise BadArgument(f"the Worker's {name} cannot be {value!r}: {_WANTED[name]}") from None
    return match["asked"], settings


def _read_seed(value: str) -> bool:
    """Whether a seed is sent. The only setting is to send none."""
    if value != NONE:
        raise ValueError(value)
    return False


_WANTED = {
    "temperature": "give a number, or none to send none",
    "seed": "give none, to send none; otherwise the episode's key decides the seed",
    "system_role": "give system or user",
    "max_tokens": "give a whole number",
    "timeout": "give a number of seconds above 0",
}
_READ_SETTING: Mapping[str, Callable[[str], dict[str, Any]]] = {
    "temperature": lambda value: {"temperature": None if value == NONE else float(value)},
    "seed": lambda value: {"seeded": _read_seed(value)},
    "system_role": lambda value: {"system_role": value},
    "max_tokens": lambda value: {"max_tokens": int(value)},
    "timeout": lambda value: {"timeout": float(value)},
}
