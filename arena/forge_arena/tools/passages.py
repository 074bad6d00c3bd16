"""Cut source material into numbered passages: what the look-up tools find and read.

A passage is a paragraph with the lines that stand directly above and below it. A fenced block belongs to one passage
whole. A long paragraph is cut between its sentences, so that reading a passage never means reading the source.
"""

import re
from functools import lru_cache

from forge_arena.texts.sentences import sentences

# Words from which on a paragraph is cut.
LONG = 120
_FENCE = re.compile(r"[ \t]*```")


@lru_cache(maxsize=1_024)
def passages(source: str) -> tuple[str, ...]:
    """The passages of a source, in order. An overseer counts them from 1."""
    return tuple(part for paragraph in _paragraphs(source) for part in _cut(paragraph))


def _paragraphs(source: str) -> list[str]:
    paragraphs: list[list[str]] = [[]]
    fenced = False
    for line in source.splitlines():
        fenced ^= _FENCE.match(line) is not None
        if line.strip() or fenced:
            paragraphs[-1].append(line)
        elif paragraphs[-1]:
            paragraphs.append([])
    return ["\n".join(lines) for lines in paragraphs if lines]


def _cut(paragraph: str) -> list[str]:
    """The paragraph in parts of at most `LONG` words; a sentence is never cut."""
    if len(paragraph.split()) <= LONG:
        return [paragraph]
    parts: list[str] = []
    start = end = words = 0
    for sentence in sentences(paragraph):
        length = len(paragraph[slice(*sentence)].split())
        if words and words + length > LONG:
            parts.append(paragraph[start:end])
            start, words = sentence[0], 0
        words += length
        end = sentence[1]
    return [*parts, paragraph[start:]]
