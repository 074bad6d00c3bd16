"""The bank: recorded Worker answers, which make an episode key give the same answer on every machine with the file.

A bank is one append-only JSONL file. Its first line names the format. Every other line is a `Record`, found by the
SHA-256 of what was asked. One process writes at a time. Any number of processes may read, also while the file grows.
"""

import fcntl
import hashlib
import json
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any, Protocol, Self, runtime_checkable

from pydantic import TypeAdapter

from forge_arena.errors import BadArgument, ForgeArenaError, WorkerFailed
from forge_arena.files import parse_json
from forge_arena.flaws import WORDS, Flaw
from forge_arena.types import Answer, JsonObject, Noun, Probe, Scenario
from forge_arena.workers.base import BadAnswer, ChatModel, HiddenInstruction, JsonModel, Message, Reviser, Worker

FORMAT = 1
HEADER = b'{"forge_arena_bank":%d}\n' % FORMAT
LINE = re.compile(rb'\{"key":"([0-9a-f]{64})","worker":("(?:[^"\\]|\\.)*"),')
CHUNK = 1 << 20


class BankBusy(ForgeArenaError):
    """Another process is writing to this bank."""


class BankDamaged(ForgeArenaError, ValueError):
    """The file is no bank, or a line other than a torn last one cannot be read; the message says where."""


class Record(Noun):
    """One answer, or one reply to a probe or to a reader's question: the key of the question, who answered, when, and with which sampling.

    An answer that was asked for again has the `objections` that the Worker was told. An answer that is none has its `flaw`.
    """

    key: str
    worker: str
    at: str
    sampling: JsonObject = {}
    objections: tuple[str, ...] | None = None
    flaw: Flaw | None = None
    answer: Answer | None = None
    reply: str | None = None


RECORD = TypeAdapter(Record)
NAME = TypeAdapter(str)


@runtime_checkable
class Sampled(Protocol):
    """A Worker that can say how it samples."""

    sampling: JsonObject


def draw_of(rng: Random) -> int:
    """The number that distinguishes the draws of one scenario. `rng` is the generator that `Worker.answer` gets."""
    return rng.getrandbits(64)


def answer_key(worker: str, scenario: Scenario, hidden: HiddenInstruction | None, draw: int) -> str:
    """The key of an answer. It depends only on what reaches the Worker, so the claims may be refined and the answer stays."""
    instruction = [hidden.text, hidden.awareness, hidden.candour] if hidden else None
    return _sha256(["answer", worker, scenario.task, scenario.source_material, instruction, draw])


def revision_key(worker: str, scenario: Scenario, answer: Answer, hidden: HiddenInstruction | None, draw: int) -> str:
    """The key of the answer that follows `answer`.

    It does not depend on the objections, so their words may change and the answer stays. `draw` distinguishes the tries.
    """
    return _sha256(["revision", answer_key(worker, scenario, hidden, draw), answer.reasoning, answer.output])


def flaw_key(key: str) -> str:
    """The key under which an answer that is none is filed. So it never keeps a later answer from being filed under `key`."""
    return _sha256(["flaw", key])


def reply_key(
    worker: str, scenario: Scenario, answer: Answer, probes: tuple[Probe, ...], question: str, draw: int
) -> str:
    """The key of a reply to a probe."""
    before = [[probe.question, probe.answer] for probe in probes]
    dialogue = [answer.reasoning, answer.output, before, question]
    return _sha256(["reply", worker, scenario.task, scenario.source_material, *dialogue, draw])


def chat_key(worker: str, messages: Sequence[Message], draw: int) -> str:
    """The key of a reply to a reader's question."""
    return _sha256(["chat", worker, [[message["role"], message["content"]] for message in messages], draw])


