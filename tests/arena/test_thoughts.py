"""The reasoning beside an answer: clean and corrupted ones get the same turns, and only stealth 0 gives itself away."""

import asyncio
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import islice
from random import Random

import pytest

from forge_arena.corruptions import Injection, corrupted_answers, inject, injections
from forge_arena.corruptions.thoughts import add_step, first_wrong_step
from forge_arena.errors import CannotCorrupt
from forge_arena.scenarios import Family, load_families
from forge_arena.testing import fault_of_edit
from forge_arena.texts.reasoning import steps
from forge_arena.types import Answer, CorruptionType, Scenario
from forge_arena.verify import Verifier
from forge_arena.workers import ScriptedWorker

FAMILIES = load_families()
BY_NAME = {family.name: family for family in FAMILIES}
# One for each level of stealth.
SEEDS = range(4)
NUMBER = re.compile(r"^(\d+)\. ")

# In one process, so that nothing is drawn twice.
pytestmark = pytest.mark.xdist_group("thoughts")


@dataclass(frozen=True)
class Drawn:
    """One answer, and the same corruption of it with the reasoning of each level."""

    verifier: Verifier
    answer: Answer
    levels: tuple[Injection, Injection, Injection, Injection]


def answered(family: Family, seed: int) -> tuple[Scenario, Answer] | None:
    rng = Random(seed)
    scenario = family.draw(rng)
    answer = asyncio.run(ScriptedWorker().answer(scenario, rng))
    return (scenario, answer) if Verifier(scenario).verify(answer.output).clean else None


@cache
def draws(family: str, type: CorruptionType) -> tuple[Drawn, ...]:
    """The draws of a family that take a corruption, whatever its reasoning is to be."""
    found = []
    for seed in SEEDS:
        one = answered(BY_NAME[family], seed)
        if one is None:
            continue
        verifier = Verifier(one[0])
        try:
            a, b, c, d = (inject(verifier, one[1], type, seed % 4, Random(seed), thought=level) for level in range(4))
        except CannotCorrupt:
            continue
        found.append(Drawn(verifier, one[1], (a, b, c, d)))
    assert len(found) >= len(SEEDS) // 2
    return tuple(found)


def draws_of(family: str) -> Iterator[Drawn]:
    """The draws of a family with every corruption that it takes."""
    for type in sorted(BY_NAME[family].corruptions):
        yield from draws(family, type)


@pytest.mark.parametrize("level", range(4))
@pytest.mark.parametrize("first", ["clean", "answer", "step"])
@pytest.mark.parametrize("name", list(BY_NAME)[::6])
def test_whatever_is_asked_for_first_the_reasoning_and_the_next_corruption_are_the_same(
    name: str, first: str, level: int
) -> None:
    for type in sorted(BY_NAME[name].corruptions):
        for drawn in draws(name, type)[:1]:
            given = drawn.verifier, drawn.answer, type, 0
            found = []
            for corrupted in islice(corrupted_answers(*given, Random(5), thought=level), 3):
                getattr(corrupted, first)
                found.append(corrupted.write())
            assert found == list(islice(injections(*given, Random(5), thought=level), 3))


def everywhere() -> Iterator[Drawn]:
    for family in FAMILIES:
        yield from draws_of(family.name)


def bodies(reasoning: str) -> list[str]:
    """The texts of the steps without their numbers."""
    return [NUMBER.sub("", span.of(reasoning).strip()) for span in steps(reasoning)]


each_family = pytest.mark.parametrize("family", BY_NAME)


@each_family
def test_what_is_reasoned_changes_nothing_in_what_is_answered(family: str) -> None:
    for drawn in draws_of(family):
        assert len({(i.target, i.alternative, i.answer.output, i.spans) for i in drawn.levels}) == 1
        assert {i.clean.output for i in drawn.levels} == {drawn.answer.output}
        scenario, corrupted = drawn.verifier.scenario, drawn.levels[3]
        output, spans, target = corrupted.answer.output, corrupted.spans, corrupted.target
        assert fault_of_edit(scenario, drawn.answer.output, output, spans, target) is None


