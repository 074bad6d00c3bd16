"""What the source says where: the words around each value, around each claim, and in each passage that may be cited.

An answer speaks of a thing in words that it takes from the source. So the words around a value in the answer show what
the value is given for. Example: the source says "Refunds take 5 days" and "A depot keeps a parcel for 12 days". In the
answer "Your parcel stays at the depot for 12 days", the words *parcel* and *depot* stand around 12 days in the source
too: the value is given for what the source gives it for. In "Your refund arrives in 12 days" nothing stands around 12
days that stands around it in the source.
"""

import math
import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Hashable, Iterable, Set
from dataclasses import dataclass
from functools import cached_property, lru_cache

from forge_arena.texts.sentences import lower, sentences, whole_starts_of
from forge_arena.texts.spacing import plain_spaces, unwrapped
from forge_arena.texts.values import mentions
from forge_arena.texts.words import content
from forge_arena.types import Claim, ClaimKind, Scenario, Span

SHORT = 3
# The share of the words of a sentence that are words of labels, if the sentence only lists what must be said.
LISTED = 0.5
QUOTED_WORDS, LONGEST_QUOTED = 6, 8

_SECTION_FORM = re.compile(r"[^\W\d]+ (\d{1,3}(?:\.\d{1,3}){1,4})")
# A short line without a full stop, between an empty line and a text.
_UNNUMBERED_HEADING = re.compile(r"\n\n(?=[^\n]{1,100}[^\s.:!?\n]\n[^\n])")
# What stands before the number of a heading: "## 3.2 Fees", "Section 3.2: Fees".
_BEFORE_NUMBER = re.compile(r"^[^\w\n]*(?:[^\W\d]+ )?(?=\d)", re.MULTILINE)
_GOES_ON = re.compile(r"[\d.]\d")
# A line that ends without a mark, before one that begins with a small letter or with code.
# The line break comes first in the pattern, because a search for one character is fast.
_GOES_ON_BELOW = re.compile(r"\n(?<=[^\n]{30}[\w,)`]\n)(?=[ \t]{0,8}[a-z`(])")
_CLAUSE_END = re.compile(r"[,;:|()\u2013\u2014]\s|\s-\s|\.\s|\bbut\b|\band\b|\bwhile\b|\bwhere\b")


@dataclass(frozen=True, slots=True)
class Passage:
    """A sentence of the source, and its place."""

    start: int
    end: int
    text: str

    @property
    def words(self) -> frozenset[str]:
        """The content words."""
        return content(self.text)


@dataclass(frozen=True, slots=True)
class Quotable:
    """Sentences of the source, each in one line and with its number of words, and how long they are together.

    The longest sentences come first, because they show soonest that a text is no copy.
    `beginnings` are the first words of the longest sentences. A text without any of them is no copy.
    """

    sentences: tuple[tuple[str, int], ...]
    words: int
    characters: int
    beginnings: tuple[str, ...]