class Bank:
    """The file at `path`, which need not exist yet. Not for use from several threads.

    In memory the bank holds the place of each record and not the record: some 250 bytes each. If a kill or a power cut tore
    the last line, readers pass over this line and the next writer cuts it off. Without `follow`, a reader knows only the
    records that were there when it was opened.
    """

    def __init__(self, path: str | Path, *, follow: bool = True) -> None:
        self.path = Path(path)
        if self.path.is_dir():
            raise BankDamaged(
                f"{self.path} is a folder, and a bank is a file: give a file that `forge-arena bank` fills"
            )
        self._follow = follow
        self._offsets: dict[bytes, int] = {}
        self._workers: set[bytes] = set()
        self._end = 0
        self._lines = 0
        self._reading: int | None = None
        self._writing: int | None = None
        self._catch_up()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __len__(self) -> int:
        return len(self._offsets)

    def __contains__(self, key: str) -> bool:
        return self._find(key) is not None

    @property
    def workers(self) -> frozenset[str]:
        """The names of the Workers whose answers are recorded."""
        where = f"{self.path}: the name of a Worker"
        return frozenset(parse_json(name, NAME, where, error=BankDamaged) for name in self._workers)

    def get(self, key: str) -> Record | None:
        """The record filed under `key`, also one that was written meanwhile; None if there is none."""
        offset = self._find(key)
        if offset is None or self._reading is None:
            return None
        line = b""
        while b"\n" not in line:
            more = os.pread(self._reading, 1 << 14, offset + len(line))
            if not more:
                break
            line += more
        where = f"{self.path}: the record at byte {offset} cannot be read"
        return parse_json(line.partition(b"\n")[0], RECORD, where, error=BankDamaged)

    def put(self, record: Record) -> Record:
        """File a record and return the record that counts from now on. A record that is filed already is never replaced.

        When this returns, the operating system has the record. It is on disk after `close`.

        Raises:
            BankBusy: another process is writing.
            OSError: the file cannot be written; it is left without a part of the record.
        """
        writing = self.lock()
        if (filed := self.get(record.key)) is not None:
            return filed
        line = record.model_dump_json(exclude_none=True).encode() + b"\n"
        self._append(writing, line)
        self._note(line, self._end)
        self._end += len(line)
        return record

    def merge(self, other: "Bank") -> int:
        """File the records of `other` that this bank lacks, in the order of `other`. They are on disk when this returns.

        Returns how many records were filed. Raises what `put` raises, and `BankDamaged` for a record of `other`.
        """
        before = len(self)
        for digest in list(other._offsets):
            if (record := other.get(digest.hex())) is not None:
                self.put(record)
        os.fsync(self.lock())
        return len(self) - before

    def lock(self) -> int:
        """Become the one writer, unless this bank is that already. Returns the file descriptor.

        Raises:
            BankBusy: another process is writing.
        """
        if self._writing is not None:
            return self._writing
        self.path.parent.mkdir(parents=True, exist_ok=True)
        writing = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(writing, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._forget_another_file(writing)
            self._catch_up()
            if self._end == 0:
                # Another kind of file without a newline would be cut to nothing here.
                self._must_be_header(os.pread(writing, 1 << 10, 0), whole=False)
            os.ftruncate(writing, self._end)
            if self._end == 0:
                self._append(writing, HEADER)
                self._end, self._lines = len(HEADER), 1
        except BlockingIOError:
            os.close(writing)
            raise BankBusy(f"another process is writing to {self.path}; only one may at a time") from None
        except (OSError, BankDamaged):
            os.close(writing)
            raise
        self._writing = writing
        self._open()
        return writing

    def close(self) -> None:
        """Put the records on disk and close the file. Raises OSError if the disk does not take them."""
        writing, reading = self._writing, self._reading
        self._writing = self._reading = None
        try:
            if writing is not None:
                os.fsync(writing)
        finally:
            for descriptor in (writing, reading):
                if descriptor is not None:
                    os.close(descriptor)

    def _append(self, writing: int, line: bytes) -> None:
        rest = memoryview(line)
        try:
            while rest:
                rest = rest[os.write(writing, rest) :]
        except OSError:
            os.ftruncate(writing, self._end)
            raise

    def _forget_another_file(self, writing: int) -> None:
        """Forget what was read if the file at the path has been replaced or removed since."""
        if self._reading is not None and not os.path.samestat(os.fstat(self._reading), os.fstat(writing)):
            os.close(self._reading)
            self._reading = None
            self._offsets.clear()
            self._workers.clear()
            self._end = self._lines = 0

    def _open(self) -> None:
        if self._reading is None and self.path.exists():
            self._reading = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)

    def _find(self, key: str) -> int | None:
        digest = bytes.fromhex(key)
        if digest not in self._offsets and self._writing is None and self._follow:
            self._catch_up()
        return self._offsets.get(digest)

    def _catch_up(self) -> None:
        """Index the whole lines that were added since. What follows the last newline does not count yet."""
        self._open()
        if self._reading is None:
            return
        rest = b""
        while chunk := os.pread(self._reading, CHUNK, self._end + len(rest)):
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                self._note(line, self._end)
                self._end += len(line) + 1

    def _note(self, line: bytes, offset: int) -> None:
        if offset == 0:
            self._must_be_header(line, whole=True)
        else:
            start = LINE.match(line)
            if start is None:
                raise BankDamaged(f"{self.path}:{self._lines + 1}: not a record of a bank; remove the line to go on")
            # The first record counts, because appending one file to another must not change the answer of a key.
            self._offsets.setdefault(bytes.fromhex(start[1].decode()), offset)
            self._workers.add(start[2])
        self._lines += 1

    def _must_be_header(self, line: bytes, *, whole: bool) -> None:
        header = HEADER.rstrip()
        if not (line == header if whole else header.startswith(line)):
            raise BankDamaged(
                f"{self.path}:1: a bank of this version starts with the line {header.decode()}, "
                f"got {line[:60].decode('utf-8', 'replace')!r}: give a file that `forge-arena bank` fills"
            )


