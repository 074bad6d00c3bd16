"""Say whether a passage is cited for what it says, or for what another passage says.

An answer may cite any passage of its source. So a citation of another passage than the right one is wrong only if the
words beside it are those of the right passage. An example: section 3.2 says "Refunds take 5 days", and section 3.4 says
"Refunds are paid in the currency of the order".

    Refunds take 5 days (section 3.4).                        wrong: `take` and `5 days` are words of section 3.2 alone
    Refunds come in the currency of the order (section 3.4).  right: `currency` and `order` are words of section 3.4
    alone
"""

import re
from collections.abc import Iterable, Sequence
from enum import Enum, auto

from forge_arena.texts.sentences import lower, whole_starts_of
from forge_arena.texts.values import mentions
from forge_arena.texts.words import content
from forge_arena.types import Alternative, Claim, ClaimKind, Scenario
from forge_arena.verify.passages import Passages, section_of_form
from forge_arena.verify.sections import Sections

# A sentence of which so many words are those of the cited passage alone is about that passage.
MANY, MUCH = 4, 3.0
FEW = 2
# A heading such as "Accounts (paragraph 11.14)" has fewer content words.
FEW_BESIDE = 5
LONGEST_PARAGRAPH = 1_000
# A sentence with more citations is a list of passages.
MOST_CITATIONS = 12
CACHED_SENTENCES = 256
_NUMBER = re.compile(r"\d{1,3}(?:\.\d{1,3}){2,4}")
_NAME = re.compile(r"[^\W\d]+ $")
# Between two citations that stand for the same words: "sections 3.2 and 3.4", "(3.2; section 3.4)".
_JOINT = re.compile(r"\W*(?:and|or|to|with)?\W*(?:[^\W\d]+\.?)?\W*", re.IGNORECASE)
_OBJECT = re.compile(r"\b(?:it|this|that|these|those|them)\b", re.IGNORECASE)
_POINTS_BACK = re.compile(r"\W*(?:this|that|these|those|it|they|such)\b", re.IGNORECASE)


class Weight(Enum):
    """What a citation of another passage is: cited for its own words, perhaps so, or cited wrongly."""

    own = auto()
    perhaps = auto()
    wrong = auto()


class Citations:
    """Weighs the citations of one scenario."""

    def __init__(self, scenario: Scenario, passages: Passages) -> None:
        self._passages = passages
        self._claims = [claim for claim in scenario.claims if claim.kind is ClaimKind.citation]
        # Each authority's forms, and what to look for in a text: the number of a section, or the forms in lower case.
        self._spellings = [
            (forms, (number,) if (number := section_of_form(forms[0])) is not None else tuple(map(lower, forms)))
            for forms in (authority.forms for authority in scenario.authorities if self._claims)
        ]
        self._subjects = {claim.id: claim for claim in scenario.claims}
        self._words_by_subject: dict[str, frozenset[str]] = {}
        self._words: dict[tuple[str, ...], frozenset[str]] = {}
        self._sections = Sections(passages)
        self._places: dict[str, dict[tuple[int, int], tuple[str, ...]]] = {}

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

    def places_in(self, sentence: str) -> dict[tuple[int, int], tuple[str, ...]]:
        """The places where a sentence cites an authority of the source, with the authority's forms.

        A sentence with very many citations is a list and has none that could be weighed.
        """
        known = self._places.get(sentence)
        if known is None:
            if len(self._places) >= CACHED_SENTENCES:
                self._places.clear()
            known = self._places[sentence] = self._places_in(sentence)
        return known

    def _places_in(self, sentence: str) -> dict[tuple[int, int], tuple[str, ...]]:
        low = lower(sentence)
        places: dict[tuple[int, int], tuple[str, ...]] = {}
        for forms, spellings in self._spellings:
            for form in spellings:
                if form in low:
                    for at in whole_starts_of(low, form):
                        places[at, at + len(form)] = forms
        if not places or len(places) > MOST_CITATIONS:
            return {}
        figures = [value for value in mentions(sentence) if value.kind is not ClaimKind.citation]
        return {
            (start, end): forms
            for (start, end), forms in places.items()
            # A part of "2.8 kg" or of "version 3.2.8" cites no section 2.8.
            if not any(v.start < end and start < v.end and (v.start < start or end < v.end) for v in figures)
        }

    def stray(
        self, text: str, sentence: tuple[int, int], before: tuple[int, int] | None, place: tuple[int, int]
    ) -> Claim | None:
        """The claim for which a citation stands wrongly, if no word of the sentence ties the citation to a claim.

        The citation is wrong only if the words beside it are those of one claim's subject, at least two of them, and
        hardly any are those of the cited authority. A heading is read with the lines under it, and a sentence that
        begins with "This" with the sentence before.

        Args:
            sentence: where the sentence stands in the text.
            before: where the sentence before stands.
            place: where the citation stands in the sentence.
        """
        places = self.places_in(text[slice(*sentence)])
        claim = self._claim_of(self._words_for(text, sentence, before, place), places[place])
        return None if claim is None or claim.right.forms in places.values() else claim

    def is_misplaced(
        self, text: str, sentence: tuple[int, int], before: tuple[int, int] | None, place: tuple[int, int]
    ) -> bool:
        """Whether a section is cited for what another section says, although perhaps no claim asks about it.

        Sections alone are compared, because all of their text is known. Sections that are cited together are taken
        together. A citation in brackets with further words stands for these words, and is not weighed.
        """
        words = text[slice(*sentence)]
        places = self.places_in(words)
        if section_of_form(places[place][0]) is None:
            return False
        together = _cited_together(words, sorted(places), place)
        start, end = together[0][0], together[-1][1]
        numbers = [number for at in together if (number := section_of_form(places[at][0])) is not None]
        beside = self._beside(text, sentence, before, (start, end), [at for at in places if at not in together])
        return self._sections.another_says(
            _without_citations(beside), _without_citations(words), numbers
        ) and not _stands_among_words(words, start)

    def _words_for(
        self, text: str, sentence: tuple[int, int], before: tuple[int, int] | None, place: tuple[int, int]
    ) -> frozenset[str]:
        """The content words for which a citation stands."""
        return content(self._beside(text, sentence, before, place, self.places_in(text[slice(*sentence)])))

    def _beside(
        self,
        text: str,
        sentence: tuple[int, int],
        before: tuple[int, int] | None,
        place: tuple[int, int],
        others: Iterable[tuple[int, int]],
    ) -> str:
        """The words for which a citation stands, those of neighbouring sentences included if it needs them."""
        words = text[slice(*sentence)]
        beside = _words_beside(words, *place, others)
        if before is not None and (_POINTS_BACK.match(words) or speaks_of_before(words[: place[0]])):
            return f"{text[slice(*before)]} {beside}"
        if len(content(words)) < FEW_BESIDE:
            return f"{beside} {_paragraph_under(text, sentence[1])}"
        return beside

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


