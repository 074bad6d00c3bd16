"""Overseers behind one protocol, and how one is found by its name.

A name is one of the built-in ones, one that an installed package registers under the entry-point group
`forge_arena.overseers`, `hf:PATH` for a language model on this machine, `openai:MODEL@URL` for one behind an endpoint,
the `http(s)://` address of a webhook, or `module:Class` for anything importable.
"""

import importlib
import json
import traceback
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from importlib.metadata import entry_points
from inspect import Parameter, signature
from itertools import islice
from typing import Any, Protocol, Self, runtime_checkable

from forge_arena.errors import ForgeArenaError, InvalidVerdict
from forge_arena.suggest import did_you_mean
from forge_arena.types import JsonObject, Observation, Trouble, Usage, Verdict
from forge_arena.verdicts import parse_verdict

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
    it cost; `trouble` what went wrong, if anything did, and `reason` says the trouble in words.
    """

    log_odds: float | None
    usage: Usage | None
    trouble: Trouble | None
    reason: str | None

    def __new__(
        cls,
        text: str,
        log_odds: float | None = None,
        *,
        usage: Usage | None = None,
        trouble: Trouble | None = None,
        reason: str | None = None,
    ) -> Self:
        completion = super().__new__(cls, text)
        completion.log_odds = log_odds
        completion.usage = usage
        completion.trouble = trouble
        completion.reason = reason
        return completion

    @property
    def answered(self) -> bool:
        """Whether the overseer has said anything that could have been a verdict."""
        return self.trouble in (None, Trouble.declined, Trouble.cut)


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


class WrongReview(ValueError):
    """An overseer returned something other than one verdict for each observation."""


class Reviewer:
    """Asks an overseer, and takes nothing from it but one judgement for each observation.

    An overseer that gives no verdict on any of its first `few` episodes, because its endpoint refuses them all or because
    nothing that it returns is a verdict, is set up wrongly: it is stopped, and not scored as one that is always wrong.

    Arguments:
        overseer: who is asked.
        few: how many episodes show that an overseer is set up wrongly.
        answered: whether it has given a verdict before, in an evaluation that goes on.
    """

    def __init__(self, overseer: Overseer, *, few: int = 8, answered: bool = False) -> None:
        self.overseer = overseer
        self.answered = answered
        self._few = few
        self._asked = 0
        self._reason = ""

    def review(self, observations: Sequence[Observation]) -> list[Verdict | str]:
        """One judgement for each observation.

        Raises:
            OverseerFailed: the overseer cannot be asked, raised an error, or has not given a single verdict so far.
            WrongReview: it returned something else than a list, or more or fewer verdicts than observations.
        """
        name = self.overseer.name
        with _naming(f"overseer {name!r}", raised=OverseerFailed, but=(ForgeArenaError, WrongReview)):
            judgements = _listed(name, self.overseer.review(observations), len(observations))
        read = [as_judgement(judgement) for judgement in judgements]
        self._asked += len(read)
        self.answered = self.answered or any(not isinstance(one, Completion) or one.answered for one in read)
        if not self.answered:
            self._reason = next(
                (one.reason for one in read if isinstance(one, Completion) and one.reason), self._reason
            )
            if self._asked >= self._few:
                self.finish()
        return read

    def finish(self) -> None:
        """To be called when all is judged. Raises `OverseerFailed` where the overseer was asked and gave no verdict."""
        if self._asked and not self.answered:
            raise OverseerFailed(
                f"overseer {self.overseer.name!r} gave no verdict on any of the first {self._asked} episodes, and is not "
                f"scored: {self._reason}"
            )


def as_judgement(said: object) -> Verdict | str:
    """What an overseer said of one observation. A mapping with the fields of a verdict is read as its JSON would be."""
    if isinstance(said, Verdict | str):
        return said
    if isinstance(said, Mapping):
        try:
            text = json.dumps(dict(said), ensure_ascii=False, default=_plain)
        except (TypeError, ValueError) as error:
            return Completion("", trouble=Trouble.unusable, reason=f"{_shown(said)} is no verdict: {error}")
        try:
            parse_verdict(text)
        except InvalidVerdict as invalid:
            return Completion(text, trouble=Trouble.unusable, reason=f"{_shown(said)} is no verdict: {invalid.reason}")
        return Completion(text)
    wanted = "a Verdict, a dict with detection, explanation, correction and confidence, or the raw text of a model"
    return Completion("", trouble=Trouble.unusable, reason=f"{_shown(said)} is no verdict: it must be {wanted}")


def _listed(name: str, returned: object, count: int) -> list[object]:
    """The verdicts that were returned, of a generator too; never more of them than it takes to see that they are too many.

    Raises:
        WrongReview: there are more or fewer than `count`, or this is no list.
    """
    if isinstance(returned, Coroutine):
        returned.close()
        raise WrongReview(f"review of overseer {name!r} is async: it must return the verdicts, not a coroutine")
    if not isinstance(returned, Iterable) or isinstance(returned, str | bytes | Mapping | Set | Verdict):
        raise WrongReview(
            f"review of overseer {name!r} returned {_shown(returned)}: it must return a list with one verdict for each "
            f"of the {count} observations"
        )
    verdicts = list(islice(returned, count + 1))
    if len(verdicts) != count:
        many = f"more than {count}" if len(verdicts) > count else str(len(verdicts))
        raise WrongReview(f"overseer {name!r} gave {many} verdicts for {count} observations")
    return verdicts


@contextmanager
def _naming(what: str, *, raised: type[Exception], but: tuple[type[Exception], ...]) -> Iterator[None]:
    """Raise an error in the code of an overseer, which may be any error, as `raised`, which says whose it is and where.

    Errors of the kinds in `but` speak for themselves and pass.
    """
    try:
        yield
    except but:
        raise
    except Exception as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        said = f"{type(error).__name__}: {error}".removesuffix(": ")
        raise raised(f"{what} raised {said} ({place.filename}:{place.lineno})") from error


def _plain(value: object) -> object:
    """A value that JSON does not know as one that it knows: the numbers of NumPy and PyTorch are asked for Python's."""
    item = getattr(value, "item", None)
    return item() if callable(item) else str(value)


