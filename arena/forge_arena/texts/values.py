"""Find the values that a text states, and compare them by what they mean, not by how they are spelled.

Regular expressions that cannot backtrack far find the candidates. price-parser reads amounts, and text2num reads number
words. The parts of a date come from the pattern itself, because a general parser would cost more than all the rest.
Everything is linear in the text and never raises.
"""

import re
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import NamedTuple

from price_parser import Price
from text_to_num import text2num

from forge_arena.texts.emphasis import has_emphasis, shown
from forge_arena.texts.number_words import SMALL, TENS
from forge_arena.types import ClaimKind

MAX_SENTENCE = 4_000

# The kinds whose values have a parser here.
_PARSED = frozenset(
    {
        *(ClaimKind.money, ClaimKind.date, ClaimKind.citation, ClaimKind.identifier, ClaimKind.percent),
        *(ClaimKind.duration, ClaimKind.quantity),
    }
)


class Mention(NamedTuple):
    """A value at `start` to `end` of a text. Mentions of the same kind and value mean the same."""

    kind: ClaimKind
    value: Hashable
    start: int
    end: int


MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November"),
    "December",
)
_MONTH = r"(?:" + "|".join(rf"{m[:3]}(?:{m[3:]})?" if len(m) > 3 else m for m in MONTHS) + r"|Sept)\b\.?"
_FROM_ONE = SMALL[1:]
_BELOW_HUNDRED = rf"(?:{'|'.join(TENS)})(?:-(?:{'|'.join(_FROM_ONE[:9])}))?|{'|'.join(reversed(_FROM_ONE))}"
_HUNDREDS = rf"(?:{'|'.join(_FROM_ONE[:9])})[ -]hundred\b"
_NUMBER_WORD = rf"(?:{_HUNDREDS}(?:(?: and)? (?:{_BELOW_HUNDRED})\b)?|{_BELOW_HUNDRED}|hundred)"
_DIGITS = r"\d\d{0,14}(?:[,.]\d{1,15}){0,6}"
_SPELLED = rf"(?:{_DIGITS}|{_NUMBER_WORD}\b(?: \(\d{{1,6}}\))?)"
# A number word has a capital letter where a sentence begins, and in contracts before its digits: "Ten (10) days".
_CAPITALISED = rf"(?:(?:^|(?<=[\"'\u201c\u2018*_])|(?<=[-*\u2022.:!?_] ))(?i:{_NUMBER_WORD})\b|(?i:{_NUMBER_WORD})(?= \(\d))(?: \(\d{{1,6}}\))?"

