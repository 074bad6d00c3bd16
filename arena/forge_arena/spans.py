"""How well the words that an explanation quotes cover the wrong places of an answer."""

import re
from collections.abc import Iterable

from forge_arena.rewards import MAX_QUOTES, quoted
from forge_arena.types import Span

_WORD = re.compile(r"\w+")


def span_f1(answer: str, spans: Iterable[Span], explanation: str) -> float | None:
    """The F1 of the words of an answer that an explanation quotes against those in the true places; None where these
    hold no word. A quote stands for every place where it occurs; what is not in the answer neither earns nor costs; more
    than `MAX_QUOTES` quotes point at nothing, as in the reward."""
    words = [(match.start(), match.end()) for match in _WORD.finditer(answer)]
    wanted = {n for n, (start, end) in enumerate(words) for span in spans if start < span.end and span.start < end}
    if not wanted:
        return None
    pointed: set[int] = set()
    quotes = {" ".join(quote.split()) for quote in quoted(explanation)} - {""}
    for quote in quotes if len(quotes) <= MAX_QUOTES else ():
        pattern = r"(?<!\w)" + r"\s+".join(map(re.escape, quote.split())) + r"(?!\w)"
        for match in re.finditer(pattern, answer, re.IGNORECASE):
            pointed |= {n for n, (start, end) in enumerate(words) if start < match.end() and match.start() < end}
    hit = len(wanted & pointed)
    return 2.0 * hit / (len(wanted) + len(pointed))
