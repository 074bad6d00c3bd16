"""How well the words that an explanation quotes cover the wrong places of an answer."""

import re
from collections.abc import Iterable

from forge_arena.rewards import MAX_QUOTES, quotes_in
from forge_arena.types import Span

_WORD = re.compile(r"\w+")


def span_f1(answer: str, spans: Iterable[Span], explanation: str) -> float | None:
    """F1 = 2 * hits / (wrong words + quoted words), over the words of an answer; None if the spans hold no word.

    The wrong words lie in the spans, and the quoted words are those that the explanation quotes. A quote counts at
    every place where it occurs. A quote that is not in the answer changes nothing. More than `MAX_QUOTES` quotes count
    as none, as in the reward.
    """
    words = [(match.start(), match.end()) for match in _WORD.finditer(answer)]
    wrong_words = {n for n, (start, end) in enumerate(words) for span in spans if start < span.end and span.start < end}
    if not wrong_words:
        return None
    quoted_words: set[int] = set()
    quotes = {" ".join(quote.split()) for quote in quotes_in(explanation)} - {""}
    for quote in quotes if len(quotes) <= MAX_QUOTES else ():
        pattern = r"(?<!\w)" + r"\s+".join(map(re.escape, quote.split())) + r"(?!\w)"
        for match in re.finditer(pattern, answer, re.IGNORECASE):
            quoted_words |= {n for n, (start, end) in enumerate(words) if start < match.end() and match.start() < end}
    hits = len(wrong_words & quoted_words)
    return 2.0 * hits / (len(wrong_words) + len(quoted_words))
