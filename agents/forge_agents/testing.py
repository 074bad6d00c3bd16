"""Check that an overseer keeps its promises, as `forge_arena.testing` checks what you add to the arena.

    python -m forge_agents.testing overseer NAME

The message of a broken promise says the promise, what was seen, and what to do.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass

from forge_agents.overseers import Completion, Overseer, open_overseer
from forge_agents.overseers.replies import as_reply, describe, verdict_of
from forge_arena.additions import blame
from forge_arena.errors import ForgeArenaError
from forge_arena.testing import EPISODES, Promise, PromiseBroken, keep, make_episodes
from forge_arena.types import Observation, Verdict

# What to do about verdicts that differ.
SAME_AGAIN = (
    "let a verdict depend on its own observation alone, and draw at random from a generator that is seeded by the "
    "observation; if the overseer is meant to sample, check it with repeatable=False"
)


@dataclass(frozen=True)
class Case:
    """An overseer, and the observations that it reviews."""

    overseer: Overseer
    observations: Sequence[Observation]

    def review(self, observations: Sequence[Observation]) -> object:
        """What the overseer returns for observations.

        Raises:
            PromiseBroken: the overseer raised an error; the message names it and the line of the overseer's code.
        """
        what = f"overseer {self.overseer.name!r}: Its method `review` raises no error. Seen: it"
        with blame(what, error=PromiseBroken, passing=(ForgeArenaError,)):
            returned: object = self.overseer.review(observations)
        return returned

    def verdicts(self) -> list[Verdict | str]:
        """Its reply to each observation: a verdict, or the raw text of a model."""
        returned = self.review(self.observations)
        return [as_reply(verdict) for verdict in returned] if isinstance(returned, Sequence) else []


def check_overseer(
    overseer: Overseer | str, observations: Sequence[Observation] | None = None, *, repeatable: bool = True
) -> int:
    """Check an overseer on observations of every form: clean, corrupted and placebo.

    Args:
        overseer: an object with `name` and `review`, or a name that `forge_agents.overseers.open_overseer` takes.
        observations: what it reviews; by default observations of the training split.
        repeatable: whether the same observation must get the same verdict in any batch. Give False for a model that
            samples.

    Returns: how many observations the overseer reviewed.

    Raises:
        PromiseBroken: names the promise, and says what was seen and what to do.
        NoSuchOverseer: nothing has this name, or it is no overseer.
    """
    reviewer = open_overseer(overseer) if isinstance(overseer, str) else overseer
    if observations is None:
        observations = [episode.observation for episode in make_episodes(EPISODES)]
    promises = (*PROMISES, *(REPEATABLE if repeatable else ()))
    name = overseer if isinstance(overseer, str) else type(overseer).__name__
    keep(promises, Case(reviewer, observations), f"overseer {name!r}")
    return len(observations)


def has_a_name(case: Case) -> str | None:
    """Its name is a text for records and reports."""
    name: object = getattr(case.overseer, "name", None)
    if isinstance(name, str) and name.strip():
        return None
    return f"its name is {name!r}; set the attribute `name` to a short text"


def has_a_review(case: Case) -> str | None:
    """It has a method `review` that takes a list of observations."""
    if callable(getattr(case.overseer, "review", None)):
        return None
    return "there is none; define `review(self, observations)`"


def returns_a_list(case: Case) -> str | None:
    """It returns one verdict for each observation, in a list."""
    returned = case.review(case.observations)
    if not isinstance(returned, Sequence) or isinstance(returned, str):
        return f"a {type(returned).__name__}; return a list"
    count = len(case.observations)
    if len(returned) == count:
        return None
    return f"{len(returned)} verdicts for {count} observations; return one for each, in the order of the observations"


def takes_an_empty_batch(case: Case) -> str | None:
    """For no observations it returns no verdicts."""
    returned = case.review([])
    if not isinstance(returned, Sequence):
        return f"a {type(returned).__name__}; return [] for []"
    return f"{len(returned)} verdicts; return [] for []" if returned else None


def returns_verdicts(case: Case) -> str | None:
    """A verdict is a Verdict, a dict with its fields, or the text of a model in which a verdict can be read."""
    for verdict in case.verdicts():
        if isinstance(verdict, Completion) and verdict.reason:
            return verdict.reason
    return None


def returns_a_readable_verdict(case: Case) -> str | None:
    """A verdict can be read in at least one reply."""
    replies = case.verdicts()
    if not replies or any(verdict_of(reply) is not None for reply in replies):
        return None
    return (
        f"no reply is a readable verdict; the first is {describe(replies[0])}; return a Verdict, or a JSON object with "
        "the fields of a verdict"
    )


def is_the_same_again(case: Case) -> str | None:
    """The same observations get the same verdicts."""
    pairs = enumerate(zip(case.verdicts(), case.verdicts(), strict=True))
    changed = (f"number {n}: {first!r}, then {second!r}" for n, (first, second) in pairs if first != second)
    return next((f"{change}; {SAME_AGAIN}" for change in changed), None)


def is_the_same_in_any_batch(case: Case) -> str | None:
    """An observation gets the same verdict in any batch."""
    whole = case.verdicts()
    for number, observation in enumerate(case.observations):
        (alone,) = Case(case.overseer, [observation]).verdicts()
        if alone != whole[number]:
            return f"number {number}: {whole[number]!r} in a batch of {len(whole)}, {alone!r} alone; {SAME_AGAIN}"
    return None


PROMISES: tuple[Promise[Case], ...] = (
    has_a_name,
    has_a_review,
    returns_a_list,
    takes_an_empty_batch,
    returns_verdicts,
    returns_a_readable_verdict,
)
REPEATABLE: tuple[Promise[Case], ...] = (is_the_same_again, is_the_same_in_any_batch)


def main(arguments: Sequence[str]) -> int:
    """Run the check as a command; returns the exit status."""
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
