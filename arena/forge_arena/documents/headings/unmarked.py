"""The headings that only their place shows: short lines that stand alone above paragraphs."""

import re
from collections.abc import Iterator, Sequence

from forge_arena.documents.headings.heading import Heading
from forge_arena.documents.headings.lines import ITEM, Line, begins_paragraph, next_line
from forge_arena.documents.headings.titles import clean_title, is_title


def unmarked_headings(lines: Sequence[Line], *, questions_only: bool) -> Iterator[Heading]:
    """The headings without any mark: short lines that stand alone above paragraphs, at least two of them.

    Args:
        questions_only: take only questions, because the text marks its other headings.
    """
    found = []
    for at, line in enumerate(lines[:-1]):
        if line.is_hidden or line.is_blank or line.is_indented or not begins_paragraph(lines, at):
            continue
        text = line.text.strip()
        if not text[0].isupper() or ITEM.match(text) or not is_title(text):
            continue
        below = next_line(lines, at)
        if below is None or lines[below].is_hidden:
            continue
        is_question = text.endswith("?")
        follows = [other.text.strip() for other in lines[below : below + 6]]
        is_prose = len(follows[0].split()) >= 8 and re.search(r"[.:?!]", " ".join(follows)) is not None
        is_alone = lines[at + 1].is_blank or is_question
        if is_prose and is_alone and (is_question or not questions_only) and follows[0][0] not in "{|":
            found.append(Heading(line.start, line.end, None, clean_title(text), "section", "line", 1))
    return iter(found if len(found) > 1 else ())
