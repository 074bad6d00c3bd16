"""Values that are said without a number: "a year", "half", "half an hour", "a fortnight".

Such words are values only where a scenario has the same value in numbers, because "a day" and "half" are mostly no
figures. The source says "twelve months", and an answer says "a year": both are the same time. The source says "half",
and an answer says "50%": both are the same share.
"""

import re
from collections.abc import Hashable
from decimal import Decimal
from functools import lru_cache

from forge_arena.texts.values import Mention, same_amount, value_of
from forge_arena.types import ClaimKind

_WHOLE_WORDS = ("whole", "full", "single", "entire")
_ARTICLES = (" a ", " an ", " one ")
_UNIT_WORDS = ("second", "minute", "hour", "day", "week", "fortnight", "month", "quarter", "year")
_UNITS = "|".join(_UNIT_WORDS)
# "£64 a year" and "a yearly fee" say how often, and "the year" says which one. Such a time is no value.
_LASTING = r"(?:for|within|after|lasts?|lasted|takes?|took|of|to|than|is|in|over|about|nearly|least|most|another|once)"
_ONE = re.compile(rf"\b{_LASTING} (?P<said>(?:an?|one) (?P<unit>{_UNITS}))\b", re.IGNORECASE)
_WHOLE = re.compile(rf"\b(?P<said>(?:an?|one|the) (?:whole|full|single|entire) (?P<unit>{_UNITS}))\b", re.IGNORECASE)
_EACH = re.compile(rf"\b(?:an?|one|each|every|per|the) (?P<unit>{_UNITS})\b", re.IGNORECASE)
_HALF = re.compile(rf"\bhalf an? (?P<unit>{_UNITS})\b", re.IGNORECASE)
# By the words of a share: the share in percent.
_SHARES = {
    "half": 50,
    "one half": 50,
    "a quarter": 25,
    "one quarter": 25,
    "three quarters": 75,
    "a fifth": 20,
    "one fifth": 20,
    "a tenth": 10,
    "one tenth": 10,
}
_SHARE_WORDS = ("half", "quarter", "fifth", "tenth")
_SHARE = re.compile(
    rf"\b(?:{'|'.join(sorted(_SHARES, key=len, reverse=True))})\b(?! (?:an? )?(?:{_UNITS})\b)", re.IGNORECASE
)
_DAILY = {
    "daily": "day",
    "weekly": "week",
    "monthly": "month",
    "quarterly": "quarter",
    "yearly": "year",
    "annual": "year",
}
_EVERY = re.compile(rf"\b(?P<word>{'|'.join(_DAILY)})(?:ly)?\b", re.IGNORECASE)


@lru_cache(maxsize=4_096)
def spoken_values(text: str) -> tuple[Mention, ...]:
    """The values that a text says without a number, each in the unit in which equal amounts are equal."""
    low = text.lower()
    values: list[Mention] = []
    if any(map(low.__contains__, _UNIT_WORDS)):
        if "half" in low:
            values += [
                Mention(ClaimKind.duration, _halved(value), *match.span())
                for match in _HALF.finditer(text)
                if isinstance(value := _time(match["unit"]), tuple)
            ]
        for pattern, needed in ((_WHOLE, _WHOLE_WORDS), (_ONE, _ARTICLES)):
            if any(map(low.__contains__, needed)):
                values += [
                    Mention(ClaimKind.duration, same_amount(_time(match["unit"])), *match.span("said"))
                    for match in pattern.finditer(text)
                ]
    if any(map(low.__contains__, _SHARE_WORDS)):
        for match in _SHARE.finditer(text):
            values.append(Mention(ClaimKind.percent, (Decimal(_SHARES[match[0].lower()]), "%"), *match.span()))
    return tuple(values)


def units_of(text: str) -> frozenset[tuple[ClaimKind, Hashable]]:
    """The times of one unit of which a text speaks in any way: "yearly", "each year", "£64 a year" are 12 months."""
    units = [match["unit"] for match in _EACH.finditer(text)]
    units += [_DAILY[match["word"].lower()] for match in _EVERY.finditer(text)]
    return frozenset((ClaimKind.duration, same_amount(_time(unit))) for unit in set(map(str.lower, units)))


def _time(unit: str) -> Hashable:
    return value_of(ClaimKind.duration, f"1 {unit.lower()}")


def _halved(value: tuple[Decimal, Decimal, str]) -> Hashable:
    low, high, unit = value
    # Half a day is counted in seconds, because a clock shows it.
    if unit == "day" and low == 1:
        return (Decimal(43_200), Decimal(43_200), "second")
    return same_amount((low / 2, high / 2, unit))
