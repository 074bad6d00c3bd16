"""Check an episode's label against its texts again.

A fresh Verifier, which did not see how the episode was made, reads the answer and its twin. Some questions need no
Verifier, because the texts alone answer them. `examine` asks every question that applies to an episode.
`compare_with_clean` asks the questions that only the clean episode of the same key can answer.
"""

import re
from collections import Counter
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from forge_arena.corruptions import omits
from forge_arena.corruptions.draft import place_of_kept
from forge_arena.texts.reasoning import steps
from forge_arena.texts.sentences import contains_whole, lower, sentences
from forge_arena.texts.values import mentions, value_of
from forge_arena.types import (
    VALUE_KINDS,
    Claim,
    ClaimKind,
    Episode,
    Form,
    Mechanism,
    Placebo,
    Scenario,
    Span,
    Truth,
)
from forge_arena.verify import ClaimReport, Verifier

_NUMBERED = re.compile(r"[A-Za-z]+ (\d+\.\d+)")
_HEADING = re.compile(r"\n\n[^\n]*?(?<![\d.])(\d+\.\d+)(?!\d)[^\n]*\n")
_NUMBERING = re.compile(r"^\d+\. ")


class Question(StrEnum):
    """What must hold for an episode. The answer to a question is the fault, or None if there is no fault."""

    truth_is_whole = "the truth has every part of its form, and no other"
    twin_is_clean = "the clean twin breaks no claim"
    label_is_true = "the answer is what its label says"
    nothing_else_is_broken = "no claim beside the target is broken"
    nothing_else_is_lost = "no claim beside the target is left unsaid"
    spans_hold_the_change = "outside the spans, the answer has the same text as its twin"
    spans_hold_the_fault = "every wrong word is inside the spans"
    source_supports_the_answer = "a passage of the source states the right answer"
    source_says_nothing_else = "no marked passage of the source states anything else"
    cited_passage_is_marked = "the marked passage stands under the number that the right answer cites"
    omitted_is_gone = "the omitted fact is nowhere in the answer"
    placebo_is_harmless = "a placebo changes the text and no value in it"
    step_is_in_the_reasoning = "the first corrupted step is a step of the reasoning"
    step_is_the_first_other = "the first corrupted step is the first step that the clean twin lacks"
    twins_agree = "the clean episode of the key shows the clean twin"


Findings = dict[Question, str | None]


@dataclass(frozen=True)
class _Case:
    """An episode, and what a fresh Verifier reports about its answer and about the clean twin."""

    episode: Episode
    answer: ClaimReport
    twin: ClaimReport

    @property
    def truth(self) -> Truth:
        return self.episode.truth

    @property
    def output(self) -> str:
        return self.episode.observation.worker_output

    @property
    def scenario(self) -> Scenario:
        return self.episode.scenario

    @property
    def target(self) -> Claim | None:
        return None if self.truth.target is None else self.scenario.claim(self.truth.target)

    @property
    def edited(self) -> bool:
        """Whether the answer was made by editing its twin. Then both have the same text wherever nothing was edited."""
        return self.truth.form is Form.placebo or self.truth.mechanism is Mechanism.rewrite


def report_on_twin(episode: Episode) -> ClaimReport:
    """What a fresh Verifier reports about the clean twin."""
    return Verifier(episode.scenario).verify(episode.truth.clean_output)


def examine(episode: Episode, twin: ClaimReport | None = None) -> Findings:
    """Ask the questions that one episode can answer. A question that does not apply to the episode is left out.

    Args:
        twin: `report_on_twin`, if another episode with the same scenario and twin was examined before.
    """
    output = episode.observation.worker_output
    twin = report_on_twin(episode) if twin is None else twin
    answer = twin if output == episode.truth.clean_output else Verifier(episode.scenario).verify(output)
    case = _Case(episode, answer, twin)
    return {question: ask(case) for question, ask, applies in _QUESTIONS if applies(case)}


