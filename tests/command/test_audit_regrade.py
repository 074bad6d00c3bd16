"""`forge-arena audit regrade`: stored verdicts are graded anew, and changes are shown."""

import json
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from shutil import copyfile
from typing import Any

import httpx
import pytest

from ..command_line import called
from ..server_process import running, serving


@dataclass(frozen=True, slots=True)
class Graded:
    """The store of a server to which an overseer gave twenty verdicts, and a regrading of it while the server ran."""

    store: Path
    report: dict[str, Any]
    ready_afterwards: bool


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> Graded:
    store = tmp_path_factory.mktemp("regrade") / "arena.db"
    with running(*serving(store=f"sqlite:///{store}")) as url:
        called("eval", "--overseer", "rules", "--arena", url, "--episodes", "20")
        asked = ("--expect-unchanged", "--database", f"sqlite:///{store}", "--json", "-")
        report = json.loads(called("audit", "regrade", *asked)[0])
        ready = httpx.get(f"{url}/health").json()["ready"]
    return Graded(store, report, ready)


@pytest.fixture
def changed(graded: Graded, tmp_path: Path) -> tuple[Path, list[str]]:
    """A copy of the store in which an older grader gave two verdicts other rewards, and the ids of the two."""
    path = tmp_path / "changed.db"
    copyfile(graded.store, path)
    with closing(sqlite3.connect(path)) as raw, raw:
        ids = [row[0] for row in raw.execute("select episode_id from verdicts order by episode_id limit 2")]
        raw.executemany(
            "update verdicts set reward = 0.123, grader = 'of old' where episode_id = ?", [(i,) for i in ids]
        )
    return path, ids


def test_verdicts_are_graded_anew_while_the_server_runs(graded: Graded) -> None:
    assert [gate["passed"] for gate in graded.report["gates"]] == [True, True]
    assert graded.ready_afterwards is True


def test_a_folder_is_no_store(tmp_path: Path) -> None:
    _, err = called("audit", "regrade", "--database", tmp_path, code=2)
    assert f"{tmp_path} is a folder, and a store is a file: give the file that serve --store writes" in err


def test_a_verdict_of_another_grader_that_changes_fails_a_gate(changed: tuple[Path, list[str]]) -> None:
    out, _ = called("audit", "regrade", "--expect-unchanged", "--database", changed[0], code=1)
    assert "1 of 2 gates fail" in out


def test_changes_are_exported_and_stand_in_the_page(changed: tuple[Path, list[str]], tmp_path: Path) -> None:
    (path, ids), export, page = changed, tmp_path / "changes.jsonl", tmp_path / "page.html"
    called("audit", "regrade", "--expect-unchanged", "--database", path, "--export", export, "--html", page, code=1)
    rows = [json.loads(line) for line in export.read_text(encoding="utf-8").splitlines()]
    assert [(row["episode_id"], row["grader"], row["before"]["reward"]) for row in rows] == [
        (id, "of old", 0.123) for id in ids
    ]
    assert rows[0]["key"] in page.read_text(encoding="utf-8")


def test_verdicts_of_a_time_are_graded(changed: tuple[Path, list[str]]) -> None:
    assert "2 " in called("audit", "regrade", "--database", changed[0], "--since", "2020-01-01")[0]


def test_a_time_without_verdicts_is_refused(graded: Graded) -> None:
    _, err = called("audit", "regrade", "--database", graded.store, "--since", "2999-01-01T00:00:00", code=2)
    assert "error: the store holds no verdict of that time" in err


def test_a_store_that_is_not_there_is_refused(tmp_path: Path) -> None:
    _, err = called("audit", "regrade", "--database", tmp_path / "none.db", code=2)
    assert "there is no such file" in err
