"""Spell one value as another value of its kind is spelled."""

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from forge_arena.texts.number_words import number_word
from forge_arena.texts.values import DATE, IN_WORDS, MONEY, MONTHS, unit_of, value_of
from forge_arena.types import ClaimKind

_DAY_AND_MONTH = re.compile(
    r"(?=.*?(?P<month>[A-Z][a-z]{2,8}\.?))(?=\D*(?P<day>\d{1,2})(?P<ordinal>st|nd|rd|th)?(?!\d))(?=(?:.*\b(?P<year>\d{4})\b)?)"
    r"(?:\d{1,2}(?:st|nd|rd|th)?(?: of)? [A-Z][a-z]+\.?|[A-Z][a-z]+\.? \d{1,2}(?:st|nd|rd|th)?)(?:,? \d{4})?"
)
_WHOLE = re.compile(r"\d+(?:[.,]\d+)*")
_UNIT = re.compile(r"(?P<unit>[A-Za-z]+)$")
_IN_FULL = {"sec": "second", "min": "minute", "hr": "hour", "wk": "week", "yr": "year"} | {
    unit: unit for unit in ("day", "month")
}
_NUMBER_TOKEN = re.compile(
    r"\d+(?:[.,]\d+)*|\b(?:"
    + "|".join(sorted((number_word(n) for n in range(1, 100)), key=len, reverse=True))
    + r")\b",
    re.IGNORECASE,
)


def respell(text: str, like: str, kind: ClaimKind) -> str:
    """The value of `text` in the spelling of `like`; `text` unchanged if that spelling is not understood."""
    writer = _WRITERS.get(kind)
    value = value_of(kind, text)
    if writer is None or not isinstance(value, tuple):
        return text
    respelled = writer(text, like.strip(), value)
    return respelled if respelled is not None and value_of(kind, respelled) == value else text


def in_digits(measure: str) -> str:
    """A measure with its number in digits: "8 weeks" for "eight weeks"."""
    word = _NUMBER_TOKEN.match(measure)
    if word is None or word[0][0].isdigit():
        return measure
    number = next(n for n in range(1, 100) if number_word(n) == word[0].lower())
    return f"{number}{measure[word.end() :]}"


def rewrite(old: str, new: str, surface: str, kind: ClaimKind) -> str | None:
    """The value `new` as the author writes it who wrote `surface` for the value `old`.

    Only the parts that differ change, each in the author's own hand: the day and the month of a date without its year,
    a number in words or with a hyphen.

    Examples: "sixty days" for "60 days" makes "thirty days" of "30 days", "12-month" makes "9-month" of "9 months", and
    "21 May" for "21 May 2025" makes "2 June" of "2 June 2025".

    Returns: the spelling; None if the author's spelling is not understood.
    """
    if kind is ClaimKind.date:
        return _rewrite_date(old, new, surface)
    if kind in (ClaimKind.duration, ClaimKind.quantity, ClaimKind.percent):
        return _rewrite_measure(old, new, surface)
    return None


def with_unit_like(measure: str, like: str) -> str:
    """A measure with its unit written as another measure writes its unit: in small letters, and in full.

    Examples: "5 Minutes" like "2 hours" is "5 minutes", and "8 min" like "2 hours" is "8 minutes".
    """
    own, other = _UNIT.search(measure), _UNIT.search(like)
    if own is None or other is None:
        return measure
    unit = own["unit"]
    if other["unit"].islower() and unit.istitle() and len(unit) > 1:
        unit = unit.lower()
    full = _IN_FULL.get(unit.rstrip("s"))
    if full is not None and other["unit"].rstrip("s").lower() in _IN_FULL.values():
        unit = full if re.match(r"(?:1|one)\b(?!\s?[-\u2013])", measure) else f"{full}s"
    return measure[: own.start("unit")] + unit + measure[own.end("unit") :]


