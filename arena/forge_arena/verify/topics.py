"""Find the claims of which the words of a sentence speak.

A claim says with its `about` by which words it is known: each group of `about` has a stem that begins a word of the
sentence. "Your money is back on Friday" is about a claim with the groups (refund, money) and (back, return).
"""

import re
from functools import lru_cache

from forge_arena.types import Claim, Scenario

LONGEST_STEM = 24
CACHED_WORDS = 2_048
_NONE: frozenset[str] = frozenset()

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
        self._stems = frozenset[str]().union(*(stems for groups in self._stem_groups.values() for stems in groups))
        # A stem that is longer than this is never found.
        self._lengths = tuple({length for stem in self._stems if 0 < (length := len(stem)) <= LONGEST_STEM})
        self._stems_by_word: dict[str, frozenset[str]] = {}

    def stems_in(self, low: str) -> frozenset[str]:
        """The stems of this scenario that begin a word of a sentence in lower case."""
        stems: set[str] = set()
        for word in _WORD.findall(low):
            own = self._stems_by_word.get(word)
            if own is None:
                own = self._stems_of(word)
            if own:
                stems |= own
        return frozenset(stems)

    def _stems_of(self, word: str) -> frozenset[str]:
        """The stems that begin a word. They are kept, because the sentences of a text have many words in common."""
        if len(self._stems_by_word) >= CACHED_WORDS:
            self._stems_by_word.clear()
        stems = self._stems_by_word[word] = self._stems.intersection([word[:n] for n in self._lengths]) or _NONE
        return stems

    def of(self, stems: frozenset[str]) -> set[str]:
        """The ids of the claims that a sentence with these stems is about.

        The stems of a claim's first group find the candidates.
        """
        candidates = {claim_id for stem in stems for claim_id in self._ids_by_stem.get(stem, ())}
        topics = {claim_id for claim_id in candidates if self._is_about(claim_id, stems)}
        return topics | self._ids_without_stems

    def has(self, claim: Claim, stems: frozenset[str]) -> bool:
        """Whether the stems of a sentence show that it speaks of a claim. A claim without stems is never shown so."""
        return bool(claim.about) and self._is_about(claim.id, stems)

    def _is_about(self, claim_id: str, stems: frozenset[str]) -> bool:
        """Whether each group of the claim's `about` has one of these stems."""
        for group in self._stem_groups[claim_id]:  # noqa: SIM110  (twice as fast as any() on the hottest path)
            if stems.isdisjoint(group):
                return False
        return True


@lru_cache(maxsize=16_384)
def _stem_groups(about: tuple[tuple[str, ...], ...]) -> tuple[frozenset[str], ...]:
    return tuple(frozenset(group) for group in about)
