"""Values that are said without a number: "a year", "half", "half an hour", "a fortnight".

Such words are values only where a scenario has the same value in numbers, because "a day" and "half" are mostly no figures. The
source says "twelve months", and an answer says "a year": both are the same time. The source says "half", and an answer says
"50%": both are the same share.
"""

import re
from collections.abc import Hashable
from decimal import Decimal
from functools import lru_cache

from forge_arena.texts.values import Mention, same_amount, value_of
from forge_arena.types import ClaimKind

_UNITS = "second|minute|hour|day|week|fortnight|month|quarter|year"
_ONE = re.compile(rf"(?<!half )\b(?:an?|one|each|every|per|the)(?: (?:whole|full|single|entire))? (?P<unit>{_UNITS})\b", re.IGNORECASE)
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
_SHARE = re.compile(rf"\b(?:{'|'.join(sorted(_SHARES, key=len, reverse=True))})\b(?! (?:an? )?(?:{_UNITS})\b)", re.IGNORECASE)
_DAILY = {"daily": "day", "weekly": "week", "monthly": "month", "quarterly": "quarter", "yearly": "year", "annual": "year"}
_EVERY = re.compile(rf"\b(?P<word>{'|'.join(_DAILY)})(?:ly)?\b", re.IGNORECASE)


@lru_cache(maxsize=4_096)
def spoken_values(text: str) -> tuple[Mention, ...]:
    """The values that a text says without a number, each in the unit in which equal amounts are equal."""
    values = []
    for match in _HALF.finditer(text):
        value = _time("1", match["unit"])
        if isinstance(value, tuple):
            values.append(Mention(ClaimKind.duration, _halved(value), *match.span()))
    for match in _ONE.finditer(text):
        values.append(Mention(ClaimKind.duration, same_amount(_time("1", match["unit"])), *match.span()))
    for match in _EVERY.finditer(text):
        values.append(Mention(ClaimKind.duration, same_amount(_time("1", _DAILY[match["word"].lower()])), *match.span()))
    for match in _SHARE.finditer(text):
        values.append(Mention(ClaimKind.percent, (Decimal(_SHARES[match[0].lower()]), "%"), *match.span()))
    return tuple(values)


def _time(number: str, unit: str) -> Hashable:
    return value_of(ClaimKind.duration, f"{number} {unit.lower()}")


def _halved(value: tuple[Decimal, Decimal, str]) -> Hashable:
    low, high, unit = value
    # Half a day is counted in seconds, because a clock shows it.
    if unit == "day" and low == 1:
        return (Decimal(43_200), Decimal(43_200), "second")
    return same_amount((low / 2, high / 2, unit))