class Passages:
    """The source of one scenario, read for its words. Everything is made when it is first asked for."""

    def __init__(self, scenario: Scenario) -> None:
        self._source = scenario.source_material
        self.task = scenario.task
        self._authorities = scenario.authorities
        self._places_of_claims = tuple(
            (claim.id, span.start)
            for claim in scenario.claims
            if claim.kind is not ClaimKind.citation
            for span in claim.source_spans
        )
        self._spans = tuple(span for claim in scenario.claims for span in claim.source_spans)
        self._labels = tuple(dict.fromkeys(lower(claim.label) for claim in scenario.claims if claim.required))

    @cached_property
    def passages(self) -> tuple[Passage, ...]:
        """The sentences of the source."""
        return tuple(Passage(start, end, self._source[start:end]) for start, end in sentences(self._source))

    @cached_property
    def unbroken(self) -> tuple[tuple[tuple[int, int], str], ...]:
        """The sentences of the source, each with its place and without its line breaks."""
        whole = _GOES_ON_BELOW.sub(" ", unwrapped(plain_spaces(self._source)))
        return tuple(((start, end), " ".join(whole[start:end].split())) for start, end in sentences(whole))

    @cached_property
    def rarity(self) -> dict[str, float]:
        """How much a word tells: the fewer sentences of the source have it, the more."""
        counts = Counter(word for passage in self.passages for word in passage.words)
        total = len(self.passages) + 1
        return {word: math.log(total / count) for word, count in counts.items()}

    def weight(self, words: Iterable[str]) -> float:
        """How much these words tell together."""
        rarity = self.rarity
        # A plain sum depends on the order, and the order of a set is another one in every process.
        return math.fsum(rarity.get(word, 0.0) for word in words)

    @cached_property
    def _words_of_spans(self) -> frozenset[str]:
        return frozenset[str]().union(*(content(span.of(self._source)) for span in self._spans))

    def has_any(self, words: Set[str]) -> bool:
        """Whether the source has one of some words, given as stems."""
        if not words:
            return False
        # The words of the claims are nearly always enough, and the whole source is dearer to read.
        return not (words.isdisjoint(self._words_of_spans) and words.isdisjoint(self.rarity))

    @cached_property
    def greatest_rarity(self) -> float:
        """How much a word tells that no sentence of the source has."""
        return math.log(len(self.passages) + 1)

    @cached_property
    def _words_by_value(self) -> dict[tuple[ClaimKind, Hashable], list[tuple[int, frozenset[str], frozenset[str]]]]:
        """By value: for each place where the source states it, the place, and the words of its clause and sentence."""
        places: dict[tuple[ClaimKind, Hashable], list[tuple[int, frozenset[str], frozenset[str]]]] = {}
        for passage in self.passages:
            for mention in mentions(passage.text):
                near = content(clause(passage.text, mention.start, mention.end))
                own = content(passage.text[mention.start : mention.end])
                places.setdefault((mention.kind, mention.value), []).append(
                    (passage.start + mention.start, near - own, passage.words - own)
                )
        return places

    def words_around(self, kind: ClaimKind, value: Hashable) -> list[tuple[int, frozenset[str], frozenset[str]]]:
        """For each place where the source states a value: the place, the words of its clause and of its sentence."""
        return self._words_by_value.get((kind, value), [])

    def words_around_form(self, form: str) -> list[tuple[int, frozenset[str], frozenset[str]]]:
        """For each place where the source has a form: the place, and the words of its clause and of those around it."""
        places = []
        own = content(form)
        passages = self.passages
        for number, passage in enumerate(passages):
            for start in whole_starts_of(lower(passage.text), lower(form)):
                near = content(clause(passage.text, start, start + len(form)))
                around = passage.words
                if number + 1 < len(passages) and "\n" not in self._source[passage.end : passages[number + 1].start]:
                    around |= passages[number + 1].words
                places.append((passage.start + start, near - own, around - own))
        return places

    def text_of(self, spans: Iterable[Span]) -> str:
        """The text of some spans of the source."""
        return " ".join(span.of(self._source) for span in spans)

    def is_in_one_sentence(self, at: int, claim: Claim) -> bool:
        """Whether a sentence of the source has a place and states the right alternative of a claim as well."""
        place = bisect_right(self._starts, at) - 1
        passage = self.passages[max(place, 0)]
        return any(passage.start <= span.start < passage.end for span in claim.source_spans)

    @cached_property
    def _starts(self) -> list[int]:
        return [passage.start for passage in self.passages]

    def words_of(self, claim: Claim) -> frozenset[str]:
        """The words of the passages that state the right alternative of a claim, without the words of the alternative.

        If a passage is hardly more than the alternative, the words of the clause around the passage are its words too.
        """
        words: frozenset[str] = frozenset()
        own = frozenset[str]().union(*(content(form) for form in claim.right.forms))
        for span in claim.source_spans:
            inside = content(span.of(self._source)) - own
            words |= inside
            if len(inside) < SHORT:
                for passage in self.passages:
                    if passage.start <= span.start < passage.end:
                        words |= content(clause(passage.text, span.start - passage.start, span.end - passage.start))
        return words - own

    def explanation_of(self, claim: Claim) -> tuple[str, ...]:
        """The sentences that state the right alternative of a claim and no other alternative, if they explain it.

        A passage that is hardly more than the alternative explains nothing.
        """
        right = content(claim.right.forms[0])
        others = [content(other.forms[0]) for other in claim.wrong]
        explanation = []
        for span in claim.source_spans:
            text = span.of(self._source)
            for start, end in sentences(text):
                words = content(text[start:end])
                own = len(words & right)
                if own and own < len(words) and all(len(words & other) < max(own, 1) for other in others):
                    explanation.append(text[start:end])
        return tuple(explanation)

    def states_another_beside(self, claim: Claim) -> bool:
        """Whether a sentence that states the right alternative of a claim also states that of another claim."""
        return any(
            passage.start <= place < passage.end
            for passage in self.passages
            if any(span.start < passage.end and passage.start < span.end for span in claim.source_spans)
            for owner, place in self._places_of_claims
            if owner != claim.id
        )

    @cached_property
    def quotable(self) -> Quotable:
        """The sentences of the source that are long enough to be a quotation."""
        plain = (" ".join(self._source[start:end].split()) for start, end in sentences(self._source))
        quoted = [(text, words) for text in plain if (words := len(text.split())) >= QUOTED_WORDS]
        quoted.sort(key=lambda sentence: len(sentence[0]))
        quoted.reverse()
        return Quotable(
            tuple(quoted),
            words=sum(words for _, words in quoted),
            characters=sum(len(text) for text, _ in quoted),
            beginnings=tuple(" ".join(text.split()[:2]) for text, _ in quoted[:LONGEST_QUOTED]),
        )

    def has_phrase(self, phrase: str) -> bool:
        """Whether the task or the source contains a phrase, whatever its case, quotes and line breaks."""
        wanted = _plain(phrase)
        return bool(wanted) and f" {wanted} " in self._plain_text

    def says(self, phrase: str) -> bool:
        """Whether the task or the source says a phrase, or has all its words in one line."""
        if self.has_phrase(phrase):
            return True
        words = set(_plain(phrase).split())
        # Most phrases have a word that is nowhere.
        return words <= self._plain_words and any(words <= line for line in self._lines)

    def has_code(self, code: str) -> bool:
        """Whether the source contains a piece of code. Spaces and the kind of quotes make no difference."""
        return code in self._code

    @cached_property
    def _code(self) -> str:
        return "".join(self._source.split()).replace("'", '"')

    @cached_property
    def _lines(self) -> tuple[frozenset[str], ...]:
        """The words of each sentence of the task and of the source."""
        texts = [self.task[start:end] for start, end in sentences(self.task)]
        texts += [passage.text for passage in self.passages]
        return tuple(frozenset(_plain(text).split()) for text in texts)

    @cached_property
    def _plain_words(self) -> frozenset[str]:
        return frozenset(self._plain_text.split())

    @cached_property
    def _plain_text(self) -> str:
        return f" {_plain(self.task)} | {_plain(self._source)} "

    @cached_property
    def section_spans(self) -> dict[str, tuple[int, int]]:
        """Where each numbered section stands in the source, from its heading to the next heading."""
        numbers = [
            number
            for authority in self._authorities
            for form in authority.forms[:1]
            if (number := section_of_form(form)) is not None
        ]
        lines = [match.span() for match in _BEFORE_NUMBER.finditer(self._source)] if numbers else []
        starts: list[tuple[int, str]] = []
        for number in numbers:
            for start, at in lines:
                if self._source.startswith(number, at) and not _GOES_ON.match(self._source, at + len(number)):
                    starts.append((start, number))
                    break
        starts.sort()
        ends = [*(start for start, _ in starts[1:]), len(self._source)][: len(starts)]
        return {
            number: (start, unnumbered.start() if unnumbered is not None else end)
            for (start, number), end in zip(starts, ends, strict=True)
            for unnumbered in (_UNNUMBERED_HEADING.search(self._source, start, end),)
        }

    def passages_in(self, start: int, end: int) -> tuple[Passage, ...]:
        """The sentences of the source that begin between two places."""
        return self.passages[bisect_left(self._starts, start) : bisect_left(self._starts, end)]

    def cited(self, forms: Iterable[str]) -> frozenset[str]:
        """The words of what an authority's forms name: of the section, or of the sentences that name the authority."""
        words: frozenset[str] = frozenset()
        for form in forms:
            section = section_of_form(form)
            if section is not None and section in self.section_spans:
                return content(self._source[slice(*self.section_spans[section])])
            low = lower(form)
            for passage in self.passages:
                if next(whole_starts_of(lower(passage.text), low), None) is not None:
                    words |= content(_part_that_names(passage.text, form)) or passage.words
        return words

    def bears_out(self, text: str, with_words: Iterable[str] = (), share: float = 0.78) -> bool:
        """Whether one sentence of the source has most of the content words of a text, and all words of `with_words`.

        A sentence that only lists what must be said bears out nothing. Its words come from different things: "State the
        share of sampled lines, the end of the embargo and the time for rotating tokens" says nothing of a line end.
        """
        words = content(text)
        if len(words) < 2:
            return False
        needed = frozenset[str]().union(*map(content, with_words))
        return any(
            needed <= passage.words
            and len(words & passage.words) >= share * len(words)
            and not self._only_lists_labels(passage)
            for passage in self.passages
        )

    def _only_lists_labels(self, passage: Passage) -> bool:
        """Whether a sentence of the source names several required claims, and says hardly anything else."""
        low = " ".join(lower(passage.text).split())
        listed = [label for label in self._labels if label and label in low]
        of_labels = frozenset[str]().union(*map(content, listed))
        return len(listed) > 1 and len(of_labels & passage.words) >= LISTED * len(passage.words)


