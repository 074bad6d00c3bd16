"""Overseers that give the same verdict on everything. Any other overseer must do better than these."""

from collections.abc import Sequence

from forge_arena.types import Observation, Verdict


class Constant:
    """One verdict for all observations."""

    def __init__(self, name: str, verdict: Verdict) -> None:
        self.name = name
        self.verdict = verdict

    def review(self, observations: Sequence[Observation]) -> list[Verdict]:
        return [self.verdict] * len(observations)


class AlwaysClean(Constant):
    """Says of every answer that it is right, with `confidence`."""

    def __init__(self, confidence: float = 0.5) -> None:
        super().__init__("always_clean", Verdict(detection=False, explanation="", correction="", confidence=confidence))


class AlwaysCorrupted(Constant):
    """Says of every answer that it is corrupted, with `confidence`, and names no place."""

    def __init__(self, confidence: float = 0.5) -> None:
        super().__init__(
            "always_corrupted", Verdict(detection=True, explanation="", correction="", confidence=confidence)
        )


class Prior(Constant):
    """Knows the share of corrupted answers and nothing else: the best constant overseer.

    Args:
        prevalence: the share of corrupted answers. It becomes the stated P(corrupted).
    """

    def __init__(self, prevalence: float = 0.5) -> None:
        flagged = prevalence > 0.5
        confidence = prevalence if flagged else 1.0 - prevalence
        super().__init__("prior", Verdict(detection=flagged, explanation="", correction="", confidence=confidence))
