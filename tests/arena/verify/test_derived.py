"""Values that follow from others, and values that do not."""

import pytest

from forge_arena.texts.values import mentions
from forge_arena.verify.derived import (
    consequences,
    differs_by,
    follows,
    is_difference,
    is_left,
    is_left_of,
    is_next_version,
    is_no_figure,
    is_sum_of_neighbours,
    numbers_of,
)


def derived(value: str, stated: str, source: str = "", days: str = "") -> bool:
    (mention,) = mentions(value)
    return follows(
        mention,
        consequences(mentions(stated)),
        numbers_of(source),
        mentions(stated),
        [day.value for day in mentions(days)],
    )


@pytest.mark.parametrize(
    ("value", "stated", "follow"),
    [
        ("£12.50", "£10 and £2.50", True),
        ("£7.50", "£10 and £2.50", True),
        ("£2", "20% of £10", True),
        ("£8", "20% of £10", True),
        ("80%", "20%", True),
        ("10 May 2026", "3 May 2026, 7 days", True),
        ("6 days", "9 May, 15 May 2024", True),
        ("7 days", "9 May, 15 May 2024", False),
        ("29 days", "1 February, 1 March 2024", True),
        ("£11", "£10 and £2.50", False),
        # Small numbers would nearly all follow from some others.
        ("9 days", "4 days and 5 days", False),
        ("3 kg", "1 kg and 2 kg", False),
    ],
)
def test_one_step_of_arithmetic(value: str, stated: str, follow: bool) -> None:
    assert derived(value, stated) is follow


def test_a_number_of_the_source_may_get_its_unit() -> None:
    assert derived("1440 minutes", "", source="It lasts a whole day, that is 1440.")
    assert derived("10 cents", "", source="split(10, [1, 1])")
    assert not derived("10 minutes", "", source="seat 10")


@pytest.mark.parametrize(("text", "next_"), [("version 3", True), ("version 4", False), ("version 2.1", False)])
def test_the_next_version_follows(text: str, next_: bool) -> None:
    (mention,) = mentions(text)
    known = {(other.kind, other.value) for other in mentions("This is version 2.")}
    assert is_next_version(mention, known) is next_


def test_the_days_between_two_dates_follow() -> None:
    assert derived("six days", "22 November 2024", days="16 November 2024")
    assert not derived("five days", "22 November 2024", days="16 November 2024")


@pytest.mark.parametrize(
    ("sentence", "about"), [("It prints one star too many.", True), ("It has `4 GB` there.", True), ("It has 4 GB.", False)]
)  # fmt: skip
def test_talk_about_code_is_no_figure(sentence: str, about: bool) -> None:
    (mention,) = mentions(sentence)
    assert is_no_figure(sentence, mention) is about


@pytest.mark.parametrize(
    ("sentence", "stated", "is_borne_out"),
    [
        ("It is $4 cheaper.", "$20 $16", True),
        ("It is $5 cheaper.", "$20 $16", False),
        ("It falls 3 kg short of the other.", "12 kg 9 kg", True),
        ("That saves you 3 kg.", "12 kg 9 kg", True),
        ("It is heavier by 3 kg.", "12 kg 9 kg", True),
        ("It weighs 3 kg.", "12 kg 9 kg", False),
        ("It weighs 3 kg or more.", "12 kg 9 kg", False),
        ("It takes 3 kg per customer.", "12 kg 9 kg", False),
        ("It weighs 3 kg after a year.", "12 kg 9 kg", False),
    ],
)
def test_a_difference_follows_where_the_answer_speaks_of_one(sentence: str, stated: str, is_borne_out: bool) -> None:
    (value, *_) = mentions(sentence)
    assert (is_difference(sentence, value) and differs_by(value, mentions(stated))) is is_borne_out


@pytest.mark.parametrize(
    ("sentence", "is_borne_out"),
    [("3% and 1.5% make 4.5%.", True), ("3% and 1.5% make 5%.", False), ("It is 4.5%.", False)],
)
def test_a_share_is_the_sum_of_others_of_its_sentence(sentence: str, is_borne_out: bool) -> None:
    beside = mentions(sentence)
    assert is_sum_of_neighbours(beside[-1], beside) is is_borne_out


@pytest.mark.parametrize(
    ("sentence", "is_borne_out"),
    [
        ("The remaining 3 weeks are at your own cost.", True),
        ("That leaves you 21 days at your own cost.", True),
        ("Then 3 weeks are left.", True),
        ("The remaining 4 weeks are at your own cost.", False),
        ("The remaining 3 hours are at your own cost.", False),
        ("You have 3 weeks at your own cost.", False),
    ],
)
def test_what_is_left_of_a_whole_follows_where_the_answer_says_that_it_is_left(
    sentence: str, is_borne_out: bool
) -> None:
    (value, *_) = mentions(sentence)
    wholes, parts = mentions("a stay of 8 weeks, 9 days in all"), mentions("5 weeks are free")
    assert (is_left(sentence, value) and is_left_of(value, wholes, parts)) is is_borne_out
