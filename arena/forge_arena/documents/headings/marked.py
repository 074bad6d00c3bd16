"""The headings that marks show: signs before or under them, bold letters, capitals, or a word such as "Section"."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from forge_arena.documents.headings.heading import Heading, read_titled
from forge_arena.documents.headings.lines import (
    ATX,
    BOLD,
    ITEM,
    UNDERLINE,
    Line,
    begins_paragraph,
    has_body,
    next_line,
)
from forge_arena.documents.headings.numbers import WORDED, word_of
from forge_arena.documents.headings.titles import (
    LONGEST_TITLE,
    MOST_TITLE_WORDS,
    RUN_IN,
    SENTENCE_END,
    clean_title,
    is_capitals,
    is_name,
    is_title,
)

_QUESTION = re.compile(r"^\**Q(?:uestion)?\s?\d{0,3}[.:)]\**\s+(?P<title>\S.{0,150}\?)\**\s*$")
_REPLY = re.compile(r"^\**A(?:nswer)?\s?\d{0,3}[.:)]\**\s")


def marked_headings(lines: Sequence[Line]) -> Iterator[Heading]:
    """The headings that marks show: signs before or under them, bold letters, capitals, or a word such as "Section"."""
    taken = -1
    for at, line in enumerate(lines):
        if line.is_hidden or line.is_blank or at <= taken:
            continue
        after = lines[at + 1] if at + 1 < len(lines) else None
        if atx := ATX.match(line.text):
            if heading := read_titled(line, line.end, atx["title"], "#", len(atx["marks"])):
                yield heading
            continue
        if UNDERLINE.match(line.text):
            continue
        begins = begins_paragraph(lines, at)
        if begins and after and not after.is_hidden and _is_underlined(line, after, lines[at - 1] if at else None):
            sign, over = after.text[0], at > 0 and at - 1 > taken and lines[at - 1].text.strip() == after.text.strip()
            if heading := read_titled(line, after.end, line.text, f"underlined {sign}{sign if over else ''}", 1):
                taken = at + 1
                yield replace(heading, start=lines[at - 1].start if over else line.start)
            continue
        if not begins or (line.is_indented and len(line.text) - len(line.text.lstrip()) > 3):
            continue
        if (heading := _worded(lines, at)) is not None:
            taken = next(i for i in range(at, len(lines)) if lines[i].end >= heading.body or i == len(lines) - 1)
            taken = taken if heading.body > line.end else at
            yield heading
        elif (asked := _QUESTION.match(line.text)) and after and _REPLY.match(after.text):
            yield Heading(line.start, line.end, None, clean_title(asked["title"]), "section", "question", 1)
        elif bold := BOLD.match(line.text.strip()):
            title = bold["title"].strip()
            if (
                is_title(title.rstrip(":"))
                and has_body(lines, at)
                and (heading := read_titled(line, line.end, title, "bold", 1))
            ):
                yield heading
        elif (
            is_capitals(line.text)
            and has_body(lines, at)
            and (heading := read_titled(line, line.end, line.text, "capitals", 1))
        ):
            yield heading


def _is_underlined(line: Line, under: Line, before: Line | None) -> bool:
    """Whether the next line is a line of signs as long as a title. "---" under a whole sentence is a rule."""
    mark = UNDERLINE.match(under.text)
    is_between = before is not None and before.text.strip() == under.text.strip()
    if mark is None or (line.is_indented and not is_between) or (ITEM.match(line.text) and not line.text[0].isdigit()):
        return False
    title, length = line.text.strip(), len(under.text.strip())
    if len(title) > LONGEST_TITLE or not any(c.isalnum() for c in title) or "|" in title:
        return False
    if length >= 0.8 * len(title):
        return True
    return mark["sign"] in "=-" and not SENTENCE_END.search(title) and len(title.split()) <= MOST_TITLE_WORDS


def _worded(lines: Sequence[Line], at: int) -> Heading | None:
    """A heading such as "Section 4 - Term" or "Section 4. Term. The term ...".

    The title of "ARTICLE II" may stand in the next line.
    """
    line = lines[at]
    bold = BOLD.match(line.text.strip())
    text = bold["title"].strip() if bold else line.text.strip()
    worded = WORDED.match(text)
    if worded is None or (not text[0].isupper() and text[0] != "§"):
        return None
    word = word_of(worded)
    rest = worded["rest"].strip()
    rank = 1 + worded["n"].count(".")
    style = "number" if word == "section" else f"word {word}"
    if not rest:
        follows = next_line(lines, at)
        if follows is None:
            return None
        if worded["gap"].strip() == "" and (title := _title_line(lines, follows)) is not None:
            return Heading(line.start, lines[follows].end, worded["n"], title, word, style, rank)
        return Heading(line.start, line.end, worded["n"], "", word, style, rank)
    is_separated = bool(worded["gap"].strip())
    run_in = RUN_IN.match(rest)
    if run_in and (is_separated or run_in["open"]) and is_name(run_in["title"]) and len(rest) > run_in.end():
        offset = line.start + line.text.index(rest) + run_in.end()
        return Heading(line.start, offset, worded["n"], clean_title(run_in["title"]), word, style, rank)
    if not is_title(rest) or not (is_separated or bold or is_name(rest)):
        # "Section 4. The term begins ..." is a section without a title.
        if is_separated and rest[0].isupper() and worded["gap"].strip() in ".:":
            offset = line.start + line.text.index(rest)
            return Heading(line.start, offset, worded["n"], "", word, style, rank)
        return None
    if next_line(lines, at) is None:
        return None
    return Heading(line.start, line.end, worded["n"], clean_title(rest), word, style, rank)


def _title_line(lines: Sequence[Line], at: int) -> str | None:
    """The title in a line that stands under "ARTICLE II"."""
    line = lines[at]
    if line.is_hidden or ATX.match(line.text) or ITEM.match(line.text):
        return None
    bold = BOLD.match(line.text.strip())
    text = bold["title"] if bold else line.text
    is_alone = at + 1 >= len(lines) or lines[at + 1].is_blank
    if (bold or is_capitals(text) or (is_alone and is_name(text))) and is_title(text) and has_body(lines, at):
        return clean_title(text)
    return None