_TIME_UNITS: dict[str, tuple[str, int]] = {
    "second": ("second", 1),
    "sec": ("second", 1),
    "minute": ("second", 60),
    "min": ("second", 60),
    "hour": ("second", 3_600),
    "hr": ("second", 3_600),
    "day": ("day", 1),
    "week": ("day", 7),
    "fortnight": ("day", 14),
    "month": ("month", 1),
    "quarter": ("month", 3),
    "year": ("month", 12),
    "yr": ("month", 12),
}
_QUANTITIES: dict[str, tuple[str, str]] = {
    "kg": ("g", "1000"), "kilogram": ("g", "1000"), "kilo": ("g", "1000"), "g": ("g", "1"), "gram": ("g", "1"),
    "lb": ("lb", "1"), "pound": ("lb", "1"), "oz": ("oz", "1"), "ounce": ("oz", "1"), "tonne": ("g", "1000000"),
    "km": ("m", "1000"), "kilometre": ("m", "1000"), "kilometer": ("m", "1000"), "m": ("m", "1"), "metre": ("m", "1"),
    "meter": ("m", "1"), "cm": ("m", "0.01"), "centimetre": ("m", "0.01"), "mm": ("m", "0.001"),
    "millimetre": ("m", "0.001"), "mile": ("mile", "1"), "mi": ("mile", "1"), "inch": ("inch", "1"),
    "ft": ("foot", "1"), "kw": ("w", "1000"), "w": ("w", "1"), "watt": ("w", "1"), "kilowatt": ("w", "1000"),
    "kwh": ("wh", "1000"), "wh": ("wh", "1"), "mah": ("mah", "1"), "ah": ("mah", "1000"),
    "terabyte": ("mb", "1000000"), "gigabyte": ("mb", "1000"), "megabyte": ("mb", "1"), "kilobyte": ("mb", "0.001"),
    "kilowatt-hour": ("wh", "1000"), "decibel": ("db", "1"), "megahertz": ("hz", "1000000"),
    "tb": ("mb", "1000000"), "gb": ("mb", "1000"), "mb": ("mb", "1"), "kb": ("mb", "0.001"), "gib": ("mib", "1024"),
    "mib": ("mib", "1"), "tib": ("mib", "1048576"), "mbps": ("mbps", "1"), "gbps": ("mbps", "1000"),
    "ghz": ("hz", "1000000000"), "mhz": ("hz", "1000000"), "khz": ("hz", "1000"), "hz": ("hz", "1"),
    "db": ("db", "1"), "dba": ("dba", "1"), "db(a)": ("dba", "1"), "l": ("l", "1"), "litre": ("l", "1"),
    "liter": ("l", "1"), "ml": ("l", "0.001"), "mpg": ("mpg", "1"), "lumen": ("lumen", "1"), "nit": ("nit", "1"),
    "rpm": ("rpm", "1"), "bar": ("bar", "1"), "mp": ("megapixel", "1"), "megapixel": ("megapixel", "1"),
    "ms": ("ms", "1"), "v": ("v", "1"), "volt": ("v", "1"), "dpi": ("dpi", "1"), "ppm": ("ppm", "1"), "°c": ("°c", "1"),
    "page": ("page", "1"), "word": ("word", "1"), "character": ("character", "1"), "line": ("line", "1"),
    "item": ("item", "1"), "seat": ("seat", "1"), "user": ("user", "1"), "port": ("port", "1"), "person": ("person", "1"),
    "people": ("person", "1"), "licence": ("licence", "1"), "license": ("licence", "1"), "copy": ("copy", "1"),
    "copies": ("copy", "1"), "request": ("request", "1"), "row": ("row", "1"), "attempt": ("attempt", "1"),
    "retry": ("retry", "1"), "retries": ("retry", "1"), "instalment": ("instalment", "1"), "share": ("share", "1"),
    "star": ("star", "1"), "point": ("point", "1"), "night": ("night", "1"), "guest": ("guest", "1"), "bag": ("bag", "1"),
    "employee": ("employee", "1"), "connection": ("connection", "1"), "thread": ("thread", "1"), "byte": ("byte", "1"),
    "sheet": ("sheet", "1"), "cup": ("cup", "1"), "speed": ("speed", "1"), "gear": ("gear", "1"),
}  # fmt: skip
# People count such things in passing ("one point", "two items"), so a source need not state the count.
COUNTED = frozenset(
    {"page", "word", "character", "line", "item", "user", "person", "copy", "request", "row", "attempt", "point"}
)
# Units that are things, and no measure of anything.
COUNT_NOUNS = COUNTED | frozenset(
    {
        "seat",
        "port",
        "licence",
        "retry",
        "instalment",
        "share",
        "star",
        "night",
        "guest",
        "bag",
        "employee",
        "connection",
    }
    | {"thread", "sheet", "cup", "speed", "gear"}
)
_CURRENCIES = {
    "$": "USD", "us$": "USD", "usd": "USD", "dollar": "USD", "€": "EUR", "eur": "EUR", "euro": "EUR", "£": "GBP",
    "gbp": "GBP", "pounds sterling": "GBP", "¥": "JPY", "jpy": "JPY", "cent": "USD cents", "chf": "CHF", "cad": "CAD",
}  # fmt: skip
_SCALES = {"million": 10**6, "billion": 10**9, "m": 10**6, "bn": 10**9, "k": 10**3}

_CITED = (
    r"sections?|sec\.|§§?|clauses?|articles?|art\.|paragraphs?|paras?\.?|schedules?|appendix|exhibits?|annex|rules?"
    r"|chapters?|regulations?|standing orders?|guidelines?|pep|rfc|iso(?:/iec)?|iec|en|din|astm|ansi|ieee|adr|gh|issue"
    r"|pr|bpo|ul"
)


