"""`forge-arena train run` against a real arena: whole, killed, interrupted, on a full disk, and gone on with."""

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("trl")

from typer.testing import CliRunner

from forge_agents.client import ArenaClient
from forge_agents.models import load_model
from forge_agents.train.journal import lines
from forge_agents.train.online import POSITION, latest_checkpoint
from forge_agents.trl.rewards import COMPONENTS
from forge_arena.locks import lock_folder
from forge_command.app import app

from ...server_process import FORGE_ARENA, free_port, running
from ..conftest import TOKEN
from .conftest import SERVE, Served, read_lines, write_preset
from .proxy import proxied

Presets = Callable[..., Path]
PROMPTS = 2
QUIET = {**os.environ, "COLUMNS": "300", "NO_COLOR": "1", "TERM": "dumb", "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}


def train(*arguments: object) -> tuple[int, str]:
    """The exit code of `forge-arena train` and all that it said, on one line."""
    result = CliRunner(env={"COLUMNS": "300"}).invoke(app, ["train", *map(str, arguments)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, " ".join(result.output.split())


def arguments(preset: Path, arena: str, out: Path, *changes: str) -> list[str]:
    return ["run", "--preset", str(preset), "--arena", arena, "--out", str(out)] + [
        part for change in changes for part in ("--set", change)
    ]


def process(arguments: list[str]) -> "subprocess.Popen[str]":
    """The command as a process of its own."""
    command = [sys.executable, "-c", FORGE_ARENA, "train", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=QUIET)


def wait_for(there: Callable[[], object], seconds: float = 300.0) -> None:
    until = time.monotonic() + seconds
    while not there():
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.01)


@contextmanager
def meanwhile(there: Callable[[], object], act: Callable[[], object]) -> Iterator[None]:
    """Call `act` once while the block runs in this process, as soon as `there()` is true; never after the block."""
    ended = threading.Event()

    def wait() -> None:
        wait_for(lambda: ended.is_set() or there())
        if not ended.is_set():
            act()

    watcher = threading.Thread(target=wait)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()


def logged(run: Path, count: int) -> bool:
    path = run / "log.jsonl"
    # Counted and not read: the last line may be half written.
    return path.is_file() and path.read_bytes().count(b"\n") >= count


def where(checkpoint: Path) -> tuple[int, int]:
    """The step of a checkpoint, and the position in the stream that it kept."""
    found = re.fullmatch(r'\{"index": (\d+)\}\n', (checkpoint / POSITION).read_text(encoding="utf-8"))
    assert found is not None
    return int(checkpoint.name.rpartition("-")[2]), int(found[1])


def steps(run: Path) -> list[int]:
    return [line["step"] for line in read_lines(run / "log.jsonl")]


def assert_nothing_skipped(arena: Served, start: int, last: int, went_on: list[int]) -> None:
    """Every episode from `start` to `last` got a whole group of verdicts, a second one only from a position on that a
    run went on from."""
    made = {index: ids for index, ids in arena.attempts().items() if start <= index < start + 1_000}
    assert sorted(made) == list(range(start, max(made) + 1))
    assert max(made) >= last - 1
    for index, ids in made.items():
        groups = {id: ids.count(id) for id in ids}
        assert len(groups) <= 1 + sum(position <= index for position in went_on)
        if index < last:
            assert list(groups.values())[-1] == 4


@pytest.mark.slow
def test_a_run_from_scratch_leaves_a_model_its_records_and_both_evaluations(
    short: Served, preset_file: Presets, tmp_path: Path
) -> None:
    scratch = {"vocabulary": 600, "hidden": 32, "layers": 1, "heads": 2, "copying": 3, "comparing": 2}
    warm = {"demonstrations": 64, "checking": 0.3, "renamed": 0.3, "whole_text": True, "learning_rate": 1e-2}
    then = {"demonstrations": 32, "checking": 1.0, "exchanged": 0.5, "decisive": 5.0, "learning_rate": 1e-3}
    preset = preset_file(model=None, scratch=scratch, warm_start={**warm, "then": then}, start=30_000)
    out = tmp_path / "run"
    code, told = train(*arguments(preset, short.url, out, "steps=2", "trackers=[tensorboard]"), "--report")
    assert code == 0, told
    assert told.endswith(f"model: {out}/model report: {out}/report.html curves: {short.url}/runs")
    with ArenaClient(short.url) as client:
        (reported,) = [run for run in client.runs() if run.name == out.name]
    # Two steps, and the measurements before and after.
    assert reported.points == 4
    for name in ("model", "start"):
        assert load_model(out / name).tokenizer.chat_template
    for name in ("before", "after"):
        assert '"split": "val"' in (out / f"{name}.json").read_text(encoding="utf-8")
    found = lines(out, "log.jsonl")
    assert [(line["phase"], line["step"]) for line in found] == [("phase 1", 1), ("phase 1", 2)]
    for line in found:
        assert {"reward", *(f"rewards/{name}/mean" for name in COMPONENTS)} <= line.keys()
    assert [line["step"] for line in lines(out, "held_out.jsonl")] == [0, 2]
    assert (out / "report.html").is_file()
    assert list(out.rglob("events.out.tfevents.*"))


# Launches two processes with the environment that `accelerate launch` gives them. They part after the imports, because
# to import torch and TRL takes each process longer than the run.
LAUNCHER = """
import os, signal, sys
import forge_agents.train.pipeline
from forge_command.app import main

port, *sys.argv[1:] = sys.argv[1:]
processes = set()
for rank in map(str, range(2)):
    process = os.fork()
    if not process:
        os.environ |= {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": "2"}
        os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
        sys.exit(main())
    processes.add(process)
while processes:
    process, status = os.wait()
    processes.remove(process)
    if status:
        for other in processes:
            os.kill(other, signal.SIGKILL)
        sys.exit("a process failed")
"""


@pytest.mark.slow
def test_two_processes_share_a_run_and_each_group_is_graded_once(
    short: Served, preset_file: Presets, tmp_path: Path
) -> None:
    out, start = tmp_path / "run", 45_000
    asked = arguments(preset_file(steps=2, start=start), short.url, out)
    ended = subprocess.run(
        [sys.executable, "-c", LAUNCHER, str(free_port()), "train", *asked],
        capture_output=True,
        text=True,
        env=QUIET,
        timeout=200,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.splitlines() == [f"model: {out}/model", f"report: {out}/report.html"]
    assert steps(out) == [1, 2]
    made = {index: ids for index, ids in short.attempts().items() if start <= index < start + 2 * PROMPTS}
    assert sorted(made) == list(range(start, start + 2 * PROMPTS))
    # Each process opens the stream for itself; the verdicts of a group go to one of the two.
    assert all(len(set(ids)) == 1 and len(ids) == 4 for ids in made.values())


def test_a_warm_start_is_refused_to_several_processes(
    short: Served, preset_file: Presets, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    code, said = train(*arguments(preset_file(warm_start={"demonstrations": 8}), short.url, tmp_path / "run"))
    assert code == 2
    assert "only one process can make a warm start" in said


def test_demonstrations_are_waited_for_with_the_patience_of_the_preset(
    short: Served, preset_file: Presets, tmp_path: Path
) -> None:
    preset = preset_file(patience=0.01, warm_start={"demonstrations": 8})
    with proxied(short.url) as proxy:
        proxy.losing = 1
        code, told = train(*arguments(preset, proxy.url, tmp_path / "run"))
    assert code == 2
    assert "no answer from the arena" in told
    assert proxy.asked == ["/v1/episodes"]


@pytest.mark.slow
def test_a_run_that_was_killed_goes_on_from_its_last_whole_checkpoint(
    short: Served, preset_file: Presets, tmp_path: Path
) -> None:
    out, start = tmp_path / "run", 31_000
    asked = arguments(preset_file(steps=40, start=start), short.url, out)
    running = process(asked)
    checkpoints = out / "phase1" / "checkpoints"
    wait_for(lambda: (latest_checkpoint(checkpoints) or Path("c-0")).name != "c-0" and logged(out, 5))
    running.send_signal(signal.SIGKILL)
    running.communicate(timeout=60)
    assert running.returncode == -signal.SIGKILL
    whole = latest_checkpoint(checkpoints)
    assert whole is not None
    step, position = where(whole)
    assert position == start + PROMPTS * step
    before = steps(out)
    assert before[-1] < 40
    # What was being written when the power went.
    torn = checkpoints / "checkpoint-38"
    torn.mkdir()
    (torn / "model.safetensors").write_bytes(b"half of it")
    code, told = train(*asked, "--set", f"steps={step + 3}", "--resume")
    assert (code, "report:" in told) == (0, True), told
    assert steps(out)[len(before) :] == [step + 1, step + 2, step + 3]
    last = latest_checkpoint(checkpoints)
    assert last is not None
    assert where(last) == (step + 3, start + PROMPTS * (step + 3))
    assert_nothing_skipped(short, start, start + PROMPTS * (step + 3), [position])
    # Gone on with when everything is done, it does nothing again.
    assert train(*asked, "--set", f"steps={step + 3}", "--resume")[0] == 0
    assert steps(out)[len(before) :] == [step + 1, step + 2, step + 3]


@pytest.mark.slow
def test_a_run_that_was_interrupted_says_where_it_stopped_and_goes_on_from_there(
    short: Served, preset_file: Presets, tmp_path: Path
) -> None:
    out, start = tmp_path / "run", 32_000
    asked = arguments(preset_file(steps=60, start=start, save_every=50), short.url, out)
    # The verdicts of the fourth step are given, and the step is not done.
    with meanwhile(lambda: len(short.attempts().get(start + 7, [])) == 4, lambda: os.kill(os.getpid(), signal.SIGINT)):
        code, told = train(*asked)
    assert code == 2, told
    found = re.search(r"training stopped after step (\d+) of 60 \(interrupted\)", told)
    assert found is not None, told
    assert "go on with --resume" in told
    assert "Traceback" not in told
    last = latest_checkpoint(out / "phase1" / "checkpoints")
    assert last is not None
    step, position = where(last)
    assert (step, position) == (int(found[1]), start + PROMPTS * step)
    code, told = train(*asked, "--set", f"steps={step + 2}", "--resume")
    assert code == 0, told
    assert steps(out) == list(range(1, step + 3))
    assert_nothing_skipped(short, start, position + 2 * PROMPTS, [position])


@dataclass(frozen=True, slots=True)
class StoppedRun:
    """A run that its arena left: its folder, what asked for it and what it said, and how the arena is served again."""

    out: Path
    asked: list[str]
    code: int
    told: str
    arena: Served
    serve: tuple[str, ...]

    @property
    def checkpoint(self) -> tuple[int, int]:
        last = latest_checkpoint(self.out / "phase1" / "checkpoints")
        assert last is not None
        return where(last)


@pytest.fixture(scope="module")
def stopped_run(taught: Path, tmp_path_factory: pytest.TempPathFactory) -> StoppedRun:
    folder = tmp_path_factory.mktemp("stopped")
    out, store = folder / "run", folder / "own.db"
    serve = (*SERVE, "--store", f"sqlite:///{store}")
    preset = write_preset(folder / "small.yaml", taught, steps=200, save_every=100, patience=1.0)
    with ExitStack() as arena:
        url = arena.enter_context(running(*serve, "--port", "0"))
        asked = arguments(preset, url, out)
        with meanwhile(lambda: logged(out, 3), arena.close):
            code, told = train(*asked)
    return StoppedRun(out, asked, code, told, Served(url, store), (*serve, "--port", url.rpartition(":")[2]))


@pytest.mark.slow
def test_an_arena_that_goes_away_stops_the_run_with_a_checkpoint(stopped_run: StoppedRun) -> None:
    told = stopped_run.told
    assert stopped_run.code == 2
    found = re.search(r"training stopped after step (\d+) of 200 \(no answer from the arena at http\S+ ", told)
    assert found is not None, told
    assert f"its checkpoint is {stopped_run.out}/phase1/checkpoints: go on with --resume" in told
    step, position = stopped_run.checkpoint
    assert (step, position) == (int(found[1]), PROMPTS * step)
    code, told = train(*stopped_run.asked, "--resume")
    assert (code, "no answer from the arena" in told) == (2, True)


@pytest.mark.slow
def test_a_run_that_its_arena_left_is_finished_once_the_arena_is_back(stopped_run: StoppedRun) -> None:
    step, position = stopped_run.checkpoint
    with running(*stopped_run.serve) as again:
        assert again == stopped_run.arena.url
        code, told = train(*stopped_run.asked, "--set", f"steps={step + 2}", "--resume")
    assert code == 0, told
    assert steps(stopped_run.out) == list(range(1, step + 3))
    assert_nothing_skipped(stopped_run.arena, 0, position + 2 * PROMPTS, [position])


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on a disk of its own of a megabyte and a half."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1500k", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting a small disk is not permitted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.slow
def test_a_full_disk_leaves_no_half_checkpoint_and_with_more_room_the_run_is_finished(
    short: Served, preset_file: Presets, small_disk: Path
) -> None:
    out = small_disk / "run"
    asked = arguments(preset_file(steps=6, start=33_000, save_every=1), short.url, out)
    code, told = train(*asked)
    assert code == 2
    assert "free some space and go on with --resume" in told
    checkpoints = out / "phase1" / "checkpoints"
    if (failed := re.search(r"checkpoint (\S+) could not be written \(.*\)", told)) is not None:
        assert not Path(failed[1]).exists()
    left = list(checkpoints.glob("checkpoint-*"))
    assert left
    assert all((one / POSITION).is_file() for one in left)
    subprocess.run(["mount", "-o", "remount,size=64m", str(small_disk)], check=True)
    code, told = train(*asked, "--resume")
    assert code == 0, told
    assert [line["step"] for line in lines(out, "log.jsonl")] == [1, 2, 3, 4, 5, 6]
    assert load_model(out / "model").model is not None


@pytest.mark.slow
def test_where_not_one_checkpoint_would_fit_nothing_is_begun(
    short: Served, preset_file: Presets, small_disk: Path
) -> None:
    (small_disk / "ballast").write_bytes(b"\0" * 1_350_000)
    code, told = train(*arguments(preset_file(), short.url, small_disk / "run"))
    assert code == 2
    assert re.search(r"has 0\.0 GB free, and a checkpoint with its optimizer may need 0\.0: free some space", told), (
        told
    )


@pytest.mark.slow
def test_the_three_phases_measure_what_is_learnable_and_go_on_further_along_the_stream(
    preset_file: Presets, tmp_path: Path
) -> None:
    out, store = tmp_path / "run", tmp_path / "own.db"
    preset = preset_file(steps=2, calibration={"episodes": 24, "samples": 4})
    with running(*SERVE, "--port", "0", "--store", f"sqlite:///{store}") as url:
        code, told = train("pipeline", *arguments(preset, url, out)[1:])
        assert code == 0, told
        assert "the arena's train stream follows this from now on" in told
    assert [(line["phase"], line["step"]) for line in lines(out, "log.jsonl")] == [
        *(("phase 1", 1), ("phase 1", 2)),
        *(("phase 3", 1), ("phase 3", 2)),
    ]
    assert (out / "calibration.json").is_file()
    trained = sorted(Served(url, store).attempts())
    assert trained[:4] == [0, 1, 2, 3]
    assert all(index >= 4 for index in trained[4:])
    assert len(trained) == 8


def test_what_cannot_be_begun_is_refused_with_what_to_do(arena_url: str, preset_file: Presets, tmp_path: Path) -> None:
    preset, out = preset_file(), tmp_path / "run"
    (tmp_path / "used").mkdir()
    (tmp_path / "used" / "run.json").write_text("{}", encoding="utf-8")
    bare = tmp_path / "bare.yaml"
    bare.write_text("about: x\nscratch: {hidden: 32, heads: 2}\n", encoding="utf-8")
    refused: list[tuple[list[Any], str]] = [
        (arguments(preset, arena_url, out), "this server needs a token"),
        ([*arguments(preset, arena_url, out), "--token", "wrong"], "token"),
        (arguments(preset, "http://127.0.0.1:9", out), "no answer from the arena at http://127.0.0.1:9"),
        (arguments(preset, "127.0.0.1", out), "arena URL must be like http://127.0.0.1:8000, got '127.0.0.1'"),
        (arguments(Path("tinny"), arena_url, out), "no preset 'tinny'. Did you mean 'tiny'?"),
        (arguments(preset, arena_url, out, "stepps=3"), "there is no setting 'stepps'. Did you mean 'steps'?"),
        (arguments(preset, arena_url, out, "steps=[3"), "'[3' is no value that YAML can read"),
        ([*arguments(preset, arena_url, out), "--algorithm", "ppo"], "algorithm: Input should be 'grpo'"),
        (
            [*arguments(preset, arena_url, tmp_path / "used"), "--token", TOKEN],
            f"{tmp_path}/used holds a run: continue it by --resume, or give another --out",
        ),
        (
            [*arguments(preset, arena_url, tmp_path / "held"), "--token", TOKEN, "--resume"],
            f"another process is at work in {tmp_path}/held",
        ),
        (
            [*arguments(bare, arena_url, out), "--token", TOKEN],
            "a model from scratch needs a warm start: it cannot write a verdict",
        ),
        (
            [*arguments(preset, arena_url, tmp_path / "other"), "--token", TOKEN, "--start", str(tmp_path / "nowhere")],
            f"no tokenizer in '{tmp_path}/nowhere'",
        ),
    ]
    for asked, message in refused:
        with lock_folder(tmp_path / "held"):
            code, told = train(*asked)
        assert code == 2, (asked, told)
        assert message in told
        assert "Traceback" not in told
    assert not (out / "model").exists()
