"""Other spellings of a value or a citation of a document, and wrong values and citations in its place."""

import re
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal
from functools import partial
from random import Random
from typing import Any

from forge_arena.texts.number_words import SMALL, TENS
from forge_arena.texts.respell import ordinal, respell
from forge_arena.texts.values import MONTHS, Mention, value_of
from forge_arena.types import ClaimKind

LONG_NUMBER = 4

_NUMBER = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)?")
_TENS = {word: 10 * n for n, word in enumerate(TENS, start=2)}
_NUMBERS = {word: n for n, word in enumerate((*SMALL, TENS[0]))} | _TENS
_NUMBER_WORD = re.compile(rf"\b(?:(?:{'|'.join(TENS)})-)?(?:{'|'.join(_NUMBERS)})\b(?!-)", re.IGNORECASE)
# "One hundred eighty (180)" is a number of several words with its digits.
_WITH_DIGITS = re.compile(
    rf"\b(?:(?:{'|'.join(SMALL)}|{'|'.join(TENS)}|hundred|thousand|and)[ -])*[a-z]+(?:-[a-z]+)? \((\d{{1,6}})\)",
    re.IGNORECASE,
)
_MONTH_AND_DAY = re.compile(r"(?P<month>[A-Z][a-z]{2,8})|(?P<day>\d{1,2})(?P<ordinal>st|nd|rd|th)?")
_HUNDREDS = re.compile(
    rf"\b(?P<hundreds>{'|'.join(SMALL[1:10])})[ -]hundred(?:(?: and)? (?P<rest>{_NUMBER_WORD.pattern}))?\b",
    re.IGNORECASE,
)
_ZERO = re.compile(r"0(?:\.0+)?")
_WHOLE_SHARE = Decimal(100)
_FIVE_MINUTES = 300
_YEAR = re.compile(r"(?:19|20)\d\d")
# How far a year is moved in the place of a number that is scaled by a factor.
_YEARS_AWAY = {"3": 3, "4": 4, "0.25": -4, "1.5": 1, "2": 2, "0.5": -1}
# A number that is a multiple of one of these, the first that fits, becomes a multiple of it, or of the step beside it.
_ROUND = (1_000_000, 100_000, 10_000, 1_000, 100, 5)
_STEPS = {1_000_000: 250_000, 100_000: 25_000, 10_000: 2_500, 1_000: 250, 100: 25}
_ROUND_TIMES = {
    "minute": (60, 15, 5),
    "min": (60, 15, 5),
    "second": (60, 15, 5),
    "hour": (24, 12, 5),
    "day": (30, 7, 5),
}


def spellings(kind: ClaimKind, surface: str) -> tuple[str, ...]:
    """The spellings of a value or a citation, its own first.

    Examples: the identifier "#R-12" is also "R-12", and the citation "Sec. 3" is also "section 3". Every other value
    has one spelling here, because such values are compared by value.
    """
    forms = [surface]
    if kind is ClaimKind.identifier:
        forms += _identifier_spellings(surface)
    if kind is ClaimKind.citation:
        forms += _citation_spellings(surface)
    by_letters: dict[str, str] = {}
    for form in forms:
        by_letters.setdefault(form.lower(), form)
    return tuple(by_letters.values())


def _identifier_spellings(surface: str) -> list[str]:
    bare = re.sub(r"^(?:#|v(?=\d)|version )", "", surface, flags=re.IGNORECASE)
    if not re.fullmatch(r"\d+(?:\.\d+)*", bare):
        return [bare, f"#{bare}"]
    # A whole number without a mark is a count, not a version.
    return [f"v{bare}", f"version {bare}", *([bare] if "." in bare else [])]


def _citation_spellings(surface: str) -> list[str]:
    section = re.fullmatch(r"(?i:sections?|sec\.|§§?) ?(\d.*)", surface)
    forms = [] if section is None else [f"{word}{section[1]}" for word in ("section ", "sec. ", "§ ", "§")]
    return [*forms, surface.replace(" v. ", " v "), surface.replace(" v ", " v. ")]