def _in_any_case(words: str) -> str:
    """A pattern for words in any case, by their first letters: most words of a text begin with another letter."""
    rests: dict[str, list[str]] = {}
    for word in words.split("|"):
        rests.setdefault(word[0], []).append(word[1:])
    # The letters that Python takes for an s and for an i if case does not count.
    other_letters = {"s": "\u017f", "i": "\u0130\u0131"}
    return "|".join(
        f"[{first.upper()}{first}{other_letters.get(first, '')}](?i:{'|'.join(rest)})" for first, rest in rests.items()
    )


_CITED_BY_WORD = (
    rf"(?P<word>(?:{_in_any_case(_CITED)}))(?:[ -]|\b(?=\d)|(?<=§)) ?#?"
    rf"(?P<number>\d{{1,3}}(?:[a-z]\d{{1,3}}){{1,2}}[a-z]?(?![\w%])|\d{{1,6}}[A-Za-z]?(?:[.:-]\d{{1,6}}){{0,4}}"
    r"(?:\([A-Za-z0-9]{1,4}\)){0,3}(?![\d%])|(?<=[ ])[A-Z](?![\w']))"
)
_CITED_BY_NAME = (
    r"(?P<cve>CVE-\d{4}-\d{3,7})"
    r"|(?P<code>\d{1,3} (?:CFR|U\.S\.C\.|USC)(?: §)? ?\d{1,5}(?:\.\d{1,4})?)"
    r"|(?P<act>(?:[A-Z][\w'&-]{1,30} (?:(?:and|of|for|on) )?){1,6}(?:Act|Regulations?|Directive|Order|Code|Rules|Ordinance)"
    r" (?:\d{4}/\d{1,4}|\d{4}))"
    r"|(?P<case>[A-Z][\w'&-]{1,30}(?: [A-Z][\w'&-]{0,30}){0,3} v\.? [A-Z][\w'&-]{1,30}(?: [A-Z][\w'&-]{1,30}){0,3}"
    r"(?: [\[(]\d{4}[\])])?)"
)
_CITATION = re.compile(rf"(?<![\w-])(?:{_CITED_BY_WORD}|{_CITED_BY_NAME})")
# Most texts cite by words alone: nothing in them is a part of such a name.
_CITATION_BY_WORD = re.compile(rf"(?<![\w-]){_CITED_BY_WORD}")
_IN_NAMES = (
    *("CVE-", "CFR", "U.S.C.", "USC", " v ", " v. "),
    *("Act ", "Regulation", "Directive ", "Order ", "Code ", "Rules ", "Ordinance "),
)
# What follows the word "I", and no number I.
_SPEAKER = re.compile(r"['\u2019]| (?:[a-z]+ly )?(?:have|had|am|can|do|did|would|could|was|see|[a-z]{3,}ed)\b")
_IDENTIFIER = re.compile(
    r"(?<![\w.-])#?(?:[A-Z]{1,6}\d{0,4}-\d[\dA-Z]{0,15}(?:-[\dA-Z]{1,12}){0,4}|[A-Z]{1,6}-[A-Z]{1,4}\d{1,8}"
    r"|[A-Z]{2,5}\d{2,10}[A-Z]{0,3}|\d{1,6}-[A-Z]{1,3}|v?\d{1,4}(?:\.\d{1,5}){2,4}"
    r"|v\d{1,4}(?:\.\d{1,5})?)(?![\w%]|\.\d)"
    r"|(?i:\bversion )\d{1,4}(?:\.\d{1,5}){0,3}"
)
_HASHED = re.compile(r"#[A-Z]?\d{3,12}\b")
# What each identifier has at one of its digits, and each date at a digit or a month. A pattern that begins with one of a few
# characters is fast, and most sentences need no further look.
_MAY_IDENTIFY = re.compile(r"\d(?:(?<=[A-Zv#-]\d)|(?<=(?i:version )\d)|-[A-Z]|\.\d{1,5}\.\d)")
_MAY_DATE = re.compile(r"[\dJFMASOND](?:(?<=\d)[-/]\d|(?<=\D)(?:an|eb|ar|pr|ay|un|ul|ug|ep|ct|ov|ec))")
MONEY = re.compile(
    rf"(?P<sign>(?i:US\$|USD ?|EUR ?|GBP ?|CHF ?|CAD ?|JPY ?)|[$€£¥] ?)(?P<a>{_DIGITS})(?: ?(?P<scale>million|billion|bn|[mk])\b)?"
    rf"|(?P<b>{_DIGITS})(?: (?P<scale2>million|billion))? ?(?P<name>(?i:USD|EUR|GBP|CHF|CAD|JPY|€|£|dollars?|euros?|pounds sterling|cents?))(?!\w)"
)


