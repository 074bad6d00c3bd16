"""Totals that an answer works out: so many things at a price each, with a discount or without.

A source has 77 laptops, a price of £459, a discount of 9% and fees of £30 and £8.50, and an answer says "roughly
£35,100 for the 77 laptops". The total stands nowhere, and follows: 77 x (459 x 0.91 + 30 + 8.50) = 35,126.63.

A total follows only from what the answer states before it: amounts that stand side by side, one share, and a whole
number of its own sentence. It is exact, or a word such as "roughly" says that it is rounded. Then it
is right to the last digit that is no zero, and within a fiftieth.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal

from forge_arena.texts.values import Mention
from forge_arena.types import ClaimKind

MOST_AMOUNTS, MOST_COUNTS = 8, 4
# A total that is rounded further is no figure.
FURTHEST_ROUNDED = Decimal("0.02")
_ROUNDED = re.compile(
    r"\b(?:about|around|roughly|approximately|approx\.?|some|nearly|almost|close to|in the region of"
    r"|just (?:over|under)|(?:a little|slightly) (?:over|under|more than|less than)) $|~ ?$",
    re.IGNORECASE,
)
_COUNT = re.compile(r"(?<![\w.,:/$\u20ac\u00a3%-])\d{1,6}(?![\w%]|[.,:/-]\d)")
_CENT = Decimal("0.01")


def is_total(value: Mention, sentence: str, stated: Sequence[Mention], numbers: Iterable[Decimal]) -> bool:
    """Whether an amount of money is a total of what is stated before it.

    Args:
        value: the amount.
        sentence: the sentence of the amount.
        stated: the values that the answer states before the amount and that the source bears out, in order.
        numbers: the whole numbers of the source.
    """
    if not isinstance(value.value, tuple) or value.kind is not ClaimKind.money:
        return False
    total, currency = value.value
    before = sentence[: value.start]
    is_rounded = _ROUNDED.search(before) is not None
    counted = {Decimal(number) for number in _COUNT.findall(sentence)} & set(numbers)
    counts = [Decimal(1), *sorted(counted)[:MOST_COUNTS]]
    return any(
        _is_written(count * sum_, total, is_rounded=is_rounded) for sum_ in _sums(stated, currency) for count in counts
    )


def whole_numbers_of(source: str) -> frozenset[Decimal]:
    """The whole numbers of a text that may count things."""
    return frozenset(map(Decimal, _COUNT.findall(source)))


def _sums(stated: Sequence[Mention], currency: str) -> Iterator[Decimal]:
    """The sums of amounts that stand side by side, each with one share taken off or put on, and without."""
    values = [(m.kind, m.value) for m in stated if isinstance(m.value, tuple)]
    amounts = [value[0] for kind, value in values if kind is ClaimKind.money and value[1] == currency][-MOST_AMOUNTS:]
    shares = {value[0] / 100 for kind, value in values if kind is ClaimKind.percent}
    factors = [Decimal(1), *(1 + sign * share for share in sorted(shares) for sign in (-1, 1))]
    for first in range(len(amounts)):
        for last in range(first, len(amounts)):
            sum_ = sum(amounts[first : last + 1], Decimal(0))
            for factor in factors:
                yield sum_ * factor
                yield sum_ + amounts[first] * (factor - 1)


def _is_written(exact: Decimal, total: Decimal, *, is_rounded: bool) -> bool:
    """Whether an amount is written as a total: to the cent, or rounded to its last digit that is no zero."""
    if exact.quantize(_CENT, ROUND_HALF_UP) == total:
        return True
    if not is_rounded or exact <= 0:
        return False
    if abs(exact - total) > FURTHEST_ROUNDED * exact:
        return False
    unit = Decimal(1).scaleb(int(total.normalize().as_tuple().exponent))
    roundings = (ROUND_HALF_UP, ROUND_FLOOR, ROUND_CEILING)
    return any((exact / unit).to_integral_value(rounding) * unit == total for rounding in roundings)
