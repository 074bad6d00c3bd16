"""The content words of a text: what is left when the small words and the endings are taken away.

"the sockets must stand in the hallway" has the content words `socket`, `must`, `stand` and `hallway`. Two texts that
say the same in other words share most of their content words.
"""

import re
import threading
from functools import lru_cache

import snowballstemmer

_WORD = re.compile(r"[^\W_]+(?:['\u2019][^\W_]+)?|\d+(?:[.,]\d+)*")
# One stemmer a thread, because a stemmer works in fields of its own, and a server verifies in threads.
_of_thread = threading.local()

# Words that only join other words. A closed class of English, so the list is complete without looking at any scenario.
SMALL_WORDS = frozenset(
    """
    a about above after again all also am an and another any anybody anyone anything are as at be because been
    before being below between both but by can could did do does doing done down during each either else ever every
    for from further get gets getting got had has have having he her here hers herself him himself his how i if in
    into is it its itself just let me more most much my myself neither of off on once one only onto or other others
    our ours ourselves out over own per quite same shall she should since so some such than that the their theirs
    them themselves then there these they this those though through to too under until up upon us very was we were
    what whatever when where whether which while who whom whose why will with within would yes yet you your yours
    yourself yourselves
    """.split()  # noqa: SIM905 - a list of a hundred quoted words is harder to read
)


def word_count(text: str) -> int:
    """How many words a text has, as a person counts them: the marks of a list and a dash between spaces are none."""
    return sum(any(map(str.isalnum, word)) for word in text.split())


@lru_cache(maxsize=65_536)
def stem(word: str) -> str:
    """The stem of a word: `expiry`, `expires` and `expired` become one or nearly so."""
    if word.isdigit():
        return word
    if not hasattr(_of_thread, "stemmer"):
        _of_thread.stemmer = snowballstemmer.stemmer("english")
    stemmed: str = _of_thread.stemmer.stemWord(word.replace("\u2019", "'").removesuffix("'s").removesuffix("'"))
    return stemmed


@lru_cache(maxsize=65_536)
def _stem_of_content(written: str) -> str | None:
    """The stem of a word as it is written; None for a small word."""
    word = written.lower()
    return None if word in SMALL_WORDS else stem(word)


def placed_stems(text: str) -> list[tuple[str, int, int]]:
    """The stem of each content word, with its place in the text, in order. Small words are left out."""
    return [
        (stemmed, match.start(), match.end())
        for match in _WORD.finditer(text)
        if (stemmed := _stem_of_content(match[0])) is not None
    ]


@lru_cache(maxsize=16_384)
def content(text: str) -> frozenset[str]:
    """The stems of the content words of a text."""
    return frozenset(stem for stem, _, _ in placed_stems(text))
