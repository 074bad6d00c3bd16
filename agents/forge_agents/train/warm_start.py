"""Make the policy that reinforcement starts from, by supervised fine-tuning on oracle demonstrations.

Without a warm start a small model writes no verdict that can be read, and a reward has nothing to choose from. A preset
without `warm_start` takes its model as it is. If a preset asks for a model from nothing, `train/tiny/` makes it
first.
"""

import shutil
from collections.abc import Sequence
from pathlib import Path
from random import Random
from statistics import fmean
from typing import Any

from datasets import Dataset
from transformers import PrinterCallback, TrainerCallback
from trl import SFTConfig

from forge_agents.client import ArenaClient
from forge_agents.models import Loaded, load_model
from forge_agents.overseers.prompts import prompt
from forge_agents.train.adapters import lora_config, quantization_config, save_whole
from forge_agents.train.checkpoints import POSITION, latest_checkpoint
from forge_agents.train.demonstrations import THINK, Demonstration, demonstrations
from forge_agents.train.episodes import EpisodeStream
from forge_agents.train.fine_tuning import FineTuner
from forge_agents.train.memory import MemoryReturner, freed_memory_kept
from forge_agents.train.presets import Preset, PresetError, WarmStart
from forge_agents.train.progress import Progress, Reporter
from forge_agents.train.renaming import Renaming
from forge_agents.train.rows import Row, completion_row
from forge_agents.writing import probabilities
from forge_arena.files import write_whole
from forge_arena.verdicts import observation_text

# Demonstrations come from this index on. No stream of prompts gets so far.
FAR = 10_000_000
# From how many texts the tokenizer of a model from nothing is learned.
TEXTS = 3_000
WARMUP = 20


def starting_model(preset: Preset, client: ArenaClient, folder: Path, reporter: Reporter) -> str:
    """The name or folder of the model to start from. `folder` holds it, unless the preset takes its model as it is.

    A warm start that was stopped continues after its last whole stage, and within a stage from its last checkpoint.

    Raises:
        PresetError: the preset wants a model from nothing without a warm start.
        ArenaError: the arena gives no demonstrations.
    """
    if preset.warm_start is None:
        if preset.model is None:
            raise PresetError("a model from scratch needs a warm start: it cannot write a verdict")
        return preset.model
    source, start = preset.model, FAR
    stages = preset.warm_start.stages
    for number, stage in enumerate(stages, 1):
        # The model of an earlier stage has a folder of its own, so that a half-written model never stands in its place.
        place = folder if number == len(stages) else folder / f"stage-{number}"
        if place != folder and (place / "done").is_file():
            source, start = str(place), start + stage.demonstrations
            continue
        collected = collect_demonstrations(preset, stage, client, reporter, start=start)
        if source is None:
            source = _model_from_nothing(preset, collected, place, reporter)
        loaded = load_model(source, dtype=preset.dtype, quantization=quantization_config(preset))
        fine_tune_on_demonstrations(
            preset, stage, loaded, collected, place, phase=f"warm start {number}", reporter=reporter
        )
        if place != folder:
            (place / "done").touch()
        source, start = str(place), start + stage.demonstrations
    return str(folder)


def share_that_checks(preset: Preset, model: str, client: ArenaClient, *, episodes: int = 32) -> float:
    """The share of a starting model's samples that check before they decide, on episodes of the train split.

    GRPO can only choose among the ways of answering that the model samples. If few samples check, most groups hold
    none, and the reward does not teach that checking pays.
    """
    shown = sum(stage.demonstrations for stage in preset.warm_start.stages) if preset.warm_start else 0
    stream, ask = EpisodeStream(client, attempts=1, start=FAR + shown), prompt(preset.prompt)
    chats = [ask(episode.observation) for episode in stream.take(episodes)]
    loaded = load_model(model, dtype=preset.dtype)
    return fmean(probabilities(loaded, chats, THINK, temperature=preset.temperature))


def _model_from_nothing(preset: Preset, collected: Sequence[Demonstration], folder: Path, reporter: Reporter) -> str:
    from forge_agents.train.tiny.model import make_model

    assert preset.scratch is not None
    reporter.say("making a model from scratch, and drilling it in copying and comparing")
    texts = [f"{observation_text(d.observation)}\n{d.completion}" for d in collected[:TEXTS]]
    make_model(folder, texts, preset.scratch, preset.seed)
    return str(folder)


def collect_demonstrations(
    preset: Preset, settings: WarmStart, client: ArenaClient, reporter: Reporter, *, start: int
) -> list[Demonstration]:
    """The demonstrations that the settings ask for, from an index of the train split on."""
    stats = client.stats()
    collected = list(
        demonstrations(
            client,
            suite=stats.suite_and_version,
            start=start,
            count=settings.demonstrations,
            checking=settings.checking,
            brief=settings.brief,
            concluding=settings.concluding,
            exhaustive=settings.exhaustive,
            seed=preset.seed,
            on_progress=lambda done, of: reporter.progress("demonstrations", done, of, ""),
        )
    )
    return _rename(collected, settings.renamed, preset.seed) if settings.renamed else collected


