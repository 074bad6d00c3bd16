"""Filling a bank in parts is filling it in one: the same records, nothing asked twice, no failure recorded."""

import asyncio
import json
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from random import Random
from threading import Timer
from typing import Any

import pytest

from forge_arena import banking
from forge_arena.banking import (
    Filling,
    FillingResult,
    fill,
    fill_here,
    merge_shards,
    shard_of,
    shards_of,
)
from forge_arena.banking_ray import STOP, Filler
from forge_arena.episodes import TRIES
from forge_arena.errors import WorkerFailed
from forge_arena.types import Answer, Scenario, Split
from forge_arena.workers import ScriptedWorker, open_worker
from forge_arena.workers.bank import Bank, BankBusy, BankDamaged, BankWorker, Record
from forge_arena.workers.base import HiddenInstruction

from ..brain import Brain, completion, refusal

SCRIPTED = Filling(worker="scripted", split=Split.train, count=40, concurrency=4)


def record(number: int, output: str = "") -> Record:
    return Record(key=f"{number:064x}", worker="w", at="now", answer=Answer(reasoning="", output=output or str(number)))


def records(file: Path) -> dict[str, dict[str, Any]]:
    """What a bank holds, but for the time at which it was answered."""
    lines = [json.loads(line) for line in file.read_text().splitlines()[1:]]
    assert len({line["key"] for line in lines}) == len(lines)
    return {line["key"]: {name: value for name, value in line.items() if name != "at"} for line in lines}


@pytest.fixture
def scenario() -> Scenario:
    return SCRIPTED.sources()[0][0].draw(Random(0))


@pytest.fixture
def bank(tmp_path: Path) -> Iterator[Bank]:
    with Bank(tmp_path / "bank.jsonl") as bank:
        yield bank


def test_merging_files_what_is_new_in_its_order_and_keeps_what_is_filed(bank: Bank, tmp_path: Path) -> None:
    bank.put(record(2, "kept"))
    with Bank(tmp_path / "other.jsonl") as other:
        for number in (3, 2, 1):
            other.put(record(number))
        assert bank.merge(other) == 2
        assert bank.merge(other) == 0
    assert bank.get(record(2).key) == record(2, "kept")
    assert [json.loads(line)["key"] for line in bank.path.read_text().splitlines()[1:]] == [
        record(number).key for number in (2, 3, 1)
    ]


def test_a_damaged_record_is_not_merged(bank: Bank, tmp_path: Path) -> None:
    with Bank(tmp_path / "other.jsonl") as other:
        other.put(record(1))
        other.path.write_bytes(other.path.read_bytes().replace(b'"output"', b'"outpux"'))
        with pytest.raises(BankDamaged, match=r"other\.jsonl: the record at byte 23 cannot be read"):
            bank.merge(other)
    assert len(bank) == 0


def test_a_bank_that_is_not_followed_knows_what_was_there_when_it_was_opened(bank: Bank) -> None:
    bank.put(record(1))
    with Bank(bank.path, follow=False) as known:
        bank.put(record(2))
        assert record(1).key in known
        assert record(2).key not in known


async def test_a_known_answer_is_given_and_not_recorded_again(bank: Bank, tmp_path: Path, scenario: Scenario) -> None:
    first = await BankWorker(bank, ScriptedWorker()).answer(scenario, Random(1))
    with Bank(tmp_path / "shard.jsonl") as shard:
        worker = BankWorker(shard, ScriptedWorker(), known=bank)
        assert await worker.answer(scenario, Random(1)) == first
        assert len(shard) == 0
        await worker.answer(scenario, Random(2))
        assert len(shard) == 1


def test_stretches_are_every_key_once() -> None:
    parts = Filling(worker="scripted", split=Split.val, start=5, count=10).stretches(4)
    assert [(part.start, part.count) for part in parts] == [(5, 4), (9, 4), (13, 2)]
    assert {part.split for part in parts} == {Split.val}