def speaks_of_before(ahead: str) -> bool:
    """Whether the words ahead of a citation say only that something is there: "You find it in the section ..."."""
    return _OBJECT.search(ahead) is not None and len(content(_NAME.sub("", ahead))) < FEW


def _words_beside(sentence: str, start: int, end: int, others: Iterable[tuple[int, int]]) -> str:
    """The words for which a citation stands: those since the citation before, or those behind it if it comes first."""
    before = sentence[max((stop for _, stop in others if stop <= start), default=0) : start]
    # "In such a case section 3.4 gives" says nothing before the citation: its own name is no word for which it stands.
    if len(content(_NAME.sub("", before))) >= FEW:
        return before
    return sentence[:start] + sentence[end : min((at for at, _ in others if at >= end), default=len(sentence))]


def _cited_together(
    sentence: str, places: Sequence[tuple[int, int]], place: tuple[int, int]
) -> Sequence[tuple[int, int]]:
    """The citations that stand for the same words as one of them, in order."""
    first = last = places.index(place)
    while first > 0 and _JOINT.fullmatch(sentence, places[first - 1][1], places[first][0]):
        first -= 1
    while last + 1 < len(places) and _JOINT.fullmatch(sentence, places[last][1], places[last + 1][0]):
        last += 1
    return places[first : last + 1]


def _stands_among_words(sentence: str, start: int) -> bool:
    """Whether a citation stands in brackets behind other words: "(Order Form; section 3.2)"."""
    opened = sentence.rfind("(", 0, start)
    if opened < 0 or ")" in sentence[opened:start]:
        return False
    return bool(content(_NAME.sub("", _without_citations(sentence[opened + 1 : start]))))


def _without_citations(text: str) -> str:
    """The text with spaces in the place of its citations. A bare "3.2.1" is one of them."""
    for value in mentions(text):
        if value.kind is ClaimKind.citation or _NUMBER.fullmatch(text, value.start, value.end):
            text = text[: value.start] + " " * (value.end - value.start) + text[value.end :]
    return text


def _paragraph_under(text: str, heading_end: int) -> str:
    """The lines under a heading, up to the next empty line."""
    start = heading_end + len(text[heading_end:]) - len(text[heading_end:].lstrip(" *_:.\n"))
    end = text.find("\n\n", start)
    return text[start : end if end >= 0 else len(text)][:LONGEST_PARAGRAPH]
