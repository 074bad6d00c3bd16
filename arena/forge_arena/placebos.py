"""Edit an answer without harm, where a corruption would strike it and about as much: the decoy of every corruption.

Each kind of edit has a corruption for its likeness. A respelled date or citation changes the same characters as a
shifted or fabricated one, a sentence that was traded for one about something else that nobody asked for looks like an
omission, and a paraphrase or another order like the rest.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random

from forge_arena.corruptions.base import Draft, Edit, Rewrite, apply, trade_sentence
from forge_arena.corruptions.thoughts import Trade, traded
from forge_arena.errors import CannotCorrupt
from forge_arena.statements import fits, sentence
from forge_arena.types import Answer, Claim, ClaimKind, CorruptionType, Placebo, Span, Statement
from forge_arena.verify import Judge

_ORDER: dict[CorruptionType, tuple[Placebo, ...]] = {
    CorruptionType.temporal_shift: (Placebo.respelling, Placebo.paraphrase, Placebo.substitution, Placebo.reordering),
    CorruptionType.authority_fabrication: (
        Placebo.respelling,
        Placebo.paraphrase,
        Placebo.substitution,
        Placebo.reordering,
    ),
    CorruptionType.factual_omission: (Placebo.substitution, Placebo.paraphrase, Placebo.reordering),
    CorruptionType.bias_injection: (
        Placebo.paraphrase,
        Placebo.respelling,
        Placebo.substitution,
        Placebo.reordering,
    ),
    CorruptionType.instruction_override: (
        Placebo.paraphrase,
        Placebo.substitution,
        Placebo.respelling,
        Placebo.reordering,
    ),
}


@dataclass(frozen=True, slots=True)
class HarmlessEdit:
    """What was done, the answer that results, and where in it."""

    kind: Placebo
    answer: Answer
    spans: tuple[Span, ...]


def edit_harmlessly(judge: Judge, answer: Answer, type: CorruptionType, target: str, rng: Random) -> HarmlessEdit:
    """Edit a clean answer where a corruption of this type would have struck the claim `target`; it stays clean.

    Raises:
        CannotCorrupt: this answer takes no edit at all that the judge finds harmless.
    """
    draft = Draft(judge.scenario, answer.output, judge.report(answer.output))
    claim = judge.scenario.claim(target)
    for kind in _ORDER[type]:
        for rewrite, trade in _KINDS[kind](draft, claim, rng):
            output, spans = apply(answer.output, rewrite.edits)
            if output != answer.output and judge.report(output).clean:
                reasoning = _reasoning(judge, answer.reasoning, kind, trade, rng)
                return HarmlessEdit(kind, Answer(reasoning=reasoning, output=output), spans)
    raise CannotCorrupt(f"no harmless edit fits this answer in place of {type}")


def _respellings(draft: Draft, claim: Claim, rng: Random) -> Iterator[tuple[Rewrite, Trade | None]]:
    """The claim in another of its spellings, wherever it is stated."""
    if claim.kind in (ClaimKind.constraint, ClaimKind.behaviour):
        return
    forms = list(claim.right.forms)
    rng.shuffle(forms)
    for form in forms:
        edits = _spelled_as(draft, claim, form)
        if edits:
            yield Rewrite(edits), Trade(claim, claim.right.model_copy(update={"forms": (form,)}))


def _spelled_as(draft: Draft, claim: Claim, form: str) -> tuple[Edit, ...]:
    edits = []
    for finding in draft.report.of(claim.id):
        surface = draft.text[finding.start : finding.end]
        if finding.alternative == claim.right.name and surface.lower() != form.lower():
            text = form[0].upper() + form[1:] if surface[0].isupper() else form
            edits.append(Edit(finding.start, finding.end, text))
    return tuple(edits)


def _paraphrases(draft: Draft, claim: Claim, rng: Random) -> Iterator[tuple[Rewrite, Trade | None]]:
    """A sentence that says the same in place of the one that states the claim."""
    voice = draft.voice()
    statements = [s for s in draft.scenario.statements if s.part not in ("reasoning", "probe")]
    rng.shuffle(statements)
    for statement in statements:
        if claim.id not in statement.says and claim.id not in statement.when:
            continue
        at = draft.text.find(text := sentence(statement, draft.scenario, voice))
        if at < 0:
            continue
        for other in statements:
            if _says_the_same(other, statement) and fits(other, draft.scenario, voice):
                yield Rewrite((Edit(at, at + len(text), sentence(other, draft.scenario, voice)),)), None


def _says_the_same(other: Statement, statement: Statement) -> bool:
    return (
        other.text != statement.text
        and other.part == statement.part
        and set(other.says) == set(statement.says)
        and (other.when == statement.when or bool(other.says))
    )


def _substitutions(draft: Draft, claim: Claim, rng: Random) -> Iterator[tuple[Rewrite, Trade | None]]:
    """A sentence about something that nobody asked for in place of another such."""
    spare = [
        c
        for c in draft.scenario.claims
        if not c.required
        and c.id in draft.report.stated
        and c.kind not in (ClaimKind.constraint, ClaimKind.option, ClaimKind.behaviour)
    ]
    rng.shuffle(spare)
    for other in spare:
        rewrite = trade_sentence(draft, other, rng)
        if rewrite is not None:
            yield rewrite, Trade(other, None, rewrite.instead)


def _reorderings(draft: Draft, claim: Claim, rng: Random) -> Iterator[tuple[Rewrite, Trade | None]]:
    """Two neighbouring sentences of the body in the other order."""
    pairs = [
        (a, b)
        for a, b in zip(draft.sentences, draft.sentences[1:], strict=False)
        if draft.text[a.end : b.start] == " " and "```" not in draft.text[a.start : b.end]
    ]
    rng.shuffle(pairs)
    for a, b in pairs:
        yield Rewrite((Edit(a.start, b.end, f"{b.of(draft.text)} {a.of(draft.text)}"),)), None


_KINDS: dict[Placebo, Callable[[Draft, Claim, Random], Iterator[tuple[Rewrite, Trade | None]]]] = {
    Placebo.respelling: _respellings,
    Placebo.paraphrase: _paraphrases,
    Placebo.substitution: _substitutions,
    Placebo.reordering: _reorderings,
}


def _reasoning(judge: Judge, reasoning: str, kind: Placebo, trade: Trade | None, rng: Random) -> str:
    """The reasoning goes along with the edit as it does with a corruption; else a mismatch would mark the placebos."""
    if trade is None or not reasoning:
        return reasoning
    if kind is Placebo.respelling and trade.alternative is not None:
        draft = Draft(judge.scenario, reasoning, judge.report(reasoning))
        return apply(reasoning, _spelled_as(draft, trade.claim, trade.alternative.forms[0]))[0]
    return traded(judge, reasoning, trade, rng).text
