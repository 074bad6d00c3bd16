"""Choose another option in an answer that speaks of the choice in words of its own, or does not speak of it at all.

The Verifier reads an option by its form: "chargeable to the lender". An author may say "the lender bears the cost", or
may leave the choice out, because nobody asked for it. Then no form stands in the answer that could be exchanged. There
a person who pushes another option does one of three things:

* if the author almost names the option ("with a slice" for "a plain slice"), the other option takes its place
  (`near_forms`);
* if a sentence or a clause speaks of the choice, a statement of the scenario takes the place of this clause (`parts`);
* if the answer is silent on the choice, a statement is added where the answer speaks of things near it (`additions`).

Which sentence speaks of the choice is read from the source (`speaking`): it has the rare words of the passage that
decides the choice. If a sentence has some of these words and not most of them, nothing is known, and there is no place.
Which statements of the scenario fit into the answer, `statements` says.
"""

from random import Random

from forge_arena.corruptions.choices.additions import add_statement
from forge_arena.corruptions.choices.near_forms import exchange_near_form, with_other_mentions
from forge_arena.corruptions.choices.parts import replace_part
from forge_arena.corruptions.choices.speaking import (
    deciding_words,
    has_rare_word,
    may_speak_of,
    names,
    names_head,
    speaks_of,
)
from forge_arena.corruptions.choices.statements import small
from forge_arena.corruptions.code import exchange_code
from forge_arena.corruptions.draft import Draft, Edit, holds, overlaps
from forge_arena.types import Alternative, Claim
from forge_arena.verify.code import code_blocks

__all__ = ["choose_unread", "small"]


def choose_unread(draft: Draft, claim: Claim, alternative: Alternative, rng: Random) -> tuple[Edit, ...] | None:
    """Choose an option for a claim that the report does not find in the answer.

    With the right alternative this is a harmless edit: the answer then says the right option in the scenario's words.

    Returns: the edits; None if the answer offers no place where no seam would show.
    """
    if any(other.of == claim.id for other in draft.scenario.claims):
        # What the answer says of the right option would have to go along, and nothing tells where it says so.
        return None
    code: tuple[Edit, ...] = ()
    if alternative.name != claim.right.name and code_blocks(draft.text):
        exchanged = exchange_code(draft, claim, alternative)
        if exchanged is None:
            return None
        code = exchanged
    prose = {
        number: span.of(draft.text)
        for number, span in enumerate(draft.sentences)
        if not holds(code_blocks(draft.text), span.start)
    }
    weights = deciding_words(draft, claim)
    named = [number for number, text in prose.items() if names(claim.right, text)]
    speaking = named or [number for number, text in prose.items() if speaks_of(claim, weights, text)]
    if not speaking:
        speaking = [number for number, text in prose.items() if has_rare_word(claim, weights, text)]
    if len(speaking) > 1 or (not speaking and any(may_speak_of(claim, weights, text) for text in prose.values())):
        return None
    if speaking:
        edits = exchange_near_form(draft, claim, alternative, speaking[0]) or replace_part(
            draft, claim, alternative, speaking[0], rng
        )
        edits = None if edits is None else with_other_mentions(draft, claim, alternative, edits)
        if any(names_head(alternative, claim.right, text) for number, text in prose.items() if number != speaking[0]):
            # "The loop cannot stay" above a loop, or below a loop, contradicts the loop.
            return None
    else:
        edits = add_statement(draft, claim, alternative, rng)
    if edits is None or any(overlaps(code, edit.start, edit.end) for edit in edits):
        return None
    return (*edits, *code)
