"""Give demonstrations other words, the same throughout one: what is right by comparison stays right by any name.

A model from scratch that reads eight families learns the eight: it copies "boiler" and "loan", and stumbles over the
"locker" of a ninth. In a renamed demonstration every word that belongs to few families stands for another one, in source,
answer and verdict alike: a word of another family, or one made up. Words that many families share (formerly, until,
section) keep their meaning, and so do numbers, and so does the label.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from random import Random
from typing import Self

from forge_agents.train.demonstrations import Demonstration
from forge_arena.types import CorruptionType
from forge_arena.verdicts import observation_text

# Words that a verdict and its frame are made of.
KEPT = frozenset(
    {"task", "source", "material", "worker", "reasoning", "none", "output", "think"}
    | {"detection", "explanation", "correction", "confidence", "true", "false", "null"}
    | {"the", "answer", "goes", "against", "bears", "out"}
    | {part for type in CorruptionType for part in type.value.split("_")}
)
# Shared by at least half of the families: a word of all of them, not of a few.
SHARED = 0.5
MADE_UP = 0.5

_WORD = re.compile(r"[A-Za-z][a-z]{2,}")
_BEFORE = (*"bcdfghjklmnprstvwxyz", "ck", "qu", "th")
_BEHIND = (*"bcdglmnprstx", "ck")
_SYLLABLES = tuple(
    [consonant + vowel for consonant in _BEFORE for vowel in "aeiou"]
    + [vowel + consonant for vowel in "aeiou" for consonant in _BEHIND]
)


@dataclass(frozen=True, slots=True)
class Renaming:
    """Which words are kept, and the others, which stand for each other."""

    kept: frozenset[str]
    others: tuple[str, ...]

    @classmethod
    def learned(cls, shown: Iterable[Demonstration]) -> Self:
        """From demonstrations of several families: which words many of them share."""
        families: dict[str, set[str]] = defaultdict(set)
        for demonstration in shown:
            for word in _WORD.findall(observation_text(demonstration.observation)):
                families[word.lower()].add(demonstration.truth.family)
        known = {family for found in families.values() for family in found}
        kept = KEPT | {word for word, found in families.items() if len(found) >= max(2.0, SHARED * len(known))}
        return cls(frozenset(kept), tuple(sorted(families.keys() - kept)))

    def renamed(self, demonstration: Demonstration, rng: Random) -> Demonstration:
        """The demonstration with other words. Its truth, whose spans count characters, stays that of the original."""
        names: dict[str, str] = {}

        def other(match: re.Match[str]) -> str:
            word = match[0]
            low = word.lower()
            if low in self.kept:
                return word
            if low not in names:
                names[low] = self._another(rng, names.values())
            return names[low].capitalize() if word[0].isupper() else names[low]

        seen = demonstration.observation
        texts = {
            name: _WORD.sub(other, getattr(seen, name))
            for name in ("task", "source_material", "worker_reasoning", "worker_output")
        }
        return demonstration.model_copy(
            update={
                "observation": seen.model_copy(update=texts),
                "completion": _WORD.sub(other, demonstration.completion),
            }
        )

    def _another(self, rng: Random, taken: Collection[str]) -> str:
        """A name that nothing else has: two options of one name would make a wrong answer right."""
        while (name := self._any(rng)) in taken or name in self.kept:
            pass
        return name

    def _any(self, rng: Random) -> str:
        if not self.others or rng.random() < MADE_UP:
            return "".join(rng.choice(_SYLLABLES) for _ in range(rng.choice((1, 2, 2, 3))))
        return rng.choice(self.others)
