"""Find the sections of a document, and cut a long document into stretches at its sections."""

from dataclasses import dataclass

from forge_arena.documents.document import Document


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


def sections(text: str) -> tuple[Section, ...]:
    """The sections of a text, in the order of their headings."""
    raise NotImplementedError


def innermost(found: tuple[Section, ...], start: int, end: int) -> Section | None:
    """The smallest section that holds a passage, or None if no section holds all of the passage."""
    holding = [section for section in found if section.start <= start and end <= section.end]
    return max(holding, key=lambda section: section.start, default=None)


def stretches(document: Document) -> tuple[Stretch, ...]:
    """The stretches of a document: one for a short document, several for a long one. They cover the whole text."""
    raise NotImplementedError
