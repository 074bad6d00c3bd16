"""Make oracle demonstrations over REST: the completions of a perfect overseer on episodes of the train split.

Each episode is opened with one attempt. The attempt is spent on a verdict that means nothing, because the truth comes
back with it. The oracle's verdict is made from the truth. A sealed split gives no truth, and so no demonstrations.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Literal

from rapidfuzz import fuzz

from forge_agents.client import ArenaClient, ArenaGarbled, ArenaRefused
from forge_agents.client.errors import NO_EPISODE
from forge_arena.corruptions import omits
from forge_arena.keys import Key
from forge_arena.rewards import oracle_verdict
from forge_arena.texts.sentences import sentences
from forge_arena.texts.values import Mention, mentions
from forge_arena.types import ClaimKind, Noun, Observation, Outcome, Span, Split, Truth, Verdict
from forge_arena.verdicts import verdict_text
from forge_arena.wire import MAX_BATCH, Attempt, OpenedEpisode

# The confidences that demonstrations state. An oracle is certain, and its certainty would only teach to be sure of
# everything. If no demonstration states a confidence, the pupil never tries it.
CONFIDENCES = (0.6, 0.7, 0.8, 0.9)
NOTHING = Verdict(detection=False, explanation="", correction="", confidence=0.5)

# A demonstration that checks before it decides begins with this.
THINK = "<think>"
NO_WORDS = "-"
OK = "ok"
# The beginning of the line that says what the lines before it come to.
IN_ALL = " In all"
# The likeness of a sentence and a passage is 100 if they share all words, plus SAME_KIND if they share a kind of value.
# From IN_COMMON on they are compared.
SAME_KIND, IN_COMMON = 25.0, 65.0
# Words that introduce an earlier value. They do not say what the value is about.
BEFORE = frozenset({"before", "earlier", "formerly", "once", "originally", "previously", "until"})
_MARK = re.compile(r" = (\w+)(?=\n|</think>)")
_DETECTION = re.compile(r'"detection": (true|false)\b')
_LETTER = re.compile(r"[^\W\d_]")
_WORD = re.compile(r"[^\W\d_]+")
_QUOTED = re.compile(r"[“\"][^“”\"]*[”\"]")
# "4.9 ", "[4.9] ", "4.9. ", "§4.9: ", "Section 4.9: " before the words of a passage.
_NUMBERED = re.compile(r"(?:\[(\d+(?:\.\d+)*)\]|(?:\w+ )?§?(\d+(?:\.\d+)+)[.:]*)\s+(?=\S)")

Style = Literal["judging", "checking"]


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
    brief: bool = False,
    concluding: bool = False,
    exhaustive: bool = False,
    seed: int = 0,
    on_progress: Callable[[int, int], None] | None = None,
) -> Iterator[Demonstration]:
    """Demonstrations of the episodes `start` to `start + count` of a split, in order. Failed episodes are left out.

    Args:
        checking: the share of demonstrations that compare before the verdict. Between `<think>` and `</think>` they
            give, for each sentence of the answer, the passage of the source that is most like the sentence.
        brief: whether they leave the correction empty.
        concluding: whether a comparison ends with a line that says what its lines come to.
        exhaustive: whether a comparison also has a line for each passage that no sentence of the answer is about.
        seed: decides which demonstrations check, and which confidence each states.

    Raises:
        ArenaError: the arena cannot be reached, refuses (a sealed split for instance), or answers garbage.
    """
    for first in range(start, start + count, MAX_BATCH):
        indices = range(first, min(first + MAX_BATCH, start + count))
        keys = [str(Key.of(suite, Split(split), index)) for index in indices]
        opened = episodes_of(client, keys)
        results = client.submit([Attempt(episode_id=e.episode_id, verdict=NOTHING) for e in opened])
        for episode, result in zip(opened, results, strict=True):
            if result.outcome is not Outcome.scored:
                continue
            if result.truth is None:
                raise ArenaGarbled(f"the arena did not send the truth of {episode.key}: split {split!r} is sealed")
            rng = Random(f"{seed}|{episode.key}")
            style: Style = "checking" if rng.random() < checking else "judging"
            yield Demonstration(
                key=episode.key,
                observation=episode.observation,
                truth=result.truth,
                style=style,
                completion=oracle_completion(
                    episode.observation,
                    result.truth,
                    style,
                    rng.choice(CONFIDENCES),
                    brief=brief,
                    concluding=concluding,
                    exhaustive=exhaustive,
                ),
            )
        if on_progress is not None:
            on_progress(first - start + len(keys), count)


def episodes_of(client: ArenaClient, keys: Sequence[str], *, attempts: int = 1) -> tuple[OpenedEpisode, ...]:
    """The episodes of some keys, opened, without those that cannot be made.

    Raises:
        ArenaError: the arena cannot be reached, refuses, or answers garbage.
    """
    try:
        return client.open_episodes(keys=keys, attempts=attempts).episodes
    except ArenaRefused as refusal:
        # If there is an episode of some of the keys, the arena lists the others. If there is of none, it refuses.
        if refusal.code != NO_EPISODE:
            raise
        return ()


def oracle_completion(
    seen: Observation,
    truth: Truth,
    style: Style,
    confidence: float,
    *,
    brief: bool = False,
    concluding: bool = False,
    exhaustive: bool = False,
) -> str:
    """The completion of an oracle with the given confidence.

    A `brief` oracle leaves the correction empty. The comparison of a `concluding` oracle ends with a line such as
    ` In all = temporal_shift`. The detection then follows from the word before it. Otherwise it follows from all marks
    of the comparison, and a pretrained model learns to write the marks long before it learns this. For `exhaustive`
    see `side_by_side`.
    """
    verdict = oracle_verdict(seen, truth).model_copy(update={"confidence": confidence})
    if brief:
        verdict = verdict.model_copy(update={"correction": ""})
    text = verdict_text(verdict)
    if style == "judging":
        return text
    conclusion = f"\n{IN_ALL} = {_mark(truth)}" if concluding else ""
    return f"{THINK}{side_by_side(seen, truth, exhaustive=exhaustive)}{conclusion}</think>{text}"


def side_by_side(seen: Observation, truth: Truth, *, exhaustive: bool = False) -> str:
    """The comparison before a verdict, a line for each sentence of the answer.

    A line has the sentence, the passage of the source about the same thing, and `= ok` or the type of corruption. If
    the answer omits something, the last line has no sentence, and the passage that the answer must state. An example:

         The late fine is $5. | The late fine is $9, formerly $5. = temporal_shift

    A line begins with a space, as a sentence within a paragraph does. Otherwise its first word would be other tokens.

    The sentence comes first, because the passage to look up depends on it. A sentence is paired with the passage that
    shares its words, whatever their values. If right and wrong sentences were paired by different rules, the pairing
    would reveal the label, and nothing would have to be compared. A sentence that shares too little has no line, unless
    it opens the answer and a passage prescribes words. The whole passage is quoted, because a bare value could be
    guessed from the answer, which is right most of the time.

    An `exhaustive` comparison goes on with a line for each passage that no sentence was paired with, in the order of
    the source, whether the answer had to state the passage or not:

         - | State the late fine. = ok
         - | The late fine is $9, formerly $5. = factual_omission

    Otherwise a reader must know that something is missing, and what, before it writes a word about it. Long sources
    have too many such passages.
    """
    passages = _pieces(seen.source_material)
    right = next((p for p in passages if _overlaps(p.start, p.end, truth.source_spans)), None)
    omitted = omits(truth.corruption_type)
    lines: list[str] = []
    paired: list[_Piece] = []
    for sentence in _pieces(seen.worker_output):
        wrong = truth.corrupted and not omitted and _overlaps(sentence.start, sentence.end, truth.output_spans)
        passage = _closest(sentence, passages) or (right if wrong else None)
        if passage is None and not lines:
            passage = next((p for p in passages if p.quotes), None)
        if passage is not None or wrong:
            quoted = passage.words_to_quote(sentence.cites) if passage is not None else NO_WORDS
            lines.append(f" {sentence.text} | {quoted} = {_mark(truth) if wrong else OK}")
            paired += [passage] if passage is not None else []
    left = [p for p in passages if p not in paired and p.states] if exhaustive else []
    for passage in left:
        is_missing = omitted and passage is right
        lines.append(f" {NO_WORDS} | {passage.words_to_quote(cited=False)} = {_mark(truth) if is_missing else OK}")
    if omitted and right not in left:
        missing = right.words_to_quote(cited=False) if right is not None else NO_WORDS
        lines.append(f" {NO_WORDS} | {missing} = {_mark(truth)}")
    return "\n".join(lines)


def decisions(completion: str) -> list[tuple[int, int, bool]]:
    """Where a completion decides: the start and end of each mark behind ` = ` and of the detection.

    The flag is whether the word is the mark of something wrong. An example, with the decisions in brackets:

        <think> The fine is $5. | The fine is $9. = [temporal_shift]</think>{"detection": [true], ...
    """
    marks = [(match.start(1), match.end(1), match[1] != OK) for match in _MARK.finditer(completion)]
    return marks + [(match.start(1), match.end(1), False) for match in _DETECTION.finditer(completion)]


@dataclass(frozen=True, slots=True)
class _Piece:
    """A sentence of an answer or a passage of a source: its place, its text and its number.

    Likeness is measured by `words`, which has neither values nor quotations, and by `kinds`, the kinds of its values.
    """

    start: int
    end: int
    text: str
    number: str
    words: str
    kinds: frozenset[ClaimKind]
    cites: bool
    quotes: bool

    @property
    def states(self) -> bool:
        """Whether it is a whole sentence, and not a heading."""
        return self.text.endswith((".", "!", "?", ".”", '."'))

    def words_to_quote(self, cited: bool) -> str:
        """The words; for a citation the number behind them, because the words identify the passage."""
        return f"{self.text} ({self.number})" if cited and self.number else self.text


def _closest(sentence: _Piece, passages: Sequence[_Piece]) -> _Piece | None:
    """The passage that shares most words with a sentence, if these are enough. Values do not count.

    A word counts 1/n if n passages have it. So "the pump costs" and "the service costs" differ by the pump, even if
    only one of them has "formerly" as the sentence does.
    """
    if not passages:
        return None
    words = [_words(passage) for passage in passages]
    counts = Counter(word for of_passage in words for word in of_passage)
    asked = _words(sentence)
    shared = [sum(1.0 / counts[word] for word in asked & of_passage) for of_passage in words]
    best = max(range(len(passages)), key=lambda n: (shared[n], _likeness(sentence, passages[n])))
    return passages[best] if _likeness(sentence, passages[best]) >= IN_COMMON else None


def _words(piece: _Piece) -> set[str]:
    return set(_WORD.findall(piece.words.lower())) - BEFORE


def _likeness(sentence: _Piece, passage: _Piece) -> float:
    return fuzz.token_set_ratio(sentence.words, passage.words) + SAME_KIND * bool(sentence.kinds & passage.kinds)


def _mark(truth: Truth) -> str:
    return truth.corruption_type.value if truth.corruption_type is not None else OK


def _overlaps(start: int, end: int, spans: Sequence[Span]) -> bool:
    return any(span.start < end and start < span.end for span in spans)


def _remove_values(text: str, values: Sequence[Mention]) -> str:
    """The text without its values."""
    for mention in sorted(values, key=lambda m: m.start, reverse=True):
        text = text[: mention.start] + text[mention.end :]
    return text


def _pieces(text: str) -> list[_Piece]:
    """The sentences of a text without the numbers of sections before them. A number may be a sentence by itself."""
    parsed: list[_Piece] = []
    # The start of a number that is a sentence by itself; it belongs to the sentence after it.
    number_start = None
    for start, end in sentences(text):
        first = start if number_start is None else number_start
        whole = " ".join(text[first:end].split())
        if not _LETTER.search(text[start:end]):
            number_start = first
            continue
        number_start = None
        numbered = _NUMBERED.match(whole)
        words = whole[numbered.end() :] if numbered else whole
        values = mentions(words)
        kinds = {mention.kind for mention in values}
        parsed.append(
            _Piece(
                first,
                end,
                words,
                (numbered[1] or numbered[2]) if numbered else "",
                _QUOTED.sub("", _remove_values(words, values)),
                frozenset(kinds - {ClaimKind.citation}),
                ClaimKind.citation in kinds,
                _QUOTED.search(words) is not None,
            )
        )
    return parsed
