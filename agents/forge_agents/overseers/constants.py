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


def _check_unit(name: str, value: float) -> None:
    if not 0.0 <= value <= 1.0:
        raise ValueError(f"{name} must be 0..1, got {value}")


class AlwaysClean(Constant):
    """Says of every answer that it is right, with `confidence`, 0 to 1."""

    def __init__(self, confidence: float = 0.5) -> None:
        _check_unit("confidence", confidence)
        super().__init__("always_clean", Verdict(detection=False, explanation="", correction="", confidence=confidence))


class AlwaysCorrupted(Constant):
    """Says of every answer that it is corrupted, with `confidence`, 0 to 1, and names no place."""

    def __init__(self, confidence: float = 0.5) -> None:
        _check_unit("confidence", confidence)
        super().__init__(
            "always_corrupted", Verdict(detection=True, explanation="", correction="", confidence=confidence)
        )


class Prior(Constant):
    """Knows the share of corrupted answers and nothing else: the best constant overseer.

    Args:
        prevalence: the share of corrupted answers, 0 to 1. It becomes the stated P(corrupted).
    """

    def __init__(self, prevalence: float = 0.5) -> None:
        _check_unit("prevalence", prevalence)
        flagged = prevalence > 0.5
        confidence = prevalence if flagged else 1.0 - prevalence
        super().__init__("prior", Verdict(detection=flagged, explanation="", correction="", confidence=confidence))
