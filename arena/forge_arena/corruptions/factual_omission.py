"""Factual omission: something that the answer must state is gone, and something that it need not state stands there."""

from collections.abc import Iterator
from random import Random

from forge_arena.corruptions.base import Draft, Rewrite, trade_sentence
from forge_arena.types import Alternative, Claim, CorruptionType


class FactualOmission:
    type = CorruptionType.factual_omission

    def targets(self, draft: Draft) -> Iterator[tuple[Claim, Alternative | None]]:
        stated = [c for c in draft.scenario.claims if c.required and c.id in draft.report.stated]
        # From a sentence of its own a claim goes without a trace; else its authorities would be cited in other places.
        alone = [c for c in stated if draft.has_to_itself(c.id)]
        yield from ((claim, None) for claim in alone or stated)

    def rewrite(self, draft: Draft, claim: Claim, alternative: Alternative | None, rng: Random) -> Rewrite | None:
        return trade_sentence(draft, claim, rng)

    def instruction(self, claim: Claim, alternative: Alternative | None) -> str:
        return f"Do not mention {claim.label}, in whatever words; fill the space with something else that is true."


corruption = FactualOmission()
