"""Which way a value bounds: "at least 3 weeks" is a lower bound, "no more than 3 weeks" an upper one.

A day or an hour is bounded in the same way: "from 5 May" and "after 5 May" are lower bounds, "until 5 May" and "by 5
May" upper ones. A denial turns a comparison: "may not exceed 3 weeks" is an upper bound.
"""

import re
from enum import Enum

# What parts a clause from its neighbours, where bounds and denials are concerned.
CLAUSE_MARK = re.compile(
    r"[,;:)|\u2014]\s|\(|\s[\u2013-]\s|[.!?]\s|\n|\bbut\b|\bwhile\b|\bwhereas\b|\band (?!\d)", re.IGNORECASE
)
DENIAL = re.compile(r"\b(?:not|never|cannot|no|nobody|none|nor|neither|without)\b|n['\u2019]t\b", re.IGNORECASE)
_GAP = r"(?:[ *_(\"'\u201c]+(?:the|an?|age|of|about|next|first|is|are|be|any|only|just|more|some|approximately))*"
_OPENING = r"[ *_(\"'\u201c`]*(?:(?<=[ (*])(?-i:[A-Z]{2,3}))?$"
_COMPARED = r"(?:(?<!other )(?<!rather )than)"
_LEAST = r"at (?:the )?(?:very )?least|a minimum of|minimum(?: of)?|not before|no earlier than|no sooner than"
_MOST = r"at (?:the )?(?:very )?most|a maximum of|maximum(?: of)?|up to|within|no later than"
_MORE = (
    rf"(?:more|longer|greater|higher|older|larger|later|bigger|further|heavier) {_COMPARED}|over|above|beyond"
    r"|exceed(?:s|ed|ing)?|upwards of"
)
_LESS = rf"(?:less|fewer|shorter|smaller|lower|younger|lighter|sooner|earlier|nearer) {_COMPARED}|under|below|short of"
_LATE = r"after|past|since|from|as of|starting(?: on)?|beginning(?: on)?"
_EARLY = r"before|until|till|by|prior to|ahead of"
_BEFORE = re.compile(
    rf"\b(?:(?P<least>{_LEAST})|(?P<most>{_MOST})|(?P<more>{_MORE})|(?P<less>{_LESS})|(?P<late>{_LATE})"
    rf"|(?P<early>{_EARLY})){_GAP}{_OPENING}",
    re.IGNORECASE,
)
_END_OF_RANGE = re.compile(r"\bfrom [^,;]{1,24} (?:to|through) $|\d(?: ?[ap]\.?m\.?)? ?[\u2013-] ?$", re.IGNORECASE)
_NAMED = re.compile(r"\b(?:(?P<low>minimum)|(?P<high>maximum))\b[^,;:]*$", re.IGNORECASE)
_BEHIND = re.compile(
    r"^[*_)\"'\u201d`]{0,2}(?:(?P<low>\+| (?:or|and) (?:more|longer|above|over|higher|older|greater|later"
    r"|up|upwards?)\b"
    r"| at (?:the )?least\b| minimum\b)"
    r"|(?P<high> (?:or|and) (?:less|fewer|under|below|lower|younger|earlier|sooner|shorter)\b"
    r"| at (?:the )?most\b| maximum\b))",
    re.IGNORECASE,
)
# "Once 3 weeks have gone by" is a lower bound.
_GONE_BY = re.compile(
    r"^[*_)\"'\u201d`]{0,2} (?:has|have|had|are|is) (?:passed|elapsed|gone by|over|up)\b", re.IGNORECASE
)

# "No later than 3 weeks before" is a lower bound of the weeks.
_AHEAD = re.compile(r"^ (?:before|ahead|in advance|prior|beforehand|earlier)\b", re.IGNORECASE)
_IN_TIME = re.compile(r"\b(?:later|earlier|sooner)\b", re.IGNORECASE)

_LABELLED = re.compile(
    r"\b(?:(?P<low>minimum|at least|from when|from what|since when)"
    r"|(?P<high>maximum|at most|until when|by when|deadline|expir(?:es|y|e)|last day))\b",
    re.IGNORECASE,
)
_COUNTED_FROM = re.compile(
    r"^[*_)\"'\u201d`]{0,3} (?:(?P<ahead>before|prior to|ahead of|in advance of)|after|following|from|since)\b",
    re.IGNORECASE,
)


class Side(Enum):
    """The side to which a value bounds something. A strict bound leaves the value itself out: "more than 3 weeks"."""

    least = "at least"
    most = "at most"


class Bound:
    """A bound: its side, whether it leaves the value itself out, and where its words begin."""

    __slots__ = ("at", "side", "strict")

    def __init__(self, side: Side, at: int, *, strict: bool = False) -> None:
        self.side, self.at, self.strict = side, at, strict


def clause_around(text: str, start: int, end: int) -> tuple[int, int]:
    """(left, right) of the clause around a place. A number with a dash ("4 - 6 hours") parts no clause."""
    left = 0
    for mark in CLAUSE_MARK.finditer(text, 0, start):
        left = mark.end()
    right = CLAUSE_MARK.search(text, end)
    return left, right.start() if right else len(text)


def bound_at(text: str, start: int, end: int) -> Bound | None:
    """Which way the value at a place of a sentence bounds; None if its words do not say it."""
    left, right = clause_around(text, start, end)
    before = text[left:start]
    behind = _BEHIND.match(text[end:right])
    if behind is not None:
        return Bound(Side.least if behind["low"] else Side.most, end)
    if _GONE_BY.match(text[end:right]):
        ahead = _BEFORE.search(before)
        is_ahead = ahead is not None and bool(ahead["early"]) and not DENIAL.search(before, 0, ahead.start())
        return Bound(Side.most if is_ahead else Side.least, end)
    ranged = _END_OF_RANGE.search(before)
    if ranged is not None:
        return Bound(Side.most, left + ranged.start())
    match = _BEFORE.search(before)
    if match is None:
        named = _NAMED.search(before)
        return None if named is None else Bound(Side.least if named["low"] else Side.most, left + named.start())
    denied = DENIAL.search(before, 0, match.start()) is not None
    at = left + match.start()
    is_turned = bool(_IN_TIME.search(match[0]) and _AHEAD.match(text[end:right]))
    if match["least"] or match["most"]:
        return None if denied else Bound(Side.least if bool(match["least"]) is not is_turned else Side.most, at)
    is_low = bool(match["more"] or match["late"]) is not is_turned
    is_comparison = bool(match["more"] or match["less"])
    return Bound(Side.least if is_low is not denied else Side.most, at, strict=is_comparison and not denied)


def bound_named(label: str) -> Bound | None:
    """The bound that a label names: "the minimum stay" names a lower bound."""
    match = _LABELLED.search(label)
    return None if match is None else Bound(Side.least if match["low"] else Side.most, 0)


def is_ahead(behind: str) -> bool | None:
    """Whether a time is counted ahead of something: "3 weeks before the sale"; None if the words behind do not say."""
    match = _COUNTED_FROM.match(behind)
    return None if match is None else match["ahead"] is not None
