"""Ask an overseer for its review, check its replies, and stop an overseer that is set up wrongly."""

from collections.abc import Coroutine, Iterable, Mapping, Sequence, Set
from itertools import islice

from forge_agents.overseers.base import (
    Completion,
    Overseer,
    OverseerFailed,
    OverseerWithTools,
    Reply,
    ToolAccess,
    WrongReview,
)
from forge_agents.overseers.replies import as_reply, describe
from forge_arena.additions import blame
from forge_arena.errors import ForgeArenaError
from forge_arena.types import Observation, Verdict


class Reviewer:
    """Asks an overseer, and passes on exactly one reply for each observation.

    An overseer may be set up wrongly: its endpoint refuses all requests, or nothing that it returns is a verdict. Such
    an overseer gives no verdict on any of its first `few` episodes. It is then stopped. Scoring it as an overseer that
    is always wrong would be untrue.

    Args:
        overseer: the overseer.
        few: the number of episodes without a verdict after which the overseer is stopped.
        answered: whether the overseer gave a verdict before, in the evaluation that is resumed.
    """

    def __init__(self, overseer: Overseer, *, few: int = 8, answered: bool = False) -> None:
        self.overseer = overseer
        self.answered = answered
        self._few = few
        self._asked = 0
        self._reason = ""

    def review(self, observations: Sequence[Observation], tools: Sequence[ToolAccess] | None = None) -> list[Reply]:
        """One reply for each observation. With `tools`, the overseer may use them first.

        Raises:
            OverseerFailed: the overseer cannot be asked, raised an error, or has not given a single verdict so far.
            WrongReview: it returned something other than a list, or more or fewer replies than observations.
        """
        name = self.overseer.name
        with blame(f"overseer {name!r}", error=OverseerFailed, passing=(ForgeArenaError,)):
            items = _list_items(name, self._ask(observations, tools), len(observations))
        replies = [as_reply(item) for item in items]
        self._asked += len(replies)
        self.answered = self.answered or any(not isinstance(r, Completion) or r.answered for r in replies)
        if not self.answered:
            reasons = [r.reason for r in replies if isinstance(r, Completion) and r.reason]
            self._reason = reasons[0] if reasons else self._reason
            if self._asked >= self._few:
                self.finish()
        return replies

    def _ask(self, observations: Sequence[Observation], tools: Sequence[ToolAccess] | None) -> object:
        if tools is None:
            return self.overseer.review(observations)
        assert isinstance(self.overseer, OverseerWithTools)
        return self.overseer.review_with_tools(observations, tools)

    def finish(self) -> None:
        """Check that the overseer gave a verdict at all. Call this when everything is reviewed.

        Raises:
            OverseerFailed: the overseer was asked and gave no verdict at all.
        """
        if self._asked and not self.answered:
            raise OverseerFailed(
                f"overseer {self.overseer.name!r} gave no verdict on any of the first {self._asked} episodes, and is "
                f"not scored: {self._reason}"
            )


def _list_items(name: str, returned: object, count: int) -> list[object]:
    """The items that an overseer returned, as a list. A generator is read only up to one item more than `count`.

    Raises:
        WrongReview: there are more or fewer than `count` items, or `returned` is no list.
    """
    if isinstance(returned, Coroutine):
        returned.close()
        raise WrongReview(f"review of overseer {name!r} is async: it must return the verdicts, not a coroutine")
    if not isinstance(returned, Iterable) or isinstance(returned, str | bytes | Mapping | Set | Verdict):
        raise WrongReview(
            f"review of overseer {name!r} returned {describe(returned)}: it must return a list with one verdict for "
            f"each of the {count} observations"
        )
    items = list(islice(returned, count + 1))
    if len(items) != count:
        number = f"more than {count}" if len(items) > count else str(len(items))
        raise WrongReview(f"overseer {name!r} gave {number} verdicts for {count} observations")
    return items
