"""Find passages of the source material by their words."""

import re

import numpy as np
from pydantic import Field

from forge_arena.texts.words import SMALL_WORDS, stem
from forge_arena.tools.base import ToolFailed
from forge_arena.tools.passages import passages
from forge_arena.types import Noun, Observation

# The most passages that one search shows.
SHOWN = 3
# Section numbers ("9.10") and amounts ("1,800") are one word.
_WORD = re.compile(r"[^\W_]+(?:[.,'\u2019-][^\W_]+)*")


class Query(Noun):
    query: str = Field(min_length=1, max_length=500, description="words that the passage should have")


class SearchSource:
    """Search the source material for passages by their words. Shows the three passages that fit the query best,
    each with its number. The search compares words and not meanings: use the words that the source would use.
    """

    name = "search_source"
    arguments = Query
    uses = 8
    runs_code = False
    asks_worker = False

    def use(self, given: Noun, seen: Observation) -> str:
        assert isinstance(given, Query)
        texts = passages(seen.source_material)
        scores = _scores(texts, given.query)
        best = [place for place in np.argsort(-scores, kind="stable")[:SHOWN] if scores[place] > 0]
        if not best:
            raise ToolFailed(
                f"no passage has any of these words: search for other words, or read a passage by its number "
                f"(1 to {len(texts)})"
            )
        return "\n\n".join(f"[{place + 1} of {len(texts)}] {texts[place]}" for place in best)


def _scores(texts: tuple[str, ...], query: str) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    """The BM25 score of each passage, shape (passages,) (Robertson and Zaragoza 2009, in Lucene's form)."""
    # Takes a third of a second to import, and most episodes are played without a search.
    import bm25s

    corpus = [_words(text) for text in texts]
    known = {word for words in corpus for word in words}
    wanted = [word for word in _words(query) if word in known]
    if not wanted:
        return np.zeros(len(texts), dtype=np.float32)
    index = bm25s.BM25()
    index.index(corpus, show_progress=False)
    scores: np.ndarray[tuple[int], np.dtype[np.float32]] = index.get_scores(wanted)
    return scores


def _words(text: str) -> list[str]:
    """The stems of the words, without small words: few passages are no measure of how common a word is."""
    words = (match[0].lower() for match in _WORD.finditer(text))
    return [stem(word) for word in words if word not in SMALL_WORDS]


tool = SearchSource()
