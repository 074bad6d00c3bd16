"""Corrupt an answer, and prove on the text that exactly one claim was broken.

Every module of this package that defines `corruption` is a corruption type, and so is every `Corruption` that a package
registers as an entry point of the group `forge_arena.corruptions`; there is no list to edit.
"""

import builtins
import importlib
from collections.abc import Iterable
from functools import cache
from random import Random

from forge_arena import additions
from forge_arena.additions import BadAddition
from forge_arena.corruptions.base import Corruption, apply, draft_of
from forge_arena.corruptions.thoughts import Trade, think
from forge_arena.errors import CannotCorrupt
from forge_arena.types import Alternative, Answer, Claim, CorruptionType, Noun, Span
from forge_arena.verify import Verifier

__all__ = ["Corruption", "Injection", "breaks_only", "inject", "omits", "possible", "registry"]


class Injection(Noun):
    """One corruption applied to one answer: what was broken, with what, where, and the answer that results.

    `clean` is the twin: the same output as before, its reasoning in the same relation to it as the corrupted one's (see
    `forge_arena.corruptions.thoughts`). `step` is the first step of the reasoning that goes along with the corruption.
    """

    type: CorruptionType
    target: str
    alternative: str | None
    answer: Answer
    spans: tuple[Span, ...]
    step: int
    clean: Answer


@cache
def registry() -> dict[CorruptionType, Corruption]:
    """All corruptions, by type, in the order of their names.

    Raises:
        BadAddition: what is registered for a type cannot be loaded, or it is no `Corruption` of that type.
    """
    return {type: _load(type) for type in sorted(CorruptionType)}


def possible(claims: Iterable[Claim]) -> frozenset[CorruptionType]:
    """The corruptions that an answer which makes such claims can take."""
    claims = tuple(claims)
    return frozenset(type for type, corruption in registry().items() if corruption.offers(claims))


def omits(type: CorruptionType | None) -> bool:
    """Whether a corruption leaves something out, so that the evidence for it stands in the source."""
    return type is not None and registry()[type].omits


def _load(type: CorruptionType) -> Corruption:
    if type.value in additions.registered(additions.CORRUPTIONS):
        place = additions.registered(additions.CORRUPTIONS)[type.value]
        loaded = additions.load(additions.CORRUPTIONS, type.value)
        corruption = loaded() if isinstance(loaded, builtins.type) else loaded
    else:
        place = f"{__name__}.{type.value}"
        corruption = importlib.import_module(place).corruption
    if not isinstance(corruption, Corruption) or getattr(corruption, "type", None) is not type:
        raise BadAddition(f"corruption {type.value!r}: {place} must be a Corruption whose type is {type.value!r}")
    return corruption


def inject(
    verifier: Verifier, answer: Answer, type: CorruptionType, stealth: int, rng: Random, *, thought: int | None = None
) -> Injection:
    """Rewrite a clean answer so that exactly one claim breaks, at the stealth level nearest to `stealth` (0..3).

    The reasoning is written as at the level `thought`, if that is given.

    Raises:
        CannotCorrupt: no place in this answer takes a corruption of this type and leaves all else as it was.
    """
    corruption = registry()[type]
    draft = draft_of(verifier, answer.output, rng)
    targets = _in_order(list(corruption.targets(draft)), stealth, rng)
    for claim, alternative in targets:
        rewrite = corruption.rewrite(draft, claim, alternative, rng)
        if rewrite is None or not rewrite.edits:
            continue
        output, spans = apply(answer.output, rewrite.edits)
        if breaks_only(verifier, output, claim):
            trade = Trade(claim, alternative, draft.voice(), rewrite.instead)
            thoughts = think(verifier, answer.reasoning, trade, stealth if thought is None else thought, rng)
            return Injection(
                type=type,
                target=claim.id,
                alternative=alternative.name if alternative else None,
                answer=Answer(reasoning=thoughts.corrupted, output=output),
                spans=spans,
                step=thoughts.step,
                clean=Answer(reasoning=thoughts.clean, output=answer.output),
            )
    raise CannotCorrupt(f"no {type} fits this answer: {len(targets)} places tried")


def _in_order(
    targets: list[tuple[Claim, Alternative | None]], stealth: int, rng: Random
) -> list[tuple[Claim, Alternative | None]]:
    """Every claim's best alternative first, in random order, so that a claim with many alternatives is not chosen more
    often; then the others. The best is the one whose stealth is nearest."""
    rng.shuffle(targets)
    targets.sort(key=lambda pair: abs(pair[1].stealth - stealth) if pair[1] is not None else 0)
    first = list({claim.id: (claim, alternative) for claim, alternative in reversed(targets)}.values())
    rng.shuffle(first)
    chosen = {(claim.id, alternative and alternative.name) for claim, alternative in first}
    return first + [(c, a) for c, a in targets if (c.id, a and a.name) not in chosen]


def breaks_only(verifier: Verifier, output: str, claim: Claim) -> bool:
    """Whether a text breaks this claim and nothing else: no other claim, and no value that the source lacks."""
    return verifier.verify(output).broken == {claim.id}
