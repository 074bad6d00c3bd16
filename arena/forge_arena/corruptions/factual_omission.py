"""Factual omission: the answer leaves out what it must state.

An answer that consists of the scenario's statements states something that it need not state instead. From any other
answer the statement is cut out. The placebos then cut out what nobody asked for, so a shorter answer shows nothing.
"""

from collections.abc import Iterator
from random import Random

from forge_arena.corruptions.base import Corruption, Target, trade_sentence
from forge_arena.corruptions.draft import Draft, Rewrite, rewrite_of
from forge_arena.corruptions.left_over import gives_still
from forge_arena.corruptions.prose import leave_out
from forge_arena.types import Alternative, Claim, ClaimKind, CorruptionType, Placebo, Scenario

# How many cuts of a claim are drawn at most. Some of them take along what must stay.
CUTS_TRIED = 3


class FactualOmission(Corruption):
    type = CorruptionType.factual_omission
    prompt_line = "something that the source material requires the answer to state is missing."
    gist = "a required statement is missing"
    lacking = "nothing that the answer could be made to state"
    placebos = (Placebo.substitution,)
    omits = True

    def can_break(self, claim: Claim) -> bool:
        return claim.required

    def targets(self, draft: Draft) -> Iterator[Target]:
        stated = [claim for claim in draft.scenario.claims if self.can_break(claim) and claim.id in draft.report.stated]
        stated = [claim for claim in stated if not _is_asked_by_the_task(claim, draft.scenario)]
        if not draft.is_composed:
            # Each time another cut may be drawn.
            yield from ((claim, None) for _ in range(CUTS_TRIED) for claim in stated)
            return
        # A claim that shares no sentence can go without a trace. Otherwise its authorities would move elsewhere.
        alone = [claim for claim in stated if draft.has_to_itself(claim.id)]
        yield from ((claim, None) for claim in alone or stated)

    def rewrite(self, draft: Draft, claim: Claim, alternative: Alternative | None, rng: Random) -> Rewrite | None:
        if draft.is_composed:
            return trade_sentence(draft, claim, rng)
        edits = leave_out(draft, claim, rng)
        return None if edits is None or gives_still(draft, claim, edits) else rewrite_of(edits)

    def instruction(self, claim: Claim, alternative: Alternative | None) -> str:
        return f"Do not mention {claim.label}, in whatever words; fill the space with something else that is true."


def _is_asked_by_the_task(claim: Claim, scenario: Scenario) -> bool:
    """Whether the task itself asks for a choice or for code, so that everybody would miss it without the source."""
    if claim.kind is ClaimKind.option:
        return claim.label.casefold() not in " ".join(scenario.source_material.split()).casefold()
    return claim.kind is ClaimKind.behaviour


corruption = FactualOmission()
