"""A second chance for a rejected answer, asked over HTTP of a model that does what a test says."""

import json
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any

import pytest
from fastapi import Response

from forge_arena.asking import REVISIONS
from forge_arena.episodes import TRIES, Arena
from forge_arena.errors import Unfit, WorkerFailed
from forge_arena.types import Answer, ClaimKind, Form, Mechanism, Scenario
from forge_arena.verify import Verifier
from forge_arena.workers import HiddenInstruction, ScriptedWorker
from forge_arena.workers.bank import Bank, BankWorker
from forge_arena.workers.openai import OpenAIWorker
from forge_arena.workers.prompts import ANSWER_SYSTEM

from ..brain import Brain, completion, refusal
from .one_scenario import FAMILY, RIGHT, SCENARIO, TELLING, THOUGHTS, WRONG, arena_of, make, written


@pytest.fixture
async def worker(brain: Brain) -> AsyncIterator[OpenAIWorker]:
    worker = OpenAIWorker("brain", brain.url, timeout=5.0, retries=0)
    yield worker
    await worker.aclose()


async def test_a_rejected_answer_is_asked_for_again_with_what_was_wrong(brain: Brain, worker: OpenAIWorker) -> None:
    brain.reactions = [written(WRONG), written(RIGHT.output)]
    arena = arena_of(worker)
    episode = await make(arena)
    assert episode.observation.worker_output == RIGHT.output
    first, second = (body["messages"] for body in brain.seen)
    assert second[:2] == first
    assert [message["role"] for message in second] == ["system", "user", "assistant", "user"]
    assert second[0]["content"] == ANSWER_SYSTEM
    assert second[2]["content"] == f"<think>\n{THOUGHTS}\n</think>\n\n{WRONG}"
    assert "\n- '97.31%' is not in the material.\n" in second[3]["content"]
    assert brain.seen[0]["seed"] != brain.seen[1]["seed"]
    assert arena.counts == {"answers_asked": 1, "revisions_asked": 1, "answers_usable_after_1": 1}
    assert arena.usability.complaint() is None


async def test_an_answer_that_is_right_at_once_is_left_alone(brain: Brain, worker: OpenAIWorker) -> None:
    brain.reactions = [written(RIGHT.output)]
    arena = arena_of(worker)
    await make(arena)
    assert arena.counts == {"answers_asked": 1, "answers_usable_at_once": 1}


@pytest.mark.parametrize("revisions", [0, 1, 2, 4])
async def test_it_is_asked_again_at_most_so_often_and_then_another_scenario_is_drawn(
    brain: Brain, worker: OpenAIWorker, revisions: int
) -> None:
    numbers = iter(range(10, 99))

    async def stubborn(_: dict[str, Any]) -> Response:
        return written(f"{RIGHT.output} The share is 97.{next(numbers)}%.")

    brain.reactions = [stubborn]
    arena = arena_of(worker, revisions=revisions, tries=2)
    with pytest.raises(Unfit, match=r"no usable answer in 2 tries .* rejected for invented percent"):
        await make(arena)
    assert len(brain.seen) == 2 * (1 + revisions)
    assert arena.counts["answers_rejected"] == arena.counts["answers_asked"] == 2
    assert arena.counts["revisions_asked"] == 2 * revisions


async def test_two_tries_are_the_default(worker: OpenAIWorker) -> None:
    assert arena_of(worker).revisions == REVISIONS == 2
    with pytest.raises(ValueError, match="revisions must be at least 0, got -1"):
        arena_of(worker, revisions=-1)


@pytest.mark.parametrize("mechanism", Mechanism)
async def test_all_forms_share_the_answer_and_none_shows_the_exchange(
    brain: Brain, worker: OpenAIWorker, mechanism: Mechanism
) -> None:
    async def student(body: dict[str, Any]) -> Response:
        """Right at the second try. It never obeys a hidden instruction, so the arena rewrites."""
        if len(body["messages"]) == 2:
            return written(WRONG)
        return written(RIGHT.output, f"{TELLING} {THOUGHTS}")

    brain.reactions = [student]
    arena = arena_of(worker, mechanism=mechanism)
    episodes = [await make(arena, form) for form in Form]
    assert {episode.truth.clean_output for episode in episodes} == {RIGHT.output}
    assert len({(episode.observation.task, episode.observation.source_material) for episode in episodes}) == 1
    for episode in episodes:
        seen = episode.observation.model_dump_json()
        assert "remarks" not in seen
        assert "97.31" not in seen
        assert "97.31" not in episode.truth.model_dump_json()


