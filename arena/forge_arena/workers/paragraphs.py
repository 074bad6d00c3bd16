"""Write statements as a person writes: what belongs together in one sentence, one paragraph for each subject.

A scenario whose statements name topics is answered in paragraphs. `choose` takes the statements that say what is wanted, and
prefers a statement that says two or three of the wanted things. `arrange` puts the statements of a topic into one
paragraph and lets a short paragraph join its neighbour. `write` sets the text.

Example: the answer is to give a fee, the provision behind the fee, and a day. `choose` takes "The fee is $9 (section 2)."
and "It ends on 5 May.", `arrange` makes one paragraph of the two, because a paragraph of one sentence is rare, and `write`
puts a space between them.
"""

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from random import Random

from forge_arena.statements import JITTER, Order
from forge_arena.types import Statement

# How much more often a statement is chosen for each further wanted claim, and how much less often for each unwanted claim.
JOINT = 4.0
STRAY = 0.25
# How often a paragraph of one sentence joins its neighbour, and how often the first paragraph goes on behind the opening.
LOOSE = 0.75
RUN_IN = 0.6
# More sentences than this are never one paragraph.
LONGEST = 6

_LAST_LINE_IS_A_SENTENCE = re.compile(r"(?:^|\n)[^\n]*\S+(?: \S+){3,}[.!?]$")


def choose(
    wanted: Sequence[str], by_claim: Mapping[str, Sequence[Statement]], rng: Random, joint: float = JOINT
) -> list[Statement]:
    """Statements that say all that is wanted and nothing twice, if there are such statements.

    Args:
        joint: how much more often a statement is chosen for each further wanted claim that it says.
    """
    chosen: list[Statement] = []
    stated: set[str] = set()
    wishes = frozenset(wanted)
    for claim in wanted:
        if claim in stated:
            continue
        fresh = [s for s in by_claim[claim] if stated.isdisjoint(s.says)]
        if fresh:
            statement = rng.choices(fresh, [_weight(s, wishes, joint) for s in fresh])[0]
            chosen.append(statement)
            stated.update(statement.says)
    return chosen


def _weight(statement: Statement, wishes: frozenset[str], joint: float) -> float:
    hits = sum(claim in wishes for claim in statement.says)
    weight: float = joint ** (hits - 1) * STRAY ** (len(statement.says) - hits)
    return weight


def in_order(statements: Sequence[Statement], order: Order, rng: Random) -> list[Statement]:
    """The statements by topic and rank. Statements of one rank come in any order."""
    return sorted(statements, key=lambda s: (order.topic(s), s.rank + JITTER * rng.random()))


def arrange(statements: Sequence[Statement], order: Order, rng: Random) -> list[list[Statement]]:
    """Ordered statements in one to four paragraphs: a topic is never divided, and neighbouring topics may share one."""
    paragraphs: list[list[Statement]] = []
    for statement in statements:
        if paragraphs and not _is_block(statement) and order.topic(paragraphs[-1][-1]) == order.topic(statement):
            paragraphs[-1].append(statement)
        else:
            paragraphs.append([statement])
    most = max(rng.choice((1, 2, 2, 3, 3, 4)), -(-len(statements) // LONGEST))
    is_loose = rng.random() < LOOSE
    while (place := _place_to_join(paragraphs)) is not None:
        smaller = min(len(paragraphs[place]), len(paragraphs[place + 1]))
        if len(paragraphs) <= most and not (is_loose and smaller == 1):
            break
        paragraphs[place : place + 2] = [paragraphs[place] + paragraphs[place + 1]]
    return paragraphs


def _place_to_join(paragraphs: Sequence[Sequence[Statement]]) -> int | None:
    """The paragraph that joins the next with the least result. Nothing joins a block of code, and none becomes too long."""
    places = [
        (len(first) + len(second), place)
        for place, (first, second) in enumerate(pairwise(paragraphs))
        if not _is_block(first[-1]) and not _is_block(second[0]) and len(first) + len(second) <= LONGEST
    ]
    return min(places)[1] if places else None


def _is_block(statement: Statement) -> bool:
    return "```" in statement.text


def write(opening: str, paragraphs: Sequence[Sequence[str]], closing: str, rng: Random) -> str:
    """The whole text. Behind an opening that ends in a sentence, the first paragraph may go on in the same line."""
    texts = [" ".join(paragraph) for paragraph in paragraphs]
    runs_in = rng.random() < RUN_IN
    if texts and runs_in and _LAST_LINE_IS_A_SENTENCE.search(opening) and "```" not in texts[0]:
        opening, texts = f"{opening} {texts[0]}", texts[1:]
    return "\n\n".join(part for part in (opening, *texts, closing) if part)
