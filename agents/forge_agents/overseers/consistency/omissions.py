"""What the source or the task requires to be stated, and whether it is."""

import re
from collections.abc import Iterator

from forge_agents.overseers.consistency.case import OMISSION, Case, Suspicion, equal
from forge_agents.overseers.consistency.passages import Sentence, Value, stems
from forge_arena.types import ClaimKind

_REQUIRED = re.compile(
    r"\b(?:must|should|shall|always|has to|needs? to|to)\s+(?:always\s+|also\s+)?(?:state|give|include|name|mention|contain|"
    r"quote|set out|tell|cover|report|list|specify|say)\b[: ]+(?P<items>[^.;]+)"
    r"|(?:^|[.:;]\s+)(?:always\s+)?(?:state|give|include|name|mention|quote|specify)\b[: ]+(?P<more>[^.;]+)"
    r"|(?P<subject>[^.;]{4,160}?)\s+(?:must|has to|have to|are to|is to) (?:always )?(?:be )?(?:stated|given|included|named|"
    r"mentioned|appear|quoted|set out|left in)",
    re.IGNORECASE,
)
_ITEM = re.compile(r"\s*(?:,\s*(?:and|as well as)\s+|,|\band\b|\bas well as\b|\bplus\b)\s*")
_NO_ITEM = re.compile(
    r"^\s*(?:this|it|that|them)\b|\b(?:calendar|each|every|whatever|any|rests?|relied)\b", re.IGNORECASE
)
_KIND_WORDS: dict[ClaimKind, frozenset[str]] = {
    kind: frozenset(stems(words))
    for kind, words in {
        ClaimKind.identifier: "number reference case ticket version id code model sku",
        ClaimKind.date: "date day deadline",
        ClaimKind.duration: "window period time term duration notice warranty limit length",
        ClaimKind.percent: "rate percentage share interest cap",
        ClaimKind.money: "amount sum price fee cost cap charge deposit penalty premium rent",
    }.items()
}
_ANY_KIND = frozenset(word for words in _KIND_WORDS.values() for word in words)


def omissions(case: Case) -> Iterator[Suspicion]:
    """Things that the source or the task requires to be stated and the answer leaves out."""
    body = [s for s in case.answer.sentences if not s.code]
    for order in case.orders:
        for match in _REQUIRED.finditer(order.text):
            items = match["items"] or match["more"] or match["subject"] or ""
            if re.search(r"\b(?:not|never|if|unless)\b", items, re.IGNORECASE):
                continue
            for item in _ITEM.split(items):
                words = stems(item)
                if 0 < len(words) <= 7 and not _NO_ITEM.search(item):
                    yield from _omitted(case, order, item.strip(), words, body)


def _omitted(case: Case, order: Sentence, item: str, words: list[str], body: list[Sentence]) -> Iterator[Suspicion]:
    kinds = {kind for kind, names in _KIND_WORDS.items() if names & set(words)}
    specific = [word for word in words if word not in _ANY_KIND]
    homes = _homes(case, order, specific or words, kinds)
    if any(equal(home, v) for home in homes for v in case.answer.values):
        return
    for sentence in body:
        has_kind = not kinds or any(v.kind in kinds for v in sentence.values)
        if has_kind and (case.source.cover(specific or words, sentence.words) >= 0.5 or (kinds and not specific)):
            return
    value = homes[0] if homes else None
    stated = value.sentence if value is not None else _telling(case, order, words)
    if stated is None:
        yield Suspicion(OMISSION, 0.15, order.text, order.text, f"{item} must be stated and is not")
        return
    if value is None and _mostly_said(case, stated, body):
        return
    added = stated.text if stated.text[-1:] in ".!?" else f"{stated.text}."
    yield Suspicion(
        OMISSION,
        _weight_of_omission(value, kinds, body),
        stated.text,
        order.text,
        f"{item} must be stated and is not",
        case.with_sentence(added),
    )


def _weight_of_omission(value: Value | None, kinds: set[ClaimKind], body: list[Sentence]) -> float:
    """Surest where the answer has no value of that kind at all; a synonym may hide what is stated otherwise."""
    if value is None:
        return 0.3
    return 0.4 if any(v.kind in kinds for s in body for v in s.values) else 0.75


def _homes(case: Case, order: Sentence, words: list[str], kinds: set[ClaimKind]) -> list[Value]:
    """The values of the source that an item may mean, likeliest first."""
    asked = dict.fromkeys(words, 1.0)
    found = [
        (case.source.likeness(asked, v.context), v)
        for v in case.source.values
        if v.kind in kinds and v.sentence is not order and not v.boundary and v.pastness <= 0.25
    ]
    best = max((score for score, _ in found), default=0.0)
    if best < 0.2:
        # The item's own words are nowhere near a value; what stands near the answer's words is the next best guess.
        said = dict.fromkeys((word for s in case.answer.sentences for word in s.words), 1.0)
        near = sorted(((case.source.likeness(v.context, said), v) for _, v in found), key=lambda pair: -pair[0])
        return [v for _, v in near]
    return [v for score, v in sorted(found, key=lambda pair: -pair[0]) if score >= 0.5 * best]


def _telling(case: Case, order: Sentence, words: list[str]) -> Sentence | None:
    """The sentence of the source that speaks most of an item; None where none does."""
    found = [(case.source.cover(words, s.words), s) for s in case.source.sentences if s is not order]
    cover, sentence = max(found, key=lambda pair: pair[0], default=(0.0, None))
    return sentence if cover >= 0.5 else None


def _mostly_said(case: Case, stated: Sentence, body: list[Sentence]) -> bool:
    said = {word for s in body for word in s.words}
    numbers = {w for w in stated.words if w[:1].isdigit()}
    return case.source.cover(stated.words, said) > 0.5 or bool(numbers and numbers <= said)
