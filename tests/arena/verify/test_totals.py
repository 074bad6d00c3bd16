"""Totals that an answer works out from what it states before."""

from decimal import Decimal

import pytest

from forge_arena.texts.values import mentions
from forge_arena.verify.totals import is_total, whole_numbers_of

STATED = "One laptop costs £459 before the discount of 9%. Each needs a licence at £30 and a tag at £8.50."
SOURCE = "For the art block, 77 laptops are wanted; the battery lasts 8 hours."


@pytest.mark.parametrize(
    ("sentence", "follows"),
    [
        ("For the 77 laptops this comes to roughly £35,100.", True),
        ("For the 77 laptops this comes to £35,126.63.", True),
        ("That is £417.69 with the discount.", True),
        ("For the 77 laptops the fees come to £2,964.50.", True),
        # A rounded total says that it is rounded, and is near.
        ("For the 77 laptops this comes to £35,100.", False),
        ("For the 77 laptops this comes to roughly £35,900.", False),
        ("For the 77 laptops this comes to roughly £40,000.", False),
        # The number must stand in the sentence, and in the source.
        ("In all this comes to roughly £35,100.", False),
        ("For the 76 laptops this comes to £34,670.44.", False),
    ],
)
def test_a_total_follows_from_prices_a_share_and_a_number(sentence: str, follows: bool) -> None:
    (total,) = mentions(sentence)
    assert is_total(total, sentence, mentions(STATED), whole_numbers_of(SOURCE)) is follows


def test_no_total_follows_from_another_currency_or_from_nothing() -> None:
    (total,) = mentions("$38.50")
    assert not is_total(total, "$38.50", mentions(STATED), frozenset())
    assert not is_total(total, "$38.50", (), frozenset())


def test_times_and_shares_count_nothing() -> None:
    assert whole_numbers_of("77 laptops, 3.5 kg, £30, 9%, 4.10, 12:30 and 5") == {Decimal(77), Decimal(5)}
