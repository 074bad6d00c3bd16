"""Fetch oracle demonstrations over REST: what a perfect overseer would have written on episodes of the train split.

Each episode is opened with one attempt, which is spent on a verdict that means nothing: the truth comes back, and the
oracle's verdict is written from it. Only splits whose truth the arena gives out can be demonstrated.
"""

import re
from collections.abc import Callable, Hashable, Iterator, Sequence
from functools import lru_cache
from random import Random
from typing import Literal, TypeAlias

from rapidfuzz import fuzz

from forge_agents.client import ArenaClient, ArenaGarbled
from forge_arena.rewards import oracle_verdict
from forge_arena.types import ClaimKind, CorruptionType, Noun, Observation, Outcome, Span, Truth, Verdict
from forge_arena.values import mentions, sentences
from forge_arena.verdicts import verdict_text
from forge_arena.wire import MAX_BATCH, Attempt

# How sure a demonstration says it is, in tenths: an oracle's own certainty would only teach to be sure of everything,
# and what is never said in a demonstration is never tried by the pupil.
CONFIDENCES = (0.6, 0.7, 0.8, 0.9)
NOTHING = Verdict(detection=False, explanation="", correction="", confidence=0.5)

NO_WORDS = "-"
# Likeness of a sentence and a passage, of 100 for all words in common.
SAME_VALUE, SAME_KIND, IN_COMMON = 60.0, 25.0, 65.0
_LETTER = re.compile(r"[^\W\d_]")

Style = Literal["judging", "checking"]
Pieces: TypeAlias = Sequence[tuple[int, int, str]]
Values: TypeAlias = frozenset[tuple[ClaimKind, Hashable]]


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
    """What is to be compared, a line each: a passage of the source, the sentence of the answer that speaks of the same,
    and `= ok` or the type of what is wrong; last, beside nothing, a passage that the answer must state and does not.

    A sentence is paired with the passage that shares its values and words; without any in common it gets no line. Where
    the answer is wrong the truth tells which passage says otherwise.
    """
    passages, said = _pieces(seen.source_material), _pieces(seen.worker_output)
    wrong, missing = _wrong(seen, truth, said, passages)
    right = _holding(passages, truth.source_spans) if wrong >= 0 else -1
    lines = []
    for number, (_, _, sentence) in enumerate(said):
        paired = right if number == wrong and right >= 0 else _closest(sentence, passages, needed=number == wrong)
        if paired >= 0:
            end = truth.corruption_type.value if number == wrong and truth.corruption_type else "ok"
            lines.append(f"{passages[paired][2]} | {sentence} = {end}")
    if missing >= 0:
        lines.append(f"{passages[missing][2]} | {NO_WORDS} = {CorruptionType.factual_omission.value}")
    return "\n".join(lines)


def _closest(sentence: str, passages: Pieces, *, needed: bool) -> int:
    """The passage that a sentence is to be compared with, or -1."""
    values = _values(sentence)
    scores = [fuzz.token_set_ratio(sentence, text) + _alike(values, _values(text)) for *_, text in passages]
    best = max(range(len(scores)), key=scores.__getitem__, default=-1)
    return best if best >= 0 and (needed or scores[best] >= IN_COMMON) else -1


def _alike(some: Values, others: Values) -> float:
    """What values in common add to the likeness of two texts: equal ones much, others of the same kind a little."""
    kinds = {kind for kind, _ in some} & {kind for kind, _ in others}
    return SAME_VALUE * len(some & others) + SAME_KIND * len(kinds)


@lru_cache(maxsize=1024)
def _values(text: str) -> Values:
    return frozenset((m.kind, m.value) for m in mentions(text) if m.kind is not ClaimKind.citation)


def _wrong(seen: Observation, truth: Truth, said: Pieces, passages: Pieces) -> tuple[int, int]:
    """The number of the sentence that is wrong, and of the passage that is missing; -1 where there is none."""
    if not truth.corrupted:
        return -1, -1
    if truth.corruption_type is CorruptionType.factual_omission:
        return -1, _holding(passages, truth.source_spans)
    return _holding(said, truth.output_spans), -1


def _holding(pieces: Pieces, spans: Sequence[Span]) -> int:
    for number, (start, end, _) in enumerate(pieces):
        if any(span.start < end and start < span.end for span in spans):
            return number
    return -1


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
