"""Make the policy that reinforcement starts from, by supervised fine-tuning on oracle demonstrations.

Without a warm start a small model writes no verdict that can be read, and a reward has nothing to choose from. A preset
without `warm_start` takes its model as it is. If a preset asks for a model from nothing, `train/tiny/` makes it
first.
"""

from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

from datasets import Dataset
from transformers import PrinterCallback, TrainerCallback
from trl import SFTConfig, SFTTrainer

from forge_agents.client import ArenaClient
from forge_agents.models import Loaded, load_model
from forge_agents.train.adapters import lora_config, quantization_config, save_whole
from forge_agents.train.demonstrations import Demonstration, demonstrations
from forge_agents.train.presets import Preset, PresetError, WarmStart
from forge_agents.train.progress import Progress, Reporter
from forge_agents.train.rows import Row, completion_row
from forge_arena.verdicts import observation_text

# Demonstrations come from this index on. No stream of prompts gets so far.
FAR = 10_000_000
# From how many texts the tokenizer of a model from nothing is learned.
TEXTS = 3_000
WARMUP = 20


def starting_model(preset: Preset, client: ArenaClient, folder: Path, reporter: Reporter) -> str:
    """The name or folder of the model to start from. `folder` holds it, unless the preset takes its model as it is.

    Raises:
        PresetError: the preset wants a model from nothing without a warm start.
        ArenaError: the arena gives no demonstrations.
    """
    if preset.warm_start is None:
        if preset.model is None:
            raise PresetError("a model from scratch needs a warm start: it cannot write a verdict")
        return preset.model
    source, start = preset.model, FAR
    for number, stage in enumerate(preset.warm_start.stages, 1):
        collected = collect_demonstrations(preset, stage, client, reporter, start=start)
        if source is None:
            source = _model_from_nothing(preset, collected, folder, reporter)
        loaded = load_model(source, dtype=preset.dtype, quantization=quantization_config(preset))
        fine_tune_on_demonstrations(
            preset, stage, loaded, collected, folder, phase=f"warm start {number}", reporter=reporter
        )
        source, start = str(folder), start + stage.demonstrations
    return str(folder)


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
            seed=preset.seed,
            on_progress=lambda done, of: reporter.progress("demonstrations", done, of, ""),
        )
    )
    return _rename(collected, settings.renamed, preset.seed) if settings.renamed else collected


def _rename(collected: Sequence[Demonstration], share: float, seed: int) -> list[Demonstration]:
    """Give a share of the demonstrations other words."""
    from forge_agents.train.tiny.renaming import Renaming

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
        [completion_row(d.observation, d.completion) for d in collected],
        phase=phase,
        whole_text=settings.whole_text,
        epochs=settings.epochs,
        batch=settings.batch,
        learning_rate=settings.learning_rate,
        decisive=settings.decisive,
        exchanged=settings.exchanged,
        mixed=0 < settings.checking < 1,
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
    warmup_steps: int = WARMUP,
    folder: Path,
    reporter: Reporter,
    callbacks: Sequence[TrainerCallback] = (),
) -> None:
    """Fine-tune a model on rows of prompt and completion, and save it whole (adapters merged) in `folder`.

    Arguments:
        whole_text: take the loss on the prompt too, as in language modelling, and not only on the completion.
        decisive, exchanged: for a model from nothing; see `forge_agents.train.tiny.weighing`.
        mixed: the rows are of two styles of different length.
    """
    config = SFTConfig(
        output_dir=str(folder / "sft"),
        num_train_epochs=epochs,
        per_device_train_batch_size=batch,
        learning_rate=learning_rate,
        lr_scheduler_type="cosine",
        # A model from nothing learns within a thousand steps, so the optimizer must not average over a thousand.
        adam_beta2=0.98 if preset.scratch is not None else 0.999,
        warmup_steps=warmup_steps,
        completion_only_loss=not whole_text,
        max_length=None,
        # Grouped by length, each batch would hold one style, and the first token of a short text would weigh more than
        # that of a long text. The model would then learn the styles in other shares than the demonstrations have.
        train_sampling_strategy="random" if mixed else "group_by_length",
        gradient_checkpointing=preset.scratch is None,
        bf16=preset.dtype == "bfloat16",
        use_cpu=bool(model.device.type == "cpu"),
        save_strategy="no",
        logging_steps=20,
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
        "callbacks": [Progress(phase, reporter, "loss"), *callbacks],
    }
    if decisive == 1.0 and not exchanged:
        trainer = SFTTrainer(**settings)
    else:
        from forge_agents.train.tiny.weighing import WeighingTrainer

        trainer = WeighingTrainer(decisive, exchanged, **settings)
    trainer.remove_callback(PrinterCallback)
    trainer.train()
    save_whole(preset, trainer.model, tokenizer, source=str(model.name_or_path), folder=folder)
