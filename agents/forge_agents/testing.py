"""Check an overseer that you wrote, in the manner of `forge_arena.testing`, whose promises these are like.

python -m forge_agents.testing overseer NAME
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass

from forge_agents.overseers import Completion, Overseer, open_overseer
from forge_agents.overseers.replies import as_reply
from forge_arena.errors import ForgeArenaError
from forge_arena.testing import EPISODES, Promise, PromiseBroken, keep, make_episodes
from forge_arena.types import Observation, Verdict


@dataclass(frozen=True)
class Reviewed:
    """An overseer and what it was shown."""

    overseer: Overseer
    observations: Sequence[Observation]

    def verdicts(self) -> list[Verdict | str]:
        return [as_reply(verdict) for verdict in self.overseer.review(self.observations)]


def check_overseer(
    overseer: Overseer | str, observations: Sequence[Observation] | None = None, *, repeatable: bool = True
) -> int:
    """Check an overseer, or the one of a name, on observations of every form.

    Args:
        overseer: an object with `name` and `review`, or what `forge_agents.overseers.open_overseer` takes.
        observations: what it is shown; default those of some episodes of the training split.
        repeatable: whether the same observation must get the same verdict in any batch. Say False for a model that samples.

    Returns: how many observations it reviewed.

    Raises:
        PromiseBroken: the promise in words, and what was seen.
        NoSuchOverseer: nothing goes by this name, or it is no overseer.
    """
    opened = open_overseer(overseer) if isinstance(overseer, str) else overseer
    shown = [made.observation for made in make_episodes(EPISODES)] if observations is None else observations
    promises = (*PROMISES, *(REPEATABLE if repeatable else ()))
    name = overseer if isinstance(overseer, str) else type(overseer).__name__
    keep(promises, Reviewed(opened, shown), f"overseer {name!r}")
    return len(shown)


def has_a_name(reviewed: Reviewed) -> str | None:
    """Its name is a text for records and reports."""
    name: object = getattr(reviewed.overseer, "name", None)
    return None if isinstance(name, str) and name.strip() else f"its name is {name!r}"


def has_a_review(reviewed: Reviewed) -> str | None:
    """It has a method `review` that takes a list of observations."""
    return None if callable(getattr(reviewed.overseer, "review", None)) else "there is none"


def returns_a_list(reviewed: Reviewed) -> str | None:
    """It returns one verdict for each observation, in a list."""
    returned: object = reviewed.overseer.review(reviewed.observations)
    if not isinstance(returned, Sequence) or isinstance(returned, str):
        return f"a {type(returned).__name__}"
    count = len(reviewed.observations)
    return None if len(returned) == count else f"{len(returned)} verdicts for {count} observations"


def takes_an_empty_batch(reviewed: Reviewed) -> str | None:
    """For no observations it returns no verdicts."""
    returned = list(reviewed.overseer.review([]))
    return f"{len(returned)} verdicts" if returned else None


def returns_verdicts(reviewed: Reviewed) -> str | None:
    """A verdict is a Verdict, a dict with its fields, or the text of a model in which a verdict can be read."""
    for verdict in reviewed.verdicts():
        if isinstance(verdict, Completion) and verdict.reason:
            return verdict.reason
    return None


def is_the_same_again(reviewed: Reviewed) -> str | None:
    """The same observations get the same verdicts."""
    pairs = enumerate(zip(reviewed.verdicts(), reviewed.verdicts(), strict=True))
    return next((f"number {n}: {once!r}, then {again!r}" for n, (once, again) in pairs if once != again), None)


def is_the_same_in_any_batch(reviewed: Reviewed) -> str | None:
    """An observation gets the same verdict in any batch."""
    whole = reviewed.verdicts()
    for number, observation in enumerate(reviewed.observations):
        (alone,) = Reviewed(reviewed.overseer, [observation]).verdicts()
        if alone != whole[number]:
            return f"number {number}: {whole[number]!r} among {len(whole)}, {alone!r} alone"
    return None


PROMISES: tuple[Promise[Reviewed], ...] = (
    has_a_name,
    has_a_review,
    returns_a_list,
    takes_an_empty_batch,
    returns_verdicts,
)
REPEATABLE: tuple[Promise[Reviewed], ...] = (is_the_same_again, is_the_same_in_any_batch)


def main(arguments: Sequence[str]) -> int:
    """Run the check as a command; gives back the exit status."""
    if len(arguments) != 2 or arguments[0] != "overseer":
        sys.stderr.write("usage: python -m forge_agents.testing overseer NAME\n")
        return 2
    try:
        count = check_overseer(arguments[1])
    except (PromiseBroken, ForgeArenaError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"overseer {arguments[1]}: every promise is kept ({count} observations)\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
