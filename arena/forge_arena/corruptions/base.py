"""What a corruption is: where it can strike in an answer, and how it rewrites the answer there."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Protocol

from forge_arena.statements import Voice, fits, named, sentence
from forge_arena.types import Alternative, Claim, ClaimKind, CorruptionType, Scenario, Span, Statement
from forge_arena.values import mentions, respell, sentences, value_of
from forge_arena.verify import Report


@dataclass(frozen=True, slots=True)
class Edit:
    """Replace the characters `start` to `end` of a text by `text`."""

    start: int
    end: int
    text: str


@dataclass(frozen=True)
class Draft:
    """An answer that verified clean, as a corruption sees it."""

    scenario: Scenario
    text: str
    report: Report
    _sentences: list[Span] = field(default_factory=list, repr=False)

    @property
    def sentences(self) -> list[Span]:
        if not self._sentences:
            self._sentences.extend(Span.model_construct(start=start, end=end) for start, end in sentences(self.text))
        return self._sentences

    def sentences_of(self, claim_id: str) -> list[Span]:
        """The sentences that speak of a claim, in order."""
        places = [f.start for f in self.report.of(claim_id)]
        return [s for s in self.sentences if any(s.start <= place < s.end for place in places)]

    def voice(self, **choice: str) -> Voice:
        """How this answer spells things, with other alternatives chosen where `choice` says so."""
        spelling: dict[ClaimKind, int] = {}
        chosen: dict[str, str] = {}
        for finding in self.report.findings:
            claim = self.scenario.claim(finding.claim)
            surface = self.text[finding.start : finding.end]
            if finding.alternative is not None:
                chosen[claim.of or claim.id] = finding.alternative
                forms = named(claim, finding.alternative).forms
                if surface in forms:
                    spelling.setdefault(claim.kind, forms.index(surface))
        return Voice({**chosen, **choice}, spelling)

    def unused(self, *, without: str, saying: frozenset[str] = frozenset()) -> list[tuple[Statement, str]]:
        """Statements that this answer could have had, and their sentences: they say all of `saying`, not `without`, keep
        off rules, and say nothing else that the answer already says."""
        voice = self.voice()
        stated = {finding.claim for finding in self.report.findings} - saying
        rules = {claim.id for claim in self.scenario.claims if claim.kind is ClaimKind.constraint}
        return [
            (s, sentence(s, self.scenario, voice))
            for s in self.scenario.statements
            if s.part == "body"
            and s.says
            and without not in s.says
            and saying <= set(s.says)
            and rules.isdisjoint(s.says)
            and stated.isdisjoint(s.says)
            and fits(s, self.scenario, voice)
        ]


class Corruption(Protocol):
    """One of the five types. A file of this package that defines `corruption` adds one to the registry."""

    @property
    def type(self) -> CorruptionType: ...

    def targets(self, draft: Draft) -> Iterator[tuple[Claim, Alternative | None]]:
        """The claims that this answer makes and this type can break, with what would be said instead (None: nothing)."""
        ...

    def rewrite(
        self, draft: Draft, claim: Claim, alternative: Alternative | None, rng: Random
    ) -> tuple[Edit, ...] | None:
        """The edits that break the claim; None where the answer offers no place for them."""
        ...

    def instruction(self, claim: Claim, alternative: Alternative | None) -> str:
        """What a Worker is told to do behind the overseer's back."""
        ...


def apply(text: str, edits: tuple[Edit, ...]) -> tuple[str, tuple[Span, ...]]:
    """The edited text, and where in it each edit now stands. Edits must not overlap."""
    parts: list[str] = []
    spans: list[Span] = []
    at = length = 0
    for edit in sorted(edits, key=lambda e: (e.start, e.end)):
        start = min(max(edit.start, at), edit.end) if not edit.text else edit.start  # Deletions may share their spaces.
        if start < at:
            raise ValueError(f"edits overlap at character {edit.start}")
        parts += (text[at:start], edit.text)
        length += start - at
        spans.append(Span(start=length, end=length + len(edit.text)))
        length += len(edit.text)
        at = edit.end
    parts.append(text[at:])
    return "".join(parts), tuple(spans)


def restate(draft: Draft, claim: Claim, alternative: Alternative) -> tuple[Edit, ...]:
    """Say another alternative wherever the claim is stated, in the same spelling; where the sentence also names that
    alternative as the former one, the two trade places."""
    edits: list[Edit] = []
    for finding in draft.report.of(claim.id):
        surface = draft.text[finding.start : finding.end]
        edits.append(Edit(finding.start, finding.end, _like(claim, claim.right, alternative, surface)))
    for span in draft.sentences_of(claim.id):
        here = span.of(draft.text)
        for mention in mentions(here):
            start, end = span.start + mention.start, span.start + mention.end
            if (
                mention.kind is claim.kind
                and mention.value == value_of(claim.kind, alternative.forms[0])
                and not any(e.start < end and start < e.end for e in edits)
            ):
                edits.append(Edit(start, end, _like(claim, alternative, claim.right, draft.text[start:end])))
    return tuple(edits)


def _like(claim: Claim, old: Alternative, new: Alternative, surface: str) -> str:
    """`new` spelled as `surface` spells `old`."""
    low = surface.lower()
    for place, form in enumerate(old.forms):
        if form.lower() == low and place < len(new.forms):
            text = new.forms[place]
            return text[0].upper() + text[1:] if surface[0].isupper() and form[0].islower() else text
    return respell(new.forms[0], surface, claim.kind)


def replace_statements(draft: Draft, claim: Claim, alternative: Alternative, rng: Random) -> tuple[Edit, ...]:
    """Where a sentence stands that only makes sense under the right alternative, put one for `alternative`."""
    before, after = draft.voice(), draft.voice(**{claim.id: alternative.name})
    edits: list[Edit] = []
    for statement in draft.scenario.statements:
        if statement.when.get(claim.id) != claim.right.name:
            continue
        text = sentence(statement, draft.scenario, before)
        at = draft.text.find(text)
        if at < 0 or any(e.start < at + len(text) and at < e.end for e in edits):
            continue
        others = [s for s in draft.scenario.statements if _stands_in(s, statement, claim, alternative)]
        others = [s for s in others if fits(s, draft.scenario, after)]
        if others:
            other = others[rng.randrange(len(others))]
            edits.append(Edit(at, at + len(text), sentence(other, draft.scenario, after)))
    return tuple(edits)


def _stands_in(other: Statement, statement: Statement, claim: Claim, alternative: Alternative) -> bool:
    return (
        other.part == statement.part
        and other.when.get(claim.id) == alternative.name
        and set(other.says) == set(statement.says)
    )


def without_sentence(text: str, span: Span) -> Edit:
    """Take a sentence out together with the space that would be left over."""
    start, end = span.start, span.end
    while end < len(text) and text[end] == " ":
        end += 1
    if end == len(text) or text[end] == "\n":
        while start > 0 and text[start - 1] == " ":
            start -= 1
    if (start == 0 or text[start - 1] == "\n") and text[end : end + 1] == "\n":
        while end < len(text) and text[end] == "\n":
            end += 1
    return Edit(start, end, "")
