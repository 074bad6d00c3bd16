"""See through the emphasis of Markdown: where its marks stand, and what a text says without them.

A page shows `**3** ounces` as "3 ounces", so whoever reads values must read the same. A mark counts only as one of a
pair around words: the stars of "2 * 3", of a list and of a footnote, and the underscores of `max_size`, are no marks.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

# Emphasis that runs on for longer than this is a stray mark and its like somewhere else.
_LONGEST = 300
_PAIRS = (
    # Between digits a star multiplies, and behind a word it may send to a footnote.
    re.compile(
        r"(?<![*\\])(?<!\d(?=\*{1,3}\d))(?:(?<!\w)|(?=\*{1,3}\w))(?P<mark>\*{1,3})(?![\s*])"
        rf"(?P<inside>[^\n]{{0,{_LONGEST}}}?[^\s*\\])(?P=mark)(?!\*)"
    ),
    re.compile(rf"(?<![\w\\])(?P<mark>_{{1,3}})(?![\s_])(?P<inside>[^\n]{{0,{_LONGEST}}}?[^\s_\\])(?P=mark)(?!\w)"),
    re.compile(rf"(?<![`\\])(?P<mark>`{{1,2}})(?!`)(?P<inside>[^`\n]{{1,{_LONGEST}}})(?P=mark)(?!`)"),
)


@dataclass(frozen=True, slots=True)
class Pair:
    """Two marks around words: `before` to `start` is the first one, `end` to `behind` the second."""

    before: int
    start: int
    end: int
    behind: int

    @property
    def places(self) -> tuple[int, ...]:
        """The places of all characters of the two marks."""
        return (*range(self.before, self.start), *range(self.end, self.behind))


@dataclass(frozen=True, slots=True)
class Shown:
    """What a page shows of a text: the text without marks, the place of each character, and the marks."""

    text: str
    origins: tuple[int, ...]
    pairs: tuple[Pair, ...]

    def place_of(self, start: int, end: int) -> tuple[int, int]:
        """The place in the written text of a piece of the shown one.

        A mark that stands at the edge of the piece comes along if its twin stands within: "**3** ounces", and not
        "3** ounces".
        """
        first, last = self.origins[start], self.origins[end - 1] + 1
        for pair in self.pairs:
            if pair.start == first and pair.behind <= last:
                first = pair.before
            elif pair.end == last and first <= pair.before:
                last = pair.behind
        return first, last


def has_emphasis(text: str) -> bool:
    """Whether a text may have emphasis. Most sentences have none, and need no further look."""
    return "*" in text or "_" in text or "`" in text


def pairs_of_marks(text: str) -> tuple[Pair, ...]:
    """The marks of emphasis in a text, the inner ones first."""
    found = [pair for pattern in _PAIRS for pair in _pairs(pattern, text, 0)] if has_emphasis(text) else []
    return tuple(sorted(found, key=lambda pair: pair.behind - pair.before))


@lru_cache(maxsize=256)
def shown(text: str) -> Shown:
    """What a page shows of a text."""
    # The inner ones come first, so that a piece is widened over the marks around it one after the other.
    pairs = pairs_of_marks(text)
    unseen = {at for pair in pairs for at in pair.places}
    origins = tuple(at for at in range(len(text)) if at not in unseen)
    return Shown("".join(text[at] for at in origins), origins, pairs)


def without_emphasis(text: str) -> str:
    """A text without the marks of its emphasis."""
    return shown(text).text if has_emphasis(text) else text


def _pairs(pattern: re.Pattern[str], text: str, offset: int) -> Iterator[Pair]:
    """The marks of one sign in a text, and within each other."""
    for match in pattern.finditer(text):
        start, end = match.span("inside")
        yield Pair(offset + match.start(), offset + start, offset + end, offset + match.end())
        yield from _pairs(pattern, match["inside"], offset + start)
