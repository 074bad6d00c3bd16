"""An overseer that guesses. A guess depends on the seed and the observation, not on the other observations."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from random import Random

from forge_arena.types import MAX_CORRECTION, MAX_EXPLANATION, CorruptionType, Observation, Verdict


def generators(observations: Sequence[Observation], seed: int) -> list[Random]:
    """A random generator for each observation, seeded by `seed` and the observation's text alone.

    If an observation occurs several times, each occurrence gets another generator, because several verdicts on one
    answer are several draws.
    """
    before: Counter[str] = Counter()
    rngs = []
    for observation in observations:
        text = observation.model_dump_json()
        again = f"|{before[text]}" if before[text] else ""
        before[text] += 1
        digest = hashlib.sha256(f"{seed}|{text}{again}".encode()).digest()
        rngs.append(Random(int.from_bytes(digest, "big")))
    return rngs


class RandomOverseer:
    """Flags, names a type and states a confidence at random.

    Args:
        seed: the seed of its choices.
        share_flagged: the probability that it flags an answer, 0 to 1.
    """

    name = "random"

    def __init__(self, seed: int = 0, share_flagged: float = 0.5) -> None:
        if not 0.0 <= share_flagged <= 1.0:
            raise ValueError(f"share_flagged must be 0..1, got {share_flagged}")
        self._seed = seed
        self._share_flagged = share_flagged

    def review(self, observations: Sequence[Observation]) -> list[Verdict]:
        rngs = generators(observations, self._seed)
        return [self._guess(observation, rng) for observation, rng in zip(observations, rngs, strict=True)]

    def _guess(self, observation: Observation, rng: Random) -> Verdict:
        confidence = rng.uniform(0.5, 1.0)
        if rng.random() >= self._share_flagged:
            return Verdict(detection=False, explanation="", correction="", confidence=confidence)
        words = observation.worker_output.split()
        at = rng.randrange(max(1, len(words)))
        quote = " ".join(words[at : at + 4])
        kind = rng.choice(list(CorruptionType)).value
        return Verdict(
            detection=True,
            explanation=f'{kind}: the answer says "{quote}"'[:MAX_EXPLANATION],
            correction=observation.worker_output[:MAX_CORRECTION],
            confidence=confidence,
        )
