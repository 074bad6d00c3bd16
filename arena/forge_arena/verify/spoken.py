"""Values that are said without a number: "a year", "half", "half an hour", "a fortnight".

Such words are values only where a scenario has the same value in numbers, because "a day" and "half" are mostly no
figures. The source says "twelve months", and an answer says "a year": both are the same time. The source says "half",
and an answer says "50%": both are the same share.
"""

import re
from collections.abc import Hashable
from decimal import Decimal
from functools import lru_cache

from forge_arena.texts.number_words import SMALL, TENS
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
_NUMBER_WORDS = "|".join(["an?", *SMALL[1:], *TENS])
_NUMBER = rf"(?:\d{{1,4}}|{_NUMBER_WORDS})"
_COMPOSING = re.compile(
    r"\d ?p\b|\b(?:quarters?|half|twice|times)\b|(?:hours?|days?|years?|minutes?|weeks?|months?),? (?:and )?\w", re.I
)
_PARTS = re.compile(
    rf"\b(?P<many>{_NUMBER}) (?P<big>{_UNITS})s?(?:,? and |,? )(?P<few>{_NUMBER}) (?P<small>{_UNITS})s?\b",
    re.IGNORECASE,
)
_QUARTERS = re.compile(rf"\b(?P<count>three|a|one)[ -]quarters? (?:of )?an? (?P<unit>{_UNITS})\b", re.IGNORECASE)
_AND_A_HALF = re.compile(rf"\b(?P<count>{_NUMBER}) and a half (?P<unit>{_UNITS})s?\b", re.IGNORECASE)
_TIMES_EACH = re.compile(
    rf"\b(?P<often>twice|{_NUMBER} times) (?:an?|each|every|per) (?P<unit>{_UNITS})\b", re.IGNORECASE
)
_PENCE = re.compile(r"(?<![\w.,])(?P<pence>\d{1,2})p\b(?! ?[.=(]\d)")
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


@lru_cache(maxsize=4_096)
def composed_values(text: str) -> tuple[Mention, ...]:
    """The values that several words give together: "two hours and six minutes", "three quarters of an hour", "5p".

    "Twice a year" and "four times an hour" give the time between.
    """
    if _COMPOSING.search(text) is None:
        return ()
    values: list[Mention] = []
    for match in _PARTS.finditer(text):
        big, small = _time(match["big"]), _time(match["small"])
        many, few = _count(match["many"]), _count(match["few"])
        if not isinstance(big, tuple) or not isinstance(small, tuple) or many is None or few is None:
            continue
        if big[2] == small[2] and big[0] > small[0]:
            total = many * big[0] + few * small[0]
            values.append(Mention(ClaimKind.duration, same_amount((total, total, big[2])), *match.span()))
    for match in _QUARTERS.finditer(text):
        share = Decimal(3 if match["count"].lower() == "three" else 1) / 4
        values.append(Mention(ClaimKind.duration, _share_of(match["unit"], share), *match.span()))
    for match in _AND_A_HALF.finditer(text):
        if (count := _count(match["count"])) is not None:
            values.append(Mention(ClaimKind.duration, _share_of(match["unit"], count + Decimal("0.5")), *match.span()))
    for match in _TIMES_EACH.finditer(text):
        often = {"twice": Decimal(2)}.get(match["often"].lower()) or _count(match["often"].partition(" ")[0])
        if often:
            values.append(Mention(ClaimKind.duration, _share_of(match["unit"], 1 / often), *match.span()))
    for match in _PENCE.finditer(text):
        values.append(Mention(ClaimKind.money, (Decimal(match["pence"]) / 100, "GBP"), *match.span()))
    return tuple(values)


def _count(word: str) -> Decimal | None:
    value = value_of(ClaimKind.quantity, f"{word.lower()} pages")
    return value[0] if isinstance(value, tuple) else None


def _share_of(unit: str, share: Decimal) -> Hashable:
    """A share of a unit of time, in the unit in which the share is a whole number if there is one."""
    whole = _time(unit)
    if not isinstance(whole, tuple):
        return None
    low, _, name = whole
    amount = low * share
    if name == "day" and amount != amount.to_integral_value():
        amount, name = amount * 86_400, "second"
    amount = amount.to_integral_value() if amount == amount.to_integral_value() else amount
    return same_amount((amount, amount, name))


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
