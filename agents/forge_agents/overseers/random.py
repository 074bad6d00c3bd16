"""An overseer that guesses. The seed and the observation decide what: who else is judged makes no difference."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from random import Random

from forge_arena.types import CorruptionType, Observation, Verdict


def chances(observations: Sequence[Observation], seed: int) -> list[Random]:
    """A die for each observation: the same text and seed throw the same, whoever else is judged.

    An observation that stands there again gets another die, because several verdicts on one answer are several draws.
    """
    before: Counter[str] = Counter()
    dice = []
    for observation in observations:
        text = observation.model_dump_json()
        again = f"|{before[text]}" if before[text] else ""
        before[text] += 1
        digest = hashlib.sha256(f"{seed}|{text}{again}".encode()).digest()
        dice.append(Random(int.from_bytes(digest, "big")))
    return dice


class RandomOverseer:
    """Flags, names a type and states a confidence by the throw of a die that the observation's own text decides."""

    name = "random"

    def __init__(self, seed: int = 0, share_flagged: float = 0.5) -> None:
        if not 0.0 <= share_flagged <= 1.0:
            raise ValueError(f"share_flagged must be 0..1, got {share_flagged}")
        self._seed = seed
        self._share_flagged = share_flagged

    def review(self, observations: Sequence[Observation]) -> list[Verdict]:
        dice = chances(observations, self._seed)
        return [self._guess(observation, rng) for observation, rng in zip(observations, dice, strict=True)]

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
            explanation=f'{kind}: the answer says "{quote}"'[:4_000],
            correction=observation.worker_output[:16_000],
            confidence=confidence,
        )
