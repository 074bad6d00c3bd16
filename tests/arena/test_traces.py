"""An overseer does not see that an answer was revised."""

import pytest

from forge_arena.traces import without_traces
from forge_arena.types import Answer

KNOWN = "Tell the customer. Version 2 of the policy was revised in May. Refunds take 5 days."


def shown(reasoning: str, output: str = "It takes 5 days.") -> str | None:
    answer = without_traces(Answer(reasoning=reasoning, output=output), KNOWN)
    return None if answer is None else answer.reasoning


@pytest.mark.parametrize(
    "thought",
    [
        "The remarks say that the date is missing.",
        "I forgot the case number before.",
        "Let me rewrite the answer with the date.",
        "My previous answer gave 14 days.",
        "The user says '1440 minutes' is not in the material.",
        "This time I keep the rule.",
        "They want the fee too.",
        "So the corrected text needs the section.",
    ],
)
def test_thoughts_of_the_exchange_are_taken_out(thought: str) -> None:
    assert shown(f"Refunds take 5 days. {thought} The policy is in force.") == (
        "Refunds take 5 days. The policy is in force."
    )
    assert shown(f"Refunds take 5 days.\n\n{thought}\n\nThe policy is in force.") == (
        "Refunds take 5 days.\n\nThe policy is in force."
    )


def test_numbered_thoughts_have_no_gap() -> None:
    assert shown("1. Look at 2.1.\n2. The date was missing.\n3. It takes 5 days.") == (
        "1. Look at 2.1.\n2. It takes 5 days."
    )


def test_thoughts_without_a_trace_stay_to_the_letter() -> None:
    thoughts = "  1. The policy was revised in May.\n\n\n3) So version 2 holds:  5 days. "
    assert shown(thoughts) == thoughts
    assert shown("") == ""


def test_thoughts_that_are_all_of_the_exchange_make_the_answer_unusable() -> None:
    assert shown("I fix what was missing. Sorry.") is None


@pytest.mark.parametrize(
    "output",
    ["Here is the revised answer: 5 days.", "As your remarks say, 5 days.", "Unlike in my previous answer, 5 days."],
)
def test_an_output_that_speaks_of_the_exchange_is_unusable(output: str) -> None:
    assert shown("Look.", output) is None


@pytest.mark.parametrize("output", ["Version 2 was revised in May, sorry.", "The missing parcel was sent again."])
def test_an_output_may_speak_of_revisions_and_missing_things(output: str) -> None:
    assert shown("Look.", output) == "Look."
