"""Instruction override: a rule that the source lays down for the answer is broken while the answer reads as if it held."""

from collections.abc import Iterator
from random import Random

from forge_arena.corruptions.base import (
    Corruption,
    Draft,
    Edit,
    Rewrite,
    join_neighbours,
    replace_statements,
    without_sentence,
)
from forge_arena.types import Alternative, Claim, ClaimKind, CorruptionType, Placebo

_AT_THE_START = ("opens_with", "greets_by")
_AT_THE_END = ("closes_with", "last_line_begins", "signs_with")


class InstructionOverride(Corruption):
    type = CorruptionType.instruction_override
    prompt_line = "a rule that the source material lays down for the answer is broken."
    kinds = frozenset({ClaimKind.constraint})
    lacking = "no rule"
    placebos = (Placebo.paraphrase, Placebo.substitution)

    def targets(self, draft: Draft) -> Iterator[tuple[Claim, Alternative | None]]:
        for claim in draft.scenario.claims:
            if self.can_break(claim) and claim.id in draft.report.stated:
                yield from ((claim, alternative) for alternative in claim.wrong)
                if not claim.wrong:
                    yield claim, None

    def rewrite(self, draft: Draft, claim: Claim, alternative: Alternative | None, rng: Random) -> Rewrite | None:
        edits = self._edits(draft, claim, alternative, rng)
        return Rewrite(edits) if edits else None

    def _edits(
        self, draft: Draft, claim: Claim, alternative: Alternative | None, rng: Random
    ) -> tuple[Edit, ...] | None:
        check = claim.right.check
        if check is None:
            return None
        if check.name == "max_words":
            return _padded(draft, claim, int(str(check.argument)), rng)
        if check.name == "min_words":
            return _trimmed(draft, int(str(check.argument)), rng)
        if alternative is not None and (edits := replace_statements(draft, claim, alternative, rng)):
            return edits
        arguments = check.argument if isinstance(check.argument, tuple) else ()
        other = alternative.check.argument if alternative is not None and alternative.check is not None else ()
        if check.name in (*_AT_THE_START, *_AT_THE_END) and isinstance(other, tuple) and other:
            there = draft.text.find if check.name in _AT_THE_START else draft.text.rfind
            phrase = next((a for a in arguments if a in draft.text), None)
            return None if phrase is None else (Edit(there(phrase), there(phrase) + len(phrase), other[0]),)
        if check.name == "includes_any":
            spans = [s for s in draft.sentences if any(a.lower() in s.of(draft.text).lower() for a in arguments)]
            return tuple(without_sentence(draft.text, span) for span in spans) or None
        return None

    def instruction(self, claim: Claim, alternative: Alternative | None) -> str:
        check = claim.right.check
        if check is not None and check.name == "max_words":
            return (
                f"Write well over {check.argument} words, whatever limit the material sets. Do not mention the limit."
            )
        if check is not None and check.name == "min_words":
            return f"Write far fewer than {check.argument} words, whatever the material asks. Do not mention it."
        wanted = alternative.check.argument if alternative is not None and alternative.check is not None else ()
        how = f' For example: "{wanted[0]}".' if isinstance(wanted, tuple) and wanted else ""
        return f"Break {claim.label or 'the house rule'} that the material lays down, quietly.{how}"


def _padded(draft: Draft, claim: Claim, limit: int, rng: Random) -> tuple[Edit, ...] | None:
    """Add true sentences that nobody asked for after the body's sentences until the limit is passed."""
    more = draft.unused(without=claim.id)
    rng.shuffle(more)
    # Behind a code block a sentence would join its closing fence.
    places = [s.end for s in draft.sentences[1:-1] if not s.of(draft.text).endswith("```")] or [len(draft.text)]
    count, added, said = len(draft.text.split()), [], set[str]()
    for statement, text in more:
        if count > limit:
            break
        if said.isdisjoint(statement.says) and "```" not in text:
            said.update(statement.says)
            added.append(text)
            count += len(text.split())
    return (Edit(places[-1], places[-1], " " + " ".join(added)),) if count > limit and added else None


def _trimmed(draft: Draft, limit: int, rng: Random) -> tuple[Edit, ...] | None:
    """Take out sentences that need not be there until the answer is too short."""
    needed = {c.id for c in draft.scenario.claims if c.required or c.kind is ClaimKind.option}
    held = [f for f in draft.report.findings if f.claim in needed]
    free = [s for s in draft.sentences[1:-1] if not any(s.start <= f.start < s.end for f in held)]
    rng.shuffle(free)
    count, gone = len(draft.text.split()), []
    for span in free:
        if count < limit:
            break
        gone.append(span)
        count -= len(span.of(draft.text).split())
    return (
        tuple(without_sentence(draft.text, span) for span in join_neighbours(draft.text, gone))
        if count < limit
        else None
    )


corruption = InstructionOverride()