def test_neither_secret_is_shown() -> None:
    assert "hush" not in repr(SCRIPTED.model_copy(update=dict.fromkeys(("secret", "api_key"), "hush")))


async def test_the_test_split_needs_the_secret_of_the_server(tmp_path: Path) -> None:
    filling = SCRIPTED.model_copy(update={"split": Split.test, "count": 2})
    with pytest.raises(ValueError, match="the test split is salted: give the secret"):
        await fill_here(filling, tmp_path / "bank.jsonl")
    assert (await fill_here(filling.model_copy(update={"secret": "s" * 8}), tmp_path / "bank.jsonl")).failed == 0


class Moody(ScriptedWorker):
    """Fails as `fails` says; counts what it has in hand."""

    def __init__(self, fails: Any) -> None:
        super().__init__()
        self.fails = fails
        self.asked = 0
        self.at_once = 0

    async def answer(self, scenario: Scenario, rng: Random, hidden: HiddenInstruction | None = None) -> Answer:
        self.asked += 1
        number = self.asked
        self.at_once += 1
        try:
            await asyncio.sleep(0.001 * number)
        finally:
            self.at_once -= 1
        if self.fails(number):
            raise WorkerFailed("it hurts")
        return await super().answer(scenario, rng, hidden)


async def test_failures_are_counted_not_recorded_and_asked_again(bank: Bank) -> None:
    async def run(worker: Moody) -> FillingResult:
        return await fill(SCRIPTED.arena(BankWorker(bank, worker), *SCRIPTED.sources()), SCRIPTED)

    filled = await run(Moody(lambda number: number % 5 == 0))
    assert (filled.keys, filled.last_failure) == (40, "it hurts")
    assert filled.failed >= 8
    before = len(bank)
    again = Moody(lambda number: False)
    assert (await run(again)).failed == 0
    assert len(bank) - before == again.asked < 20


async def test_a_worker_that_is_down_for_good_ends_it_with_nothing_left_in_hand(bank: Bank) -> None:
    worker = Moody(lambda number: True)
    with pytest.raises(
        WorkerFailed, match=r"12 failures in a row, the last: it hurts; .*usable: 0 .*: it hurts \(12\)"
    ):
        await fill(SCRIPTED.arena(BankWorker(bank, worker), *SCRIPTED.sources()), SCRIPTED)
    assert (worker.at_once, len(bank)) == (0, 0)


def fill_in_parts(filling: Filling, file: Path, length: int) -> list[dict[str, str]]:
    """The rows of an actor that is given all stretches of a filling."""
    with closing(Filler(filling, file)) as filler:
        rows = [filler({"stretch": [stretch.model_dump_json()]}) for stretch in filling.stretches(length)]
    return [{name: values[0] for name, values in row.items()} for row in rows]


async def test_shards_that_are_merged_are_the_bank_that_one_process_fills(tmp_path: Path) -> None:
    whole, file = tmp_path / "whole.jsonl", tmp_path / "bank.jsonl"
    here = await fill_here(SCRIPTED, whole)
    rows = fill_in_parts(SCRIPTED, file, 15)
    assert [row["error"] for row in rows] == [""] * 3
    assert sorted(row["shard"] for row in rows) == sorted(map(str, shards_of(file).iterdir()))
    parts = sum((FillingResult.model_validate_json(row["filled"]) for row in rows), FillingResult())
    assert parts.model_copy(update={"recorded": here.recorded, "answers": here.answers}) == here
    with Bank(file) as bank:
        merge_shards(bank, file)
    assert records(file) == records(whole)
    assert not shards_of(file).exists()


async def test_a_stretch_that_is_given_out_again_goes_on_in_its_shard(tmp_path: Path, brain: Brain) -> None:
    filling = Filling(worker=f"openai:brain@{brain.url}", split=Split.train, count=2, concurrency=1)
    file = tmp_path / "bank.jsonl"
    for _ in range(2):
        (row,) = await asyncio.to_thread(fill_in_parts, filling, file, 2)
        # No answer of this brain verifies, so every key takes all of its tries. Each answer is revised once, because the
        # brain then repeats itself.
        assert FillingResult.model_validate_json(row["filled"]).failed == 2
        assert len(asked(brain)) == 2 * 2 * TRIES
    with Bank(shard_of(file, filling)) as shard:
        assert len(shard) == 2 * 2 * TRIES


