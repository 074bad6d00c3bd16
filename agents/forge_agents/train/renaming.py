"""Give demonstrations other words, the same throughout one: what is right by comparison stays right by any name.

There are two ways, and they add up. `Renaming` gives words other names before anything is read; `Exchange` lets tokens
stand for one another in what has been read, so that every token is seen in every place.

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

import torch
from transformers import PreTrainedTokenizerBase

from forge_agents.train.demonstrations import Demonstration
from forge_agents.train.drills import OK, SPACE
from forge_arena.rewards import AGAINST, BORNE_OUT
from forge_arena.types import CorruptionType
from forge_arena.verdicts import observation_text

# Shared by at least half of the families: a word of all of them, not of a few.
SHARED = 0.5
MADE_UP = 0.5

_WORD = re.compile(r"[A-Za-z][a-z]+")
# Words that a verdict and its frame are made of.
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


class Exchange:
    """Lets the tokens of words stand for one another, differently in each text.

    A token with a space before it and the same one without go together, so that a word is still one word at the start of
    a line and within it. Numbers, signs, and the tokens in `kept`, are left alone. With words that mean nothing the label
    can only be had by comparison, and copying is learned for every token, not for those of a few families.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase, kept: Collection[str], seed: int) -> None:
        vocabulary: dict[str, int] = tokenizer.get_vocab()
        words = {
            token
            for token in vocabulary.keys() - set(kept)
            if (bare := token.removeprefix(SPACE)).isascii() and bare.isalpha()
        }
        both = {token for token in words if SPACE + token in words}
        within = {token for token in words if token.startswith(SPACE)} - {SPACE + token for token in both}
        alone = words - both - {SPACE + token for token in both} - within
        self._alike = [
            torch.tensor([[vocabulary[form] for form in forms] for forms in group], dtype=torch.long)
            for group in (
                [(token, SPACE + token) for token in sorted(both)],
                [(token,) for token in sorted(within)],
                [(token,) for token in sorted(alone)],
            )
            if group
        ]
        self._size = len(tokenizer)
        self._random = torch.Generator().manual_seed(seed)

    def drawn(self, texts: int, share: float) -> torch.Tensor:
        """What each token stands for in each text, (texts, vocabulary); itself but in a `share` of the texts."""
        found = torch.arange(self._size).repeat(texts, 1)
        for text in range(texts):
            if float(torch.rand((), generator=self._random)) < share:
                for group in self._alike:
                    found[text, group] = group[torch.randperm(len(group), generator=self._random)]
        return found
