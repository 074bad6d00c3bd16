"""Say whether a wrong day or period fits the other times of an answer, so that it shows only beside the source.

"Closing date: 28 July 2019; interviews are on 16 August 2016" shows by itself. A wrong day must stand before and after
the same days as the right one, and beside no day of the week. "We close at six, and the last entry is 90 minutes before
that, at a quarter past five" shows, too: no two hours of the answer may be as far apart as the right period is long.
"""

import re
from collections.abc import Hashable, Sequence
from typing import TypeAlias

from forge_arena.corruptions.draft import Draft, Edit, overlaps
from forge_arena.texts.number_words import SMALL
from forge_arena.texts.values import mentions, value_of
from forge_arena.types import Alternative, Claim, ClaimKind

_Day: TypeAlias = tuple[int, int, int | None]
_HALF_DAY = 720
_PAST = {"quarter past": 15, "half past": 30, "quarter to": -15}
_HOUR = re.compile(
    rf"\b(?:(?P<past>quarter past|half past|quarter to) (?P<word>\d{{1,2}}|{'|'.join(SMALL[1:13])})|"
    r"(?P<h>\d{1,2})(?:[:.](?P<m>\d\d))?(?: ?[ap]\.?m\b| o['\u2019]clock|(?<=[:.]\d\d)(?![\d%]))|"
    r"(?P<named>noon|midnight))",
    re.IGNORECASE,
)
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


def is_between_hours(draft: Draft, claim: Claim) -> bool:
    """Whether two hours of the answer are as far apart as the right period of a claim is long."""
    value = value_of(claim.kind, claim.right.forms[0])
    if not (isinstance(value, tuple) and len(value) == 3 and value[0] == value[1] and value[2] == "second"):
        return False
    minutes = int(value[0]) // 60
    hours = {hour for match in _HOUR.finditer(draft.text) if (hour := _minutes_of(match)) is not None}
    return any((one - other) % _HALF_DAY == minutes for one in hours for other in hours if one != other)


def _minutes_of(match: re.Match[str]) -> int | None:
    """The minutes since midnight or noon, because "five" may be either."""
    if match["named"]:
        return 0
    if match["past"]:
        word = match["word"].lower()
        hour = int(word) if word.isdigit() else SMALL.index(word)
        return (60 * hour + _PAST[match["past"].lower()]) % _HALF_DAY
    hour, minute = int(match["h"]), int(match["m"] or 0)
    return (60 * hour + minute) % _HALF_DAY if hour <= 24 and minute < 60 else None


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
