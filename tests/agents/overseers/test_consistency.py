"""The example in the docstring of each reader is what the reader does."""

import inspect
import re
from collections.abc import Callable, Iterator

import pytest

from forge_agents.overseers.consistency import READERS
from forge_agents.overseers.consistency.objections import CLEAR, STRONG, Objection
from forge_agents.overseers.consistency.observation import ParsedObservation
from forge_agents.overseers.consistency.omissions import omissions
from forge_agents.overseers.consistency.passages import parse_passage, stems

Reader = Callable[[ParsedObservation], Iterator[Objection]]


def example(reader: Reader) -> dict[str, str]:
    """The lines of a reader's example by their names."""
    _, _, text = (inspect.getdoc(reader) or "").partition("Example:\n")
    lines = dict(re.findall(r"^ *(\w+): (.+)$", text, re.MULTILINE))
    return {name: line.replace("\\n", "\n") for name, line in lines.items()}


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.__name__)
def test_the_example_of_a_reader_is_what_it_does(reader: Reader) -> None:
    lines = example(reader)
    parsed = ParsedObservation(
        *(parse_passage(lines.get(part, "")) for part in ("task", "source", "reasoning", "answer"))
    )
    names = {STRONG: "strong", CLEAR: "clear"}
    objections = [f'{names[o.strength]} {o.type.value}: "{o.quote}"' for o in reader(parsed)]
    assert objections == [lines["objection"]]


def test_a_value_knows_whether_it_was_replaced() -> None:
    (old,) = parse_passage("Until 2024 the fee was $31.").values
    assert old.replaced is True
    new, former = parse_passage("The fee is $33 in place of $31.").values
    assert (new.replaced, former.replaced) == (False, True)
    (plain,) = parse_passage("The fee is $33.").values
    assert plain.replaced is None


def test_stems_are_the_content_words_without_their_endings() -> None:
    assert stems("Duplicate charges are refunded to the card") == ["duplic", "charg", "refund", "card"]


@pytest.mark.parametrize(
    ("text", "source", "is_given"),
    [
        ("5", "It takes 5 days.", True),
        ("5", "It takes 15 days, and costs 5.50 or 5,000.", False),
        ("5", "It takes 15 or 5.", True),
        ("5 days", "IT TAKES 5 DAYS", True),
        ("5", "5% of it", False),
        ("5", "5", True),
        ("$5", "It costs US$5.", False),
        ("(5)", "It is (5).", True),
    ],
)
def test_words_are_given_if_the_source_has_them_whole(text: str, source: str, is_given: bool) -> None:
    parsed = ParsedObservation(*(parse_passage(part) for part in ("", source, "", "")))
    assert parsed.is_given(text) is is_given


@pytest.mark.parametrize(
    ("text", "is_order"),
    [
        ("Every reply must name the case.", True),
        ("EVERY REPLY MUST NAME THE CASE.", True),
        # Patterns take these letters for an s, a k, and an i.
        ("An an\u017fwer mu\u017ft be short.", True),
        ("Close the letter w\u0131th\u0131n a line.", True),
        ("Keep the customer informed.", True),
        ("The reply was short and must stay so.", False),
        ("The fee must be paid.", False),
        ("State Street must be swept.", False),
    ],
)
def test_a_sentence_of_the_source_is_an_order_if_it_is_about_a_text_or_an_imperative(text: str, is_order: bool) -> None:
    parsed = ParsedObservation(*(parse_passage(part) for part in ("", text, "", "")))
    assert [order.text for order in parsed.orders] == ([text] if is_order else [])


@pytest.mark.parametrize(
    "task", ["It MU\u017fT state the case number.", "State the case number.", "The case number has to be stated."]
)
def test_what_is_required_is_found_in_any_case(task: str) -> None:
    parsed = ParsedObservation(*(parse_passage(part) for part in (task, "Case: R-58213", "", "It is settled.")))
    assert [objection.quote for objection in omissions(parsed)] == ["Case: R-58213"]


@pytest.mark.parametrize(
    ("text", "replaced"),
    [
        ("For 10 days read 12 days.", [True, False]),
        ("For 10 days substitute 12 days.", [True, False]),
        ("10 days were raised to 12 days.", [True, False]),
        ("10 days, and now 12 days.", [None, None]),
        ("The term is 12 days, not 10 days.", [False, True]),
        ("It costs $31, once $33.", [None, True]),
        ("It costs $31 once 30 days have passed.", [None, None]),
        ("The O\u0131d fee, prev\u0131ously $33, is $31.", [True, None]),
    ],
)
def test_a_sentence_says_which_of_its_values_are_replaced(text: str, replaced: list[bool | None]) -> None:
    assert [value.replaced for value in parse_passage(text).values] == replaced
