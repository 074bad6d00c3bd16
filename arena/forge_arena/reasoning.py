"""Cut a chain of thought into steps, the unit in which the first corrupted one is named."""

from forge_arena.text import sentences
from forge_arena.types import Span


def steps(reasoning: str) -> list[Span]:
    """The steps of a chain of thought: its lines where it has several, else its sentences. Numbered from 0, as the
    earliest error is in ProcessBench (Zheng et al. 2024)."""
    lines: list[Span] = []
    at = 0
    for line in reasoning.split("\n"):
        if line.strip():
            lines.append(Span(start=at, end=at + len(line)))
        at += len(line) + 1
    return lines if len(lines) > 1 else [Span(start=start, end=end) for start, end in sentences(reasoning)]