def number_in_digits(value: str) -> str:
    """ "three weeks" and "three (3) weeks" become "3 weeks"; a value with other digits stays as it is."""
    value = _WITH_DIGITS.sub(r"\1", value)
    if any(c.isdigit() for c in value):
        return value
    return _NUMBER_WORD.sub(_in_digits, _HUNDREDS.sub(_hundreds_in_digits, value))


def _hundreds_in_digits(match: re.Match[str]) -> str:
    rest = 0 if match["rest"] is None else int(_NUMBER_WORD.sub(_in_digits, match["rest"]))
    return str(100 * _NUMBERS[match["hundreds"].lower()] + rest)


def _in_digits(match: re.Match[str]) -> str:
    tens, _, ones = match[0].lower().rpartition("-")
    return str(_TENS.get(tens, 0) + _NUMBERS[ones])


def are_comparable(a: Mention, b: Mention) -> bool:
    """Whether two values of a kind could be mistaken for each other: they have the same unit or currency.

    Nobody mistakes a walk of 8 minutes for the 45 minutes before closing, because only one of them is a round time.
    """
    if not (isinstance(a.value, tuple) and isinstance(b.value, tuple)) or a.kind is ClaimKind.date:
        return True
    if a.kind is ClaimKind.duration and a.value[-1] == b.value[-1] == "second":
        rounds = [value[0] % _FIVE_MINUTES == 0 for value in (a.value, b.value)]
        return bool(rounds[0] == rounds[1] or max(a.value[0], b.value[0]) < 3 * _FIVE_MINUTES)
    return bool(a.value[-1] == b.value[-1])