@lru_cache(maxsize=4_096)
def section_of_form(form: str) -> str | None:
    """The number in a form such as "section 3.2"."""
    match = _SECTION_FORM.fullmatch(form)
    return None if match is None else match[1]


def section_numbers(forms: tuple[str, ...]) -> frozenset[str]:
    """The numbers in forms such as "section 3.2"."""
    return frozenset(number for form in forms if (number := section_of_form(form)) is not None)


def section_of_value(value: Hashable) -> str | None:
    """The number in the value of a citation, ("section", "3.2")."""
    return value[1] if isinstance(value, tuple) and len(value) == 2 and isinstance(value[1], str) else None


def clause(text: str, start: int, end: int) -> str:
    """The part of a sentence around a place, between two marks such as a comma or the word "and"."""
    left = 0
    for mark in _CLAUSE_END.finditer(text, 0, start):
        left = mark.end()
    right = _CLAUSE_END.search(text, end)
    return text[left : right.start() if right else len(text)]


def _part_that_names(text: str, form: str) -> str:
    """The part of a sentence that speaks of an authority: from its name to the next semicolon."""
    at = lower(text).find(lower(form))
    left = text.rfind(";", 0, at) + 1
    right = text.find(";", at)
    return text[left : right if right >= 0 else len(text)]


def _plain(text: str) -> str:
    return " ".join(re.findall(r"[^\W_]+(?:['\u2019][^\W_]+)*", text.lower().replace("\u2019", "'")))
