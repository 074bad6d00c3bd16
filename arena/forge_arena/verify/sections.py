"""Say whether a numbered section is cited for what another section says.

A section is known by its words and its values, above all by those that few sections have. An example: section 3.2 says
"A licence costs £90 and lapses after 2 weeks", and section 3.4 says "A pitch costs £25 for each market day".

    The pitch is £25 a market day (section 3.4).    right: nothing speaks for another section
    The pitch is £25 a market day (section 3.2).    wrong: *pitch*, *market* and £25 are marks of section 3.4 alone
    A licence and a pitch are paid for (3.2).       right: *licence* speaks for section 3.2

What speaks for the cited section counts several times, because a sentence mostly speaks of other things as well.
"""

import math
from collections import Counter
from collections.abc import Hashable, Iterable
from functools import cached_property

from forge_arena.texts.values import Mention, mentions, same_amount
from forge_arena.texts.words import content
from forge_arena.types import ClaimKind
from forge_arena.verify.passages import Passages

# How much more what speaks for the cited section counts than what speaks for another.
FOR_CITED = 3.0
# Two marks that two sections of ten have weigh 3.4 together.
LEAST_MARKS, LEAST_WEIGHT = 2, 3.0


class Sections:
    """The numbered sections of one source."""

    def __init__(self, passages: Passages) -> None:
        self._passages = passages

    def another_says(self, beside: str, sentence: str, cited: Iterable[str]) -> bool:
        """Whether a section that is not cited says what stands beside a citation, and the cited ones say hardly a word.

        Args:
            beside: the words for which the sections are cited.
            sentence: the whole sentence, without its citations.
            cited: the numbers of the sections that are cited together. A number that the source lacks says nothing.
        """
        cited = [number for number in cited if number in self._marks]
        if not cited:
            return False
        # A section says what its subsections say.
        said = frozenset[Hashable]().union(
            *(marks for number, marks in self._marks.items() if f"{number}.".startswith(tuple(f"{n}." for n in cited)))
        )
        given = _marks_of(beside) - said
        around: frozenset[Hashable] | None = None
        for number, marks in self._marks.items():
            own = given & marks
            if len(own) < LEAST_MARKS or self._weight(own) <= LEAST_WEIGHT:
                continue
            if around is None:
                around = _marks_of(sentence) & said
            if self._weight(own) - FOR_CITED * self._weight(around - self._marks[number]) > LEAST_WEIGHT:
                return True
        return False

    def _weight(self, marks: Iterable[Hashable]) -> float:
        return math.fsum(self._rarity[mark] for mark in marks)

    @cached_property
    def _marks(self) -> dict[str, frozenset[Hashable]]:
        """By number: the marks of the section."""
        return {
            number: frozenset[Hashable]().union(
                *(
                    _marks_among(passage.words, mentions(passage.text))
                    for passage in self._passages.passages_in(start, end)
                )
            )
            for number, (start, end) in self._passages.section_spans.items()
        }

    @cached_property
    def _rarity(self) -> dict[Hashable, float]:
        """How much a mark tells: the fewer sections have it, the more."""
        counts = Counter(mark for marks in self._marks.values() for mark in marks)
        return {mark: math.log((len(self._marks) + 1) / count) for mark, count in counts.items()}


def _marks_of(text: str) -> frozenset[Hashable]:
    """The content words of a text and its values. A bare number is no mark, because numbers are small."""
    return _marks_among(content(text), mentions(text))


def _marks_among(words: Iterable[str], values: Iterable[Mention]) -> frozenset[Hashable]:
    marks: set[Hashable] = {word for word in words if not word.isdigit()}
    marks |= {(v.kind, same_amount(v.value)) for v in values if v.kind is not ClaimKind.citation}
    return frozenset(marks)
