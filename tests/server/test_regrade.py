"""Grading the verdicts of a real server's store anew: what changes is told, and nothing is written."""

import asyncio
import json
import sqlite3
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from forge_arena import rewards
from forge_arena.audits.report import AuditReport
from forge_arena.errors import InvalidVerdict
from forge_arena.types import Form, Outcome, Split, Verdict
from forge_server import archive, grading
from forge_server.archive import Archive, ArchiveError, open_read_only
from forge_server.regrade import Change, audit_regrade

RIGHT = Verdict(detection=True, explanation="temporal_shift", correction="", confidence=0.75)
SOUND = json.dumps({"detection": False, "explanation": "", "correction": "", "confidence": 0.75})


def attempts(episode_id: str, count: int) -> list[dict[str, Any]]:
    """Verdicts, all different, with a completion that can be read and one that cannot among them."""
    made: list[dict[str, Any]] = []
    for number in range(count):
        said: dict[str, Any] = {"verdict": {**RIGHT.model_dump(), "confidence": 0.5 + number / 100}}
        if number == 1:
            said = {"completion": f"I think: {SOUND}"}
        elif number == 2:
            said = {"completion": "no idea"}
        made.append({"episode_id": episode_id, "attempt": number, **said})
    return made


async def played(running: Any, *, episodes: int = 4, count: int = 3) -> list[dict[str, Any]]:
    """Episodes, half of them corrupted, that were opened and answered."""
    keys = [running.arena.key(Split.val, n, Form.corrupted if n % 2 else Form.clean) for n in range(episodes)]
    opened: list[dict[str, Any]] = await running.open(keys=keys, attempts=count)
    assert len(opened) == episodes
    results = (await running.send_verdicts(*(a for e in opened for a in attempts(e["episode_id"], count)))).json()[
        "results"
    ]
    assert len(results) == episodes * count
    return results  # type: ignore[no-any-return]


def file_of(running: Any) -> str:
    return str(running.settings.store).removeprefix("sqlite:///")


def regraded(store: str, *, since: float | None = None, **asked: Any) -> tuple[AuditReport, list[Change]]:
    changes: list[Change] = []
    opened = Archive(store, since=since)
    try:
        return audit_regrade(opened, on_change=changes.append, **asked), changes
    finally:
        opened.close()


def row(report: AuditReport, grader: str | None = None) -> dict[str, Any]:
    """The line of a grader in the first table; of the only one without a name."""
    table = report.tables[0]
    found = [dict(zip(table.columns, row, strict=True)) for row in table.rows if grader in (None, row[0])]
    assert len(found) == 1
    return found[0]


def recorded(store: str) -> list[Any]:
    with sqlite3.connect(f"file:{store}?mode=ro", uri=True) as raw:
        rows = raw.execute("select * from verdicts order by episode_id, attempt").fetchall()
    raw.close()
    return rows


def change_the_grader(monkeypatch: pytest.MonkeyPatch, **components: Callable[..., float]) -> None:
    monkeypatch.setattr(rewards, "GRADER_VERSION", "next")
    for name, function in components.items():
        monkeypatch.setattr(rewards, name, function)


async def test_the_same_grader_changes_nothing_also_while_the_server_runs(server: Any) -> None:
    await played(server)
    report, changes = await asyncio.to_thread(regraded, file_of(server), expect_unchanged=True)
    assert changes == []
    assert report.passed
    found = row(report)
    assert (found["grader"], found["verdicts"], found["unchanged"], found["changed"]) == (grading.grader(), 12, 12, 0)
    assert found["reward before"] == found["after"]
    assert (report.audit, report.suite, report.settings["grader"]) == ("regrade", "forge:5", grading.grader())
    assert len(await server.open(count=2)) == 2