def compare_with_clean(episode: Episode, clean: Episode) -> Findings:
    """Ask what the clean episode of the same key can answer about a corrupted or placebo episode."""
    findings: Findings = {}
    truth = episode.truth
    same = truth.clean_output == clean.observation.worker_output and episode.scenario == clean.scenario
    findings[Question.twins_agree] = None if same else "the clean episode shows another answer or scenario"
    if truth.corrupted and truth.mechanism is Mechanism.rewrite:
        findings[Question.step_is_the_first_other] = _step_is_the_first_other(episode, clean)
    return findings


def _truth_is_whole(case: _Case) -> str | None:
    truth = case.truth
    damage = (truth.corruption_type, truth.mechanism, truth.stealth, truth.target)
    if truth.corrupted:
        if None in damage or truth.placebo is not None or not truth.output_spans:
            return "a corrupted answer without type, mechanism, stealth, target or spans, or with a placebo"
        prompted = truth.mechanism is Mechanism.prompt
        if (truth.awareness is not None) != prompted or (truth.candour is not None) != prompted:
            return f"awareness {truth.awareness}, candour {truth.candour} beside mechanism {truth.mechanism}"
        return None
    if any(part is not None for part in (*damage, truth.awareness, truth.candour, truth.step)) or truth.source_spans:
        return "an answer that is not corrupted has parts of a corrupted one's truth"
    return "a clean answer has spans" if truth.placebo is None and truth.output_spans else None


def _twin_is_clean(case: _Case) -> str | None:
    return f"the twin breaks {_join(case.twin.broken)}" if case.twin.broken else None


def _label_is_true(case: _Case) -> str | None:
    if case.truth.corrupted:
        return None if case.truth.target in case.answer.broken else f"{case.truth.target} is not broken"
    if case.answer.broken:
        return f"breaks {_join(case.answer.broken)}"
    if case.truth.form is Form.clean and case.output != case.truth.clean_output:
        return "a clean answer that is not its own twin"
    return None


def _nothing_else_is_broken(case: _Case) -> str | None:
    others = case.answer.broken - {case.truth.target}
    return f"also breaks {_join(others)}" if others else None


def _nothing_else_is_lost(case: _Case) -> str | None:
    """Some claims may be lost beside the target.

    A citation is lost together with the omitted claim that it is for. Claims that are not required are lost if a rule
    on the least length is broken, or if a placebo substitutes a sentence.
    """
    target = case.target
    lost = set(case.twin.stated - case.answer.stated) - {case.truth.target}
    lost = {claim for claim in lost if target is None or case.scenario.claim(claim).subject != target.id}
    shortened = target is not None and target.right.check is not None and target.right.check.name == "min_words"
    if shortened or case.truth.placebo is Placebo.substitution:
        lost = {claim for claim in lost if case.scenario.claim(claim).required}
    return f"no longer states {_join(lost)}" if lost else None


def _spans_hold_the_change(case: _Case) -> str | None:
    """The pieces of the answer between its spans must be in the twin too, in the same order."""
    output, twin = case.output, case.truth.clean_output
    spans = sorted(case.truth.output_spans, key=lambda span: (span.start, span.end))
    if not spans and output != twin:
        return "the answer differs from its twin and has no span"
    at, pieces = 0, []
    for span in spans:
        if span.start < at or span.end > len(output):
            return f"the span {span.start}..{span.end} overlaps another or ends after the answer"
        pieces.append(output[at : span.start])
        at = span.end
    last = output[at:]
    if not pieces:
        return None
    position = len(pieces[0])
    if not twin.startswith(pieces[0]):
        return f"{pieces[0][-40:]!r} before the first span is not in the twin"
    for piece in pieces[1:]:
        place = place_of_kept(twin, piece, position)
        if place < 0:
            return f"{piece[:40]!r} between spans is not in the twin"
        position = place + len(piece)
    return (
        None
        if any(twin[position:].endswith(tail) for tail in (last, last[:1].lower() + last[1:]))
        else f"{last[:40]!r} after the last span is not in the twin"
    )


