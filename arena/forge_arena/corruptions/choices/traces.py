"""Say whether an answer would still speak of the right option once it chooses another: by name, or by its properties.

"Take the U1, five minutes on foot. The U2 would be eight, so I would rule it out." chooses the U2 in its first words,
then gives it the walk of the U1, and then rules it out. No place is better than such an answer.
"""

import re
from collections.abc import Sequence
from functools import lru_cache

from forge_arena.corruptions.draft import Draft, Edit, holds, overlaps
from forge_arena.statements import alternative_or_right
from forge_arena.texts.fitting import places_of
from forge_arena.texts.sentences import sentences
from forge_arena.texts.values import mentions, same_amount
from forge_arena.texts.words import content
from forge_arena.types import Alternative, Claim, ClaimKind, Span
from forge_arena.verify.code import code_blocks

# A word that more sentences of the source have may be said of anything.
FEW_SENTENCES = 3
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
        words = content(_left_of(draft, span, edits))
        if any(different and different <= words for different in (mine - others, others - mine)) or named & words:
            return True
    return _gives_property(draft, claim, alternative, edits) or _tells_property(draft, claim, alternative, edits)


def _tells_property(draft: Draft, claim: Claim, alternative: Alternative, edits: Sequence[Edit]) -> bool:
    """Whether a word is left by which a property of the right option differs from that of the other one.

    "It has an EPDM ring", where the source says that the other pump has a ring of nitrile. The Verifier may have read
    the property neither way, and then a second falsehood would stand beside the choice.
    """
    blocks = code_blocks(draft.text)
    source = draft.scenario.source_material
    left = [content(_left_of(draft, span, edits)) for span in draft.sentences if not holds(blocks, span.start)]
    for dependent in draft.scenario.claims:
        if dependent.of != claim.id or dependent.kind is not ClaimKind.term:
            continue
        own = content(dependent.right.forms[0])
        different = own - content(" ".join(alternative_or_right(dependent, alternative.name).forms))
        rare = {word for word in different if _sentences_with(source, word) <= FEW_SENTENCES}
        if any(words & rare or (words & different and len(words & own) > 1) for words in left):
            return True
    return False


def _left_of(draft: Draft, span: Span, edits: Sequence[Edit]) -> str:
    """What edits leave of a sentence."""
    return "".join(
        " " if overlaps(edits, at, at + 1) else character
        for at, character in enumerate(span.of(draft.text), span.start)
    )


@lru_cache(maxsize=8_192)
def _sentences_with(source: str, word: str) -> int:
    return sum(word in content(source[start:end]) for start, end in sentences(source))


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
