"""Cut a chain of thought into steps. A step is the unit in which an overseer names the first wrong thought."""

from forge_arena.texts.sentences import sentences
from forge_arena.types import Span


def steps(reasoning: str) -> list[Span]:
    """The steps of a chain of thought: its lines if it has several, otherwise its sentences.

    Steps are numbered from 0, like the earliest error in ProcessBench (Zheng et al. 2024).
    """
    lines: list[Span] = []
    at = 0
    for line in reasoning.split("\n"):
        if line.strip():
            lines.append(Span(start=at, end=at + len(line)))
        at += len(line) + 1
    return lines if len(lines) > 1 else [Span(start=start, end=end) for start, end in sentences(reasoning)]
