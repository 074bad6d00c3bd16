"""The words of the answer, against those of the source: which share of them does the source not have?"""

from forge_agents.overseers.consistency.case import Case
from forge_agents.overseers.consistency.passages import STOP_WORDS, WORD

SUPPORTED = 0.44


def probability_by_words(case: Case) -> float:
    """P(corrupted) before anything is found: a half where there is nothing to compare, less by each word that the source
    has.

    It stays at or below a half, because to say a thing in other words is no mistake.
    """
    known = set(WORD.findall(case.source.lower)) - STOP_WORDS
    words = [word for word in WORD.findall(case.answer.lower) if word not in STOP_WORDS]
    if not known or not words:
        return 0.5
    lacking = sum(word not in known for word in words) / len(words)
    return SUPPORTED + (0.5 - SUPPORTED) * lacking
