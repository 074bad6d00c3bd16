"""Cut a text into sentences, and overlong sentences into pieces."""

from collections.abc import Sequence

from forge_arena.texts.sentences import sentences

# Longer sentences are read in pieces, because the time for a sentence grows with the square of its length.
LONGEST_SENTENCE = 1_200


def pieces(text: str) -> Sequence[tuple[int, int]]:
    """The (start, end) of each sentence, and of each piece of an overlong sentence. A fenced block is one sentence."""
    spans = sentences(text)
    if len(text) <= LONGEST_SENTENCE or max(end - start for start, end in spans) <= LONGEST_SENTENCE:
        return spans
    cut_up: list[tuple[int, int]] = []
    for start, end in spans:
        at = start
        while end - at > LONGEST_SENTENCE and "```" not in text[start : start + 8]:
            cut = text.rfind(" ", at + 1, at + LONGEST_SENTENCE)
            cut = cut if cut > at else at + LONGEST_SENTENCE
            cut_up.append((at, cut))
            at = cut
        cut_up.append((at, end))
    return cut_up
