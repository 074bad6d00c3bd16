"""Define an overseer: its protocol, its replies, and the errors with which it can fail."""

from collections.abc import Sequence
from typing import Protocol, Self, TypeAlias, runtime_checkable

from forge_arena.errors import ForgeArenaError
from forge_arena.types import JsonObject, Observation, Trouble, Usage, Verdict


class NoSuchOverseer(ForgeArenaError, ValueError):
    """No overseer has this name, or its object is no overseer, or the overseer does not take these settings."""


class OverseerFailed(ForgeArenaError):
    """An overseer could not be asked: its endpoint is down, or its own code raised an error. Never a score."""


class WrongReview(ForgeArenaError, ValueError):
    """An overseer returned something other than one reply for each observation."""


class Completion(str):
    """The raw text that a model wrote. The arena parses the text, so an unreadable verdict is scored as one.

    Attributes:
        log_odds: the model's own log-odds that the answer is corrupted, if they are known.
        usage: the cost of the completion in tokens and retries.
        trouble: the kind of trouble, None if there was none.
        reason: the trouble in words.
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
        """Whether the overseer said anything that could have been a verdict."""
        return self.trouble in (None, Trouble.declined, Trouble.cut)


# The reply of an overseer to one observation: a verdict, or the raw text of a model.
Reply: TypeAlias = Verdict | str


@runtime_checkable
class Overseer(Protocol):
    """Reviews observations in batches.

    An overseer that holds connections may also have `close()`. An overseer whose verdicts depend on more than its name
    may have an attribute `conditions`; see the function of that name. An overseer that writes for minutes may have an
    attribute `pace` (`forge_agents.pace.Pace`), which the commands show.
    """

    @property
    def name(self) -> str:
        """The name of this overseer in records and reports."""
        ...

    def review(self, observations: Sequence[Observation]) -> Sequence[Reply]:
        """One verdict, or a model's raw text, for each observation, in order."""
        ...


def conditions(overseer: Overseer) -> JsonObject:
    """The things beside its name on which an overseer's verdicts depend: the prompt, sampling, weights.

    Verdicts under other conditions are verdicts of another overseer. The overseer states its conditions in an attribute
    `conditions`; {} if it has no such attribute.
    """
    stated: JsonObject = getattr(overseer, "conditions", {})
    return stated
