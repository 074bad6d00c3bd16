"""Give a pair other words, the same in the sentence and in its passages.

An arena has some dozen families, and a checker that reads their words ten thousand times learns the families. Whether
a sentence is borne out does not depend on what things are called. So names get invented names, numbers get other
digits, and some other words get a word of the tokenizer's vocabulary, wherever they stand in the pair. The label
stays.
"""

import re
from collections.abc import Callable, Sequence
from random import Random

from forge_agents.overseers.consistency.passages import STOP_WORDS
from forge_arena.texts.turning import read_statement
from forge_arena.texts.values import MONTHS
from forge_arena.types import Span

# The share of the words of a sentence, of its names and of its numbers that get another word.
WORDS, NAMES, NUMBERS = 0.4, 0.7, 0.5
_TOKEN = re.compile(r"[A-Za-z]+|\d+")
_ENDINGS = ("ing", "ed", "s")
_VOWELS, _CONSONANTS = "aeiou", "bcdfghjklmnprstvwz"
# Words by which a statement is turned, and words of measures: other words would be another statement.
_KEPT = STOP_WORDS | frozenset(
    """
    not never none all every each both neither before after until since first last more less most least must may
    can cannot shall only also without within above below over under hour hours day days week weeks month months
    year years minute minutes section clause rule article paragraph percent
    """.split()  # noqa: SIM905 - a list of a hundred quoted words is harder to read
)


def rename(
    text: str, beside: Sequence[str], spans: Sequence[Span], lexicon: Sequence[str], rng: Random
) -> tuple[str, tuple[str, ...], tuple[Span, ...]]:
    """The sentence, its passages and the places in the sentence, with other words in both."""
    others: dict[str, str] = {}
    for match in _TOKEN.finditer(text):
        word = match[0]
        key, _ = _root(word)
        if key in others or word in MONTHS or key in _KEPT or word.lower() in _KEPT:
            continue
        if word.isdigit():
            if rng.random() < NUMBERS and len(word) > 1:
                others[key] = rng.choice("123456789") + "".join(rng.choice("0123456789") for _ in word[1:])
        elif len(word) > 3 and word[0].isupper() and match.start() > 0:
            if rng.random() < NAMES:
                others[key] = invented(rng)
        elif len(word) > 3 and _has_no_sense(word) and rng.random() < WORDS:
            others[key] = rng.choice(lexicon) if lexicon else invented(rng)
    renamed, moved = _replace(text, others)
    places = tuple(Span(start=moved(span.start), end=moved(span.end)) for span in spans)
    return renamed, tuple(_replace(passage, others)[0] for passage in beside), places


def invented(rng: Random) -> str:
    """A name of two or three syllables that nobody has."""
    return "".join(rng.choice(_CONSONANTS) + rng.choice(_VOWELS) for _ in range(rng.randint(2, 3))) + rng.choice(
        ["", "n", "r", "s", "l", "k"]
    )


def lexicon_of(vocabulary: Sequence[str]) -> tuple[str, ...]:
    """The whole words of a tokenizer's vocabulary that may take the place of another word."""
    return tuple(
        sorted(
            w for w in vocabulary if w.isascii() and w.isalpha() and w.islower() and 4 <= len(w) <= 9 and w not in _KEPT
        )
    )


def _has_no_sense(word: str) -> bool:
    """Whether the word is none of those that turn a statement."""
    statement = read_statement(word)
    return not statement.placed and all(not token.word.startswith("<") for token in statement.words)


def _root(word: str) -> tuple[str, str]:
    """A word in small letters without its ending, and the ending."""
    low = word.lower()
    for ending in _ENDINGS:
        if low.endswith(ending) and len(low) - len(ending) > 3:
            return low[: -len(ending)], ending
    return low, ""


def _replace(text: str, others: dict[str, str]) -> tuple[str, Callable[[int], int]]:
    """The text with other words, and where a place of the old text lies in the new one."""
    parts: list[str] = []
    shifts: list[tuple[int, int]] = []  # the end of a word in the old text, and how far what follows has moved
    at = moved = 0
    for match in _TOKEN.finditer(text):
        key, ending = _root(match[0])
        other = others.get(key)
        if other is None:
            continue
        new = other + ending
        new = new[0].upper() + new[1:] if match[0][0].isupper() else new
        parts += [text[at : match.start()], new]
        at = match.end()
        moved += len(new) - len(match[0])
        shifts.append((match.end(), moved))
    parts.append(text[at:])

    def move(place: int) -> int:
        return place + max(((end, by) for end, by in shifts if end <= place), default=(0, 0))[1]

    return "".join(parts), move
