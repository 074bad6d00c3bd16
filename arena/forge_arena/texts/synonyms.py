"""Say a small thing in other words of the same meaning, wherever the same two ways of saying it are both good English.

Each pair works in both directions, so neither side of a pair becomes more frequent than the other. Where a verb must
agree with its subject, the subject must be surely one thing: "bags must be weighed" stays.
"""

import re
from collections.abc import Iterator

from forge_arena.texts.fitting import Replacement
from forge_arena.texts.subjects import begins_clause, is_one

_NUMBER = r"(?= (?:[$€£]?\d|one\b|two\b|three\b|four\b|five\b|six\b|seven\b|eight\b|nine\b|ten\b|twelve\b))"
_THING = r"(?= (?:a|an|the|your|our|that|`))"
_WHO = (("it", "has"), ("they", "have"), ("you", "have"), ("we", "have"))
_WHO_DOES = (("it", "does"), ("they", "do"), ("you", "do"), ("we", "do"))
# What stands behind "each" where "each" is no article: "they cost $2 each and hold a litre".
_NO_THING = (
    "of|other|side|case|and|or|but|plus|for|from|with|when|where|who|that|has|have|had|are|was|were|will|would|can|could|may|"
    "must|shall|should|gets?|the|into|under|over|than|then|while|because|per|not|if|as|at|by|in|is|on|to"
)
_PER = ("minute", "hour", "day", "week", "month", "quarter", "year")
# (one way, the other way, what must follow either of them)
_PAIRS: tuple[tuple[str, str, str], ...] = (
    ("at most", "no more than", _NUMBER),
    ("lasts", "runs for", _NUMBER),
    ("each", "every", rf"(?= (?!(?:{_NO_THING})\b)[a-z]{{3}})"),
    ("you can", "you may", r"(?= [a-z])"),
    ("can be", "may be", r"(?= [a-z]+ed\b)"),
    ("must be", "has to be", r"(?= [a-z]+(?:ed|en|ht|id|nt)\b)"),
    *((f"{who} must", f"{who} {verb} to", r"(?= [a-z])") for who, verb in _WHO),
    *((f"{who} need not", f"{who} {verb} not have to", r"(?= [a-z])") for who, verb in _WHO_DOES),
    ("receive", "get", _THING),
    ("receives", "gets", _THING),
    ("begins", "starts", ""),
    ("let us know", "tell us", ""),
    ("let me know", "tell me", ""),
    ("asks for", "calls for", _THING),
    ("says that", "states that", ""),
    ("is due", "is payable", r"(?= (?:on|in|by|at)\b)"),
    ("at once", "immediately", ""),
    ("simply", "just", ""),
    ("at present", "at the moment", ""),
    ("for example", "for instance", ""),
    ("by telephone", "by phone", ""),
    ("kind regards", "best regards", ""),
    ("thank you for", "thanks for", ""),
    ("we are sorry", "we apologise", r"(?= for\b)"),
    ("whereas", "while", ""),
    ("whoever", "anyone who", r"(?= [a-z]+s\b)"),
    ("in force", "in effect", ""),
    ("accepted", "approved", r"(?= (?:by|on|in)\b)"),
    ("decided", "settled", r"(?= (?:by|on|in)\b)"),
    ("the fault", "the defect", r"(?=[ .,:])"),
    ("gives", "returns", r"(?= [`\[])"),
    ("fails", "breaks", r"(?= on\b)"),
    ("further", "other", r"(?= (?:points?|changes?|questions?|orders?)\b)"),
    ("a few", "some", r"(?= [a-z]+s\b)"),
    ("on time", "in time", ""),
    ("before that", "until then", ""),
    ("is kept", "is held", r"(?= (?:for|in|on)\b)"),
    ("are kept", "are held", r"(?= (?:for|in|on)\b)"),
    ("we have checked", "we have looked into", ""),
    ("replies", "answers", r"(?= within\b)"),
)
_REPLACES = [
    (re.compile(rf"(?<![\w'-]){re.escape(mine)}(?![\w'-]){behind}", re.IGNORECASE), other)
    for one, another, behind in _PAIRS
    for mine, other in ((one, another), (another, one))
]
_OF_ONE = frozenset({"has to be"})
_OF_PRONOUN = frozenset(
    {f"{who} {verb} to" for who, verb in _WHO} | {f"{who} {verb} not have to" for who, verb in _WHO_DOES}
)
# "£5 a month", but not "for a month".
_REPLACES += [
    (re.compile(rf"(?<=[\d%] ){mine}\b"), other)
    for unit in _PER
    for one, another in [(f"{'an' if unit == 'hour' else 'a'} {unit}", f"per {unit}")]
    for mine, other in ((one, another), (another, one))
]


def other_words(text: str) -> Iterator[Replacement]:
    """Each place of a text that can be said in other words, with the other words."""
    for pattern, other in _REPLACES:
        for match in pattern.finditer(text):
            before = text[: match.start()]
            if other in _OF_ONE and not is_one(before):
                continue
            if other in _OF_PRONOUN and not begins_clause(before):
                # "Whoever is given it must pay": "it" is no subject.
                continue
            yield Replacement(*match.span(), other[0].upper() + other[1:] if match[0][0].isupper() else other)
