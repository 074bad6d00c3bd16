"""Find the amounts that people say in words: "a fortnight", "half an hour", "two and a half thousand", "one in ten".

`texts.values` finds the values that a careful writer gives. Nobody is held to what is found here: it only says that an
amount may still stand in a text.
"""

import re
from collections.abc import Iterator
from decimal import Decimal

from forge_arena.texts.number_words import SMALL, TENS, number_word
from forge_arena.texts.values import value_of
from forge_arena.types import ClaimKind

_ONES = {word: Decimal(n) for n, word in enumerate(SMALL)} | {
    f"{ten}{ones}": Decimal(10 * n + m)
    for n, ten in enumerate(TENS, start=2)
    for m, ones in enumerate(("", *(f"-{number_word(m)}" for m in range(1, 10))))
}
_SCALES = {"dozen": Decimal(12), "hundred": Decimal(100), "thousand": Decimal(1000), "million": Decimal(10**6)}
_SMALL = "|".join(sorted(_ONES, key=len, reverse=True))
_NUMBER = re.compile(
    rf"(?<![\w.,/])(?:(?P<digits>\d[\d,]*(?:\.\d+)?)|(?P<word>{_SMALL}|a|half a)(?P<half> and a half)?)"
    rf"(?:[ -](?P<scale>{'|'.join(_SCALES)})s?)?(?![\w%])",
    re.IGNORECASE,
)
_FRACTIONS = {
    "half": 50, "third": 33, "quarter": 25, "fifth": 20, "sixth": 17, "eighth": 12, "tenth": 10, "twentieth": 5,
}  # fmt: skip
_FRACTION = re.compile(
    rf"\b(?P<count>{'|'.join(SMALL[1:10])}|a|an)[ -](?P<part>{'|'.join(list(_FRACTIONS)[1:])})s?\b|\b(?P<half>half)\b",
    re.IGNORECASE,
)
_OUT_OF = re.compile(
    rf"\b(?P<a>\d+|{_SMALL}) (?:(?:out )?of|in) (?:(?:every|each|the) )?(?P<b>\d+|{_SMALL}|hundred)\b", re.IGNORECASE
)
_TIMES = (
    (r"fortnight", "2 weeks"),
    (r"couple of (?P<unit>hour|day|week|month|year)s", "2 {unit}s"),
    (r"half(?: an?)? (?P<unit>hour)", "30 minutes"),
    (r"half(?: a)? (?P<unit>day)", "12 hours"),
    (r"half(?: a)? (?P<unit>year)", "6 months"),
    (r"half(?: a)? (?P<unit>minute)", "30 seconds"),
    (r"quarter of an hour", "15 minutes"),
    (r"three quarters of an hour", "45 minutes"),
    (r"hour and a half", "90 minutes"),
    (r"year and a half", "18 months"),
    (r"(?:an?|one|whole|full|next) (?P<unit>second|minute|hour|day|week|month|year)(?! and a half)", "1 {unit}s"),
    (r"(?P<unit>week|month|year)-?long", "1 {unit}s"),
)
_DURATIONS = tuple((re.compile(rf"\b{pattern}\b", re.IGNORECASE), written) for pattern, written in _TIMES)


def spoken_numbers(text: str) -> Iterator[tuple[Decimal, int, int]]:
    """Each number of a text, in digits or in words, with its place: 2500 of "two and a half thousand"."""
    for match in _NUMBER.finditer(text):
        scale = _SCALES[match["scale"].lower()] if match["scale"] else Decimal(1)
        if match["digits"]:
            yield Decimal(match["digits"].replace(",", "").rstrip(".")) * scale, *match.span()
            continue
        word = match["word"].lower()
        if word in ("a", "half a") and not match["scale"]:
            continue
        number = Decimal("0.5") if word == "half a" else Decimal(1) if word == "a" else _ONES[word]
        yield (number + (Decimal("0.5") if match["half"] else 0)) * scale, *match.span()


def spoken_shares(text: str) -> Iterator[tuple[Decimal, int, int]]:
    """Each share in words, as a percentage, with its place: 10 of "a tenth", 70 of "seven of every ten"."""
    for match in _FRACTION.finditer(text):
        count = 1 if match["half"] or match["count"].lower() in ("a", "an") else SMALL.index(match["count"].lower())
        yield Decimal(_FRACTIONS[(match["part"] or "half").lower()] * count), *match.span()
    for match in _OUT_OF.finditer(text):
        part, whole = (
            Decimal(n) if n.isdigit() else Decimal(100) if n == "hundred" else _ONES[n]
            for n in (match["a"].lower(), match["b"].lower())
        )
        if whole >= part and whole:
            yield part / whole * 100, *match.span()


def spoken_durations(text: str) -> Iterator[tuple[object, int, int]]:
    """Each period that has no number, by what it means, with its place: 2 weeks of "a fortnight"."""
    for pattern, written in _DURATIONS:
        for match in pattern.finditer(text):
            yield value_of(ClaimKind.duration, written.format(**match.groupdict())), *match.span()