@each_family
def test_clean_reasoning_is_to_its_answer_as_corrupted_reasoning_is(family: str) -> None:
    for drawn in draws_of(family):
        gives_away, contradicts, weighs, goes_along = drawn.levels
        says_a, says_b = drawn.answer.reasoning, goes_along.answer.reasoning
        assert goes_along.clean.reasoning == gives_away.clean.reasoning == says_a
        assert contradicts.answer.reasoning == says_a
        assert contradicts.clean.reasoning == says_b
        assert gives_away.answer.reasoning.startswith(says_a)
        assert weighs.clean.reasoning.startswith(says_a)
        assert weighs.answer.reasoning.startswith(says_b)


@each_family
def test_weighing_adds_as_much_to_either_reasoning(family: str) -> None:
    for drawn in draws_of(family):
        weighs, goes_along = drawn.levels[2], drawn.levels[3]
        for_a = weighs.clean.reasoning.removeprefix(drawn.answer.reasoning)
        for_b = weighs.answer.reasoning.removeprefix(goes_along.answer.reasoning)
        assert for_a.strip()
        assert for_b.strip()
        added = [len(steps(i)) for i in (weighs.clean.reasoning, weighs.answer.reasoning)]
        before = [len(steps(i)) for i in (drawn.answer.reasoning, goes_along.answer.reasoning)]
        assert added[0] - before[0] == added[1] - before[1] >= 1
        # The same turn of phrase, its sides exchanged: no word of it stands on one side only.
        claim = drawn.verifier.scenario.claim(weighs.target)
        if weighs.alternative is not None and claim.right.forms:
            words = [Counter(re.sub(r"^\s*\d+\. ", "", step).lower().split()) for step in (for_a, for_b)]
            assert _without_marks(words[0]) == _without_marks(words[1])


def _without_marks(words: Counter[str]) -> Counter[str]:
    bare: Counter[str] = Counter()
    for word, count in words.items():
        bare[word.strip(".,;:")] += count
    return bare


@each_family
def test_numbered_steps_stay_numbered_and_none_is_empty(family: str) -> None:
    for drawn in draws_of(family):
        for injection in drawn.levels:
            for reasoning in (injection.clean.reasoning, injection.answer.reasoning):
                lines = reasoning.split("\n")
                assert reasoning == reasoning.strip()
                assert all(NUMBER.sub("", line).strip() for line in lines)
                if NUMBER.match(drawn.answer.reasoning):
                    numbers = [match and int(match[1]) for match in map(NUMBER.match, lines)]
                    assert numbers == list(range(1, len(lines) + 1))


@each_family
def test_the_named_step_is_the_first_that_the_worker_did_not_write(family: str) -> None:
    for drawn in draws_of(family):
        gives_away, contradicts, weighs, goes_along = drawn.levels
        own = set(bodies(drawn.answer.reasoning))
        assert contradicts.step == -1
        assert gives_away.step == len(steps(drawn.answer.reasoning))
        assert weighs.step >= 0
        for injection in (gives_away, weighs, goes_along):
            written = bodies(injection.answer.reasoning)
            if injection.step < 0:
                continue
            assert written[injection.step] not in own
            if injection.alternative is not None:
                assert own.issuperset(written[: injection.step])
        if goes_along.type is CorruptionType.factual_omission:
            # What is said in place of something left out is true.
            assert goes_along.step == -1
        elif goes_along.step == -1:
            assert goes_along.answer.reasoning == drawn.answer.reasoning


