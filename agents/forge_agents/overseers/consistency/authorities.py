"""Authorities that the answer cites: are they there, and do they say it?"""

import re
from collections.abc import Iterator

from forge_agents.overseers.consistency.case import FABRICATION, Case, Suspicion, equal, swapped
from forge_agents.overseers.consistency.passages import Value, stems
from forge_arena.types import ClaimKind

_AUTHORITY = re.compile(
    r"\b(?:according to|certified by|certified to|certified under|as required by|required by|approved by|tested by|rated by"
    r"|guidance (?:of|from)|published by|recommended by|endorsed by|awarded by|ruled by|under|per|pursuant to|in line with"
    r"|confirmed by|reviewed by|laid down (?:in|by)|following)\s+(?:the |a |an )?"
    r"(?P<name>[A-Z][\w&'.-]*(?:(?: (?:of|for|and|the|on|in))* [A-Z0-9][\w&'./-]*){1,6})"
)


def citations(case: Case) -> Iterator[Suspicion]:
    """Cited places that the source does not have, or that say something else there."""
    for value in case.answer.values:
        if value.kind is ClaimKind.citation and case.source.sentences:
            yield from _cited(case, value)
    for sentence in case.answer.sentences:
        for match in _AUTHORITY.finditer(sentence.text):
            name = match["name"].rstrip(".'")
            if case.source.sentences and name.lower() not in case.known and not _known_parts(case, name):
                yield Suspicion(
                    FABRICATION,
                    0.65,
                    name,
                    "no such name",
                    "the source does not know this authority",
                    case.without(sentence),
                )


def _known_parts(case: Case, name: str) -> bool:
    words = re.findall(r"[A-Z0-9][\w&'-]*", name)
    return sum(w.lower() in case.known for w in words) > len(words) / 2


def _cited(case: Case, value: Value) -> Iterator[Suspicion]:
    section = _section_of(case, value)
    claim = _claim_words(value)
    if section is None:
        places = [v for v in case.given if equal(v, value)]
        if not places and value.text.lower() not in case.known:
            right = _best_section(case, claim, value)
            repair = _renumbered(case, value, right) if right else case.without(value.sentence)
            yield Suspicion(FABRICATION, 0.9, value.text, "no such place", "the source has no such place", repair)
        elif places:
            yield from _cited_elsewhere(case, value, places)
        return
    supports = {number: _support(case, claim, value, number) for number in case.source.sections}
    best = max(supports, key=lambda number: supports[number])
    lead = supports[best] - supports[section]
    if best != section and not _within(section, best) and lead > 0.2 and supports[section] < 0.35:
        weight = min(0.75, 0.1 + 1.2 * lead)
        yield Suspicion(
            FABRICATION,
            weight,
            value.text,
            case.source.sections[best][0].text,
            "that place says something else",
            _renumbered(case, value, best),
        )


def _within(a: str, b: str) -> bool:
    return a.startswith(f"{b}.") or b.startswith(f"{a}.")


def _section_of(case: Case, value: Value) -> str | None:
    """The source's own section that a citation names, if it does."""
    cited = value.mention.value
    if not isinstance(cited, tuple) or len(cited) != 2 or not cited[0]:
        return None
    number = str(cited[1])
    while number:
        if number in case.source.sections:
            return number
        cut = max(number.rfind("("), number.rfind("."))
        if cut <= 0 or number[cut] == ".":
            return None
        number = number[:cut]
    return None


def _claim_words(value: Value) -> dict[str, float]:
    return {word: weight for word, weight in value.context.items() if not word[:1].isdigit()}


def _support(case: Case, claim: dict[str, float], value: Value, number: str) -> float:
    inside = case.source.sections[number]
    words: dict[str, float] = {}
    for sentence in inside:
        for word in (*sentence.words, *stems(sentence.heading)):
            words[word] = 1.0
    shared = case.source.likeness(claim, words)
    stated = [v for v in value.sentence.values if v.kind is not ClaimKind.citation]
    if not stated:
        return shared
    held = sum(any(equal(v, s) for sentence in inside for v in sentence.values) for s in stated)
    return 0.6 * shared + 0.4 * held / len(stated)


def _best_section(case: Case, claim: dict[str, float], value: Value) -> str | None:
    if not case.source.sections:
        return None
    return max(case.source.sections, key=lambda number: _support(case, claim, value, number))


def _renumbered(case: Case, value: Value, number: str) -> str:
    cited = value.mention.value
    old = str(cited[1]) if isinstance(cited, tuple) else ""
    start = value.text.lower().rfind(old)
    new = value.text[:start] + number if old and start >= 0 else number
    return case.replaced(value.sentence, value.mention.start, value.mention.end, new)


def _cited_elsewhere(case: Case, value: Value, places: list[Value]) -> Iterator[Suspicion]:
    """An outside authority that the source knows: does it say there what the answer has it say?"""
    claim = _claim_words(value)
    own = max(case.source.likeness(claim, dict.fromkeys(place.sentence.words, 1.0)) for place in places)
    rivals = [
        (case.source.likeness(claim, dict.fromkeys(v.sentence.words, 1.0)), v)
        for v in case.source.values
        if v.kind is ClaimKind.citation and not equal(v, value)
    ]
    score, rival = max(rivals, key=lambda pair: pair[0], default=(0.0, None))
    if rival is not None and score > own + 0.2:
        weight = min(0.75, 0.3 + score - own)
        yield Suspicion(
            FABRICATION,
            weight,
            value.text,
            rival.sentence.text,
            "that authority says something else",
            swapped(case, value, rival),
        )
