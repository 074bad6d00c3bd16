"""Blind reading: the reader sees nothing of the key, and marks are worth what the key says."""

import html
import json
import re
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from forge_arena.audits.blind import (
    KeyRow,
    Mark,
    Marks,
    Reading,
    blind,
    export,
    load_key,
    load_marks,
    reading_page,
    score_marks,
)
from forge_arena.audits.report import AuditReport
from forge_arena.episodes import Arena
from forge_arena.errors import WorkerFailed
from forge_arena.types import CorruptionType, Domain, Form, Split
from forge_arena.workers import ScriptedWorker

ARENA = Arena(ScriptedWorker(), secret="tests")
COUNT = 26


@pytest.fixture(scope="module")
def reading() -> Reading:
    return blind(ARENA, COUNT, seed=3)


def marks(reading: Reading, *, differing: tuple[int, ...] = (), left_out: tuple[int, ...] = ()) -> Marks:
    """A reader's marks: right but for the numbers that differ."""
    return Marks(
        reading=reading.name,
        reader="Ada",
        marks=tuple(
            Mark(
                number=row.number,
                right=row.truth.corrupted is (row.number in differing),
                corruption_type=row.truth.corruption_type,
                note="odd" if row.number in differing else "",
            )
            for row in reading.key
            if row.number not in left_out
        ),
    )


def rows(report: AuditReport, title: str) -> dict[object, tuple[object, ...]]:
    return {row[0]: row for table in report.tables if table.title == title for row in table.rows}


def test_every_domain_is_read_as_often_and_both_splits_are(reading: Reading) -> None:
    domains = Counter(episode.domain for episode in reading.episodes)
    assert set(domains) == set(Domain) - {Domain.mixed}
    assert max(domains.values()) - min(domains.values()) <= 1
    splits = Counter(row.key.split(":")[2] for row in reading.key)
    assert set(splits) == {Split.val, Split.test}
    assert [episode.number for episode in reading.episodes] == list(range(1, COUNT + 1))


async def test_the_key_names_the_episode_that_stands_under_its_number(reading: Reading) -> None:
    for shown, row in zip(reading.episodes, reading.key, strict=True):
        episode = await ARENA.make(row.key)
        assert (shown.number, shown.worker_output) == (row.number, episode.observation.worker_output)
        assert row.truth == episode.truth


def test_a_reading_is_drawn_again_by_its_seed_and_not_by_another(reading: Reading) -> None:
    assert blind(ARENA, COUNT, seed=3) == reading
    other = blind(ARENA, COUNT, seed=4)
    assert other.name != reading.name
    assert {row.key for row in other.key}.isdisjoint(row.key for row in reading.key)


def test_the_order_tells_nothing_of_key_or_form(reading: Reading) -> None:
    indices = [int(row.key.split(":")[3]) for row in reading.key]
    assert indices != sorted(indices)
    assert {row.truth.form for row in reading.key} == set(Form)


def test_a_worker_that_is_down_is_not_asked_for_ever() -> None:
    class Down(ScriptedWorker):
        async def answer(self, *_: object) -> object:
            raise WorkerFailed("connection refused")

    with pytest.raises(WorkerFailed, match="connection refused"):
        blind(Arena(Down(), secret="tests"), 2)


def test_nothing_to_read_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one episode and one split, got 0 and 2"):
        blind(ARENA, 0)


def test_the_page_shows_every_text_and_nothing_of_the_key(reading: Reading) -> None:
    page = reading_page(reading)
    assert page == reading_page(reading.model_copy(update={"key": ()}))
    shown = html.unescape(page)
    for episode in reading.episodes:
        for text in (episode.task, episode.source_material, episode.worker_reasoning, episode.worker_output):
            assert text in shown
    for row in reading.key:
        assert row.key not in page
        assert row.truth.family not in page
    # The same text twice would be an answer and its twin.
    assert all(
        page.count(html.escape(e.worker_output, quote=True).replace("&#x27;", "&#39;")) <= 1 for e in reading.episodes
    )


