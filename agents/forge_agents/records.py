"""Write a long evaluation to a file, one record for each attempt, so that an evaluation that is stopped loses nothing.

The first line is the setup: the overseer and the episodes. Each further line is one record. A line counts once it is
whole. If a process is killed, it may leave half a line. That half is cut off, and its episode is reviewed again.
"""

import os
from abc import ABC, abstractmethod
from collections.abc import Hashable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Generic, Literal, Self, TypeVar

from pydantic import TypeAdapter

from forge_arena.errors import ForgeArenaError
from forge_arena.files import parse_json, validate
from forge_arena.locks import lock
from forge_arena.measures.scorecard import Row
from forge_arena.secrecy import public_settings
from forge_arena.storable import Text, storable
from forge_arena.types import JsonObject, Noun, Observation, Split, Truth, Verdict, View

VERSION: Literal[1] = 1
# The meaning of a difference in a field of two setups, if the name of the field does not say it.
MEANINGS = {
    "suite_hash": "the arena makes other episodes or grades them differently: another secret, mechanism, Worker, set "
    "of families or code; or it is of a version whose hash also held the number of the version",
    "conditions": "the overseer has another prompt, other sampling or other weights",
    "digest": "the dataset has other rows",
}
# The most that a record keeps of a completion, and of the thoughts apart from it, in characters. A longer text is kept
# without its middle: a model states its plan at the beginning and its verdict at the end.
LONGEST_KEPT = 64_000


class RecordsError(ForgeArenaError, ValueError):
    """A file of records exists already, is of another evaluation, or is damaged. The message says what to do."""


class Task(Noun):
    """The task of an overseer: whose answers it reviews, from which index on, how often each, and what it is shown.

    Attributes:
        settings: the settings of the overseer, without the secrets in them.
        conditions: the other things on which its verdicts depend (`forge_agents.overseers.conditions`).
        suite_hash: the arena's hash of the split (see `Stats`); None if the arena or the version of the file has none.
        view: how much of an episode the overseer is shown at once.
        tools: the name of the profile of the tools that it may use; None if it may use none.
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
    view: View = View.full
    tools: str | None = None


class Setup(Task):
    """The whole task of an evaluation. Two evaluations with the same setup review the same episodes in the same way."""

    episodes: int
    paired: bool


def settings_without_secrets(settings: Mapping[str, Any] | None) -> JsonObject:
    """The settings of an overseer as a record may show them: JSON values, and no secret (`forge_arena.secrecy`).

    A path is `{"file": …}`. Two evaluations that differ in a secret only have the same settings.
    """
    return {name: _json_value(value) for name, value in public_settings(settings or {}).items()}


def settings_of_record(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings with which an overseer can be opened, from those that a record shows."""
    return {
        name: Path(value["file"]) if isinstance(value, Mapping) and value.keys() == {"file"} else value
        for name, value in settings.items()
    }


def _json_value(value: Any) -> Any:
    match value:
        case int() | float() | bool() | None:
            return value
        case Path():
            return {"file": storable(str(value))}
        case list() | tuple():
            return [_json_value(item) for item in value]
        case dict():
            return {storable(str(name)): _json_value(item) for name, item in value.items()}
    return storable(str(value))


def kept_text(text: str | None) -> str | None:
    """A text as a record keeps it: without half characters, and without its middle if it is very long."""
    if text is None:
        return None
    text = storable(text)
    if len(text) <= LONGEST_KEPT:
        return text
    half = LONGEST_KEPT // 2
    return f"{text[:half]}\n[{len(text) - 2 * half} characters are left out here]\n{text[-half:]}"


class Record(Noun, ABC):
    """One line of a file of records."""

    @property
    @abstractmethod
    def place(self) -> Hashable:
        """The place of the record in the evaluation. There is one record for each place."""

    def without_texts(self) -> Self:
        """The record as it is kept in memory: what a resumed evaluation needs, without the texts for a reader."""
        return self


class AttemptRecord(Record):
    """One attempt that was graded: its row, and what a reader of the report wants to see beside the row.

    `completion` is the raw text that the overseer wrote, with the thoughts that stand in it; None if the overseer
    returned a verdict and no text. `thoughts` are those that the server of a model sent apart from the text. Both are
    kept up to `LONGEST_KEPT` characters.
    """

    row: Row
    observation: Observation | None = None
    verdict: Verdict | None = None
    completion: str | None = None
    thoughts: str | None = None
    truth: Truth | None = None

    @property
    def place(self) -> tuple[str, int]:
        """The key of the episode and the number of the attempt."""
        return self.row.key, self.row.attempt

    def without_texts(self) -> Self:
        return type(self)(row=self.row)


S = TypeVar("S", bound=Noun)
R = TypeVar("R", bound=Record)


class _Head(Noun):
    records: Literal[1] = VERSION
    setup: JsonObject


# How the first line of every file of records begins.
HEAD = b'{"records":'


