"""Say whether a passage is cited for what it says, or for what another passage says.

An answer may cite any passage of its source. So a citation of another passage than the right one is wrong only if the words
beside it are those of the right passage. An example: section 3.2 says "Refunds take 5 days", and section 3.4 says "Refunds are
paid in the currency of the order".

    Refunds take 5 days (section 3.4).                        wrong: `take` and `5 days` are words of section 3.2 alone
    Refunds come in the currency of the order (section 3.4).  right: `currency` and `order` are words of section 3.4 alone
"""

import re
from collections.abc import Iterable
from enum import Enum, auto

from forge_arena.texts.words import content
from forge_arena.types import Alternative, Claim
from forge_arena.verify.passages import Passages


_SECTION_FORM = re.compile(r"[^\W\d]+ (\d{1,3}\.\d{1,3})")
# A sentence of which so many words are those of the cited passage alone is about that passage.
MANY, MUCH = 4, 3.0
FEW = 2


class Weight(Enum):
    """What a citation of another passage is: cited for its own words, perhaps so, or cited wrongly."""

    own = auto()
    perhaps = auto()
    wrong = auto()


class Citations:
    """Weighs the citations of one scenario."""

    def __init__(self, passages: Passages) -> None:
        self._passages = passages
        self._words: dict[tuple[str, ...], frozenset[str]] = {}

    def weigh(
        self, claim: Claim, cited: Alternative, sentence: str, start: int, end: int, others: Iterable[tuple[int, int]]
    ) -> Weight:
        """What a citation at `start` to `end` of a sentence is.

        Args:
            claim: the claim about the right authority.
            cited: the authority that is cited instead. It stands in the source.
            others: the places of all citations and names of the sentence.
        """
        words = content(_words_beside(sentence, start, end, others))
        right, other = self._words_of(claim.right), self._words_of(cited)
        for_right = self._passages.weight(words & (right - other))
        for_other = self._passages.weight(words & (other - right))
        count = len(words & (other - right))
        if count >= MANY and for_other > MUCH * for_right:
            return Weight.own
        return Weight.perhaps if for_other > for_right or count >= FEW else Weight.wrong

    def _words_of(self, authority: Alternative) -> frozenset[str]:
        words = self._words.get(authority.forms)
        if words is None:
            words = self._words[authority.forms] = self._passages.cited(authority.forms)
        return words


def _words_beside(sentence: str, start: int, end: int, others: Iterable[tuple[int, int]]) -> str:
    """The words for which a citation stands: those since the citation before, or those behind it if it opens the sentence."""
    before = sentence[max((stop for _, stop in others if stop <= start), default=0) : start]
    if len(re.findall(r"\w{3,}", before)) >= 3:
        return before
    return sentence[:start] + sentence[end : min((at for at, _ in others if at >= end), default=len(sentence))]


def section_of_form(form: str) -> str | None:
    """The number in a form such as "section 3.2"."""
    match = _SECTION_FORM.fullmatch(form)
    return None if match is None else match[1]