def wrong_values(mention: Mention, surface: str, rng: Random) -> Iterator[tuple[int, str]]:
    """(stealth, wrong value) in the spelling of the right value: far from the right value at stealth 0, near it at 1.

    Of each stealth there may be several, the first one first.

    Example: for "5 days", (0, "15 days"), (0, "20 days"), (1, "10 days") and others.
    """
    value = mention.value
    if mention.kind is ClaimKind.date and isinstance(value, tuple) and len(value) == 3:
        yield from _wrong_dates(value, surface, rng)
        return
    surface = number_in_digits(surface)
    if mention.kind in (ClaimKind.money, ClaimKind.percent) and _ZERO.fullmatch("".join(_NUMBER.findall(surface))):
        yield from _wrong_zeros(surface, rng)
        return
    digits = [place for place, character in enumerate(surface) if character.isdigit()]
    if mention.kind is ClaimKind.identifier and len(digits) >= LONG_NUMBER:
        # A longer or shorter number would be seen at once.
        yield 0, _with_other_digits(surface, rng.sample(digits[1:], len(digits) // 2), rng)
        yield 1, _with_other_digits(surface, [rng.choice(digits[1:])], rng)
        return
    yield from _wrong_numbers(surface, rng, has_years=mention.kind is ClaimKind.term)


def _with_other_digits(surface: str, places: Sequence[int], rng: Random) -> str:
    for at in places:
        surface = f"{surface[:at]}{(int(surface[at]) + rng.randint(1, 9)) % 10}{surface[at + 1 :]}"
    return surface


def _wrong_dates(value: tuple[Any, ...], surface: str, rng: Random) -> Iterator[tuple[int, str]]:
    year, month, day = value
    if year is None:
        yield from _wrong_days(month, day, surface, rng)
        return
    for stealth, years, days in ((0, rng.choice((-9, -7, -5)), 0), (1, rng.choice((-1, 1)), rng.randint(5, 40))):
        if day is None:
            yield stealth, surface.replace(str(year), str(year + years))
            continue
        try:
            other = date(year + years, month, min(day, 28)) + timedelta(days=days)
        except (ValueError, OverflowError):
            continue
        yield stealth, respell(other.isoformat(), surface, ClaimKind.date)


def _wrong_days(month: int, day: int, surface: str, rng: Random) -> Iterator[tuple[int, str]]:
    """Other days of the year, months away at stealth 0 and days away at 1: "July 29" for "July 22"."""
    # A leap year knows every day. A day beyond its ends would be one of another year.
    own = date(2000, month, day)
    for stealth, steps in ((0, (61, 92, -61, -92)), (1, (7, 14, -7, -14))):
        for step in rng.sample(steps, len(steps)):
            other = own + timedelta(days=step)
            if other.year == own.year:
                yield stealth, _MONTH_AND_DAY.sub(partial(_as_day, other), surface)


def _as_day(day: date, match: re.Match[str]) -> str:
    """The month or the number of a day, written as the match writes it."""
    if match["month"]:
        name = MONTHS[day.month - 1]
        return name if match["month"] in MONTHS and len(match["month"]) > 3 else name[:3]
    return f"{day.day}{ordinal(day.day) if match['ordinal'] else ''}"


def _wrong_zeros(surface: str, rng: Random) -> Iterator[tuple[int, str]]:
    """What is free, or is nought, costs something: much at stealth 0, little at 1."""
    for stealth, numbers in ((0, (45, 60, 75)), (1, (5, 10, 15))):
        number = rng.choice(numbers)
        yield stealth, _NUMBER.sub(lambda match: f"{number}{match[0][1:]}", surface)  # noqa: B023  (used at once)


def _wrong_numbers(surface: str, rng: Random, *, has_years: bool) -> Iterator[tuple[int, str]]:
    unit = re.search(r"([a-z]+?)s?$", surface.lower())
    steps = _ROUND_TIMES.get(unit[1], _ROUND) if unit is not None else _ROUND
    for stealth, factors in ((0, ("3", "4", "0.25")), (1, ("1.5", "2", "0.5"))):
        # Scaled down and rounded, the ends of a range could change places.
        is_range = len(_NUMBER.findall(surface)) > 1
        usable = [f for f in factors if not (is_range and f.startswith("0"))]
        for factor in rng.sample(usable, len(usable)):
            text = _NUMBER.sub(partial(_scale, factor=Decimal(factor), has_years=has_years, steps=steps), surface)
            if re.match(r"1 [a-z ]*[a-rt-z]$", surface):
                text += "s"
            if text != surface and not (_share(surface) <= _WHOLE_SHARE < _share(text)):
                yield stealth, text


def _share(text: str) -> Decimal:
    """A percentage; 0 for any other value. No more than 100% of anything stands beside a share of at most 100%."""
    value = value_of(ClaimKind.percent, text)
    return value[0] if isinstance(value, tuple) else Decimal(0)


def _scale(match: re.Match[str], factor: Decimal, has_years: bool, steps: tuple[int, ...]) -> str:
    number = match[0]
    value = Decimal(number.replace(",", ""))
    if not value:
        # A range from nothing begins with nothing.
        return number
    if has_years and _YEAR.fullmatch(number):
        return str(value + _YEARS_AWAY[str(factor)])
    places = max(0, -int(value.as_tuple().exponent))
    scaled = (value * factor).quantize(Decimal(1).scaleb(-places))
    if not places:
        scaled = _as_round(value, value * factor, steps)
    if scaled in (value, 0, 1):
        scaled = value + Decimal(1).scaleb(-places) * (_step(value, steps) if not places else 1)
    return f"{scaled:,}" if "," in number else f"{scaled}"


def _as_round(value: Decimal, scaled: Decimal, steps: tuple[int, ...]) -> Decimal:
    """A scaled number that is as round as the number was: 45 minutes become 15, and no 11."""
    step = _step(value, steps)
    if scaled < step and step % 5 == 0:
        step = 5
    return max((scaled / step).to_integral_value() * step, Decimal(step if step > 1 else 0))


def _step(value: Decimal, steps: tuple[int, ...]) -> int:
    """Of what a wrong number is a multiple, because the number is one of that or of more."""
    multiple = next((multiple for multiple in steps if value % multiple == 0), 1)
    return _STEPS.get(multiple, multiple)


def unknown_citations(citation: str, known: set[str], rng: Random) -> list[str]:
    """Citations of the same form with numbers that the document does not have: "section 3" becomes "section 19"."""
    numbers = list(re.finditer(r"\d+", citation))
    if not numbers:
        return []
    last = numbers[-1]
    # "Section 28" is no section of a document whose sections have one digit, as everybody sees.
    far = 3 * len(last[0]) ** 2
    steps = (rng.randint(far, 2 * far), rng.randint(1, max(1, far // 3)))
    citations = [f"{citation[: last.start()]}{int(last[0]) + step}{citation[last.end() :]}" for step in steps]
    return [other for other in citations if other not in known]