@pytest.mark.parametrize(("revisions", "requests"), [(0, TRIES), (1, 2 * TRIES)])
async def test_a_filling_says_how_often_an_answer_is_revised(
    tmp_path: Path, brain: Brain, revisions: int, requests: int
) -> None:
    filling = Filling(worker=f"openai:brain@{brain.url}", split=Split.train, count=1, revisions=revisions)
    result = await fill_here(filling, tmp_path / "bank.jsonl")
    assert (len(asked(brain)), result.recorded) == (requests, requests)


def asked(brain: Brain) -> list[dict[str, Any]]:
    """What the brain was asked, but for the question whether it is there."""
    return [body for body in brain.seen if body["max_tokens"] > 1]


async def test_what_ends_an_actor_is_a_row_with_its_reason(tmp_path: Path, brain: Brain) -> None:
    brain.reactions = [refusal(401, "no such key")]
    filling = Filling(worker=f"openai:brain@{brain.url}", split=Split.train, count=3)
    (row,) = await asyncio.to_thread(fill_in_parts, filling, tmp_path / "bank.jsonl", 3)
    assert "refused a request without an API key (401)" in row["error"]
    assert row["filled"] == ""


async def test_an_actor_stops_where_the_run_is_stopped_and_keeps_what_was_answered(
    tmp_path: Path, brain: Brain
) -> None:
    file = tmp_path / "bank.jsonl"

    async def slow(body: dict[str, Any]) -> Any:
        if len(asked(brain)) > 5:
            (shards_of(file) / STOP).touch()
            await asyncio.sleep(30)
        return completion("Fine.")

    brain.reactions = [slow]
    filling = Filling(worker=f"openai:brain@{brain.url}", split=Split.train, count=3, concurrency=1)
    began = time.monotonic()
    (row,) = await asyncio.to_thread(fill_in_parts, filling, file, 3)
    assert row["error"] == "the run was stopped"
    assert time.monotonic() - began < 20
    with Bank(shard_of(file, filling)) as shard:
        assert len(shard) == 5


async def test_a_worker_is_asked_as_many_questions_at_a_time_as_it_was_opened_for(
    brain: Brain, scenario: Scenario
) -> None:
    async def slow(body: dict[str, Any]) -> Any:
        await asyncio.sleep(0.1)
        return completion("Fine.")

    brain.reactions = [slow]
    worker = open_worker(f"openai:brain@{brain.url}", concurrency=24)
    await asyncio.gather(*(worker.answer(scenario, Random(n)) for n in range(48)))
    await worker.aclose()
    assert brain.most_at_once == 24


def test_a_run_waits_for_the_last_writes_of_the_one_before(bank: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = Bank(shard_of(bank.path, SCRIPTED))
    writer.put(record(1))
    timer = Timer(0.3, writer.close)
    timer.start()
    began = time.monotonic()
    merge_shards(bank, bank.path)
    assert 0.2 < time.monotonic() - began < 10
    assert record(1).key in bank
    timer.join()

    monkeypatch.setattr(banking, "LAST_WRITES", 0.2)
    with Bank(shard_of(bank.path, SCRIPTED)) as other:
        other.put(record(2))
        with pytest.raises(BankBusy, match=r"another process is writing to .*shard-train"):
            merge_shards(bank, bank.path)


def test_a_torn_shard_is_merged_up_to_where_it_is_whole(bank: Bank) -> None:
    shard = shard_of(bank.path, SCRIPTED)
    with Bank(shard) as writer:
        writer.put(record(1))
        writer.put(record(2))
    shard.write_bytes(shard.read_bytes()[:-9])
    merge_shards(bank, bank.path)
    assert [record(n).key in bank for n in (1, 2)] == [True, False]
