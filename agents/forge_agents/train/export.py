"""Write training data for those who train elsewhere: demonstrations for fine-tuning, or pairs for preference optimization,
in TRL's conversational format, with a dataset card in the Hub's.

An export leaves in its folder

    train.jsonl     or .parquet, or val: a row a line, in the order of the keys
    README.md       the dataset card
    export.json     what was asked for, so that an interrupted export goes on and no other is mixed in

Demonstrations need no torch, and neither do pairs without a model.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from difflib import SequenceMatcher
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from huggingface_hub import DatasetCard, DatasetCardData
from pydantic import Field, TypeAdapter

from forge_agents.client import ArenaClient
from forge_agents.pages import filled
from forge_agents.train.demonstrations import NOTHING, Demonstration, demonstrated, demonstrations
from forge_agents.train.journal import revision
from forge_arena import __version__
from forge_arena.corruptions import omits
from forge_arena.errors import FileError
from forge_arena.files import parse_json, read_json, read_json_lines
from forge_arena.locks import LOCK, locked_folder
from forge_arena.types import CorruptionType, Form, Noun, Observation, Outcome, Span, Truth
from forge_arena.verdicts import messages, parse_verdict
from forge_arena.wire import Attempt, AttemptResult

if TYPE_CHECKING:
    from forge_agents.models import Loaded
    from forge_agents.train.attempts import Group

Row: TypeAlias = dict[str, Any]

RECORD = "export.json"
ROW = TypeAdapter(dict[str, Any])
# Episodes between two writes: little is lost by an interruption, and requests are not the cost.
AT_A_TIME = 64
AT_A_TIME_BY_MODEL = 16
SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
LONGEST_SHOWN = 160
# Suites whose texts are the arena's own; those of documents have their owners' licence.
OWN_SUITES = ("forge", "short")
LICENCE = "apache-2.0"
_WORD = re.compile(r"\S+")


class ExportError(ValueError):
    """An export cannot be made there, or not like that: the message says why and what to do."""


class Kind(StrEnum):
    sft = "sft"
    dpo = "dpo"


class Pairs(StrEnum):
    """What is preferred to what: of a model's attempts the best to the worst, or what a teacher who knows the truth writes
    to the model's worst or, without a model, to a plausible mistake."""

    attempts = "attempts"
    teacher = "teacher"


class Format(StrEnum):
    jsonl = "jsonl"
    parquet = "parquet"


class Wanted(Noun):
    """What is to be exported: the episodes `start` to `start + count` of a split, a row each at most.

    Where the arena follows a curriculum, a model is not given what that leaves out.
    """

    kind: Kind
    split: Literal["train", "val"] = "train"
    start: int = Field(default=0, ge=0)
    count: int = Field(default=1_000, ge=1)
    format: Format = Format.jsonl
    checking: float = Field(default=0.0, ge=0, le=1)
    seed: int = 0
    pairs: Pairs | None = None
    model: str | None = None
    samples: int = Field(default=8, ge=2, le=64)
    temperature: float = Field(default=1.0, gt=0)
    max_tokens: int = Field(default=768, ge=8)

    @property
    def end(self) -> int:
        return self.start + self.count

    @property
    def file(self) -> str:
        return f"{self.split}.{self.format.value}"


class Record(Noun):
    """What an export's folder holds, and whether all of it."""

    wanted: Wanted
    suite: str
    worker: str
    done: bool = False


@dataclass(frozen=True, slots=True)
class Exported:
    """Where the rows are, and how many of each kind of answer."""

    path: Path
    counts: "Counts"


@dataclass(slots=True)
class Counts:
    """Rows by what was done to the answer and by domain, their families, and what they earned."""

    rows: int = 0
    cells: Counter[tuple[str, str]] = field(default_factory=Counter)
    families: set[str] = field(default_factory=set)
    rewards: Counter[str] = field(default_factory=Counter)

    def add(self, row: Row) -> None:
        self.rows += 1
        self.cells[row["corruption_type"] or row["form"], row["domain"]] += 1
        self.families.add(row["family"])
        for name in row:
            if name.endswith("reward"):
                self.rewards[name] += row[name]

    @property
    def kinds(self) -> list[str]:
        known = {kind for kind, _ in self.cells}
        return [kind for kind in (Form.clean.value, Form.placebo.value, *CorruptionType) if kind in known]

    @property
    def domains(self) -> list[str]:
        return sorted({domain for _, domain in self.cells})

    def of(self, kind: str | None = None, domain: str | None = None) -> int:
        return sum(n for (k, d), n in self.cells.items() if kind in (None, k) and domain in (None, d))


