"""Say whether an answer would still speak of the right option once it chooses another: by name, or by its properties.

"Take the U1, five minutes on foot. The U2 would be eight, so I would rule it out." chooses the U2 in its first words,
then gives it the walk of the U1, and then rules it out. No place is better than such an answer.
"""

import re
from collections.abc import Sequence
from functools import lru_cache

from forge_arena.corruptions.draft import Draft, Edit, holds, overlaps
from forge_arena.texts.fitting import places_of
from forge_arena.texts.sentences import sentences
from forge_arena.texts.values import mentions, same_amount
from forge_arena.texts.words import content
from forge_arena.types import Alternative, Claim, ClaimKind
from forge_arena.verify.code import code_blocks

_NAME = re.compile(r"\b(?:[A-Z\u00c0-\u00de][\w\u2019'-]*|\w*\d\w*)")


def leaves_traces(draft: Draft, claim: Claim, alternative: Alternative, edits: Sequence[Edit]) -> bool:
    """Whether words for one of two options are left beside those of the exchange, or a property of the right one."""
    mine = {stem for form in claim.right.forms for stem in content(form)}
    others = {stem for form in alternative.forms for stem in content(form)}
    named = (_names(claim.right) - others) | (_names(alternative) - mine)
    blocks = code_blocks(draft.text)
    for span in draft.sentences:
        if holds(blocks, span.start):
            continue
        left = "".join(
            " " if overlaps(edits, at, at + 1) else character
            for at, character in enumerate(span.of(draft.text), span.start)
        )
        words = content(left)
        if any(different and different <= words for different in (mine - others, others - mine)) or named & words:
            return True
    return _gives_property(draft, claim, alternative, edits)


def _names(option: Alternative) -> frozenset[str]:
    """The stems of the names in an option: "basic" of "the Basic plan", "u1" of "U1 Main Street"."""
    form = option.forms[0]
    first = _NAME.match(form)
    names = [name for name in _NAME.findall(form) if first is None or name != first[0] or len(form.split()) <= 3]
    return content(" ".join(names))


def _gives_property(draft: Draft, claim: Claim, alternative: Alternative, edits: Sequence[Edit]) -> bool:
    """Whether a value stands in a sentence of the choice that the source gives for the right option alone."""
    own = _names(claim.right) - content(" ".join(alternative.forms))
    values = _values_of(draft.scenario.source_material, own)
    places = [start for start, _ in places_of(draft.text, claim.right.forms)]
    return bool(values) and any(
        not overlaps(edits, span.start + mention.start, span.start + mention.end)
        and (mention.kind, same_amount(mention.value)) in values
        for span in draft.sentences
        if any(span.start <= place < span.end for place in places)
        for mention in mentions(span.of(draft.text))
    )


@lru_cache(maxsize=1_024)
def _values_of(source: str, names: frozenset[str]) -> frozenset[tuple[ClaimKind, object]]:
    """The values that a source gives in the sentences and rows that have one of these names."""
    return frozenset(
        (mention.kind, same_amount(mention.value))
        for start, end in sentences(source)
        if names & content(source[start:end])
        for mention in mentions(source[start:end])
    )