@dataclass(frozen=True, slots=True)
class _Patterns:
    """The patterns for one way of writing numbers: in digits alone, which is fast, or in words as well."""

    percent: re.Pattern[str]
    measure: re.Pattern[str]


def _patterns(n: str, first: str) -> _Patterns:
    """The patterns for numbers that are written as `n`, and as `first` where nothing may stand before them."""
    return _Patterns(
        percent=re.compile(rf"(?P<n>{n}) ?(?P<sign>%|(?i:percentage points?|per ?cent\b))"),
        # Any word may be the unit here. The tables of units decide.
        measure=re.compile(
            rf"(?P<lo>{first})(?:(?: to | ?[-\u2013] ?| and | or )(?P<hi>{n}))?[ -]?"
            r"(?:(?P<day>(?i:business|working|calendar|consecutive|clear|full))[ -])?"
            r"(?P<unit>[A-Za-z°][A-Za-z]{0,13}(?:\(A\))?)(?![\w/])"
        ),
    )


# What may not stand before a number is looked for behind its first digit, because a pattern that begins with a digit is fast.
_IN_DIGITS = _patterns(_DIGITS, _DIGITS.replace(r"\d", r"\d(?<![\w.,$€£-]\d)", 1))
IN_WORDS = _patterns(rf"(?:{_SPELLED}|\b{_CAPITALISED})", rf"(?<![\w.,$€£-])(?:{_SPELLED}|{_CAPITALISED})")
_NUMBER_WORDS = frozenset({*_FROM_ONE, *TENS, "hundred"})
_AROUND_WORDS = "-(\"'\u201c\u2018*_"
_MONEY_STEMS = ("$", "€", "£", "¥", "USD", "EUR", "GBP", "CHF", "CAD", "JPY", "dollar", "euro", "pounds", "cent")
DATE = re.compile(
    rf"\b(?:(?P<iso>\d{{4}}-\d{{2}}-\d{{2}})(?:T[\d:]{{4,8}}Z?)?|(?P<dmy>\d{{1,2}}(?:st|nd|rd|th)?(?: of)? {_MONTH},? \d{{4}})"
    rf"|(?P<mdy>{_MONTH} \d{{1,2}}(?:st|nd|rd|th)?,? \d{{4}})|(?P<slash>\d{{1,2}}/\d{{1,2}}/\d{{4}})"
    rf"|(?P<my>{_MONTH} \d{{4}})|(?P<dm>\d{{1,2}}(?:st|nd|rd|th)?(?: of)? {_MONTH}|{_MONTH} \d{{1,2}}(?:st|nd|rd|th)?(?!\w)))"
)
_DIGIT = re.compile(r"\d")
_DAY = 86_400
_BUSINESS = frozenset({"business", "working"})
_CITED_WITHOUT_NUMBER = (" v", "ppendi", "xhibit", "nnex", "chedule")
_CITED_NORMAL = {"§": "section", "§§": "section", "sec.": "section", "art.": "article", "iso/iec": "iso"}


def mentions(text: str) -> tuple[Mention, ...]:
    """The values in a text, by start. No two overlap, and a bare number is no mention."""
    if len(text) <= MAX_SENTENCE:
        return _mentions(text)
    return tuple(
        Mention(m.kind, m.value, m.start + at, m.end + at)
        for at in range(0, len(text), MAX_SENTENCE)
        for m in _mentions(text[at : at + MAX_SENTENCE])
    )


@lru_cache(maxsize=16_384)
def _mentions(text: str) -> tuple[Mention, ...]:
    if not has_emphasis(text) or not (seen := shown(text)).pairs:
        return _plain_mentions(text)
    # A page shows "**3** ounces" as "3 ounces".
    return tuple(
        Mention(mention.kind, mention.value, *seen.place_of(mention.start, mention.end))
        for mention in _plain_mentions(seen.text)
    )


