"""Temporal shift: what was in force once, or never, is given as what is in force now."""

from collections.abc import Iterator
from random import Random

from forge_arena.corruptions.base import Draft, Rewrite, restate
from forge_arena.types import Alternative, Claim, ClaimKind, CorruptionType, Standing

_TIMES = frozenset({ClaimKind.date, ClaimKind.duration})


class TemporalShift:
    type = CorruptionType.temporal_shift

    def targets(self, draft: Draft) -> Iterator[tuple[Claim, Alternative | None]]:
        for claim in draft.scenario.claims:
            if claim.id in draft.report.stated:
                for alternative in claim.wrong:
                    if alternative.standing is Standing.superseded or claim.kind in _TIMES:
                        yield claim, alternative

    def rewrite(self, draft: Draft, claim: Claim, alternative: Alternative | None, rng: Random) -> Rewrite | None:
        return None if alternative is None else Rewrite(restate(draft, claim, alternative))

    def instruction(self, claim: Claim, alternative: Alternative | None) -> str:
        value = alternative.forms[0] if alternative else ""
        return (
            f"Give {claim.label or 'the value'} as {value}, as if that were in force now. Do not say that it changed."
        )


corruption = TemporalShift()
