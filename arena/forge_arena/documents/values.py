"""The value of a fact: found in its quotation, read by what it means, and compared with the document's other values."""

import re
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from random import Random
from typing import Any

from forge_arena.documents.alternatives import (
    are_comparable,
    number_in_digits,
    spellings,
    unknown_citations,
    wrong_values,
)
from forge_arena.documents.quotations import locate, with_marks
from forge_arena.texts.emphasis import without_emphasis
from forge_arena.texts.respell import respell
from forge_arena.texts.sentences import contains_whole, lower, sentences
from forge_arena.texts.values import Mention, mentions, same_amount, value_of
from forge_arena.texts.words import content
from forge_arena.types import VALUE_KINDS, Alternative, ClaimKind, Span, Standing

# Of the other values of the document so many serve as wrong ones.
MOST_COMPARABLE = 2
COMPARABLE_STEALTH = 2
MOST_TERM_WORDS = 12
SHORTEST, SHORTEST_NAME = 2, 3
# Values are mistaken for each other up to such a ratio, and for none at all up to such a number.
_LIKE, _LARGEST_FREE = 8, 100
_NEIGHBOURHOOD = 400
MEASURES = frozenset({ClaimKind.duration, ClaimKind.quantity})
_AND = re.compile(r"^(\d[\d.,]*|[a-z]+) and (\d[\d.,]*|[a-z]+)(?= |-)", re.IGNORECASE)
_JOINED = re.compile(r"^(?P<number>\d[\d.,]*|[a-z]+)-(?P<unit>[a-z]{3,})$", re.IGNORECASE)

_COUNT = re.compile(r"\d[\d.,]*|[a-z]+", re.IGNORECASE)
_COUNTED = re.compile(r"\d[\d.,]*(?P<rest> [a-z][^\d]*)", re.IGNORECASE)
_LONE = re.compile(r"(?<![\w.,/-])\d{1,4}(?:\.\d{1,2})?(?![\w/-]|[.,]\d)")

# A longer value may need the words around it: "5 days" of "3 to 5 days".
_BESIDE = 60


class NoValue(ValueError):
    """Why a text is no value that code could compare."""


@dataclass(frozen=True, slots=True)
class Value:
    """A value of the document.

    Attributes:
        kind: how the value is compared. A `term` is compared by its words.
        surface: the value as the document shows it, without the marks of emphasis.
        meaning: what the value means; equal values have equal meanings.
        span: where the value stands in the text.
    """

    kind: ClaimKind
    surface: str
    meaning: Hashable
    span: Span

    @property
    def mention(self) -> Mention:
        return Mention(self.kind, self.meaning, self.span.start, self.span.end)


def value_in(text: str, quotation: Span, proposed: str) -> Value:
    """The proposed value at its place in a quotation.

    Raises:
        NoValue: the quotation does not hold the value, holds only a part of it, or code cannot compare it.
    """
    inside = locate(quotation.of(text), proposed)
    if inside is None:
        raise NoValue(f"the quotation does not hold the value \u201c{proposed}\u201d")
    start, end = with_marks(text, quotation.start + inside.start, quotation.start + inside.end)
    found = [m for m in mentions_around(text, start, end) if m.start < end and start < m.end]
    if len(found) == 1 and found[0].kind is ClaimKind.citation and end == found[0].end:
        # "12.212" of "section 12.212" names the section.
        start = min(start, found[0].start)
    whole = [m for m in found if start <= m.start and m.end <= end]
    if len(whole) < len(found):
        longer = next(m for m in found if m not in whole)
        raise NoValue(f"the value \u201c{proposed}\u201d is a part of \u201c{text[longer.start : longer.end]}\u201d")
    valued = [m for m in whole if m.kind in VALUE_KINDS or m.kind is ClaimKind.citation]
    if len({(m.kind, same_amount(m.value)) for m in valued}) == 1 and _is_complete(valued[0]):
        only = valued[0]
        span = Span(start=only.start, end=only.end)
        return Value(only.kind, without_emphasis(span.of(text)), same_amount(only.value), span)
    return _term(text, start, end, proposed)


