"""The degenerates of `forge-arena audit exploits` as overseers, to be evaluated beside honest ones."""

from collections.abc import Sequence

from forge_agents.overseers.random import chances
from forge_arena.audits.degenerate import degenerates
from forge_arena.suggest import did_you_mean
from forge_arena.types import Observation, Verdict


class DegenerateOverseer:
    """Plays one of them. The seed and the observation decide its chance, as in `forge_agents.overseers.random`.

    Arguments:
        plays: its name; a wrong one is answered with those there are.
        seed: of its chance, where it leaves something to that.
    """

    def __init__(self, plays: str, seed: int = 0) -> None:
        known = {one.name: one for one in degenerates()}
        if plays not in known:
            guess = did_you_mean(plays, known)
            raise ValueError(f"no degenerate is called {plays!r}.{guess} Known are {', '.join(sorted(known))}")
        self.name = plays
        self._review = known[plays].review
        self._seed = seed

    def review(self, observations: Sequence[Observation]) -> list[Verdict | str]:
        dice = chances(observations, self._seed)
        return [self._review(observation, rng) for observation, rng in zip(observations, dice, strict=True)]
