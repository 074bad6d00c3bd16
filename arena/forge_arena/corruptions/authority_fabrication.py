"""Authority fabrication: the answer cites something that does not exist, or that exists and says otherwise."""

from collections.abc import Iterator

from forge_arena.corruptions.base import Corruption, Target
from forge_arena.corruptions.draft import Draft
from forge_arena.texts.sentences import lower, whole_starts_of
from forge_arena.types import Alternative, Claim, ClaimKind, CorruptionType, Placebo


class AuthorityFabrication(Corruption):
    type = CorruptionType.authority_fabrication
    prompt_line = "a section, statute, standard or other authority is cited that does not exist or does not say this."
    gist = "a false citation"
    kinds = frozenset({ClaimKind.citation})
    lacking = "no authority and no headed section in the source"
    placebos = (Placebo.respelling, Placebo.paraphrase)

    def targets(self, draft: Draft) -> Iterator[Target]:
        pairs = list(super().targets(draft))
        # If an authority is cited a second time, the repetition shows which one is wrong, unless the right one was
        # cited twice.
        alike = [
            (claim, other)
            for claim, other in pairs
            if other is not None and (_times(draft, claim.right) > 1) == (_times(draft, other) > 0)
        ]
        yield from alike or pairs

    def instruction(self, claim: Claim, alternative: Alternative | None) -> str:
        form = alternative.forms[0] if alternative else "an authority of your own invention"
        return f"As the authority for {claim.label or 'your main point'}, cite {form} and nothing else."


def _times(draft: Draft, authority: Alternative) -> int:
    """How often the answer names an authority."""
    low = lower(draft.text)
    return max(sum(1 for _ in whole_starts_of(low, lower(form))) for form in authority.forms)


corruption = AuthorityFabrication()
