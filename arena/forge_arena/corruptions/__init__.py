"""Corrupt an answer, and prove on the text that exactly one claim is broken.

Every module of this package that defines `corruption` is a corruption type, and so is every `Corruption` that a package
registers as an entry point of the group `forge_arena.corruptions`; there is no list to edit.
"""

import builtins
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from random import Random

from forge_arena import additions
from forge_arena.additions import BadAddition
from forge_arena.corruptions.base import Corruption, Target
from forge_arena.corruptions.draft import Draft, Edit, Rewrite, apply, draft_of
from forge_arena.corruptions.in_doubt import is_left_in_doubt
from forge_arena.corruptions.same_fact import cuts_beside
from forge_arena.corruptions.thoughts import Thoughts, Trade
from forge_arena.errors import CannotCorrupt
from forge_arena.texts.seams import tears
from forge_arena.types import Alternative, Answer, Claim, CorruptionType, Noun, Span
from forge_arena.verify import Verifier

__all__ = [
    "CorruptedAnswer",
    "Corruption",
    "Draft",
    "Edit",
    "Injection",
    "Rewrite",
    "Target",
    "breaks_only",
    "can_inject",
    "corrupted_answers",
    "inject",
    "injections",
    "omits",
    "possible",
    "registry",
]


class Injection(Noun):
    """One corruption applied to one answer.

    Attributes:
        target: the claim that is broken.
        alternative: what the answer now says of the claim; None if it says nothing. It may be one that the corruption
            made, so that the claim does not know its name.
        answer: the corrupted answer.
        spans: where its output was changed.
        step: the first step of its reasoning that goes along with the corruption; -1 if none does.
        clean: the twin. Its output is the old one, and its reasoning relates to its output as the reasoning of the
            corrupted answer does (see `forge_arena.corruptions.thoughts`).
    """

    type: CorruptionType
    target: str
    alternative: Alternative | None
    answer: Answer
    spans: tuple[Span, ...]
    step: int
    clean: Answer


@dataclass(frozen=True)
class CorruptedAnswer:
    """An injection whose reasoning is written when it is first asked for; see `Injection` for what its parts are."""

    type: CorruptionType
    target: str
    alternative: Alternative | None
    output: str
    spans: tuple[Span, ...]
    clean_output: str
    thoughts: Thoughts

    @cached_property
    def answer(self) -> Answer:
        return Answer(reasoning=self.thoughts.corrupted, output=self.output)

    @cached_property
    def clean(self) -> Answer:
        return Answer(reasoning=self.thoughts.clean, output=self.clean_output)

    @property
    def step(self) -> int:
        return self.thoughts.step

    def write(self) -> Injection:
        """The injection with all of its reasoning."""
        self.thoughts.write()
        return Injection(
            type=self.type,
            target=self.target,
            alternative=self.alternative,
            answer=self.answer,
            spans=self.spans,
            step=self.step,
            clean=self.clean,
        )


@cache
def registry() -> dict[CorruptionType, Corruption]:
    """All corruptions, by type, in the order of their names.

    Raises:
        BadAddition: an addition has no usable name, cannot be loaded, or is no `Corruption` of its type.
    """
    additions.further_corruptions(CorruptionType.SHIPPED)
    return {type: _load(type) for type in sorted(CorruptionType)}


def possible(claims: Iterable[Claim]) -> frozenset[CorruptionType]:
    """The corruptions that are possible in an answer that makes these claims."""
    claims = tuple(claims)
    return frozenset(type for type, corruption in registry().items() if corruption.offers(claims))


def omits(type: CorruptionType | None) -> bool:
    """Whether a corruption leaves something out. Then only the source holds the evidence for it."""
    return type is not None and registry()[type].omits


def _load(type: CorruptionType) -> Corruption:
    if type.value in additions.registered(additions.CORRUPTIONS):
        place = additions.registered(additions.CORRUPTIONS)[type.value]
        loaded = additions.load(additions.CORRUPTIONS, type.value)
        corruption = loaded() if isinstance(loaded, builtins.type) else loaded
    else:
        place = f"{__name__}.{type.value}"
        culprit = f"corruption {type.value!r}: importing {place}, whose type must be {type.value!r},"
        module = additions.import_module(place, culprit)
        corruption = getattr(module, "corruption", None)
    if not isinstance(corruption, Corruption) or getattr(corruption, "type", None) is not type:
        raise BadAddition(f"corruption {type.value!r}: {place} must be a Corruption whose type is {type.value!r}")
    return corruption


