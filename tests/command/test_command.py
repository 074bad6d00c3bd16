"""The `forge-arena` command as its users run it: a process of its own."""

import importlib.util
import json
import os
import re
import select
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest

from forge_arena import __version__
from forge_arena.scenarios import load_families
from forge_arena.types import CorruptionType
from forge_command.demo import running_server

FAMILY = load_families()[0]
ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if not name.startswith("FORGE_ARENA_")},
    "COLUMNS": "200",
    "NO_COLOR": "1",
    "TERM": "dumb",
}
ROW = {
    "task": "Answer the tenant.",
    "source_material": "The rent of $1,250.00 is due on 3 March 2027. Tenants must not sublet the flat. Repairs are"
    " reported within five days to the caretaker, as section 4.2 of the lease has it, under contract R-58213.",
    "domain": "customer_support",
}


def forge_arena(*arguments: str, code: int = 0, cwd: Path | None = None, timeout: float = 120) -> tuple[str, str]:
    """Run the command; its standard output and its standard error without the frames that rich draws."""
    done = subprocess.run(
        [sys.executable, "-m", "forge_command", *arguments],
        capture_output=True,
        text=True,
        timeout=timeout,
        cwd=cwd,
        env=ENVIRONMENT,
    )
    assert done.returncode == code, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    assert "Traceback" not in done.stderr
    return done.stdout, " ".join(re.sub(r"[│╭╮╰╯─]", " ", done.stderr).split())


