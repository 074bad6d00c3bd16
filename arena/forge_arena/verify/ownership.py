"""Say which claim a value of an answer belongs to, where the words of its sentence alone do not say it.

Three rules, in this order:

1. A value belongs to the claim that alone can own it: the only claim whose right alternative has this value, whatever
   the words of the sentence. "A trader who gives up early gets 48% back" states the claim `refund` (48%), although no
   word of the sentence begins with "refund", because no other claim of the scenario is 48%.
2. If several claims can own a value, the value belongs to the claim whose words stand nearest: first in the clause
   around the value, then in the sentence. The words of a claim are those of its label and those around it in the
   source.
3. A value that the source gives about something else is given for a claim only if the words around the value say so.
   "It costs £820 a year to run" is no wrong price, because *year* and *run* stand around £820 in the source, and not
   around the price. "The price is £820" is a wrong price.
"""

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

from forge_arena.texts.values import value_of
from forge_arena.texts.words import content, placed_stems
from forge_arena.types import VALUE_KINDS, Claim, ClaimKind
from forge_arena.verify.passages import Passages, clause

CLEARLY = 1.5
BESIDE = 60
# A place of the source with so much of the words of a claim may state the claim once more.
STATED_AGAIN = 0.5


class Speaks(Enum):
    """What the right value of a claim speaks of, at one place of an answer: of the claim, or of something else."""

    of_claim = "of the claim"
    of_other = "of something else"
    unclear = "unclear"


@dataclass(frozen=True, slots=True)
class Place:
    """A value in an answer: the content words of its clause and of its sentence, and the text on both sides."""

    near: frozenset[str]
    sentence: frozenset[str]
    before: str
    behind: str

    @classmethod
    def of(cls, sentence: str, start: int, end: int) -> "Place":
        own = content(sentence[start:end])
        return cls(
            content(clause(sentence, start, end)) - own, content(sentence) - own, sentence[:start], sentence[end:]
        )


class Ownership:
    """The claims of one scenario as possible owners of values."""

    def __init__(self, passages: Passages) -> None:
        self._passages = passages
        self._words: dict[str, frozenset[str]] = {}

    def stands_beside(self, claim: Claim, place: Place) -> bool:
        """Whether the content word before or behind a value is a word of the claim: "the agreement of 29 September"."""
        before, behind = placed_stems(place.before[-BESIDE:]), placed_stems(place.behind[:BESIDE])
        words = self.words_of(claim)
        return any(beside[0] in words for beside in (*before[-1:], *behind[:1]))

    def is_named_beside(self, claim: Claim, place: Place) -> bool:
        """Whether the clause around a value has a word by which the claim is known."""
        return any(word.startswith(tuple(stems)) for stems in claim.about for word in place.near)

    def nearest(self, claims: Sequence[Claim], place: Place) -> Claim | None:
        """The claim whose words stand nearest to a value; None if no claim's words stand nearer than another's."""
        if len(claims) == 1:
            return claims[0]
        scores = sorted(
            ((self._closeness(self.words_of(claim), place, claim), number) for number, claim in enumerate(claims)),
            key=lambda score: -score[0],
        )
        if not scores or scores[0][0] == scores[1][0]:
            return None
        return claims[scores[0][1]]

    def is_given_for(self, claim: Claim, kind: ClaimKind, value: Hashable, place: Place, owner: Claim | None) -> bool:
        """Whether the words around a value give it for a claim, although the source gives the value for something else.

        Args:
            owner: the claim that has the value rightly, if there is one.
        """
        own = self.words_of(claim)
        places = self._passages.words_around(kind, value)
        for at, near, around in places:
            # Where the source states both in one sentence, only the clause tells them apart.
            shared = self._passages.is_in_one_sentence(at, claim)
            other = near if shared else around | near
            if owner is not None:
                other |= self.words_of(owner)
            if self._closeness(other - own, place, owner) > self._closeness(own - other, place, claim):
                return False
        if not places and owner is not None:
            other = self.words_of(owner)
            return self._closeness(other - own, place, owner) <= self._closeness(own - other, place, claim)
        return True

    def is_given_for_other(
        self, claim: Claim, places: Iterable[tuple[int, frozenset[str], frozenset[str]]], place: Place
    ) -> bool:
        """Whether the words around a wrong value are rather those around it in the source than the words of its claim.

        Args:
            places: where the source has the value; see `Passages.words_around`.
        """
        own = self.words_of(claim)
        for at, near, around in places:
            other = near if self._passages.is_in_one_sentence(at, claim) else near | around
            if self._closeness(other - own, place, None) > self._closeness(own - other, place, None):
                return True
        return False

    def is_nearer(self, claim: Claim, others: Iterable[Claim], place: Place) -> bool:
        """Whether the words of a claim stand clearly nearer to a value than the words of each of the others."""
        own = self.words_of(claim)
        return all(
            self._closeness(own - (words := self.words_of(other)), place, claim)
            > CLEARLY * self._closeness(words - own, place, other)
            for other in others
        )

    def closeness(self, claim: Claim, place: Place) -> float:
        """How much of the words of a claim stands around a place."""
        return self._closeness(self.words_of(claim), place, claim)

    def speaks_of(self, claim: Claim, place: Place) -> Speaks:
        """What the right value of a claim speaks of at a place of an answer that gives the value elsewhere as well.

        Example: the source says "A loan lasts 3 weeks" and "A fine is due 3 weeks after the return". In the answer
        "The fine is due after 3 weeks", the words *fine* and *due* stand around the value as in the second sentence. So
        the value speaks of something else than the loan.
        """
        form = claim.right.forms[0]
        if claim.kind in VALUE_KINDS:
            places = self._passages.words_around(claim.kind, value_of(claim.kind, form))
        else:
            places = self._passages.words_around_form(form)
        own = self.words_of(claim)
        others = [place for place in places if not self._passages.is_in_one_sentence(place[0], claim)]
        if len(places) - len(others) > 1:
            # A row of a table with the value in two columns: the words around both are the same.
            return Speaks.unclear
        speaks = Speaks.of_claim
        for _, near, around in others:
            words = near | around
            for_other = self._closeness(words - own, place, None)
            for_claim = self._closeness(own - words, place, claim)
            if for_claim > CLEARLY * for_other:
                continue
            is_again = self._passages.weight(own & words) >= STATED_AGAIN * self._passages.weight(own)
            if is_again or for_other <= CLEARLY * self._closeness(own, place, claim):
                speaks = Speaks.unclear
            else:
                return Speaks.of_other
        return speaks

    def words_of(self, claim: Claim) -> frozenset[str]:
        """The words of a claim: those of its label, and those around its right alternative in the source."""
        words = self._words.get(claim.id)
        if words is None:
            words = content(claim.label) | self._passages.words_of(claim)
            self._words[claim.id] = words
        return words

    def _closeness(self, words: Iterable[str], place: Place, claim: Claim | None) -> float:
        """How much of the words stands around a place. Words in the clause count more than words in the sentence."""
        words = frozenset(words)
        weight = self._passages.weight
        closeness = 2.0 * weight(words & place.near) + weight(words & place.sentence)
        if claim is not None:
            for stems in claim.about:
                closeness += 2.0 * any(word.startswith(tuple(stems)) for word in place.near)
                closeness += 1.0 * any(word.startswith(tuple(stems)) for word in place.sentence)
        return closeness
