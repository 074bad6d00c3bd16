"""A store is copied while clients play, and what is served from the copy is what they had been told by then."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from .. import postgres
from ..command_line import called
from .chaos import play
from .test_chaos import deployed

pytestmark = pytest.mark.slow


def judged(url: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """A verdict and what was answered."""
    (episode,) = httpx.post(f"{url}/v1/episodes", json={"count": 1}).json()["episodes"]
    verdict = {"detection": True, "explanation": "", "correction": "", "confidence": 0.6}
    body = {"verdicts": [{"episode_id": episode["episode_id"], "attempt": 0, "verdict": verdict}]}
    return body, httpx.post(f"{url}/v1/verdicts", json=body).json()


def command(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "forge_command", *arguments], capture_output=True, text=True, check=False
    )


def test_an_sqlite_store_is_copied_under_load_and_served_again(tmp_path: Path) -> None:
    store, copy = f"sqlite:///{tmp_path}/arena.db", tmp_path / "copy.db"
    with deployed(1, store, tmp_path) as (server,):
        body, answer = judged(server.url)
        done: list[subprocess.CompletedProcess[str]] = []
        play([server.url], 4, lambda: done.append(command("backup", str(copy), "--store", store)), pause=0.1)
        assert done[0].returncode == 0, done[0].stderr
        assert " verdicts" in done[0].stdout
        again = command("backup", str(copy), "--store", store)
        assert (again.returncode, "nothing is overwritten" in again.stderr) == (2, True)
    with deployed(1, f"sqlite:///{copy}", tmp_path) as (restored,):
        assert httpx.post(f"{restored.url}/v1/verdicts", json=body).json() == answer
        new, first = judged(restored.url)
        assert httpx.post(f"{restored.url}/v1/verdicts", json=new).json() == first


def test_a_postgres_store_goes_through_pg_dump_and_pg_restore(
    tmp_path: Path, running_postgres: postgres.Postgres
) -> None:
    dump, restore = postgres.program("pg_dump"), postgres.program("pg_restore")
    if dump is None or restore is None:
        pytest.skip("there is no pg_dump here: install Debian's package postgresql-client")
    store = running_postgres.url(uuid4().hex)
    plain = store.replace("+psycopg", "")
    with deployed(1, store, tmp_path) as (server,):
        body, answer = judged(server.url)
        subprocess.run([dump, "--format=custom", f"--file={tmp_path}/dump", plain], check=True)
    empty = running_postgres.url(uuid4().hex)
    subprocess.run([restore, f"--dbname={empty.replace('+psycopg', '')}", f"{tmp_path}/dump"], check=True)
    with deployed(1, empty, tmp_path) as (restored,):
        assert httpx.post(f"{restored.url}/v1/verdicts", json=body).json() == answer


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--store", "postgresql://somewhere/arena"), "for Postgres: pg_dump"),
        (("--store", "sqlite:////nowhere/arena.db"), "there is no store at /nowhere/arena.db"),
    ],
)
def test_what_cannot_be_copied_is_refused(tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    _, refusal = called("backup", tmp_path / "copy.db", *arguments, code=2)
    assert said in refusal
    assert list(tmp_path.iterdir()) == []


def test_a_copy_that_cannot_be_made_is_not_blamed_on_the_store(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "arena.db")) as store:
        store.execute("create table episodes (id)")
    _, refusal = called("backup", tmp_path / "nowhere" / "copy.db", "--store", tmp_path / "arena.db", code=2)
    assert f"there is no folder {tmp_path}/nowhere" in refusal.replace("\n", "")


def test_what_is_no_store_is_named_and_not_copied(tmp_path: Path) -> None:
    (tmp_path / "notes.db").write_text("hello\n")
    with closing(sqlite3.connect(tmp_path / "other.db")) as other:
        other.execute("create table tasks (name)")
    (tmp_path / "folder.db").mkdir()
    for name, said in (("notes", "no store of an arena"), ("other", "no store of an arena"), ("folder", "is a folder")):
        _, refusal = called("backup", tmp_path / "copy.db", "--store", tmp_path / f"{name}.db", code=2)
        assert f"{name}.db is" in refusal
        assert said in refusal
        assert "give the file that `forge-arena serve --store` writes" in refusal
    assert not list(tmp_path.glob("copy*"))
