"""Keep an evaluation as it goes: a file with one line for each judged attempt, so that a stopped one loses nothing.

The first line says what is evaluated. A line counts once it is whole: the half of one that a killed process left behind
is cut off, and its episode judged again.
"""

import os
from abc import ABC, abstractmethod
from collections.abc import Hashable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Generic, Literal, Self, TypeVar

from pydantic import TypeAdapter

from forge_arena.files import parse_json, validate
from forge_arena.locks import lock
from forge_arena.scorecard import Row
from forge_arena.storable import Text
from forge_arena.types import JsonObject, Noun, Observation, Split, Truth, Verdict

VERSION: Literal[1] = 1
# What a field of a setup says whose name does not tell.
MEANS = {
    "suite_hash": "the arena makes other episodes or grades otherwise: another secret, mechanism, Worker, set of families "
    "or version",
    "conditions": "the overseer's prompt, sampling or weights are others",
    "digest": "the rows of the dataset are others",
}


class RecordsError(ValueError):
    """A file of records is in the way, of another evaluation, or damaged: the message says which and what to do."""


class Task(Noun):
    """Who judges whose answers, from where on, and how often each.

    `conditions` is what the overseer's verdicts depend on beside its settings (`forge_agents.overseers.conditions`).
    `suite_hash` is the arena's for the split (see `Stats`), None where the arena or the version of the file has none.
    """

    overseer: Text
    settings: JsonObject = {}
    conditions: JsonObject = {}
    worker: str
    suite: str
    suite_hash: str | None = None
    split: Split
    start: int
    samples: int = 1


class Setup(Task):
    """What is evaluated on what: two evaluations with the same setup judge the same episodes in the same way."""

    episodes: int
    paired: bool


class Line(Noun, ABC):
    """One line of a file of records."""

    @property
    @abstractmethod
    def place(self) -> Hashable:
        """Where in the evaluation it belongs; there is one record for each place."""


class Record(Line):
    """One attempt as it was judged: its row, and what a reader of the report wants to see beside it.

    `completion` is the raw text where no verdict could be read from it.
    """

    row: Row
    observation: Observation | None = None
    verdict: Verdict | None = None
    completion: str | None = None
    truth: Truth | None = None

    @property
    def place(self) -> tuple[str, int]:
        """The episode's key and the number of the attempt, by which there is one record each."""
        return self.row.key, self.row.attempt


S = TypeVar("S", bound=Noun)
L = TypeVar("L", bound=Line)


class _Head(Noun):
    records: Literal[1] = VERSION
    setup: JsonObject


# How the first line of every file of records begins.
HEAD = b'{"records":'


class Records(Generic[L]):
    """The records of one evaluation, in a file that is written as they come.

    Arguments:
        path: the file; its folder is made.
        setup: what is evaluated.
        kind: what a line holds.
        resume: go on with the file, if there is one.

    Raises:
        RecordsError: the file is there and `resume` is not asked for, or it is of another setup, or damaged.
        FolderInUse: another process is writing to the file.
        OSError: the file cannot be written.
    """

    def __init__(self, path: Path, setup: Noun, kind: type[L], *, resume: bool = False) -> None:
        self.known: dict[Hashable, L] = {}
        self._kind = kind
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("ab")
        try:
            # Before anything is read: a process that writes at the same time would judge, and pay for, the same episodes.
            lock(self._file.fileno(), path.parent)
            there = _holds_a_record(path)
            if there and not resume:
                raise RecordsError(
                    f"{path} holds an evaluation already: go on with it by --resume, or take another folder"
                )
            if there:
                self._take_over(path, setup)
            if path.stat().st_size == 0 or not there:
                # What was stopped before its first verdict is no evaluation: another one may take its place.
                self._file.truncate(0)
                self._write([_Head(setup=setup.model_dump(mode="json"))])
        except BaseException:
            self._file.close()
            raise

    def add(self, records: Sequence[L]) -> None:
        """Write records down; they are on the disk when this returns."""
        self._write(records)
        self.known |= {record.place: record for record in records}

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.close()

    def _write(self, lines: Sequence[Noun]) -> None:
        self._file.write(b"".join(line.model_dump_json().encode() + b"\n" for line in lines))
        self._file.flush()
        os.fsync(self._file.fileno())

    def _take_over(self, path: Path, setup: Noun) -> None:
        whole = 0
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if not line.endswith(b"\n"):
                    break
                if number == 1:
                    _check(path, _setup(path, line, type(setup)), setup)
                else:
                    record = _record(path, number, line, self._kind)
                    self.known[record.place] = record
                whole += len(line)
        os.truncate(path, whole)


def read_records(path: Path) -> tuple[Setup, Iterator[Record]]:
    """What was evaluated, and its records one by one.

    Raises:
        RecordsError: the file is damaged, or written by another version.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        setup = _setup(path, file.readline(), Setup)

    def records() -> Iterator[Record]:
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if number > 1 and line.endswith(b"\n"):
                    yield _record(path, number, line, Record)

    return setup, records()


def _holds_a_record(path: Path) -> bool:
    """Whether anything stands behind the first line, which only says what was to be evaluated."""
    with path.open("rb") as file:
        first = file.readline()
        if not first.endswith(b"\n") and not first.startswith(HEAD[: len(first)]) and first.strip(b"\0"):
            raise RecordsError(f"{path} holds something else than the records of an evaluation: take another folder")
        return bool(file.read(1)) or (first.endswith(b"\n") and not first.startswith(HEAD))


def _setup(path: Path, line: bytes, kind: type[S]) -> S:
    wanted = "the records of an evaluation like this one, written by this version"
    head = parse_json(line, TypeAdapter(_Head), f"{path}:1", wanted=wanted, error=RecordsError)
    return validate(head.setup, TypeAdapter(kind), f"{path}:1", wanted=wanted, error=RecordsError)


def _record(path: Path, number: int, line: bytes, kind: type[L]) -> L:
    wanted = "a record: the file is damaged"
    return parse_json(line, TypeAdapter(kind), f"{path}:{number}", wanted=wanted, error=RecordsError)


def _check(path: Path, was: Noun, now: Noun) -> None:
    for name in type(now).model_fields:
        before, after = getattr(was, name), getattr(now, name)
        if before == after:
            continue
        if name not in was.model_fields_set:
            raise RecordsError(
                f"{path} was begun by an older version, which did not write down its {name}: nobody can tell whether new "
                "verdicts would be comparable; take another folder"
            )
        means = MEANS.get(name)
        raise RecordsError(
            f"{path} is of another evaluation: its {name} is {before!s}, not {after!s}"
            f"{f' ({means})' if means else ''}; take another folder, or ask for the same"
        )