def _plain_mentions(text: str) -> tuple[Mention, ...]:
    numbers = _patterns_for(text)
    if numbers is None and not _may_cite_without_number(text):
        return ()
    mentions: list[Mention] = []
    for find in _FINDERS:
        for mention in find(text, numbers):
            if mention.value is not None and not any(
                other.start < mention.end and mention.start < other.end for other in mentions
            ):
                mentions.append(mention)
    mentions.sort(key=lambda mention: mention.start)
    return tuple(mentions)


@lru_cache(maxsize=65_536)
def value_of(kind: ClaimKind, text: str) -> Hashable | None:
    """What one spelled value means.

    For a kind without a parser that is the text itself, case and outer space aside. None if `text` is no value of a
    kind that has a parser.
    """
    if kind not in _PARSED:
        return text.strip().casefold()
    for mention in mentions(text):
        if mention.kind is kind:
            return mention.value
    return text.strip().casefold() if kind in (ClaimKind.identifier, ClaimKind.citation) else None


def unit_of(word: str) -> tuple[str, str] | None:
    """What a unit means, whatever its case, number or short form: "Minutes" and "min" mean the same; None for no unit."""
    name = word.lower()
    for unit in (name, name.removesuffix("s")):
        known = _TIME_UNITS.get(unit) or _QUANTITIES.get(unit)
        if known is not None:
            return known[0], str(known[1])
    return None


def same_amount(value: Hashable) -> Hashable:
    """A value in the unit in which equal amounts are equal: 48 hours are 2 days. Other values stay as they are."""
    if isinstance(value, tuple) and len(value) == 3 and value[2] == "second":
        low, high, _ = value
        if low % _DAY == 0 and high % _DAY == 0:
            return (low / _DAY, high / _DAY, "day")
    return value