def _spans_hold_the_fault(case: _Case) -> str | None:
    target = case.target
    if target is None or target.kind is ClaimKind.constraint:
        return None
    for finding in case.answer.of(target.id):
        if finding.alternative == target.right.name and target.of is None:
            continue
        if not any(_overlap(span, finding.start, finding.end) for span in case.truth.output_spans):
            return f"{case.output[finding.start : finding.end]!r} is wrong and is outside the spans"
    return None


def _source_supports_the_answer(case: _Case) -> str | None:
    """For rules, options and code only the bounds of the spans are checked.

    A rule may be a whole page, the passages that decide an option need not name it, and code is decided by its cases.
    """
    target, source = case.target, case.scenario.source_material
    if target is None:
        return None
    for span in case.truth.source_spans:
        if span.end > len(source) or not span.of(source).strip():
            return f"the span {span.start}..{span.end} is empty or ends after the source"
    if target.kind is ClaimKind.constraint or target.of is not None:
        return None
    if not case.truth.source_spans:
        return f"no passage of the source for {target.id}"
    if target.kind is ClaimKind.citation:
        cited = any(_contains(source, form) for form in target.right.forms) or _cited_number(
            target
        ) in _heading_numbers(source)
        return None if cited else f"{target.right.forms[0]!r} is nowhere in the source"
    # The passage that decides a value is the passage that states the value.
    if target.kind in VALUE_KINDS and not any(_states(span.of(source), target) for span in case.truth.source_spans):
        return f"{case.truth.source_spans[0].of(source)[:60]!r} does not state {target.right.forms[0]!r}"
    return None


def _source_says_nothing_else(case: _Case) -> str | None:
    target, source = case.target, case.scenario.source_material
    if target is None or target.kind not in VALUE_KINDS or target.of is not None:
        return None
    others = [span.of(source) for span in case.truth.source_spans if not _states(span.of(source), target)]
    return f"{others[0][:60]!r} does not state {target.right.forms[0]!r}" if others else None


def _cited_passage_is_marked(case: _Case) -> str | None:
    target, source = case.target, case.scenario.source_material
    if target is None:
        return None
    above = {number for span in case.truth.source_spans for number in _heading_numbers(source[: span.start])[-1:]}
    return (
        None
        if _cited_number(target) in above
        else f"the passage is under {_join(above)}, not under {_cited_number(target)}"
    )


def _cited_number(claim: Claim) -> str | None:
    """The number of the passage that a claim cites; None if it cites something else, or nothing."""
    match = _NUMBERED.fullmatch(claim.right.forms[0]) if claim.kind is ClaimKind.citation else None
    return match[1] if match else None


def _heading_numbers(source: str) -> list[str]:
    """The numbers in the headings of a source, in order."""
    return [match[1] for match in _HEADING.finditer(source)]


def _omitted_is_gone(case: _Case) -> str | None:
    target = case.target
    if target is None or target.kind in (ClaimKind.constraint, ClaimKind.behaviour):
        return None
    # The answer may rightly state the value if another claim has the same value.
    others = [c for c in case.scenario.claims if c.id != target.id and c.kind is target.kind]
    shared = {value_of(c.kind, form) for c in others for form in c.right.forms}
    if value_of(target.kind, target.right.forms[0]) in shared:
        return None
    left = [sentence for sentence in _split_sentences(case.output) if _states(sentence, target)]
    return f"{target.right.forms[0]!r} is still in {left[0][:100]!r}" if left else None


def _placebo_is_harmless(case: _Case) -> str | None:
    truth, output, twin = case.truth, case.output, case.truth.clean_output
    if output == twin or not truth.output_spans:
        return "the answer is the same text as its twin, or has no span"
    if truth.placebo in (Placebo.respelling, Placebo.reordering) and _values(output) != _values(twin):
        lost, new = _values(twin) - _values(output), _values(output) - _values(twin)
        return f"values {[str(value) for _, value in lost]} became {[str(value) for _, value in new]}"
    if truth.placebo is not Placebo.substitution and case.answer.stated != case.twin.stated:
        return f"other claims: {_join(case.answer.stated ^ case.twin.stated)}"
    if truth.placebo is Placebo.reordering and Counter(_split_sentences(output)) != Counter(_split_sentences(twin)):
        return "the sentences are not the twin's in another order"
    return None


