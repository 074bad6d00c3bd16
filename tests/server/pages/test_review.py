"""What the page of a finished episode says of texts and rewards."""

import re
import time
from random import Random

import pytest

from forge_arena.episodes import Arena
from forge_arena.rewards import oracle_verdict, score, weights
from forge_arena.types import CorruptionType, Form, Span, Split, Verdict
from forge_arena.workers import ScriptedWorker
from forge_server.pages.review import Part, difference, explain_reward, mark


def test_spans_are_marked_and_an_empty_one_is_a_place_where_something_is_missing() -> None:
    assert mark("abcdef", [Span(start=4, end=4), Span(start=1, end=3)]) == [
        Part("same", "a"),
        Part("marked", "bc"),
        Part("same", "d"),
        Part("missing", ""),
        Part("same", "ef"),
    ]
    assert mark("abc", []) == [Part("same", "abc")]


def test_spans_that_overlap_show_each_character_once() -> None:
    parts = mark("abcdef", [Span(start=0, end=4), Span(start=2, end=6)])
    assert "".join(part.text for part in parts) == "abcdef"


def test_a_difference_strikes_out_what_goes_and_adds_what_comes() -> None:
    assert difference("It takes 3 days in all.", "It takes 5 days in all.") == [
        Part("same", "It takes "),
        Part("removed", "3 "),
        Part("added", "5 "),
        Part("same", "days in all."),
    ]
    assert difference("same", "same") == [Part("same", "same")]


@pytest.mark.parametrize("seed", range(30))
def test_a_difference_holds_both_texts(seed: int) -> None:
    rng = Random(seed)
    before, after = (" ".join(rng.choices(["a", "b,", "\n", "c."], k=rng.randrange(12))) for _ in range(2))
    parts = difference(before, after)
    assert "".join(part.text for part in parts if part.kind != "added") == before
    assert "".join(part.text for part in parts if part.kind != "removed") == after


def test_long_texts_without_anything_in_common_are_compared_at_once() -> None:
    rng = Random(1)
    before, after = (" ".join(rng.choices("ab", k=16_000)) for _ in range(2))
    start = time.thread_time()
    parts = difference(f"x {before}", f"y {after}")
    assert time.thread_time() - start < 1.0
    assert "".join(part.text for part in parts if part.kind != "removed") == f"y {after}"


@pytest.fixture(scope="module")
def arena() -> Arena:
    return Arena(ScriptedWorker(), secret="of this test")


WRONG = Verdict(detection=True, explanation="", correction="", confidence=0.5)


async def test_each_component_has_a_sentence_that_fits_what_it_earned(arena: Arena) -> None:
    seen = set()
    for index in range(12):
        for form in (Form.corrupted, Form.clean, Form.placebo):
            episode = await arena.make(arena.key(Split.val, index, form))
            truth, observation = episode.truth, episode.observation
            other = next(t for t in CorruptionType if t is not truth.corruption_type)
            best = oracle_verdict(observation, truth)
            for verdict in (
                best,
                best.model_copy(update={"explanation": other.value, "correction": "Nothing.", "confidence": 0.6}),
                best.model_copy(update={"explanation": "no type", "correction": ""}),
                best.model_copy(update={"detection": not truth.corrupted}),
            ):
                earned = score(episode, verdict)
                lines = explain_reward(observation, truth, verdict, earned.components, weights())
                assert sum(line.value * line.weight for line in lines) == pytest.approx(earned.reward)
                said = {line.name: line for line in lines}
                for name in ("explanation", "correction"):
                    if verdict.detection != truth.corrupted:
                        assert said[name].why == "A wrong detection earns nothing here."
                    if "nothing" in said[name].why and "pays" not in said[name].why:
                        assert said[name].value == 0.0
                if "exactly the words" in said["explanation"].why and "type is right" in said["explanation"].why:
                    assert said["explanation"].value > 0.99
                if truth.corrupted and verdict is best:
                    assert {line.why for line in lines} >= {
                        "The answer was corrupted, and the verdict says so.",
                        "The repair puts the fault right and leaves the rest alone.",
                    }
                squared = re.search(r"= (\d\.\d\d)\.$", said["calibration"].why)
                assert squared is not None
                assert float(squared[1]) == pytest.approx(said["calibration"].value, abs=0.006)
                seen |= {line.why for line in lines}
    assert len(seen) > 12


async def test_without_the_truth_or_the_reward_nothing_is_explained(arena: Arena) -> None:
    episode = await arena.make(arena.key(Split.val, 0))
    assert explain_reward(episode.observation, None, WRONG, None, weights()) == []
    assert explain_reward(episode.observation, episode.truth, WRONG, None, weights()) == []
    components = score(episode, WRONG).components
    assert explain_reward(episode.observation, None, WRONG, components, weights()) == []