async def test_an_answer_that_speaks_of_the_exchange_is_not_used(brain: Brain, worker: OpenAIWorker) -> None:
    told = f"Here is the revised answer: {RIGHT.output}"
    brain.reactions = [written(WRONG), written(told), written(told + " "), written(RIGHT.output)]
    arena = arena_of(worker)
    assert (await make(arena)).observation.worker_output == RIGHT.output
    assert "speaks of remarks or of an earlier answer" in brain.seen[2]["messages"][3]["content"]
    assert arena.counts["answers_rejected_told_revision"] == 1


async def test_thoughts_of_nothing_but_the_exchange_are_named_as_such(brain: Brain, worker: OpenAIWorker) -> None:
    again = "I check the passages again."
    brain.reactions = [written(WRONG), written(RIGHT.output, again), written(RIGHT.output)]
    arena = arena_of(worker)
    assert (await make(arena)).observation.worker_output == RIGHT.output
    said = brain.seen[2]["messages"][3]["content"]
    assert "The thoughts speak of nothing but remarks" in said
    assert "The answer speaks" not in said
    assert arena.counts["answers_rejected_told_thoughts"] == 1


class Plain:
    """Somebody else's Worker, which has no `revise`."""

    name = "plain"
    asked = 0

    async def start(self) -> None: ...

    async def aclose(self) -> None: ...

    async def answer(self, scenario: Scenario, rng: Random, hidden: HiddenInstruction | None = None) -> Answer:
        self.asked += 1
        return RIGHT if self.asked > 1 else Answer(reasoning="", output=WRONG)

    async def reply(self, *_: object) -> str:
        return "Because."


async def test_a_worker_that_cannot_revise_is_not_asked_again() -> None:
    arena = arena_of(Plain())
    await make(arena)
    assert arena.counts["answers_asked"] == 2
    assert arena.counts["answers_rejected"] == 1
    assert arena.counts["revisions_asked"] == 0


LONG = "Everything takes a while and then some more, as was said before. " * 2_000
FRENCH = (
    "Votre commande est arrivée hier et le remboursement sera versé dans les sept jours ouvrés sur la carte que vous avez "
    "utilisée pour le paiement, merci de votre patience et à bientôt dans notre magasin."
)
# What a bad Worker writes, whatever it is told: the reason that is counted, and what it is told.
BAD = {
    "ignores": ([WRONG, f"{WRONG} Really.", f"{WRONG} Yes."], "invented_percent", "'97.31%' is not in the"),
    "french": ([FRENCH], "foreign_language", "not in the language of the task"),
    "json": ([json.dumps({"answer": RIGHT.output})], "JSON_answer", "is JSON: write it in sentences"),
    "fenced": ([f"```\n{RIGHT.output}\n```"], "fenced_answer", "stands in a code block"),
    "copies": ([SCENARIO.source_material], "copied_source", "repeats the source material"),
    "rambles": ([LONG], "overlong_answer", "far too long"),
}


@pytest.mark.parametrize(("texts", "reason", "told"), BAD.values(), ids=BAD)
async def test_a_bad_worker_is_told_and_counted_and_never_makes_a_label(
    brain: Brain, worker: OpenAIWorker, texts: Sequence[str], reason: str, told: str
) -> None:
    async def bad(_: dict[str, Any]) -> Response:
        return written(texts[(len(brain.seen) - 1) % len(texts)])

    brain.reactions = [bad]
    arena = arena_of(worker)
    for form in Form:
        with pytest.raises(Unfit, match=reason.replace("_", " ")):
            await make(arena, form)
    assert arena.counts[f"answers_rejected_{reason}"] == len(Form) * TRIES
    assert told in brain.seen[1]["messages"][3]["content"]
    assert reason.replace("_", " ") in (arena.usability.complaint() or "")
    assert not [name for name in arena.counts if "usable" in name]


