"""The words of the answer, against those of the source: how much of what the answer says has the source in other places?"""

from forge_agents.overseers.consistency.case import Case
from forge_agents.overseers.consistency.passages import STOP_WORDS, WORD

SUPPORTED = 0.44


def probability_by_words(case: Case) -> float:
    """P(corrupted) before anything is found: a half where there is nothing to compare, less by each word that the source
    has.

    It stays at or below a half, because to say a thing in other words is no mistake.
    """
    source = _content(case.source.lower)
    words = [word for word in _words(case.answer.lower) if word not in STOP_WORDS]
    if not source or not words:
        return 0.5
    lacking = sum(word not in source for word in words) / len(words)
    return SUPPORTED + (0.5 - SUPPORTED) * lacking


def _words(text: str) -> list[str]:
    return WORD.findall(text)


def _content(text: str) -> frozenset[str]:
    return frozenset(_words(text)) - STOP_WORDS
