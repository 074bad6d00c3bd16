"""Fetch oracle demonstrations over REST: what a perfect overseer would have written on episodes of the train split.

Each episode is opened with one attempt, which is spent on a verdict that means nothing: the truth comes back, and the
oracle's verdict is written from it. Only splits whose truth the arena gives out can be demonstrated.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Literal, Self, TypeAlias

from rapidfuzz import fuzz

from forge_agents.client import ArenaClient, ArenaGarbled
from forge_arena.rewards import oracle_verdict
from forge_arena.types import ClaimKind, CorruptionType, Noun, Observation, Outcome, Span, Truth, Verdict
from forge_arena.values import Mention, mentions, sentences
from forge_arena.verdicts import verdict_text
from forge_arena.wire import MAX_BATCH, Attempt

# How sure a demonstration says it is, in tenths: an oracle's own certainty would only teach to be sure of everything,
# and what is never said in a demonstration is never tried by the pupil.
CONFIDENCES = (0.6, 0.7, 0.8, 0.9)
NOTHING = Verdict(detection=False, explanation="", correction="", confidence=0.5)

NO_WORDS = "-"
OK = "ok"
# Likeness of a sentence and a passage from which they are compared, of 100 for all words in common.
IN_COMMON = 65.0
# Where a passage has its number, if it has one: "Section 4.9: ...".
HEAD = 16
_NUMBER = re.compile(r"\d+(?:\.\d+)*")
_PLAIN = re.compile(r"^[\[\w]*\s?[\[§]?\d+(?:\.\d+)*[\].:]*\s+(?=\S)")
_LETTER = re.compile(r"[^\W\d_]")

Style = Literal["judging", "checking"]
Pieces: TypeAlias = Sequence[tuple[int, int, str]]


class Demonstration(Noun):
    """One episode with a right answer to it. `completion` is the raw text that a model should write."""

    key: str
    observation: Observation
    truth: Truth
    style: Style
    completion: str


def demonstrations(
    client: ArenaClient,
    *,
    suite: str,
    split: str = "train",
    start: int = 0,
    count: int,
    checking: float = 0.0,
    seed: int = 0,
    on_progress: Callable[[int, int], None] | None = None,
) -> Iterator[Demonstration]:
    """Demonstrations of the episodes `start` to `start + count` of a split, in order; those that failed are left out.

    A share `checking` of them reads before it judges: between `<think>` and `</think>` stands, for each sentence of the
    answer, the passage of the source that is most like it. `seed` decides which, and how sure each says it is.

    Raises:
        ArenaError: the arena cannot be reached, refuses (a sealed split for instance), or answers garbage.
    """
    for first in range(start, start + count, MAX_BATCH):
        keys = [f"{suite}:{split}:{index}" for index in range(first, min(first + MAX_BATCH, start + count))]
        opened = client.open_episodes(keys=keys).episodes
        results = client.submit([Attempt(episode_id=e.episode_id, verdict=NOTHING) for e in opened])
        for episode, result in zip(opened, results, strict=True):
            if result.outcome is not Outcome.scored:
                continue
            if result.truth is None:
                raise ArenaGarbled(f"the arena kept the truth of {episode.key} back: split {split!r} is sealed")
            rng = Random(f"{seed}|{episode.key}")
            style: Style = "checking" if rng.random() < checking else "judging"
            yield Demonstration(
                key=episode.key,
                observation=episode.observation,
                truth=result.truth,
                style=style,
                completion=demonstrated(episode.observation, result.truth, style, rng.choice(CONFIDENCES)),
            )
        if on_progress is not None:
            on_progress(first - start + len(keys), count)


def demonstrated(seen: Observation, truth: Truth, style: Style, confidence: float) -> str:
    """What the oracle writes, as sure as it is told to be."""
    verdict = oracle_verdict(seen, truth).model_copy(update={"confidence": confidence})
    text = verdict_text(verdict)
    return text if style == "judging" else f"<think>{side_by_side(seen, truth)}</think>{text}"


def side_by_side(seen: Observation, truth: Truth) -> str:
    """What is to be compared, a line each: a sentence of the answer, what the source has on it, and `= ok` or the type of
    what is wrong. Last, beside nothing, what the answer must state and does not.

    The sentence comes first, for what is looked up depends on it. Of values and cited sections the source's own is
    quoted; of other sentences the passage that shares their words, and a sentence that shares too few gets no line.
    Where the answer is wrong, the truth tells what the source has instead.
    """
    source = _Source.of(seen.source_material, truth)
    lines = []
    for start, end, sentence in _pieces(seen.worker_output):
        wrong = truth.corrupted and any(s.start < end and start < s.end for s in truth.output_spans)
        wrong = wrong and truth.corruption_type is not CorruptionType.factual_omission
        spans = truth.output_spans if wrong else ()
        found = [
            source.on(sentence, m, wrong=_overlaps(start + m.start, start + m.end, spans)) for m in mentions(sentence)
        ]
        evidence = ", ".join(dict.fromkeys(text for text in found if text))
        if not evidence:
            evidence = source.instead or NO_WORDS if wrong else source.alike(sentence)
        if evidence:
            lines.append(f"{sentence} | {evidence} = {_end(truth) if wrong else OK}")
    if truth.corruption_type is CorruptionType.factual_omission:
        lines.append(f"{NO_WORDS} | {source.instead} = {_end(truth)}")
    return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class _Source:
    """The source as it is looked things up in: its text and passages, and what it has where the answer is wrong."""

    text: str
    passages: Pieces
    spans: tuple[Span, ...]

    @classmethod
    def of(cls, text: str, truth: Truth) -> Self:
        return cls(text, _pieces(text), truth.source_spans)

    @property
    def instead(self) -> str:
        """What the source says where the answer says something else, or nothing."""
        return " ".join(self.spans[0].of(self.text).split()) if self.spans else ""

    def on(self, sentence: str, said: Mention, *, wrong: bool) -> str:
        """What the source has on a value that a sentence states: the same, spelled its own way, or what it should be."""
        if said.kind is ClaimKind.citation:
            number = _NUMBER.search(sentence[said.start : said.end])
            return self._section() if wrong else number[0] if number else ""
        if wrong:
            here = [m for m in mentions(self.instead) if m.kind is said.kind]
            return self.instead[here[0].start : here[0].end] if here else self.instead
        same = [m for m in mentions(self.text) if (m.kind, m.value) == (said.kind, said.value)]
        return self.text[same[0].start : same[0].end] if same else ""

    def _section(self) -> str:
        """The number of the section that holds what was to be cited."""
        for start, end, passage in self.passages:
            if _overlaps(start, end, self.spans) and (number := _NUMBER.search(passage[:HEAD])):
                return number[0]
        return self.instead

    def alike(self, sentence: str) -> str:
        """The passage that shares most words with a sentence, without its number; nothing where it shares too few."""
        texts = [_PLAIN.sub("", passage) for *_, passage in self.passages]
        scores = [fuzz.token_set_ratio(sentence, text) for text in texts]
        best = max(range(len(scores)), key=scores.__getitem__, default=-1)
        return texts[best] if best >= 0 and scores[best] >= IN_COMMON else ""


def _end(truth: Truth) -> str:
    return truth.corruption_type.value if truth.corruption_type is not None else OK


def _overlaps(start: int, end: int, spans: Sequence[Span]) -> bool:
    return any(span.start < end and start < span.end for span in spans)


def _pieces(text: str) -> Pieces:
    """Sentences; a number that stands alone before one, as of a section, belongs to it."""
    found: list[tuple[int, int, str]] = []
    begun = None
    for start, end in sentences(text):
        if not _LETTER.search(text[start:end]):
            begun = start if begun is None else begun
            continue
        first = start if begun is None else begun
        found.append((first, end, " ".join(text[first:end].split())))
        begun = None
    return found
