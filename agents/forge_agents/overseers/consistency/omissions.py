"""Things that the task or the source requires to be stated, against what the answer states.

A thing counts as left out only where the source has a value for it, the answer has none of these values, and no sentence
of the answer has a word of the thing: it may be stated in other words otherwise.
"""

import re
from collections.abc import Iterator

from forge_agents.overseers.consistency.case import CLEAR, Case, Finding, equal
from forge_agents.overseers.consistency.orders import orders
from forge_agents.overseers.consistency.passages import Sentence, Value, stems
from forge_arena.types import ClaimKind, CorruptionType

_STATE = r"(?:state|give|include|name|mention|contain|cover|report|list|specify|tell|say)"
_REQUIRED = re.compile(
    rf"\b(?:must|should|shall|has to|have to|needs? to) (?:always |also )?{_STATE}\b[: ]+(?P<items>[^.;]+)"
    # "State the fee", but not "State Street".
    r"|^\W*(?:always )?(?:state|give|include|name|mention|specify)(?: |: )(?!of )(?=(?-i:[a-z]))(?P<more>[^.;]+)"
    r"|(?P<subject>[^.;:]{4,200}?) (?:must|has to|have to) (?:always )?be (?:stated|given|included|named|mentioned)",
    re.IGNORECASE,
)
_ITEM = re.compile(r"\s*(?:,\s*(?:and\s+)?|\band\b)\s*")
_NOT_PLAIN = re.compile(r"\b(?:not|never|if|unless|only|no)\b", re.IGNORECASE)
_IN_WORDS = re.compile(r"[A-Za-z'\u2019 -]+")
_MAX_WORDS = 7


def omissions(case: Case) -> Iterator[Finding]:
    """Required things of which the answer has neither a value nor a word."""
    spoken = {word for s in case.answer.sentences for word in s.words}
    for order in orders(case):
        for match in _REQUIRED.finditer(order.text):
            items = match["items"] or match["more"] or match["subject"]
            for item in () if _NOT_PLAIN.search(items) else _ITEM.split(items):
                words = stems(item)
                if not 0 < len(words) <= _MAX_WORDS or not _IN_WORDS.fullmatch(item) or spoken & set(words):
                    continue
                home, values = _home(case, order, words)
                if values and not any(equal(v, stated) for v in values for stated in case.answer.values):
                    added = home.text if home.text[-1:] in ".!?" else f"{home.text}."
                    why = f"{item.strip()} must be stated and is not"
                    repair = case.with_sentence(added)
                    yield Finding(CorruptionType.factual_omission, CLEAR, home.text, order.text, why, repair)


def _home(case: Case, order: Sentence, words: list[str]) -> tuple[Sentence, list[Value]]:
    """The sentence of the source that speaks most of a thing, with the values of all that speak as much of it."""
    covers = [
        (case.source.cover(words, s.words | set(stems(s.heading))), s)
        for s in case.source.sentences
        if s is not order and not s.code and not _REQUIRED.search(s.text)
    ]
    best, home = max(covers, key=lambda pair: pair[0], default=(0.0, order))
    homes = [s for cover, s in covers if best >= 0.5 and cover > best - 0.05]
    return home, [v for s in homes for v in s.values if v.kind is not ClaimKind.citation]
