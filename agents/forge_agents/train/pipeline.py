"""Do a training run from a preset to a report, in stages. Each stage leaves its result in the run's folder.

    start        the starting model: from scratch, fine-tuned on demonstrations, or as the preset names it
    before       the evaluation of the starting model on held-out episodes
    phase 1      the preset's algorithm
    phase 2      measure from which cells the model can learn, and set the arena's curriculum    (three phases only)
    phase 3      the algorithm again, on the curriculum's episodes                               (three phases only)
    after        the evaluation of the trained model, and the report

A stage whose result is in the folder is not done again. So a run that was stopped continues where it stopped.
"""

import json
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from shutil import copytree
from typing import Any

from pydantic import TypeAdapter

from forge_agents.client import ArenaClient
from forge_agents.devices import default_device, gains_by_bfloat16
from forge_agents.models import load_model, weights_digest
from forge_agents.result import Result
from forge_agents.train.attempts import ATTEMPTS, as_in_training, attempts
from forge_agents.train.calibrate import count_zones, measure_difficulty
from forge_agents.train.card import write_card
from forge_agents.train.journal import Journal
from forge_agents.train.offline import learn_offline
from forge_agents.train.online import ArenaAddress, learn, measure
from forge_agents.train.presets import Algorithm, Preset, PresetError, load_preset
from forge_agents.train.processes import by_first, is_first, process_count
from forge_agents.train.progress import Reporter
from forge_agents.train.report import examples, write_report
from forge_agents.train.reporting import report_run
from forge_agents.train.warm_start import starting_model
from forge_arena.files import read_json, write_whole
from forge_arena.locks import FolderInUse, lock_folder
from forge_arena.types import Split
from forge_arena.wire import Curriculum, DifficultyCell

OFFLINE = (Algorithm.rft, Algorithm.dpo, Algorithm.sft)
# Calibration draws from here on, between the prompts of training and the demonstrations.
ASIDE = 5_000_000
CELLS = TypeAdapter(list[DifficultyCell])


def for_this_machine(preset: Preset, reporter: Reporter) -> Preset:
    """The preset without `autocast`, and with a message, if the device is no faster in bfloat16."""
    if not preset.autocast or gains_by_bfloat16(default_device()):
        return preset
    if is_first():
        reporter.say("this machine gains nothing by bfloat16 (autocast), so everything is computed in float32")
    return preset.model_copy(update={"autocast": False})


def run(
    preset: Preset,
    arena: ArenaAddress,
    folder: Path,
    *,
    reporter: Reporter,
    three_phases: bool = False,
    resume: bool = False,
    start: Path | None = None,
) -> Path:
    """Do a run, or the stages that are left of it; returns the path of the report.

    One run at a time works in a folder. If the run has several processes, the first process holds the lock.

    Arguments:
        three_phases: train, calibrate and train again, instead of training once.
        resume: continue the run that `folder` holds.
        start: a folder with the starting model, so that no starting model is made.

    Raises:
        FolderInUse: `folder` holds a run and `resume` is not given, or the run is another one, or another process is
            working in the folder.
        TrainingStopped, CheckpointFailed, ModelError, PresetError, ArenaError: see the stages.
    """
    preset = for_this_machine(preset, reporter)
    with lock_folder(folder) if is_first() else nullcontext():
        return _run(preset, arena, folder, reporter, three_phases, resume, start)


def _run(
    preset: Preset,
    arena: ArenaAddress,
    folder: Path,
    reporter: Reporter,
    three_phases: bool,
    resume: bool,
    start: Path | None,
) -> Path:
    if not resume and is_first() and (folder / "run.json").is_file():
        raise FolderInUse(f"{folder} holds a run: continue it by --resume, or give another --out")
    if three_phases and preset.tools:
        raise PresetError("phase 2 tries episodes in one turn: train with tools in one phase, by train run")
    if process_count() > 1 and preset.warm_start is not None and start is None:
        raise PresetError(
            "only one process can make a warm start: make the model by a run without accelerate, and give it as --start"
        )
    journal = Journal(folder, reporter.say)
    # An arena that is not there is reported at once. An arena that goes away later is waited for.
    with ArenaClient(arena.url, token=arena.token, patience=5.0) as client:
        stats = client.stats()
    suite, suite_hash = stats.suite_and_version, stats.suite_hashes.get(Split(preset.held_out.split))
    by_first(lambda: journal.begin(preset, arena=arena.url, suite=suite, suite_hash=suite_hash))
    source = str(start) if start is not None else _starting_model(preset, arena, folder / "start", reporter)
    with report_run(preset, arena, journal) if is_first() else nullcontext():
        return _stages(preset, source, arena, folder, journal, reporter, three_phases=three_phases, resume=resume)


def _stages(
    preset: Preset,
    source: str,
    arena: ArenaAddress,
    folder: Path,
    journal: Journal,
    reporter: Reporter,
    *,
    three_phases: bool,
    resume: bool,
) -> Path:
    """The stages from the starting model to the report."""

    def measure_at(model: str, name: str, step: int, phase: str) -> None:
        path = folder / name
        by_first(lambda: evaluate_once(preset, model, arena, path, journal, step=step, phase=phase, reporter=reporter))

    measure_at(source, "before.json", 0, "phase 1")
    model = _phase(preset, source, arena, folder / "phase1", "phase 1", journal, reporter, resume)
    last, phase = preset, "phase 1"
    if three_phases:
        by_first(lambda: _calibrate(preset, model, arena, folder / "calibration.json", reporter))
        last, phase = _phase_3_preset(preset, model), "phase 3"
        model = _phase(last, model, arena, folder / "phase3", phase, journal, reporter, resume)
    final = folder / "model"
    by_first(lambda: _copy_model(model, final))
    measure_at(str(final), "after.json", last.steps, phase)
    by_first(lambda: _write_documents(folder, preset, source, arena))
    return folder / "report.html"


