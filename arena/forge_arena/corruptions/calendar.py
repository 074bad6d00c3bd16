"""Say whether a wrong day fits the other days of an answer, so that it shows only beside the source.

"Closing date: 28 July 2019; interviews are on 16 August 2016" shows by itself. A wrong day must stand before and after
the same days as the right one, and beside no day of the week.
"""

import re
from collections.abc import Hashable, Sequence
from typing import TypeAlias

from forge_arena.corruptions.draft import Draft, Edit, overlaps
from forge_arena.texts.values import mentions, value_of
from forge_arena.types import Alternative, Claim, ClaimKind

_Day: TypeAlias = tuple[int, int, int | None]
_WEEKDAY = r"(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day"
_BESIDE_WEEKDAY = (re.compile(rf"\b{_WEEKDAY},? (?:the )?$"), re.compile(rf"^(?:,| \(|,? a) ?{_WEEKDAY}\b"))


def keeps_calendar(draft: Draft, claim: Claim, alternative: Alternative, edits: Sequence[Edit]) -> bool:
    """Whether a wrong day has its place among the other days of the answer as the right one had."""
    before, behind = _BESIDE_WEEKDAY
    if any(before.search(draft.text[: e.start]) or behind.search(draft.text[e.end :]) for e in edits):
        return False
    old = _day(value_of(ClaimKind.date, claim.right.forms[0]), None)
    new = _day(value_of(ClaimKind.date, alternative.forms[0]), None)
    if old is None or new is None:
        return True
    for span in draft.sentences:
        for mention in mentions(span.of(draft.text)):
            if mention.kind is not ClaimKind.date or overlaps(
                edits, span.start + mention.start, span.start + mention.end
            ):
                continue
            other = _day(mention.value, old[0])
            if other is not None and _compare(old, other) != _compare(new, other):
                return False
    return True


def _day(value: Hashable, year: int | None) -> _Day | None:
    """A day, a month, or a day without a year, which is one of the year that is given."""
    if not (isinstance(value, tuple) and len(value) == 3 and isinstance(value[1], int)):
        return None
    own = value[0] if value[0] is not None else year
    return None if own is None else (own, value[1], value[2])


def _compare(one: _Day, other: _Day) -> int:
    """Whether a day is before another one (-1), after it (1), or the same. Without a day, months are compared."""
    a, b = (one[:2], other[:2]) if one[2] is None or other[2] is None else (one, other)
    return (a > b) - (a < b)