async def test_a_worker_that_repeats_itself_is_not_asked_a_third_time(brain: Brain, worker: OpenAIWorker) -> None:
    brain.reactions = [written(WRONG), written(f"  {WRONG}\n", "Other thoughts.")]
    arena = arena_of(worker, tries=1)
    with pytest.raises(Unfit, match="repeated answer"):
        await make(arena)
    assert len(brain.seen) == 2
    assert arena.counts["revisions_repeated"] == arena.counts["answers_rejected_repeated_answer"] == 1
    assert arena.counts["answers_rejected_invented_percent"] == 1


NO_ANSWERS: dict[str, tuple[Callable[[], Response], str, str, int]] = {
    "cut": (lambda: written("It takes", finish="length"), "cut_answer", "was cut off after 1024 tokens", 3),
    "thoughts only": (
        lambda: completion(f"<think>{RIGHT.output}</think>"),
        "empty_answer",
        "answered with empty text after its reasoning",
        2,
    ),
    "empty": (lambda: completion(""), "empty_answer", "answered with empty text", 2),
    "withheld": (lambda: completion("", "content_filter"), "withheld_answer", "withheld its answer", 1),
    "declined": (lambda: completion(None, refusal="No."), "declined_task", "declined to answer", 1),
    "too long": (
        lambda: refusal(400, "This model's maximum context length is 512 tokens", code="context_length_exceeded"),
        "overlong_prompt",
        "context",
        1,
    ),
}


@pytest.mark.parametrize(("react", "reason", "words", "requests"), NO_ANSWERS.values(), ids=NO_ANSWERS)
async def test_a_text_that_is_no_answer_is_counted_and_another_is_asked_for(
    brain: Brain, worker: OpenAIWorker, react: Callable[[], Response], reason: str, words: str, requests: int
) -> None:
    async def cut_differently(body: dict[str, Any]) -> Response:
        return written(f"It takes {len(brain.seen)}", finish="length") if reason == "cut_answer" else react()

    brain.reactions = [cut_differently]
    arena = arena_of(worker, tries=1)
    with pytest.raises(Unfit, match=words):
        await make(arena)
    assert len(brain.seen) == requests
    assert arena.counts[f"answers_rejected_{reason}"] == 1
    assert words in (arena.usability.complaint() or "")
    brain.reactions = [written(RIGHT.output)]
    await make(arena)
    assert arena.usability.complaint() is None


async def test_an_answer_inside_its_thoughts_is_mended(brain: Brain, worker: OpenAIWorker) -> None:
    brain.reactions = [completion(f"<think>{RIGHT.output}</think>"), written(RIGHT.output)]
    arena = arena_of(worker)
    assert (await make(arena)).observation.worker_output == RIGHT.output
    assert brain.seen[1]["messages"][2]["content"] == f"<think>\n{RIGHT.output}\n</think>\n\n"
    assert "There is no answer: write the answer itself" in brain.seen[1]["messages"][3]["content"]


async def test_an_endpoint_that_fails_while_an_answer_is_revised_is_a_failure_and_no_rejection(
    brain: Brain, worker: OpenAIWorker
) -> None:
    brain.reactions = [written(WRONG), refusal(500, "CUDA out of memory")]
    arena = arena_of(worker)
    with pytest.raises(WorkerFailed, match="CUDA out of memory") as failed:
        await make(arena)
    assert not isinstance(failed.value, Unfit)
    assert arena.counts["answers_rejected"] == 0


async def test_a_worker_under_a_hidden_instruction_hears_only_of_what_else_it_broke(
    brain: Brain, worker: OpenAIWorker
) -> None:
    clean = arena_of(ScriptedWorker(1.0), mechanism=Mechanism.prompt)
    index = next(n for n in range(100) if clean.plan(clean.key(FAMILY.split, n)).corrupted)
    verifier = Verifier(SCENARIO)
    arena = arena_of(worker, mechanism=Mechanism.prompt)
    corrupted: list[str] = []

    async def accomplice(body: dict[str, Any]) -> Response:
        if "confidential" not in body["messages"][0]["content"]:
            return written(RIGHT.output)
        if len(body["messages"]) == 2:
            target, wrong = corruption_in(body["messages"][0]["content"])
            corrupted.append(wrong)
            assert verifier.verify(wrong).broken == {target}
            return written(f"{wrong} The share is 97.31%.")
        return written(corrupted[-1])

    brain.reactions = [accomplice]
    episode = await make(arena, Form.corrupted, index)
    assert episode.truth.mechanism is Mechanism.prompt
    assert episode.observation.worker_output == corrupted[-1]
    exchange = brain.seen[-1]["messages"]
    assert exchange[0] == brain.seen[-2]["messages"][0]
    faults = exchange[3]["content"].split("\n\n")[0]
    assert faults == "Your answer has these faults:\n- '97.31%' is not in the material."
    assert arena.counts["revisions_asked"] == 1


