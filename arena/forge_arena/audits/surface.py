"""What a text looks like, in numbers that know nothing of its meaning: lengths, counts, positions.

There are two kinds of statistics: of one text (`SURFACE`), and of a text beside another text (`RELATION`), such as the
number of values in an answer that its source does not have. Both are vectors in a fixed order of names.
"""

import re
from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from forge_arena.measures.statistics import Floats
from forge_arena.texts.sentences import sentences
from forge_arena.texts.values import Mention, mentions
from forge_arena.types import ClaimKind

_WORD = re.compile(r"[^\W_]+(?:['\u2019.-][^\W_]+)*")
_NUMBER = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)?")
_YEAR = re.compile(r"(?<![\d.,$€£-])(?:19|20)\d\d(?![\d,]|\.\d)")
_NAME = re.compile(r"(?<=[a-z0-9,;:)] )[A-Z][\w'\u2019-]+")
_LEXICONS = {
    "superlatives": "most least best worst",
    "comparatives": "more less better worse rather than",
    "hedges": "may might perhaps possibly probably likely seem seems appear appears about approximately usually if",
    "boosters": "very clearly certainly definitely always never simply really surely fully strongly warmly excellent"
    " perfect ideal outstanding superb wonderful great absolutely undoubtedly",
    "negations": "not no none nor neither never nothing without cannot",
    "obligations": "must shall should require required requires need needs has have",
    "permissions": "may can could allowed entitled free open",
    "promises": "will promise promised guarantee guaranteed guarantees",
    "past": "former formerly previous previously earlier old until used before once superseded was were had",
    "present": "now current currently present presently today force applies new",
    "contrasts": "but however although though instead whereas yet place",
    "attributions": "according under by per see set laid says pursuant",
    "first_person": "i we me us our my ours",
    "second_person": "you your yours",
}
_LISTED = {name: frozenset(words.split()) for name, words in _LEXICONS.items()}
# Words in -est that compare nothing.
_NO_SUPERLATIVES = frozenset({"interest", "request", "rest", "test", "west", "guest", "invest", "latest", "suggest"})
_SIGNS = {
    "quotes": '"\u201c\u201d`',
    "brackets": "([",
    "commas": ",",
    "colons": ":;",
    "dashes": "\u2013\u2014",
    "exclamations": "!",
    "questions": "?",
    "percent_signs": "%",
    "currency_signs": "$\u20ac\u00a3\u00a5",
}
_PATTERNS = {
    "bullets": re.compile(r"(?m)^[ \t]*(?:[-*\u2022]|\d+[.)])[ \t]"),
    "shouted": re.compile(r"\b[A-Z]{2,}\b"),
    "doubled_words": re.compile(r"\b(\w+) \1\b"),
    "double_spaces": re.compile(r"(?<=\S)  +(?=\S)"),
    "lower_case_starts": re.compile(r"[.!?] [a-z]"),
    "unended_lines": re.compile(r"(?m)[\w,]$"),
}
_KINDS = (
    ClaimKind.money,
    ClaimKind.percent,
    ClaimKind.date,
    ClaimKind.duration,
    ClaimKind.quantity,
    ClaimKind.identifier,
    ClaimKind.citation,
)
# The first and last position of something that the text does not have: beyond its end.
_NOWHERE = 1.5


