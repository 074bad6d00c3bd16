"""Recorded answers: found again, never replaced, and hardly hurt by a kill."""

import asyncio
import errno
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest

from forge_arena.errors import WorkerFailed
from forge_arena.types import Answer, Awareness, Candour, CorruptionType, Probe, Scenario
from forge_arena.workers.bank import (
    Bank,
    BankBusy,
    BankDamaged,
    BankWorker,
    Record,
    answer_key,
    draw_of,
    reply_key,
)
from forge_arena.workers.base import HiddenInstruction, Worker

HIDDEN = HiddenInstruction(
    corruption_type=CorruptionType.temporal_shift, target="w", alternative=None, text="Say ten days."
)


class Brain:
    """Writes something new every time it is asked; fails as often as `failures` says."""

    name = "brain"
    sampling = {"temperature": 0.7}

    def __init__(self, failures: int = 0) -> None:
        self.asked = 0
        self.started = 0
        self.failures = failures
        self.dead = False
        self.at_once = 0
        self.most_at_once = 0

    async def start(self) -> None:
        self.started += 1
        if self.dead:
            raise WorkerFailed("the brain is dead")

    async def aclose(self) -> None:
        self.dead = True

    async def answer(self, scenario: Scenario, rng: Random, hidden: HiddenInstruction | None = None) -> Answer:
        self.asked += 1
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(0.001)
        self.at_once -= 1
        if self.failures > 0 or self.dead:
            self.failures -= 1
            raise WorkerFailed("the brain hurts")
        return Answer(reasoning=f"seed {rng.random()}", output=f"Answer {self.asked}: ä 退款 😀\n\u2028.")

    async def reply(
        self, scenario: Scenario, answer: Answer, probes: tuple[Probe, ...], question: str, rng: Random
    ) -> str:
        self.asked += 1
        return f"Reply {self.asked}."


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "bank.jsonl"


@pytest.fixture
def bank(path: Path) -> Iterator[Bank]:
    with Bank(path) as bank:
        yield bank


def record(number: int, worker: str = "brain", size: int = 10) -> Record:
    answer = Answer(reasoning="r" * size, output=f"Output {number}.")
    return Record(key=f"{number:064x}", worker=worker, at="2026-11-21T10:00:00+00:00", answer=answer)


def test_what_was_put_is_got_again_also_from_another_opening(bank: Bank, path: Path) -> None:
    records = [record(n, size=n * 700) for n in range(60)]
    assert [bank.put(item) for item in records] == records
    assert [bank.get(item.key) for item in records] == records
    with Bank(path) as again:
        assert len(again) == 60
        assert [again.get(item.key) for item in records] == records
        assert again.workers == {"brain"}
    assert bank.get("f" * 64) is None
    assert "f" * 64 not in bank


def test_what_is_filed_is_never_replaced(bank: Bank, path: Path) -> None:
    first, second = record(1, size=1), record(1, size=2)
    assert bank.put(first) == first
    assert bank.put(second) == first
    assert bank.get(first.key) == first
    assert path.read_bytes().count(b"\n") == 2


def test_a_bank_that_is_not_there_is_empty_and_made_by_the_first_record(path: Path) -> None:
    with Bank(path) as bank:
        assert len(bank) == 0
        assert bank.get("a" * 64) is None
        assert not path.exists()
        bank.put(record(1))
    assert path.read_bytes().startswith(b'{"forge_arena_bank":1}\n')


def test_a_reader_sees_what_a_writer_adds(bank: Bank, path: Path) -> None:
    with Bank(path) as reader:
        bank.put(record(1))
        assert reader.get(record(1).key) == record(1)
        bank.put(record(2))
        assert record(2).key in reader


def test_only_one_may_write_at_a_time(bank: Bank, path: Path) -> None:
    bank.put(record(1))
    with Bank(path) as other:
        with pytest.raises(BankBusy, match=r"another process is writing to .*bank\.jsonl"):
            other.put(record(2))
        bank.close()
        other.put(record(2))
        assert len(other) == 2


