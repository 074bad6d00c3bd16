"""Make the policy that reinforcement starts from: a model from scratch where the preset wants one, then supervised
fine-tuning on oracle demonstrations, so that rewards have something to choose from.

Departs from plain SFT in three settings. With `whole_text` the loss is a language model's, on the source, the answer
and the verdict alike. With `decisive` above 1 the few tokens that decide weigh more: of the 160 of a checked verdict,
four say whether something is right, and the others are copied; of those four, marks of something wrong weigh most. With
`exchanged` the tokens of words stand for one another, in each epoch anew.
"""

from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

import torch
from datasets import Dataset
from transformers import PrinterCallback, TrainerCallback
from trl import SFTConfig, SFTTrainer

from forge_agents.client import ArenaClient
from forge_agents.models import Loaded, load_model
from forge_agents.train.adapters import adapter, quantized, save_whole
from forge_agents.train.demonstrations import Demonstration, demonstrations
from forge_agents.train.drills import ALARMS
from forge_agents.train.presets import Preset, PresetError, WarmStart
from forge_agents.train.progress import Progress, Reporter
from forge_agents.train.renaming import Exchange, Renaming
from forge_agents.train.tiny import DECISIONS, FIXED, NUMBERS, make_model
from forge_arena.verdicts import messages, observation_text

# Demonstrations come from here on, where no stream of prompts ever gets to.
FAR = 10_000_000
# Texts that the tokenizer of a model from scratch is learned from.
TEXTS = 3_000
WARMUP = 20
# How much more a mark of something wrong weighs than one of something right, of which there are six times as many.
ALARM = 3.0
# Labels of what no loss is taken on.
IGNORED = -100


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
    source, start = preset.model, FAR
    for number, stage in enumerate(preset.warm_start.stages, 1):
        shown = demonstrated(preset, stage, client, reporter, start=start)
        if source is None and preset.scratch is not None:
            reporter.say("making a model from scratch, and drilling it in copying and comparing")
            texts = [f"{observation_text(d.observation)}\n{d.completion}" for d in shown[:TEXTS]]
            make_model(folder, texts, preset.scratch, preset.seed)
            source = str(folder)
        assert source is not None
        loaded = load_model(source, dtype=preset.dtype, quantization=quantized(preset))
        fine_tune(preset, stage, loaded, shown, folder, phase=f"warm start {number}", reporter=reporter)
        source, start = str(folder), start + stage.demonstrations
    return str(folder)


def demonstrated(
    preset: Preset, settings: WarmStart, client: ArenaClient, reporter: Reporter, *, start: int
) -> list[Demonstration]:
    """The demonstrations that the settings ask for, from an index of the train split on."""
    stats = client.stats()
    shown = list(
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
        decisive=settings.decisive,
        exchanged=settings.exchanged,
        mixed=0 < settings.checking < 1,
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
    decisive: float = 1.0,
    exchanged: float = 0.0,
    mixed: bool = False,
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
        # What a model from scratch learns in a thousand steps must not be averaged over a thousand.
        adam_beta2=0.98 if preset.scratch is not None else 0.999,
        warmup_steps=warmup_steps,
        completion_only_loss=not whole_text,
        max_length=None,
        # Batches of like length would hold one style each, and a short text's first token would weigh more than a long
        # one's: the share of the styles would not be that of the demonstrations.
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
    trainer = _Weighing(
        decisive,
        exchanged,
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


class _Weighing(SFTTrainer):
    """SFT in which the tokens that decide have a weight of their own, and those of words may stand for one another."""

    def __init__(self, decisive: float, exchanged: float, **settings: Any) -> None:
        super().__init__(**settings)
        self._plain = decisive == 1.0 and not exchanged
        weights = torch.ones(len(self.processing_class))
        for word in DECISIONS:
            ids = self.processing_class.encode(word, add_special_tokens=False)
            if len(ids) == 1:
                weights[ids[0]] = decisive * (ALARM if word in ALARMS else 1.0)
        self._weights = weights
        self._exchanged = exchanged
        self._exchange = Exchange(self.processing_class, (*FIXED, *NUMBERS), self.args.seed) if exchanged else None

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        if self._plain:
            return super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        ids, labels = inputs["input_ids"], inputs["labels"]
        if self._exchange is not None and model.training:
            others = self._exchange.drawn(len(ids), self._exchanged).to(ids.device)
            ids = others.gather(1, ids)
            labels = torch.where(labels == IGNORED, labels, ids)
        outputs = model(input_ids=ids, attention_mask=inputs["attention_mask"])
        labels = labels[:, 1:]
        lost = torch.nn.functional.cross_entropy(
            outputs.logits[:, :-1].flatten(0, 1), labels.flatten(), ignore_index=IGNORED, reduction="none"
        ).view(labels.shape)
        weight = self._weights.to(labels.device)[labels.clamp(min=0)] * (labels != IGNORED)
        loss = (lost * weight).sum() / weight.sum()
        return (loss, outputs) if return_outputs else loss
