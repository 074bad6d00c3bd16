"""Places and authorities that the answer cites, against the sections, citations and names that the source has."""

import re
from collections.abc import Iterator

from forge_agents.overseers.consistency.case import CLEAR, STRONG, Case, Finding, equal
from forge_agents.overseers.consistency.passages import Value, stems
from forge_arena.types import ClaimKind, CorruptionType

FABRICATION = CorruptionType.authority_fabrication
_PARTS = frozenset({"section", "clause", "article", "paragraph", "schedule", "appendix", "exhibit", "annex"})
_MOST, _FEW = 0.6, 0.34
# Only phrases that make somebody vouch for something; "under the Big Top" or "following Jane" do not.
_VOUCHED_BY = re.compile(
    r"\b(?:according to|certified by|as required by|approved by|tested by|recommended by|endorsed by|ruled by) (?:the |an? )?"
    r"(?P<name>[A-Z][\w&'-]*(?:(?: (?:of|for|and|the|on))* [A-Z][\w&'-]*)+)"
)


def absent_places(case: Case) -> Iterator[Finding]:
    """Cited places that the source does not have: strong evidence where it has others of their form.

    Where it has none, only a part of a document is held against the answer: a standard may be known from elsewhere.
    """
    if not case.source.sentences:
        return
    forms = {_form(given) for given in case.source.values if given.kind is ClaimKind.citation}
    for value in _citations(case):
        if case.is_given(value.text) or section_of(case, value) or any(equal(value, given) for given in case.given):
            continue
        has_others = _form(value) in forms or (_number(value) and _siblings(case, value))
        if not has_others and _form(value) not in _PARTS:
            continue
        yield Finding(
            FABRICATION,
            STRONG if has_others else CLEAR,
            value.text,
            "it has others" if has_others else "it has none of the kind",
            "the source has no such place",
            _renumbered(case, value, _only_home(case, value)) or case.without(value.sentence),
        )


def misplaced_citations(case: Case) -> Iterator[Finding]:
    """Cited sections that do not say it, where one neighbouring section alone does.

    That is strong evidence where the sentence states a value, and clear evidence where only its words tell.
    """
    for value in _citations(case):
        section, siblings = section_of(case, value), _siblings(case, value)
        if (
            section is None
            or len({v.mention.value for v in value.sentence.values if v.kind is ClaimKind.citation}) != 1
        ):
            continue
        home, strength = _only_home(case, value), STRONG
        if home not in siblings:
            home, strength = _home_by_words(case, value, section, siblings), CLEAR
        if home is not None:
            yield Finding(
                FABRICATION,
                strength,
                value.text,
                max((s.text for s in case.source.sections[home]), key=len),
                "that place does not say so",
                _renumbered(case, value, home),
            )


def unknown_authorities(case: Case) -> Iterator[Finding]:
    """Those who are said to vouch for something, and of whose name the source has hardly a word."""
    if not case.source.sentences:
        return
    known = set(re.findall(r"[A-Z][\w&'-]*", f"{case.source.text} {case.task.text}"))
    for sentence in case.answer.sentences:
        for match in _VOUCHED_BY.finditer(sentence.text):
            words = re.findall(r"[A-Z][\w&'-]*", match["name"])
            if 2 * len(known & set(words)) < len(words):
                yield Finding(
                    FABRICATION,
                    CLEAR,
                    match["name"],
                    "no such name",
                    "the source does not know this authority",
                    case.without(sentence),
                )


def section_of(case: Case, value: Value) -> str | None:
    """The source's own section that a citation names, if it does; "3.2(a)" is in section 3.2."""
    number = _number(value)
    while number and number not in case.source.sections:
        number = number[: max(0, number.rfind("("))]
    return number or None


def _citations(case: Case) -> list[Value]:
    return [value for value in case.answer.values if value.kind is ClaimKind.citation]


def _number(value: Value) -> str:
    cited = value.mention.value
    return str(cited[1]) if isinstance(cited, tuple) and len(cited) == 2 and cited[0] else ""


def _form(value: Value) -> object:
    cited = value.mention.value
    return cited[0] if isinstance(cited, tuple) else None


def _siblings(case: Case, value: Value) -> list[str]:
    """The sections that are numbered like the cited one: of 3.4 those of chapter 3, of 7 those without a point."""
    number = _number(value).partition("(")[0]
    chapter = number.rpartition(".")[0]
    return [other for other in case.source.sections if other != number and other.rpartition(".")[0] == chapter]


def _only_home(case: Case, value: Value) -> str | None:
    """The one section that has the values of the citing sentence, if they stand nowhere else."""
    stated = [v for v in value.sentence.values if v.kind is not ClaimKind.citation]
    homes = {given.sentence.section for given in case.given if any(equal(given, v) for v in stated)}
    return homes.pop() if len(homes) == 1 else None


def _home_by_words(case: Case, value: Value, section: str, siblings: list[str]) -> str | None:
    """The one sibling that has most words of the citing sentence, if the cited section has none and no other has many."""
    text = value.sentence.text
    asked = set(stems(f"{text[: value.mention.start]} {text[value.mention.end :]}"))
    shares = {
        number: len(asked & {w for s in case.source.sections[number] for w in (*s.words, *stems(s.heading))})
        / len(asked)
        for number in (section, *siblings)
        if len(asked) > 1
    }
    if not siblings or shares.get(section, 1.0) > 0.0:
        return None
    best, *others = sorted(siblings, key=lambda number: -shares[number])
    alone = not others or shares[others[0]] <= _FEW
    return best if shares[best] >= _MOST and alone else None


def _renumbered(case: Case, value: Value, number: str | None) -> str | None:
    at = value.text.lower().rfind(_number(value))
    if number is None or at < 0:
        return None
    start = value.sentence.start + value.mention.start + at
    return case.answer.text[:start] + number + case.answer.text[start + len(_number(value)) :]