@pytest.mark.parametrize("is_replaced", [False, True])
def test_a_file_that_went_away_before_the_first_record_is_begun_anew(path: Path, is_replaced: bool) -> None:
    with Bank(path) as earlier:
        earlier.put(record(1, size=1))
    with Bank(path) as bank:
        path.unlink()
        if is_replaced:
            with Bank(path) as other:
                other.put(record(3, worker="other"))
        bank.put(record(2))
        assert record(1).key not in bank
        assert bank.get(record(2).key) == record(2)
    with Bank(path) as again:
        assert len(again) == 1 + is_replaced
        assert again.workers == {"brain"} | ({"other"} if is_replaced else set())
        assert again.get(record(2).key) == record(2)


@pytest.mark.parametrize("kept", [1, 8, 72, 90, -1])
def test_a_torn_last_line_is_passed_over_and_cut_off_by_the_next_writer(path: Path, kept: int) -> None:
    with Bank(path) as bank:
        bank.put(record(1))
        whole = path.stat().st_size
        bank.put(record(2))
    torn = path.read_bytes()[:whole] + path.read_bytes()[whole:][:kept]
    path.write_bytes(torn)
    with Bank(path) as bank:
        assert len(bank) == 1
        assert path.read_bytes() == torn
        bank.put(record(3))
        assert bank.get(record(3).key) == record(3)
        assert bank.get(record(2).key) is None
    with Bank(path) as bank:
        assert len(bank) == 2
    assert path.read_bytes().count(b"\n") == 3


def test_a_torn_first_line_is_written_anew(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b'{"forge_are')
    with Bank(path) as bank:
        bank.put(record(1))
    with Bank(path) as bank:
        assert len(bank) == 1


@pytest.mark.parametrize("content", [b'{"forge_arena_bank":2}\n', b"hello\n", b"\n", b'{"id": 1}\n{"id": 2}\n'])
def test_a_file_that_is_no_bank_is_refused(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(BankDamaged, match=r'bank\.jsonl:1: a bank of this version starts with .*bank":1}, got '):
        Bank(path)


def test_a_file_that_is_no_bank_is_not_overwritten(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"my only copy, without a newline")
    with Bank(path) as bank, pytest.raises(BankDamaged, match="got 'my only copy"):
        bank.put(record(1))
    assert path.read_bytes() == b"my only copy, without a newline"


def test_a_damaged_line_in_the_middle_is_refused_with_its_number(path: Path) -> None:
    with Bank(path) as bank:
        for n in range(3):
            bank.put(record(n))
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:2], b"\0" * 20 + b"\n", *lines[2:]]))
    with pytest.raises(BankDamaged, match=r"bank\.jsonl:3: not a record of a bank; remove the line"):
        Bank(path)


def test_a_damaged_record_is_refused_when_it_is_asked_for(path: Path) -> None:
    with Bank(path) as bank:
        bank.put(record(1))
    path.write_bytes(path.read_bytes().replace(b'"output"', b'"outpux"'))
    with Bank(path) as bank, pytest.raises(BankDamaged, match=r"the record at byte 23 cannot be read"):
        bank.get(record(1).key)


def test_a_full_disk_leaves_no_part_of_a_record(path: Path) -> None:
    with Bank(path) as bank:
        bank.put(record(1))
        before = path.read_bytes()
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        try:
            resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 50, limits[1]))
            with pytest.raises(OSError, match="File too large") as failed:
                bank.put(record(2, size=1000))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
            signal.signal(signal.SIGXFSZ, ignored)
        assert failed.value.errno == errno.EFBIG
        assert path.read_bytes() == before
        bank.put(record(3))
        assert bank.get(record(3).key) == record(3)


WRITER = """
import sys
from forge_arena.types import Answer
from forge_arena.workers.bank import Bank, Record

bank = Bank(sys.argv[1])
for n in range(len(bank), 10**9):
    text = f"Output {n}. " * 2000
    bank.put(Record(key=f"{n:064x}", worker="brain", at="now", answer=Answer(reasoning="", output=text)))
    print(n, flush=True)
"""


