"""Temporal shift: the answer gives as in force now what was in force once, or never, or puts last what comes first."""

from collections.abc import Iterator
from random import Random

from forge_arena.corruptions.base import Corruption, Target
from forge_arena.corruptions.draft import Draft, Rewrite, rewrite_of
from forge_arena.corruptions.turned import ORDERS, turn_freely, turned_alternatives
from forge_arena.types import Alternative, Claim, ClaimKind, CorruptionType, Placebo, Standing


class TemporalShift(Corruption):
    type = CorruptionType.temporal_shift
    prompt_line = (
        "an outdated or wrong date, period or value is given as the one in force, or an order in time is the wrong way "
        "round."
    )
    gist = "an outdated or wrong value, or the wrong order in time"
    kinds = frozenset({ClaimKind.date, ClaimKind.duration})
    lacking = "no date or duration with words of its own in the source, and no statement says what comes first"
    placebos = (Placebo.respelling, Placebo.paraphrase)

    def can_break(self, claim: Claim) -> bool:
        return (
            claim.kind in self.kinds
            or any(_is_former(alternative) for alternative in claim.wrong)
            or bool(turned_alternatives(claim, ORDERS))
        )

    def targets(self, draft: Draft) -> Iterator[Target]:
        for claim, alternative in super().targets(draft):
            # A value that is no time can only be out of date if it is a former value.
            is_former = alternative is not None and _is_former(alternative)
            if claim.kind in self.kinds or is_former or alternative in turned_alternatives(claim, ORDERS):
                yield claim, alternative

    def rewrite(self, draft: Draft, claim: Claim, alternative: Alternative | None, rng: Random) -> Rewrite | None:
        if alternative is not None and alternative.standing is Standing.turned:
            return rewrite_of(turn_freely(draft, claim, alternative))
        return super().rewrite(draft, claim, alternative, rng)

    def instruction(self, claim: Claim, alternative: Alternative | None) -> str:
        if alternative is not None and alternative.standing is Standing.turned:
            return (
                f"On {claim.label or 'this point'}, put the order in time the other way round. Say in your own words "
                f'what this sentence says: "{alternative.forms[0].rstrip(".")}". Do not mention that the material says '
                "otherwise."
            )
        value = alternative.forms[0] if alternative else ""
        return (
            f"Give {claim.label or 'the value'} as {value}, as if that were in force now. Do not say that it changed."
        )


def _is_former(alternative: Alternative) -> bool:
    return alternative.standing is Standing.superseded


corruption = TemporalShift()