def _rewrite_date(old: str, new: str, surface: str) -> str | None:
    before, after = value_of(ClaimKind.date, old), value_of(ClaimKind.date, new)
    if not (isinstance(before, tuple) and isinstance(after, tuple)) or None in (*before[1:], *after[1:]):
        return None
    if (before[0] is None) is not (after[0] is None):
        return None
    parts = _DAY_AND_MONTH.fullmatch(surface)
    if parts is None:
        return None
    month, day = parts["month"], parts["day"]
    full = MONTHS[before[1] - 1]
    if (
        int(day) != before[2]
        or not full.startswith(month.rstrip("."))
        or ((parts["year"] or before[0]) != str(before[0]) and parts["year"])
    ):
        return None
    name = MONTHS[after[1] - 1]
    shown = name if month == full else name[: len(month.rstrip("."))] + ("." if month.endswith(".") else "")
    number = f"{after[2]}{ordinal(after[2])}" if parts["ordinal"] else f"{after[2]}"
    written = surface.replace(month, shown).replace(f"{day}{parts['ordinal'] or ''}", number, 1)
    return written.replace(str(before[0]), str(after[0])) if parts["year"] else written


def ordinal(day: int) -> str:
    """The letters behind the number of a day: "st" of "1st"."""
    return "th" if 10 < day < 14 else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")


def _rewrite_measure(old: str, new: str, surface: str) -> str | None:
    numbers, others, own = _WHOLE.findall(old), _WHOLE.findall(new), list(_NUMBER_TOKEN.finditer(surface))
    if not len(numbers) == len(others) == len(own):
        return None
    unit, other_unit = (_WHOLE.sub("", text).strip(" -") for text in (old, new))
    if unit.lower().removesuffix("s") != other_unit.lower().removesuffix("s") and (
        unit_of(unit) is None or unit_of(unit) != unit_of(other_unit)
    ):
        return None
    parts, at = [], 0
    for token, number, other in zip(own, numbers, others, strict=True):
        if token[0] == number:
            spelling = other
        elif number.isdigit() and other.isdigit() and token[0].lower() == number_word(int(number)):
            spelling = number_word(int(other))
            spelling = spelling.capitalize() if token[0][0].isupper() else spelling
        else:
            return None
        parts += [surface[at : token.start()], spelling]
        at = token.end()
    rest = surface[at:]
    if "-" not in rest[:1] and numbers[-1] != others[-1] and "1" in (numbers[-1], others[-1]):
        word = rest.rstrip()
        rest = word.removesuffix("s") if others[-1] == "1" else word if word.endswith("s") else f"{word}s"
    return "".join([*parts, rest])


def _write_money(text: str, like: str, value: tuple[Decimal, str]) -> str | None:
    style, own = MONEY.fullmatch(like), MONEY.fullmatch(text.strip())
    if style is None or own is None or value_of(ClaimKind.money, like) is None:
        return None
    digits = own["a"] or own["b"]
    return like[: style.start("a")] + digits if style["a"] else digits + like[style.end("b") :]


def _write_percent(text: str, like: str, value: tuple[Decimal, str]) -> str | None:
    style = IN_WORDS.percent.fullmatch(like)
    return f"{value[0]}{like[style.end('n') :]}" if style else None


def _write_date(text: str, like: str, value: tuple[int | None, int, int | None]) -> str | None:
    year, month, day = value
    if year is None or day is None:
        return None
    style = DATE.fullmatch(like)
    if style is None:
        return None
    if style["iso"]:
        return f"{year:04}-{month:02}-{day:02}"
    word = re.search(r"[A-Z][a-z]+", like)
    name = MONTHS[month - 1]
    if word and len(word[0]) <= 4 and word[0] not in MONTHS:
        name = name[:3]
    if style["dmy"]:
        return f"{day} {name} {year}"
    if style["mdy"]:
        return f"{name} {day}{',' if ',' in like else ''} {year}"
    return None


def _write_duration(text: str, like: str, value: tuple[Decimal, Decimal, str]) -> str | None:
    style, own = IN_WORDS.measure.fullmatch(like), IN_WORDS.measure.fullmatch(text.strip())
    if style is None or own is None:
        return None
    if style["hi"] and own["hi"]:
        between = like[style.end("lo") : style.start("hi")]
        return f"{own['lo']}{between}{own['hi']}{text.strip()[own.end('hi') :]}"
    if not style["hi"] and not own["hi"] and like[style.end("lo") : style.end("lo") + 1] == "-":
        return f"{own['lo']}-{own['unit'].removesuffix('s')}" if not own["day"] else None
    return None


_WRITERS: dict[ClaimKind, Callable[[str, str, Any], str | None]] = {
    ClaimKind.money: _write_money,
    ClaimKind.percent: _write_percent,
    ClaimKind.date: _write_date,
    ClaimKind.duration: _write_duration,
}
