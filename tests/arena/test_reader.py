"""A reader model points and vetoes, over HTTP; only code approves."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from fastapi import Response

from forge_arena.asking import REVISIONS
from forge_arena.banking import Filling, bank_of_reader, fill_here
from forge_arena.episodes import Arena
from forge_arena.errors import BadArgument, Unfit
from forge_arena.reader import Reader, ReaderFailed, grant_topic, open_reader, read, report_on
from forge_arena.types import (
    Alternative,
    Claim,
    ClaimKind,
    CorruptionType,
    Domain,
    Form,
    Mechanism,
    Scenario,
    Span,
    Split,
    Standing,
)
from forge_arena.verify import ClaimReport, Verifier
from forge_arena.workers import ScriptedWorker, open_worker
from forge_arena.workers.bank import Bank, BankWorker
from forge_arena.workers.openai import OpenAIWorker

from ..brain import Brain, completion, refusal, running_brain
from .one_scenario import FAMILY, RIGHT, THOUGHTS, arena_of, make, written


def duration(id: str, label: str, about: str, right: str, old: str) -> Claim:
    return Claim(
        id=id,
        kind=ClaimKind.duration,
        label=label,
        about=((about,),),
        required=True,
        alternatives=(
            Alternative(name="right", standing=Standing.right, forms=(right, right.replace("30", "thirty"))),
            Alternative(name="old", standing=Standing.superseded, forms=(old,)),
        ),
    )


# Both claims have the same value, so a value alone does not say which of them a sentence speaks of.
HEADSET = Scenario(
    family="headset",
    domain=Domain.mixed,
    task="How long does the battery last, and how long does the headset stay on standby?",
    source_material=(
        "The battery lasts 30 hours (until March: 20 hours). On standby the headset stays on for 30 hours (until March: 24 "
        "hours)."
    ),
    claims=(
        duration("battery", "how long the battery lasts", "batter", "30 hours", "20 hours"),
        duration("standby", "how long it stays on standby", "standby", "30 hours", "24 hours"),
    ),
)
PLAIN = "On standby it stays on for 30 hours."
# The last sentence offers a harmless edit.
UNCLEAR = f"It plays music for 30 hours between two charges. {PLAIN} You can also order it in black."
PLACE = "plays music for 30 hours"


@pytest.fixture
async def reader(brain: Brain) -> AsyncIterator[Reader]:
    reader = Reader(OpenAIWorker("reader", brain.url, timeout=5.0, retries=0))
    yield reader
    await reader.aclose()


def replies(point: object, veto: object) -> Any:
    """A model that answers the two questions in these words, or with these values as JSON."""

    async def react(body: dict[str, Any]) -> Response:
        reply = point if "Where does the answer speak" in body["messages"][1]["content"] else veto
        return completion(reply if isinstance(reply, str) else json.dumps(reply))

    return [react]


async def test_a_reader_points_and_code_approves(brain: Brain, reader: Reader) -> None:
    verifier = Verifier(HEADSET)
    assert verifier.verify(UNCLEAR).not_found == {"battery"}
    brain.reactions = replies({"1": PLACE}, [])
    result = await read(reader, verifier, UNCLEAR)
    assert result.report.clean
    assert result.report.stated == {"battery", "standby"}
    assert result.vetoed == ()
    (battery, standby) = result.verifier.scenario.claims
    assert battery.about in ((("batter", "plays"),), (("batter", "music"),))
    assert battery.model_copy(update={"about": HEADSET.claims[0].about}) == HEADSET.claims[0]
    assert standby == HEADSET.claims[1]
    assert HEADSET.claims[0].about == (("batter",),)
    assert reader.counts == {"reader_asked": 2, "reader_pointed": 1, "reader_vetoed": 0}
    first, second = (body["messages"][1]["content"] for body in brain.seen)
    assert "1. how long the battery lasts" in first
    assert "standby" not in first.replace(UNCLEAR, "")
    # Nothing in the question says what is right.
    assert "March" not in first
    assert HEADSET.source_material in second
    assert UNCLEAR in second


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (UNCLEAR.replace("music for 30", "music for 20"), "plays music for 20 hours"),
        (UNCLEAR.replace("music for 30", "music for 77"), "plays music for 77 hours"),
        (f"It plays music. {PLAIN}", "It plays music"),
        # What answers the other question does not answer this one.
        (f"It is a headset. {PLAIN}", "On standby it stays on for 30 hours"),
        (f"It is a headset. {PLAIN}", "stays on for 30 hours"),
    ],
)
async def test_a_topic_is_granted_and_never_a_value(brain: Brain, reader: Reader, text: str, place: str) -> None:
    brain.reactions = replies({"1": place}, [])
    before = Verifier(HEADSET).verify(text)
    result = await read(reader, Verifier(HEADSET), text)
    assert result.report == before
    assert "battery" in result.report.broken
    assert result.verifier.scenario == HEADSET
    assert reader.counts["reader_pointed"] == 0
    # A Verifier that reads the wrong value by itself finds the claim, and the reader is not asked for its place.
    assert reader.counts["reader_pointed_in_vain"] == ("battery" in before.not_found)


def test_a_granted_word_is_of_no_value_and_of_no_other_topic() -> None:
    def word(quotation: str, text: str = UNCLEAR, scenario: Scenario = HEADSET) -> str | None:
        start = text.index(quotation)
        granted = grant_topic(scenario, "battery", text, Span(start=start, end=start + len(quotation)))
        return None if granted is None else granted.claims[0].about[0][-1]

    assert word("It plays music for 30 hours") in ("plays", "music")
    assert word("for 30 hours") is None
    assert word("On standby it") is None
    songs = HEADSET.model_copy(update={"source_material": f"{HEADSET.source_material}{' Music is fun.' * 3}"})
    # The material uses the word throughout, so it belongs to no topic.
    assert word("music for 30 hours", scenario=songs) is None
    # The word stands in another sentence too, which would then be taken for this topic.
    assert word("music for 30 hours", "It plays music for 30 hours. More music costs nothing.") is None


@pytest.mark.parametrize(
    "reply",
    [
        {"1": PLACE},
        {"1": [PLACE]},
        [PLACE],
        {"points": {"1": PLACE}},
        {"point 1": f"...{PLACE}..."},
        [{"quotation": PLACE}],
        f"By [1] I mean the battery: {json.dumps({'1': PLACE})} See [2].",
        f"Sure! Here you are:\n```json\n{json.dumps({'1': PLACE})}\n```\nI hope that helps.",
        f"<think>Where? [1] maybe</think>{json.dumps({'1': PLACE})}",
        json.dumps({"1": PLACE.replace(" ", "\n")}),
    ],
)
async def test_a_reply_is_read_leniently(brain: Brain, reader: Reader, reply: object) -> None:
    brain.reactions = replies(reply, [])
    assert (await read(reader, Verifier(HEADSET), UNCLEAR)).report.clean


@pytest.mark.parametrize(
    ("reply", "count"),
    [
        ("I cannot tell.", "reader_unreadable"),
        ("", "reader_unreadable"),
        ("{" * 5_000, "reader_unreadable"),
        ("[" * 100_000, "reader_unreadable"),
        ({"1": "plays films for 30 hours"}, "reader_misquoted"),
        ({"1": "30 hours is right"}, "reader_misquoted"),
        ({"1": None}, None),
        ({"7": PLACE}, None),
        ({"7" * 5_000: PLACE}, None),
        ({"1": 30}, None),
        ({}, None),
        ([], None),
        ("true", "reader_unreadable"),
    ],
)
async def test_nonsense_is_no_pointing_and_is_counted(
    brain: Brain, reader: Reader, reply: object, count: str | None
) -> None:
    brain.reactions = replies(reply, "no idea")
    result = await read(reader, Verifier(HEADSET), UNCLEAR)
    assert result.report.not_found == {"battery"}
    bad = {name: n for name, n in reader.counts.items() if name != "reader_asked"}
    assert bad == ({} if count is None else {count: 1})


async def test_a_reader_vetoes_what_it_can_quote_and_what_the_material_does_not_say(
    brain: Brain, reader: Reader
) -> None:
    text = f"The battery lasts 30 hours. {PLAIN} The case is\nmade of walnut."
    brain.reactions = replies({}, ["The case is made of walnut", "The battery lasts 30 hours", "made of oak"])
    result = await read(reader, Verifier(HEADSET), text)
    assert [span.of(text) for span in result.vetoed] == ["The case is\nmade of walnut"]
    assert result.report.clean
    assert len(brain.seen) == 1
    assert reader.counts == {"reader_asked": 1, "reader_misquoted": 1, "reader_vetoed": 1}


async def test_nothing_is_vetoed_in_the_sentence_that_was_to_be_broken(brain: Brain, reader: Reader) -> None:
    text = f"The battery lasts 20 hours. {PLAIN} The case is of walnut."
    brain.reactions = replies({}, ["lasts 20 hours", "The case is of walnut"])
    result = await read(reader, Verifier(HEADSET), text, spare="battery")
    assert [span.of(text) for span in result.vetoed] == ["The case is of walnut"]
    assert (await read(reader, Verifier(HEADSET), text)).vetoed == ()


async def test_a_veto_is_told_to_the_worker_who_writes_again(brain: Brain, reader: Reader) -> None:
    walnut = f"{RIGHT.output} Every shop is built of walnut."

    async def both(body: dict[str, Any]) -> Response:
        if body["model"] == "reader":
            return completion('["built of walnut"]' if "walnut" in body["messages"][1]["content"] else "[]")
        return written(walnut if len(body["messages"]) == 2 else RIGHT.output)

    brain.reactions = [both]
    worker = OpenAIWorker("brain", brain.url, timeout=5.0, retries=0)
    arena = arena_of(worker, reader=reader)
    episodes = [await make(arena, form) for form in Form]
    assert {episode.truth.clean_output for episode in episodes} == {RIGHT.output}
    assert {episode.worker for episode in episodes} == {"openai:brain, read by openai:reader"}
    asked = [body for body in brain.seen if body["model"] == "brain" and len(body["messages"]) == 4]
    assert "- The material does not bear this out: 'built of walnut'." in asked[0]["messages"][3]["content"]
    assert arena.counts["answers_usable_after_1"] == len(Form)
    assert arena.counts["reader_vetoed"] == len(Form)
    await worker.aclose()


async def test_an_answer_that_stays_vetoed_costs_a_try_and_is_no_label(brain: Brain, reader: Reader) -> None:
    brain.reactions = replies({}, [RIGHT.output.split(".")[0]])
    worker = OneAnswer()
    arena = arena_of(worker, reader=reader, tries=2)
    with pytest.raises(Unfit, match="rejected for vetoed assertion"):
        await make(arena)
    assert arena.counts["answers_rejected_vetoed_assertion"] == 2
    assert arena.counts["answers_usable_at_once"] == 0


class OneAnswer(ScriptedWorker):
    """A Worker that knows one answer."""

    async def answer(self, *_: object, **__: object) -> Any:
        return RIGHT


@pytest.mark.parametrize("status", [500, 401])
async def test_a_reader_that_is_down_is_a_failure_and_no_label(brain: Brain, reader: Reader, status: int) -> None:
    brain.reactions = [refusal(status, "gone")]
    arena = arena_of(OneAnswer(), reader=reader)
    with pytest.raises(ReaderFailed, match=r"the reader failed: .*(?:gone|refused)") as failed:
        await make(arena)
    assert not isinstance(failed.value, Unfit)
    assert arena.counts["answers_rejected"] == arena.counts["answers_usable_at_once"] == 0
    with pytest.raises(ReaderFailed, match="the reader did not start"):
        await arena.start()


class Headsets:
    """A source that always draws the headset."""

    name = "headset"
    domain = Domain.mixed
    split = Split.train
    corruptions = frozenset({CorruptionType.temporal_shift})

    def draw(self, rng: Random, wording: int = 0) -> Scenario:
        return HEADSET


class Unclear(ScriptedWorker):
    async def answer(self, *_: object, **__: object) -> Any:
        return RIGHT.model_copy(update={"output": UNCLEAR, "reasoning": THOUGHTS})


async def test_what_was_pointed_to_holds_for_all_forms_and_for_corrections(brain: Brain, reader: Reader) -> None:
    brain.reactions = replies({"1": PLACE}, [])
    arena = Arena(Unclear(), sources=[Headsets()], suite="headset", reader=reader)
    episodes = {form: await arena.make(arena.key(Split.train, 0, form)) for form in Form}
    assert {episode.truth.clean_output for episode in episodes.values()} == {UNCLEAR}
    assert len({episode.scenario.model_dump_json() for episode in episodes.values()}) == 1
    for form, episode in episodes.items():
        fresh = Verifier(episode.scenario)
        target = {episode.truth.target} if form is Form.corrupted else set()
        assert fresh.verify(episode.observation.worker_output).broken == target
        assert fresh.verify(episode.truth.clean_output).clean
    targets = set()
    for index in range(12):
        episode = await arena.make(arena.key(Split.train, index, Form.corrupted))
        targets.add(episode.truth.target)
    assert targets == {"battery", "standby"}


async def test_the_fingerprint_and_the_name_say_that_a_reader_takes_part(reader: Reader) -> None:
    plain, read_by = arena_of(ScriptedWorker()), arena_of(ScriptedWorker(), reader=reader)
    assert plain.answers_by == "scripted"
    assert read_by.answers_by == "scripted, read by openai:reader"
    assert plain.fingerprint() != read_by.fingerprint()


@pytest.mark.parametrize(
    ("spec", "temperature"),
    [("", 0.0), ("#max_tokens=99", 0.0), ("#temperature=0.5", 0.5), ("#temperature=none", None)],
)
async def test_a_reader_reads_at_temperature_0_and_never_gets_the_workers_key(
    brain: Brain, spec: str, temperature: float | None
) -> None:
    worker = open_worker(f"openai:brain@{brain.url}", api_key="sk-of-the-worker")
    reader = open_reader(f"openai:reader@{brain.url}{spec}", worker)
    brain.reactions = replies({}, [])
    await reader.start()
    await reader.veto(HEADSET, UNCLEAR, Random(1))
    assert brain.seen[-1].get("temperature") == temperature
    assert all("sk-of-the-worker" not in str(headers) for headers in brain.headers)
    own = open_reader("worker", worker)
    assert (own.model, own.is_worker) == (worker, True)
    for opened in (reader, own):
        await opened.aclose()
    await own.veto(HEADSET, UNCLEAR, Random(1))
    await worker.aclose()


def test_a_worker_without_a_model_is_no_reader() -> None:
    with pytest.raises(BadArgument, match="'scripted' cannot read: a scripted Worker has no model; give openai"):
        open_reader("scripted", ScriptedWorker())
    with pytest.raises(BadArgument, match="'worker' cannot read: a scripted Worker has no model"):
        open_reader("worker", ScriptedWorker())
    with pytest.raises(BadArgument, match="Worker 'opneai:x'"):
        open_reader("opneai:x", ScriptedWorker())


@pytest.mark.parametrize("same", [True, False])
async def test_a_bank_with_what_was_read_gives_the_same_episodes(brain: Brain, tmp_path: Path, same: bool) -> None:
    """Some answers are vetoed, some replies of the reader are no answers, and some are nonsense."""

    async def both(body: dict[str, Any]) -> Response:
        text = body["messages"][-1]["content"]
        if body["max_tokens"] == 1:
            return completion("yes")
        if "Which passages" not in text:
            return written(RIGHT.output if body["seed"] % 2 else f"{RIGHT.output} Shops are of walnut.")
        if body["seed"] % 3 == 0:
            return completion("", "length")
        return completion('["are of walnut"]' if "walnut" in text else "none")

    file = tmp_path / "bank.jsonl"
    with running_brain() as other:
        brain.reactions = other.reactions = [both]
        filling = Filling(
            worker=f"openai:brain@{brain.url}",
            reader="worker" if same else f"openai:reader@{other.url}",
            split=FAMILY.split,
            count=8,
            secret="tests",
        )
        live_worker = BankWorker(Bank(file), filling.open_worker())
        reader = filling.open_reader(live_worker, file)
        live = arena_of(live_worker, reader=reader)
        await live.start()
        made = [await outcome(live, index) for index in range(8)]
        await live.aclose()
        assert live.counts["reader_unreadable"]
        assert live.counts["reader_vetoed"]
        assert len(set(made)) > 1
        assert bank_of_reader(file).exists() is not same
        asked = len(brain.seen) + len(other.seen)
        recorded = BankWorker(Bank(file))
        spec = "worker" if same else f"bank:{bank_of_reader(file)}"
        again = arena_of(recorded, reader=open_reader(spec, recorded), revisions=REVISIONS)
        await again.start()
        assert [await outcome(again, index) for index in range(8)] == made
        assert again.fingerprint() == live.fingerprint()
        await again.aclose()
        assert len(brain.seen) + len(other.seen) == asked


async def outcome(arena: Arena, index: int) -> str:
    try:
        return (await make(arena, Form.corrupted, index)).model_dump_json()
    except Unfit:
        return "unfit"


async def test_a_filling_records_what_its_reader_reads(brain: Brain, tmp_path: Path) -> None:
    brain.reactions = [completion("Fine.")]
    filling = Filling(worker=f"openai:brain@{brain.url}", reader="worker", split=Split.train, count=1)
    result = await fill_here(filling, tmp_path / "bank.jsonl")
    assert result.counts["reader_asked"] > 0
    assert result.counts["reader_unreadable"] == result.counts["reader_asked"]
    assert result.failed == 1


@pytest.mark.parametrize("mechanism", [Mechanism.prompt])
async def test_under_a_hidden_instruction_the_broken_claim_is_not_vetoed(
    brain: Brain, reader: Reader, mechanism: Mechanism
) -> None:
    async def accuse(body: dict[str, Any]) -> Response:
        text = body["messages"][1]["content"].split("<answer>\n")[1].split("\n</answer>")[0]
        scenario = FAMILY.draw(Random(3))
        report = Verifier(scenario).verify(text)
        wrong = [text[f.start : f.end] for f in report.findings if f.claim in report.contradicted]
        return completion(json.dumps(wrong))

    brain.reactions = [accuse]
    arena = arena_of(ScriptedWorker(1.0), mechanism=mechanism, reader=reader, revisions=0)
    made = [await make(arena, Form.corrupted, index) for index in range(4)]
    assert Mechanism.prompt in {episode.truth.mechanism for episode in made}


SAWMILL = Scenario(
    family="sawmill",
    domain=Domain.mixed,
    task="Say whether visitors may watch the saw, and how long a tour lasts.",
    source_material="A visitor may watch the saw from behind the glass wall. The office is upstairs.",
    claims=(
        Claim(
            id="saw",
            kind=ClaimKind.term,
            label="whether visitors may watch the saw",
            required=True,
            alternatives=(
                Alternative(
                    name="stated",
                    standing=Standing.right,
                    forms=("A visitor may watch the saw from behind the glass wall",),
                ),
                Alternative(
                    name="turned",
                    standing=Standing.turned,
                    forms=("A visitor may not watch the saw from behind the glass wall",),
                ),
            ),
            source_spans=(Span(start=0, end=54),),
        ),
    ),
)
SEEN = "Everybody is welcome to see the saw at work through the glass."


@pytest.mark.parametrize(
    ("text", "is_approved"),
    [
        (SEEN, True),
        (SEEN.replace("Everybody is", "Nobody is"), False),
        ("The saw is new, and it came by ship. Everybody likes the glass.", False),
    ],
)
async def test_a_statement_is_granted_where_the_reader_points_and_its_sense_is_right(
    brain: Brain, reader: Reader, text: str, is_approved: bool
) -> None:
    assert Verifier(SAWMILL).verify(text).not_found == {"saw"}
    place = text.partition(". ")[0]
    brain.reactions = replies({"1": place}, [])
    result = await read(reader, Verifier(SAWMILL), text)
    assert result.report.clean is is_approved
    assert reader.counts["reader_pointed"] == is_approved
    assert reader.counts["reader_pointed_in_vain"] == (not is_approved)
    (claim,) = result.verifier.scenario.claims
    assert claim.right.forms == (*SAWMILL.claims[0].right.forms, *([text] if is_approved else []))
    # What is granted is the sentence, and the same sentence denied is not granted.
    denied = text.replace("is welcome", "is not welcome")
    assert denied == text or "saw" not in result.verifier.verify(denied).stated


async def test_a_statement_may_stand_in_the_middle_of_a_sentence(brain: Brain, reader: Reader) -> None:
    text = "As for the yard, everybody is welcome to see the saw at work through the glass, and nobody pays for it."
    brain.reactions = replies({"1": "everybody is welcome to see the saw at work through the glass"}, [])
    result = await read(reader, Verifier(SAWMILL), text)
    assert result.report.clean
    assert reader.counts["reader_pointed"] == 1


async def test_nothing_in_the_question_says_what_is_right_of_a_statement(brain: Brain, reader: Reader) -> None:
    brain.reactions = replies({"1": None}, [])
    await read(reader, Verifier(SAWMILL), SEEN)
    assert "glass wall" not in brain.seen[0]["messages"][1]["content"]


async def test_code_that_is_slow_leaves_the_threads_of_the_event_loop_free() -> None:
    """A server reads its store in these threads."""
    may_end, answers = threading.Event(), 64

    class WithSlowCode(Verifier):
        def runs_code(self, text: str) -> bool:
            return True

        def verify(self, text: str) -> ClaimReport:
            may_end.wait()
            return super().verify(text)

    slow = WithSlowCode(HEADSET)
    reports = [asyncio.create_task(report_on(slow, f"The battery lasts {n} hours.")) for n in range(answers)]
    try:
        await asyncio.sleep(0)
        assert await asyncio.wait_for(asyncio.to_thread(str, "read"), 5.0) == "read"
        assert not any(report.done() for report in reports)
    finally:
        may_end.set()
    assert len(await asyncio.gather(*reports)) == answers
