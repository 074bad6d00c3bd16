"""Say of which option a place in a sentence speaks, where the sentence names several.

    We would choose it rather than the Halden, which is dearer at £8,390 and costs £860 a year, against £445 for the
    Tessaro.

A clause that names one option speaks of this option: £445 is the Tessaro's. A clause that names none goes on about the
option of the clause before: £860 is the Halden's. An option behind a word such as "than" is only compared, and the next
clause speaks of it only if the clause begins with a word such as "which". Here it does: £8,390 is the Halden's. In "We
would choose it rather than the Halden; it costs £6,370" it does not, and £6,370 is the price of what is chosen.
"""

import re
from collections.abc import Sequence

_COMPARING = (
    r"(?:rather than|instead of|in place of|in preference to|unlike|ahead of|against|compared (?:with|to)|versus|than"
    r"|over)"
)
_MARK = re.compile(
    r"[,;:()\u2013\u2014]\s?|\.\s|\band\b|\bbut\b|\bwhile\b|\bwhereas\b"
    rf"|(?=\b{_COMPARING}\b)"
)
_COMPARED = re.compile(rf"\W*{_COMPARING}\b")
_POINTS_BACK = re.compile(r"\W*(?:which|whose|who|at|with|the latter|because it)\b")


def option_at(low: str, places: Sequence[tuple[int, int, str]], at: int) -> str | None:
    """The option of which a place of a sentence speaks; None if it speaks of none that the sentence names.

    Args:
        low: the sentence in lower case.
        places: where the sentence names options: (start, end, name).
        at: the place.
    """
    current: str | None = None
    compared: str | None = None
    for start, end in _clauses(low):
        named = list(dict.fromkeys(name for place, _, name in places if start <= place < end))
        is_compared = _COMPARED.match(low, start) is not None
        holds_place = start <= at < end
        if len(named) == 1:
            if holds_place:
                return named[0]
            if is_compared:
                compared = named[0]
            else:
                current, compared = named[0], None
        elif len(named) > 1:
            if holds_place:
                return min(((abs(place - at), name) for place, _, name in places if start <= place < end))[1]
            current = compared = None
        elif compared is not None:
            if _POINTS_BACK.match(low, start):
                current = compared
            compared = None
        if holds_place:
            return current
    return current


def _clauses(low: str) -> list[tuple[int, int]]:
    """The (start, end) of each clause of a sentence."""
    starts = [0, *(mark.end() for mark in _MARK.finditer(low))]
    return list(zip(starts, [*starts[1:], len(low) + 1], strict=True))
