"""The numbers of headings: how they are written ("3.2", "II", "B"), and which words stand before them ("Section")."""

import re

# The words by which documents call their parts. The word of an appendix is a part of how the appendix is cited.
_WORDS = (
    *("section", "article", "clause", "chapter", "part", "title", "paragraph", "rule", "regulation", "schedule"),
    *("subpart", "appendix", "annex", "annexure", "exhibit", "attachment", "module", "unit"),
)
_SHORT_FOR = {"\u00a7": "section", "\u00a7\u00a7": "section", "sec": "section", "art": "article"}
_ROMAN = r"[IVXLC]+"
# Digits and letters in turn: "2b", "2n1".
LABEL = r"\d{1,3}[a-z](?:\d{1,3}[a-z]?){0,3}"
_DOTTED = r"\d{1,3}(?:\.\d{1,3}){0,4}[a-zA-Z]?"
WORDED = re.compile(
    rf"^(?P<word>§{{1,2}}|(?i:{'|'.join(_WORDS)})|Sec(?=\.)|Art(?=\.))\.?\s{{0,3}}(?P<n>{_DOTTED}|{_ROMAN}|[A-Z])\b"
    r"(?P<gap>\s*[.:)\u2013\u2014-]{1,3}\s*|\s+|$)(?P<rest>.*)$"
)
NUMBERED = re.compile(
    rf"^(?P<n>{_DOTTED}|{_ROMAN}|[A-Z])(?P<gap>\\?[.)](?:\s+|$)|\s*[:\u2013\u2014-]\s+|\s+)(?P<rest>.*)$"
)

_DEEP = re.compile(r"^[ \t]+(?:[-*+\u2022\u25e6\u25aa\u2013][ \t]+)?\d{1,3}(?:\.\d{1,3})+\.?\s+[A-Z*\"\u201c]")


def word_of(worded: re.Match[str]) -> str:
    """The word by which a heading calls its part, in full."""
    word = worded["word"].lower()
    return _SHORT_FOR.get(word, word)


def parts_of(number: str) -> tuple[int, ...]:
    """The number as integers: "3.2" is (3, 2), "II" is (2,), "B" is (2,)."""
    if number[0].isdigit():
        return tuple(
            int(part) for part in number.rstrip("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ").split(".")
        )
    if len(number) == 1 and number not in "IVX":
        return (ord(number) - ord("A") + 1,)
    values = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100}
    total = 0
    for this, following in zip(number, [*number[1:], "I"], strict=True):
        total += -values[this] if values[this] < values[following] else values[this]
    return (total,)


def is_deep(text: str) -> bool:
    """Whether an indented line begins with a number of several parts. A bullet may stand before it."""
    return _DEEP.match(text) is not None
