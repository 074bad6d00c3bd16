"""Keep of an author's facts what the document bears out: each becomes a claim, or is dropped with a reason."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from random import Random

from rapidfuzz import fuzz

from forge_arena.documents.cases import contradicts, denies, speaks_of_another
from forge_arena.documents.proposal import Fact, OtherValue
from forge_arena.documents.quotations import MOST_WORDS, places
from forge_arena.documents.section_names import find_section
from forge_arena.documents.sections import Section
from forge_arena.documents.standing_in import Place
from forge_arena.documents.values import (
    COMPARABLE_STEALTH,
    MOST_COMPARABLE,
    SHORTEST,
    NoValue,
    Value,
    absent_alternatives,
    absent_values,
    as_alternative,
    comparable_values,
    gives_away,
    holds_value,
    may_be_given_as,
    right_alternative,
    value_in,
)
from forge_arena.texts.sentences import sentences
from forge_arena.texts.turning import is_turned
from forge_arena.texts.values import mentions
from forge_arena.texts.words import SMALL_WORDS, content, stem
from forge_arena.types import FACT, Alternative, Claim, ClaimKind, Span, Standing

MOST_REQUIRED = 5
LONGEST_LABEL, LONGEST_STATEMENT = 24, 60
FEWEST_STATEMENT_WORDS = 3
# The share of a statement's content words that must stand in its quotation, in the headings above, or in the task; and
# the share of a statement whose value stands in the quotation.
BORNE_OUT, BORNE_OUT_VALUE = 0.5, 0.3
FEW_WORDS = 3
ALIKE_STATEMENTS = 90

_WORD = re.compile(r"[^\W\d_]{3,}")
# Words that stand beside values and verbs of any kind. They tell no fact from another.
_UNITS = frozenset(
    """
    day days week weeks month months year years hour hours minute minutes percent dollars euros pounds number date
    amount answer customer user section may must cannot need take use ask like want many much long often soon far
    large happens
    """.split()  # noqa: SIM905  (a list would take a line a word)
)
_PAST = re.compile(
    r"\b(?:until|formerly|previously|former|previous|used to|no longer|was|were|had been|replac\w+|superseded?"
    r"|old|older|earlier|prior to|before|raised from|lowered from|changed from|increased from|reduced from"
    r"|up from|down from|instead of|rather than|expired|in the past|originally|initially)\b",
    re.IGNORECASE,
)
_ASKS = re.compile(r"^(?:whether|if)\b", re.IGNORECASE)
_TELLS = re.compile(r"^that\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Dropped:
    """A part of a proposal that is not kept: what it is, and why."""

    what: str
    reason: str


@dataclass(frozen=True, slots=True)
class KeptFact:
    """A fact that the document bears out.

    Attributes:
        claim: its claim, without the words by which a sentence is recognised as speaking of it.
        statement: a sentence that states it.
        value: its value, if it has one.
        section: the section to cite for it, if there is one.
        quotation: where the document bears it out.
    """

    claim: Claim
    statement: str
    value: Value | None
    section: Section | None
    quotation: Span


class NotKept(ValueError):
    """Why a fact is dropped."""


class FactKeeper:
    """Keeps the facts of one proposal, one after the other, and remembers why it dropped the others.

    Args:
        text: the stretch of the document.
        task: the task, as whoever sets it writes it.
    """

    def __init__(self, text: str, sections: Sequence[Section], task: str, rng: Random) -> None:
        self._text = text
        self._sections = sections
        self._task = task
        self._rng = rng
        self.kept: list[KeptFact] = []
        self.dropped: list[Dropped] = []

    def add(self, number: int, fact: Fact) -> None:
        """Keep a fact, or note why it is dropped."""
        what = f"fact {number} ({fact.label})"
        try:
            self.kept.append(self._kept(number, what, fact))
        except NotKept as error:
            self.dropped.append(Dropped(what, str(error)))

    def _kept(self, number: int, what: str, fact: Fact) -> KeptFact:
        label = clean_label(fact.label)
        self._check_words(label, fact.statement)
        quotation = self._quotation(fact)
        decided_by = self._decided_by(fact)
        self._check_case(fact, quotation)
        statement = fact.statement.strip()
        value = None if fact.value is None else self._value(fact.value, quotation, statement)
        self._check_owner(label, statement, value)
        self._check_giving_away(label, statement, value)
        if not self._is_borne_out(statement, value, quotation, decided_by):
            raise NotKept("the quotation does not have most of the words of the statement")
        section = self._section(what, fact, quotation)
        if value is None:
            alternatives: tuple[Alternative, ...] = tuple(self._statements(what, fact, statement))
        else:
            place = Place(self._text, self._task, label, statement, value)
            alternatives = (right_alternative(value), *self._wrong_values(what, fact, value, place))
        spans = [self._evidence(quotation, value), *([] if decided_by is None else [decided_by])]
        claim = Claim(
            id=f"{FACT}{number}",
            kind=ClaimKind.term if value is None else value.kind,
            label=label,
            required=fact.required,
            alternatives=alternatives,
            source_spans=tuple(spans),
        )
        return KeptFact(claim, statement, value, section, quotation)

    def _check_words(self, label: str, statement: str) -> None:
        if len(label.split()) > LONGEST_LABEL:
            raise NotKept(f"the label has more than {LONGEST_LABEL} words")
        if len(statement.split()) > LONGEST_STATEMENT or len(sentences(statement.strip())) != 1:
            raise NotKept(f"the statement is not one sentence of at most {LONGEST_STATEMENT} words")
        for other in self.kept:
            if content(label) == content(other.claim.label):
                raise NotKept(f"the label says the same as \u201c{other.claim.label}\u201d")
            alike = fuzz.token_sort_ratio(statement.lower(), other.statement.lower()) >= ALIKE_STATEMENTS
            if alike and content(statement) == content(other.statement):
                raise NotKept(f"the statement says the same as \u201c{other.statement}\u201d")

    def _quotation(self, fact: Fact) -> Span:
        if len(fact.quotation.split()) > MOST_WORDS:
            raise NotKept(f"the quotation has more than {MOST_WORDS} words")
        found = list(places(self._text, fact.quotation))
        if not found:
            raise NotKept(f"the document does not hold the quotation \u201c{_short(fact.quotation)}\u201d")
        if fact.section is not None and len(found) > 1:
            inside = [span for span in found if find_section(self._sections, fact.section, span)[0] is not None]
            found = inside or found
        return found[0]

    def _decided_by(self, fact: Fact) -> Span | None:
        """The passage that gives the value to the case of the task."""
        if fact.decided_by is None:
            return None
        span = next(places(self._text, fact.decided_by), None)
        if span is None:
            raise NotKept(f"the document does not hold what decides the case, \u201c{_short(fact.decided_by)}\u201d")
        if contradicts(self._task, span.of(self._text)):
            raise NotKept(
                "the task is not of the case that decides the value: a value of the task is out of its bounds"
            )
        return span

    def _check_case(self, fact: Fact, quotation: Span) -> None:
        others = [other.case for other in fact.other_values if other.case is not None and not other.former]
        if fact.case is not None:
            for other in others:
                if speaks_of_another(self._task, fact.case, other):
                    raise NotKept(
                        f"the task speaks of the case \u201c{other}\u201d, and not of \u201c{fact.case}\u201d"
                    )
            if denies(self._task, fact.case, others):
                raise NotKept(f"the task denies the case \u201c{fact.case}\u201d")
            if contradicts(self._task, fact.case):
                raise NotKept(f"the task is not of the case \u201c{fact.case}\u201d")

    def _value(self, proposed: str, quotation: Span, statement: str) -> Value:
        try:
            value = value_in(self._text, quotation, proposed)
        except NoValue as error:
            raise NotKept(str(error)) from error
        if len(value.surface) < SHORTEST:
            raise NotKept(f"the value \u201c{value.surface}\u201d is too short to be told from other words")
        if not holds_value(statement, value):
            raise NotKept(f"the statement does not give the value \u201c{value.surface}\u201d")
        return value

    def _check_owner(self, label: str, statement: str, value: Value | None) -> None:
        """No two facts own the same value."""
        for other in self.kept:
            if value is not None and other.value is not None:
                same = other.value.kind is value.kind and other.value.meaning == value.meaning
                if same or (value.kind is ClaimKind.term and other.value.surface.lower() == value.surface.lower()):
                    raise NotKept(f"the fact \u201c{other.claim.label}\u201d has the same value")
            if other.value is not None and gives_away(label, other.value):
                raise NotKept(f"the label gives away \u201c{other.claim.label}\u201d")
            if value is not None and gives_away(other.claim.label, value):
                raise NotKept(f"the label \u201c{other.claim.label}\u201d gives the value away")

    def _check_giving_away(self, label: str, statement: str, value: Value | None) -> None:
        if _TELLS.match(label):
            raise NotKept("the label gives the fact away")
        if value is not None:
            if gives_away(label, value):
                raise NotKept("the label gives the value away")
            if gives_away(self._task, value):
                raise NotKept("the task gives the value away")
            return
        words = content(statement)
        if len(words) < FEWEST_STATEMENT_WORDS:
            raise NotKept("the statement has too few words to be recognised by")
        if words <= content(label) and not _ASKS.match(label):
            raise NotKept("the label gives the fact away")
        if any(content(self._task[start:end]) >= words for start, end in sentences(self._task)):
            raise NotKept("the task gives the fact away")

    def _is_borne_out(self, statement: str, value: Value | None, quotation: Span, decided_by: Span | None) -> bool:
        """Whether a statement is made of the words of its passage, the headings above, and the task."""
        passage = " ".join(
            self._text[start:end]
            for start, end in sentences(self._text)
            if start < quotation.end and quotation.start < end
        )
        above = [s.title for s in self._sections if s.start <= quotation.start and quotation.end <= s.end]
        known = content(
            " ".join((passage, *above, self._task, "" if decided_by is None else decided_by.of(self._text)))
        )
        words = content(_without(statement, value))
        share = BORNE_OUT if value is None else BORNE_OUT_VALUE
        return len(words & known) >= share * len(words)

    def _section(self, what: str, fact: Fact, quotation: Span) -> Section | None:
        if fact.section is None:
            return None
        section, reason = find_section(self._sections, fact.section, quotation)
        if section is None:
            self.dropped.append(Dropped(f"{what}: its section", reason))
        return section

    def _statements(self, what: str, fact: Fact, statement: str) -> Iterator[Alternative]:
        """The statement as the right alternative, and its opposite as a wrong one."""
        yield Alternative(name="stated", standing=Standing.right, forms=(_bare(statement),))
        if fact.opposite is None:
            return
        if is_turned(statement, fact.opposite) is None:
            reason = f"\u201c{fact.opposite}\u201d does more or less than turn the sense of the statement"
            self.dropped.append(Dropped(f"{what}: its opposite", reason))
            return
        yield Alternative(name="turned", standing=Standing.turned, forms=(_bare(fact.opposite),), stealth=2)

    def _wrong_values(self, what: str, fact: Fact, value: Value, place: Place) -> Iterator[Alternative]:
        """The values of other cases and the former ones, then comparable values, then values that stand nowhere."""
        known = {value.meaning}
        number = 0
        for other, found in self._other_values(what, fact, value):
            if found.meaning in known:
                continue
            known.add(found.meaning)
            reason = place.why_not(found)
            if reason is not None:
                self.dropped.append(Dropped(f"{what}: other value {found.surface}", reason))
                continue
            number += 1
            sentence = self._sentence_at(found.span)
            if other.former and _PAST.search(sentence):
                yield as_alternative(f"superseded_{number}", Standing.superseded, 3, found, value)
            else:
                yield as_alternative(f"elsewhere_{number}", Standing.elsewhere, 3, found, value)
        room = 0 if value.kind is ClaimKind.term else MOST_COMPARABLE
        for found in place.contradicting_first(comparable_values(self._text, value, self._rng)):
            if room and found.meaning not in known and not holds_value(self._task, found):
                known.add(found.meaning)
                number += 1
                room -= 1
                yield as_alternative(f"elsewhere_{number}", Standing.elsewhere, COMPARABLE_STEALTH, found, value)
        absent = list(absent_values(f"{self._text}\n{self._task}", value, self._rng))
        fitting = list(place.contradicting_first(found for _, found in absent))
        yield from absent_alternatives((stealth, found) for stealth, found in absent if found in fitting)

    def _other_values(self, what: str, fact: Fact, value: Value) -> Iterator[tuple[OtherValue, Value]]:
        for other in fact.other_values:
            name = f"{what}: other value {other.value}"
            span = next(places(self._text, other.quotation), None)
            if span is None:
                self.dropped.append(Dropped(name, "the document does not hold its quotation"))
                continue
            try:
                found = value_in(self._text, span, other.value)
            except NoValue as error:
                self.dropped.append(Dropped(name, str(error)))
                continue
            if found.kind is not value.kind:
                self.dropped.append(Dropped(name, f"it is a {found.kind}, and the value a {value.kind}"))
            elif may_be_given_as(value, found.meaning):
                self.dropped.append(Dropped(name, "it does not differ from the value"))
            else:
                yield other, found

    def _sentence_at(self, span: Span) -> str:
        for start, end in sentences(self._text):
            if start <= span.start < end:
                return self._text[start:end]
        return span.of(self._text)

    def _evidence(self, quotation: Span, value: Value | None) -> Span:
        """The quotation; of a long one the sentence that holds the value."""
        if value is None:
            return quotation
        for start, end in sentences(self._text):
            if start <= value.span.start < end:
                return Span(start=max(start, quotation.start), end=min(end, quotation.end))
        return quotation


def clean_label(label: str) -> str:
    """A label as the end of "The answer should state": without a full stop or a question mark, in small letters."""
    label = " ".join(label.split()).rstrip(" .?:;,")
    first = label.split(" ")[0] if label else ""
    if first[1:].islower() or len(first) == 1:
        is_small = first.lower() in SMALL_WORDS or first.lower() in ("the", "a", "an")
        label = label[0].lower() + label[1:] if is_small else label
    return label


def beginnings(words: str) -> tuple[str, ...]:
    """The beginnings by which the words of a text are recognised in any of their forms: "warrant" of "warranty"."""
    found: dict[str, None] = {}
    values = mentions(words)
    for match in _WORD.finditer(words):
        word = match[0].lower()
        if (
            word in SMALL_WORDS
            or word in _UNITS
            or any(v.start < match.end() and match.start() < v.end for v in values)
        ):
            continue
        found[_beginning(word)] = None
    return tuple(found)


def _beginning(word: str) -> str:
    """What a word and its stem begin with; the word itself if that is too short to know a word by."""
    same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(word, stem(word), strict=False)))
    return word[:same] if same > 2 else word


def with_words(facts: Sequence[KeptFact]) -> list[KeptFact]:
    """The facts with the words by which a sentence is recognised as speaking of each of them.

    They are the words of its label and its statement that no other fact has. If these are few, the words of its label
    that the fewest other facts have come along.
    """
    words = {fact.claim.id: beginnings(f"{fact.claim.label} {_without(fact.statement, fact.value)}") for fact in facts}
    counts = Counter(word for own in words.values() for word in own)
    told: list[KeptFact] = []
    for fact in facts:
        own = [word for word in words[fact.claim.id] if counts[word] == 1]
        shared = sorted(
            (word for word in beginnings(fact.claim.label) if word not in own), key=lambda word: counts[word]
        )
        about = (*own, *shared[: max(0, FEW_WORDS - len(own))])
        # A sentence such as the statement must be recognised.
        stated = beginnings(_without(fact.statement, fact.value))
        if not set(about) & set(stated):
            about = (*about, *sorted(stated, key=lambda word: counts[word])[:FEW_WORDS]) if stated else ()
        claim = fact.claim.model_copy(update={"about": (about,) if about else ()})
        told.append(replace(fact, claim=claim))
    return told


def _without(statement: str, value: Value | None) -> str:
    return statement if value is None else statement.replace(value.surface, " ")


def _bare(statement: str) -> str:
    return " ".join(statement.split()).rstrip(".")


def _short(text: str, most: int = 80) -> str:
    text = " ".join(text.split())
    return text if len(text) <= most else f"{text[:most]}\u2026"
