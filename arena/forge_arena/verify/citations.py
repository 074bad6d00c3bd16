"""Say whether a passage is cited for what it says, or for what another passage says.

An answer may cite any passage of its source. So a citation of another passage than the right one is wrong only if the words
beside it are those of the right passage. An example: section 3.2 says "Refunds take 5 days", and section 3.4 says "Refunds are
paid in the currency of the order".

    Refunds take 5 days (section 3.4).                        wrong: `take` and `5 days` are words of section 3.2 alone
    Refunds come in the currency of the order (section 3.4).  right: `currency` and `order` are words of section 3.4 alone
"""

import re
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass
from enum import Enum, auto

from forge_arena.texts.sentences import lower, whole_starts_of
from forge_arena.texts.words import content
from forge_arena.types import Alternative, Claim, ClaimKind, Scenario
from forge_arena.verify.passages import Passages

_SECTION_FORM = re.compile(r"[^\W\d]+ (\d{1,3}\.\d{1,3})")
# A sentence of which so many words are those of the cited passage alone is about that passage.
MANY, MUCH = 4, 3.0
FEW = 2
# A heading such as "Accounts (paragraph 11.14)" has fewer content words.
FEW_BESIDE = 5
LONGEST_PARAGRAPH = 1_000
# A sentence with more citations is a list of passages.
MOST_CITATIONS = 12
CACHED_SENTENCES = 4_096
_POINTS_BACK = re.compile(r"\W*(?:this|that|these|those|it|they|such)\b", re.IGNORECASE)


class Weight(Enum):
    """What a citation of another passage is: cited for its own words, perhaps so, or cited wrongly."""

    own = auto()
    perhaps = auto()
    wrong = auto()


@dataclass(frozen=True, slots=True)
class Stray:
    """A citation that stands for a claim for which another authority is right."""

    claim: Claim
    start: int
    end: int