@pytest.mark.slow
def test_a_writer_that_is_killed_loses_nothing_that_it_had_recorded(path: Path) -> None:
    recorded = 0
    for _ in range(3):
        writer = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True)
        assert writer.stdout is not None
        with writer, writer.stdout:
            for _ in range(40):
                assert writer.stdout.readline()
            writer.kill()
            rest = writer.stdout.read().split("\n")
        recorded += 40 + max(len(rest) - 1, 0)
        with Bank(path) as bank:
            # A record may be whole though its number was not printed any more.
            assert recorded <= len(bank) <= recorded + 1
            recorded = len(bank)
            for n in range(recorded):
                found = bank.get(f"{n:064x}")
                assert found is not None
                assert found.answer == Answer(reasoning="", output=f"Output {n}. " * 2000)


def test_opening_a_large_bank_costs_little(path: Path) -> None:
    path.parent.mkdir()
    with path.open("wb") as file:
        file.write(b'{"forge_arena_bank":1}\n')
        for n in range(30_000):
            file.write(record(n, size=2000).model_dump_json().encode() + b"\n")
    began = time.thread_time()
    with Bank(path) as bank:
        assert len(bank) == 30_000
        assert bank.get(record(29_999).key) == record(29_999, size=2000)
    assert time.thread_time() - began < 2.0


async def test_a_recorded_answer_is_given_without_the_worker(bank: Bank, path: Path, scenario: Scenario) -> None:
    live = BankWorker(bank, Brain())
    written = await live.answer(scenario, Random(7), HIDDEN)
    with Bank(path) as again:
        stock = BankWorker(again)
        assert isinstance(stock, Worker)
        await stock.start()
        assert stock.name == live.name == "brain"
        assert await stock.answer(scenario, Random(7), HIDDEN) == written


async def test_the_same_key_and_try_get_the_same_record_another_try_gets_another(
    bank: Bank, scenario: Scenario
) -> None:
    brain = Brain()
    worker = BankWorker(bank, brain)
    first = await worker.answer(scenario, Random("key try 0"))
    second = await worker.answer(scenario, Random("key try 1"))
    assert first != second
    assert await worker.answer(scenario, Random("key try 0")) == first
    assert await worker.answer(scenario, Random("key try 1")) == second
    assert brain.asked == 2


async def test_two_who_ask_the_same_at_once_get_the_same_record(bank: Bank, scenario: Scenario) -> None:
    worker = BankWorker(bank, Brain())
    one, other = await asyncio.gather(worker.answer(scenario, Random(1)), worker.answer(scenario, Random(1)))
    assert one == other
    assert len(bank) == 1


async def test_a_disk_that_fails_at_the_end_leaves_neither_worker_nor_file_open(
    bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: int) -> None:
        raise OSError(errno.EIO, "disk gone")

    brain = Brain()
    worker = BankWorker(bank, brain)
    await worker.start()
    monkeypatch.setattr("os.fsync", fail)
    opened = len(os.listdir("/proc/self/fd"))
    with pytest.raises(OSError, match="disk gone"):
        await worker.aclose()
    assert brain.dead
    assert len(os.listdir("/proc/self/fd")) == opened - 2
    await worker.aclose()


async def test_what_is_not_in_the_bank_fails_saying_what_to_do(bank: Bank, scenario: Scenario) -> None:
    await BankWorker(bank, Brain()).answer(scenario, Random(1))
    said = r"not in the bank .*: draw \d+ of .* 'refund' by brain; run `forge-arena bank`"
    with pytest.raises(WorkerFailed, match=said):
        await BankWorker(bank).answer(scenario, Random(2))


async def test_an_empty_bank_without_a_live_worker_does_not_start(bank: Bank) -> None:
    with pytest.raises(WorkerFailed, match=r"no bank .*: fill it by `forge-arena bank`"):
        await BankWorker(bank).start()
    bank.lock()
    with pytest.raises(WorkerFailed, match="is empty: fill it by `forge-arena bank`"):
        await BankWorker(bank).start()


