"""Run training several times from one starting model, each time in another process, a few at a time."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from pathlib import Path
from shutil import copyfile, rmtree
from threading import Event
from time import perf_counter
from typing import TYPE_CHECKING

from pydantic import TypeAdapter

from forge_arena.files import read_json, write_whole
from forge_command import tether
from forge_command.progress import SO_FAR

if TYPE_CHECKING:
    from forge_agents.train.online import ArenaAddress
    from forge_agents.train.presets import Preset
    from forge_agents.train.progress import Reporter

# Two processes with one thread each train faster than one process with two threads.
AT_A_TIME = max(1, min(4, os.cpu_count() or 1))
# The threads of each run, so that the runs at a time share the cores. Each run has as many, also the last one alone.
THREADS = max(1, (os.cpu_count() or 1) // AT_A_TIME)
# The file of what a run says, and how many seconds pass until its last line is looked at again.
SAID, LOOK_EVERY = "said.txt", 5.0


def folder_of(out: Path, name: str) -> Path:
    """The folder of the run of that name."""
    return out / name.replace(" ", "-")


def train_all(
    runs: Mapping[str, Sequence[str]],
    preset: "Preset",
    arena: "ArenaAddress",
    out: Path,
    *,
    start: Path,
    before: Path,
    reporter: "Reporter",
) -> dict[str, float]:
    """Do the runs, each a name with its changes of the preset. Returns the seconds that each run learned.

    A finished run is not done again, and a stopped run goes on. `before` is the evaluation of the starting model, which
    all runs share. What a run says is in `said.txt` in its folder.

    Raises:
        TrainingStopped: a run failed; its last words are in the message.
    """
    no_more = Event()

    def train(name: str) -> float | None:
        """The seconds that a run learned; None if it did not begin."""
        if no_more.is_set():
            return None
        try:
            return _train(folder_of(out, name), runs[name], preset, arena, start, before)
        except BaseException:
            # Here, because the next run begins in this thread before anybody hears of the failure.
            no_more.set()
            raise

    with ThreadPoolExecutor(AT_A_TIME) as pool:
        working = {pool.submit(train, name): name for name in runs}
        waiting = set(working)
        try:
            while waiting:
                lines = ((n, _last_line(out, n)) for run, n in working.items() if run.running())
                done = len(working) - len(waiting)
                reporter.progress("runs", done, len(runs), "; ".join(f"{n}: {line}" for n, line in lines if line))
                ended, waiting = wait(waiting, LOOK_EVERY, FIRST_COMPLETED)
                if failed := [working[run] for run in ended if run.exception() is not None]:
                    # Those that have begun go on to their end, because they may be good.
                    others = "; what has begun goes on to its end, and no other run begins" if waiting else ""
                    reporter.say(f"failed: {', '.join(failed)}, see {SAID} in its folder{others}")
        finally:
            # After Ctrl-C no other run begins either.
            no_more.set()
        learned = {name: seconds for run, name in working.items() if (seconds := run.result()) is not None}
        reporter.progress("runs", len(learned), len(runs), "")
        return learned


def _last_line(out: Path, name: str) -> str:
    """The last line of a run that says how far it is; empty if there is none yet."""
    path = folder_of(out, name) / SAID
    lines = path.read_text(encoding="utf-8", errors="replace").split("\n") if path.is_file() else []
    return next((line.strip() for line in reversed(lines) if SO_FAR in line), "")


def _train(
    folder: Path, changes: Sequence[str], preset: "Preset", arena: "ArenaAddress", start: Path, before: Path
) -> float:
    from forge_agents.train.journal import check_same_run
    from forge_agents.train.online import TrainingStopped
    from forge_agents.train.presets import change_preset

    timed = folder / "seconds.json"
    if timed.is_file():
        check_same_run(folder, change_preset(preset, changes))
        return read_json(timed, TypeAdapter(float))
    folder.mkdir(parents=True, exist_ok=True)
    copyfile(before, folder / "before.json")
    settings = folder / "preset.yaml"
    settings.write_text(preset.model_dump_json(exclude_none=True), encoding="utf-8")
    begun = perf_counter()
    token = {"FORGE_ARENA_TOKEN": arena.token} if arena.token else {}
    tether_it = [sys.executable, "-I", "-S", tether.__file__, str(os.getpid())] if sys.platform == "linux" else []
    with (folder / SAID).open("wb") as said:
        process = subprocess.run(
            [
                *tether_it,
                *(sys.executable, "-m", "forge_command", "train", "run", "--resume"),
                *("--arena", arena.url, "--out", str(folder), "--preset", str(settings), "--start", str(start)),
                *(word for change in changes for word in ("--set", change)),
            ],
            stdout=said,
            stderr=said,
            env=os.environ | {"OMP_NUM_THREADS": str(THREADS)} | token,
            check=False,
        )
    if process.returncode:
        words = (folder / SAID).read_text(encoding="utf-8", errors="replace")[-2000:].strip()
        raise TrainingStopped(f"{folder.name}{_how_it_ended(process.returncode)}: {words}")
    seconds = _seconds_of_steps(folder) or perf_counter() - begun
    write_whole(timed, json.dumps(seconds))
    # Checkpoints of a whole model take gigabytes, and nothing continues from them any more.
    rmtree(folder / "phase1" / "checkpoints", ignore_errors=True)
    return seconds


def _how_it_ended(code: int) -> str:
    """How a process ended that a signal ended; empty for any other."""
    if code != -signal.SIGKILL:
        return f" was ended by {signal.Signals(-code).name}" if code < 0 else ""
    return " was killed, as happens if the memory is full: call the command again when there is more. It had said"


def _seconds_of_steps(folder: Path) -> float:
    """The seconds that the steps of a run took, in all sittings; 0 if its algorithm does not log them."""
    from forge_agents.train.journal import lines

    return sum(float(line.get("step_time", 0.0)) for line in lines(folder, "log.jsonl"))