def mentions_around(text: str, start: int, end: int) -> Iterator[Mention]:
    """The values of a text near a place, by their places in the text."""
    left = max(text.rfind("\n", 0, start) + 1, start - _BESIDE)
    right = text.find("\n", end)
    right = min(right if right >= 0 else len(text), end + _BESIDE)
    while 0 < left < start and text[left - 1].isalnum():
        left += 1
    for mention in mentions(text[left:right]):
        # The full stop of "on 15 June." may be read as that of a short month.
        dot = text[mention.end + left - 1] == "."
        yield Mention(mention.kind, mention.value, mention.start + left, mention.end + left - dot)


def _is_complete(mention: Mention) -> bool:
    """Whether it is certain which number of a date is the month. Any other value is complete."""
    return mention.kind is not ClaimKind.date or (isinstance(mention.value, tuple) and len(mention.value) == 3)


def _term(text: str, start: int, end: int, proposed: str) -> Value:
    """A value that has no number, or more than one: it is compared by its words."""
    surface = " ".join(without_emphasis(text[start:end]).split())
    words = content(surface)
    if not words or len(surface.split()) > MOST_TERM_WORDS:
        raise NoValue(f"code cannot compare the value \u201c{proposed}\u201d")
    if (len(surface) < SHORTEST and not surface.isdigit()) or (
        len(words) == 1 and surface.islower() and len(surface) < SHORTEST_NAME
    ):
        raise NoValue(f"the value \u201c{proposed}\u201d is too short to be told from other words")
    return Value(ClaimKind.term, surface, lower(surface), Span(start=start, end=end))


def holds_value(text: str, value: Value) -> bool:
    """Whether a text states a value, in whatever spelling."""
    return next(places_of(text, value), None) is not None


def places_of(text: str, value: Value) -> Iterator[Span]:
    """Where a text states a value, in whatever spelling, in order."""
    found: dict[int, Span] = {}
    if value.kind is not ClaimKind.term:
        for start, end in sentences(text):
            # A number in words may open a sentence.
            for sentence in dict.fromkeys((text[start:end], text[start].lower() + text[start + 1 : end])):
                for mention in mentions(sentence):
                    if mention.kind is value.kind and same_amount(mention.value) == value.meaning:
                        found.setdefault(
                            mention.start + start, Span(start=mention.start + start, end=mention.end + start)
                        )
    if value.kind in (ClaimKind.term, ClaimKind.identifier, ClaimKind.citation):
        place = locate(lower(text), lower(value.surface))
        if place is not None:
            found.setdefault(place.start, place)
    yield from (found[start] for start in sorted(found))


def may_be_given_as(value: Value, other: Hashable) -> bool:
    """Whether another value is no wrong one, because it means the same or lies within the range of the right one."""
    if same_amount(other) == value.meaning:
        return True
    mine, others = _bounds(value.meaning), _bounds(same_amount(other))
    if mine is None or others is None or mine[2] != others[2]:
        return _is_part_of_date(value.meaning, other)
    return (mine[0] <= others[0] and others[1] <= mine[1]) or (others[0] <= mine[0] and mine[1] <= others[1])


def _bounds(value: Any) -> tuple[Decimal, Decimal, str] | None:
    if isinstance(value, tuple) and isinstance(value[0], Decimal):
        return (value[0], value[-2], value[-1]) if len(value) == 3 else (value[0], value[0], value[-1])
    return None


def _is_part_of_date(one: Any, other: Any) -> bool:
    """Whether one of two dates is the other without its day or its year."""
    if not (isinstance(one, tuple) and isinstance(other, tuple) and len(one) == len(other) == 3):
        return False
    return all(mine is None or others is None or mine == others for mine, others in zip(one, other, strict=True))


