"""Cut a text into numbered pieces that a person can mark, and turn the marks into an explanation.

A piece is a sentence, or a line of code. Marking a piece quotes it, because quotations are what the grader reads
(`forge_arena.rewards.evidence`).
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from forge_arena.texts.sentences import sentences
from forge_arena.texts.visible import visible

_LINE = re.compile(r"[^\n]+")
_FENCE = re.compile(r"[ \t]*```")
# Pairs of quotation marks that the grader knows, the plainest first. `static/page.js` has the same ones.
_QUOTATION_MARKS = (('"', '"'), ("\u201c", "\u201d"), ("`", "`"))


@dataclass(frozen=True, slots=True)
class Piece:
    """One piece of a text. `before` is what stands between the piece before it and this one.

    `hides` is whether the page shows the words differently, because they hold characters that nobody can see.
    """

    number: int
    before: str
    words: str

    @property
    def hides(self) -> bool:
        return visible(self.words) != self.words


@dataclass(frozen=True, slots=True)
class Pieces:
    """A text in pieces. `after` is what stands behind the last piece."""

    pieces: tuple[Piece, ...]
    after: str

    @classmethod
    def of(cls, text: str) -> "Pieces":
        pieces: list[Piece] = []
        at = 0
        # What has no letter and no digit says nothing that could be marked.
        for start, end in (span for span in _spans(text) if any(map(str.isalnum, text[slice(*span)]))):
            pieces.append(Piece(len(pieces) + 1, text[at:start], text[start:end]))
            at = end
        return cls(tuple(pieces), text[at:])

    def marked(self, numbers: Collection[int]) -> list[str]:
        """The words of the pieces with these numbers. A number without a piece marks nothing."""
        return [piece.words for piece in self.pieces if piece.number in numbers]


def _spans(text: str) -> list[tuple[int, int]]:
    spans: list[tuple[int, int]] = []
    for start, end in sentences(text):
        if "\n" not in text[start:end]:
            spans.append((start, end))
            continue
        # A fenced block is one sentence. Its lines are the pieces; the fences themselves say nothing.
        for line in _LINE.finditer(text, start, end):
            words = line[0].strip()
            if words and not _FENCE.match(line[0]):
                begin = line.start() + line[0].index(words)
                spans.append((begin, begin + len(words)))
    return spans


def quote(words: str) -> str:
    """The words in quotation marks that they do not hold themselves; without marks if they hold all of them.

    Without a full stop at the end, which the grader does not read either.
    """
    words = words.removesuffix(".")
    for before, behind in _QUOTATION_MARKS:
        if before not in words and behind not in words:
            return f"{before}{words}{behind}"
    return words


def explain(corruption: str, answer: Sequence[str], source: Sequence[str]) -> str:
    """The explanation that a type and marks make. Empty without any of them. `static/page.js` says the same."""
    says = []
    if answer:
        says.append(f"the answer says {', '.join(map(quote, answer))}")
    if source:
        says.append(f"the source says {', '.join(map(quote, source))}")
    text = "; ".join(says)
    if corruption:
        return f"{corruption}: {text}." if text else f"{corruption}."
    return f"{text[0].upper()}{text[1:]}." if text else ""