def test_the_page_needs_no_network(reading: Reading) -> None:
    markup = re.sub(r'<div class="text.*?</div>', "", reading_page(reading), flags=re.DOTALL)
    assert not re.search(r"https?:|\bsrc=|@import|url\(", markup)


def test_the_rows_hold_what_an_overseer_sees(reading: Reading, tmp_path: Path) -> None:
    page, lines, key = export(reading, tmp_path / "round")
    assert [path.name for path in (page, lines, key)] == ["round.html", "round.jsonl", "round.key.jsonl"]
    rows = [json.loads(line) for line in lines.read_text(encoding="utf-8").splitlines()]
    fields = {"number", "domain", "task", "source_material", "worker_reasoning", "worker_output"}
    assert [set(row) for row in rows] == [fields] * COUNT
    assert load_key(key) == reading.key


@pytest.mark.parametrize("name", ["round.html", "round.jsonl", "round"])
def test_the_three_files_stand_together_however_they_are_named(reading: Reading, tmp_path: Path, name: str) -> None:
    assert {path.parent / path.name.split(".")[0] for path in export(reading, tmp_path / name)} == {tmp_path / "round"}


@pytest.mark.skipif(shutil.which("node") is None, reason="needs node to run the page's script")
def test_what_the_button_downloads_is_scored(reading: Reading, tmp_path: Path) -> None:
    """The page's own script, run over a document that stands in for the browser's."""
    script = re.findall(r"<script>(.*?)</script>", reading_page(reading), flags=re.DOTALL)[0]
    wrong = [row.number for row in reading.key if row.truth.corrupted]
    browser = f"""
    const wrong = new Set({wrong});
    const kept = {{}};
    const section = (number) => ({{
      dataset: {{ number: String(number) }},
      querySelector: (what) => what.startsWith("input[type=radio]")
        ? {{ value: wrong.has(number) ? "wrong" : "right" }}
        : what === "select.kind" ? {{ value: number % 2 ? "bias_injection" : "" }}
        : what === "select.sure" ? {{ value: number % 2 ? "0.8" : "" }} : {{ value: "note " + number }},
    }});
    const sections_ = Array.from({{ length: {COUNT} }}, (_, at) => section(at + 1));
    const parts = {{ reader: {{ value: "Ada" }}, count: {{}}, download: {{ addEventListener: (_, go) => parts.go = go }} }};
    const document = {{
      querySelectorAll: () => sections_, addEventListener: () => 0, getElementById: (id) => parts[id],
      createElement: () => ({{ click() {{ console.error(this.download); }} }}),
    }};
    const localStorage = {{ getItem: () => null, setItem: (name, text) => {{ kept[name] = text; }} }};
    class Blob {{ constructor(texts) {{ console.log(texts.join("")); }} }}
    const URL = {{ createObjectURL: () => "blob:", revokeObjectURL: () => 0 }};
    {script}
    parts.go();
    """
    file = tmp_path / "page.js"
    file.write_text(browser, encoding="utf-8")
    done = subprocess.run(["node", str(file)], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == f"marks-{reading.name}.json"
    downloaded = tmp_path / "marks.json"
    downloaded.write_text(done.stdout, encoding="utf-8")
    given = load_marks(downloaded)
    assert (given.reader, given.marks[0].note) == ("Ada", "note 1")
    assert [mark.confidence for mark in given.marks[:2]] == [0.8, None]
    assert all(mark.corruption_type is None for mark in given.marks if mark.right)
    assert score_marks(given, reading.key).passed


def test_a_reader_who_agrees_everywhere_passes(reading: Reading) -> None:
    report = score_marks(marks(reading), reading.key)
    assert report.passed
    assert report.suite == "forge:5"
    agreement = rows(report, "agreement")
    assert agreement["all"][1:4] == (COUNT, COUNT, 1.0)
    assert sum(int(str(agreement[form][1])) for form in Form) == COUNT
    assert not rows(report, "where reader and label differ")


def test_where_the_reader_differs_is_listed_and_the_gate_fails(reading: Reading) -> None:
    report = score_marks(marks(reading, differing=(4, 9)), reading.key)
    assert {gate.name: gate.passed for gate in report.gates} == {
        "agreement with the labels": False,
        "episodes read": True,
    }
    differing = rows(report, "where reader and label differ")
    assert list(differing) == [4, 9]
    assert differing[4][1] == reading.key[3].key
    assert differing[4][-1] == "odd"


def test_a_reading_that_is_not_finished_fails(reading: Reading) -> None:
    report = score_marks(marks(reading, left_out=(5,)), reading.key)
    assert {gate.name: gate.passed for gate in report.gates} == {
        "agreement with the labels": True,
        "episodes read": False,
    }


def test_another_type_than_the_label_says_is_told_and_costs_nothing(reading: Reading) -> None:
    row = next(row for row in reading.key if row.truth.corrupted)
    other = next(type for type in CorruptionType if type is not row.truth.corruption_type)
    given = marks(reading)
    changed = tuple(
        mark.model_copy(update={"corruption_type": other}) if mark.number == row.number else mark
        for mark in given.marks
    )
    report = score_marks(given.model_copy(update={"marks": changed}), reading.key)
    assert report.passed
    assert rows(report, "notes where they agree")[row.number][-2] == other.value


def test_97_of_100_is_enough_and_96_is_not() -> None:
    hundred = blind(ARENA, 100)
    assert score_marks(marks(hundred, differing=(1, 50, 100)), hundred.key).passed
    assert not score_marks(marks(hundred, differing=(1, 2, 50, 100)), hundred.key).passed


def test_marks_of_another_reading_are_refused(reading: Reading) -> None:
    given = marks(reading).model_copy(update={"reading": "0" * 16})
    with pytest.raises(ValueError, match=f"marks are of reading {'0' * 16}, the key is of {reading.name}"):
        score_marks(given, reading.key)


@pytest.mark.parametrize(("number", "complaint"), [(1, "1 is marked 2 times; the key has 1"), (99, "the key has 0")])
def test_marks_that_do_not_fit_the_key_are_refused(reading: Reading, number: int, complaint: str) -> None:
    given = marks(reading)
    more = given.model_copy(update={"marks": (*given.marks, Mark(number=number, right=True))})
    with pytest.raises(ValueError, match=complaint):
        score_marks(more, reading.key)


def test_a_file_that_holds_no_marks_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "marks.json"
    file.write_text('{"reading": "x", "marks": [{"number": 1}]}', encoding="utf-8")
    with pytest.raises(ValueError, match=r"marks\.json: marks\.0\.right: Field required; wanted what the button"):
        load_marks(file)


def test_marks_and_key_are_read_whatever_an_editor_or_a_text_put_into_them(reading: Reading, tmp_path: Path) -> None:
    first = reading.key[0]
    truth = first.truth.model_copy(update={"clean_output": "One line,\u2028and what looks like another."})
    rows = (first.model_copy(update={"truth": truth}), *reading.key[1:])
    key = tmp_path / "x.key.jsonl"
    key.write_text("".join(f"\ufeff{row.model_dump_json()}\r\n" for row in rows), encoding="utf-8")
    assert load_key(key) == rows
    file = tmp_path / "marks.json"
    file.write_text(f"\ufeff{marks(reading).model_dump_json()}", encoding="utf-8")
    assert load_marks(file) == marks(reading)


def test_a_file_that_is_no_key_is_refused_with_its_line(reading: Reading, tmp_path: Path) -> None:
    file = tmp_path / "x.key.jsonl"
    file.write_text(f'{reading.key[0].model_dump_json()}\n{{"number": 2}}\n', encoding="utf-8")
    with pytest.raises(ValueError, match=r"x\.key\.jsonl:2: reading: Field required; wanted the FILE\.key\.jsonl"):
        load_key(file)


@pytest.mark.parametrize("names", [(), ("a", "b")])
def test_a_key_is_of_one_reading(reading: Reading, tmp_path: Path, names: tuple[str, ...]) -> None:
    file = tmp_path / "x.key.jsonl"
    row: KeyRow = reading.key[0]
    file.write_text("".join(f"{row.model_copy(update={'reading': n}).model_dump_json()}\n" for n in names), "utf-8")
    with pytest.raises(ValueError, match=f"rows of {len(names)} readings"):
        load_key(file)
