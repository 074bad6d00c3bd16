"""The reference results: the same episodes for all, a table, and nothing judged twice."""

import json
import subprocess
import sys
from pathlib import Path

import pytest


def reference(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "forge_command", "reference", "--episodes", "12", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_it_plays_writes_tables_and_goes_on_where_it_stopped(tmp_path: Path) -> None:
    panel = tmp_path / "panel.jsonl"
    row = {
        "task": "Answer.",
        "source_material": "The fee is $3.",
        "worker_output": "The fee is $3.",
        "corrupted": False,
    }
    panel.write_text(f"{json.dumps(row)}\n{json.dumps({**row, 'worker_output': 'It is $4.', 'corrupted': True})}\n")
    given = ["--out", str(tmp_path / "out"), "--dataset", str(panel), "--page", str(tmp_path / "page.md")]
    given += ["--only", "rules", "--only", "degenerate_coin", "--json", "-"]
    first = reference(*given)
    assert first.returncode == 0, first.stderr
    found = json.loads(first.stdout)
    assert set(found) == {"rules", "degenerate_coin"}
    assert found["rules"]["arena"]["episodes"] == 12
    assert found["rules"]["dataset"]["rows"] == 2
    page = (tmp_path / "page.md").read_text()
    assert "| `rules` |" in page
    assert "| `coin` | Tosses a coin with the prior. |" in page
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*.json*")}
    again = reference(*given)
    assert json.loads(again.stdout) == found
    assert ": 28 of 28 verdicts" in again.stderr
    others = reference(*given, "--scenarios", "short")
    assert others.returncode == 2
    assert "result.json is of another run: its suite is forge:3, not short:3; take another --out" in " ".join(
        others.stderr.split()
    )
    panel.write_text(f"{json.dumps(row)}\n")
    changed = reference(*given)
    assert changed.returncode == 2
    assert "dataset.json is of another dataset" in " ".join(changed.stderr.split())
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*.json*")} == kept


def test_nobody_is_made_up(tmp_path: Path) -> None:
    done = reference("--out", str(tmp_path), "--only", "rule")
    assert done.returncode == 2
    assert "nobody plays as 'rule'" in done.stderr
