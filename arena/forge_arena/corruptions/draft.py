"""An answer as a corruption sees it, and the edits that change it."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from random import Random

from forge_arena.statements import SPELLINGS, Speaker, Voice
from forge_arena.texts.sentences import lower, sentences, whole_starts_of
from forge_arena.texts.values import mentions, value_of
from forge_arena.types import Alternative, Claim, ClaimKind, Scenario, Span, Statement
from forge_arena.verify import ClaimReport, Verifier
from forge_arena.verify.ownership import Ownership
from forge_arena.verify.passages import Passages


@dataclass(frozen=True, slots=True)
class Edit:
    """Replace the characters `start` to `end` of a text by `text`."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Rewrite:
    """The edits that break a claim. `instead` are the claims that the answer now states in place of the target."""

    edits: tuple[Edit, ...]
    instead: frozenset[str] = frozenset()


def rewrite_of(edits: tuple[Edit, ...] | None) -> Rewrite | None:
    """The rewrite that consists of these edits; None without edits."""
    return Rewrite(edits) if edits else None


@dataclass(frozen=True, slots=True)
class Sentence:
    """A statement of the scenario, in the words of one answer."""

    statement: Statement
    text: str

    @property
    def says(self) -> frozenset[str]:
        return frozenset(self.statement.says)


@dataclass(frozen=True)
class Draft:
    """An answer that verified clean, as a corruption sees it.

    `habits` say how its author would spell the kinds of value that the answer does not hold. Inserted values use this
    author's spelling; otherwise the spelling alone would show what was inserted.
    """

    scenario: Scenario
    text: str
    report: ClaimReport
    habits: Mapping[ClaimKind, int] = field(default_factory=dict)

    @cached_property
    def sentences(self) -> tuple[Span, ...]:
        return tuple(Span(start=start, end=end) for start, end in sentences(self.text))

    @cached_property
    def is_composed(self) -> bool:
        """Whether the text consists of the scenario's own statements, by at least half of its letters.

        Such a text takes further statements without a seam. Any other text was written by somebody in words of their
        own.
        """
        speaker = self.speaker()
        known = 0
        for statement in self.scenario.statements:
            place = speaker.place_in(self.text, statement)
            known += place[1] - place[0] if place is not None else 0
            if known and 2 * known >= len(self.text):
                return True
        return False

    @cached_property
    def ownership(self) -> Ownership:
        """The claims of the scenario as possible owners of a value."""
        return Ownership(Passages(self.scenario))

    def sentences_of(self, claim_id: str) -> list[Span]:
        """The sentences that speak of a claim, in order; neighbours count as one."""
        places = sentences(self.text)
        own: set[tuple[int, int]] = set()
        for finding in self.report.of(claim_id):
            number = bisect_right(places, finding.start, key=lambda place: place[0])
            own |= {place for place in places[max(number - 1, 0) : number] if finding.start < place[1]}
        return join_neighbours(self.text, (Span(start=start, end=end) for start, end in own))

    def has_to_itself(self, claim_id: str) -> bool:
        """Whether the sentences that speak of a claim state nothing else."""
        spans = self.sentences_of(claim_id)
        return all(finding.claim == claim_id or not holds(spans, finding.start) for finding in self.report.findings)

    def voice(self, **choice: str) -> Voice:
        """What this answer says and how it spells it; `choice` gives other alternatives for some claims."""
        own = self._voice
        return Voice({**own.choice, **choice}, own.spelling) if choice else own

    @cached_property
    def _voice(self) -> Voice:
        spelling: dict[ClaimKind, int] = {}
        chosen: dict[str, str] = {}
        claims = {claim.id: claim for claim in self.scenario.claims}
        for finding in self.report.findings:
            if finding.alternative is None:
                continue
            claim = claims[finding.claim]
            chosen[claim.of or claim.id] = finding.alternative
            surface = self.text[finding.start : finding.end]
            forms = claim.alternative(finding.alternative).forms
            if surface in forms and len(forms) > 1:
                spelling.setdefault(claim.kind, forms.index(surface))
        return Voice(chosen, {**self.habits, **spelling})

    def speaker(self, **choice: str) -> Speaker:
        """Who says the scenario's statements as this answer says them; `choice` as for `voice`."""
        return Speaker(self.scenario, self.voice(**choice))

    def spare_sentences(
        self, *, without: str, saying: frozenset[str] = frozenset(), again: frozenset[str] = frozenset()
    ) -> list[Sentence]:
        """Sentences that this answer could have had in its body, and does not have.

        Args:
            without: a claim that the sentences do not state.
            saying: the claims that each sentence states; beside these claims it states only what the answer does not.
            again: the claims that a sentence may state although the answer states them.

        Returns: the sentences, in the order of the scenario's statements. None of them states a rule.
        """
        speaker = self.speaker()
        stated = {finding.claim for finding in self.report.findings} - saying - again
        rules = {claim.id for claim in self.scenario.claims if claim.kind is ClaimKind.constraint}
        return [
            Sentence(statement, speaker.sentence(statement))
            for statement in self.scenario.statements
            if statement.part == "body"
            and statement.says
            and without not in statement.says
            and saying <= set(statement.says)
            and rules.isdisjoint(statement.says)
            and stated.isdisjoint(statement.says)
            and speaker.fits(statement)
        ]


