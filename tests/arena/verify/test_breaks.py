"""`Verifier.breaks` says of each claim what the whole report says, and reads no more than that takes."""

from collections.abc import Iterator
from random import Random

import pytest

from forge_arena.episodes import Arena
from forge_arena.errors import Unfit
from forge_arena.types import Episode, Split
from forge_arena.verify import Verifier
from forge_arena.verify.reading import Reading
from forge_arena.verify.report import COPY
from forge_arena.verify.sentence_reader import SentenceReader
from forge_arena.verify.settling import decides
from forge_arena.workers import ScriptedWorker

from .test_verifier import CASE, SCENARIO

WRONG = "The money arrives within 10 to 14 business days."


def exchange_words(text: str, rng: Random) -> str:
    words = text.split(" ")
    for _ in range(3):
        one, other = rng.randrange(len(words)), rng.randrange(len(words))
        words[one], words[other] = words[other], words[one]
    return " ".join(words)


def texts_about(episode: Episode) -> Iterator[str]:
    """Answers that are right, wrong, both, cut short and garbled."""
    answer, twin = episode.observation.worker_output, episode.truth.clean_output
    rng = Random(episode.key)
    yield from (answer, twin, f"{answer} {twin}", f"{twin}\n\n{answer}", twin[7:-9], "")
    yield from (exchange_words(text, rng) for text in (answer, answer, twin, twin))
    yield f"{twin} {episode.scenario.source_material[:400]}"
    yield f"{answer.rpartition('. ')[0]}. This sentence was repaired."


@pytest.mark.parametrize("split", [Split.train, Split.val, Split.public])
async def test_a_claim_is_broken_just_if_the_report_lists_it(split: Split) -> None:
    arena = Arena(ScriptedWorker())
    asked = broken = 0
    for index in range(30):
        try:
            made = await arena.make_with_verifier(arena.key(split, index))
        except Unfit:
            continue
        scenario = made.episode.scenario
        # One of them knows the sentences of the episode, the other only those of the texts before.
        verifiers = (made.verifier, Verifier(scenario))
        for text in texts_about(made.episode):
            wanted = Verifier(scenario).verify(text)
            for verifier in verifiers:
                for claim_id in [*(claim.id for claim in scenario.claims), COPY]:
                    assert verifier.breaks(text, claim_id) == (claim_id in wanted.broken), (text, claim_id)
                    asked += 1
                    broken += claim_id in wanted.broken
                assert verifier.verify(text) == wanted
    assert asked > broken > asked / 20


def test_a_text_that_keeps_a_wrong_sentence_is_read_no_further(monkeypatch: pytest.MonkeyPatch) -> None:
    verifier = Verifier(SCENARIO)
    verifier.verify(f"{CASE}{WRONG}")
    read: list[str] = []
    monkeypatch.setattr(SentenceReader, "read", lambda _, sentence: read.append(sentence))

    assert verifier.breaks(f"{CASE}{WRONG} This sentence was repaired.", "window")
    assert read == []


def test_for_a_rule_no_sentence_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    verifier = Verifier(SCENARIO)
    read: list[str] = []
    monkeypatch.setattr(SentenceReader, "read", lambda _, sentence: read.append(sentence))

    assert verifier.breaks("word " * 41, "length")
    assert not verifier.breaks("word " * 40, "length")
    assert read == []


@pytest.mark.parametrize("flag", ["past", "doubtful", "elsewhere", "owned"])
def test_a_reading_that_the_rest_of_a_text_may_excuse_decides_nothing(flag: str) -> None:
    claim = SCENARIO.claim("window")
    wrong = Reading(claim.id, ("superseded",), 0, 4, past=False, option=None)
    assert decides(wrong, claim)
    assert not decides(wrong._replace(**{flag: True}), claim)
    assert not decides(wrong._replace(alternatives=("current",)), claim)