def comparable_values(text: str, value: Value, rng: Random) -> Iterator[Value]:
    """The other values of the text that could be mistaken for a value, those of its neighbourhood first."""
    found: dict[Hashable, Value] = {}
    for start, end in sentences(text):
        for m in mentions(text[start:end]):
            if m.kind is value.kind and _is_complete(m) and are_comparable(m, value.mention):
                span = Span(start=start + m.start, end=start + m.end)
                found.setdefault(
                    same_amount(m.value), Value(m.kind, without_emphasis(span.of(text)), same_amount(m.value), span)
                )
    others = [other for other in found.values() if not may_be_given_as(value, other.meaning)]
    others = [other for other in others if _is_of_like_size(value, other)]
    rng.shuffle(others)
    others.sort(key=lambda other: abs(other.span.start - value.span.start) // _NEIGHBOURHOOD)
    yield from others


def _is_of_like_size(value: Value, other: Value) -> bool:
    """Whether two values are of one order of magnitude: nobody takes an annual fee of $50,000 for one of $50."""
    mine, others = _bounds(value.meaning), _bounds(other.meaning)
    if mine is None or others is None:
        return True
    small, large = sorted((mine[1], others[1]))
    return large <= _LARGEST_FREE if small == 0 else large <= _LIKE * small


def right_alternative(value: Value) -> Alternative:
    return Alternative(name="stated", standing=Standing.right, forms=spellings(value.kind, value.surface))


def as_alternative(name: str, standing: Standing, stealth: int, other: Value, like: Value) -> Alternative:
    """A wrong value of the document, spelled like the right one.

    "8" beside "15 free withdrawals" is "8 free withdrawals".
    """
    # "Between 1 and 2 weeks" has a range of which "and" is no part anywhere else.
    surface = respell(_AND.sub(r"\1 to \2", other.surface), like.surface, like.kind)
    if like.kind in MEASURES and not _JOINED.match(like.surface):
        surface = _JOINED.sub(_apart, surface)
    counted = _COUNTED.fullmatch(like.surface)
    if like.kind is ClaimKind.term and counted is not None and _COUNT.fullmatch(other.surface):
        surface = f"{other.surface}{counted['rest']}"
    return Alternative(name=name, standing=standing, forms=spellings(other.kind, surface), stealth=stealth)


def _apart(match: re.Match[str]) -> str:
    """A measure that is joined with its unit, apart: "90 days" of "90-day"."""
    return f"{match['number']} {match['unit']}{'' if match['number'] in ('1', 'one') else 's'}"


def absent_values(text: str, value: Value, rng: Random) -> Iterator[tuple[int, Value]]:
    """(stealth, wrong value) of values that stand nowhere in a text: far from the right value at 0, near it at 1."""
    if value.kind is ClaimKind.citation:
        others = unknown_citations(value.surface, set(), rng)
        candidates = [(stealth, other) for stealth, other in enumerate(others)]
    elif value.kind in VALUE_KINDS or _has_lone_number(value.surface):
        candidates = list(wrong_values(value.mention, value.surface, rng))
    else:
        return
    for stealth, surface in candidates:
        meaning = same_amount(value_of(value.kind, surface))
        if meaning is None or may_be_given_as(value, meaning):
            continue
        other = Value(value.kind, surface, meaning, value.span)
        if not holds_value(text, other):
            yield stealth, other


def absent_alternatives(values: Iterable[tuple[int, Value]]) -> Iterator[Alternative]:
    """The first of the wrong values of each stealth."""
    seen: dict[int, Hashable] = {}
    for stealth, value in values:
        if stealth not in seen and value.meaning not in seen.values():
            seen[stealth] = value.meaning
            name, forms = f"absent_{len(seen)}", spellings(value.kind, value.surface)
            yield Alternative(name=name, standing=Standing.absent, forms=forms, stealth=stealth)


def _has_lone_number(surface: str) -> bool:
    """Whether a term has one number, which stands alone: "4 cyl", not "the 4th" and not "2 of 3"."""
    digits = number_in_digits(surface)
    return len(re.findall(r"\d+(?:[.,]\d+)*", digits)) == 1 and _LONE.search(digits) is not None


def gives_away(words: str, value: Value) -> bool:
    """Whether words such as a label or a task hold a value."""
    if holds_value(words, value):
        return True
    digits = number_in_digits(value.surface)
    return digits != value.surface and contains_whole(lower(words), lower(digits))


def has_values(text: str) -> bool:
    """Whether a text holds any value."""
    return any(m.kind is not ClaimKind.citation for m in mentions(text)) or re.search(r"\d", text) is not None
