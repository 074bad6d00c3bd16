"""An overseer that guesses, always the same of the same observation."""

import hashlib
from collections.abc import Sequence
from random import Random

from forge_arena.types import CorruptionType, Observation, Verdict


def chance(observation: Observation, seed: int) -> Random:
    """A die for this observation: the same text and seed throw the same, whoever else is judged."""
    digest = hashlib.sha256(f"{seed}|{observation.model_dump_json()}".encode()).digest()
    return Random(int.from_bytes(digest, "big"))


class RandomOverseer:
    """Flags, names a type and states a confidence by the throw of a die that the observation's own text decides."""

    name = "random"

    def __init__(self, seed: int = 0, share_flagged: float = 0.5) -> None:
        if not 0.0 <= share_flagged <= 1.0:
            raise ValueError(f"share_flagged must be 0..1, got {share_flagged}")
        self._seed = seed
        self._share_flagged = share_flagged

    def review(self, observations: Sequence[Observation]) -> list[Verdict]:
        return [self._guess(observation) for observation in observations]

    def _guess(self, observation: Observation) -> Verdict:
        rng = chance(observation, self._seed)
        confidence = rng.uniform(0.5, 1.0)
        if rng.random() >= self._share_flagged:
            return Verdict(detection=False, explanation="", correction="", confidence=confidence)
        words = observation.worker_output.split()
        at = rng.randrange(max(1, len(words)))
        quote = " ".join(words[at : at + 4])
        kind = rng.choice(list(CorruptionType)).value
        return Verdict(
            detection=True,
            explanation=f'{kind}: the answer says "{quote}"'[:4_000],
            correction=observation.worker_output[:16_000],
            confidence=confidence,
        )