def _copy_model(model: Path, final: Path) -> None:
    if not _is_model(final):
        copied = final.with_suffix(".new")
        copytree(model, copied, dirs_exist_ok=True)
        copied.replace(final)


def _write_documents(folder: Path, preset: Preset, source: str, arena: ArenaAddress) -> None:
    examples(folder, preset, before=source, arena=arena)
    write_card(folder)
    write_report(folder)


def evaluate_once(
    preset: Preset,
    model: str,
    arena: ArenaAddress,
    path: Path,
    journal: Journal,
    *,
    step: int,
    phase: str,
    reporter: Reporter,
    **settings: Any,
) -> Result:
    """The evaluation of a model on held-out episodes: read from `path`, or measured and written there the first time.

    The verdicts are recorded beside `path` as they come, so that a stopped evaluation continues. `settings` are
    those of `measure`.

    Raises:
        FolderInUse: `path` holds the evaluation of another model, or on other episodes.
    """
    if path.is_file():
        known = Result.read(path)
        has = {
            "split": known.split.value,
            "episodes": known.scorecard.episodes,
            "samples": known.samples,
            "model": known.conditions.get("weights"),
        }
        # Results of older versions do not say which weights were evaluated.
        weights = weights_digest(Path(model)) if has["model"] is not None else None
        held_out = preset.held_out
        wanted = {
            "split": held_out.split,
            "episodes": held_out.episodes,
            "samples": held_out.samples,
            "model": weights,
        }
        for what, value in wanted.items():
            if has[what] != value:
                raise FolderInUse(
                    f"{path} is a measurement of another {what} ({has[what]}, not {value}): give another --out"
                )
        return known
    name = path.stem
    result = measure(
        preset,
        model,
        arena,
        name=name,
        records=path.with_suffix(".records.jsonl"),
        on_progress=lambda done, of, pace: reporter.progress(f"held out, {name}", done, of, pace),
        **settings,
    )
    journal.log_held_out(phase, step, result)
    write_whole(path, result.to_json() + "\n")
    return result


def _starting_model(preset: Preset, arena: ArenaAddress, folder: Path, reporter: Reporter) -> str:
    if preset.warm_start is not None and (folder / "done").is_file():
        return str(folder)
    with ArenaClient(arena.url, token=arena.token, patience=preset.patience) as client:
        source = starting_model(preset, client, folder, reporter)
    if folder.is_dir():
        (folder / "done").touch()
    return source


def _phase(
    preset: Preset,
    source: str | Path,
    arena: ArenaAddress,
    folder: Path,
    phase: str,
    journal: Journal,
    reporter: Reporter,
    resume: bool,
) -> Path:
    if not (folder / "done").is_file():
        if preset.algorithm in OFFLINE:
            learn_offline(preset, str(source), arena, folder, phase=phase, journal=journal, reporter=reporter)
        else:
            learn(preset, str(source), arena, folder, phase=phase, journal=journal, reporter=reporter, resume=resume)
        by_first((folder / "done").touch)
    return folder / "model"


def _calibrate(preset: Preset, model: Path, arena: ArenaAddress, path: Path, reporter: Reporter) -> None:
    """Measure from which cells the model can learn, unless `path` holds the cells, and set the arena's curriculum."""
    settings = preset.calibration
    if not path.is_file():
        loaded = load_model(model, dtype=preset.dtype)
        with ArenaClient(arena.url, token=arena.token, patience=preset.patience) as client:
            groups = attempts(
                loaded,
                client,
                url=arena.url,
                token=arena.token,
                start=ASIDE,
                episodes=settings.episodes,
                samples=settings.samples,
                batch=preset.held_out.batch,
                records=path.parent / ATTEMPTS,
                on_progress=_progress(reporter, "phase 2: attempts"),
                **as_in_training(preset),
            )
            cells = measure_difficulty(groups, settings.k)
        write_whole(path, json.dumps([cell.model_dump(mode="json") for cell in cells], indent=1) + "\n")
    cells = read_json(path, CELLS)
    if not cells:
        reporter.say("phase 2: no corrupted episode could be measured; the arena still draws from everything")
        return
    with ArenaClient(arena.url, token=arena.token, patience=preset.patience) as client:
        client.set_curriculum(Curriculum(cells=tuple(cells), low=settings.low, high=settings.high))
    zones = count_zones(cells, settings.low, settings.high)
    counts = ", ".join(f"{count} {zone}" for zone, count in zones.items())
    reporter.say(f"phase 2: of {len(cells)} cells {counts}; the arena's train stream follows this from now on")


def _phase_3_preset(preset: Preset, model: Path) -> Preset:
    """The preset of phase 3: training continues from this model, further along the stream of episodes."""
    then = load_preset(preset.then) if preset.then is not None else preset
    changes: dict[str, Any] = {
        "model": str(model),
        "scratch": None,
        "warm_start": None,
        "start": preset.start + preset.steps * preset.prompts,
        "seed": preset.seed,
    }
    if preset.then is not None:
        changes |= {"steps": preset.steps, "held_out": preset.held_out, "trackers": preset.trackers}
    return then.model_copy(update=changes)


def _is_model(folder: Path) -> bool:
    return (folder / "config.json").is_file()


def _progress(reporter: Reporter, phase: str) -> Callable[[int, int], None]:
    return lambda done, of: reporter.progress(phase, done, of, "")