def _shown(value: object) -> str:
    """A value as an error shows it: its kind, and its beginning where that says more."""
    if value is None:
        return "None"
    text = repr(value)
    return f"a {type(value).__name__} ({text[:80] + '…' if len(text) > 80 else text})"


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
        with _naming(f"making overseer {name!r}", raised=NoSuchOverseer, but=(ForgeArenaError, ValueError)):
            overseer = factory(*first, **settings)
    except ValueError as error:
        raise NoSuchOverseer(f"overseer {name!r}: {error}") from None
    lacks = " and ".join(f"`{what}`" for what, there in _has(overseer).items() if not there)
    if not isinstance(overseer, Overseer) or lacks:
        raise NoSuchOverseer(
            f"{name!r} made a {type(overseer).__name__}, which lacks {lacks}: an overseer has a `name` and "
            "`review(observations)`, which returns one verdict for each observation"
        )
    return overseer


def _has(overseer: object) -> dict[str, bool]:
    """Which parts of an overseer this object has."""
    return {
        "name": isinstance(getattr(overseer, "name", None), str),
        "review": callable(getattr(overseer, "review", None)),
    }


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
            guess = did_you_mean(setting, known)
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
    guess = did_you_mean(name, names())
    raise NoSuchOverseer(
        f"no overseer is called {name!r}.{guess} Known are {', '.join(names())}; or give openai:MODEL@URL, hf:PATH, the http:// address of a webhook, or module:Class"
    )


def _imported(place: str) -> Callable[..., object]:
    module, _, attribute = place.partition(":")
    try:
        with _naming(f"importing overseer {place!r}", raised=NoSuchOverseer, but=(ModuleNotFoundError,)):
            found = importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is not None and (module == error.name or module.startswith(f"{error.name}.")):
            raise NoSuchOverseer(f"overseer {place!r}: there is no module {error.name!r}") from None
        raise NoSuchOverseer(f"overseer {place!r} needs {error.name}, which is not installed") from None
    made = getattr(found, attribute, None)
    if not callable(made):
        guess = did_you_mean(attribute, [n for n in dir(found) if not n.startswith("_")])
        raise NoSuchOverseer(f"overseer {place!r}: module {module!r} has no class {attribute!r}.{guess}")
    factory: Callable[..., object] = made
    return factory
