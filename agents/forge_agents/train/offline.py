"""Train offline: learn from attempts that the starting policy made once.

    rft   rejection-sampling fine-tuning on the accepted attempts
    dpo   direct preference optimization (Rafailov et al. 2023) on the best and the worst of each group
    sft   a control: no attempts, but further oracle demonstrations

`rft` and `dpo` make as many attempts on as many episodes as the online algorithms would in the preset's steps. So a
comparison of algorithms spends the same on each.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from datasets import Dataset
from transformers import PrinterCallback, TrainerCallback
from trl import DPOConfig, DPOTrainer

from forge_agents.client import ArenaClient
from forge_agents.models import Loaded, load_model
from forge_agents.overseers.prompts import Prompt, prompt
from forge_agents.train.adapters import lora_config, quantization_config, save_whole
from forge_agents.train.attempts import ATTEMPTS, Group, as_in_training, attempts
from forge_agents.train.journal import Journal
from forge_agents.train.online import ArenaAddress, Measuring, TrainingStopped
from forge_agents.train.presets import Algorithm, Preset, WarmStart
from forge_agents.train.progress import Progress, Reporter, WallClock
from forge_agents.train.rows import Row, completion_row, preference_row
from forge_agents.train.warm_start import FAR, collect_demonstrations, fine_tune, fine_tune_on_demonstrations
from forge_arena.verdicts import messages

# The default of TRL and of the paper. The preset's `beta` is the weight of a KL term, which is something else.
DPO_BETA = 0.1


def learn_offline(
    preset: Preset, source: str, arena: ArenaAddress, folder: Path, *, phase: str, journal: Journal, reporter: Reporter
) -> None:
    """Train the model of `source` by `rft`, `dpo` or `sft`, and save the result in `folder / "model"`.

    Raises:
        TrainingStopped: nothing was learned, because no attempt was accepted or no group had two different rewards.
        ArenaError: the arena cannot be reached.
    """
    loaded = load_model(source, dtype=preset.dtype, quantization=quantization_config(preset))
    with ArenaClient(arena.url, token=arena.token, patience=preset.patience) as client:
        callbacks: list[TrainerCallback] = [Measuring(phase, preset, client, loaded.tokenizer, journal)]
        if preset.wall_seconds is not None:
            callbacks.append(WallClock(preset.wall_seconds))
        if preset.algorithm is Algorithm.sft:
            _learn_from_demonstrations(preset, loaded, client, folder, phase, reporter, callbacks)
            return
        groups = list(_sample_attempts(preset, loaded, client, arena, folder, phase, reporter))
        ask = prompt(preset.prompt)
        rows = accepted_rows(groups, ask) if preset.algorithm is Algorithm.rft else preference_rows(groups, ask)
        if not rows:
            raise TrainingStopped(
                "no attempt can be learned from: no attempt was right, or all attempts of each group earned the same; "
                "begin from a better warm start, or raise the temperature"
            )
        if preset.algorithm is Algorithm.dpo:
            _learn_from_preferences(preset, source, loaded.tokenizer, rows, folder, phase, reporter, callbacks)
            return
        fine_tune(
            preset,
            loaded.model,
            loaded.tokenizer,
            rows,
            phase=phase,
            whole_text=False,
            epochs=1,
            batch=preset.batch,
            device_batch=preset.device_batch,
            learning_rate=preset.learning_rate,
            warmup_steps=preset.warmup_steps,
            folder=folder / "model",
            reporter=reporter,
            callbacks=callbacks,
        )


def _learn_from_demonstrations(
    preset: Preset,
    loaded: Loaded,
    client: ArenaClient,
    folder: Path,
    phase: str,
    reporter: Reporter,
    callbacks: Sequence[TrainerCallback],
) -> None:
    """Go on with the last stage of the warm start, on demonstrations that no stage has seen.

    A run that ends by the clock gets twice as many demonstrations, so that the clock ends it.
    """
    stages = (preset.warm_start or WarmStart()).stages
    count = 2 * stages[-1].demonstrations if preset.wall_seconds else max(s.demonstrations for s in stages)
    settings = stages[-1].model_copy(update={"demonstrations": count})
    seen = sum(stage.demonstrations for stage in stages)
    collected = collect_demonstrations(preset, settings, client, reporter, start=FAR + seen)
    fine_tune_on_demonstrations(
        preset, settings, loaded, collected, folder / "model", phase=phase, reporter=reporter, callbacks=callbacks
    )


def _sample_attempts(
    preset: Preset,
    loaded: Loaded,
    client: ArenaClient,
    arena: ArenaAddress,
    folder: Path,
    phase: str,
    reporter: Reporter,
) -> Iterator[Group]:
    return attempts(
        loaded,
        client,
        url=arena.url,
        token=arena.token,
        start=preset.start,
        episodes=preset.steps * preset.prompts,
        samples=preset.generations,
        batch=max(preset.batch, preset.held_out.batch),
        records=folder / ATTEMPTS,
        on_progress=lambda done, of: reporter.progress(f"{phase}: attempts", done, of, ""),
        **as_in_training(preset),
    )


def accepted_rows(groups: Sequence[Group], ask: Prompt = messages) -> list[Row]:
    """Prompt and completion of every attempt that rejection sampling accepts."""
    return [
        completion_row(group.observation, group.completions[number], ask)
        for group in groups
        for number in group.accepted_numbers()
    ]


def preference_rows(groups: Sequence[Group], ask: Prompt = messages) -> list[Row]:
    """The best and the worst attempt of every group whose attempts did not all earn the same."""
    return [
        preference_row(group.observation, group.completions[group.best], group.completions[group.worst], ask)
        for group in groups
        if group.rewards[group.best] > group.rewards[group.worst]
    ]


def _learn_from_preferences(
    preset: Preset,
    source: str,
    tokenizer: Any,
    rows: Sequence[Row],
    folder: Path,
    phase: str,
    reporter: Reporter,
    callbacks: Sequence[TrainerCallback],
) -> None:
    def load() -> Any:
        return load_model(source, dtype=preset.dtype, quantization=quantization_config(preset)).model

    model = load()
    config = DPOConfig(
        output_dir=str(folder / "dpo"),
        num_train_epochs=1,
        per_device_train_batch_size=preset.device_batch or preset.batch,
        gradient_accumulation_steps=preset.batch // (preset.device_batch or preset.batch),
        learning_rate=preset.learning_rate,
        lr_scheduler_type=preset.schedule,
        warmup_steps=preset.warmup_steps,
        beta=DPO_BETA,
        max_length=None,
        gradient_checkpointing=preset.recomputes,
        bf16=preset.in_bfloat16,
        use_cpu=bool(model.device.type == "cpu"),
        save_strategy="no",
        logging_steps=5,
        report_to=[],
        disable_tqdm=True,
        seed=preset.seed,
    )
    trainer = DPOTrainer(
        model=model,
        # With an adapter the reference is the model without the adapter.
        ref_model=None if preset.lora is not None else load(),
        args=config,
        train_dataset=Dataset.from_list(list(rows)),
        processing_class=tokenizer,
        peft_config=lora_config(preset),
        callbacks=[Progress(phase, reporter, "loss"), *callbacks],
    )
    trainer.remove_callback(PrinterCallback)
    trainer.train()
    save_whole(preset, trainer.model, tokenizer, source=source, folder=folder / "model")
