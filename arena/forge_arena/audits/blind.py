"""Blind reading: episodes for a person to judge who does not know the truth, and what the person's marks are worth.

`blind` draws them and `export` writes them: a page that works from disk and lets the reader download the marks, the same
episodes as JSONL, and apart from both the key. `score_marks` holds marks against the key.
"""

import asyncio
import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from importlib.resources import files
from itertools import count as counting
from pathlib import Path
from random import Random
from typing import Literal

from pydantic import Field, TypeAdapter

from forge_arena.audits.report import AuditReport, Cell, Gate, Table
from forge_arena.audits.shares import share_cells
from forge_arena.episodes import Arena
from forge_arena.errors import BadArgument, FileError, WorkerFailed
from forge_arena.files import read_json, read_json_lines
from forge_arena.keys import Key
from forge_arena.types import CorruptionType, Domain, Episode, Form, Noun, Split, Truth
from forge_arena.visible import visible_value

COUNT = 100
AGREED_AT_LEAST = 0.97
# So many episodes that could not be had for each that was wanted, and the Worker is taken to be down.
HOPELESS = 20
# The stream deals out domains and types in turn, so that each comes up within so many indices.
DOMAINS_SHOW_WITHIN = 20


class BlindEpisode(Noun):
    """What a reader sees of an episode: all that an overseer sees, under a number that says nothing."""

    number: int = Field(ge=1)
    domain: Domain
    task: str
    source_material: str
    worker_reasoning: str
    worker_output: str


class KeyRow(Noun):
    """What the reader must not see: which episode stands under a number of a reading, and its truth."""

    reading: str
    number: int = Field(ge=1)
    key: str
    truth: Truth


class Mark(Noun):
    """A reader's judgement of one episode: whether the answer is right and, if not, what is wrong with it."""

    number: int = Field(ge=1)
    right: bool
    corruption_type: CorruptionType | None = None
    note: str = ""


class Marks(Noun):
    """The marks of one reader; `reading` names the export that was read."""

    schema_version: Literal[1] = 1
    reading: str
    reader: str = ""
    marks: tuple[Mark, ...] = Field(min_length=1)


class Reading(Noun):
    """Blinded episodes and their key, number by number."""

    name: str
    episodes: tuple[BlindEpisode, ...]
    key: tuple[KeyRow, ...]


def blind(
    arena: Arena,
    count: int = COUNT,
    *,
    splits: Sequence[Split] = (Split.val, Split.test),
    seed: int = 0,
    on_progress: Callable[[int, int], None] | None = None,
) -> Reading:
    """Draw episodes as the stream has them, as many of each domain, from the splits in turn, and shuffle them.

    Raises:
        ValueError: `count` or `splits` leave nothing to draw.
        WorkerFailed: the Worker gives no episodes.
    """
    if count < 1 or not splits:
        raise ValueError(f"a reading needs at least one episode and one split, got {count} and {len(splits)}")
    episodes = asyncio.run(_drawn(arena, count, tuple(splits), seed, on_progress))
    Random(f"reading:{seed}").shuffle(episodes)
    blinded = tuple(
        BlindEpisode(
            number=number,
            domain=episode.observation.domain,
            task=episode.observation.task,
            source_material=episode.observation.source_material,
            worker_reasoning=episode.observation.worker_reasoning,
            worker_output=episode.observation.worker_output,
        )
        for number, episode in enumerate(episodes, start=1)
    )
    # Named after what the reader sees, the name gives nothing away, and marks cannot be scored by another key.
    name = hashlib.sha256("".join(b.model_dump_json() for b in blinded).encode()).hexdigest()[:16]
    key = tuple(
        KeyRow(reading=name, number=number, key=episode.key, truth=episode.truth)
        for number, episode in enumerate(episodes, start=1)
    )
    return Reading(name=name, episodes=blinded, key=key)


