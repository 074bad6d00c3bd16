"""Find the sections of a document, and cut a long document into stretches at its sections."""

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from forge_arena.documents.document import Document
from forge_arena.documents.headings import Heading, headings
from forge_arena.texts.sentences import sentences as places_of_sentences

# What stands behind the body of a document, beside it and not within its last section.
_BEHIND = frozenset({"schedule", "appendix", "annex", "annexure", "exhibit", "attachment"})
# A task needs a text that a person reads in a few minutes. The least keeps a cut from leaving a scrap.
MOST_WORDS = 1_500
FEWEST_WORDS = 200


@dataclass(frozen=True, slots=True)
class Section:
    """A headed part of a text. A section holds its subsections.

    Attributes:
        number: the number as the text writes it ("3.2", "II", "A"), without the word before it and the dot behind it;
            None for a section without a number.
        title: the words of the heading without marks: "Changing your mind"; empty if the heading is a number alone.
        start: where the heading begins.
        end: where the section ends: at the next heading of this level or a higher one.
        level: 1 for the highest headings.
        body: where the text under the heading begins.
        word: the word by which the text calls such a part: "section", "article", "clause", "chapter" and so on.
    """

    number: str | None
    title: str
    start: int
    end: int
    level: int
    body: int
    word: str = "section"


@dataclass(frozen=True)
class Stretch:
    """What one task is made of: a document, or a part of a long one that stands alone.

    Attributes:
        document: the document.
        start: where the stretch begins in the document.
        end: where the stretch ends in the document.
        sections: the sections whose headings stand in the stretch. Their places are places in `text` of the stretch.
        part: the number of the stretch, the first is 1.
        parts: how many stretches the document has.
    """

    document: Document
    start: int
    end: int
    sections: tuple[Section, ...]
    part: int = 1
    parts: int = 1

    @property
    def text(self) -> str:
        return self.document.text[self.start : self.end]

    @property
    def name(self) -> str:
        """What reports call the stretch: the name of the document, and which part of the document the stretch is."""
        return self.document.name if self.parts == 1 else f"{self.document.name} (part {self.part} of {self.parts})"

    @property
    def pages(self) -> tuple[int, int] | None:
        """The first and the last page that the stretch touches, or None for a document without pages."""
        first, last = self.document.page_at(self.start), self.document.page_at(max(self.start, self.end - 1))
        return None if first is None or last is None else (first, last)


def sections(text: str) -> tuple[Section, ...]:
    """The sections of a text, in the order of their headings.

    The level of a heading follows from its style. A style that is new under the heading before is one level deeper,
    and a style that is open already closes what is deeper. So "POLICY" above "# Fees" is the higher one, and "**Late
    fees**" under "## Fees" the deeper one, whatever the text uses first.
    """
    found = headings(text)
    levels = _levels(found)
    return tuple(
        Section(
            number=heading.number,
            title=heading.title,
            start=heading.start,
            end=next((found[i].start for i in range(at + 1, len(found)) if levels[i] <= level), len(text)),
            level=level,
            body=heading.body,
            word=heading.word,
        )
        for at, (heading, level) in enumerate(zip(found, levels, strict=True))
    )


def _levels(found: Sequence[Heading]) -> list[int]:
    """The level of each heading."""
    levels: list[int] = []
    is_open: list[
        tuple[str, int, int]
    ] = []  # (style, rank, level) of the headings around a place, the outermost first.
    base_of_signs: int | None = None
    for heading in found:
        if heading.style == "#":
            # The number of signs counts: "##" is deeper than "#" even where "##" comes first.
            if base_of_signs is None:
                base_of_signs = is_open[-1][2] if is_open else 0
            level = base_of_signs + heading.rank
        else:
            if heading.word in _BEHIND:
                is_open.clear()
            alike = [(rank, at) for style, rank, at in is_open if style == heading.style]
            if not alike:
                level = is_open[-1][2] + 1 if is_open else 1
            else:
                rank, at = max((entry for entry in alike if entry[0] <= heading.rank), default=alike[0])
                level = at + max(0, heading.rank - rank)
        while is_open and is_open[-1][2] >= level:
            is_open.pop()
        is_open.append((heading.style, heading.rank, level))
        levels.append(level)
    # A text may begin with "###". Its highest level is 1 all the same.
    dense = {level: place for place, level in enumerate(sorted(set(levels)), start=1)}
    return [dense[level] for level in levels]


def innermost(found: Sequence[Section], start: int, end: int) -> Section | None:
    """The smallest section that holds a passage, or None if no section holds all of the passage."""
    holding = [section for section in found if section.start <= start and end <= section.end]
    return max(holding, key=lambda section: section.start, default=None)


def citable(found: Sequence[Section]) -> tuple[Section, ...]:
    """The sections that a citation can mean: those whose number, or title if they have no number, stands alone.

    The title of the whole document is no section that one cites, because every passage stands in it.
    """
    names = Counter(_cited(section) for section in found)
    return tuple(section for section in found if names[_cited(section)] == 1 and _cited(section)[1])


