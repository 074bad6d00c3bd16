"""Things that the task or the source requires to be stated, against what the answer states.

A thing counts as left out only where the source has a value for it, the answer has none of these values, and no sentence
of the answer has a word of the thing: it may be stated in other words otherwise.
"""

import re
from collections.abc import Iterator, Set

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
_NOT_PLAIN = re.compile(r"\b(?:not|never|if|unless|only|no|may)\b", re.IGNORECASE)
_IN_WORDS = re.compile(r"[A-Za-z'\u2019 -]+")
# They say what kind of value a thing has, and not which thing it is: "the case number", "the day of the hearing".
_KINDS = {
    word: kind
    for kind, words in {
        ClaimKind.date: "date day deadline",
        ClaimKind.duration: "period time length",
        ClaimKind.money: "amount sum price fee",
        ClaimKind.identifier: "number reference",
        ClaimKind.percent: "rate share percentage",
    }.items()
    for word in stems(words)
}
_ANY_KIND = frozenset(ClaimKind) - {ClaimKind.citation}
_MAX_WORDS = 7


def omissions(case: Case) -> Iterator[Finding]:
    """Required things of which the answer has neither a value nor a word."""
    spoken = {word for s in case.answer.sentences for word in s.words}
    for order in orders(case):
        for match in _REQUIRED.finditer(order.text):
            items = match["items"] or match["more"] or match["subject"]
            for item in () if _NOT_PLAIN.search(items) else _ITEM.split(items):
                words = [word for word in stems(item) if word not in _KINDS]
                kinds = {_KINDS[word] for word in stems(item) if word in _KINDS} or _ANY_KIND
                if not 0 < len(words) <= _MAX_WORDS or not _IN_WORDS.fullmatch(item) or spoken & set(words):
                    continue
                values = _values_of(case, order, words, kinds)
                if values and not any(equal(v, stated) for v in values for stated in case.answer.values):
                    home = values[0].sentence.text
                    yield Finding(
                        CorruptionType.factual_omission,
                        CLEAR,
                        home,
                        order.text,
                        f"{item.strip()} must be stated and is not",
                        case.with_sentence(home if home[-1:] in ".!?" else f"{home}."),
                    )


def _values_of(case: Case, order: Sentence, words: list[str], kinds: Set[ClaimKind]) -> list[Value]:
    """The values of some kinds in the sentences of the source that speak most of a thing, if one speaks of it by half."""
    covers = [
        (case.source.cover(words, s.words | set(stems(s.heading))), s)
        for s in case.source.sentences
        if s is not order and not s.code and not _REQUIRED.search(s.text)
    ]
    best = max((cover for cover, _ in covers), default=0.0)
    homes = [s for cover, s in covers if best >= 0.5 and cover > best - 0.05]
    return [v for s in homes for v in s.values if v.kind in kinds]
