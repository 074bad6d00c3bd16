"""Define an overseer: its protocol, its replies, and the errors with which it can fail."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any, Protocol, Self, TypeAlias, runtime_checkable

from pydantic_core import from_json, to_json

from forge_arena.additions import blame
from forge_arena.errors import ForgeArenaError
from forge_arena.types import JsonObject, MemberReview, Observation, Trouble, Usage, Verdict
from forge_arena.wire import OfferedTools


class NoSuchOverseer(ForgeArenaError, ValueError):
    """No overseer has this name, or its object is no overseer, or the overseer does not take these settings."""


class OverseerFailed(ForgeArenaError):
    """An overseer could not be asked: its endpoint is down, or its own code raised an error. Never a score."""


class WrongReview(ForgeArenaError, ValueError):
    """An overseer returned something other than one reply for each observation."""


class Completion(str):
    """The raw text that a model wrote. The arena parses the text, so an unreadable verdict is scored as one.

    Attributes:
        log_odds: the model's own log-odds that the answer is corrupted, if they are known; a finite number.
        usage: the cost of the completion in tokens, retries and seconds.
        trouble: the kind of trouble, None if there was none.
        reason: the trouble in words.
        members: what each overseer said that was asked, by name, if this is the reply of an overseer that asks several.
        thoughts: what the model thought before it answered, if its server sends the thoughts apart from the text.

    Raises:
        ValueError: the log-odds are no finite number.
    """

    log_odds: float | None
    usage: Usage | None
    trouble: Trouble | None
    reason: str | None
    thoughts: str | None
    members: dict[str, MemberReview]

    def __new__(
        cls,
        text: str,
        log_odds: float | None = None,
        *,
        usage: Usage | None = None,
        trouble: Trouble | None = None,
        reason: str | None = None,
        thoughts: str | None = None,
        members: Mapping[str, MemberReview] | None = None,
    ) -> Self:
        if log_odds is not None and not isfinite(log_odds):
            raise ValueError(f"log_odds must be a finite number, or None if they are not known, got {log_odds}")
        completion = super().__new__(cls, text)
        completion.log_odds = log_odds
        completion.usage = usage
        completion.trouble = trouble
        completion.reason = reason
        completion.thoughts = thoughts
        completion.members = dict(members or {})
        return completion

    @property
    def answered(self) -> bool:
        """Whether the overseer said anything that could have been a verdict."""
        return self.trouble in (None, Trouble.declined, Trouble.cut)


# The reply of an overseer to one observation: a verdict, or the raw text of a model.
Reply: TypeAlias = Verdict | str


@runtime_checkable
class Overseer(Protocol):
    """Reviews observations in batches.

    An overseer that holds connections may also have `close()`. An overseer whose verdicts depend on more than its name
    may have an attribute `conditions`, and `details` for whoever wants to make its result again; see the functions of
    these names. An overseer that writes for minutes may have an attribute `pace` (`forge_agents.pace.Pace`), which the
    commands show. An overseer whose attribute `wants_tools` is true is evaluated with tools.
    """

    @property
    def name(self) -> str:
        """The name of this overseer in records and reports."""
        ...

    def review(self, observations: Sequence[Observation]) -> Sequence[Reply]:
        """One verdict, or a model's raw text, for each observation, in order."""
        ...


@dataclass(frozen=True, slots=True)
class ToolAccess:
    """The tools of one attempt: what is offered, and `use(name, arguments)`, which returns what a tool says."""

    offered: OfferedTools
    use: Callable[[str, Mapping[str, Any]], str]


@runtime_checkable
class OverseerWithTools(Overseer, Protocol):
    """An overseer that can use tools before its verdicts."""

    def review_with_tools(self, observations: Sequence[Observation], tools: Sequence[ToolAccess]) -> Sequence[Reply]:
        """As `review`; `tools` are those of each observation, in order."""
        ...


def wants_tools(overseer: Overseer) -> bool:
    """Whether an overseer can only be asked with tools, as its attribute `wants_tools` says; False without one."""
    return bool(getattr(overseer, "wants_tools", False))


def conditions(overseer: Overseer) -> JsonObject:
    """The things beside its name on which an overseer's verdicts depend: the prompt, sampling, weights.

    Verdicts under other conditions are verdicts of another overseer. The overseer states its conditions in an attribute
    `conditions`; {} if it has no such attribute. Values that are not of JSON become what JSON makes of them, so that a
    resumed evaluation finds the same conditions in its records.

    Raises:
        NoSuchOverseer: the attribute is no mapping, or JSON cannot hold it.
    """
    return _stated(overseer, "conditions")


def details(overseer: Overseer) -> JsonObject:
    """What a reader of a result wants to know of its overseer: its model, its endpoint, the words of its prompt.

    Unlike the conditions, the details may change while an evaluation goes on: a server may move to another port. The
    overseer states them in an attribute `details`; {} if it has no such attribute.

    Raises:
        NoSuchOverseer: the attribute is no mapping, or JSON cannot hold it.
    """
    return _stated(overseer, "details")


def _stated(overseer: Overseer, name: str) -> JsonObject:
    """The mapping that an overseer states in an attribute, as JSON values; {} if it has no such attribute."""
    culprit = f"overseer {overseer.name!r}"
    with blame(f"the attribute `{name}` of {culprit}", error=NoSuchOverseer, passing=(ForgeArenaError,)):
        stated: object = getattr(overseer, name, {})
    if not isinstance(stated, Mapping):
        raise NoSuchOverseer(f"{culprit}: its attribute `{name}` must be a dict of JSON values, got {stated!r:.80}")
    try:
        values: JsonObject = from_json(to_json(dict(stated), inf_nan_mode="null"))
    except (ValueError, RecursionError) as error:
        raise NoSuchOverseer(f"{culprit}: its attribute `{name}` must be a dict of JSON values: {error}") from None
    return values
