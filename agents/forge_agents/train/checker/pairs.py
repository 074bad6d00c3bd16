"""Make labelled pairs for a checker from episodes whose truth is known.

Four kinds of pairs come from an episode:

* sentences of its answer as they are, with the places of the truth; right ones that share little with the source, too;
* sentences of its clean answer and of its source, edited by `edits`, wrongly or harmlessly;
* such sentences as they are, beside the source without the passages that state them;
* demands: the passage that an omission leaves out, passages that the answer states and that are then taken out of it,
  and the task beside the answer to it or to another task.

A pair is cut from its texts by the same functions as in a review, so training and reviewing see the same.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from random import Random

from forge_agents.overseers.checker.reading import (
    RULE,
    Pair,
    Piece,
    Pieces,
    Question,
    demand,
    demands_of_source,
    support,
)
from forge_agents.overseers.consistency.passages import stems
from forge_agents.train.checker.edits import Edit, Material, harmless_edit, learn_followers, said_otherwise, wrong_edit
from forge_agents.train.checker.renaming import rename
from forge_agents.train.demonstrations import Demonstration
from forge_arena.corruptions import omits
from forge_arena.types import CorruptionType, Noun, Span

# Of each episode: right sentences of the answer as they are, wrongly edited, harmlessly edited sentences.
RIGHT, WRONG, HARMLESS = 2, 3, 2
# The share of the edited sentences that are sentences of the source; the others are of the clean answer.
OF_SOURCE = 0.4
# The share of the pairs that get other words.
RENAMED = 0.5
# The share of a passage's words that another one must have to state the passage.
STATES = 0.6
# How many sentences are tried for one that a single passage states.
TRIED = 4
# Among how many of the sentences that share least with the source one is chosen.
FREEST = 3


class LabelledPair(Noun):
    """A pair as it is kept in a file.

    Attributes:
        text, beside: the sentence and the passages.
        wrong: whether the sentence is not borne out, or the demand not met.
        spans: the places in the sentence that are wrong, None if they are not known.
        type: the corruption, None if it is none of the types or not known.
        kind: how the pair was made: `answer`, `free`, `unstated`, `demand`, `task`, or the name of an edit.
    """

    question: Question
    text: str
    beside: tuple[str, ...]
    wrong: bool
    spans: tuple[Span, ...] | None
    type: CorruptionType | None = None
    kind: str
    family: str

    @property
    def pair(self) -> Pair:
        return Pair(self.question, Piece(self.text, 0, len(self.text)), self.beside)


@dataclass(frozen=True)
class Maker:
    """Makes the pairs of episodes.

    Args:
        episodes: all episodes; the words and sentences of the others serve for wrong edits.
        lexicon: words that may take the place of other words.
        augment: whether sentences are edited, renamed and read without their passages; otherwise only the answers and
            demands of the arena are used.
    """

    episodes: Sequence[Demonstration]
    lexicon: Sequence[str] = ()
    augment: bool = True
    renamed: float = RENAMED
    _followers: dict[tuple[str, str], tuple[str, ...]] = field(init=False)
    _sentences: dict[str, list[str]] = field(init=False)

    def __post_init__(self) -> None:
        texts = [e.observation.source_material for e in self.episodes]
        texts += [e.truth.clean_output for e in self.episodes]
        object.__setattr__(self, "_followers", learn_followers(texts))
        sentences: dict[str, set[str]] = {}
        for episode in self.episodes:
            pieces = Pieces.of(episode.truth.clean_output, episode.observation.source_material).pieces
            sentences.setdefault(episode.truth.family, set()).update(p.text for p in pieces if _is_prose(p.text))
        object.__setattr__(self, "_sentences", {family: sorted(texts) for family, texts in sentences.items()})

    def pairs(self, episode: Demonstration, rng: Random) -> Iterator[LabelledPair]:
        """The pairs of one episode."""
        yield from self._answers(episode, rng)
        yield from self._demands(episode, rng)
        yield from self._tasks(episode, rng)
        if self.augment:
            yield from self._edited(episode, rng)
            yield from self._unstated(episode, rng)

    def _answers(self, episode: Demonstration, rng: Random) -> Iterator[LabelledPair]:
        seen, truth = episode.observation, episode.truth
        given = Pieces.of(seen.source_material, seen.task)
        of_sentence = truth.corrupted and not omits(truth.corruption_type)
        right: list[Piece] = []
        for piece in Pieces.of(seen.worker_output).pieces:
            spans = _inside(piece, truth.output_spans) if of_sentence else ()
            if spans:
                yield self._labelled(episode, support(piece, given), spans, "answer", rng, truth.corruption_type)
            elif not truth.corrupted or of_sentence or piece.text in truth.clean_output:
                right.append(piece)
        for piece in rng.sample(right, min(RIGHT, len(right))):
            yield self._labelled(episode, support(piece, given), (), "answer", rng)
        if self.augment:
            # Otherwise the unstated sentences teach that whatever is said freely is wrong.
            freest = sorted((support(piece, given) for piece in right), key=_shared)[:FREEST]
            if freest:
                yield self._labelled(episode, rng.choice(freest), (), "free", rng)

    def _edited(self, episode: Demonstration, rng: Random) -> Iterator[LabelledPair]:
        seen, truth = episode.observation, episode.truth
        given = Pieces.of(seen.source_material, seen.task)
        of_answer = [p for p in Pieces.of(truth.clean_output).pieces if _is_prose(p.text)]
        of_source = [p for p in Pieces.of(seen.source_material).pieces if _is_prose(p.text)]
        foreign_families = sorted(self._sentences.keys() - {truth.family})
        for edit in [wrong_edit] * WRONG + [harmless_edit] * HARMLESS:
            base = of_source if rng.random() < OF_SOURCE else of_answer
            if not base:
                continue
            piece = rng.choice(base)
            evidence = " ".join(support(piece, given).beside)
            elsewhere = [p.text for p in given.pieces if p.text not in evidence and _is_prose(p.text)]
            foreign = self._sentences[rng.choice(foreign_families)] if foreign_families else []
            made: Edit | None = edit(piece.text, Material(evidence, elsewhere, foreign, self._followers), rng)
            if made is not None:
                edited = Piece(made.text, 0, len(made.text))
                yield self._labelled(episode, support(edited, given), made.spans, made.name, rng, made.type)

    def _unstated(self, episode: Demonstration, rng: Random) -> Iterator[LabelledPair]:
        """A right sentence beside the source without the passages that state it, so that nothing bears it out."""
        seen = episode.observation
        given = Pieces.of(seen.source_material, seen.task)
        texts = (seen.source_material, episode.truth.clean_output)
        sentences = [piece for text in texts for piece in Pieces.of(text).pieces if _is_prose(piece.text)]
        for piece in rng.sample(sentences, min(TRIED, len(sentences))):
            stating = set(self._stating(piece, given))
            rest = Pieces(tuple(p for n, p in enumerate(given.pieces) if n not in stating))
            # If no single passage states the sentence, several may do so together.
            if not stating or not rest.pieces:
                continue
            # Half of the time in other words, because whoever invents something does not quote.
            other = said_otherwise(piece.text, Material("", (), (), {}), rng) if rng.random() < 0.5 else None
            text = piece.text if other is None else other.text
            whole = Span(start=0, end=len(text))
            yield self._labelled(episode, support(Piece(text, 0, len(text)), rest), (whole,), "unstated", rng)
            return

    def _demands(self, episode: Demonstration, rng: Random) -> Iterator[LabelledPair]:
        seen, truth = episode.observation, episode.truth
        clean = Pieces.of(truth.clean_output)
        asked = demands_of_source(seen, clean)
        if not asked:
            return
        if omits(truth.corruption_type):
            missing = [pair for pair in asked if _inside(pair.piece, truth.source_spans)]
            answer = Pieces.of(seen.worker_output)
            for pair in missing[:1]:
                rule = _rule(pair)
                yield self._demand(episode, demand(pair.piece, answer, rule), wrong=True)
                yield self._demand(episode, pair, wrong=False)
        stated = [pair for pair in asked if self._stating(pair.piece, clean)]
        if stated and self.augment:
            pair = rng.choice(stated)
            without = set(self._stating(pair.piece, clean))
            rest = Pieces(tuple(p for n, p in enumerate(clean.pieces) if n not in without))
            if rest.pieces:
                yield self._demand(episode, demand(pair.piece, rest, _rule(pair)), wrong=True)
                yield self._demand(episode, pair, wrong=False)
        # What is not stated in a clean answer need not be stated.
        unstated = [pair for pair in asked if pair not in stated]
        if unstated:
            yield self._demand(episode, rng.choice(unstated), wrong=False)

    def _tasks(self, episode: Demonstration, rng: Random) -> Iterator[LabelledPair]:
        """The task beside the answer to it, and beside the answer of another family."""
        task = Pieces.of(episode.observation.task)
        others = [
            e for e in rng.sample(self.episodes, min(8, len(self.episodes))) if e.truth.family != episode.truth.family
        ]
        if not task.pieces:
            return
        wrong = bool(others) and rng.random() < 0.5
        output = rng.choice(others).observation.worker_output if wrong else episode.observation.worker_output
        answer = Pieces.of(output)
        if answer.pieces:
            made = demand(rng.choice(task.pieces), answer)
            yield self._made(episode, made, wrong=wrong, spans=None, kind="task", rng=rng)

    def _stating(self, piece: Piece, answer: Pieces) -> list[int]:
        """The pieces of an answer that have most of the words of a passage."""
        words = frozenset(stems(piece.text))
        return [
            n for n, theirs in enumerate(answer.words) if words and len(words & theirs) >= STATES * min(len(words), 6)
        ]

    def _demand(self, episode: Demonstration, pair: Pair, *, wrong: bool) -> LabelledPair:
        type = CorruptionType.factual_omission if wrong else None
        return self._made(episode, pair, wrong=wrong, spans=None, kind="demand", type=type)

    def _labelled(
        self,
        episode: Demonstration,
        pair: Pair,
        spans: tuple[Span, ...],
        kind: str,
        rng: Random,
        type: CorruptionType | None = None,
    ) -> LabelledPair:
        return self._made(episode, pair, wrong=bool(spans), spans=spans, kind=kind, type=type, rng=rng)

    def _made(
        self,
        episode: Demonstration,
        pair: Pair,
        *,
        wrong: bool,
        spans: tuple[Span, ...] | None,
        kind: str,
        type: CorruptionType | None = None,
        rng: Random | None = None,
    ) -> LabelledPair:
        text, beside = pair.piece.text, pair.beside
        if rng is not None and self.augment and rng.random() < self.renamed:
            text, beside, moved = rename(text, beside, spans or (), self.lexicon, rng)
            spans = None if spans is None else moved
        return LabelledPair(
            question=pair.question,
            text=text,
            beside=beside,
            wrong=wrong,
            spans=spans,
            type=type,
            kind=kind,
            family=episode.truth.family,
        )


def _shared(pair: Pair) -> float:
    """The share of a sentence's stems that the passages beside it have."""
    words = frozenset(stems(pair.piece.text))
    return len(words & frozenset(stems(" ".join(pair.beside)))) / max(1, len(words))


def _rule(pair: Pair) -> str:
    return pair.beside[0].removeprefix(RULE).strip()


def _inside(piece: Piece, spans: Sequence[Span]) -> tuple[Span, ...]:
    """The parts of spans that lie in a piece, counted from its start."""
    length = len(piece.text)
    return tuple(
        Span(start=min(length, max(0, s.start - piece.start)), end=min(length, s.end - piece.start))
        for s in spans
        if s.start < piece.end and piece.start < s.end
    )


def _is_prose(text: str) -> bool:
    """Whether a piece is a whole sentence, and no heading, row of a table or block of code."""
    return (
        "```" not in text and "|" not in text and len(text.split()) >= 4 and text[-1] in ".!?" and text[0] not in "#*"
    )
