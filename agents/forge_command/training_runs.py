"""Run training several times from one starting model, each time in another process, a few at a time."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from shutil import copyfile
from time import perf_counter
from typing import TYPE_CHECKING

from pydantic import TypeAdapter

from forge_arena.files import read_json

if TYPE_CHECKING:
    from forge_agents.train.online import ArenaAddress
    from forge_agents.train.presets import Preset
    from forge_agents.train.progress import Reporter

# Two processes with one thread each train faster than one process with two threads.
AT_A_TIME = max(1, min(4, os.cpu_count() or 1))


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
    """Do the runs, each a name with its changes of the preset. Returns the seconds that each run took.

    A finished run is not done again, and a stopped run goes on. `before` is the evaluation of the starting model, which
    all runs share.

    Raises:
        TrainingStopped: a run failed; its last words are in the message.
    """
    done = 0
    reporter.progress("runs", done, len(runs), "")

    def train_one(name: str) -> float:
        nonlocal done
        seconds = _train(folder_of(out, name), runs[name], preset, arena, start, before)
        done += 1
        reporter.progress("runs", done, len(runs), name)
        return seconds

    with ThreadPoolExecutor(AT_A_TIME) as pool:
        return dict(zip(runs, pool.map(train_one, runs), strict=True))


def _train(
    folder: Path, changes: Sequence[str], preset: "Preset", arena: "ArenaAddress", start: Path, before: Path
) -> float:
    from forge_agents.train.journal import check_same_run, write_whole
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
    process = subprocess.run(
        [
            *(sys.executable, "-m", "forge_command", "train", "run", "--resume"),
            *("--arena", arena.url, "--out", str(folder), "--preset", str(settings), "--start", str(start)),
            *(word for change in changes for word in ("--set", change)),
        ],
        capture_output=True,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"} | ({"FORGE_ARENA_TOKEN": arena.token} if arena.token else {}),
        check=False,
    )
    if process.returncode:
        raise TrainingStopped(f"{folder.name}: {process.stderr[-2000:].strip()}")
    seconds = perf_counter() - begun
    write_whole(timed, json.dumps(seconds))
    return seconds
