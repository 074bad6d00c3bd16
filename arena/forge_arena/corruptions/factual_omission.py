"""Factual omission: something that the answer must state is gone, and something that it need not state stands there."""

from collections.abc import Iterator
from random import Random

from forge_arena.corruptions.base import Draft, Rewrite, trade_sentence
from forge_arena.types import Alternative, Claim, CorruptionType


class FactualOmission:
    type = CorruptionType.factual_omission

    def targets(self, draft: Draft) -> Iterator[tuple[Claim, Alternative | None]]:
        for claim in draft.scenario.claims:
            if claim.required and claim.id in draft.report.stated:
                yield claim, None

    def rewrite(self, draft: Draft, claim: Claim, alternative: Alternative | None, rng: Random) -> Rewrite | None:
        return trade_sentence(draft, claim, rng)

    def instruction(self, claim: Claim, alternative: Alternative | None) -> str:
        return f"Do not mention {claim.label}, in whatever words; fill the space with something else that is true."


corruption = FactualOmission()
