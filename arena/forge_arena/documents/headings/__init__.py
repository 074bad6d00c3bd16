"""Find the headings of a text: which lines name what follows them, by which number, and by which marks one knows them.

Marked headings are plain to see: `## Title`, a title with a line of signs under it, a bold line, a line of capitals,
"Section 4 - Term". A number alone is a weak mark, because lists have numbers too. So the numbered lines of a text are
read together, as runs ("1.", "2.", "3."). A run of headings has text under its members. A run of list items has the
next item there.

    2. Changing your mind                     a heading: text stands under the line
    You have 30 days ...

    1. Open the settings                      list items: the next item stands under each
    2. Choose "Cards"

    4. Feedback.  Customer may give ...       a heading that runs into its text: a title with capitals, then a sentence

titles     whether a text reads like a title
numbers    how the numbers of headings are written
lines      the lines of a text: where a paragraph begins, and what stands under a line
heading    a heading, with the number that may stand in its title
marked     headings that marks show
numbered   headings among the lines that begin with a number
labelled   clauses with labels such as "2b)" and "2n1)"
unmarked   headings that only their place shows

Each of `marked`, `numbered`, `labelled` and `unmarked` looks at the lines of the whole text. If two of them find a
heading in the same line, the first one counts.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from forge_arena.documents.headings.heading import Heading
from forge_arena.documents.headings.labelled import labelled_headings
from forge_arena.documents.headings.lines import lines_of
from forge_arena.documents.headings.marked import marked_headings
from forge_arena.documents.headings.numbered import numbered_headings
from forge_arena.documents.headings.unmarked import unmarked_headings

__all__ = ["Heading", "headings"]


def headings(text: str) -> tuple[Heading, ...]:
    """The headings of a text, in order."""
    lines = lines_of(text)
    found: dict[int, Heading] = {}
    for heading in marked_headings(lines):
        found.setdefault(heading.start, heading)
    for heading in numbered_headings(lines, sorted(found.values(), key=lambda heading: heading.start)):
        found.setdefault(heading.start, heading)
    for heading in labelled_headings(lines):
        found.setdefault(heading.start, heading)
    for heading in unmarked_headings(lines, questions_only=len(found) > 1):
        found.setdefault(heading.start, heading)
    ordered = sorted(found.values(), key=lambda heading: heading.start)
    return tuple(_without_stray_numbers(ordered))


def _without_stray_numbers(found: Sequence[Heading]) -> Iterator[Heading]:
    """The headings, with a bare number back in the title unless its neighbour among the numbers stands there too.

    "3 Fees" has the number 3 only beside "2 ..." or "4 ...". Otherwise "12 Tips" would be section 12.
    """
    numbers = {heading.number for heading in found}
    for heading in found:
        number = heading.number
        if heading.is_bare and number is not None:
            value = int(number)
            if not numbers & {str(value - 1), str(value + 1), f"{value}.1"} and value > 1:
                yield replace(heading, number=None, title=f"{number} {heading.title}".strip())
                continue
        yield heading
