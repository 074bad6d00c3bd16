"""The degenerates of `forge-arena audit exploits` as overseers, so that they can be evaluated beside honest ones."""

from collections.abc import Sequence

from forge_agents.overseers.random import generators
from forge_arena.audits.degenerates import degenerates
from forge_arena.suggest import did_you_mean
from forge_arena.types import Observation, Verdict


class DegenerateOverseer:
    """Plays one of the degenerates.

    Args:
        plays: the name of the degenerate.
        seed: the seed of its random choices; see `forge_agents.overseers.random.generators`.

    Raises:
        ValueError: no degenerate has this name; the message lists the names.
    """

    def __init__(self, plays: str, seed: int = 0) -> None:
        known = {degenerate.name: degenerate for degenerate in degenerates()}
        if plays not in known:
            guess = did_you_mean(plays, known)
            raise ValueError(f"no degenerate is called {plays!r}.{guess} Known are {', '.join(sorted(known))}")
        self.name = plays
        self._review = known[plays].review
        self._seed = seed

    def review(self, observations: Sequence[Observation]) -> list[Verdict | str]:
        rngs = generators(observations, self._seed)
        return [self._review(observation, rng) for observation, rng in zip(observations, rngs, strict=True)]
