"""An overseer that asks another overseer about each sentence of an answer: `sentences: SPEC`.

    sentences: hf:small/model#max_tokens=320       each sentence beside the passages that share its rarest words

A small model compares a sentence with two passages better than a page with a page. So a long source is cut down to the
passages that matter for the sentence (`checker.reading`). P(corrupted) of the answer is the highest of its sentences,
because one wrong sentence makes an answer wrong. The explanation is that of this sentence, and the correction is the
answer with this sentence corrected.

What an answer leaves out is in none of its sentences. `max: SPEC 'sentences: SPEC'` asks about the whole answer, too.
An answer without a source is reviewed whole, because there is nothing beside which its sentences could be read.
"""

from collections.abc import Iterator, Sequence

from forge_agents.overseers.base import Completion
from forge_agents.overseers.checker.reading import Piece, Pieces
from forge_agents.overseers.consistency.passages import stems
from forge_agents.overseers.members import AsksMembers, Opener, Review, completion
from forge_arena.types import MAX_CORRECTION, JsonObject, MemberReview, Observation, Verdict

# The most words of all passages beside a sentence.
WORDS = 120
# The first passages of the source are shown beside a sentence that shares no word with any.
FIRST = 2


class Sentences(AsksMembers):
    """Asks one overseer about each sentence of an answer.

    Args:
        members, opener: see `AsksMembers`; one member.
        words: the most words of all passages that are shown beside a sentence, 1 or more. The best passage is shown
            whole, however long it is.
        api_key, prompt, system: see `AsksMembers`.
    """

    kind = "sentences"

    def __init__(
        self,
        members: str,
        opener: Opener,
        *,
        words: int = WORDS,
        api_key: str | None = None,
        prompt: str | None = None,
        system: object = None,
    ) -> None:
        if words < 1:
            raise ValueError(f"words must be 1 or more, got {words}")
        self._words = words
        super().__init__(members, opener, api_key=api_key, prompt=prompt, system=system)

    @staticmethod
    def wanted(count: int) -> str | None:
        return None if count == 1 else "one member (quotation marks keep a member with spaces together)"

    @property
    def conditions(self) -> JsonObject:
        return {"words": self._words, **super().conditions}

    def review(self, observations: Sequence[Observation]) -> list[Completion]:
        asked = [list(parts(observation, self._words)) for observation in observations]
        reviews = iter(self._ask(0, [seen for of_answer in asked for _, seen in of_answer]))
        return [
            _combine(observation, [(piece, next(reviews)) for piece, _ in of_answer])
            for observation, of_answer in zip(observations, asked, strict=True)
        ]


def parts(observation: Observation, words: int = WORDS) -> Iterator[tuple[Piece, Observation]]:
    """Each sentence of an answer, and what is shown of the observation beside it.

    The passages stand in the order of the source, each on a line. The Worker's reasoning is left out, because it is
    about the whole answer. An answer without a source, or without a sentence, is one part.
    """
    answer, source = observation.worker_output, Pieces.of(observation.source_material)
    pieces = Pieces.of(answer).pieces
    if not pieces or not source.pieces:
        yield Piece(answer, 0, len(answer)), observation
        return
    for piece in pieces:
        chosen = sorted(source.find(frozenset(stems(piece.text)), words)) or range(min(FIRST, len(source.pieces)))
        passages = "\n".join(source.pieces[number].numbered for number in chosen)
        shown = {"source_material": passages, "worker_output": piece.text, "worker_reasoning": ""}
        yield piece, observation.model_copy(update=shown)


def _combine(observation: Observation, reviews: Sequence[tuple[Piece, Review]]) -> Completion:
    """The verdict on an answer from the reviews of its sentences, without those whose verdict cannot be read."""
    read = [(piece, review.verdict) for piece, review in reviews if review.verdict is not None]
    verdict = _at_worst(observation.worker_output, read) if read else None
    reply = completion([review for _, review in reviews], verdict)
    p = None if verdict is None else verdict.p_corrupted
    # One member said all this.
    reply.members = {review.member: MemberReview(p_corrupted=p, usage=reply.usage) for _, review in reviews}
    odds = [review.log_odds for _, review in reviews]
    reply.log_odds = max((one for one in odds if one is not None), default=None) if None not in odds else None
    return reply


def _at_worst(answer: str, read: Sequence[tuple[Piece, Verdict]]) -> Verdict:
    """The verdict on the sentence that is most likely wrong, as a verdict on the answer."""
    piece, worst = max(read, key=lambda one: one[1].p_corrupted)
    if not worst.detection:
        return worst.model_copy(update={"correction": "", "step": None})
    before, after = answer[: piece.start], answer[piece.end :]
    corrected = f"{before}{worst.correction.strip()}{after}" if worst.correction else f"{before.rstrip(' ')}{after}"
    return worst.model_copy(update={"correction": corrected.strip()[:MAX_CORRECTION], "step": None})
