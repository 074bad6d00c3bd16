"""The grammar of scenario texts."""

from random import Random

import pytest

from forge_arena.scenarios.template import (
    conditions_of,
    is_plain,
    marks_of,
    marks_under,
    parse,
    render,
    render_marked,
    slots_of,
)


def test_slots_are_filled_and_choices_taken() -> None:
    nodes = parse("$[Dear|Hello] ${name}, ${n} days")
    assert {render(nodes, {"name": "Ana", "n": "5"}, Random(i)) for i in range(20)} == {
        "Dear Ana, 5 days",
        "Hello Ana, 5 days",
    }


def test_choices_nest_and_may_be_empty() -> None:
    nodes = parse("a$[|b$[c|d]]")
    assert {render(nodes, {}, Random(i)) for i in range(40)} == {"a", "abc", "abd"}


def test_marks_give_the_span_of_the_text_they_enclose() -> None:
    text, marks = render_marked(parse("Paid <<window: within ${w} or $[so|so]>>."), {"w": "5 days"}, Random(0))
    assert text == "Paid within 5 days or so."
    assert [(claim, span.of(text)) for claim, span in marks] == [("window", "within 5 days or so")]


def test_program_code_stands_for_itself() -> None:
    code = "def f(x: dict[str, int]) -> set:\n    return {k for k in x if x[k] > 3 >> 1} | {1 << 2}"
    assert render(parse(code), {}, Random(0)) == code


def test_names_of_slots_and_marks_are_known_before_rendering() -> None:
    nodes = parse("${a} $[${b}|<<c: ${d}>>]")
    assert slots_of(nodes) == {"a", "b", "d"}
    assert marks_of(nodes) == {"c"}


@pytest.mark.parametrize("text", ["${open", "$[a|b", "<<claim: never closed"])
def test_what_is_not_closed_is_refused_with_its_place(text: str) -> None:
    with pytest.raises(ValueError, match="at character 0 is not closed"):
        parse(text)


def test_an_unknown_slot_is_an_error_not_an_empty_text() -> None:
    with pytest.raises(KeyError):
        render(parse("${nobody}"), {}, Random(0))


@pytest.mark.parametrize(
    ("in_play", "text"),
    [
        ({"fee", "notice"}, "Notice is due, and the fee is $4 (both)."),
        ({"fee"}, "Nothing is due, and the fee is $4."),
        (set(), "Nothing is due."),
    ],
)
def test_a_condition_stands_only_with_all_its_claims(in_play: set[str], text: str) -> None:
    nodes = parse("$<notice: Notice||Nothing> is due$<fee:, and the fee is <<fee: ${fee}>>$<fee notice:  (both)>>.")
    assert render(nodes, {"fee": "$4"}, Random(0), in_play) == text
    assert conditions_of(nodes) == {"fee", "notice"}
    assert list(marks_under(nodes)) == [("fee", frozenset({"fee"}))]


def test_without_claims_in_play_every_condition_holds() -> None:
    assert render(parse("a$<x: b||c>d"), {}, Random(0)) == "abd"


def test_a_mark_in_a_condition_has_its_span() -> None:
    text, marks = render_marked(parse("Now$<fee:  pay <<fee: ${fee}>>>."), {"fee": "$4"}, Random(0), {"fee"})
    assert [(claim, span.of(text)) for claim, span in marks] == [("fee", "$4")]


@pytest.mark.parametrize(
    ("template", "with_aside", "without"),
    [
        ("One. $?[Two.|Two.] Three.", "One. Two. Three.", "One. Three."),
        ("One. $?[Two.|Two.]", "One. Two.", "One."),
        ("$?[One.|One.] Two.", "One. Two.", "Two."),
        ("One.\n$?[Two.|Two.]\nThree.", "One.\nTwo.\nThree.", "One.\nThree."),
    ],
)
def test_an_aside_takes_the_space_before_it_along(template: str, with_aside: str, without: str) -> None:
    assert render(parse(template), {}, Random(0)) == with_aside
    assert render(parse(template), {}, Random(0), set()) == without


@pytest.mark.parametrize("text", ["$<fee: open", "$<: text>", "$<a fee without colon>", "$?[open"])
def test_a_condition_that_names_no_claims_or_is_not_closed_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="at character 0"):
        parse(text)


def test_marks_have_their_spans_in_the_text_that_is_written_before() -> None:
    before = "Fees. "
    text, marks = render_marked(parse("$[Pay|Pay] <<fee: ${fee}>> now."), {"fee": "$4"}, Random(0), start=len(before))
    assert [(claim, span.of(before + text)) for claim, span in marks] == [("fee", "$4")]


@pytest.mark.parametrize(
    ("template", "plain"), [("One {fee}.", True), ("", True), ("${fee}", False), ("$[a|b]", False), ("$?[a|a]", False)]
)
def test_a_plain_template_has_one_text(template: str, plain: bool) -> None:
    assert is_plain(parse(template)) is plain