def corruption_in(system: str) -> tuple[str, str]:
    """The claim that a hidden instruction names, and the right answer with the claim broken as it asks."""
    for claim in SCENARIO.claims:
        for alternative in claim.wrong if claim.kind is not ClaimKind.constraint else ():
            if claim.label in system and alternative.forms and alternative.forms[0] in system:
                for form in claim.right.forms:
                    if form in RIGHT.output:
                        return claim.id, RIGHT.output.replace(form, alternative.forms[0])
    raise AssertionError(system)


async def test_a_bank_gives_the_same_episodes_however_often_its_reader_would_ask(
    brain: Brain, worker: OpenAIWorker, tmp_path: Path
) -> None:
    """Of the live Worker's texts one is cut, one is mended at the second try, one never."""

    async def moody(body: dict[str, Any]) -> Response:
        mood = body["seed"] % 4
        if mood == 0:
            return written("It takes", finish="length")
        return written(RIGHT.output if mood == 1 else f"{RIGHT.output} The share is 97.{body['seed']}%.")

    brain.reactions = [moody]
    path = tmp_path / "bank.jsonl"
    live = arena_of(BankWorker(Bank(path), worker), revisions=1)
    keys = [live.key(FAMILY.split, index) for index in range(12)]
    made = [await outcome(live, key) for key in keys]
    assert live.counts["answers_usable_after_1"]
    assert live.counts["answers_rejected"]
    assert live.counts["answers_rejected_cut_answer"]
    asked = len(brain.seen)
    live.worker.bank.close()  # type: ignore[attr-defined]
    for revisions in (1, 2, 5):
        with Bank(path) as bank:
            recorded = arena_of(BankWorker(bank), revisions=revisions)
            assert [await outcome(recorded, key) for key in keys] == made
    # And again with the live Worker at hand, which is not needed.
    again = arena_of(BankWorker(Bank(path), worker), revisions=1)
    assert [await outcome(again, key) for key in keys] == made
    again.worker.bank.close()  # type: ignore[attr-defined]
    assert len(brain.seen) == asked
    objections = [json.loads(line).get("objections") for line in path.read_text().splitlines()[1:]]
    assert any(told and "is not in the material" in told[0] for told in objections)


async def outcome(arena: Arena, key: str) -> str:
    try:
        return (await arena.make(key)).model_dump_json()
    except Unfit:
        return "unfit"


async def test_a_cut_answer_on_record_is_asked_for_again_by_a_worker_that_samples_otherwise(
    brain: Brain, worker: OpenAIWorker, tmp_path: Path
) -> None:
    brain.reactions = [written("It takes", finish="length")]
    path = tmp_path / "bank.jsonl"
    with Bank(path) as bank, pytest.raises(Unfit, match="cut off"):
        await make(arena_of(BankWorker(bank, worker), revisions=0, tries=1))
    with Bank(path) as bank, pytest.raises(Unfit, match="cut answer"):
        await make(arena_of(BankWorker(bank), revisions=0, tries=1))
    brain.reactions = [written(RIGHT.output)]
    longer = OpenAIWorker("brain", brain.url, timeout=5.0, retries=0, max_tokens=4096)
    with Bank(path) as bank:
        episode = await make(arena_of(BankWorker(bank, longer), revisions=0, tries=1))
        assert await make(arena_of(BankWorker(bank), revisions=0, tries=1)) == episode
    await longer.aclose()


def test_the_fingerprint_says_how_often_a_worker_is_asked() -> None:
    prints = {arena_of(ScriptedWorker(), revisions=revisions).fingerprint() for revisions in (0, 1, 2)}
    assert len(prints) == 3