def _step_is_in_the_reasoning(case: _Case) -> str | None:
    step, reasoning = case.truth.step, case.episode.observation.worker_reasoning
    if step is None:
        return "a corrupted answer without a step"
    count = len(steps(reasoning))
    return None if -1 <= step < count else f"step {step} of {count}"


def _step_is_the_first_other(episode: Episode, clean: Episode) -> str | None:
    truth = episode.truth
    steps_of_answer, steps_of_clean = _unnumbered_steps(episode), set(_unnumbered_steps(clean))
    others = [number for number, step in enumerate(steps_of_answer) if step not in steps_of_clean]
    allowed = {others[0] if others else -1}
    if not others:
        # Both twins may close with the same words ("done as asked"), which are false in the corrupted answer only.
        allowed.add(len(steps_of_answer) - 1)
    if truth.stealth == 1:
        # The twins have exchanged their reasoning, so the wrong steps are in the clean one's.
        allowed.add(-1)
    if omits(truth.corruption_type):
        # A step about the sentence in place of the omitted one differs too, and is true.
        allowed.update((-1, *others))
    return None if truth.step in allowed else f"step {truth.step}; the steps that the clean twin lacks are {others}"


# Each question with the function that answers it, and with the cases to which it applies.
_QUESTIONS: tuple[tuple[Question, Callable[[_Case], str | None], Callable[[_Case], bool]], ...] = (
    (Question.truth_is_whole, _truth_is_whole, lambda case: True),
    (Question.twin_is_clean, _twin_is_clean, lambda case: True),
    (Question.label_is_true, _label_is_true, lambda case: True),
    (Question.nothing_else_is_broken, _nothing_else_is_broken, lambda case: case.truth.corrupted),
    (Question.nothing_else_is_lost, _nothing_else_is_lost, lambda case: case.edited),
    (Question.spans_hold_the_change, _spans_hold_the_change, lambda case: case.edited),
    (Question.spans_hold_the_fault, _spans_hold_the_fault, lambda case: case.truth.corrupted),
    (Question.source_supports_the_answer, _source_supports_the_answer, lambda case: case.truth.corrupted),
    (Question.source_says_nothing_else, _source_says_nothing_else, lambda case: case.truth.corrupted),
    (
        Question.cited_passage_is_marked,
        _cited_passage_is_marked,
        lambda case: case.truth.corrupted and case.target is not None and _cited_number(case.target) is not None,
    ),
    (
        Question.omitted_is_gone,
        _omitted_is_gone,
        lambda case: omits(case.truth.corruption_type),
    ),
    (Question.placebo_is_harmless, _placebo_is_harmless, lambda case: case.truth.form is Form.placebo),
    (Question.step_is_in_the_reasoning, _step_is_in_the_reasoning, lambda case: case.truth.corrupted),
)


def _states(text: str, claim: Claim) -> bool:
    """Whether a text contains the right alternative of a claim, in any form and for any reason."""
    if any(_contains(text, form) for form in claim.right.forms):
        return True
    values = {value_of(claim.kind, form) for form in claim.right.forms} - {None}
    return any(mention.kind is claim.kind and mention.value in values for mention in mentions(text))


def _contains(text: str, form: str) -> bool:
    return contains_whole(lower(text), lower(form))


def _values(text: str) -> Counter[tuple[ClaimKind, Hashable]]:
    return Counter((m.kind, m.value) for sentence in _split_sentences(text) for m in mentions(sentence))


def _split_sentences(text: str) -> Iterator[str]:
    return (text[start:end] for start, end in sentences(text))


def _unnumbered_steps(episode: Episode) -> list[str]:
    reasoning = episode.observation.worker_reasoning
    return [_NUMBERING.sub("", span.of(reasoning).strip()) for span in steps(reasoning)]


def _overlap(span: Span, start: int, end: int) -> bool:
    return span.start < end and start < span.end


def _join(names: frozenset[str] | set[str]) -> str:
    return ", ".join(sorted(names))[:200] or "nothing"