def inject(
    verifier: Verifier, answer: Answer, type: CorruptionType, stealth: int, rng: Random, *, thought: int | None = None
) -> Injection:
    """Rewrite a clean answer so that exactly one claim breaks: the first of `injections`, with the same arguments.

    Raises:
        CannotCorrupt: no claim of this answer can be broken by this type without breaking another.
    """
    return next(injections(verifier, answer, type, stealth, rng, thought=thought))


def injections(
    verifier: Verifier, answer: Answer, type: CorruptionType, stealth: int, rng: Random, *, thought: int | None = None
) -> Iterator[Injection]:
    """Every rewriting of a clean answer by this type that breaks exactly one claim; no two have the same output.

    First come those of the nearest stealth, one for each claim; then all others.

    Args:
        stealth: the level, 0 (loud) to 3. Of the alternatives of a claim, the one of the nearest level is tried first.
        thought: the level at which the reasoning is written, if it is another.

    Raises:
        CannotCorrupt: there is none. Raised where the first one is asked for.
    """
    return (corrupted.write() for corrupted in corrupted_answers(verifier, answer, type, stealth, rng, thought=thought))


def corrupted_answers(
    verifier: Verifier, answer: Answer, type: CorruptionType, stealth: int, rng: Random, *, thought: int | None = None
) -> Iterator[CorruptedAnswer]:
    """As `injections`, but of each the reasoning is not written before it is asked for."""
    for output, spans, trade in _rewritings(verifier, answer.output, type, stealth, rng):
        thoughts = Thoughts(verifier, answer.reasoning, trade, stealth if thought is None else thought, rng)
        yield CorruptedAnswer(
            type=type,
            target=trade.claim.id,
            alternative=trade.alternative,
            output=output,
            spans=spans,
            clean_output=answer.output,
            thoughts=thoughts,
        )
        # The next rewriting goes on with the random numbers that this reasoning leaves.
        thoughts.write()


def can_inject(verifier: Verifier, output: str, type: CorruptionType, stealth: int, rng: Random) -> bool:
    """Whether `inject` finds a place in this output, with the same arguments. Cheaper: no reasoning is written."""
    try:
        next(_rewritings(verifier, output, type, stealth, rng))
    except CannotCorrupt:
        return False
    return True


def _rewritings(
    verifier: Verifier, text: str, type: CorruptionType, stealth: int, rng: Random
) -> Iterator[tuple[str, tuple[Span, ...], Trade]]:
    """The outputs of `injections`, each with its spans and with what was traded. Raises what `injections` raises."""
    corruption = registry()[type]
    draft = draft_of(verifier, text, rng)
    targets = _in_order(list(corruption.targets(draft)), stealth, rng)
    written: set[str] = set()
    for claim, alternative in targets:
        rewrite = corruption.rewrite(draft, claim, alternative, rng)
        if rewrite is None or not rewrite.edits or cuts_beside(draft, rewrite.edits, claim.id):
            continue
        output, spans = apply(text, rewrite.edits)
        if output in written or tears(text, output) or not breaks_only(verifier, output, claim):
            continue
        if not is_left_in_doubt(verifier, draft, claim, rewrite.edits):
            written.add(output)
            yield output, spans, Trade(claim, alternative, draft.voice(), rewrite.instead)
    if not written:
        raise CannotCorrupt(f"no {type} fits this answer: {_why_none(len(targets))}")


def _why_none(tried: int) -> str:
    if not tried:
        return "it states nothing that this type changes"
    return f"places that could be changed without another change or a seam: 0 of {tried}"


def _in_order(targets: list[Target], stealth: int, rng: Random) -> list[Target]:
    """The best target of each claim, in random order; then all others, the best first.

    The best has the stealth that is nearest. If all targets came in random order, a claim with many alternatives would
    be chosen more often.
    """

    def distance(target: Target) -> int:
        return 0 if target[1] is None else abs(target[1].stealth - stealth)

    rng.shuffle(targets)
    targets.sort(key=distance)
    by_claim: defaultdict[str, list[Target]] = defaultdict(list)
    # From the end, because the order of the claims is what the next shuffle starts from: another order, other episodes.
    for target in reversed(targets):
        by_claim[target[0].id].insert(0, target)
    best = [min(group, key=distance) for group in by_claim.values()]
    others = [target for target in targets if not any(target is other for other in best)]
    rng.shuffle(best)
    return [*best, *others]


def breaks_only(verifier: Verifier, output: str, claim: Claim) -> bool:
    """Whether a text breaks this claim and no other claim, and states no value that the source lacks."""
    return verifier.verify(output).broken == {claim.id}