def _cited(section: Section) -> tuple[str, str]:
    if section.number is not None:
        return section.word, section.number
    return "title", section.title.lower()


def title_of(text: str) -> str:
    """The title of a document: its first heading, or else the first words of the text."""
    found = headings(text)
    for at, heading in enumerate(found):
        stop = found[at + 1].start if at + 1 < len(found) else len(text)
        is_alone = not text[heading.body : stop].strip()
        # "POLICY" above "# Refunds" says nothing of the document.
        if heading.title and not (heading.style == "capitals" and is_alone):
            return heading.title
    first = next((line for line in text.split("\n") if line.strip()), "")
    return " ".join(first.split()[:10])


def stretches(document: Document) -> tuple[Stretch, ...]:
    """The stretches of a document: one for a short document, several for a long one. They cover the whole text.

    A document that brings its task is one stretch, because the task is about all of it.
    """
    text = document.text
    found = sections(text)
    if document.task is not None or _count(text, 0, len(text)) <= MOST_WORDS:
        return (Stretch(document, 0, len(text), found),)
    pieces = _with_scraps_joined(text, list(_cut(text, 0, len(text), found)))
    return tuple(
        Stretch(document, start, end, _sections_in(found, start, end), part, len(pieces))
        for part, (start, end) in enumerate(pieces, start=1)
    )


def _sections_in(found: Sequence[Section], start: int, end: int) -> tuple[Section, ...]:
    """The sections whose headings stand in a stretch, with their places in the stretch."""
    return tuple(
        replace(s, start=s.start - start, body=s.body - start, end=min(s.end, end) - start)
        for s in found
        if start <= s.start and s.body <= end
    )


def _cut(text: str, start: int, end: int, found: Sequence[Section]) -> Iterator[tuple[int, int]]:
    """The pieces of a part of a text, each of at most MOST_WORDS: as many sections of the highest level as fit."""
    inside = [section for section in found if start <= section.start < end]
    # The heading with which the part begins is the heading of all of it, if nothing beside it has its level.
    highest = min((section.level for section in inside if section.start > start), default=None)
    if highest is None:
        yield from _packed(text, _paragraphs(text, start, end), inside=())
        return
    bounds = [start, *(s.start for s in inside if s.level == highest and s.start > start), end]
    yield from _packed(text, list(itertools.pairwise(bounds)), inside)


def _packed(text: str, blocks: Sequence[tuple[int, int]], inside: Sequence[Section]) -> Iterator[tuple[int, int]]:
    """Blocks put together to pieces of at most MOST_WORDS. A block that is longer alone is cut further."""
    begun: int | None = None
    held = 0
    for start, end in blocks:
        size = _count(text, start, end)
        if begun is not None and held + size > MOST_WORDS:
            yield begun, start
            begun, held = None, 0
        if size > MOST_WORDS and len(blocks) > 1:
            yield from _cut(text, start, end, [s for s in inside if s.start != start])
        elif begun is None:
            begun, held = start, size
        else:
            held += size
    if begun is not None:
        yield begun, blocks[-1][1]


def _paragraphs(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """The blocks between blank lines. A block that is too long is cut at its lines, and a line at its sentences."""
    bounds = [start]
    is_code = False
    at = start
    for line in text[start:end].splitlines(keepends=True):
        if line.lstrip().startswith(("```", "~~~")):
            is_code = not is_code
        at += len(line)
        if not line.strip() and not is_code and text[bounds[-1] : at].strip():
            bounds.append(at)
    if bounds[-1] != end:
        bounds.append(end)
    blocks = []
    for first, last in itertools.pairwise(bounds):
        blocks += [(first, last)] if _count(text, first, last) <= MOST_WORDS else _broken(text, first, last)
    return blocks


def _broken(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """A block cut at its sentences, which end with their lines at the latest."""
    starts = [start + at for at, _ in places_of_sentences(text[start:end])]
    bounds = [start, *(at for at in starts if at > start), end]
    return list(itertools.pairwise(bounds))


def _with_scraps_joined(text: str, pieces: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The pieces, with a scrap as a part of its shorter neighbour."""
    while len(pieces) > 1:
        sizes = [_count(text, start, end) for start, end in pieces]
        at = min(range(len(pieces)), key=sizes.__getitem__)
        if sizes[at] >= FEWEST_WORDS:
            break
        beside = [i for i in (at - 1, at + 1) if 0 <= i < len(pieces)]
        other = min(beside, key=sizes.__getitem__)
        first, last = sorted((at, other))
        pieces[first : last + 1] = [(pieces[first][0], pieces[last][1])]
    return pieces


def _count(text: str, start: int, end: int) -> int:
    return len(text[start:end].split())
