"""`forge-arena train small`: every stage with a tiny model, killed in the middle and continued; and the run for a GPU."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("trl")

from forge_agents.result import Result
from forge_agents.train.journal import lines
from forge_arena.locks import FolderInUse, lock_folder
from forge_arena.prompts import compact_system, prompt, prompt_digest
from forge_command import tether

from ...command_line import ENVIRONMENT, called, command
from .conftest import read_lines

ROOT = Path(__file__).parents[3]
OFFLINE = {**ENVIRONMENT, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
RUNS = ("grpo-0", "shuffled-0", "supervised")


def wait_for(there: Callable[[], object], seconds: float = 300.0) -> None:
    until = time.monotonic() + seconds
    while not there():
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.02)


def kill_when(there: Callable[[], object], arguments: list[str], log: Path) -> None:
    """Run the command, kill it without warning as soon as `there()` is true, and wait until nothing of it is left."""
    with log.open("ab") as said, subprocess.Popen(arguments, env=OFFLINE, stdout=said, stderr=said) as process:
        wait_for(lambda: there() or process.poll() is not None)
        assert process.returncode is None, log.read_text(encoding="utf-8")[-2000:]
        process.send_signal(signal.SIGKILL)


def is_free(folder: Path) -> bool:
    try:
        with lock_folder(folder):
            return True
    except FolderInUse:
        return False


@pytest.mark.slow
def test_every_stage_runs_and_continues_after_a_kill_in_the_warm_start_and_in_a_run(
    taught: Path, tmp_path: Path
) -> None:
    out, log = tmp_path / "small", tmp_path / "log"
    asked = ["train", "small", "--quick", "--model", str(taught), "--out", str(out), "--set", "max_completion=24"]
    # The first stage has fourteen steps after its first checkpoint, so that the command is still in it when it is killed.
    asked += ["--set", "warm_start.demonstrations=64"]
    kill_when(lambda: list(out.glob("start/stage-1/sft/checkpoint-*/position.json")), command(*asked), log)
    assert "the warm start takes about" in log.read_text(encoding="utf-8")
    assert not (out / "before.json").exists()
    untouched = (out / "untouched.json").read_bytes()
    kill_when(lambda: (out / "grpo-0" / "log.jsonl").exists(), command(*asked), log)
    # The run does not outlive the command that began it.
    wait_for(lambda: is_free(out / "grpo-0"), 20.0)
    table, err = called(*asked, "--json", str(tmp_path / "result.json"))
    for word in ("untouched model", "warm start", "GRPO, shuffled rewards", "supervised, same time", "parts of the"):
        assert word in table or word in err
    assert (out / "untouched.json").read_bytes() == untouched
    for name in RUNS:
        folder = out / name
        assert json.loads((folder / "run.json").read_text(encoding="utf-8"))["preset"]["prompt"] == "compact"
        assert compact_system() in (folder / "model" / "README.md").read_text(encoding="utf-8")
        assert not list(folder.rglob("checkpoint-*"))
    assert [line["step"] for line in lines(out / "grpo-0", "log.jsonl")] == [1, 2]
    results = {name: Result.read(out / name / "after.json") for name in RUNS}
    named = ("untouched", "untouched-opened", "before", "val", "checking", "val-checking")
    results |= {name: Result.read(out / f"{name}.json") for name in named}
    digest = prompt_digest(prompt("compact"))
    assert {result.conditions["prompt"] for result in results.values()} == {digest}
    on_val = {name for name, result in results.items() if result.split.value == "val"}
    assert on_val == {"val", "val-checking"}
    keys = {tuple(row.key for row in result.rows) for name, result in results.items() if name not in on_val}
    assert len(keys) == 1
    opened = read_lines(out / "untouched-opened.records.jsonl")[1:]
    assert all((line.get("completion") or '{"detection":').startswith('{"detection":') for line in opened)
    summary = json.loads((out / "small.json").read_text(encoding="utf-8"))
    compared = {"start", "grpo", "untouched", "checking", "shuffled", "supervised", "always_clean"}
    assert compared <= summary["means"].keys()
    assert summary["prompt"] == digest
    assert summary["GRPO less its controls"].keys() >= {"checking", "shuffled", "supervised"}
    assert "less GRPO, shuffled" in (out / "report.md").read_text(encoding="utf-8")
    sampled = {name: Result.read(out / f"sampled-{name}.json") for name in ("start", "grpo-0")}
    for result in sampled.values():
        assert (result.samples, result.scorecard.episodes, len(result.rows)) == (2, 8, 16)
        assert result.conditions["temperature"] == 1.0
    assert summary["sampled"]["differences from the start"].keys() == {"grpo"}
    assert summary["sampled"]["votes"]["start"]["samples"] == 2
    assert "sampled at temperature 1: 2 verdicts on each of 8 episodes" in (out / "report.md").read_text(
        encoding="utf-8"
    )
    share = json.loads((out / "start" / "share_that_checks.json").read_text(encoding="utf-8"))
    assert 0 <= share <= 1
    assert f"of the start's samples, {share:.0%} check before" in " ".join(err.split())
    # Asked again, nothing is done again.
    before = (out / "grpo-0" / "run.json").read_bytes()
    called(*asked)
    assert (out / "grpo-0" / "run.json").read_bytes() == before


def test_a_comparison_of_other_settings_is_not_mixed_in(taught: Path, tmp_path: Path) -> None:
    from forge_agents.train.journal import Journal
    from forge_agents.train.presets import load_preset

    out = tmp_path / "small"
    Journal(out, print).begin(load_preset("small", ["held_out.split=test"]), arena="x", suite="short:5")
    (out / "start").mkdir()
    (out / "start" / "done").touch()
    _, err = called("train", "small", "--quick", "--model", str(taught), "--out", str(out), code=2)
    assert "holds another run" in err


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel signals the death of a parent on Linux only")
def test_a_tethered_command_ends_with_its_parent() -> None:
    parent = (
        "import subprocess, sys, os, time; "
        f"child = subprocess.Popen([sys.executable, '-I', '-S', {tether.__file__!r}, str(os.getpid()), 'sleep', '60']); "
        "print(child.pid, flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        child = int(process.stdout.readline())
        # Not before the command itself runs, so that it is the kernel that ends it.
        wait_for(lambda: Path(f"/proc/{child}/cmdline").read_bytes().startswith(b"sleep"), 10.0)
        process.kill()
    wait_for(lambda: not Path(f"/proc/{child}").exists() or not Path(f"/proc/{child}/cmdline").read_bytes(), 10.0)


@pytest.mark.slow
def test_the_run_for_a_gpu_takes_two_steps_here_and_says_what_they_took(taught: Path, tmp_path: Path) -> None:
    out = tmp_path / "gpu"
    changes = ["steps=2", "batch=4", "generations=2", "device_batch=2", "max_completion=24", "trackers=[]"]
    changes += ["warm_start.demonstrations=8", "warm_start.batch=4", "warm_start.device_batch=2", "held_out.episodes=8"]
    asked = [
        sys.executable,
        str(ROOT / "agents" / "gpu_run.py"),
        str(taught),
        "--out",
        str(out),
        "--scenarios",
        "short",
    ]
    asked += [word for change in changes for word in ("--set", change)]
    done = subprocess.run(
        asked, env={**OFFLINE, "PYTHONPATH": os.pathsep.join(sys.path)}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    for told in (
        r"device: (CPU|NVIDIA.*), \d+\.\d minutes",
        r"steps: 2 of 2, 4 completions of \d+ tokens each",
        r"a step: \d+\.\d s \(median; the first \d+\.\d s\)",
        r"memory: \d+\.\d GiB of the",
        r"reward: 0\.\d+ before, 0\.\d+ after",
        rf"report: {re.escape(str(out))}/report\.html",
    ):
        assert re.search(told, done.stdout), (told, done.stdout)
