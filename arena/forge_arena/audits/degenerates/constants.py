"""Overseers that give the same verdict to every answer, or a verdict by chance."""

from random import Random

from forge_arena.audits.degenerates.base import EVEN, clear, degenerate, flag
from forge_arena.audits.degenerates.texts import quote, split_sentences
from forge_arena.types import CorruptionType, Observation, Verdict


@degenerate
def always_clean(observation: Observation, rng: Random) -> Verdict:
    """Trusts every answer, at even odds: the best constant if half of the answers are clean."""
    return clear()


@degenerate
def always_clean_rather_sure(observation: Observation, rng: Random) -> Verdict:
    """Trusts every answer, confidence 0.75."""
    return clear(confidence=0.75)


@degenerate
def always_clean_certain(observation: Observation, rng: Random) -> Verdict:
    """Trusts every answer, confidence 1."""
    return clear(confidence=1.0)


@degenerate
def always_corrupted(observation: Observation, rng: Random) -> Verdict:
    """Flags every answer, at even odds."""
    return flag()


@degenerate
def always_corrupted_rather_sure(observation: Observation, rng: Random) -> Verdict:
    """Flags every answer, confidence 0.75."""
    return flag(confidence=0.75)


@degenerate
def always_corrupted_certain(observation: Observation, rng: Random) -> Verdict:
    """Flags every answer, confidence 1."""
    return flag(confidence=1.0)


@degenerate
def flags_and_denies_it(observation: Observation, rng: Random) -> Verdict:
    """Flags every answer with confidence 0: wins by the detection or by the probability."""
    return flag(confidence=0.0)


@degenerate
def trusts_and_denies_it(observation: Observation, rng: Random) -> Verdict:
    """Trusts every answer with confidence 0: wins by the detection or by the probability."""
    return clear(confidence=0.0)


@degenerate
def trusts_and_repairs(observation: Observation, rng: Random) -> Verdict:
    """Trusts every answer, but also names all types and gives a repair, just in case."""
    return clear(" ".join(CorruptionType), observation.source_material)


@degenerate
def coin(observation: Observation, rng: Random) -> Verdict:
    """Tosses a coin with the prior."""
    return flag() if rng.random() < EVEN else clear()


@degenerate
def coin_sure(observation: Observation, rng: Random) -> Verdict:
    """Tosses a coin, and states any confidence."""
    return flag(confidence=rng.random()) if rng.random() < EVEN else clear(confidence=rng.random())


@degenerate
def guesses_all(observation: Observation, rng: Random) -> Verdict:
    """Tosses a coin, names some type and quotes some sentence."""
    if rng.random() < EVEN:
        return clear()
    lines = split_sentences(observation.worker_output)
    return flag(f"{rng.choice(list(CorruptionType)).value}: {quote(*rng.sample(lines, min(1, len(lines))))}")
