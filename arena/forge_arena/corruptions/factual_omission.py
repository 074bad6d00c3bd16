"""Factual omission: something that the answer must state is gone, and something that it need not state may stand there."""

from collections.abc import Iterator
from random import Random

from forge_arena.corruptions.base import Draft, Edit, without_sentence
from forge_arena.types import Alternative, Claim, CorruptionType


class FactualOmission:
    type = CorruptionType.factual_omission

    def targets(self, draft: Draft) -> Iterator[tuple[Claim, Alternative | None]]:
        for claim in draft.scenario.claims:
            if claim.required and claim.id in draft.report.stated:
                yield claim, None

    def rewrite(
        self, draft: Draft, claim: Claim, alternative: Alternative | None, rng: Random
    ) -> tuple[Edit, ...] | None:
        """Put a true sentence about something optional in the place of the first that states the claim, so that neither
        length nor count gives the omission away; take the sentence out where the scenario offers none."""
        spans = draft.sentences_of(claim.id)
        if not spans:
            return None
        inside = [
            f.claim
            for f in draft.report.findings
            if f.claim != claim.id and any(s.start <= f.start < s.end for s in spans)
        ]
        outside = {f.claim for f in draft.report.findings if not any(s.start <= f.start < s.end for s in spans)}
        keep = frozenset(inside) - outside
        edits = [without_sentence(draft.text, span) for span in spans]
        substitutes = draft.unused(without=claim.id, saying=keep)
        if substitutes:
            first = spans[0]
            ranks = [s.rank for s in draft.scenario.statements if s.part == "body" and claim.id in s.says]
            rng.shuffle(substitutes)
            # What stands in the place of the sentence should like to stand there, and be about as long.
            substitutes.sort(key=lambda pair: min((abs(pair[0].rank - rank) for rank in ranks), default=0))
            length = first.end - first.start
            text = min((text for _, text in substitutes[:3]), key=lambda text: abs(len(text) - length))
            edits[0] = Edit(first.start, first.end, text)
        elif keep:
            return None
        return tuple(edits)

    def instruction(self, claim: Claim, alternative: Alternative | None) -> str:
        return f"Do not mention {claim.label}, in whatever words; fill the space with something else that is true."


corruption = FactualOmission()