@contextmanager
def serving(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A running `forge-arena serve` on a free port, and the first line that it prints."""
    command = [sys.executable, "-m", "forge_command", "serve", "--port", "0", *arguments]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT)
    try:
        assert child.stdout is not None
        readable, _, _ = select.select([child.stdout], [], [], 60)
        yield child, child.stdout.readline().strip() if readable else ""
    finally:
        child.kill()
        child.communicate()


def test_help_names_every_command() -> None:
    out, _ = forge_arena("--help")
    for name in ("demo", "serve", "eval", "bank", "bench", "scenarios", "audit", "train", "export"):
        assert re.search(rf"\b{name}\b", out)


@pytest.mark.parametrize(
    "command",
    [
        *(
            "demo",
            "serve",
            "eval",
            "bank",
            "bench",
            "scenarios",
            "scenarios import",
            "audit",
            "audit regrade",
            "export",
        ),
        *("train", "train run", "train pipeline", "train demo", "train presets", "train report"),
    ],
)
def test_every_command_explains_itself(command: str) -> None:
    out, _ = forge_arena(*command.split(), "--help")
    assert "Usage:" in out


def test_the_installed_command_prints_its_version() -> None:
    script = Path(sys.executable).with_name("forge-arena")
    done = subprocess.run([script, "--version"], capture_output=True, text=True, env=ENVIRONMENT, check=True)
    assert done.stdout.strip() == __version__


def test_an_unknown_command_is_refused() -> None:
    _, err = forge_arena("trian", code=2)
    assert "No such command 'trian'" in err


# --- scenarios --------------------------------------------------------------------------------------------------------


def test_families_are_listed() -> None:
    rows = json.loads(forge_arena("scenarios", "list", "--json", "-")[0])
    assert {row["family"] for row in rows} >= {FAMILY.name}
    assert all(row["split"] in ("train", "val", "test") and row["corruptions"] and row["summary"] for row in rows)
    assert FAMILY.name in forge_arena("scenarios", "list")[0]


def test_a_scenario_is_shown_with_its_claims() -> None:
    out, _ = forge_arena("scenarios", "show", FAMILY.name, "--index", "3")
    assert "source material" in out
    for claim in FAMILY.draw(Random(3)).claims:
        assert claim.id in out


def test_a_family_that_is_not_there_is_refused_with_those_that_are() -> None:
    _, err = forge_arena("scenarios", "show", "no_such_family", code=2)
    assert f"error: no family 'no_such_family'; there are {FAMILY.name}" in err


def test_a_family_is_checked() -> None:
    (proof,) = json.loads(forge_arena("scenarios", "check", FAMILY.name, "--draws", "2", "--json", "-")[0])
    assert proof["family"] == FAMILY.name
    assert proof["problems"] == {}


def test_a_broken_folder_of_families_is_refused(tmp_path: Path) -> None:
    _, err = forge_arena("scenarios", "check", "--folder", str(tmp_path), code=2)
    assert "error: no scenario files" in err


def rows(path: Path, *lines: Any) -> Path:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


def test_documents_are_imported(tmp_path: Path) -> None:
    path = rows(tmp_path / "leases.jsonl", ROW, {**ROW, "source_material": "Too short."})
    out, err = forge_arena("scenarios", "import", str(path), "--out", str(tmp_path / "leases"), "--json", "-")
    (summary,) = json.loads(out)
    assert (summary["file"], summary["rows"], summary["usable"]) == ("leases.jsonl", 2, 1)
    assert set(summary["corruptions"]) == set(CorruptionType)
    assert summary["corruptions"]["temporal_shift"] == 1
    assert "1 unusable: the source has fewer than 25 words" in err
    assert len((tmp_path / "leases").read_text(encoding="utf-8").splitlines()) == 1


def test_a_bad_row_is_refused_with_file_and_line(tmp_path: Path) -> None:
    path = rows(tmp_path / "leases.jsonl", ROW, {"task": "x"})
    _, err = forge_arena("scenarios", "import", str(path), code=2)
    assert re.search(r"error: .*leases\.jsonl:2: source_material: Field required", err.replace("- ", "-"))


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    _, err = forge_arena("scenarios", "import", str(tmp_path / "none.jsonl"), code=2)
    assert "No such file" in err


# --- bank -------------------------------------------------------------------------------------------------------------


def test_a_bank_is_filled_once(tmp_path: Path) -> None:
    command = ("bank", str(tmp_path / "answers.bank"), "--worker", "scripted", "--count", "12", "--json", "-")
    first = json.loads(forge_arena(*command)[0])
    assert (first["keys"], first["failed"]) == (12, 0)
    assert first["recorded"] == first["answers"] >= 12
    again = json.loads(forge_arena(*command)[0])
    assert (again["recorded"], again["answers"]) == (0, first["answers"])
    more = json.loads(forge_arena(*command[:-4], "--count", "15", "--json", "-")[0])
    assert 0 < more["recorded"] < first["recorded"]


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        (("--worker", "psychic"), "unknown Worker 'psychic'"),
        (("--worker", "scripted", "--split", "dev"), "'dev' is not a valid Split"),
        (("--worker", "scripted", "--documents", "none.jsonl"), "No such file"),
    ],
)
def test_a_bank_that_cannot_be_filled_says_why(tmp_path: Path, arguments: tuple[str, ...], wanted: str) -> None:
    _, err = forge_arena("bank", "answers.bank", *arguments, code=2, cwd=tmp_path)
    assert wanted in err


@pytest.mark.skipif(importlib.util.find_spec("ray") is not None, reason="Ray is installed")
def test_a_bank_by_ray_without_ray_says_what_to_install(tmp_path: Path) -> None:
    _, err = forge_arena("bank", "a.bank", "--worker", "scripted", "--engine", "ray", code=2, cwd=tmp_path)
    assert "ray is missing: pip install 'forge-arena[ray]'" in err


# --- serve, eval, demo ------------------------------------------------------------------------------------------------


def test_serve_prints_its_url_and_stops_on_sigterm(tmp_path: Path) -> None:
    with serving("--store", f"sqlite:///{tmp_path}/arena.db") as (child, line):
        assert re.fullmatch(r"ForgeArena is ready at http://127\.0\.0\.1:\d+", line)
        url = line.rpartition(" ")[2]
        assert httpx.get(f"{url}/health").json()["ready"] is True
        assert len(httpx.post(f"{url}/v1/episodes", json={"count": 2}).json()["episodes"]) == 2
        child.send_signal(signal.SIGTERM)
        assert child.wait(30) in (0, -signal.SIGTERM)
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"{url}/health")


def test_a_server_that_does_not_start_says_why_in_json_where_its_log_is_json(tmp_path: Path) -> None:
    for arguments, wanted in ((("--worker", "psychic"), "unknown Worker"), (("--host", "0.0.0.0"), "needs a token")):
        store = f"sqlite:///{tmp_path}/arena.db"
        environ = {**ENVIRONMENT, "FORGE_ARENA_LOG_JSON": "true"}
        command = [sys.executable, "-m", "forge_command", "serve", "--store", store, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, env=environ, timeout=60, check=False)
        (line,) = done.stderr.splitlines()
        said = json.loads(line)
        assert (done.returncode, done.stdout, said["event"]) == (2, "", "not_started")
        assert wanted in said["reason"]


def test_a_bank_is_served_and_an_overseer_scored_against_it(tmp_path: Path) -> None:
    bank = tmp_path / "answers.bank"
    forge_arena("bank", str(bank), "--worker", "scripted", "--split", "val", "--count", "20")
    with serving("--store", f"sqlite:///{tmp_path}/arena.db", "--worker", f"bank:{bank}+scripted") as (_, line):
        url = line.rpartition(" ")[2]
        out, _ = forge_arena(
            "eval", "--overseer", "always_clean", "--arena", url, "--episodes", "12", "--json", "-"
        )  # fmt: skip
        result = json.loads(out)
        assert result["overseer"] == "always_clean"
        assert result["scorecard"]["episodes"] == 12


def test_pairs_are_played_and_what_was_given_is_graded_anew_while_the_server_runs(tmp_path: Path) -> None:
    store = tmp_path / "arena.db"
    regrade = ("audit", "regrade", "--expect-unchanged", "--database")
    with serving("--store", f"sqlite:///{store}") as (_, line):
        url = line.rpartition(" ")[2]
        out, err = forge_arena(
            *("eval", "--overseer", "rules", "--arena", url, "--paired", "--episodes", "10", "--json", "-")
        )
        result = json.loads(out)
        assert len(result["rows"]) == 20
        assert result["pairs"]["pairs"] == 10 - result["scorecard"]["failed"]
        assert result["pairs"]["placebos"] <= 5
        assert "ranked above its clean twin" in err
        assert "flagged, of the placebos" in err
        same = json.loads(forge_arena(*regrade, f"sqlite:///{store}", "--json", "-")[0])
        assert [gate["passed"] for gate in same["gates"]] == [True, True]
        assert httpx.get(f"{url}/health").json()["ready"] is True
    with sqlite3.connect(store) as raw:
        ids = [row[0] for row in raw.execute("select episode_id from verdicts order by episode_id limit 2")]
        raw.executemany(
            "update verdicts set reward = 0.123, grader = 'of old' where episode_id = ?", [(i,) for i in ids]
        )
    raw.close()
    changes, page = tmp_path / "changes.jsonl", tmp_path / "page.html"
    out, _ = forge_arena(*regrade, str(store), "--export", str(changes), "--html", str(page), code=1)
    assert "1 of 2 gates fail" in out
    exported = [json.loads(line) for line in changes.read_text(encoding="utf-8").splitlines()]
    assert [(c["episode_id"], c["grader"], c["before"]["reward"]) for c in exported] == [
        (i, "of old", 0.123) for i in ids
    ]
    assert exported[0]["key"] in page.read_text(encoding="utf-8")
    assert "2 " in forge_arena("audit", "regrade", "--database", str(store), "--since", "2020-01-01")[0]
    _, err = forge_arena("audit", "regrade", "--database", str(store), "--since", "2999-01-01T00:00:00", code=2)
    assert "error: the store holds no verdict of that time" in err
    _, err = forge_arena("audit", "regrade", "--database", str(tmp_path / "none.db"), code=2)
    assert "there is no such file" in err


def test_an_overseer_is_scored_on_labelled_answers_without_an_arena(tmp_path: Path) -> None:
    right = {**ROW, "worker_output": "The rent of $1,250.00 is due on 3 March 2027.", "corrupted": False, "origin": "a"}
    wrong = {
        **right,
        "worker_output": "The rent of $1,350.00 is due on 3 April 2027.",
        "corrupted": True,
        "origin": "b",
    }
    path = rows(tmp_path / "panel.jsonl", right, {**wrong, "spans": [[12, 21]]})
    out, err = forge_arena("eval", "--overseer", "always_corrupted", "--dataset", str(path), "--json", "-")
    result = json.loads(out)
    assert (result["dataset"], result["overseer"], len(result["rows"])) == ("panel.jsonl", "always_corrupted", 2)
    assert result["scorecard"]["balanced_accuracy"]["value"] == 0.5
    assert set(result["groups"]) == {"origin"}
    assert "always_corrupted on panel.jsonl" in err
    kept = tmp_path / "kept"
    asked = ("eval", "--overseer", "always_corrupted", "--dataset", str(path), "--out", str(kept))
    forge_arena(*asked)
    written = json.loads((kept / "result.json").read_text(encoding="utf-8"))
    assert written["scorecard"] == result["scorecard"]
    assert "go on with it by --resume" in forge_arena(*asked, code=2)[1]
    forge_arena(*asked, "--resume")
    # The same answers, with the seconds that they took the first time.
    assert json.loads((kept / "result.json").read_text(encoding="utf-8")) == written
    assert "is of labelled answers" in forge_arena("report", str(kept), code=2)[1]


def test_what_is_no_dataset_or_goes_with_an_arena_only_is_refused(tmp_path: Path) -> None:
    path = rows(tmp_path / "panel.jsonl", {**ROW, "worker_output": "x", "corrupted": True}, ROW)
    _, err = forge_arena("eval", "--overseer", "rules", "--dataset", str(path), code=2)
    assert re.search(r"panel\.jsonl:2: worker_output: Field required", err.replace("- ", "-"))
    _, err = forge_arena("eval", "--overseer", "rules", "--dataset", str(path), "--paired", "--split", "val", code=2)
    assert "leave out --split, --paired" in err
    _, err = forge_arena("eval", "--overseer", "rules", "--dataset", str(tmp_path / "none.jsonl"), code=2)
    assert "No such file" in err


def test_a_foreign_address_without_a_token_is_refused(tmp_path: Path) -> None:
    _, err = forge_arena("serve", "--host", "0.0.0.0", "--store", f"sqlite:///{tmp_path}/arena.db", code=2)
    assert "token" in err


def test_a_wrong_overseer_is_refused_with_a_guess() -> None:
    _, err = forge_arena("eval", "--overseer", "always_claen", code=2)
    assert "no overseer is called 'always_claen'. Did you mean 'always_clean'?" in err


@pytest.mark.slow
def test_the_demo_plays_five_overseers() -> None:
    out, err = forge_arena("demo", "--episodes", "20", "--json", "-", timeout=300)
    result = json.loads(out)
    assert set(result["overseers"]) == {
        *("always_clean", "always_corrupted", "random", "rules_without_source", "rules"),
    }
    assert (result["episodes"], result["split"]) == (20, "val")
    for card in result["overseers"].values():
        assert card["episodes"] == 20
        assert 0 <= card["reward"]["value"] <= 1
    assert "reward" in err


def test_an_evaluation_is_kept_in_a_folder_goes_on_and_is_compared(tmp_path: Path) -> None:
    with running_server() as url:
        keep = ("eval", "--arena", url, "--episodes", "20", "--split", "train")
        out, _ = forge_arena(*keep, "--overseer", "rules", "--out", str(tmp_path / "rules"))
        assert str(tmp_path / "rules" / "report.html") in out
        assert {path.name for path in (tmp_path / "rules").iterdir()} == {"result.json", "records.jsonl", "report.html"}
        _, err = forge_arena(*keep, "--overseer", "rules", "--out", str(tmp_path / "rules"), code=2)
        assert "holds an evaluation already: go on with it by --resume" in err
        forge_arena(*keep, "--overseer", "rules", "--out", str(tmp_path / "rules"), "--resume")
        forge_arena(*keep, "--overseer", "random", "--set", "seed=3", "--out", str(tmp_path / "random"))
        _, err = forge_arena(*keep, "--overseer", "random", "--set", "sed=3", code=2)
        assert "overseer 'random' has no setting 'sed'. Did you mean 'seed'?" in err
        _, err = forge_arena(*keep, "--overseer", "rules", "--resume", code=2)
        assert "--resume goes on with the evaluation in a folder: name it by --out" in err
    out, _ = forge_arena("compare", str(tmp_path / "rules"), str(tmp_path / "random"))
    assert "random against rules: 20 verdicts" in out
    assert "differences were looked at" in out
    _, err = forge_arena("compare", str(tmp_path / "rules"), code=2)
    assert "comparing takes two results or more" in err
    _, err = forge_arena("report", str(tmp_path), code=2)
    assert "no result in" in err