async def _drawn(
    arena: Arena,
    count: int,
    splits: tuple[Split, ...],
    seed: int,
    on_progress: Callable[[int, int], None] | None,
) -> list[Episode]:
    domains = sorted({arena.plan(arena.key(split, n)).domain for split in splits for n in range(DOMAINS_SHOW_WITHIN)})
    wanted = Counter({domain: (count + place) // len(domains) for place, domain in enumerate(domains)})
    found: list[Episode] = []
    failed = 0
    try:
        await arena.worker.start()
        for index in counting(seed * 1_000_000):
            for split in splits:
                key = arena.key(split, index)
                domain = arena.plan(key).domain
                if not wanted[domain]:
                    continue
                try:
                    found.append(await arena.make(key))
                except WorkerFailed:
                    failed += 1
                    if failed > HOPELESS * count:
                        raise
                    continue
                wanted[domain] -= 1
                if on_progress is not None:
                    on_progress(len(found), count)
            if len(found) == count:
                return found
    finally:
        await arena.worker.aclose()
    return found


def export(reading: Reading, file: Path) -> tuple[Path, Path, Path]:
    """Write FILE.html and FILE.jsonl for the reader, FILE.key.jsonl for whoever scores the marks.

    Raises:
        ModuleNotFoundError: jinja2 is not installed.
        OSError: a file cannot be written.
    """
    stem = file.with_suffix("") if file.suffix in (".html", ".jsonl") else file
    page, rows, key = (stem.with_name(f"{stem.name}{end}") for end in (".html", ".jsonl", ".key.jsonl"))
    page.write_text(reading_page(reading), encoding="utf-8")
    rows.write_text("".join(f"{row.model_dump_json()}\n" for row in reading.episodes), encoding="utf-8")
    key.write_text("".join(f"{row.model_dump_json()}\n" for row in reading.key), encoding="utf-8")
    return page, rows, key


def reading_page(reading: Reading) -> str:
    """The page for the reader, with nothing of the key in it."""
    import jinja2

    text = files(__package__).joinpath("blind.html.jinja").read_text(encoding="utf-8")
    environment = jinja2.Environment(
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=visible_value,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.from_string(text).render(
        name=reading.name, episodes=reading.episodes, types=[type.value for type in CorruptionType]
    )


def load_marks(file: Path) -> Marks:
    """The marks that the page let its reader download.

    Raises:
        ValueError: the file holds something else.
    """
    wanted = "what the button of the page downloads"
    return read_json(file, TypeAdapter(Marks), wanted=wanted, error=FileError)


def load_key(file: Path) -> tuple[KeyRow, ...]:
    """The key of a reading.

    Raises:
        ValueError: a line is no row of a key; there is none; the rows are of several readings.
    """
    wanted = "the FILE.key.jsonl that was written beside the page"
    rows = tuple(row for _, row in read_json_lines(file, TypeAdapter(KeyRow), wanted=wanted, error=FileError))
    if len({row.reading for row in rows}) != 1:
        raise FileError(f"{file}: rows of {len({row.reading for row in rows})} readings; wanted {wanted}")
    return rows


def score_marks(marks: Marks, key: Sequence[KeyRow]) -> AuditReport:
    """Hold a reader's marks against the key: how often both agree on right or wrong, and where they do not.

    Raises:
        ValueError: the marks are of another reading, or mark a number twice or one that is not in the key.
    """
    truths = {row.number: row for row in key}
    if marks.reading != key[0].reading:
        raise BadArgument(f"the marks are of reading {marks.reading}, the key is of {key[0].reading}")
    numbers = Counter(mark.number for mark in marks.marks)
    for number, times in numbers.items():
        if number not in truths or times > 1:
            raise BadArgument(f"number {number} is marked {times} times; the key has {1 if number in truths else 0}")
    pairs = [(mark, truths[mark.number]) for mark in sorted(marks.marks, key=lambda mark: mark.number)]
    agreed = sum(_agrees(mark, row) for mark, row in pairs)
    rate = agreed / len(pairs)
    flagged = [(mark, row) for mark, row in pairs if not mark.right and row.truth.corrupted]
    return AuditReport(
        audit="reading",
        suite=Key.parse(key[0].key).suite_and_version,
        settings={"reading": marks.reading, "reader": marks.reader, "episodes": len(key), "marked": len(pairs)},
        gates=(
            Gate(
                name="agreement with the labels",
                value=rate,
                limit=AGREED_AT_LEAST,
                passed=rate >= AGREED_AT_LEAST,
                detail=f"{agreed} of {len(pairs)}",
            ),
            Gate(name="episodes read", value=len(pairs), limit=len(key), passed=len(pairs) == len(key)),
        ),
        tables=(
            Table(
                title="agreement",
                columns=("of", "marked", "agreed", "share", "low", "high"),
                rows=tuple(_agreement(pairs)),
                note=f"Interval: Wilson, 95%. Of {len(flagged)} corrupted answers that the reader found wrong, the"
                f" reader named the type of {sum(m.corruption_type is r.truth.corruption_type for m, r in flagged)}.",
            ),
            Table(
                title="where reader and label differ",
                columns=("number", "key", "family", "label", "target", "reader", "note"),
                rows=tuple(
                    (row.number, row.key, row.truth.family, _label(row), row.truth.target, _said(mark), mark.note)
                    for mark, row in pairs
                    if not _agrees(mark, row)
                ),
            ),
            Table(
                title="notes where they agree",
                columns=("number", "key", "family", "label", "reader", "note"),
                rows=tuple(
                    (row.number, row.key, row.truth.family, _label(row), _said(mark), mark.note)
                    for mark, row in pairs
                    if _agrees(mark, row) and (mark.note or _other_type(mark, row))
                ),
            ),
        ),
    )


def _agreement(pairs: Sequence[tuple[Mark, KeyRow]]) -> list[tuple[Cell, ...]]:
    groups: dict[str, list[bool]] = {"all": [_agrees(mark, row) for mark, row in pairs]}
    for form in Form:
        groups[form.value] = [_agrees(mark, row) for mark, row in pairs if row.truth.form is form]
    for type in CorruptionType:
        groups[type.value] = [_agrees(mark, row) for mark, row in pairs if row.truth.corruption_type is type]
    return [(name, len(here), sum(here), *share_cells(sum(here), len(here))) for name, here in groups.items()]


def _agrees(mark: Mark, row: KeyRow) -> bool:
    return mark.right is not row.truth.corrupted


def _other_type(mark: Mark, row: KeyRow) -> bool:
    return not mark.right and mark.corruption_type is not row.truth.corruption_type


def _label(row: KeyRow) -> str:
    return row.truth.corruption_type.value if row.truth.corruption_type else row.truth.form.value


def _said(mark: Mark) -> str:
    return "right" if mark.right else mark.corruption_type.value if mark.corruption_type else "wrong"
