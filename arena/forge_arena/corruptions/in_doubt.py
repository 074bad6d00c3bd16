"""Say whether an answer may still state a claim somewhere else, once a corruption has changed what states it.

The Verifier reads "You owe us $1.00 for the two days" as the balance of $1.00 from which nothing is renewed, and is in
doubt about the real sentence, "nor if the balance totals $1.00". If the first sentence alone were cut out, nothing
would be missing. So a place that perhaps makes the claim must not be left over.
"""

from collections.abc import Sequence

from forge_arena.corruptions.draft import Draft, Edit, overlaps, removal
from forge_arena.types import Claim
from forge_arena.verify import Verifier


def is_left_in_doubt(verifier: Verifier, draft: Draft, claim: Claim, edits: Sequence[Edit]) -> bool:
    """Whether what the edits leave of an answer perhaps makes the claim.

    A sentence in which words are exchanged is not looked at, because there the claim is broken. What stays of a
    sentence that is cut is looked at. An answer of the scenario's statements says with each statement what it states.
    """
    if draft.is_composed:
        return False
    exchanged = [edit for edit in edits if edit.text and edit.text.lower() != draft.text[edit.start : edit.end].lower()]
    gone = [span for span in draft.sentences if overlaps(exchanged, span.start, span.end)]
    cuts = [edit for edit in edits if not any(span.start <= edit.start < span.end for span in gone)]
    left = _without(draft.text, [*cuts, *(removal(draft.text, span) for span in gone)])
    return claim.id in verifier.verify(left).doubtful


def _without(text: str, edits: Sequence[Edit]) -> str:
    """A text after edits that may touch each other at their spaces."""
    parts: list[str] = []
    at = 0
    for edit in sorted(edits, key=lambda edit: (edit.start, edit.end)):
        parts += (text[at : edit.start], edit.text)
        at = max(at, edit.end)
    return "".join([*parts, text[at:]])
