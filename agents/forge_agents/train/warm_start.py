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
from forge_agents.models import load_model
from forge_agents.train.adapters import adapter, quantized, save_whole
from forge_agents.train.demonstrations import Demonstration, demonstrations
from forge_agents.train.presets import Preset, PresetError
from forge_agents.train.progress import Progress, Reporter
from forge_agents.train.renaming import Renaming
from forge_agents.train.tiny import make_model
from forge_arena.verdicts import messages, observation_text

# Demonstrations come from here on, where no stream of prompts ever gets to.
FAR = 10_000_000
# Texts that the tokenizer of a model from scratch is learned from.
TEXTS = 3_000
WARMUP = 20


def starting_model(preset: Preset, client: ArenaClient, suite: str, folder: Path, reporter: Reporter) -> str:
    """The folder or name of the model to start from; written to `folder` unless the preset's model is taken as it is.

    Raises:
        PresetError: a model from scratch without a warm start.
        ArenaError: demonstrations cannot be had.
    """
    settings = preset.warm_start
    if settings is None:
        if preset.model is None:
            raise PresetError("a model from scratch needs a warm start: it cannot write a verdict")
        return preset.model
    shown: list[Demonstration] = []
    for demonstration in demonstrations(
        client,
        suite=suite,
        start=FAR,
        count=settings.demonstrations,
        checking=settings.checking,
        seed=preset.seed,
        on_progress=lambda done, of: reporter.progress("demonstrations", done, of, ""),
    ):
        shown.append(demonstration)
    if settings.renamed:
        renaming, rng = Renaming.learned(shown[:TEXTS]), Random(preset.seed)
        shown = [renaming.renamed(one, rng) if rng.random() < settings.renamed else one for one in shown]
    source = preset.model
    if preset.scratch is not None:
        reporter.say("making a model from scratch, and drilling it in copying")
        texts = [f"{observation_text(d.observation)}\n{d.completion}" for d in shown[:TEXTS]]
        make_model(folder, texts, preset.scratch, preset.seed)
        source = str(folder)
    assert source is not None
    _fine_tune(preset, source, shown, folder, reporter)
    return str(folder)


def _fine_tune(preset: Preset, source: str, shown: Sequence[Demonstration], folder: Path, reporter: Reporter) -> None:
    settings = preset.warm_start
    assert settings is not None
    loaded = load_model(source, dtype=preset.dtype, quantization=quantized(preset))
    rows = [
        {"prompt": messages(d.observation), "completion": [{"role": "assistant", "content": d.completion}]}
        for d in shown
    ]
    train(
        preset,
        loaded.model,
        loaded.tokenizer,
        rows,
        phase="warm start",
        whole_text=settings.whole_text,
        epochs=settings.epochs,
        batch=settings.batch,
        learning_rate=settings.learning_rate,
        folder=folder,
        reporter=reporter,
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
        warmup_steps=WARMUP,
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
