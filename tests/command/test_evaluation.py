"""`forge-arena eval` as its users run it: options that exclude each other, two at once, and how far it is."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from forge_agents.client import ArenaClient
from forge_command.demo import running_server

SLOW = """
import time
from pathlib import Path
from forge_arena.types import Verdict

class Slow:
    name = "slow"

    def review(self, observations):
        time.sleep(1.5)
        while Path(__file__).with_name("hold").exists():
            time.sleep(0.05)
        return [Verdict(detection=False, explanation="", correction="", confidence=0.5)] * len(observations)
"""


@pytest.fixture(scope="module")
def arena() -> Iterator[str]:
    with running_server() as url:
        yield url


def evaluating(folder: Path, *arguments: str) -> "subprocess.Popen[str]":
    """`forge-arena eval`, running, with its output in pipes, which are no terminals."""
    (folder / "slow_overseer.py").write_text(SLOW)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FORGE_ARENA_")}
    environment |= {
        "COLUMNS": "300",
        "NO_COLOR": "1",
        "PYTHONPATH": os.pathsep.join([str(folder), environment.get("PYTHONPATH", "")]),
    }
    command = [sys.executable, "-m", "forge_command", "eval", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


def evaluated(folder: Path, *arguments: str, code: int = 0) -> str:
    """What the command said on standard error, on one line."""
    with evaluating(folder, *arguments) as process:
        _, err = process.communicate(timeout=120)
    assert process.returncode == code, err
    assert "Traceback" not in err
    return " ".join(re.sub(r"[│╭╮╰╯─]", " ", err).split())


IGNORED = (
    *("--split", "val", "--episodes", "20", "--start", "5", "--samples", "2", "--paired"),
    *("--threshold-from", "r.json", "--out", "kept", "--resume"),
)


@pytest.mark.parametrize("given", [IGNORED, ("--out", "kept"), ("--paired",)])
def test_an_entry_for_the_leaderboard_with_options_that_it_would_ignore_spends_nothing(
    arena: str, tmp_path: Path, given: tuple[str, ...]
) -> None:
    name = f"spent by {len(given)}"
    said = evaluated(tmp_path, "--overseer", "rules", "--arena", arena, "--submit", name, *given, code=2)
    assert f"leave out {', '.join(word for word in given if word.startswith('--'))}; nothing was spent" in said
    with ArenaClient(arena) as client:
        assert client.enter(name).entry == 1


def test_an_entry_is_no_option_of_a_dataset(tmp_path: Path) -> None:
    said = evaluated(tmp_path, "--overseer", "rules", "--dataset", "rows.jsonl", "--submit", "me", code=2)
    assert "--dataset is judged without an arena: leave out --submit" in said


def test_one_setting_is_given_once(tmp_path: Path) -> None:
    model = "openai:m@http://127.0.0.1:9/v1"
    said = evaluated(tmp_path, "--overseer", model, "--prompt", "card", "--set", "prompt=arena", code=2)
    assert "--prompt and --set prompt=… give the same setting twice" in said


def test_a_result_that_could_not_be_written_is_told_before_anything_is_judged(arena: str, tmp_path: Path) -> None:
    begun = time.monotonic()
    target = tmp_path / "none" / "result.json"
    said = evaluated(
        tmp_path, "--overseer", "slow_overseer:Slow", "--arena", arena, "--json", str(target), "--batch", "1", code=2
    )
    assert "there is no folder" in said
    assert time.monotonic() - begun < 60


def test_two_evaluations_into_one_folder_are_not_both_paid_and_a_killed_one_goes_on(arena: str, tmp_path: Path) -> None:
    keep = ["--overseer", "slow_overseer:Slow", "--arena", arena, "--episodes", "6", "--batch", "1"]
    keep += ["--out", str(tmp_path / "kept")]
    records = tmp_path / "kept" / "records.jsonl"
    with evaluating(tmp_path, *keep) as first:
        until = time.monotonic() + 60
        while not (records.exists() and records.read_bytes().count(b"\n") >= 2):
            assert time.monotonic() < until, "waited in vain"
            time.sleep(0.05)
        (tmp_path / "hold").touch()
        for again in ([], ["--resume"]):
            said = evaluated(tmp_path, *keep, *again, code=2)
            assert f"another process is at work in {tmp_path / 'kept'}: wait until it ends" in said
        first.send_signal(signal.SIGKILL)
        first.communicate()
    (tmp_path / "hold").unlink()
    judged = records.read_bytes().count(b"\n") - 1
    assert 1 <= judged < 6
    evaluated(tmp_path, *keep, "--resume")
    assert records.read_bytes().count(b"\n") - 1 == 6


def test_how_far_it_is_and_how_long_it_takes_is_said_where_there_is_no_terminal(arena: str, tmp_path: Path) -> None:
    rows = {
        "task": "Answer.",
        "source_material": "The fee is $3.",
        "worker_output": "The fee is $3.",
        "corrupted": False,
    }
    dataset = tmp_path / "rows.jsonl"
    dataset.write_text(f"{json.dumps(rows)}\n" * 2)
    said = evaluated(
        tmp_path,
        *("--overseer", "slow_overseer:Slow", "--arena", arena, "--episodes", "2", "--samples", "2"),
        *("--paired", "--batch", "1"),
    )
    assert re.search(r"slow_overseer:Slow: \d of 8 verdicts, 0:00:0\d so far", said)
    assert re.search(r"so far, about 0:00:\d\d left", said)
    assert "slow_overseer:Slow: 8 of 8 verdicts" in said
    said = evaluated(tmp_path, "--overseer", "slow_overseer:Slow", "--dataset", str(dataset))
    assert "slow_overseer:Slow: 2 of 2 answers" in said


def test_pairs_and_several_verdicts_are_counted_as_what_they_are(arena: str, tmp_path: Path) -> None:
    ask = ["--overseer", "prior", "--arena", arena, "--episodes", "5", "--json", "-"]
    assert "5 pairs, split val" in evaluated(tmp_path, *ask, "--paired")
    assert "5 episodes, 4 verdicts on each, split val" in evaluated(tmp_path, *ask, "--samples", "4")
