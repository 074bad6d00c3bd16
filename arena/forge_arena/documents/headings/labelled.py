"""The clauses whose labels change between digits and letters: "2b)", "2n1)", "2i2b)", often in nested lists."""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from forge_arena.documents.headings.heading import Heading
from forge_arena.documents.headings.lines import Line
from forge_arena.documents.headings.numbers import LABEL

# Fewer of them are the answers of a quiz, or a slip.
FEWEST = 3
_CLAUSE = re.compile(
    rf"^\s*(?:[-*+\u2022\u25e6\u25aa\u2013][ \t]+)?(?P<open>(?:\*\*|__)?)(?P<n>{LABEL})[.)](?P=open)\s+(?=\S)"
)


def labelled_headings(lines: Sequence[Line]) -> Iterator[Heading]:
    """The clauses with labels of digits and letters, if they come in order. A clause has no title."""
    found = [
        Heading(
            line.start, line.start + clause.end(), clause["n"], "", "section", "label", len(parts_of_label(clause["n"]))
        )
        for line in lines
        if (not line.is_hidden or line.is_indented) and (clause := _CLAUSE.match(line.text))
    ]
    order = [parts_of_label(heading.number or "") for heading in found]
    if len(found) >= FEWEST and all(a < b for a, b in pairwise(order)):
        yield from found


def parts_of_label(label: str) -> tuple[int, ...]:
    """The label as integers: "2n1" is (2, 14, 1)."""
    parts = re.findall(r"\d+|[a-z]", label)
    return tuple(int(part) if part.isdigit() else ord(part) - ord("a") + 1 for part in parts)