def _rename(collected: Sequence[Demonstration], share: float, seed: int) -> list[Demonstration]:
    """Give a share of the demonstrations other words."""
    renaming, rng = Renaming.learn(collected[:TEXTS]), Random(seed)
    return [renaming.rename(d, rng) if rng.random() < share else d for d in collected]


def fine_tune_on_demonstrations(
    preset: Preset,
    settings: WarmStart,
    loaded: Loaded,
    collected: Sequence[Demonstration],
    folder: Path,
    *,
    phase: str,
    reporter: Reporter,
    callbacks: Sequence[TrainerCallback] = (),
) -> None:
    """Fine-tune a model on demonstrations, and save it in `folder`."""
    fine_tune(
        preset,
        loaded.model,
        loaded.tokenizer,
        [completion_row(d.observation, d.completion, prompt(preset.prompt)) for d in collected],
        phase=phase,
        whole_text=settings.whole_text,
        epochs=settings.epochs,
        batch=settings.batch,
        learning_rate=settings.learning_rate,
        decisive=settings.decisive,
        exchanged=settings.exchanged,
        mixed=0 < settings.checking < 1,
        save_every=settings.save_every,
        device_batch=settings.device_batch,
        folder=folder,
        reporter=reporter,
        callbacks=callbacks,
    )


def fine_tune(
    preset: Preset,
    model: Any,
    tokenizer: Any,
    rows: Sequence[Row],
    *,
    phase: str,
    whole_text: bool,
    epochs: int,
    batch: int,
    learning_rate: float,
    decisive: float = 1.0,
    exchanged: float = 0.0,
    mixed: bool = False,
    save_every: int | None = None,
    device_batch: int | None = None,
    warmup_steps: int = WARMUP,
    folder: Path,
    reporter: Reporter,
    callbacks: Sequence[TrainerCallback] = (),
) -> None:
    """Fine-tune a model on rows of prompt and completion, and save it whole (adapters merged) in `folder`.

    Arguments:
        whole_text: take the loss on the prompt too, as in language modelling, and not only on the completion.
        decisive: see `FineTuner`.
        exchanged: for a model from nothing; see `forge_agents.train.tiny.weighing`.
        mixed: see `FineTuner`.
        save_every: steps between checkpoints. If `folder` holds checkpoints of the same call, it continues from the
            last one. None writes none.
    """
    checkpoints = folder / "sft"
    config = SFTConfig(
        output_dir=str(checkpoints),
        num_train_epochs=epochs,
        per_device_train_batch_size=device_batch or batch,
        gradient_accumulation_steps=batch // (device_batch or batch),
        learning_rate=learning_rate,
        lr_scheduler_type="cosine",
        # A model from nothing learns within a thousand steps, so the optimizer must not average over a thousand.
        adam_beta2=0.98 if preset.scratch is not None else 0.999,
        warmup_steps=warmup_steps,
        completion_only_loss=not whole_text,
        max_length=None,
        gradient_checkpointing=preset.recomputes,
        bf16=preset.in_bfloat16,
        use_cpu=bool(model.device.type == "cpu"),
        save_strategy="no" if save_every is None else "steps",
        save_steps=save_every or 1,
        save_total_limit=2,
        logging_steps=5 if save_every is not None else 20,
        report_to=[],
        disable_tqdm=True,
        seed=preset.seed,
    )
    settings: dict[str, Any] = {
        "model": model,
        "args": config,
        "train_dataset": Dataset.from_list(list(rows)),
        "processing_class": tokenizer,
        "peft_config": lora_config(preset),
        "callbacks": [Progress(phase, reporter, "loss"), MemoryReturner(), *callbacks],
        "mixed": mixed,
    }
    if preset.scratch is None or (decisive == 1.0 and not exchanged):
        trainer = FineTuner(decisive=decisive, **settings)
    else:
        from forge_agents.train.tiny.weighing import WeighingTrainer

        trainer = WeighingTrainer(decisive, exchanged, **settings)
    trainer.remove_callback(PrinterCallback)
    trainer.on_saved = lambda saved: write_whole(saved / POSITION, f'{{"step": {trainer.state.global_step}}}\n')
    last = latest_checkpoint(checkpoints) if save_every is not None else None
    with freed_memory_kept():
        trainer.train(resume_from_checkpoint=str(last) if last is not None else None)
    save_whole(preset, trainer.model, tokenizer, source=str(model.name_or_path), folder=folder)
    # They are several times as large as the model, and nothing continues from them any more.
    shutil.rmtree(checkpoints, ignore_errors=True)
