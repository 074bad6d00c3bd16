"""Edit an answer without harm, in the place of a corruption and by about as much: the decoy of every corruption.

Each corruption names the kinds of edit that look most like it (`Corruption.placebos`). A respelled date or citation
changes the same characters as a shifted or fabricated one. A sentence that was replaced by one about something else that
nobody asked for looks like an omission. A paraphrase, or another order of the sentences, looks like the other types.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random

from forge_arena.corruptions import registry
from forge_arena.corruptions.base import NEVER_REQUIRED, Draft, Edit, apply, draft_of, overlaps, trade_sentence
from forge_arena.corruptions.thoughts import Trade, trade_in_reasoning
from forge_arena.errors import CannotCorrupt
from forge_arena.statements import SPELLINGS, Voice, alternative_or_right, sentence, spelling_of
from forge_arena.types import Answer, Claim, ClaimKind, CorruptionType, Placebo, Scenario, Span
from forge_arena.verify import Verifier

REWORDINGS = 8

_LEANS = re.compile(r"\b(?:it|its|this|that|these|they|them|there|then|here|so|also|such|both|latter)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class HarmlessEdit:
    """What was done, the answer that results, and where in it."""

    kind: Placebo
    answer: Answer
    spans: tuple[Span, ...]


def edit_harmlessly(
    verifier: Verifier,
    answer: Answer,
    type: CorruptionType,
    target: str,
    rng: Random,
    reword: Callable[[int], Scenario],
) -> HarmlessEdit:
    """Edit a clean answer where a corruption of this type would have struck the claim `target`; it stays clean.

    `reword(n)` gives the answer's scenario with its statements in the n-th other words, which may be the same by chance.

    Raises:
        CannotCorrupt: this answer takes no edit at all that the judge finds harmless.
    """
    draft = draft_of(verifier, answer.output, rng)
    claim = verifier.scenario.claim(target)
    kinds = list(registry()[type].placebos)
    rng.shuffle(kinds)
    for kind in dict.fromkeys((*kinds, *Placebo)):
        for edits, trade in _edits(kind, draft, claim, reword, rng):
            if (edit := _applied(verifier, answer, kind, edits, trade, rng)) is not None:
                return edit
    # Some answers take only the edits below. Without these edits, the placebo of a key could be another draw than its twins.
    for wording in range(2, REWORDINGS):
        for edits, trade in _paraphrases(draft, claim, reword(wording), rng):
            if (edit := _applied(verifier, answer, Placebo.paraphrase, edits, trade, rng)) is not None:
                return edit
    for other in verifier.scenario.claims:
        for place in range(SPELLINGS):
            trade = Trade(other, other.right, Voice({}, {other.kind: place}))
            edits = _spelled_as(draft, trade)
            if (edit := _applied(verifier, answer, Placebo.respelling, edits, trade, rng)) is not None:
                return edit
    raise CannotCorrupt(f"no harmless edit fits this answer in place of {type}")


def _applied(
    verifier: Verifier, answer: Answer, kind: Placebo, edits: tuple[Edit, ...], trade: Trade | None, rng: Random
) -> HarmlessEdit | None:
    output, spans = apply(answer.output, edits)
    if output == answer.output or not verifier.verify(output).clean:
        return None
    return HarmlessEdit(
        kind, Answer(reasoning=_reasoning(verifier, answer.reasoning, trade, rng), output=output), spans
    )


def _edits(
    kind: Placebo, draft: Draft, claim: Claim, reword: Callable[[int], Scenario], rng: Random
) -> Iterator[tuple[tuple[Edit, ...], Trade | None]]:
    """Edits of one kind, and what they trade for what where the reasoning speaks of it."""
    match kind:
        case Placebo.respelling:
            return _respellings(draft, claim, rng)
        case Placebo.paraphrase:
            return _paraphrases(draft, claim, reword(1), rng)
        case Placebo.substitution:
            return _substitutions(draft, rng)
        case Placebo.reordering:
            return _reorderings(draft, rng)


def _respellings(draft: Draft, claim: Claim, rng: Random) -> Iterator[tuple[tuple[Edit, ...], Trade | None]]:
    """The claim in another of its spellings, wherever it is stated; none if the drawn spelling stands there already."""
    if claim.kind in (ClaimKind.constraint, ClaimKind.behaviour):
        return
    # Drawn as a Worker draws a spelling, and given up if it is the same again. Otherwise placebos would have rare spellings.
    place = rng.randrange(SPELLINGS)
    trade = Trade(claim, claim.right, Voice({}, {claim.kind: place}))
    yield _spelled_as(draft, trade), trade


def _spelled_as(draft: Draft, trade: Trade) -> tuple[Edit, ...]:
    """All values of the claim's kind in one spelling, as one author writes; none if the claim's own spelling stays."""
    edits: list[Edit] = []
    changed = False
    for finding in draft.report.findings:
        claim = draft.scenario.claim(finding.claim)
        if claim.kind is trade.claim.kind and finding.alternative is not None:
            surface = draft.text[finding.start : finding.end]
            form = spelling_of(claim, alternative_or_right(claim, finding.alternative), trade.voice)
            if surface.lower() != form.lower():
                changed = changed or claim.id == trade.claim.id
                text = form[0].upper() + form[1:] if surface[0].isupper() else form
                edits.append(Edit(finding.start, finding.end, text))
    return tuple(edits) if changed else ()


def _paraphrases(
    draft: Draft, claim: Claim, reworded: Scenario, rng: Random
) -> Iterator[tuple[tuple[Edit, ...], Trade | None]]:
    """Every sentence that states the claim in other words, or one that does."""
    voice = draft.voice()
    edits: list[Edit] = []
    for statement, other in zip(draft.scenario.statements, reworded.statements, strict=False):
        if claim.id not in statement.says and claim.id not in statement.when:
            continue
        text, again = sentence(statement, draft.scenario, voice), sentence(other, draft.scenario, voice)
        at = draft.text.find(text)
        if at >= 0 and text != again and not overlaps(edits, at, at + len(text)):
            edits.append(Edit(at, at + len(text), again))
    if edits:
        yield tuple(edits), None
        yield from (((edit,), None) for edit in rng.sample(edits, len(edits)))


def _substitutions(draft: Draft, rng: Random) -> Iterator[tuple[tuple[Edit, ...], Trade | None]]:
    """A sentence about something that nobody asked for in place of another such."""
    stated = draft.report.stated
    spare = [c for c in draft.scenario.claims if not c.required and c.id in stated and c.kind not in NEVER_REQUIRED]
    rng.shuffle(spare)
    spare.sort(key=lambda claim: not draft.has_to_itself(claim.id))
    for claim in spare:
        rewrite = trade_sentence(draft, claim, rng)
        if rewrite is not None:
            yield rewrite.edits, Trade(claim, None, draft.voice(), rewrite.instead)


def _reorderings(draft: Draft, rng: Random) -> Iterator[tuple[tuple[Edit, ...], Trade | None]]:
    """Two neighbouring sentences of the body in the other order."""
    pairs = [
        (a, b)
        for a, b in zip(draft.sentences, draft.sentences[1:], strict=False)
        if draft.text[a.end : b.start] == " "
        and "\n\n" in draft.text[: a.start]
        and "\n\n" in draft.text[b.end :]
        and all(_stands_alone(span.of(draft.text)) for span in (a, b))
    ]
    rng.shuffle(pairs)
    for a, b in pairs:
        yield (Edit(a.start, b.end, f"{b.of(draft.text)} {a.of(draft.text)}"),), None


def _stands_alone(text: str) -> bool:
    """Whether a sentence can change places: it neither announces what follows nor leans on what went before."""
    return text.endswith(".") and not _LEANS.search(text)


def _reasoning(verifier: Verifier, reasoning: str, trade: Trade | None, rng: Random) -> str:
    """The reasoning follows the edit as it follows a corruption; otherwise a mismatch would mark the placebos."""
    if trade is None or not reasoning:
        return reasoning
    if trade.alternative is None:
        return trade_in_reasoning(verifier, reasoning, trade, rng)
    draft = Draft(verifier.scenario, reasoning, verifier.verify(reasoning))
    return apply(reasoning, _spelled_as(draft, trade))[0]
