"""What is said of a Worker whose answers make no episode."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from forge_arena.documents.playing import ImportedFamily
from forge_arena.episodes import Arena
from forge_arena.errors import WorkerFailed
from forge_arena.scenarios import Source, load_families
from forge_arena.types import Answer, Load, Scenario, Split
from forge_arena.usability import KEPT, TOO_LATE, VETOED, Usability, reasons_against
from forge_arena.verify import Verifier
from forge_arena.workers import ScriptedWorker


def fail(usability: Usability, reason: str) -> None:
    with pytest.raises(WorkerFailed), usability.watch():
        raise WorkerFailed(reason)


async def test_it_gives_the_three_commonest_reasons_with_their_counts_and_what_to_do() -> None:
    usability = Usability()
    assert usability.complaint() is None
    for number in range(12):
        usability.reject(("missing date", "invented money") if number % 2 else ("missing date", "wrong term"))
    usability.reject(("wrong option",))
    fail(usability, "the endpoint answered 500 to request 1")
    complaint = usability.complaint() or ""
    assert complaint.startswith("answers asked of the Worker: 14, usable: 0 (13 rejected, 1 failed); most often: ")
    assert "missing date (12), wrong term (6), invented money (6); " in complaint
    assert complaint.endswith(
        "do not say what the tasks ask for: take a stronger instruction-tuned model, or allow it longer answers (put "
        "#max_tokens=4096 behind its name)"
    )


def test_the_advice_names_what_this_arena_can_still_do() -> None:
    def advice(**settings: Any) -> str:
        usability = Usability(**settings)
        usability.reject(("missing date",))
        return usability.complaint() or ""

    asked_less = advice(lighter=Load.light, revisions=2)
    assert "model, ask less of this one (--load light), or allow" in asked_less
    assert "--revisions" not in asked_less
    assert "let it write an answer again (--revisions 2), or allow" in advice(revisions=0)


def test_an_arena_that_asks_the_least_already_does_not_advise_to_ask_less() -> None:
    def complaint(sources: Sequence[Source], **settings: Any) -> str:
        arena = Arena(ScriptedWorker(), secret="tests", sources=sources, suite="tests", **settings)
        arena.usability.reject(("missing date",))
        return arena.usability.complaint() or ""

    assert "--load light" in complaint(load_families())
    assert "--load light" in complaint(load_families(load=Load.normal))
    assert "--load" not in complaint(load_families(load=Load.light))
    # Nothing but a document's file says what its task asks.
    specimen = Scenario.model_validate_json(load_families()[0].specimen)
    assert "--load" not in complaint([ImportedFamily("leases", (specimen,))])
    assert "--revisions 2" in complaint(load_families(), revisions=0)


def test_a_reader_that_vetoes_most_answers_is_to_blame() -> None:
    usability = Usability(lighter=Load.light)
    for reasons in ((VETOED,), ("missing date",), ("foreign language", VETOED)):
        usability.reject(reasons)
    complaint = usability.complaint() or ""
    assert "vetoed assertion (2)" in complaint
    assert "but the reader vetoes them: measure the reader (forge-arena audit labels --reader SPEC)" in complaint
    assert "stronger instruction-tuned model" not in complaint
    usability.reject(("missing date",))
    assert "take a stronger instruction-tuned model" in (usability.complaint() or "")


async def test_reasons_that_differ_in_a_number_are_one() -> None:
    usability = Usability()
    for number in range(5):
        fail(usability, f"answered 400 to request {number}: temperature must be 1")
    complaint = usability.complaint() or ""
    assert (
        "most often: answered 400 to request 4: temperature must be 1 (5); see that the Worker's endpoint" in complaint
    )


async def test_an_answer_that_does_not_come_is_said_while_it_is_awaited_and_when_it_is_given_up() -> None:
    now = 0.0
    usability = Usability(clock=lambda: now)

    async def hang() -> None:
        with usability.watch():
            await asyncio.Event().wait()

    hanging = asyncio.create_task(hang())
    await asyncio.sleep(0)
    now = 50.0
    assert usability.seconds_without() == 50.0
    assert "(1 still awaited); see whether the Worker's endpoint hangs" in (usability.complaint() or "")
    hanging.cancel()
    await asyncio.wait([hanging])
    assert f"(1 failed); most often: {TOO_LATE} (1)" in (usability.complaint() or "")


def test_a_usable_answer_ends_the_complaint_and_memory_is_bounded() -> None:
    usability = Usability()
    for _ in range(3 * KEPT):
        usability.reject(("missing date",))
    assert f"usable: 0 ({3 * KEPT} rejected); most often: missing date ({KEPT})" in (usability.complaint() or "")
    usability.accept()
    assert usability.complaint() is None
    assert usability.seconds_without() == 0.0


@pytest.mark.parametrize("family", [s.name for s in load_families() if s.split is Split.train][:6])
async def test_reasons_are_kinds_of_claims_and_hold_no_word_of_the_scenario(family: str) -> None:
    arena = Arena(ScriptedWorker(), secret="tests")
    key = next(key for n in range(2_000) if arena.plan(key := arena.key(Split.train, n)).family == family)
    scenario: Scenario = (await arena.make(key)).scenario
    nothing = reasons_against(scenario, Verifier(scenario).verify("I cannot tell."))
    assert any(reason.startswith("missing ") for reason in nothing)
    rambling = reasons_against(
        scenario, Verifier(scenario).verify("It costs $123,456.78, 31.7% more than on 3 May 1911.")
    )
    assert {"invented money", "wrong money"} & set(rambling)
    hows = {"missing", "wrong", "invented", "violated", "failed"}
    assert {reason.split()[0] for reason in (*nothing, *rambling)} <= hows
    assert all(len(reason.split()) == 2 for reason in (*nothing, *rambling))


class Rambler(ScriptedWorker):
    """A brain that always says something untrue."""

    async def answer(self, scenario: Scenario, *_: object, **__: object) -> Answer:
        return Answer(reasoning="", output="It costs $123,456.78 under section 99.99.")


async def test_the_arena_counts_what_it_asks_rejects_and_accepts() -> None:
    arena = Arena(Rambler(), secret="tests")
    with pytest.raises(WorkerFailed):
        await arena.make(arena.key(Split.train, 0))
    assert "answers asked of the Worker: 8, usable: 0 (8 rejected)" in (arena.usability.complaint() or "")
    assert (arena.counts["answers_asked"], arena.counts["answers_rejected"]) == (8, 8)
    assert arena.counts["answers_rejected_invented_money"] + arena.counts["answers_rejected_wrong_money"] == 8
    arena.worker = ScriptedWorker()
    await arena.make(arena.key(Split.train, 1))
    assert arena.usability.complaint() is None
