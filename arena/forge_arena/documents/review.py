"""Show imported scenarios on one HTML page: what was kept, where the document bears it out, and what was dropped.

The page works from disk and asks for nothing over a network. Whoever looks through the scenarios ticks those that are
not wanted, and saves a list for `scenarios import --leave-out`. Needs jinja2 (the extra `report`).
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from forge_arena.corruptions import possible
from forge_arena.documents.facts import Dropped
from forge_arena.documents.importing import Import, Part, why_impossible
from forge_arena.documents.keeping import Kept
from forge_arena.documents.playing import scenario_id
from forge_arena.types import Alternative, Claim, ClaimKind, CorruptionType, Scenario, Standing

# What a wrong alternative is, in the words of the page.
_STANDINGS = {
    Standing.superseded: "in force once",
    Standing.elsewhere: "of something else in the document",
    Standing.absent: "not in the document",
    Standing.unfit: "does not fit",
    Standing.turned: "the sense turned",
}
_KINDS = {ClaimKind.constraint: "rule", ClaimKind.term: "in words"}


@dataclass(frozen=True, slots=True)
class Wrong:
    """What a corrupted answer may say instead."""

    text: str
    what: str
    stealth: int


@dataclass(frozen=True, slots=True)
class Fact:
    """A claim as the page shows it.

    Attributes:
        number: its number in the source; None for what stands at no place.
        right: the value, the statement, the section or the option that is right.
        page: the page of the document that holds it.
    """

    number: int | None
    kind: str
    label: str
    required: bool
    right: str
    statement: str
    wrong: tuple[Wrong, ...]
    page: int | None


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of the source, and the numbers of the facts that it bears out. `begins` are those that begin here."""

    text: str
    facts: tuple[int, ...]
    begins: tuple[int, ...]
    is_required: bool


@dataclass(frozen=True, slots=True)
class Card:
    """One scenario on the page. `impossible` are the corruptions that no answer can take, each with the reason."""

    id: str
    document: str
    pages: tuple[int, int] | None
    scenario: Scenario
    split: str
    corruptions: tuple[CorruptionType, ...]
    impossible: tuple[tuple[CorruptionType, str], ...]
    facts: tuple[Fact, ...]
    segments: tuple[Segment, ...]
    dropped: tuple[Dropped, ...]
    is_left_out: bool


def page(run: Import) -> str:
    """The page of a run.

    Raises:
        ModuleNotFoundError: jinja2 is not installed.
    """
    from forge_arena.templates import fill

    cards = tuple(_card(run, part, scenario, run.made[number].kept) for number, part, scenario in run.numbered())
    unmade = [
        (run.parts[number].stretch.name, written.kept.dropped)
        for number, written in sorted(run.made.items())
        if written.kept.scenario is None
    ]
    name = hashlib.sha256("\n".join(card.id for card in cards).encode()).hexdigest()[:12]
    return fill(
        __package__ or "",
        "review.html.jinja",
        cards=cards,
        unmade=unmade,
        refused=run.reading.refused,
        missing=run.missing,
        page_name=name,
    )


def _card(run: Import, part: Part, scenario: Scenario, kept: Kept) -> Card:
    facts = _facts(part, scenario, kept)
    corruptions = possible(scenario.claims)
    numbers = {fact.id: number for number, fact in enumerate(_placed(scenario), start=1)}
    return Card(
        id=scenario_id(scenario),
        document=part.stretch.name,
        pages=part.stretch.pages,
        scenario=scenario,
        split=part.split.value,
        corruptions=tuple(sorted(corruptions)),
        impossible=tuple(
            (type, why_impossible(type, part.stretch, kept)) for type in sorted(set(CorruptionType) - corruptions)
        ),
        facts=facts,
        segments=segments(scenario, numbers),
        dropped=kept.dropped,
        is_left_out=scenario_id(scenario) in run.left_out,
    )


def _placed(scenario: Scenario) -> list[Claim]:
    """The claims with a place in the source, apart from sections, in the order of the places."""
    placed = [claim for claim in scenario.claims if claim.source_spans and claim.kind is not ClaimKind.citation]
    return sorted(placed, key=lambda claim: (claim.source_spans[0].start, claim.id))


def _facts(part: Part, scenario: Scenario, kept: Kept) -> tuple[Fact, ...]:
    placed = {claim.id: number for number, claim in enumerate(_placed(scenario), start=1)}
    facts = []
    for claim in sorted(scenario.claims, key=lambda claim: placed.get(claim.subject or claim.id, len(placed) + 1)):
        at = claim.source_spans[0].start if claim.source_spans else None
        facts.append(
            Fact(
                number=placed.get(claim.id),
                kind=_KINDS.get(claim.kind, claim.kind.value),
                label=claim.label,
                required=claim.required,
                right=_in_words(claim.right),
                statement=_statement(claim, kept),
                wrong=tuple(Wrong(_in_words(a), _STANDINGS.get(a.standing, ""), a.stealth) for a in claim.wrong),
                page=None if at is None else part.stretch.document.page_at(part.stretch.start + at),
            )
        )
    return tuple(facts)


def _statement(claim: Claim, kept: Kept) -> str:
    """The sentence that states a claim, unless the right form says the same."""
    statement = kept.statements.get(claim.id, "")
    return "" if statement.rstrip(".").lower() == _in_words(claim.right).rstrip(".").lower() else statement


def _in_words(alternative: Alternative) -> str:
    if alternative.check is None:
        return alternative.forms[0] if alternative.forms else alternative.name
    argument = alternative.check.argument
    shown = ", ".join(argument) if isinstance(argument, tuple) else str(argument)
    return f"{alternative.check.name.replace('_', ' ')}{f': {shown}' if shown else ''}"


def segments(scenario: Scenario, numbers: dict[str, int]) -> tuple[Segment, ...]:
    """The source cut at the ends of all places, so that places may overlap.

    Args:
        numbers: the numbers of the claims to mark.
    """
    text = scenario.source_material
    marks = [
        (span.start, span.end, numbers[claim.id], claim.required)
        for claim in scenario.claims
        if claim.id in numbers
        for span in claim.source_spans
    ]
    cuts = sorted({0, len(text), *(at for start, end, *_ in marks for at in (start, end))})
    return tuple(_segment(text, start, end, marks) for start, end in pairwise(cuts) if start < end)


def _segment(text: str, start: int, end: int, marks: Sequence[tuple[int, int, int, bool]]) -> Segment:
    here = [mark for mark in marks if mark[0] <= start and end <= mark[1]]
    return Segment(
        text=text[start:end],
        facts=tuple(sorted({number for _, _, number, _ in here})),
        begins=tuple(sorted({number for first, _, number, _ in here if first == start})),
        is_required=any(required for *_, required in here),
    )
