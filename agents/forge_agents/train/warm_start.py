"""Make the policy that reinforcement starts from: a model from scratch where the preset wants one, then supervised
fine-tuning on oracle demonstrations, so that rewards have something to choose from.

Departs from plain SFT in one setting: with `whole_text` the loss is a language model's, on the source, the answer and
the verdict alike. A small model that only ever learns the label does not learn to compare; one that must also predict
an answer from its source does.
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
from forge_agents.train.adapters import adapter, quantized, save_whole
from forge_agents.train.demonstrations import Demonstration, demonstrations
from forge_agents.train.presets import Preset, PresetError, WarmStart
from forge_agents.train.progress import Progress, Reporter
from forge_agents.train.renaming import Renaming
from forge_agents.train.tiny import make_model
from forge_arena.verdicts import messages, observation_text

# Demonstrations come from here on, where no stream of prompts ever gets to.
FAR = 10_000_000
# Texts that the tokenizer of a model from scratch is learned from.
TEXTS = 3_000
WARMUP = 20


def starting_model(preset: Preset, client: ArenaClient, folder: Path, reporter: Reporter) -> str:
    """The folder or name of the model to start from; written to `folder` unless the preset's model is taken as it is.

    Raises:
        PresetError: a model from scratch without a warm start.
        ArenaError: demonstrations cannot be had.
    """
    if preset.warm_start is None:
        if preset.model is None:
            raise PresetError("a model from scratch needs a warm start: it cannot write a verdict")
        return preset.model
    shown = demonstrated(preset, preset.warm_start, client, reporter, start=FAR)
    source = preset.model
    if preset.scratch is not None:
        reporter.say("making a model from scratch, and drilling it in copying")
        texts = [f"{observation_text(d.observation)}\n{d.completion}" for d in shown[:TEXTS]]
        make_model(folder, texts, preset.scratch, preset.seed)
        source = str(folder)
    assert source is not None
    loaded = load_model(source, dtype=preset.dtype, quantization=quantized(preset))
    fine_tune(preset, preset.warm_start, loaded, shown, folder, phase="warm start", reporter=reporter)
    return str(folder)


def demonstrated(
    preset: Preset, settings: WarmStart, client: ArenaClient, reporter: Reporter, *, start: int
) -> list[Demonstration]:
    """The demonstrations that the settings ask for, from an index of the train split on."""
    stats = client.stats()
    shown = list(
        demonstrations(
            client,
            suite=f"{stats.suite}:{stats.version}",
            start=start,
            count=settings.demonstrations,
            checking=settings.checking,
            seed=preset.seed,
            on_progress=lambda done, of: reporter.progress("demonstrations", done, of, ""),
        )
    )
    if not settings.renamed:
        return shown
    renaming, rng = Renaming.learned(shown[:TEXTS]), Random(preset.seed)
    return [renaming.renamed(one, rng) if rng.random() < settings.renamed else one for one in shown]


def fine_tune(
    preset: Preset,
    settings: WarmStart,
    loaded: Loaded,
    shown: Sequence[Demonstration],
    folder: Path,
    *,
    phase: str,
    reporter: Reporter,
    callbacks: Sequence[TrainerCallback] = (),
) -> None:
    """Fine-tune a model on demonstrations, and save it in `folder`."""
    train(
        preset,
        loaded.model,
        loaded.tokenizer,
        [
            {"prompt": messages(one.observation), "completion": [{"role": "assistant", "content": one.completion}]}
            for one in shown
        ],
        phase=phase,
        whole_text=settings.whole_text,
        epochs=settings.epochs,
        batch=settings.batch,
        learning_rate=settings.learning_rate,
        folder=folder,
        reporter=reporter,
        callbacks=callbacks,
    )


def train(
    preset: Preset,
    model: Any,
    tokenizer: Any,
    rows: Sequence[dict[str, Any]],
    *,
    phase: str,
    whole_text: bool,
    epochs: int,
    batch: int,
    learning_rate: float,
    warmup_steps: int = WARMUP,
    folder: Path,
    reporter: Reporter,
    callbacks: Sequence[TrainerCallback] = (),
) -> None:
    """Fine-tune a model on rows of prompt and completion, and save it whole (adapters merged) in `folder`."""
    config = SFTConfig(
        output_dir=str(folder / "sft"),
        num_train_epochs=epochs,
        per_device_train_batch_size=batch,
        learning_rate=learning_rate,
        lr_scheduler_type="cosine",
        warmup_steps=warmup_steps,
        completion_only_loss=not whole_text,
        max_length=None,
        train_sampling_strategy="group_by_length",
        gradient_checkpointing=preset.scratch is None,
        bf16=preset.dtype == "bfloat16",
        use_cpu=bool(model.device.type == "cpu"),
        save_strategy="no",
        logging_steps=20,
        report_to=[],
        disable_tqdm=True,
        seed=preset.seed,
    )
    trainer = SFTTrainer(
        model=model,
        args=config,
        train_dataset=Dataset.from_list(list(rows)),
        processing_class=tokenizer,
        peft_config=adapter(preset),
        callbacks=[Progress(phase, reporter, "loss"), *callbacks],
    )
    trainer.remove_callback(PrinterCallback)
    trainer.train()
    save_whole(preset, trainer.model, tokenizer, source=str(model.name_or_path), folder=folder)
