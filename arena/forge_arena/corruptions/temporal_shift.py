"""Temporal shift: the answer gives as in force now what was in force once, or never."""

from collections.abc import Iterator

from forge_arena.corruptions.base import Corruption, Target
from forge_arena.corruptions.draft import Draft
from forge_arena.types import Alternative, Claim, ClaimKind, CorruptionType, Placebo, Standing


class TemporalShift(Corruption):
    type = CorruptionType.temporal_shift
    prompt_line = "an outdated or wrong date, period or value is given as the one in force."
    gist = "an outdated or wrong value"
    kinds = frozenset({ClaimKind.date, ClaimKind.duration})
    lacking = "no date or duration with words of its own in the source"
    placebos = (Placebo.respelling, Placebo.paraphrase)

    def can_break(self, claim: Claim) -> bool:
        return claim.kind in self.kinds or any(_is_former(alternative) for alternative in claim.wrong)

    def targets(self, draft: Draft) -> Iterator[Target]:
        for claim, alternative in super().targets(draft):
            # A value that is no time can only be out of date if it is a former value.
            if claim.kind in self.kinds or (alternative is not None and _is_former(alternative)):
                yield claim, alternative

    def instruction(self, claim: Claim, alternative: Alternative | None) -> str:
        value = alternative.forms[0] if alternative else ""
        return (
            f"Give {claim.label or 'the value'} as {value}, as if that were in force now. Do not say that it changed."
        )


def _is_former(alternative: Alternative) -> bool:
    return alternative.standing is Standing.superseded


corruption = TemporalShift()
