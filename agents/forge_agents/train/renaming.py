"""Give demonstrations other words, the same throughout one demonstration.

A small model that reads eight families learns the eight families: it copies "boiler" and "loan", and stumbles over the
"locker" of a ninth. This holds for a model from nothing, and for a pretrained one. So every word that belongs to few
families is replaced by another word, in source, answer and verdict alike: by a word of another family or by an invented
word. Words that many families share (formerly, until, section) stay, and so do numbers. The label stays too, because it
follows from comparing source and answer, by whatever name.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from random import Random
from typing import Self

from forge_agents.train.demonstrations import OK, Demonstration
from forge_arena.rewards import AGAINST, BORNE_OUT
from forge_arena.types import CorruptionType
from forge_arena.verdicts import observation_text

# The share of the families that must have a word, so that the word stays.
SHARED = 0.5
# The share of the replacements that are invented words.
INVENTED = 0.5

_WORD = re.compile(r"[A-Za-z][a-z]+")
# The words of a verdict and of its frame.
KEPT = frozenset(
    {"task", "source", "material", "worker", "reasoning", "none", "output", "think"}
    | {"detection", "explanation", "correction", "confidence", "true", "false", "null"}
    | {word.lower() for text in (BORNE_OUT, AGAINST, OK) for word in _WORD.findall(text)}
    | {part for type in CorruptionType for part in type.value.split("_")}
)
_BEFORE = (*"bcdfghjklmnprstvwxyz", "ck", "qu", "th")
_BEHIND = (*"bcdglmnprstx", "ck")
_SYLLABLES = tuple(
    [consonant + vowel for consonant in _BEFORE for vowel in "aeiou"]
    + [vowel + consonant for vowel in "aeiou" for consonant in _BEHIND]
)


@dataclass(frozen=True, slots=True)
class Renaming:
    """The words that stay, and the other words, which replace one another."""

    kept: frozenset[str]
    others: tuple[str, ...]

    @classmethod
    def learn(cls, demonstrations: Iterable[Demonstration]) -> Self:
        """Learn from demonstrations of several families which words many of the families share."""
        families: dict[str, set[str]] = defaultdict(set)  # word -> the families that have the word
        for demonstration in demonstrations:
            for word in _WORD.findall(observation_text(demonstration.observation)):
                families[word.lower()].add(demonstration.truth.family)
        all_families = {family for having in families.values() for family in having}
        enough = max(2.0, SHARED * len(all_families))
        kept = KEPT | {word for word, having in families.items() if len(having) >= enough}
        return cls(frozenset(kept), tuple(sorted(families.keys() - kept)))

    def rename(self, demonstration: Demonstration, rng: Random) -> Demonstration:
        """The demonstration with other words. Its truth stays as it is, so the spans of the truth no longer fit."""
        names: dict[str, str] = {}

        def replacement(match: re.Match[str]) -> str:
            word = match[0]
            lower = word.lower()
            if lower in self.kept:
                return word
            if lower not in names:
                names[lower] = self._new_name(rng, names.values())
            return names[lower].capitalize() if word[0].isupper() else names[lower]

        seen = demonstration.observation
        texts = {
            name: _WORD.sub(replacement, getattr(seen, name))
            for name in ("task", "source_material", "worker_reasoning", "worker_output")
        }
        return demonstration.model_copy(
            update={
                "observation": seen.model_copy(update=texts),
                "completion": _WORD.sub(replacement, demonstration.completion),
            }
        )

    def _new_name(self, rng: Random, taken: Collection[str]) -> str:
        """A name that no other word has. If two options had the same name, a wrong answer would become right."""
        while (name := self._draw_name(rng)) in taken or name in self.kept:
            pass
        return name

    def _draw_name(self, rng: Random) -> str:
        if not self.others or rng.random() < INVENTED:
            return "".join(rng.choice(_SYLLABLES) for _ in range(rng.choice((1, 2, 2, 3))))
        return rng.choice(self.others)
