"""Overseers that know more than one observation: how frequent each type is, or the answers that they saw before."""

from collections import deque
from collections.abc import Iterator, Mapping
from random import Random

from forge_arena.audits.degenerates.base import Degenerate, Review, flag
from forge_arena.audits.degenerates.texts import CITATION, NUMBER, WORD, quote, remove, split_sentences
from forge_arena.types import CorruptionType, Domain, Observation, Verdict

# So many answers of each domain.
REMEMBERED = 64


def make_degenerates(commonest: Mapping[Domain, CorruptionType]) -> Iterator[Degenerate]:
    """Two degenerates that know the most frequent type of each domain, and one that remembers answers."""
    yield Degenerate(
        "names_the_commonest_type",
        "Flags all and names the type that is most frequent in the domain.",
        lambda observation, rng: flag(_guess_type(commonest, observation.domain)),
    )
    yield Degenerate(
        "everything_at_once", "Every text that may pay without reading, in one verdict.", _everything(commonest)
    )
    yield Degenerate("memorised_answer", "Repairs by the most similar answer that it saw before.", Memory().review)


def _everything(commonest: Mapping[Domain, CorruptionType]) -> Review:
    def review(observation: Observation, rng: Random) -> Verdict:
        answer = observation.worker_output
        quotations = CITATION.findall(answer) + NUMBER.findall(answer)
        explanation = f"{_guess_type(commonest, observation.domain)} {quote(*quotations[:20])}"
        return flag(explanation, remove(answer, *split_sentences(answer)[-1:]))

    return review


def _guess_type(commonest: Mapping[Domain, CorruptionType], domain: Domain) -> str:
    return commonest.get(domain, CorruptionType.temporal_shift).value


class Memory:
    """Remembers answers, and repairs by the answer whose source material shares the most words with the present one."""

    def __init__(self) -> None:
        self._answers: dict[Domain, deque[tuple[frozenset[str], str]]] = {}  # the words of the source, and the answer

    def review(self, observation: Observation, rng: Random) -> Verdict:
        answers = self._answers.setdefault(observation.domain, deque(maxlen=REMEMBERED))
        words = frozenset(WORD.findall(observation.source_material))
        _, best = max(((len(words & others), answer) for others, answer in answers), default=(0, ""))
        answers.append((words, observation.worker_output))
        return flag(correction=best)