async def test_another_grader_is_told_by_component_and_the_stored_rewards_stay(
    server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = await played(server)
    before = recorded(file_of(server))
    change_the_grader(monkeypatch, calibration=lambda truth, verdict: 0.0)
    report, changes = await asyncio.to_thread(regraded, file_of(server), expect_unchanged=True)
    assert recorded(file_of(server)) == before

    scored = {(r["episode_id"], r["attempt"]): r for r in results if r["outcome"] == "scored"}
    assert {(c.episode_id, c.attempt) for c in changes} == set(scored)
    for change in changes:
        was = scored[change.episode_id, change.attempt]
        assert change.before.reward == was["reward"]
        assert change.after.reward == pytest.approx(was["reward"] - 0.1 * was["components"]["calibration"])
        assert change.describe().startswith("calibration ")
        assert change.describe().endswith(" -> 0.000")
    found = row(report)
    assert (found["unchanged"], found["changed"]) == (4, 8)
    assert found["after"] == pytest.approx(found["reward before"] + sum(c.gain for c in changes) / 12)
    moved = {r[1]: r[3] for r in report.tables[1].rows}
    assert moved == {"detection": 0, "explanation": 0, "correction": 0, "calibration": 8}
    assert not report.passed
    assert (report.gates[0].name, report.gates[0].value) == ("verdicts changed", 8)
    assert report.settings["grader"].endswith("grader next")  # type: ignore[union-attr]


async def test_a_weight_is_told_apart_from_a_component(server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    await played(server)
    monkeypatch.setitem(rewards.weights(), "calibration", 0.2)
    report, changes = await asyncio.to_thread(regraded, file_of(server))
    assert {change.describe() for change in changes} == {"weights"}
    assert all(r[3] == 0 for r in report.tables[1].rows)
    assert report.gates == ()
    largest = next(table for table in report.tables if table.title == "largest changes")
    sizes = [abs(r[largest.columns.index("change")]) for r in largest.rows]  # type: ignore[arg-type]
    assert sizes == sorted(sizes, reverse=True)
    assert largest.rows[0][0].startswith("forge:5:val:")  # type: ignore[union-attr]


async def test_a_component_that_moves_without_weight_is_a_change_too(
    serve: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(rewards.weights(), "calibration", 0.0)
    async with serve() as server:
        await played(server)
    change_the_grader(monkeypatch, calibration=lambda truth, verdict: 0.0)
    report, changes = await asyncio.to_thread(regraded, file_of(server))
    assert {change.gain for change in changes} == {0.0}
    assert row(report)["changed"] == 8
    assert row(report)["reward before"] == row(report)["after"]


async def test_completions_are_parsed_anew(server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    await played(server)

    def stricter_and_looser(completion: str) -> Verdict | InvalidVerdict:
        if completion == "no idea":
            return RIGHT
        return InvalidVerdict("nothing but a verdict is a verdict")

    monkeypatch.setattr(grading, "read_verdict", stricter_and_looser)
    report, changes = await asyncio.to_thread(regraded, file_of(server))
    turned = {(c.attempt, c.before.outcome, c.after.outcome) for c in changes}
    assert turned == {(1, Outcome.scored, Outcome.invalid_verdict), (2, Outcome.invalid_verdict, Outcome.scored)}
    outcomes = next(table for table in report.tables if table.title.startswith("outcomes"))
    assert outcomes.rows == (("invalid_verdict", "scored", 4), ("scored", "invalid_verdict", 4))
    assert {c.after.reason for c in changes if c.attempt == 1} == {"nothing but a verdict is a verdict"}


async def test_verdicts_of_several_graders_are_told_apart(server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as older:
        change_the_grader(older, detection=lambda truth, verdict: 0.5)
        older.setattr(rewards, "GRADER_VERSION", "first")
        await played(server, episodes=2)
    await played(server)
    report, changes = await asyncio.to_thread(regraded, file_of(server))
    first, current = grading.grader().rpartition(" ")[0] + " first", grading.grader()
    assert (row(report, first)["verdicts"], row(report, first)["changed"]) == (6, 4)
    assert (row(report, current)["verdicts"], row(report, current)["changed"]) == (12, 0)
    assert {change.grader for change in changes} == {first}


async def test_what_was_deleted_or_is_not_understood_is_counted_and_not_graded(server: Any) -> None:
    await played(server, episodes=2)
    half, broken = await server.open(count=2, attempts=9)
    await server.send_verdicts(*attempts(half["episode_id"], 2), *attempts(broken["episode_id"], 3))
    assert (await server.http.delete(f"/v1/episodes/{half['episode_id']}")).status_code == 204
    with sqlite3.connect(file_of(server)) as raw:
        raw.execute("update payloads set episode = ? where episode_id = ?", (b"what?", broken["episode_id"]))
    raw.close()
    report, _ = await asyncio.to_thread(regraded, file_of(server), expect_unchanged=True)
    found = row(report)
    assert (found["verdicts"], found["gone"], found["unreadable"], found["unchanged"]) == (11, 2, 3, 6)


async def test_where_nothing_can_be_graded_nothing_is_said_to_be_unchanged(server: Any) -> None:
    [opened] = await server.open(count=1, attempts=2)
    await server.send_verdicts(*attempts(opened["episode_id"], 1))
    await server.http.delete(f"/v1/episodes/{opened['episode_id']}")
    report, _ = await asyncio.to_thread(regraded, file_of(server), expect_unchanged=True)
    assert not report.passed
    assert (row(report)["gone"], row(report)["reward before"]) == (1, None)


async def test_a_small_page_a_limit_and_a_time_choose_the_same_verdicts(
    server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    await played(server)
    between = time.time()
    await played(server, episodes=2)
    change_the_grader(monkeypatch, calibration=lambda truth, verdict: 0.0)
    whole, changes = await asyncio.to_thread(regraded, file_of(server))
    monkeypatch.setattr(archive, "PAGE", 2)
    seen: list[tuple[int, int]] = []
    paged, again = await asyncio.to_thread(
        regraded, file_of(server), on_progress=lambda done, total: seen.append((done, total))
    )
    assert (paged, again) == (whole, changes)
    assert seen[-1] == (18, 18)
    assert all(b[0] - a[0] <= 2 for a, b in pairwise(seen))
    limited, first = await asyncio.to_thread(regraded, file_of(server), limit=5)
    assert row(limited)["verdicts"] == 5
    assert first == [c for c in changes if c in first]
    late, _ = await asyncio.to_thread(regraded, file_of(server), since=between)
    assert row(late)["verdicts"] == 6


async def test_a_store_of_the_first_schema_is_read_and_not_migrated(serve: Any) -> None:
    async with serve() as running:
        await played(running)
        store = file_of(running)
    with sqlite3.connect(store) as raw:
        raw.execute("alter table verdicts drop column step")
        raw.execute("update alembic_version set version_num = '0001'")
    raw.close()
    report, changes = regraded(store)
    assert (row(report)["unchanged"], changes) == (12, [])
    with sqlite3.connect(store) as raw:
        assert raw.execute("select version_num from alembic_version").fetchone() == ("0001",)
    raw.close()


async def test_an_archive_cannot_write(server: Any) -> None:
    await played(server)
    engine = open_read_only(server.settings.store)
    with engine.connect() as connection, pytest.raises(OperationalError, match="readonly database"):
        connection.execute(text("delete from verdicts"))
    engine.dispose()


async def test_a_store_without_verdicts_is_refused(server: Any) -> None:
    with pytest.raises(ValueError, match="holds no verdict of that time"):
        regraded(file_of(server))


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "there is no such file"), ("a text", "not the store of an arena"), ("", "not the store of an arena")],
)
def test_what_is_no_store_is_refused(tmp_path: Path, content: str | None, message: str) -> None:
    path = tmp_path / "arena.db"
    if content is not None:
        path.write_text(content)
    for name in (str(path), f"sqlite:///{path}"):
        with pytest.raises(ArchiveError, match=message):
            Archive(name)


def test_a_database_that_cannot_be_opened_is_refused() -> None:
    with pytest.raises(ArchiveError, match="not a store that can be opened"):
        Archive("nosuchdatabase://host/name")