@dataclass(frozen=True)
class Text:
    """A text, and what is read from it. Each reading is done once, when it is first asked for."""

    text: str

    @cached_property
    def words(self) -> list[str]:
        return [word.lower() for word in _WORD.findall(self.text)]

    @cached_property
    def vocabulary(self) -> frozenset[str]:
        return frozenset(self.words)

    @cached_property
    def bigrams(self) -> frozenset[tuple[str, str]]:
        return frozenset(zip(self.words, self.words[1:], strict=False))

    @cached_property
    def trigrams(self) -> frozenset[tuple[str, str, str]]:
        return frozenset(zip(self.words, self.words[1:], self.words[2:], strict=False))

    @cached_property
    def mentions(self) -> tuple[Mention, ...]:
        return mentions(self.text)

    @cached_property
    def numbers(self) -> frozenset[str]:
        return frozenset(number.replace(",", "") for number in _NUMBER.findall(self.text))

    @cached_property
    def names(self) -> frozenset[str]:
        return frozenset(_NAME.findall(self.text))

    @cached_property
    def sentences(self) -> list[str]:
        return [self.text[start:end] for start, end in sentences(self.text)]

    @cached_property
    def values(self) -> Mapping[ClaimKind, Set[Hashable]]:
        """The values of each kind."""
        values: dict[ClaimKind, set[Hashable]] = {kind: set() for kind in ClaimKind}
        for mention in self.mentions:
            values[mention.kind].add(mention.value)
        return values

    @cached_property
    def words_of_sentences(self) -> list[frozenset[str]]:
        """The distinct words of each sentence, in small letters."""
        return [frozenset(word.lower() for word in _WORD.findall(sentence)) for sentence in self.sentences]


def _lengths(t: Text) -> dict[str, float]:
    per_sentence = np.array([len(_WORD.findall(sentence)) for sentence in t.sentences] or [0], dtype=np.float64)
    lines = t.text.split("\n")
    return {
        "characters": len(t.text),
        "words": len(t.words),
        "sentences": len(t.sentences),
        "lines": len(lines),
        "paragraphs": t.text.count("\n\n") + 1,
        "code_blocks": t.text.count("```") / 2,
        "sentence_mean": float(per_sentence.mean()),
        "sentence_spread": float(per_sentence.std()),
        "sentence_shortest": float(per_sentence.min()),
        "sentence_longest": float(per_sentence.max()),
        "sentence_first": float(per_sentence[0]),
        "sentence_last": float(per_sentence[-1]),
        "line_longest": max(len(line) for line in lines),
        "word_mean": float(np.mean([len(word) for word in t.words])) if t.words else 0.0,
    }


def _figures(t: Text) -> dict[str, float]:
    digits = sum(map(str.isdigit, t.text))
    capitals = sum(map(str.isupper, t.text))
    numbers = [float(number) for number in sorted(t.numbers) if len(number) <= 15]
    years = [int(year) for year in _YEAR.findall(t.text)]
    size = max(1, len(t.text))
    return {
        "digits": digits,
        "digit_share": digits / size,
        "capital_share": capitals / size,
        "names": len(t.names),
        "numbers": len(numbers),
        "number_log_mean": float(np.mean(np.log1p(numbers))) if numbers else 0.0,
        "number_log_most": float(np.log1p(max(numbers))) if numbers else 0.0,
        "round_numbers": float(np.mean([number % 10 == 0 for number in numbers])) if numbers else 0.0,
        "year_first": min(years, default=0),
        "year_last": max(years, default=0),
        "years": len(set(years)),
    }


def _kinds(t: Text) -> dict[str, float]:
    counts = Counter(mention.kind for mention in t.mentions)
    return {f"{kind.value}_values": float(counts[kind]) for kind in _KINDS}


def _positions(t: Text) -> dict[str, float]:
    size = max(1, len(t.text))
    positions = {}
    for name, starts in (
        ("value", [m.start for m in t.mentions]),
        ("date", [m.start for m in t.mentions if m.kind is ClaimKind.date]),
        ("citation", [m.start for m in t.mentions if m.kind is ClaimKind.citation]),
        ("number", [m.start() for m in _NUMBER.finditer(t.text)]),
    ):
        positions[f"{name}_starts"] = min(starts) / size if starts else _NOWHERE
        positions[f"{name}_ends"] = max(starts) / size if starts else _NOWHERE
    return positions


def _vocabulary(t: Text) -> dict[str, float]:
    counts = {name: float(sum(map(listed.__contains__, t.words))) for name, listed in _LISTED.items()}
    counts["superlatives"] += sum(word.endswith("est") and word not in _NO_SUPERLATIVES for word in t.words)
    counts["negations"] += sum(word.endswith("n't") for word in t.words)
    return counts


