"""The lines of a text: which of them are code, where a paragraph begins, and what stands under a line."""

import re
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from forge_arena.documents.headings.numbers import NUMBERED, is_deep, parts_of
from forge_arena.documents.headings.titles import is_capitals

ATX = re.compile(r"^ {0,3}(?P<marks>#{1,6})[ \t]+(?P<title>\S.*?)(?:[ \t]+#+)?[ \t]*$")
UNDERLINE = re.compile(r"^(?P<sign>[=\-~^\"'`#*+.:_])(?P=sign){2,}[ \t]*$")
BOLD = re.compile(r"^(?P<mark>\*\*\*|\*\*|__)(?P<title>(?:(?!(?P=mark)).)+)(?P=mark)(?P<colon>:?)[ \t]*$")
ITEM = re.compile(r"^\s*(?:[-*+\u2022\u25e6\u25aa\u2013]\s|(?:\d{1,3}|[A-Za-z]|[ivx]+)[.)]\s)")
_FENCE = re.compile(r"^\s*(?P<fence>```+|~~~+)")
_LITERAL = re.compile(r"(?:^\s*\.\. [\w-]+|.)::(?:\s[\w+-]+)?\s*$")
_WORD = re.compile(r"\S+")


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a text: its place, its words, and whether it is hidden because it is no prose."""

    start: int
    end: int
    text: str
    is_hidden: bool

    @property
    def is_blank(self) -> bool:
        return not self.text.strip()

    @property
    def is_indented(self) -> bool:
        return self.text[:1].isspace()


def lines_of(text: str) -> list[Line]:
    """The lines of a text. Code, tables, quotations, comments and the front matter are hidden."""
    lines: list[Line] = []
    at, fence, is_front_matter, is_literal = 0, "", False, False
    before = ""
    for number, line in enumerate(text.split("\n")):
        opened = _FENCE.match(line)
        if opened and opened["fence"].startswith("~") and before.strip() and not fence:
            # In reST, a line of tildes under a title.
            opened = None
        if is_front_matter:
            hidden, is_front_matter = True, line.strip() not in ("---", "...")
        elif number == 0 and line.strip() == "---" and re.search(r"^(?:---|\.\.\.)\s*$", text[4:], re.MULTILINE):
            hidden, is_front_matter = True, True
        elif fence:
            hidden = True
            if opened and opened["fence"].startswith(fence) and not line.strip().strip(fence[0]):
                fence = ""
        elif opened:
            hidden, fence = True, opened["fence"]
        else:
            hidden = line.startswith(("\t", "    ")) or line.lstrip().startswith(("|", ">", "<!--"))
            if line.strip():
                # In reST, what is indented after two colons is code.
                is_literal = is_literal and line[0].isspace()
                hidden = hidden or is_literal
                is_literal = is_literal or _LITERAL.search(line) is not None
        lines.append(Line(at, at + len(line), line, hidden))
        before = line
        at += len(line) + 1
    return lines


def begins_paragraph(lines: Sequence[Line], at: int) -> bool:
    """Whether a paragraph begins with a line: the line before is blank, a heading, a rule or code."""
    if at == 0:
        return True
    before = lines[at - 1]
    return (
        before.is_blank
        or (before.is_hidden and not before.text.startswith("    "))
        or bool(ATX.match(before.text) or UNDERLINE.match(before.text) or BOLD.match(before.text.strip()))
        or is_capitals(before.text)
    )


def next_line(lines: Sequence[Line], at: int) -> int | None:
    """The next line that is not blank."""
    return next((i for i in range(at + 1, len(lines)) if not lines[i].is_blank), None)


def first_line(lines: Sequence[Line]) -> int | None:
    """The first line that is not blank."""
    return next_line(lines, -1)


def has_body(lines: Sequence[Line], at: int, *, may_be_indented: bool = False) -> bool:
    """Whether text stands under a line: not the next number, not only an indented line, not nothing."""
    below = next_line(lines, at)
    if below is None:
        return False
    line = lines[below]
    if line.is_indented and not is_deep(line.text):
        return may_be_indented
    here, there = NUMBERED.match(lines[at].text.strip()), NUMBERED.match(line.text.strip())
    if here is None or there is None:
        return True
    return len(parts_of(there["n"])) > len(parts_of(here["n"])) or parts_of(there["n"]) == (1,) != parts_of(here["n"])


class Words:
    """Counts the words between two places of a text."""

    def __init__(self, lines: Sequence[Line]) -> None:
        self._starts = [line.start + word.start() for line in lines for word in _WORD.finditer(line.text)]

    def between(self, start: int, end: int) -> int:
        return bisect_left(self._starts, end) - bisect_left(self._starts, start)
