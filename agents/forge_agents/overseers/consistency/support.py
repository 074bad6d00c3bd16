"""Compare the words of the answer with those of the source: which share of them does the source lack?"""

from forge_agents.overseers.consistency.observation import ParsedObservation
from forge_agents.overseers.consistency.passages import STOP_WORDS, WORD

# P(corrupted) of an answer all of whose words are in the source.
SUPPORTED = 0.44


def probability_by_words(parsed: ParsedObservation) -> float:
    """P(corrupted) before any objection: `0.44 + 0.06 * (share of the answer's words that the source lacks)`.

    It is 0.5 if there is nothing to compare. It never exceeds 0.5, because other words for a thing are no mistake.
    """
    known = set(WORD.findall(parsed.source.lower)) - STOP_WORDS
    words = [word for word in WORD.findall(parsed.answer.lower) if word not in STOP_WORDS]
    if not known or not words:
        return 0.5
    lacking = sum(word not in known for word in words) / len(words)
    return SUPPORTED + (0.5 - SUPPORTED) * lacking
