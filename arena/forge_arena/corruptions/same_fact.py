"""Tell which mentions of a value state the claim that has it, and which give the same value for something else.

"A loan lasts 3 weeks. The fine is due 3 weeks after the return." A scenario that asks for the loan and not for the fine
has one claim with this value, so the Verifier finds the claim at both places. To make the loan wrong, the first place
alone is changed. If the first sentence is cut out, the loan is stated no more, whatever the second sentence says.
"""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from forge_arena.corruptions.draft import Draft, Edit
from forge_arena.types import VALUE_KINDS, Claim, ClaimKind
from forge_arena.verify import Finding
from forge_arena.verify.ownership import Place, Speaks

# "The 4 weeks" are weeks that were spoken of before.
_REFERS_BACK = re.compile(
    r"\b(?:the|these|those|that|this|your|our|their|its|his|her)(?: (?:same|full|whole))? $", re.I
)


@dataclass(frozen=True, slots=True)
class Mentions:
    """The places that give the right value of a claim: for the claim, for something else, or nobody can tell."""

    same: tuple[Finding, ...]
    other: tuple[Finding, ...] = ()
    unclear: tuple[Finding, ...] = ()


def mentions_of(draft: Draft, claim: Claim) -> Mentions:
    """What the places that state a claim speak of. A claim that is stated once is stated there."""
    if claim.of is not None or claim.kind not in VALUE_KINDS | {ClaimKind.term}:
        return Mentions(draft.report.of(claim.id))
    places = [f for f in draft.report.of(claim.id) if f.alternative == claim.right.name]
    if len(places) < 2:
        return Mentions(tuple(places))
    if claim.kind is ClaimKind.term and any(claim.right.forms[0] not in draft.text[f.start : f.end] for f in places):
        # A statement, or a term in other words: each place was read for what it says.
        return Mentions(tuple(places))
    around = {finding: _place_of(draft, finding) for finding in places}
    surest = max(places, key=lambda finding: draft.ownership.closeness(claim, around[finding]))
    sorted_places: dict[Speaks, list[Finding]] = {speaks: [] for speaks in Speaks}
    for finding in places:
        speaks = Speaks.of_claim
        if finding is not surest:
            speaks = draft.ownership.speaks_of(claim, around[finding])
            if _is_within_another(draft, finding) or (
                speaks is Speaks.of_other and _REFERS_BACK.search(draft.text[: finding.start])
            ):
                speaks = Speaks.unclear
        sorted_places[speaks].append(finding)
    return Mentions(
        tuple(sorted_places[Speaks.of_claim]),
        tuple(sorted_places[Speaks.of_other]),
        tuple(sorted_places[Speaks.unclear]),
    )


def loses(draft: Draft, claim: Claim, gone: Collection[Finding]) -> bool:
    """Whether a claim is stated no more, or perhaps no more, once some of the places that state it are gone."""
    mentions = mentions_of(draft, claim)
    if any(finding in gone for finding in mentions.unclear):
        return True
    return bool(mentions.same) and all(finding in gone for finding in mentions.same)


def cuts_beside(draft: Draft, edits: Iterable[Edit], target: str | None) -> bool:
    """Whether edits cut out what states a required claim that is not their target, as far as anybody can tell.

    An answer of the scenario's statements says with each statement what it states, so there the report is enough.
    """
    if draft.is_composed:
        return False
    cut = [(edit.start, edit.end) for edit in edits if not edit.text]
    gone = [f for f in draft.report.findings if any(start <= f.start < end for start, end in cut)]
    lost = {finding.claim for finding in gone} - {target}
    return any(claim.required and loses(draft, claim, gone) for claim in draft.scenario.claims if claim.id in lost)


def _place_of(draft: Draft, finding: Finding) -> Place:
    span = next(span for span in draft.sentences if span.start <= finding.start < span.end)
    return Place.of(span.of(draft.text), finding.start - span.start, finding.end - span.start)


def _is_within_another(draft: Draft, finding: Finding) -> bool:
    """Whether the place is a part of what states another claim: "No bag is taken after the 4 weeks"."""
    return any(
        other.claim != finding.claim and other.start <= finding.start and finding.end <= other.end
        for other in draft.report.findings
    )
