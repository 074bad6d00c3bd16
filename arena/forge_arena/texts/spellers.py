"""Spell all values of a kind in a text in another way: "5 March 2026" as "March 5, 2026", "6 days" as "six days".

Each way has its way back, so neither becomes more frequent. The two ends of a range are spelled alike, so "4 to 6 days"
becomes "four to six days", and "4 to 60 days" stays.

Who edits an answer keeps to a spelling that the answer or its source has (`writes_alike`). An author who reads "10%" in
the source does not write "10 percent".
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from forge_arena.texts.fitting import Replacement
from forge_arena.texts.number_words import SMALL, TENS, number_word
from forge_arena.texts.values import MONTHS
from forge_arena.types import ClaimKind

_MONTHS = "|".join(MONTHS)
_LARGEST = 12
# No beginning of a range is longer.
_LONGEST = 40
_WORDS = {str(n): number_word(n) for n in range(2, _LARGEST + 1)} | {
    number_word(n): str(n) for n in range(2, _LARGEST + 1)
}
_DIGITS = rf"(?:[2-9]|1[0-{_LARGEST % 10}])"
_IN_WORDS = rf"(?:{'|'.join(number_word(n) for n in range(2, _LARGEST + 1))})"
_UNIT = r" (?:(?:business|working|calendar) )?(?:seconds|minutes|hours|days|weeks|months|years)\b"
_JOINT = r" (?:to|or|and) "
_ANY = rf"(?:\d|(?:{'|'.join((*SMALL, *TENS))})\b)"
# The beginning of a range or of a list of numbers: "1-", "one to", "3rd and", "1 week to", "4, ".
_BEGINNING = re.compile(
    rf"(?:\d(?:st|nd|rd|th)?|\b(?:{'|'.join((*SMALL, *TENS))}))(?:[ -](?:(?:business|working|calendar) )?"
    rf"(?:second|minute|hour|day|week|month|year)s?)?(?:{_JOINT}|, | ?[-\u2013\u2014/] ?)$"
)
# Kinds with a unit that may stand once, behind the end of a range.
_IN_RANGES = frozenset({ClaimKind.date, ClaimKind.duration})


@dataclass(frozen=True, slots=True)
class Speller:
    """One way to spell the values of a kind otherwise."""

    kind: ClaimKind
    pattern: re.Pattern[str]
    write: Callable[[re.Match[str]], str]

    def spellings(self, text: str) -> Iterator[Replacement]:
        """Each value of a text that has another spelling, with it. The end of a range stays if its beginning does."""
        for match in self.pattern.finditer(text):
            before = text[max(0, match.start() - _LONGEST) : match.start()]
            if self.kind not in _IN_RANGES or not _BEGINNING.search(before):
                yield Replacement(match.start(), match.end(), self.write(match))


def _with_words(match: re.Match[str]) -> str:
    return re.sub(rf"\b(?:{_DIGITS}|{_IN_WORDS})\b", lambda number: _WORDS[number[0]], match[0])


def _numbers(number: str, before: str) -> re.Pattern[str]:
    """A number before a unit of time, or the two ends of a range, both of which have another spelling."""
    return re.compile(rf"{before}{number}(?:(?:{_UNIT})?{_JOINT}{number})?(?={_UNIT}(?!{_JOINT}{_ANY}))")


SPELLERS: tuple[Speller, ...] = (
    Speller(ClaimKind.date, re.compile(rf"\b(\d{{1,2}}) ({_MONTHS}) (\d{{4}})\b"), lambda m: f"{m[2]} {m[1]}, {m[3]}"),
    Speller(ClaimKind.date, re.compile(rf"\b({_MONTHS}) (\d{{1,2}}),? (\d{{4}})\b"), lambda m: f"{m[2]} {m[1]} {m[3]}"),
    Speller(ClaimKind.percent, re.compile(r"(?<![\d.])(\d+(?:\.\d+)?)%"), lambda m: f"{m[1]} percent"),
    Speller(ClaimKind.percent, re.compile(r"(?<![\d.])(\d+(?:\.\d+)?) per ?cent\b"), lambda m: f"{m[1]}%"),
    Speller(ClaimKind.duration, _numbers(_DIGITS, r"(?<![\w.,$€£-])"), _with_words),
    Speller(ClaimKind.duration, _numbers(_IN_WORDS, r"(?<![\w-])"), _with_words),
    Speller(
        ClaimKind.citation,
        re.compile(r"(?<!^)(?<![.!?] )(?<!\n)\b(section|clause|article|paragraph|rule|annex|chapter)(?= \d)"),
        lambda m: m[0].capitalize(),
    ),
    Speller(
        ClaimKind.citation,
        re.compile(r"(?<!^)(?<![.!?] )(?<!\n)\b(Section|Clause|Article|Paragraph|Rule|Chapter)(?= \d)"),
        lambda m: m[0].lower(),
    ),
)


def writes_alike(writer: Speller, text: str) -> bool:
    """Whether a text has a value that is spelled as the writer spells values: then the way back finds it."""
    return any(back.kind is writer.kind and back is not writer and back.pattern.search(text) for back in SPELLERS)
