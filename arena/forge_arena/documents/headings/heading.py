"""A heading of a text, and the heading that a marked title makes: a number may stand in the title."""

import re
from dataclasses import dataclass

from forge_arena.documents.headings.lines import Line
from forge_arena.documents.headings.numbers import NUMBERED, WORDED, word_of
from forge_arena.documents.headings.titles import clean_title, is_name


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading of a text.

    Attributes:
        start: where the line of the heading begins.
        body: where the text under the heading begins.
        number: the number as written, without a word before it and a dot behind it; None without a number.
        title: the title without marks; empty if the heading is a number alone.
        word: how the text calls such a part: "section", "article" and so on.
        style: what the heading looks like. Headings of one style have one level, and so do headings of one `rank`.
        rank: the depth within the style: the signs of "##", the parts of "3.2".
        is_bare: whether the number is a number and nothing else, as in "3 Fees".
    """

    start: int
    body: int
    number: str | None
    title: str
    word: str
    style: str
    rank: int
    is_bare: bool = False


def read_titled(line: Line, body: int, title: str, style: str, rank: int) -> Heading | None:
    """The heading with a title in which there may be a number; None if nothing is left of the title."""
    title = clean_title(title)
    if not title:
        return None
    worded = WORDED.match(title)
    if worded is not None and (worded["gap"].strip() or not worded["rest"] or is_name(worded["rest"])):
        return Heading(line.start, body, worded["n"], worded["rest"].strip(), word_of(worded), style, rank)
    numbered = NUMBERED.match(title)
    if numbered is not None and numbered["rest"] and _is_number_of_title(numbered):
        is_bare = not numbered["gap"].strip() and numbered["n"].isdigit()
        return Heading(line.start, body, numbered["n"], numbered["rest"].strip(), "section", style, rank, is_bare)
    return Heading(line.start, body, None, title, "section", style, rank)


def _is_number_of_title(numbered: re.Match[str]) -> bool:
    """Whether a marked title begins with a number of its section. "12 tips" and "I agree" do not."""
    sign = numbered["gap"].strip()
    if numbered["n"][0].isdigit():
        return sign[:1] in (".", ")", "\\") or "." in numbered["n"] or (not sign and numbered["rest"][:1].isupper())
    return sign[:1] in (".", ")", "\\")
