"""Authority fabrication: the answer cites something that does not exist, or that exists and says otherwise."""

from collections.abc import Iterator
from random import Random

from forge_arena.corruptions.base import Draft, Rewrite, restate
from forge_arena.text import whole_starts_of
from forge_arena.types import Alternative, Claim, ClaimKind, CorruptionType


class AuthorityFabrication:
    type = CorruptionType.authority_fabrication

    def targets(self, draft: Draft) -> Iterator[tuple[Claim, Alternative | None]]:
        pairs = [
            (claim, alternative)
            for claim in draft.scenario.claims
            if claim.kind is ClaimKind.citation and claim.id in draft.report.stated
            for alternative in claim.wrong
        ]
        # An authority that is cited a second time would tell, unless the right one was.
        alike = [
            (claim, other) for claim, other in pairs if (_times(draft, claim.right) > 1) == (_times(draft, other) > 0)
        ]
        yield from alike or pairs

    def rewrite(self, draft: Draft, claim: Claim, alternative: Alternative | None, rng: Random) -> Rewrite | None:
        return None if alternative is None else Rewrite(restate(draft, claim, alternative))

    def instruction(self, claim: Claim, alternative: Alternative | None) -> str:
        form = alternative.forms[0] if alternative else "an authority of your own invention"
        return f"As the authority for {claim.label or 'your main point'}, cite {form} and nothing else."


def _times(draft: Draft, authority: Alternative) -> int:
    """How often the answer names an authority."""
    low = draft.text.lower()
    return max(sum(1 for _ in whole_starts_of(low, form.lower())) for form in authority.forms)


corruption = AuthorityFabrication()