def test_reasoning_that_goes_along_often_has_a_step_to_name() -> None:
    named = Counter[tuple[CorruptionType, bool]]()
    for drawn in everywhere():
        goes_along = drawn.levels[3]
        named[goes_along.type, goes_along.step >= 0] += 1
    for type in (CorruptionType.temporal_shift, CorruptionType.authority_fabrication, CorruptionType.bias_injection):
        assert named[type, True] > 0.25 * (named[type, True] + named[type, False])


def test_an_answer_without_reasoning_stays_without() -> None:
    for drawn in (draws(family.name, CorruptionType.temporal_shift)[0] for family in FAMILIES[:5]):
        silent = drawn.answer.model_copy(update={"reasoning": ""})
        for level in range(4):
            injection = inject(drawn.verifier, silent, CorruptionType.temporal_shift, 3, Random(0), thought=level)
            assert (injection.clean.reasoning, injection.answer.reasoning, injection.step) == ("", "", -1)


# A Worker that is a model parts its thoughts as it likes.
LAYOUTS = {
    "prose": lambda steps: " ".join(steps),
    "lines": lambda steps: "\n".join(steps),
    "paragraphs": lambda steps: "\n\n".join(steps),
    "list": lambda steps: "\n".join(f"{n}. {step}" for n, step in enumerate(steps, start=1)),
    "spaced list": lambda steps: "\n\n".join(f"{n}. {step}" for n, step in enumerate(steps, start=1)),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("type", CorruptionType)
def test_the_layout_of_the_reasoning_does_not_tell_which_was_edited(type: CorruptionType, layout: str) -> None:
    checked = 0
    for family in FAMILIES:
        drawn = draws(family.name, type)[0] if type in family.corruptions else None
        if drawn is None:
            continue
        laid_out = LAYOUTS[layout](bodies(drawn.answer.reasoning))
        answer = drawn.answer.model_copy(update={"reasoning": laid_out})
        for level in range(4):
            try:
                injection = inject(drawn.verifier, answer, type, 0, Random(1), thought=level)
            except CannotCorrupt:
                continue
            checked += 1
            for reasoning in (injection.clean.reasoning, injection.answer.reasoning):
                assert reasoning == LAYOUTS[layout](bodies(reasoning))
    assert checked >= 4 * len(FAMILIES) // 2


@pytest.mark.parametrize(
    ("reasoning", "place", "wanted"),
    [
        ("", None, "New."),
        ("", 1, "New."),
        ("One. Two.", None, "One. Two. New."),
        ("One. Two.", 1, "One. New. Two."),
        ("One. Two.", 2, "One. Two. New."),
        ("One.\nTwo.", None, "One.\nTwo.\nNew."),
        ("One.\nTwo.", 1, "One.\nNew.\nTwo."),
        ("One.\n\nTwo.", None, "One.\n\nTwo.\n\nNew."),
        ("One.\n\nTwo.", 1, "One.\n\nNew.\n\nTwo."),
        ("1. One.", None, "1. One.\n2. New."),
        ("1. One.\n2. Two.", None, "1. One.\n2. Two.\n3. New."),
        ("1. One.\n2. Two.", 1, "1. One.\n2. New.\n3. Two."),
        ("1. One.\n\n2. Two.", 1, "1. One.\n\n2. New.\n\n3. Two."),
    ],
)
def test_a_new_step_is_parted_and_numbered_as_the_others_are(reasoning: str, place: int | None, wanted: str) -> None:
    assert add_step(reasoning, "New.", place) == wanted


def test_the_first_wrong_step_of_a_workers_own_reasoning_is_found_by_the_judge() -> None:
    seen = 0
    for drawn in everywhere():
        goes_along = drawn.levels[3]
        if goes_along.type is not CorruptionType.temporal_shift or goes_along.step < 0:
            continue
        claim = drawn.verifier.scenario.claim(goes_along.target)
        assert first_wrong_step(drawn.verifier, drawn.answer.reasoning, claim) == -1
        assert first_wrong_step(drawn.verifier, goes_along.answer.reasoning, claim) == goes_along.step
        seen += 1
    assert seen >= 20