class Citations:
    """Weighs the citations of one scenario."""

    def __init__(self, scenario: Scenario, passages: Passages) -> None:
        self._passages = passages
        self._claims = [claim for claim in scenario.claims if claim.kind is ClaimKind.citation]
        self._authorities = [tuple(authority.forms) for authority in scenario.authorities]
        self._places: dict[str, dict[tuple[int, int], tuple[str, ...]]] = {}
        self._subjects = {claim.id: claim for claim in scenario.claims}
        self._words_by_subject: dict[str, frozenset[str]] = {}
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
        right, other = self._words_of(claim.right.forms), self._words_of(cited.forms)
        for_right = self._passages.weight(words & (right - other))
        for_other = self._passages.weight(words & (other - right))
        count = len(words & (other - right))
        if count >= MANY and for_other > MUCH * for_right:
            return Weight.own
        return Weight.perhaps if for_other > for_right or count >= FEW else Weight.wrong

    def closeness(self, claim: Claim, sentence: str) -> float:
        """How much of the right passage of a claim stands in a sentence."""
        return self._passages.weight(content(sentence) & (self._words_of(claim.right.forms) | content(claim.label)))

    def strays(
        self, text: str, spans: Iterable[tuple[int, int]], read: Iterable[tuple[int, int]], stated: Container[str]
    ) -> Iterator[Stray]:
        """The citations that no sentence ties to a claim by the claim's own words, and that stand for a claim wrongly.

        A citation is wrong here only if the words beside it are those of one claim's subject, at least two of them, and hardly
        any are those of the cited authority. A heading is read with the lines under it, and a sentence that begins with "This"
        with the sentence before.

        Args:
            spans: the sentences of the text.
            read: the places that are read already.
            stated: the claims that the text states rightly. They cannot be wrong.
        """
        if not self._claims:
            return
        sentences = list(spans)
        known = {place for start, end in read for place in range(start, end)}
        for number, (start, end) in enumerate(sentences):
            sentence = text[start:end]
            if "```" in sentence:
                continue
            places = self._places_in(sentence)
            if not places or len(places) > MOST_CITATIONS:
                continue
            for (at, stop), authority in places.items():
                if not known.isdisjoint(range(start + at, start + stop)):
                    continue
                beside = _words_beside(sentence, at, stop, places)
                if _POINTS_BACK.match(sentence) and number > 0:
                    beside = f"{text[slice(*sentences[number - 1])]} {beside}"
                elif len(content(sentence)) < FEW_BESIDE:
                    beside = f"{beside} {_paragraph_under(text, end)}"
                claim = self._claim_of(content(beside), authority)
                if claim is not None and claim.id not in stated and claim.right.forms not in places.values():
                    yield Stray(claim, start + at, start + stop)

    def _places_in(self, sentence: str) -> dict[tuple[int, int], tuple[str, ...]]:
        """The places where a sentence cites an authority of the source, with the authority's forms."""
        known = self._places.get(sentence)
        if known is not None:
            return known
        if len(self._places) >= CACHED_SENTENCES:
            self._places.clear()
        low = lower(sentence)
        places: dict[tuple[int, int], tuple[str, ...]] = {}
        for forms in self._authorities:
            number = section_of_form(forms[0])
            for form in (number,) if number is not None else map(lower, forms):
                if form in low:
                    for at in whole_starts_of(low, form):
                        places[at, at + len(form)] = forms
        self._places[sentence] = places
        return places

    def _claim_of(self, words: frozenset[str], cited: tuple[str, ...]) -> Claim | None:
        """The claim whose subject the words are about, if they are not about what is cited."""
        if any(claim.right.forms == cited and len(words & self._subject_words(claim)) >= FEW for claim in self._claims):
            return None
        weight = self._passages.weight
        other = self._words_of(cited)
        best: tuple[float, Claim] | None = None
        is_section = section_of_form(cited[0]) is not None
        for claim in self._claims:
            if (section_of_form(claim.right.forms[0]) is not None) is not is_section:
                continue
            own = words & (self._subject_words(claim) - other)
            for_other = weight(words & (other - self._words_of(claim.right.forms)))
            if claim.right.forms != cited and len(own) >= FEW and weight(own) > MUCH * for_other:
                best = max(best or (0.0, claim), (weight(own), claim), key=lambda scored: scored[0])
        return None if best is None else best[1]

    def _subject_words(self, claim: Claim) -> frozenset[str]:
        """The words of the labels of a citation and of its subject, and of the passages that state the subject."""
        words = self._words_by_subject.get(claim.id)
        if words is None:
            words = content(claim.label) | self._passages.words_of(claim)
            subject = self._subjects.get(claim.subject or "")
            if subject is not None:
                words |= content(subject.label)
            if section_of_form(claim.right.forms[0]) is None:
                words |= self._words_of(claim.right.forms)
            self._words_by_subject[claim.id] = words
        return words

    def _words_of(self, authority: tuple[str, ...]) -> frozenset[str]:
        words = self._words.get(authority)
        if words is None:
            words = self._words[authority] = self._passages.cited(authority)
        return words


def _words_beside(sentence: str, start: int, end: int, others: Iterable[tuple[int, int]]) -> str:
    """The words for which a citation stands: those since the citation before, or those behind it if it opens the sentence."""
    before = sentence[max((stop for _, stop in others if stop <= start), default=0) : start]
    if len(re.findall(r"\w{3,}", before)) >= 3:
        return before
    return sentence[:start] + sentence[end : min((at for at, _ in others if at >= end), default=len(sentence))]


def _paragraph_under(text: str, heading_end: int) -> str:
    """The lines under a heading, up to the next empty line."""
    start = heading_end + len(text[heading_end:]) - len(text[heading_end:].lstrip(" *_:.\n"))
    end = text.find("\n\n", start)
    return text[start : end if end >= 0 else len(text)][:LONGEST_PARAGRAPH]


def section_of_form(form: str) -> str | None:
    """The number in a form such as "section 3.2"."""
    match = _SECTION_FORM.fullmatch(form)
    return None if match is None else match[1]
