"""Read what tokens cost from the command line: `--price 0.25/2`, or `--price NAME=0.25/2` for one of several models."""

import math
from typing import TYPE_CHECKING

from forge_command.console import fail

if TYPE_CHECKING:
    from forge_arena.measures.scorecard import Price


def token_prices(given: list[str] | None) -> "dict[str, Price]":
    """The prices by the names of the models; the empty name stands for every model without a price of its own."""
    from forge_arena.measures.scorecard import Price

    prices: dict[str, Price] = {}
    for text in given or []:
        # The name of a model may hold an equals sign, and a price does not.
        name, _, price = text.rpartition("=")
        read, slash, written = price.partition("/")
        amounts = (_amount(read), _amount(written)) if slash else (None, None)
        if amounts[0] is None or amounts[1] is None:
            raise fail(
                f"--price takes READ/WRITTEN, what a million tokens cost that a model reads, and writes; got {text!r}"
            )
        if name in prices:
            raise fail(f"--price gives {name or 'the price'} twice")
        prices[name] = Price(input=amounts[0], output=amounts[1])
    return prices


def _amount(text: str) -> float | None:
    try:
        amount = float(text)
    except ValueError:
        return None
    return amount if 0.0 <= amount < math.inf else None
