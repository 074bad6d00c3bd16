"""What words tell together is one number, whatever the order in which a process keeps them."""

import random

import pytest

from forge_arena.types import Alternative, Claim, ClaimKind, Domain, Scenario, Standing
from forge_arena.verify.passages import Passages
from forge_arena.verify.whole_statements.words import weight

SOURCE = (
    "The lock opens at eight. The lock closes at nine, and the keeper rests. A barge waits for the keeper below the lock. "
    "Each barge pays a toll. The toll is paid to the keeper in coins. Coins of a barge are counted twice. A swan passes."
)
PASSAGES = Passages(Scenario(family="lock", domain=Domain.mixed, task="Say it.", source_material=SOURCE, claims=()))
WORDS = sorted(PASSAGES.rarity)


def in_many_orders() -> list[list[str]]:
    rng = random.Random(0)
    return [rng.sample(WORDS, len(WORDS)) for _ in range(50)]


def test_the_order_of_words_changes_no_weight() -> None:
    assert len({sum(PASSAGES.rarity[word] for word in words) for words in in_many_orders()}) > 1
    assert len({PASSAGES.weight(words) for words in in_many_orders()}) == 1
    assert len({weight(words, PASSAGES) for words in in_many_orders()}) == 1


@pytest.mark.parametrize(
    ("sentence", "borne_out"),
    [
        # What must be said is only listed, and "line", "end" and "token" are words of different things.
        (
            "A note must state the input that shows the defect, the share of sampled lines, the end of the embargo "
            "and the time for rotating tokens, and may state more.",
            False,
        ),
        ("The defect shows with the line end of a token.", True),
        # A single label is no list.
        ("The input that shows the defect is a token with a line end.", True),
        # Two labels in a sentence that says more are no list either.
        (
            "As the input that shows the defect is a token with a line end, sites that the maintainers know and that "
            "keep old logs have the time for rotating tokens extended by a week.",
            True,
        ),
    ],
)
def test_a_list_of_what_must_be_said_bears_out_nothing(sentence: str, borne_out: bool) -> None:
    labels = (
        "the input that shows the defect",
        "the share of sampled lines",
        "the end of the embargo",
        "the time for rotating tokens",
    )
    claims = tuple(
        Claim(
            id=f"claim_{number}",
            kind=ClaimKind.term,
            label=label,
            required=True,
            alternatives=(Alternative(name="it", standing=Standing.right, forms=(f"form {number}",)),),
        )
        for number, label in enumerate(labels)
    )
    source = f"There is a leak. {sentence}"
    passages = Passages(
        Scenario(family="leak", domain=Domain.mixed, task="Say it.", source_material=source, claims=claims)
    )
    assert (
        passages.bears_out("The defect shows with a token with a line end.", ["a token with a line end"]) is borne_out
    )