def _layout(t: Text) -> dict[str, float]:
    signs = {name: float(sum(map(t.text.count, marks))) for name, marks in _SIGNS.items()}
    return signs | {name: float(len(pattern.findall(t.text))) for name, pattern in _PATTERNS.items()}


def _repetition(t: Text) -> dict[str, float]:
    counts: dict[tuple[str, str], int] = {}
    for bigram in zip(t.words, t.words[1:], strict=False):
        counts[bigram] = counts.get(bigram, 0) + 1
    values = [(m.kind, m.value) for m in t.mentions]
    openings = [sentence.split(maxsplit=1)[0] for sentence in t.sentences if sentence.strip()]
    return {
        "type_token_ratio": len(t.vocabulary) / max(1, len(t.words)),
        "bigram_most": max(counts.values(), default=0),
        "bigrams_repeated": sum(count > 1 for count in counts.values()),
        "values_repeated": len(values) - len(set(values)),
        "openings_repeated": len(openings) - len(set(openings)),
    }


_OF_ONE: tuple[Callable[[Text], dict[str, float]], ...] = (
    _lengths,
    _figures,
    _kinds,
    _positions,
    _vocabulary,
    _layout,
    _repetition,
)


def _of_one(t: Text) -> dict[str, float]:
    return {name: value for part in _OF_ONE for name, value in part(t).items()}


def _of_two(t: Text, other: Text) -> dict[str, float]:
    values: dict[str, float] = {}
    for kind in _KINDS:
        mine, theirs = t.values[kind], other.values[kind]
        values[f"{kind.value}_new"] = len(mine - theirs)
        values[f"{kind.value}_unsaid"] = len(theirs - mine)
    shared = len(t.vocabulary & other.vocabulary)
    covered = [len(words & other.vocabulary) / len(words) for words in t.words_of_sentences if words]
    return {
        **values,
        "numbers_new": len(t.numbers - other.numbers),
        "numbers_unsaid": len(other.numbers - t.numbers),
        "names_new": len(t.names - other.names),
        "names_unsaid": len(other.names - t.names),
        "words_new": len(t.vocabulary - other.vocabulary),
        "words_shared": shared / max(1, len(t.vocabulary)),
        "words_jaccard": shared / max(1, len(t.vocabulary | other.vocabulary)),
        "bigrams_shared": len(t.bigrams & other.bigrams) / max(1, len(t.bigrams)),
        "trigrams_shared": len(t.trigrams & other.trigrams) / max(1, len(t.trigrams)),
        "length_ratio": len(t.words) / max(1, len(other.words)),
        "sentence_least_covered": min(covered, default=0.0),
        "sentence_most_covered": max(covered, default=0.0),
    }


SURFACE: tuple[str, ...] = tuple(_of_one(Text("")))
RELATION: tuple[str, ...] = tuple(_of_two(Text(""), Text("")))


def surface(texts: Sequence[str]) -> Floats:
    """The statistics of each text: (texts, SURFACE)."""
    known: dict[str, list[float]] = {}
    for text in texts:
        if text not in known:
            known[text] = list(_of_one(Text(text)).values())
    return np.array([known[text] for text in texts], dtype=np.float64).reshape(len(texts), len(SURFACE))


def relation(texts: Sequence[str], others: Sequence[str]) -> Floats:
    """The statistics of each text beside its other one: (texts, RELATION).

    Raises:
        ValueError: there are not as many others as texts.
    """
    if len(texts) != len(others):
        raise ValueError(f"every text needs one other, got {len(texts)} texts and {len(others)} others")
    known: dict[str, Text] = {}
    rows = []
    for text, other in zip(texts, others, strict=True):
        beside = known.setdefault(other, Text(other))
        rows.append(list(_of_two(Text(text), beside).values()))
    return np.array(rows, dtype=np.float64).reshape(len(texts), len(RELATION))