def export(
    wanted: Wanted,
    *,
    arena: str,
    token: str | None = None,
    out: Path,
    on_progress: Callable[[int, int], None] = lambda done, of: None,
) -> Exported:
    """Write an export to a folder, or what is left of it.

    Raises:
        ExportError: the folder holds something else, or the arena is not the one that an export was begun with.
        FolderInUse: another process is at work in the folder.
        ArenaError: the arena cannot be reached, or refuses.
        ModelError: the model cannot be loaded.
    """
    if wanted.format is Format.parquet:
        import pyarrow  # type: ignore[import-untyped]  # noqa: F401  # Before the work, not after it.
    if not (out / RECORD).is_file() and out.exists() and (not out.is_dir() or _holds_something(out)):
        raise ExportError(f"{out} holds something that is no export: give another --out")
    with locked_folder(out), ArenaClient(arena, token=token) as client:
        return _exported(wanted, client, arena, token, out, on_progress)


def _exported(
    wanted: Wanted,
    client: ArenaClient,
    arena: str,
    token: str | None,
    out: Path,
    on_progress: Callable[[int, int], None],
) -> Exported:
    stats = client.stats()
    record = Record(wanted=wanted, suite=f"{stats.suite}:{stats.version}", worker=stats.worker)
    if _begun(out, record):
        on_progress(wanted.count, wanted.count)
        return Exported(out / wanted.file, _counted(_read(out / wanted.file)))
    lines = out / f"{wanted.split}.jsonl"
    first = max(wanted.start, _cut_to_whole_rows(lines) + 1)
    on_progress(first - wanted.start, wanted.count)
    with lines.open("a", encoding="utf-8") as file:
        for batch in _batches(record, client, first, arena, token):
            file.write("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in batch.rows))
            file.flush()
            on_progress(min(batch.end, wanted.end) - wanted.start, wanted.count)
    counts = _counted(_read(lines))
    if wanted.format is Format.parquet:
        _to_parquet(lines, out / wanted.file, wanted.kind)
    _write_card(record, counts, next(_read(out / wanted.file), None), out)
    _write_record(out, record.model_copy(update={"done": True}))
    if wanted.format is Format.parquet:
        lines.unlink()
    return Exported(out / wanted.file, counts)


def mistaken(seen: Observation, truth: Truth, twin: Truth | None, twin_output: str) -> Truth:
    """What somebody would take for the truth who errs on this answer, plausibly.

    A corrupted answer is taken for clean. A right one is taken for a corrupted one by whoever holds the twin's wrong words
    for right: where they differ it is accused of the twin's type of corruption, and "corrected" to the twin's words. So no
    mistake can be told from a right verdict without the source: it quotes what the answer says, and repairs it.
    """
    if truth.corrupted or twin is None or twin.corruption_type is None:
        return Truth(corrupted=False, family=truth.family, clean_output=seen.worker_output)
    missing = omits(twin.corruption_type)
    return Truth(
        corrupted=True,
        corruption_type=twin.corruption_type,
        family=truth.family,
        output_spans=() if missing else apart(seen.worker_output, twin_output),
        source_spans=twin.source_spans,
        # What the twin lacks stands in this answer: to "repair" that is to change nothing.
        clean_output=seen.worker_output if missing else twin_output,
    )


def apart(text: str, other: str) -> tuple[Span, ...]:
    """Where a text has other words than another one; where it only lacks some, the words on both sides of the gap."""
    words = list(_WORD.finditer(text))
    found = []
    matcher = SequenceMatcher(None, [word[0] for word in words], _WORD.findall(other), autojunk=False)
    for tag, first, end, _, _ in matcher.get_opcodes():
        if tag == "equal" or not words:
            continue
        if first == end:
            first, end = max(0, first - 1), min(len(words), end + 1)
        found.append(Span(start=words[first].start(), end=words[end - 1].end()))
    return tuple(found)


# --- where rows come from ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Batch:
    """Rows of the episodes before index `end`."""

    end: int
    rows: list[Row]


def _batches(record: Record, client: ArenaClient, first: int, arena: str, token: str | None) -> Iterator[_Batch]:
    wanted = record.wanted
    if wanted.model is not None:
        yield from _by_model(record, client, first, arena, token)
        return
    for begin in range(first, wanted.end, AT_A_TIME):
        end = min(begin + AT_A_TIME, wanted.end)
        shown = _demonstrations(record, client, begin, end)
        yield _Batch(end, _sft(client, shown) if wanted.kind is Kind.sft else _against_mistakes(client, shown))


def _demonstrations(record: Record, client: ArenaClient, begin: int, end: int) -> list[Demonstration]:
    wanted = record.wanted
    return list(
        demonstrations(
            client,
            suite=record.suite,
            split=wanted.split,
            start=begin,
            count=end - begin,
            checking=wanted.checking,
            seed=wanted.seed,
        )
    )


def _sft(client: ArenaClient, shown: Sequence[Demonstration]) -> list[Row]:
    scored = _scored(client, {d.key: (d.completion,) for d in shown})
    return [
        {
            "prompt": messages(d.observation),
            "completion": _said(d.completion),
            **_about(d.key, d.observation, d.truth),
            "style": d.style,
            "reward": scored[d.key][0].reward,
        }
        for d in shown
        if d.key in scored
    ]


def _against_mistakes(client: ArenaClient, shown: Sequence[Demonstration]) -> list[Row]:
    twins = _twins(client, [d.key for d in shown if not d.truth.corrupted])
    pairs = {}
    for d in shown:
        twin = twins.get(d.key)
        if twin is None and not d.truth.corrupted:
            continue
        wrong = mistaken(d.observation, d.truth, twin[1] if twin else None, twin[0].worker_output if twin else "")
        # As sure and in the same style as the right one, so that only the judgement is preferred.
        sure = parse_verdict(d.completion).confidence
        pairs[d.key] = (d.completion, demonstrated(d.observation, wrong, d.style, sure))
    scored = _scored(client, pairs)
    return [
        row
        for d in shown
        if d.key in scored
        for row in _pair(d.key, d.observation, d.truth, pairs[d.key], [r.reward for r in scored[d.key]])
    ]


def _twins(client: ArenaClient, keys: Sequence[str]) -> dict[str, tuple[Observation, Truth]]:
    """Of each draw the corrupted form; without those that could not be made."""
    if not keys:
        return {}
    opened = client.open_episodes(keys=[f"{key}:{Form.corrupted.value}" for key in keys]).episodes
    results = client.submit([Attempt(episode_id=episode.episode_id, verdict=NOTHING) for episode in opened])
    return {
        episode.key.rpartition(":")[0]: (episode.observation, result.truth)
        for episode, result in zip(opened, results, strict=True)
        if result.truth is not None
    }


def _by_model(record: Record, client: ArenaClient, first: int, arena: str, token: str | None) -> Iterator[_Batch]:
    # Here and not at the top: they bring torch.
    import torch

    from forge_agents.models import load_model
    from forge_agents.train.attempts import attempts

    wanted = record.wanted
    loaded: Loaded = load_model(str(wanted.model))
    while first < wanted.end:
        torch.manual_seed(wanted.seed + first)
        groups = list(
            attempts(
                loaded,
                client,
                url=arena,
                token=token,
                start=first,
                episodes=min(AT_A_TIME_BY_MODEL, wanted.end - first),
                samples=wanted.samples,
                temperature=wanted.temperature,
                max_tokens=wanted.max_tokens,
                split=wanted.split,
            )
        )
        end = max([first + 1, *(_index(group.key) + 1 for group in groups)])
        groups = [group for group in groups if group.truth is not None and _index(group.key) < wanted.end]
        if wanted.pairs is Pairs.teacher:
            teacher = {d.key: d for d in _demonstrations(record, client, first, min(end, wanted.end))}
            yield _Batch(end, _against_worst(client, groups, teacher))
        else:
            yield _Batch(end, [row for group in groups for row in _best_and_worst(group)])
        first = end


def _best_and_worst(group: "Group") -> list[Row]:
    assert group.truth is not None
    ends = (group.best, group.worst)
    texts = (group.completions[group.best], group.completions[group.worst])
    return _pair(group.key, group.observation, group.truth, texts, [group.rewards[end] for end in ends])


def _against_worst(client: ArenaClient, groups: Sequence["Group"], teacher: Mapping[str, Demonstration]) -> list[Row]:
    scored = _scored(client, {group.key: (teacher[group.key].completion,) for group in groups if group.key in teacher})
    rows = []
    for group in groups:
        if group.key in scored:
            shown = teacher[group.key]
            texts = (shown.completion, group.completions[group.worst])
            rewards = [scored[group.key][0].reward, group.rewards[group.worst]]
            rows += _pair(group.key, shown.observation, shown.truth, texts, rewards)
    return rows


def _scored(client: ArenaClient, texts: Mapping[str, tuple[str, ...]]) -> dict[str, list[AttemptResult]]:
    """What the arena makes of texts on fresh episodes of these keys, as many on each; without what failed."""
    if not texts:
        return {}
    attempts = len(next(iter(texts.values())))
    opened = client.open_episodes(keys=list(texts), attempts=attempts).episodes
    results = client.submit(
        [
            Attempt(episode_id=episode.episode_id, attempt=number, completion=text)
            for episode in opened
            for number, text in enumerate(texts[episode.key])
        ]
    )
    found = {}
    for number, episode in enumerate(opened):
        mine = list(results[number * attempts : (number + 1) * attempts])
        if all(result.outcome in (Outcome.scored, Outcome.invalid_verdict) for result in mine):
            found[episode.key] = mine
    return found


def _pair(
    key: str, seen: Observation, truth: Truth, texts: tuple[str, str], rewards: Sequence[float | None]
) -> list[Row]:
    """The row of a pair; none where what should be preferred did not earn more."""
    chosen, rejected = (0.0 if reward is None else reward for reward in rewards)
    if chosen <= rejected:
        return []
    return [
        {
            "prompt": messages(seen),
            "chosen": _said(texts[0]),
            "rejected": _said(texts[1]),
            **_about(key, seen, truth),
            "chosen_reward": chosen,
            "rejected_reward": rejected,
        }
    ]


def _said(text: str) -> list[dict[str, str]]:
    return [{"role": "assistant", "content": text}]


def _about(key: str, seen: Observation, truth: Truth) -> Row:
    return {
        "key": key,
        "family": truth.family,
        "domain": seen.domain.value,
        "form": truth.form.value,
        "corruption_type": None if truth.corruption_type is None else truth.corruption_type.value,
        "stealth": truth.stealth,
    }


def _index(key: str) -> int:
    return int(key.split(":")[3])


# --- where they go ----------------------------------------------------------------------------------------------------


def _begun(out: Path, record: Record) -> bool:
    """Begin an export, or go on with one; returns whether it is done already."""
    path = out / RECORD
    if not path.is_file():
        _write_record(out, record)
        return False
    try:
        known = read_json(path, TypeAdapter(Record))
    except FileError as error:
        raise ExportError(f"{path} is damaged, so that the export cannot go on: give another --out ({error})") from None
    has = {"suite": known.suite, "worker": known.worker, **known.wanted.model_dump(mode="json")}
    asked = {"suite": record.suite, "worker": record.worker, **record.wanted.model_dump(mode="json")}
    for name, value in asked.items():
        if has[name] != value:
            raise ExportError(f"{out} holds an export with {name} {has[name]!r}, not {value!r}: give another --out")
    return known.done


def _holds_something(out: Path) -> bool:
    return any(path.name != LOCK for path in out.iterdir())


def _write_record(out: Path, record: Record) -> None:
    new = out / f"{RECORD}.new"
    new.write_text(record.model_dump_json(indent=2) + "\n", encoding="utf-8")
    new.replace(out / RECORD)


def _cut_to_whole_rows(path: Path) -> int:
    """Cut a row off that was not written whole; returns the index of the last one, -1 where there is none."""
    if not path.is_file():
        return -1
    whole, last, number = 0, b"", 0
    with path.open("r+b") as file:
        for line in file:
            if line.endswith(b"\n"):
                whole, last, number = whole + len(line), line, number + 1
        file.truncate(whole)
    if not last:
        return -1
    row = parse_json(last, ROW, f"{path}:{number}", wanted="a row of this export", error=ExportError)
    return _index(row["key"])


def _read(path: Path) -> Iterator[Row]:
    if path.suffix == ".parquet":
        from pyarrow import parquet

        for batch in parquet.ParquetFile(path).iter_batches():
            yield from batch.to_pylist()
        return
    for _, row in read_json_lines(path, ROW, wanted="a row of this export", error=ExportError):
        yield row


def _counted(rows: Iterator[Row]) -> Counts:
    counts = Counts()
    for row in rows:
        counts.add(row)
    return counts


def _to_parquet(source: Path, path: Path, kind: Kind) -> None:
    import pyarrow
    from pyarrow import parquet

    said = pyarrow.list_(pyarrow.struct([("role", pyarrow.string()), ("content", pyarrow.string())]))
    types = {"stealth": pyarrow.int64()} | dict.fromkeys(
        ("reward", "chosen_reward", "rejected_reward"), pyarrow.float64()
    )
    types |= dict.fromkeys(("prompt", "completion", "chosen", "rejected"), said)
    # Given and not guessed: a column of nothing but None would have no type.
    schema = pyarrow.schema([(name, types.get(name, pyarrow.string())) for name in COLUMNS[kind]])
    new = path.with_name(f"{path.name}.new")
    with parquet.ParquetWriter(new, schema) as writer:
        some: list[Row] = []
        for row in _read(source):
            some.append(row)
            if len(some) == 1_000:
                writer.write_table(pyarrow.Table.from_pylist(some, schema))
                some = []
        writer.write_table(pyarrow.Table.from_pylist(some, schema))
    new.replace(path)


_ABOUT = {
    "key": "names the episode for ever, as `suite:version:split:index`",
    "family": "of scenarios, from one template or one document; a split is made of whole families",
    "domain": "what the task is about",
    "form": "what was done to the answer: `clean`, `placebo` (a harmless edit) or `corrupted`",
    "corruption_type": "one of five, null where nothing was corrupted",
    "stealth": "0 (loud) to 3 (hard to see), null where nothing was corrupted",
}
_PROMPT = "a chat of a system and a user message: the arena's prompt, as `forge_arena.verdicts.messages` makes it"
COLUMNS: Mapping[Kind, Mapping[str, str]] = {
    Kind.sft: {
        "prompt": _PROMPT,
        "completion": "an assistant message: the verdict of a teacher who knows the truth",
        **_ABOUT,
        "style": "`judging`, or `checking`: it compares answer and source between `<think>` and `</think>` first",
        "reward": "what the arena pays for the completion, 0 to 1",
    },
    Kind.dpo: {
        "prompt": _PROMPT,
        "chosen": "an assistant message, the better one",
        "rejected": "an assistant message, the worse one",
        **_ABOUT,
        "chosen_reward": "what the arena pays for it, 0 to 1",
        "rejected_reward": "what the arena pays for it; always less",
    },
}


def _write_card(record: Record, counts: Counts, sample: Row | None, out: Path) -> None:
    wanted = record.wanted
    own = record.suite.split(":")[0] in OWN_SUITES
    data = DatasetCardData(
        license=LICENCE if own else None,
        pretty_name=f"ForgeArena {record.suite} {wanted.split}, {wanted.kind.value}",
        task_categories=["text-generation"],
        size_categories=next((name for most, name in SIZES if counts.rows < most), "n>1M"),
        tags=["forge-arena", "scalable-oversight", "trl", wanted.kind.value],
        configs=[{"config_name": "default", "data_files": [{"split": wanted.split, "path": wanted.file}]}],
    )
    text = filled(
        "train/export.md.jinja",
        data=data.to_yaml(),
        record=record,
        wanted=wanted,
        counts=counts,
        columns=COLUMNS[wanted.kind],
        sample=None if sample is None else json.dumps(_shortened(sample), ensure_ascii=False, indent=2),
        version=__version__,
        revision=revision(),
        made=datetime.now(UTC).date().isoformat(),
        own=own,
    )
    DatasetCard(text).save(out / "README.md")


def _shortened(value: Any) -> Any:
    if isinstance(value, str):
        return value if len(value) <= LONGEST_SHOWN else f"{value[:LONGEST_SHOWN]} …"
    if isinstance(value, list):
        return [_shortened(inner) for inner in value]
    return {name: _shortened(inner) for name, inner in value.items()} if isinstance(value, dict) else value
