"""Find the claims of which the words of a sentence speak.

A claim says with its `about` by which words it is known: each group of `about` has a stem that begins a word of the
sentence. "Your money is back on Friday" is about a claim with the groups (refund, money) and (back, return).
"""

import re
from functools import lru_cache

from forge_arena.texts.sentences import lower
from forge_arena.types import Claim, Scenario

LONGEST_STEM = 24

_WORD = re.compile(r"\w+")


class Topics:
    """The words by which the claims of one scenario are known."""

    def __init__(self, scenario: Scenario) -> None:
        # Looked up here once, because a look-up by `about` hashes every stem.
        self._stem_groups: dict[str, tuple[frozenset[str], ...]] = {}
        self._ids_by_stem: dict[str, list[str]] = {}
        for claim in scenario.claims:
            self._stem_groups[claim.id] = groups = _stem_groups(claim.about)
            for stem in groups[0] if groups else ():
                self._ids_by_stem.setdefault(stem, []).append(claim.id)
        self._ids_without_stems = {claim_id for claim_id, groups in self._stem_groups.items() if not groups}

    def of(self, beginnings: frozenset[str]) -> set[str]:
        """The ids of the claims that a sentence is about. The stems of a claim's first group find the candidates."""
        candidates = {
            claim_id for stem in self._ids_by_stem.keys() & beginnings for claim_id in self._ids_by_stem[stem]
        }
        topics = {claim_id for claim_id in candidates if self._is_about(claim_id, beginnings)}
        return topics | self._ids_without_stems

    def has(self, claim: Claim, beginnings: frozenset[str]) -> bool:
        """Whether the words of a sentence show that it speaks of a claim. A claim without stems is never shown so."""
        return bool(claim.about) and self._is_about(claim.id, beginnings)

    def _is_about(self, claim_id: str, beginnings: frozenset[str]) -> bool:
        """Whether each group of the claim's `about` has a stem that begins a word of the sentence."""
        for stems in self._stem_groups[claim_id]:  # noqa: SIM110  (twice as fast as any() on the hottest path)
            if beginnings.isdisjoint(stems):
                return False
        return True


def beginnings_in(sentence: str) -> frozenset[str]:
    """Every beginning of every word of a sentence, in lower case."""
    return frozenset[str]().union(*map(_beginnings, set(_WORD.findall(lower(sentence)))))


@lru_cache(maxsize=65_536)
def _beginnings(word: str) -> frozenset[str]:
    return frozenset(word[:end] for end in range(1, min(len(word), LONGEST_STEM) + 1))


@lru_cache(maxsize=16_384)
def _stem_groups(about: tuple[tuple[str, ...], ...]) -> tuple[frozenset[str], ...]:
    return tuple(frozenset(group) for group in about)