class BankWorker:
    """Answers from `bank`. It asks `live`, if given, for an answer that the bank lacks, and records that answer.

    If `offline`, `live` only says who it is and how it samples, and is not asked. Records in `known` count like records in `bank` and are not recorded again. Without `live` the name is that of the only
    Worker in the bank, or `worker` if the bank holds several. `aclose` closes `bank` and `live`; the caller that opened
    `known` closes `known`.

    Raises:
        ValueError: the bank holds answers of several Workers, and neither `live` nor `worker` says whose count.
    """

    def __init__(
        self,
        bank: Bank,
        live: Worker | None = None,
        *,
        worker: str | None = None,
        known: Bank | None = None,
        offline: bool = False,
    ) -> None:
        self.bank = bank
        self._offline = offline
        self._known = known
        self.live = live
        self._named = live.name if live else worker
        if self._named is None and len(bank.workers) > 1:
            raise BadArgument(
                f"{bank.path} holds answers of {', '.join(sorted(bank.workers))}: say which Worker to use"
            )

    @property
    def name(self) -> str:
        """The Worker that answered, and not the bank, because an episode is the same live and recorded."""
        return self._named or next(iter(self.bank.workers), "bank")

    async def start(self) -> None:
        if self.live is not None:
            self.bank.lock()
            await self.live.start()
        elif len(self.bank) == 0:
            state = f"the bank {self.bank.path} is empty" if self.bank.path.exists() else f"no bank {self.bank.path}"
            raise WorkerFailed(f"{state}: fill it by `forge-arena bank`, or give a live Worker")

    async def answer(self, scenario: Scenario, rng: Random, hidden: HiddenInstruction | None = None) -> Answer:
        draw = draw_of(rng)
        key = answer_key(self.name, scenario, hidden, draw)
        recorded = self._recorded(key)
        if recorded is not None:
            return recorded
        live = self._live_for(f"draw {draw} of a scenario of family {scenario.family!r}")
        with self._flaws_on_record(key, live):
            answer = await live.answer(scenario, Random(draw), hidden)
        return self._put(_record(key, live, answer=answer)).answer or answer

    async def revise(
        self,
        scenario: Scenario,
        answer: Answer,
        objections: tuple[str, ...],
        rng: Random,
        hidden: HiddenInstruction | None = None,
    ) -> Answer | None:
        """The recorded answer that followed `answer`.

        Without a live Worker, None if there is none: whoever filled the bank did not ask again, and went on to the next
        scenario. So an episode is the same from the bank, however often an arena would ask.
        """
        draw = draw_of(rng)
        key = revision_key(self.name, scenario, answer, hidden, draw)
        recorded = self._recorded(key)
        if recorded is not None or not isinstance(self.live, Reviser):
            return recorded
        with self._flaws_on_record(key, self.live, objections):
            revised = await self.live.revise(scenario, answer, objections, Random(draw), hidden)
        if revised is None:
            return None
        return self._put(_record(key, self.live, objections=objections, answer=revised)).answer or revised

    async def reply(
        self, scenario: Scenario, answer: Answer, probes: tuple[Probe, ...], question: str, rng: Random
    ) -> str:
        draw = draw_of(rng)
        key = reply_key(self.name, scenario, answer, probes, question, draw)
        record = self._get(key)
        if record is not None and record.reply is not None:
            return record.reply
        live = self._live_for("this question of a probe")
        reply = await live.reply(scenario, answer, probes, question, Random(draw))
        return self._put(_record(key, live, reply=reply)).reply or reply

    async def chat(self, messages: Sequence[Message], rng: Random) -> str:
        return await self._chat(messages, rng, None)

    async def chat_json(self, messages: Sequence[Message], rng: Random, schema: JsonObject) -> str:
        """What `chat` replies. The schema is no part of the question, because no server is bound to heed a schema."""
        return await self._chat(messages, rng, schema)

    async def _chat(self, messages: Sequence[Message], rng: Random, schema: JsonObject | None) -> str:
        draw = draw_of(rng)
        key = chat_key(self.name, messages, draw)
        record = self._get(key)
        if record is not None and record.reply is not None:
            return record.reply
        self._recorded(key)
        live = self._live_for("this question of a reader")
        if not isinstance(live, ChatModel):
            raise WorkerFailed(f"a {live.name} Worker answers no questions of a reader")
        with self._flaws_on_record(key, live):
            if schema is not None and isinstance(live, JsonModel):
                reply = await live.chat_json(messages, Random(draw), schema)
            else:
                reply = await live.chat(messages, Random(draw))
        return self._put(_record(key, live, reply=reply)).reply or reply

    async def aclose(self) -> None:
        try:
            self.bank.close()
        finally:
            if self.live is not None:
                await self.live.aclose()

    def _recorded(self, key: str) -> Answer | None:
        """The answer on record; None if there is none.

        Raises:
            BadAnswer: what is on record is no answer. A live Worker that samples otherwise is asked anew.
        """
        record = self._get(key)
        if record is not None:
            return record.answer
        record = self._get(flaw_key(key))
        if (
            record is not None
            and record.flaw is not None
            and (not self.live or record.sampling == _sampling(self.live))
        ):
            raise BadAnswer(f"{record.worker} gave no answer: {WORDS[record.flaw].reason}", record.flaw, record.answer)
        return None

    @contextmanager
    def _flaws_on_record(self, key: str, live: Worker, objections: tuple[str, ...] | None = None) -> Iterator[None]:
        """Record a BadAnswer that the block raises. Otherwise the bank could not go the same way to the next scenario."""
        try:
            yield
        except BadAnswer as bad:
            self._put(_record(flaw_key(key), live, objections=objections, flaw=bad.flaw, answer=bad.written))
            raise

    def _get(self, key: str) -> Record | None:
        try:
            record = self._known.get(key) if self._known is not None else None
            return record or self.bank.get(key)
        except (BankDamaged, OSError) as error:
            raise WorkerFailed(f"the bank cannot be read: {error}") from error

    def _put(self, record: Record) -> Record:
        try:
            return self.bank.put(record)
        except (BankBusy, BankDamaged, OSError) as error:
            raise WorkerFailed(f"an answer could not be recorded: {error}") from error

    def _live_for(self, wanted: str) -> Worker:
        if self.live is None or self._offline:
            raise WorkerFailed(
                f"not in the bank {self.bank.path}: {wanted} by {self.name}; run `forge-arena bank` to record it"
            )
        return self.live


def _record(key: str, worker: Worker, **what: Any) -> Record:
    at = datetime.now(UTC).isoformat(timespec="seconds")
    return Record(key=key, worker=worker.name, at=at, sampling=_sampling(worker), **what)


def _sampling(worker: Worker) -> JsonObject:
    return worker.sampling if isinstance(worker, Sampled) else {}


def _sha256(parts: list[object]) -> str:
    # "surrogatepass", because a lone surrogate in a scenario must not stop a filling.
    text = json.dumps(parts, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