def test_a_folder_is_no_bank(tmp_path: Path) -> None:
    with pytest.raises(BankDamaged, match="is a folder, and a bank is a file: give a file that `forge-arena bank`"):
        Bank(tmp_path)


async def test_replies_are_recorded_too(bank: Bank, scenario: Scenario) -> None:
    answer = Answer(reasoning="", output="x")
    probes = (Probe(question="Sure?", answer="Yes."),)
    said = await BankWorker(bank, Brain()).reply(scenario, answer, probes, "Why?", Random(1))
    assert await BankWorker(bank).reply(scenario, answer, probes, "Why?", Random(1)) == said
    for other in [(answer, (), "Why?"), (answer, probes, "How?"), (Answer(reasoning="", output="y"), probes, "Why?")]:
        with pytest.raises(WorkerFailed, match="this question of a probe"):
            await BankWorker(bank).reply(scenario, *other, Random(1))


async def test_a_failure_is_not_recorded(bank: Bank, scenario: Scenario) -> None:
    worker = BankWorker(bank, Brain(failures=1))
    with pytest.raises(WorkerFailed, match="the brain hurts"):
        await worker.answer(scenario, Random(1))
    assert len(bank) == 0
    assert await worker.answer(scenario, Random(1))


async def test_a_bank_of_several_workers_wants_to_know_whose_answers_count(bank: Bank, scenario: Scenario) -> None:
    for name in ("brain", "other"):
        bank.put(record(ord(name[0]), worker=name))
    with pytest.raises(ValueError, match="holds answers of brain, other: say which Worker to use"):
        BankWorker(bank)
    assert BankWorker(bank, worker="other").name == "other"


async def test_a_bank_that_is_being_written_elsewhere_fails_typed(bank: Bank, path: Path, scenario: Scenario) -> None:
    bank.put(record(1))
    with Bank(path) as other, pytest.raises(WorkerFailed, match="could not be recorded: another process is writing"):
        await BankWorker(other, Brain()).answer(scenario, Random(1))


@pytest.mark.parametrize(
    "change",
    [
        lambda s, h: (s.model_copy(update={"task": "Other."}), h, 1, "brain"),
        lambda s, h: (s.model_copy(update={"source_material": "Other."}), h, 1, "brain"),
        lambda s, h: (s, None, 1, "brain"),
        lambda s, h: (s, h.model_copy(update={"text": "Other."}), 1, "brain"),
        lambda s, h: (s, h.model_copy(update={"awareness": Awareness.graded}), 1, "brain"),
        lambda s, h: (s, h.model_copy(update={"candour": Candour.faithful}), 1, "brain"),
        lambda s, h: (s, h, 2, "brain"),
        lambda s, h: (s, h, 1, "other"),
    ],
)
def test_everything_that_is_asked_is_part_of_the_key(
    scenario: Scenario, change: Callable[..., tuple[Scenario, HiddenInstruction | None, int, str]]
) -> None:
    other, hidden, draw, worker = change(scenario, HIDDEN)
    assert answer_key(worker, other, hidden, draw) != answer_key("brain", scenario, HIDDEN, 1)


def test_what_the_worker_never_sees_is_no_part_of_the_key(scenario: Scenario) -> None:
    other = scenario.model_copy(update={"claims": (), "family": "else"})
    assert answer_key("brain", other, HIDDEN, 1) == answer_key("brain", scenario, HIDDEN, 1)


def test_keys_are_the_same_on_every_machine(scenario: Scenario) -> None:
    assert draw_of(Random("forge:3:train:0 try 0")) == 3001444374521109379
    filed = answer_key("brain", scenario, HIDDEN, 1)
    assert filed == "c37f2ba7a71155fcfc4b45131145a3bc73fd51035331f9a3204b3e2c597e15c1"
    filed = reply_key("brain", scenario, Answer(reasoning="", output="x"), (), "Why?", 1)
    assert filed == "195ea843f47845018e857c50cf888f9c203ea848f0147c0e805397b3e9301166"
