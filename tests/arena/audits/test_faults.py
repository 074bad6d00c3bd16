"""Faults: an episode as the arena makes it has none, and every kind of wrong label is found."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from forge_arena.audits.faults import Question, examine, follows_its_twin
from forge_arena.episodes import Arena
from forge_arena.types import ClaimKind, CorruptionType, Episode, Form, Mechanism, Placebo, Span, Split
from forge_arena.workers import ScriptedWorker

ARENAS = {mechanism: Arena(ScriptedWorker(), secret="tests", mechanism=mechanism) for mechanism in Mechanism}
# Reported, not guaranteed: a source may state a figure where it speaks of its history, or by an amendment.
REPORTED = {Question.source_says_nothing_else, Question.cited_passage_is_marked}


def made(index: int, form: Form, mechanism: Mechanism = Mechanism.rewrite, split: Split = Split.train) -> Episode:
    arena = ARENAS[mechanism]
    return asyncio.run(arena.make(arena.key(split, index, form)))


def first(fits: Callable[[Episode], object], form: Form = Form.corrupted) -> tuple[Episode, int]:
    """The first episode in a form that fits, and its index."""
    for index in range(400):
        episode = made(index, form)
        if fits(episode):
            return episode, index
    raise AssertionError("no such episode among the first 400")


def told(episode: Episode, **truth: Any) -> Episode:
    """The episode with another truth."""
    return episode.model_copy(update={"truth": episode.truth.model_copy(update=truth)})


def written(episode: Episode, output: str) -> Episode:
    """The episode with another answer."""
    observation = episode.observation.model_copy(update={"worker_output": output})
    return episode.model_copy(update={"observation": observation})


def wrong(episode: Episode) -> set[Question]:
    return {question for question, found in examine(episode).items() if found is not None}


SHIFT, _ = first(
    lambda e: (
        e.truth.corruption_type is CorruptionType.temporal_shift
        and e.scenario.claim(e.truth.target or "").kind in (ClaimKind.duration, ClaimKind.money)
        and not wrong(e)
    )
)
OMISSION, _ = first(lambda e: e.truth.corruption_type is CorruptionType.factual_omission and not wrong(e))
PLACEBO, PLACEBO_INDEX = first(lambda e: e.truth.placebo is Placebo.respelling, Form.placebo)
CLEAN = made(0, Form.clean)


@pytest.mark.parametrize("mechanism", Mechanism)
@pytest.mark.parametrize("split", Split)
@pytest.mark.parametrize("index", range(8))
def test_an_episode_of_the_arena_has_no_fault(index: int, split: Split, mechanism: Mechanism) -> None:
    clean = made(index, Form.clean, mechanism, split)
    assert not wrong(clean)
    for form in (Form.corrupted, Form.placebo):
        episode = made(index, form, mechanism, split)
        found = examine(episode) | follows_its_twin(episode, clean)
        faults = {question: said for question, said in found.items() if said is not None}
        assert not set(faults) - REPORTED, faults


@pytest.mark.parametrize(
    ("episode", "question"),
    [
        (told(SHIFT, stealth=None), Question.truth_is_whole),
        (told(SHIFT, awareness="unaware"), Question.truth_is_whole),
        (told(CLEAN, step=0), Question.truth_is_whole),
        (told(CLEAN, output_spans=(Span(start=0, end=4),)), Question.truth_is_whole),
        (told(SHIFT, clean_output=SHIFT.observation.worker_output), Question.twin_is_clean),
        (written(SHIFT, SHIFT.truth.clean_output), Question.label_is_true),
        (written(CLEAN, SHIFT.observation.worker_output), Question.label_is_true),
        (written(CLEAN, CLEAN.observation.worker_output + " "), Question.label_is_true),
        (
            written(SHIFT, SHIFT.observation.worker_output + " It costs $987,654.32."),
            Question.nothing_else_is_broken,
        ),
        (told(SHIFT, output_spans=()), Question.spans_hold_the_change),
        (told(SHIFT, output_spans=(Span(start=0, end=1),)), Question.spans_hold_the_change),
        (told(SHIFT, output_spans=(Span(start=0, end=99_999),)), Question.spans_hold_the_change),
        (told(SHIFT, output_spans=(Span(start=0, end=1),)), Question.spans_hold_the_fault),
        (told(SHIFT, source_spans=()), Question.source_bears_it_out),
        (told(SHIFT, source_spans=(Span(start=0, end=0),)), Question.source_bears_it_out),
        (told(SHIFT, source_spans=(Span(start=0, end=5),)), Question.source_bears_it_out),
        (
            told(SHIFT, source_spans=(*SHIFT.truth.source_spans, Span(start=0, end=5))),
            Question.source_says_nothing_else,
        ),
        (written(OMISSION, OMISSION.truth.clean_output), Question.omitted_is_gone),
        (written(PLACEBO, PLACEBO.truth.clean_output), Question.placebo_is_harmless),
        (written(PLACEBO, PLACEBO.truth.clean_output + " That is 31 July 2031."), Question.placebo_is_harmless),
        (told(PLACEBO, placebo=Placebo.reordering), Question.placebo_is_harmless),
        (told(SHIFT, step=None), Question.step_is_in_the_reasoning),
        (told(SHIFT, step=99), Question.step_is_in_the_reasoning),
    ],
)
def test_a_label_that_does_not_hold_is_found(episode: Episode, question: Question) -> None:
    assert question in wrong(episode)


def test_a_claim_that_the_rewriting_lost_is_found() -> None:
    """Of two statements, the one that the corruption had no business with is cut out."""
    for index in range(400):
        episode = made(index, Form.corrupted)
        if episode.truth.corruption_type is not CorruptionType.temporal_shift:
            continue
        output = episode.observation.worker_output
        for sentence in output.split(". "):
            if (
                len(sentence) > 20
                and "\n" not in sentence
                and not any(span.of(output) in sentence for span in episode.truth.output_spans)
            ):
                shorter = written(episode, output.replace(f"{sentence}. ", "", 1))
                if Question.nothing_else_is_lost in wrong(shorter):
                    return
    raise AssertionError("whatever is cut out of an answer, no claim is missed")


def test_a_citation_whose_passage_stands_elsewhere_is_found() -> None:
    episode, _ = first(
        lambda e: (
            e.truth.corruption_type is CorruptionType.authority_fabrication
            and Question.cited_passage_is_marked in examine(e)
            and not wrong(e)
        )
    )
    assert Question.cited_passage_is_marked in wrong(told(episode, source_spans=(Span(start=0, end=5),)))


def test_a_first_corrupted_step_that_the_clean_twin_has_too_is_found() -> None:
    episode, index = first(
        lambda e: e.truth.stealth == 3 and e.truth.step and e.truth.corruption_type is CorruptionType.temporal_shift
    )
    clean = made(index, Form.clean)
    assert follows_its_twin(episode, clean)[Question.step_is_the_first_other] is None
    assert follows_its_twin(told(episode, step=0), clean)[Question.step_is_the_first_other] is not None


def test_a_twin_of_another_draw_is_found() -> None:
    assert follows_its_twin(PLACEBO, made(PLACEBO_INDEX, Form.clean))[Question.twins_agree] is None
    assert follows_its_twin(PLACEBO, made(PLACEBO_INDEX + 1, Form.clean))[Question.twins_agree] is not None
