"""What words tell together is one number, whatever the order in which a process keeps them."""

import random

from forge_arena.types import Domain, Scenario
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
