"""Faults: an episode of the arena has none, and every kind of wrong label is found."""

import asyncio
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

from forge_arena.audits.faults import Question, compare_with_clean, examine
from forge_arena.episodes import Arena
from forge_arena.types import ClaimKind, CorruptionType, Episode, Form, Mechanism, Placebo, Span, Split
from forge_arena.workers import ScriptedWorker

ARENAS = {mechanism: Arena(ScriptedWorker(), secret="tests", mechanism=mechanism) for mechanism in Mechanism}
# These are reported and not guaranteed: a source may state a figure in its history, or by an amendment.
REPORTED = {Question.source_says_nothing_else, Question.cited_passage_is_marked}


def make(index: int, form: Form, mechanism: Mechanism = Mechanism.rewrite, split: Split = Split.train) -> Episode:
    arena = ARENAS[mechanism]
    return asyncio.run(arena.make(arena.key(split, index, form)))


def first(fits: Callable[[Episode], object], form: Form = Form.corrupted) -> tuple[Episode, int]:
    """The first episode in a form that fits, and its index."""
    for index in range(400):
        episode = make(index, form)
        if fits(episode):
            return episode, index
    raise AssertionError("no such episode among the first 400")


def with_truth(episode: Episode, **truth: Any) -> Episode:
    """The episode with another truth."""
    return episode.model_copy(update={"truth": episode.truth.model_copy(update=truth)})


def with_output(episode: Episode, output: str) -> Episode:
    """The episode with another answer."""
    observation = episode.observation.model_copy(update={"worker_output": output})
    return episode.model_copy(update={"observation": observation})


def faults(episode: Episode) -> set[Question]:
    return {question for question, fault in examine(episode).items() if fault is not None}


@cache
def shift() -> Episode:
    """A temporal shift of a duration or an amount, without a fault."""
    episode, _ = first(
        lambda e: (
            e.truth.corruption_type is CorruptionType.temporal_shift
            and e.scenario.claim(e.truth.target or "").kind in (ClaimKind.duration, ClaimKind.money)
            and not faults(e)
        )
    )
    return episode


@cache
def omission() -> Episode:
    episode, _ = first(lambda e: e.truth.corruption_type is CorruptionType.factual_omission and not faults(e))
    return episode


@cache
def placebo() -> tuple[Episode, int]:
    """A respelling, and its index."""
    return first(lambda e: e.truth.placebo is Placebo.respelling, Form.placebo)


@cache
def clean() -> Episode:
    return make(0, Form.clean)


@pytest.mark.parametrize("mechanism", Mechanism)
@pytest.mark.parametrize("split", Split)
@pytest.mark.parametrize("index", range(8))
def test_an_episode_of_the_arena_has_no_fault(index: int, split: Split, mechanism: Mechanism) -> None:
    clean = make(index, Form.clean, mechanism, split)
    assert not faults(clean)
    for form in (Form.corrupted, Form.placebo):
        episode = make(index, form, mechanism, split)
        findings = examine(episode) | compare_with_clean(episode, clean)
        wrong = {question: fault for question, fault in findings.items() if fault is not None}
        assert not set(wrong) - REPORTED, wrong


