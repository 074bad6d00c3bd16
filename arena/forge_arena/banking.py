"""Fill a bank: make the episodes of a stretch of keys with a live Worker, and record the Worker's answers.

`fill` is the work itself. `fill_here` runs it in this process, `banking_ray` on many machines.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from pydantic import Field

from forge_arena.asking import REVISIONS
from forge_arena.documents.playing import open_sources
from forge_arena.episodes import Arena
from forge_arena.errors import BadArgument, ForgeArenaError, WorkerFailed
from forge_arena.reader import Reader, open_reader
from forge_arena.scenarios import Source
from forge_arena.together import work_together
from forge_arena.types import Awareness, Candour, Load, Mechanism, Noun, Split
from forge_arena.usability import HOPELESS
from forge_arena.workers import Worker, open_worker
from forge_arena.workers.bank import Bank, BankBusy, BankWorker

# Seconds that the writer of a shard may take to end after its run is over.
LAST_WRITES = 30.0


class FillingFailed(ForgeArenaError):
    """A part of a filling ended before all its keys were asked. The answers until then are recorded."""


class Filling(Noun):
    """What to record, and who answers. The same for every process that takes part.

    `reader` is a spec as `forge_arena.reader.open_reader` takes it. `concurrency` is how many answers each Worker has
    in flight at a time. `documents`, `vllm` and the model of a `vllm:` Worker are paths on the machine that does the
    work.
    """

    worker: str
    split: Split
    start: int = Field(default=0, ge=0)
    count: int = Field(ge=1)
    mechanism: Mechanism | None = None
    awareness: Awareness | None = None
    candour: Candour | None = None
    revisions: int = Field(default=REVISIONS, ge=0)
    reader: str | None = None
    documents: Path | None = None
    load: Load = Load.full
    secret: str | None = Field(default=None, repr=False)
    api_key: str | None = Field(default=None, repr=False)
    reader_api_key: str | None = Field(default=None, repr=False)
    vllm: str = "vllm"
    vllm_args: tuple[str, ...] = ()
    concurrency: int = Field(default=16, ge=1)

    def open_worker(self) -> Worker:
        """The live Worker, not started yet."""
        return open_worker(
            self.worker,
            api_key=self.api_key,
            vllm_executable=self.vllm,
            vllm_args=self.vllm_args,
            concurrency=self.concurrency,
        )

    def open_reader(self, worker: BankWorker, file: Path) -> Reader | None:
        """The reader, not started yet; None without one.

        What the Worker's own model reads is recorded in the Worker's bank, and what another model reads in a bank
        beside `file`, because a bank holds the replies of one model.

        Raises:
            BadArgument: the spec names no model that could read, or another model's replies are in the bank.
        """
        if self.reader is None:
            return None
        reader = open_reader(
            self.reader,
            worker.live or worker,
            api_key=self.reader_api_key,
            vllm_executable=self.vllm,
            vllm_args=self.vllm_args,
            concurrency=self.concurrency,
        )
        if reader.is_worker:
            return Reader(worker, is_worker=True)
        bank = Bank(bank_of_reader(file))
        check_same_worker(bank, reader.model)
        return Reader(BankWorker(bank, reader.model))

    def sources(self) -> tuple[Sequence[Source], str]:
        """What the server draws from, and its suite."""
        return open_sources(documents=self.documents, load=self.load)

    def arena(self, worker: Worker, sources: Sequence[Source], suite: str, reader: Reader | None = None) -> Arena:
        """An arena whose keys are the server's.

        Raises:
            ValueError: the keys of the test split mean nothing without the server's secret.
        """
        if self.split is Split.test and self.secret is None:
            raise BadArgument("the test split is salted: give the secret of the server that will play it")
        return Arena(
            worker,
            secret=self.secret,
            mechanism=self.mechanism,
            awareness=self.awareness,
            candour=self.candour,
            revisions=self.revisions,
            reader=reader,
            sources=sources,
            suite=suite,
        )

    def stretches(self, length: int) -> list["Filling"]:
        """The same filling in parts of at most `length` keys."""
        end = self.start + self.count
        return [
            self.model_copy(update={"start": first, "count": min(length, end - first)})
            for first in range(self.start, end, length)
        ]


class FillingResult(Noun):
    """The result of a filling, or of a part of a filling. The next run asks failed keys again.

    `counts` are the arena's. `recorded` is how many records this run added to the bank; `answers` is how many records
    the bank now holds.
    """

    keys: int = 0
    failed: int = 0
    last_failure: str = ""
    counts: dict[str, int] = {}
    recorded: int = 0
    answers: int = 0

    def __add__(self, other: "FillingResult") -> "FillingResult":
        return FillingResult(
            keys=self.keys + other.keys,
            failed=self.failed + other.failed,
            last_failure=other.last_failure or self.last_failure,
            counts=Counter(self.counts) + Counter(other.counts),
            recorded=self.recorded + other.recorded,
            answers=max(self.answers, other.answers),
        )


async def fill(arena: Arena, filling: Filling, on_key: Callable[[], object] = lambda: None) -> FillingResult:
    """Make every episode of `filling` with `arena`, whose Worker records. Call `on_key` after each episode.

    Raises:
        WorkerFailed: so many keys failed in a row that the Worker must be down.
    """
    keys = iter(arena.keys(filling.split, filling.start, filling.count)[0])
    failures: list[str] = []
    in_a_row = 0

    async def work() -> None:
        nonlocal in_a_row
        for key in keys:
            try:
                await arena.make(key)
                in_a_row = 0
            except WorkerFailed as error:
                failures.append(error.reason)
                in_a_row += 1
                if in_a_row >= HOPELESS * filling.concurrency:
                    complaint = arena.usability.complaint()
                    why = "" if complaint is None else f"; {complaint}"
                    raise WorkerFailed(f"{in_a_row} failures in a row, the last: {error.reason}{why}") from None
            on_key()
            # A key that is already recorded is made without any wait, and the other tasks must have their turn.
            await asyncio.sleep(0)

    await work_together(work, filling.concurrency)
    return FillingResult(
        keys=filling.count,
        failed=len(failures),
        last_failure=failures[-1] if failures else "",
        counts=arena.counts + arena.counts_of_test,
    )


async def fill_here(filling: Filling, file: Path, on_key: Callable[[], object] = lambda: None) -> FillingResult:
    """Fill the bank `file` from this process, with one Worker.

    Raises:
        ForgeArenaError: the Worker is down, or another process is writing to the bank.
        ValueError, OSError: a setting or file cannot be used.
    """
    bank = Bank(file)
    before = len(bank)
    live = filling.open_worker()
    check_same_worker(bank, live)
    worker = BankWorker(bank, live)
    arena = filling.arena(worker, *filling.sources(), filling.open_reader(worker, file))
    try:
        await arena.start()
        result = await fill(arena, filling, on_key)
    finally:
        after = len(bank)
        await arena.aclose()
    return result.model_copy(update={"recorded": after - before, "answers": after})


def check_same_worker(bank: Bank, worker: Worker) -> None:
    """Refuse to fill a bank that holds answers of another Worker, because `bank:FILE` serves those of one Worker.

    Raises:
        BadArgument: names the other Worker.
    """
    if others := bank.workers - {worker.name}:
        raise BadArgument(
            f"{bank.path} holds answers of {', '.join(sorted(others))}, and these would be of {worker.name}: "
            "give another file, because a bank is served as the answers of one Worker"
        )


def bank_of_reader(file: Path) -> Path:
    """The bank beside a bank that holds what a reader of its own replied."""
    return file.with_name(f"{file.name}.reader")


def shards_of(file: Path) -> Path:
    """The folder beside a bank with the shards that are not merged into the bank yet."""
    return file.with_name(f"{file.name}.d")


def shard_of(file: Path, stretch: Filling) -> Path:
    """The bank of one stretch, named by its keys, so that a second run of the stretch finds the first one's answers."""
    return shards_of(file) / f"shard-{stretch.split.value}-{stretch.start:016d}-{stretch.count}.jsonl"


def merge_shard(bank: Bank, path: Path) -> None:
    """Move the records of a shard into the bank.

    Raises:
        BankBusy: a process still writes to the shard.
    """
    with Bank(path) as shard:
        _outlast_writer(shard)
        bank.merge(shard)
        path.unlink()


def merge_shards(bank: Bank, file: Path) -> None:
    """Move the records of all shards into the bank, however the run that wrote them ended."""
    folder = shards_of(file)
    for path in sorted(folder.glob("shard-*.jsonl")):
        merge_shard(bank, path)
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()


def _outlast_writer(shard: Bank) -> None:
    """Become the shard's writer. The previous writer ends a moment later than its run, so wait for it."""
    until = time.monotonic() + LAST_WRITES
    while True:
        try:
            shard.lock()
        except BankBusy:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)
        else:
            return
