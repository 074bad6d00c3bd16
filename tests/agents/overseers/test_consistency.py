"""The example in the docstring of each reader is what the reader does."""

import inspect
import re
from collections.abc import Callable, Iterator

import pytest

from forge_agents.overseers.consistency import READERS
from forge_agents.overseers.consistency.objections import CLEAR, STRONG, Objection
from forge_agents.overseers.consistency.observation import ParsedObservation
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