class Records(Generic[R]):
    """The records of one evaluation, in a file that grows with the evaluation.

    Args:
        path: the file; its folder is made.
        setup: the overseer and the episodes.
        kind: the class of the records.
        resume: continue the file, if there is one.

    Attributes:
        known: the records that the file holds, by their places, without their texts. An evaluation of 10,000 episodes
            would otherwise need half a gigabyte for texts that nobody reads before the report.

    Raises:
        RecordsError: the file exists and `resume` is False, or it is of another setup, or damaged.
        FolderInUse: another process is writing to the file.
        OSError: the file cannot be written.
    """

    def __init__(self, path: Path, setup: Noun, kind: type[R], *, resume: bool = False) -> None:
        self.known: dict[Hashable, R] = {}
        self._kind = kind
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("ab")
        try:
            # The lock comes first, because another process would review, and pay for, the same episodes.
            lock(self._file.fileno(), path.parent)
            has_record = _has_record(path)
            if has_record and not resume:
                raise RecordsError(
                    f"{path} holds an evaluation already: continue it by --resume, or take another folder"
                )
            if has_record:
                self._take_over(path, setup)
            if path.stat().st_size == 0 or not has_record:
                # An evaluation that was stopped before its first verdict holds nothing, so another may take its place.
                self._file.truncate(0)
                self._write([_Head(setup=setup.model_dump(mode="json"))])
        except BaseException:
            self._file.close()
            raise

    def add(self, records: Sequence[R]) -> None:
        """Write records down; they are on the disk when this returns."""
        self._write(records)
        self.known |= {record.place: record.without_texts() for record in records}

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
        """Read the whole records of the file into `known`, and cut off half a line at its end."""
        whole = 0
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if not line.endswith(b"\n"):
                    break
                if number == 1:
                    _check_setup(path, _parse_setup(path, line, type(setup)), setup)
                else:
                    record = _parse_record(path, number, line, self._kind)
                    self.known[record.place] = record.without_texts()
                whole += len(line)
        os.truncate(path, whole)


def read_records(path: Path) -> tuple[Setup, Iterator[AttemptRecord]]:
    """The setup of an evaluation, and its records one by one.

    Raises:
        RecordsError: the file is damaged, or another version wrote it.
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        setup = _parse_setup(path, file.readline(), Setup)

    def records() -> Iterator[AttemptRecord]:
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if number > 1 and line.endswith(b"\n"):
                    yield _parse_record(path, number, line, AttemptRecord)

    return setup, records()


def has_records(path: Path) -> bool:
    """Whether a file is there that holds a record, and not only the setup."""
    try:
        return path.exists() and _has_record(path)
    except RecordsError:
        return False


def _has_record(path: Path) -> bool:
    """Whether anything follows the first line, which only says what was to be evaluated.

    Raises:
        RecordsError: the file holds something other than records.
    """
    with path.open("rb") as file:
        first = file.readline()
        half = not first.endswith(b"\n")
        # The first line of every version is a JSON object.
        begins = HEAD[: len(first)] if half else b"{"
        if not first.startswith(begins) and first.strip(b"\0\n"):
            raise RecordsError(f"{path} holds no records of an evaluation: take another folder")
        return bool(file.read(1)) or (first.endswith(b"\n") and not first.startswith(HEAD))


def _parse_setup(path: Path, line: bytes, kind: type[S]) -> S:
    wanted = "the records of an evaluation like this one, written by this version"
    head = parse_json(line, TypeAdapter(_Head), f"{path}:1", wanted=wanted, error=RecordsError)
    needed = {name for name, field in kind.model_fields.items() if field.is_required()}
    if not needed <= head.setup.keys() <= kind.model_fields.keys():
        raise RecordsError(
            f"{path} is of an evaluation of another kind (eval, eval --dataset and attack keep different records), or "
            "another version wrote it: take another folder"
        )
    return validate(head.setup, TypeAdapter(kind), f"{path}:1", wanted=wanted, error=RecordsError)


def _parse_record(path: Path, number: int, line: bytes, kind: type[R]) -> R:
    where = f"{path}:{number}"
    wanted = "a record. The line is damaged: remove the line, and --resume reviews its episode again"
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError as invalid:
        raise RecordsError(f"{where}: not UTF-8 ({invalid.reason}); wanted {wanted}") from None
    return parse_json(text, TypeAdapter(kind), where, wanted=wanted, error=RecordsError)


def _check_setup(path: Path, before: Noun, now: Noun) -> None:
    """Refuse to continue the records of another evaluation.

    Raises:
        RecordsError: names the first field that differs, and says what the difference means.
    """
    for name in type(now).model_fields:
        was, is_now = getattr(before, name), getattr(now, name)
        if was == is_now:
            continue
        if name not in before.model_fields_set:
            raise RecordsError(
                f"{path} was begun by an older version, which did not write down its {name}, so new verdicts may not "
                "be comparable; take another folder"
            )
        meaning = MEANINGS.get(name)
        raise RecordsError(
            f"{path} is of another evaluation: its {name} is {was!s}, not {is_now!s}"
            f"{f' ({meaning})' if meaning else ''}; take another folder, or ask for the same"
        )
