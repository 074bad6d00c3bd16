"""The words of a statement: which of them tell something, how much each tells, and whether a text has them."""

import math
import re
from collections.abc import Iterable
from functools import lru_cache

from forge_arena.texts.turning import Statement, read_statement
from forge_arena.texts.verbs import root
from forge_arena.texts.words import SMALL_WORDS
from forge_arena.verify.passages import Passages
from forge_arena.verify.terms import are_alike

# Words that are forms of one word share so many letters.
BEGINNING = 3
# Words that only carry a noun: "a refund is given", "refunds are available". Others say the same without them.
LIGHT = frozenset(
    root(word)
    for word in (
        "available",
        "possible",
        "offer",
        "provide",
        "give",
        "make",
        "take",
        "grant",
        "receive",
        "obtain",
        "get",
    )
)
# Statements are compared by roots, and the root of "during" is no small word. The four that are left out do tell.
_SMALL_ROOTS = SMALL_WORDS | {root(word) for word in SMALL_WORDS - {"only", "once", "another", "else"}}
_DENIED = re.compile(r"(?:un|in|dis|non)([a-z]{4,})$")


def is_content(word: str) -> bool:
    """Whether a word tells something of its own. An order or a bound (`<before>`) does not, unless it is a verb."""
    if word[0] == "<":
        return word.strip("<>") in ("include", "exclude", "start", "end", "first", "last", "beforehand", "afterwards")
    return word not in _SMALL_ROOTS and word not in ("be", "have", "do", "not", "somebody", "something", "can", "may")


def weight(words: Iterable[str], passages: Passages) -> float:
    """How much some words tell together."""
    # A plain sum depends on the order, and the order of a set is another one in every process.
    return math.fsum(_weight_of(word, passages) for word in words)


def _weight_of(word: str, passages: Passages) -> float:
    """How much a word tells: the rarer in the source, the more, and little if the word only carries a noun."""
    if word in LIGHT:
        return 0.25 * passages.greatest_rarity
    return max(0.5 * passages.greatest_rarity, passages.rarity.get(word, passages.greatest_rarity))


def has_alike(word: str, others: Iterable[str]) -> bool:
    """Whether a word is a form of one of some other words."""
    return any(are_alike(word, other) for other in others)


def has_any(text: str, words: Iterable[str]) -> bool:
    """Whether a text has one of some words, in any form."""
    roots = read_statement(text).roots
    return any(has_alike(word, roots) for word in words)


def count_words(text: str, words: Iterable[str]) -> int:
    """How many of some words a text has, each in any form."""
    roots = read_statement(text).roots
    return sum(has_alike(word, roots) for word in words)


def with_denied(read: Statement, denied: tuple[str, str] | None = None) -> set[str]:
    """The roots of a text, and those of its words that a prefix denies.

    Example: "uncovered" has the root of "covered" as well. The other way round, "revocable" has the root of
    "irrevocable" as well if `denied` holds the roots of these two words (`Profile.denied`).
    """
    surfaces = [read.text[token.start : token.end].lower() for token in read.words]
    cut = {match[1] for word in surfaces if (match := _DENIED.match(word))}
    roots = {*read.roots, *map(root, cut)}
    return roots | {denied[0]} if denied is not None and denied[1] in roots else roots


@lru_cache(maxsize=8_192)
def beginnings(text: str) -> frozenset[str]:
    """The beginnings of the roots of a text's words, with and without a prefix that denies them."""
    words = re.findall(r"[^\W_]+", text.lower())
    words += [match[1] for word in words if (match := _DENIED.match(word))]
    return frozenset(root(word)[:BEGINNING] for word in words)
