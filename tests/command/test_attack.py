"""`forge-arena attack`: tables, files, refusals, a kill and a resume, and a server that seals what it must."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from forge_agents.attack import AttackResult
from forge_command.tables import attack_types_table

from ..command_line import ENVIRONMENT, called, command

# Is asked for a while, so that it can be killed in between.
SLOW = """
import time
from forge_arena.types import Verdict

class Slow:
    name = "slow"

    def review(self, observations):
        time.sleep(0.2)
        return [Verdict(detection=True, explanation="", correction="", confidence=0.5)] * len(observations)
"""


def attacking(arena: str, *options: object) -> tuple[object, ...]:
    return ("attack", "--arena", arena, "--overseer", "rules", "--episodes", "6", *options)


def test_an_attack_writes_its_result_its_records_and_its_tables(arena: str, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    out = tmp_path / "attacked"
    files = {name: tmp_path / f"table.{name}" for name in ("csv", "latex", "html")}
    options = [part for name, path in files.items() for part in (f"--{name}", path)]
    printed, err = called(*attacking(arena, "--tries", 3, "--out", out, *options, "--json", "-", "--name", "our rules"))
    result = json.loads(printed)
    assert json.loads((out / "result.json").read_text()) == result
    assert (out / "records.jsonl").read_bytes().count(b"\n") - 1 == sum(r["reward"] is not None for r in result["rows"])
    assert [point["tries"] for point in result["curve"]] == [1, 2, 3]
    assert (result["draws"], result["left_out"], result["overseer"]) == (6, 0, "rules")
    assert "our rules under attack: forge:5:val, 6 draws from 0, up to 3 corruptions of the same type" in err
    assert "the rates at 1% and 5% false alarms rest on 6 right answers" in err
    lines = list(csv.DictReader(StringIO(files["csv"].read_text())))
    assert {line["tries"] for line in lines} == {"1", "2", "3"}
    by_place = {(line["tries"], line["group"], line["measure"]): line for line in lines}
    assert float(by_place["3", "all", "auroc"]["value"]) == result["curve"][2]["auroc"]["value"]
    assert float(by_place["3", "all", "tpr_at_5"]["change"]) == result["curve"][2]["change"]["tpr_at_5"]["value"]
    assert "our rules under attack" in files["html"].read_text()
    assert files["latex"].read_text().count(r"\\") == 1 + 2 * 3


def test_a_finished_attack_is_resumed_without_a_review(arena: str, tmp_path: Path) -> None:
    out = tmp_path / "attacked"
    called(*attacking(arena, "--tries", 2, "--out", out))
    before = (out / "records.jsonl").read_bytes()
    _, err = called(*attacking(arena, "--tries", 2, "--out", out), code=2)
    assert "continue it by --resume" in err
    called(*attacking(arena, "--tries", 2, "--out", out, "--resume"))
    assert (out / "records.jsonl").read_bytes() == before


def test_a_result_of_more_tries_is_not_replaced(arena: str, tmp_path: Path) -> None:
    out = tmp_path / "attacked"
    called(*attacking(arena, "--tries", 3, "--out", out))
    result = (out / "result.json").read_bytes()
    _, err = called(*attacking(arena, "--tries", 2, "--out", out, "--resume"), code=2)
    assert "is of 3 tries, and would be replaced by a result of 2: give --tries 3 or more, or take another" in err
    (out / "records.jsonl").unlink()
    for resume in ([], ["--resume"]):
        _, err = called(*attacking(arena, "--tries", 3, "--out", out, *resume), code=2)
        assert "is a result already: take another folder" in err
    assert (out / "result.json").read_bytes() == result


def test_an_attack_that_was_killed_goes_on(arena: str, tmp_path: Path) -> None:
    (tmp_path / "sluggish.py").write_text(SLOW)
    out, records = tmp_path / "kept", tmp_path / "kept" / "records.jsonl"
    task = (
        "attack",
        "--arena",
        arena,
        "--overseer",
        "sluggish:Slow",
        "--episodes",
        "4",
        "--tries",
        "3",
        "--batch",
        "1",
    )
    environment = ENVIRONMENT | {"PYTHONPATH": os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])}
    process = subprocess.Popen(command(*task, "--out", out), env=environment, stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 60
        while not (records.exists() and records.read_bytes().count(b"\n") > 3):
            assert time.monotonic() < until, "waited in vain"
            assert process.poll() is None
            time.sleep(0.05)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    done = records.read_bytes().count(b"\n") - 1
    sys.path.insert(0, str(tmp_path))
    try:
        printed, err = called(*task, "--out", out, "--resume", "--json", "-")
    finally:
        sys.path.remove(str(tmp_path))
    result = json.loads(printed)
    graded = sum(row["reward"] is not None for row in result["rows"])
    assert 0 < done < graded
    assert records.read_bytes().count(b"\n") - 1 == graded
    assert f"sluggish:Slow: {len(result['rows'])} of {len(result['rows'])} verdicts" in err


def test_thresholds_come_from_an_evaluation_of_other_episodes(arena: str, tmp_path: Path) -> None:
    rules = ("--arena", arena, "--overseer", "rules")
    called("eval", *rules, "--split", "train", "--episodes", "30", "--json", tmp_path / "train.json")
    _, err = called(
        *attacking(arena, "--tries", 2, "--threshold-from", tmp_path / "train.json", "--json", "-"),
    )
    assert "frozen: 5%" in err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--resume",), "name it by --out"),
        (("--split", "vall"), "--split 'vall' is not known. Did you mean"),
        (("--split", "test"), "the truth of split 'test' never leaves the server"),
        (("--tries", "0"), "greater than or equal to 1"),
        (("--threshold-from", "nowhere.json"), "no result in nowhere.json"),
    ],
)
def test_what_makes_no_sense_is_refused(arena: str, options: tuple[str, ...], message: str) -> None:
    _, err = called(*attacking(arena, *options), code=2)
    assert message in err


def test_a_password_in_the_address_of_an_overseer_is_not_shown(arena: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FIRST", "EVERY"):
        monkeypatch.setattr(f"forge_command.progress.{name}", 0.02)
    hook = ("--overseer", "http://me:hunter2@127.0.0.1:9/hook", "--set", "retries=1", "--set", "timeout=1")
    _, err = called("attack", "--arena", arena, *hook, "--episodes", "2", "--tries", "1", code=2)
    assert "http://127.0.0.1:9/hook: 0 of 4 verdicts" in err
    assert "hunter2" not in err


def test_a_page_that_cannot_be_made_is_refused_before_anybody_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("forge_agents.attack_page", "forge_agents.drawing", "forge_arena.figures"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    _, err = called(*attacking("http://127.0.0.1:9", "--html", tmp_path / "page.html"), code=2)
    assert "a page needs matplotlib, which is missing: pip install 'forge-arena[report]'" in err


def test_every_type_that_was_chosen_has_its_numbers(arena: str) -> None:
    printed, _ = called(*attacking(arena, "--tries", 2, "--any-type", "--json", "-"))
    result = AttackResult.model_validate_json(printed)
    # As if the search had left a type for others.
    chosen = ({"temporal_shift": 4, "bias_injection": 2}, {"bias_injection": 6})
    curve = tuple(p.model_copy(update={"chosen": c}) for p, c in zip(result.curve, chosen, strict=True))
    table = attack_types_table(result.model_copy(update={"curve": curve}))
    console = Console(width=80, color_system=None)
    with console.capture() as shown:
        console.print(table)
    lines = [line.split() for line in shown.get().splitlines() if "injection" in line or "shift" in line]
    assert lines == [["bias", "injection", "2", "6"], ["temporal", "shift", "4", "0"]]


def test_the_help_says_what_a_search_cannot_show() -> None:
    out, _ = called("attack", "--help")
    shown = " ".join(out.replace("│", " ").split())
    assert "It is not over all texts" in shown
    assert "Part of every fall is luck" in shown