@pytest.mark.parametrize(
    ("make_wrong", "question"),
    [
        (lambda: with_truth(shift(), stealth=None), Question.truth_is_whole),
        (lambda: with_truth(shift(), awareness="unaware"), Question.truth_is_whole),
        (lambda: with_truth(clean(), step=0), Question.truth_is_whole),
        (lambda: with_truth(clean(), output_spans=(Span(start=0, end=4),)), Question.truth_is_whole),
        (lambda: with_truth(shift(), clean_output=shift().observation.worker_output), Question.twin_is_clean),
        (lambda: with_output(shift(), shift().truth.clean_output), Question.label_is_true),
        (lambda: with_output(clean(), shift().observation.worker_output), Question.label_is_true),
        (lambda: with_output(clean(), clean().observation.worker_output + " "), Question.label_is_true),
        (
            lambda: with_output(shift(), shift().observation.worker_output + " It costs $987,654.32."),
            Question.nothing_else_is_broken,
        ),
        (lambda: with_truth(shift(), output_spans=()), Question.spans_hold_the_change),
        (lambda: with_truth(shift(), output_spans=(Span(start=0, end=1),)), Question.spans_hold_the_change),
        (lambda: with_truth(shift(), output_spans=(Span(start=0, end=99_999),)), Question.spans_hold_the_change),
        (lambda: with_truth(shift(), output_spans=(Span(start=0, end=1),)), Question.spans_hold_the_fault),
        (lambda: with_truth(shift(), source_spans=()), Question.source_supports_the_answer),
        (lambda: with_truth(shift(), source_spans=(Span(start=0, end=0),)), Question.source_supports_the_answer),
        (lambda: with_truth(shift(), source_spans=(Span(start=0, end=5),)), Question.source_supports_the_answer),
        (
            lambda: with_truth(shift(), source_spans=(*shift().truth.source_spans, Span(start=0, end=5))),
            Question.source_says_nothing_else,
        ),
        (lambda: with_output(omission(), omission().truth.clean_output), Question.omitted_is_gone),
        (lambda: with_output(placebo()[0], placebo()[0].truth.clean_output), Question.placebo_is_harmless),
        (
            lambda: with_output(placebo()[0], placebo()[0].truth.clean_output + " That is 31 July 2031."),
            Question.placebo_is_harmless,
        ),
        (lambda: with_truth(placebo()[0], placebo=Placebo.reordering), Question.placebo_is_harmless),
        (lambda: with_truth(shift(), step=None), Question.step_is_in_the_reasoning),
        (lambda: with_truth(shift(), step=99), Question.step_is_in_the_reasoning),
    ],
)
def test_a_wrong_label_is_found(make_wrong: Callable[[], Episode], question: Question) -> None:
    assert question in faults(make_wrong())


def test_a_claim_that_the_rewriting_lost_is_found() -> None:
    """A sentence outside the spans is cut out, until a claim is lost."""
    for index in range(400):
        episode = make(index, Form.corrupted)
        if episode.truth.corruption_type is not CorruptionType.temporal_shift:
            continue
        output = episode.observation.worker_output
        for sentence in output.split(". "):
            if (
                len(sentence) > 20
                and "\n" not in sentence
                and not any(span.of(output) in sentence for span in episode.truth.output_spans)
            ):
                shorter = with_output(episode, output.replace(f"{sentence}. ", "", 1))
                if Question.nothing_else_is_lost in faults(shorter):
                    return
    raise AssertionError("whatever is cut out of an answer, no claim is missed")


def test_a_citation_whose_passage_is_elsewhere_is_found() -> None:
    episode, _ = first(
        lambda e: (
            e.truth.corruption_type is CorruptionType.authority_fabrication
            and Question.cited_passage_is_marked in examine(e)
            and not faults(e)
        )
    )
    assert Question.cited_passage_is_marked in faults(with_truth(episode, source_spans=(Span(start=0, end=5),)))


def test_a_first_corrupted_step_that_the_clean_twin_has_too_is_found() -> None:
    episode, index = first(
        lambda e: e.truth.stealth == 3 and e.truth.step and e.truth.corruption_type is CorruptionType.temporal_shift
    )
    clean = make(index, Form.clean)
    assert compare_with_clean(episode, clean)[Question.step_is_the_first_other] is None
    assert compare_with_clean(with_truth(episode, step=0), clean)[Question.step_is_the_first_other] is not None


def test_a_twin_of_another_draw_is_found() -> None:
    episode, index = placebo()
    assert compare_with_clean(episode, make(index, Form.clean))[Question.twins_agree] is None
    assert compare_with_clean(episode, make(index + 1, Form.clean))[Question.twins_agree] is not None
