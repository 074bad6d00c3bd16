"""Cut an observation into what an encoder can read at a time: a sentence, and the passages that matter for it.

A source may have 30,000 words and an encoder reads some hundred. So each sentence of the answer is paired with the few
passages that share its rarest words. Two questions are asked of an observation:

* *support*: is this sentence of the answer borne out by these passages of the source and the task?
* *demand*: does the answer do what this sentence of the task, or this rule of the source, asks for, and does the answer
  state this passage if it has to?

An answer without a source has nothing to be borne out by, so then only the second question is asked.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property, lru_cache
from math import log

from forge_agents.overseers.consistency.passages import parse_passage, stems
from forge_arena.types import Observation

# The words of the longest piece. A longer sentence, a row of a table or a block of code is read in several pieces.
LONGEST = 45
# The words of all passages beside a sentence, which is about 70 tokens.
BESIDE = 48
# How much of a passage's weight counts that was covered by the passages before it.
AGAIN = 0.2
# The passages of a source that may have to be stated are asked for until there are so many.
MOST_DEMANDS = 12
# The words of the rule or of the part of the task that stands beside a passage, in the question of demand.
ASKED = 20

# In front of a rule, so that it is not taken for a sentence of the answer.
RULE = "Rule:"

_TOKEN = re.compile(r"\S+")
_LETTER = re.compile(r"[^\W_]")
_RULE = re.compile(
    r"\b(?:must|should|shall|always|never|do not|don't|has to|have to|needs? to|states?|names?|mentions?|gives?|"
    r"includes?|close|open|begin|end|sign|answer|reply|write|use|keep)\b",
    re.IGNORECASE,
)


class Question(StrEnum):
    """What is asked of a pair."""

    support = "support"
    demand = "demand"


@dataclass(frozen=True, slots=True)
class Piece:
    """A sentence, or a part of a long one: its words, its place in its text, and the number of its section."""

    text: str
    start: int
    end: int
    section: str | None = None

    @property
    def numbered(self) -> str:
        """The piece with the number of its section in front, so that a citation can be compared."""
        return f"({self.section}) {self.text}" if self.section and self.section not in self.text else self.text


@dataclass(frozen=True, slots=True)
class Pair:
    """A piece of text, and the texts beside which an encoder reads the piece.

    Attributes:
        best: the passage that shares most with the piece; empty if none shares anything.
    """

    question: Question
    piece: Piece
    beside: tuple[str, ...]
    best: str = ""

    @property
    def texts(self) -> tuple[str, ...]:
        return (self.piece.text, *self.beside)


@dataclass(frozen=True)
class Pieces:
    """A text in pieces. A word that few pieces have weighs more when passages are looked up."""

    pieces: tuple[Piece, ...]

    @classmethod
    def of(cls, *texts: str) -> "Pieces":
        """The pieces of some texts, one text after the other."""
        return _pieces_of(texts)

    @cached_property
    def words(self) -> tuple[frozenset[str], ...]:
        return tuple(frozenset(stems(piece.numbered)) for piece in self.pieces)

    @cached_property
    def having(self) -> Mapping[str, tuple[int, ...]]:
        """The numbers of the pieces that have a stem."""
        places: dict[str, list[int]] = defaultdict(list)
        for number, words in enumerate(self.words):
            for word in words:
                places[word].append(number)
        return {word: tuple(numbers) for word, numbers in places.items()}

    def weight(self, word: str) -> float:
        """`log((pieces + 1) / pieces with the stem) + 0.1`; 0 for a stem that no piece has."""
        having = len(self.having.get(word, ()))
        return log((len(self.pieces) + 1) / having) + 0.1 if having else 0.0

    def find(self, asked: Collection[str], words: int) -> list[int]:
        """The numbers of the pieces that share most with the stems `asked`, the best first, up to so many words.

        What a passage shares with those before it counts little, because a sentence may take its parts from several.
        """
        asked = {word for word in asked if word in self.having}
        left = {number for word in asked for number in self.having[word]}
        weights = {word: self.weight(word) for word in asked}
        covered: set[str] = set()
        chosen: list[int] = []
        room = words
        while left and room > 0:
            gains = {
                number: sum(weights[w] * (AGAIN if w in covered else 1.0) for w in sorted(asked & self.words[number]))
                for number in left
            }
            best = max(sorted(left), key=gains.__getitem__)
            left.discard(best)
            length = len(_TOKEN.findall(self.pieces[best].text))
            if chosen and length > room:
                continue
            chosen.append(best)
            covered |= asked & self.words[best]
            room -= length
        return chosen


@lru_cache(maxsize=64)
def _pieces_of(texts: tuple[str, ...]) -> Pieces:
    # The source of an episode is read once for each question, and several times in training.
    return Pieces(tuple(piece for text in texts for piece in _cut(text)))


def pairs(observation: Observation) -> list[Pair]:
    """Everything that is asked of an observation."""
    answer = Pieces.of(observation.worker_output)
    if not answer.pieces:
        return []
    asked = [demand(piece, answer) for piece in Pieces.of(observation.task).pieces]
    if not observation.source_material.strip():
        return asked
    given = Pieces.of(observation.source_material, observation.task)
    borne_out = [support(piece, given) for piece in answer.pieces]
    return [*borne_out, *asked, *demands_of_source(observation, answer)]


def support(piece: Piece, given: Pieces) -> Pair:
    """The question whether passages bear a piece of the answer out."""
    chosen = given.find(frozenset(stems(piece.text)), BESIDE)
    best = given.pieces[chosen[0]].numbered if chosen else ""
    # A text that shares nothing is about what it begins with.
    shown = sorted(chosen) or range(min(2, len(given.pieces)))
    return Pair(Question.support, piece, tuple(given.pieces[number].numbered for number in shown), best)


def demand(piece: Piece, answer: Pieces, rule: str = "") -> Pair:
    """The question whether the answer does what a piece asks for, or states the piece if the rule asks for that."""
    chosen = answer.find(frozenset(stems(piece.text)), BESIDE - (ASKED if rule else 0))
    shown = sorted(chosen) or range(min(3, len(answer.pieces)))
    said = tuple(answer.pieces[number].text for number in shown)
    return Pair(Question.demand, piece, (f"{RULE} {rule}", *said) if rule else said)


def demands_of_source(observation: Observation, answer: Pieces) -> list[Pair]:
    """The passages of a source that a rule of the source, or the task, speaks of: the answer may have to state them."""
    source = Pieces.of(observation.source_material)
    rules = Pieces(tuple(rules_of(observation)))
    found: list[tuple[float, int, Pair]] = []
    for number, (piece, words) in enumerate(zip(source.pieces, source.words, strict=True)):
        chosen = rules.find(words - frozenset(stems(piece.section or "")), ASKED)
        chosen = [rule for rule in chosen if rules.pieces[rule].text != piece.text]
        if not chosen:
            continue
        weight = sum(source.weight(word) for word in sorted(words & rules.words[chosen[0]]))
        found.append((-weight, number, demand(piece, answer, rules.pieces[chosen[0]].text)))
    return [pair for _, _, pair in sorted(found, key=lambda one: one[:2])[:MOST_DEMANDS]]


def rules_of(observation: Observation) -> Iterator[Piece]:
    """The pieces of the task, and those of the source that read like a rule for the answer."""
    yield from Pieces.of(observation.task).pieces
    for piece in Pieces.of(observation.source_material).pieces:
        if _RULE.search(piece.text):
            yield piece


def lacking_share(observation: Observation) -> float:
    """The share of the answer's words that neither source nor task has, 0 to 1."""
    known = set(stems(f"{observation.source_material} {observation.task}"))
    words = stems(observation.worker_output)
    return sum(word not in known for word in words) / len(words) if words else 0.0


def _cut(text: str) -> Iterator[Piece]:
    for sentence in parse_passage(text).sentences:
        if _LETTER.search(sentence.text):
            for start, end in _windows(sentence.text):
                yield Piece(
                    " ".join(sentence.text[start:end].split()),
                    sentence.start + start,
                    sentence.start + end,
                    sentence.section,
                )


def _windows(text: str) -> Iterable[tuple[int, int]]:
    """The start and end of parts of a text that have about the same number of words, at most `LONGEST`."""
    words: Sequence[re.Match[str]] = list(_TOKEN.finditer(text))
    parts = -(-len(words) // LONGEST)
    size = -(-len(words) // parts) if parts else 1
    for first in range(0, len(words), size):
        part = words[first : first + size]
        yield part[0].start(), part[-1].end()