def draft_of(verifier: Verifier, text: str, rng: Random) -> Draft:
    """A text with the Verifier's report on it, and an author with habits."""
    habits = {kind: rng.randrange(SPELLINGS) for kind in ClaimKind}
    return Draft(verifier.scenario, text, verifier.verify(text), habits)


def apply(text: str, edits: tuple[Edit, ...]) -> tuple[str, tuple[Span, ...]]:
    """The edited text, and the span of each edit in it. A capital that only repairs what a cut left over has no span.

    Raises:
        ValueError: two edits overlap.
    """
    parts: list[str] = []
    spans: list[Span] = []
    at = length = 0
    cut_before = -1
    for edit in sorted(edits, key=lambda edit: (edit.start, edit.end)):
        # Two deletions may share the space between them.
        start = edit.start if edit.text else min(max(edit.start, at), edit.end)
        if start < at:
            raise ValueError(f"edits overlap at character {edit.start}")
        parts += (text[at:start], edit.text)
        length += start - at
        is_repair = cut_before == edit.start and edit.text.lower() == text[edit.start : edit.end].lower() != ""
        if not is_repair:
            spans.append(Span(start=length, end=length + len(edit.text)))
        length += len(edit.text)
        at = edit.end
        cut_before = -1 if edit.text else edit.end
    parts.append(text[at:])
    return "".join(parts), tuple(spans)


def place_of_kept(before: str, piece: str, position: int = 0) -> int:
    """Where a text has a piece of an edited text, from a position on; -1 if it has it nowhere.

    The piece may have got a capital where a cut stands in front of it.
    """
    at = before.find(piece, position)
    return at if at >= 0 or not piece else before.find(piece[0].lower() + piece[1:], position)


def overlaps(edits: Iterable[Edit], start: int, end: int) -> bool:
    """Whether an edit changes something between `start` and `end`."""
    return any(edit.start < end and start < edit.end for edit in edits)


def join_neighbours(text: str, spans: Iterable[Span]) -> list[Span]:
    """The spans in order; two spans with only a space between them become one."""
    joint: list[Span] = []
    for span in sorted(spans, key=lambda span: span.start):
        if joint and text[joint[-1].end : span.start] == " ":
            joint[-1] = Span(start=joint[-1].start, end=span.end)
        else:
            joint.append(span)
    return joint


def removal(text: str, span: Span) -> Edit:
    """The edit that removes a sentence and the space that it would leave over."""
    start, end = span.start, span.end
    while end < len(text) and text[end] == " ":
        end += 1
    if end == len(text) or text[end] == "\n":
        while start > 0 and text[start - 1] == " ":
            start -= 1
    while end == len(text) and start > 0 and text[start - 1] == "\n":
        start -= 1
    if (start == 0 or text[start - 1] == "\n") and text[end : end + 1] == "\n":
        while end < len(text) and text[end] == "\n":
            end += 1
    return Edit(start, end, "")


def holds(spans: Iterable[Span], place: int) -> bool:
    """Whether one of the spans holds a place."""
    for span in spans:  # noqa: SIM110  (three times as fast as any() on this path)
        if span.start <= place < span.end:
            return True
    return False


def places_of_former(draft: Draft, claim: Claim, alternative: Alternative) -> Iterator[tuple[int, int]]:
    """Where the sentences that state a claim also name another alternative of it, by value or by spelling."""
    value = value_of(claim.kind, alternative.forms[0])
    for span in draft.sentences_of(claim.id):
        text = span.of(draft.text)
        for mention in mentions(text):
            if mention.kind is claim.kind and mention.value == value:
                yield span.start + mention.start, span.start + mention.end
        low = lower(text)
        for form in alternative.forms:
            for at in whole_starts_of(low, lower(form)):
                yield span.start + at, span.start + at + len(form)
