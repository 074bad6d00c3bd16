"""Say which values of a text neither stand in the source nor follow from what it states."""

from collections.abc import Sequence
from typing import TypeAlias

from forge_arena.texts.values import Mention, mentions
from forge_arena.types import ClaimKind
from forge_arena.verify.derived import (
    consequences,
    differs_by,
    follows,
    is_difference,
    is_left,
    is_next_version,
    is_no_figure,
    is_sum_of_neighbours,
)
from forge_arena.verify.known_values import KnownValues
from forge_arena.verify.pieces import pieces
from forge_arena.verify.report import Unsupported
from forge_arena.verify.totals import is_total

# Of a text with more inventions nobody asks whether further values follow from something.
MOST_UNSUPPORTED = 50

# A value that no claim has and the source does not state: the start of its sentence, the sentence, and the value.
Stranger: TypeAlias = tuple[int, str, Mention]


def unsupported_values(text: str, strangers: Sequence[Stranger], known: KnownValues) -> list[Unsupported]:
    """The values that the source does not state and that do not follow from what it states."""
    stated = [
        value
        for start, end in pieces(text)
        for value in mentions(text[start:end])
        if "```" not in text[start:end]
        and known.is_supported(value.kind, value.value, text[start + value.start : start + value.end])
    ]
    results = consequences(stated)
    unsupported: list[Unsupported] = []
    for offset, sentence, value in strangers:
        may_follow = len(unsupported) < MOST_UNSUPPORTED
        if may_follow and (
            is_no_figure(sentence, value)
            or known.says_in_words(value)
            or is_next_version(value, known.stated)
            or follows(value, results, known.numbers, mentions(sentence), known.dates)
            or is_sum_of_neighbours(value, mentions(sentence))
            or (is_difference(sentence, value) and differs_by(value, stated))
            or (is_left(sentence, value) and known.is_left_of_task(value))
            or _is_total(text, offset, sentence, value, known)
        ):
            continue
        start, end = value.start + offset, value.end + offset
        unsupported.append(Unsupported(value.kind, text[start:end], start, end))
    return unsupported


def _is_total(text: str, offset: int, sentence: str, value: Mention, known: KnownValues) -> bool:
    """Whether an amount of money is worked out from what the text states before it."""
    if value.kind is not ClaimKind.money:
        return False
    before = text[: offset + value.start]
    is_supported = known.is_supported
    stated = [m for m in mentions(before) if is_supported(m.kind, m.value, before[m.start : m.end])]
    return is_total(value, sentence, stated, known.whole_numbers)