@lru_cache(maxsize=4_096)
def _number(text: str) -> Decimal | None:
    text = text.strip().lower()
    if "(" in text:
        text = text[text.index("(") + 1 :].rstrip(")")
    if text[:1].isdigit():
        text = text.replace(",", "") if re.fullmatch(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?", text) else text
        try:
            return Decimal(text)
        except InvalidOperation:
            return None
    try:
        return Decimal(text2num("one hundred" if text == "hundred" else text, "en"))
    except ValueError:
        return None


def _patterns_for(text: str) -> _Patterns | None:
    """The patterns that this text needs; None if it has no number at all."""
    words = text.lower()
    for mark in _AROUND_WORDS:
        words = words.replace(mark, " ")
    if not _NUMBER_WORDS.isdisjoint(words.split()):
        return IN_WORDS
    return _IN_DIGITS if _DIGIT.search(text) else None


def _may_cite_without_number(text: str) -> bool:
    return any(map(text.__contains__, _CITED_WITHOUT_NUMBER))


def _has_money(text: str) -> bool:
    return any(map(text.__contains__, _MONEY_STEMS))


def _citations(text: str, numbers: _Patterns | None) -> Iterator[Mention]:
    pattern = _CITATION if any(map(text.__contains__, _IN_NAMES)) else _CITATION_BY_WORD
    for m in pattern.finditer(text):
        if m["word"] and m[0].endswith(" I") and _SPEAKER.match(text, m.end()):
            # "The rules I have" cites nothing.
            continue
        if m["word"]:
            word = m["word"].lower().rstrip(".")
            word = _CITED_NORMAL.get(m["word"].lower(), word.removesuffix("s") if len(word) > 3 else word)
            value: Hashable = ({"para": "paragraph"}.get(word, word), m["number"].lower())
        else:
            value = ("", re.sub(r"\s+", " ", m[0].replace(" v. ", " v ")).casefold().removeprefix("the "))
        start, end = m.span()
        if m[0].startswith("The ") and m["act"]:
            start += 4
        yield Mention(ClaimKind.citation, value, start, end)


def _identifiers(text: str, numbers: _Patterns | None) -> Iterator[Mention]:
    if numbers is None or not _MAY_IDENTIFY.search(text):
        return
    for pattern in (_IDENTIFIER, _HASHED):
        for m in pattern.finditer(text):
            yield Mention(
                ClaimKind.identifier, m[0].lower().lstrip("#").removeprefix("version ").lstrip("v"), *m.span()
            )


@lru_cache(maxsize=4_096)
def _amount(digits: str) -> Decimal | None:
    amount: Decimal | None = Price.fromstring(digits).amount
    return amount


def _amounts(text: str, numbers: _Patterns | None) -> Iterator[Mention]:
    if numbers is None or not _has_money(text):
        return
    for m in MONEY.finditer(text):
        amount = _amount(m["a"] or m["b"])
        name = (m["sign"] or m["name"]).strip().lower()
        currency = _CURRENCIES.get(name) or _CURRENCIES.get(name.removesuffix("s"))
        scale = _SCALES.get((m["scale"] or m["scale2"] or "").lower(), 1)
        if amount is not None and currency is not None:
            yield Mention(ClaimKind.money, (amount * scale, currency), *m.span())


def _percents(text: str, numbers: _Patterns | None) -> Iterator[Mention]:
    if numbers is None or not ("%" in text or "cent" in text):
        return
    for m in numbers.percent.finditer(text):
        unit = "points" if "point" in m["sign"].lower() else "%"
        number = _number(m["n"])
        yield Mention(ClaimKind.percent, None if number is None else (number, unit), *m.span())


def _dates(text: str, numbers: _Patterns | None) -> Iterator[Mention]:
    if numbers is not None and _MAY_DATE.search(text):
        for m in DATE.finditer(text):
            yield Mention(ClaimKind.date, _day(m[0]), *m.span())


@lru_cache(maxsize=8_192)
def _day(text: str) -> Hashable | None:
    """(year, month, day) of a date as the pattern finds it; None for impossible days and for any other text."""
    m = DATE.fullmatch(text)
    if m is None:
        return None
    try:
        if m["iso"]:
            day = date.fromisoformat(m["iso"])
        elif m["slash"]:
            first, second, year = (int(part) for part in m["slash"].split("/"))
            if first <= 12 and second <= 12 and first != second:
                return ("ambiguous", first, second, year)
            day = date(year, second, first) if first > 12 or first == second else date(year, first, second)
        else:
            numbers = [int(number) for number in re.findall(r"\d+", text)]
            month = next(n for n, name in enumerate(MONTHS, start=1) if name[:3] in text)
            if m["my"]:
                return (numbers[0], month, None)
            if m["dm"]:
                return (None, month, date(2000, month, numbers[0]).day)
            day = date(max(numbers), month, min(numbers))
    except ValueError:
        return None
    return (day.year, day.month, day.day)


def _bounds(m: re.Match[str]) -> tuple[Decimal, Decimal] | None:
    low = _number(m["lo"])
    high = _number(m["hi"]) if m["hi"] else low
    return None if low is None or high is None else (low, high)


def _measures(text: str, numbers: _Patterns | None) -> Iterator[Mention]:
    """Durations, and quantities of anything else."""
    for m in numbers.measure.finditer(text) if numbers else ():
        name = m["unit"].lower()
        time = _TIME_UNITS.get(name) or _TIME_UNITS.get(name.removesuffix("s"))
        quantity = _QUANTITIES.get(name) or _QUANTITIES.get(name.removesuffix("s"))
        if (time is None and (quantity is None or m["day"])) or (bounds := _bounds(m)) is None:
            continue
        if time is not None:
            unit, factor = f"business {time[0]}" if (m["day"] or "").lower() in _BUSINESS else time[0], Decimal(time[1])
            kind = ClaimKind.duration
        elif quantity is not None:
            unit, factor, kind = quantity[0], Decimal(quantity[1]), ClaimKind.quantity
        if bounds[0] > bounds[1]:
            # "in 2025 to 231 users" is no range.
            yield Mention(kind, (bounds[1] * factor, bounds[1] * factor, unit), m.start("hi"), m.end())
        else:
            yield Mention(kind, (bounds[0] * factor, bounds[1] * factor, unit), *m.span())


_FINDERS: tuple[Callable[[str, _Patterns | None], Iterator[Mention]], ...] = (
    _amounts,
    _dates,
    _citations,
    _identifiers,
    _percents,
    _measures,
)
