"""Learn from attempts that the starting policy made once: rejection-sampling fine-tuning (`rft`) and direct preference
optimization (`dpo`, Rafailov et al. 2023). And, as a control, from further oracle demonstrations (`sft`).

The first two make as many attempts on as many episodes as the online algorithms would in the preset's steps, so that a comparison
of algorithms spends the same on each.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from datasets import Dataset
from transformers import PrinterCallback, TrainerCallback
from trl import DPOConfig, DPOTrainer

from forge_agents.client import ArenaClient
from forge_agents.models import Loaded, load_model
from forge_agents.train.adapters import adapter, quantized, save_whole
from forge_agents.train.attempts import Group, attempts
from forge_agents.train.journal import Journal
from forge_agents.train.online import Arena, Measuring, TrainingStopped
from forge_agents.train.presets import Algorithm, Preset, WarmStart
from forge_agents.train.progress import Progress, Reporter, WallClock
from forge_agents.train.warm_start import FAR, demonstrated, fine_tune, train
from forge_arena.verdicts import messages

# TRL's and the paper's default; the presets' beta is the weight of a KL term, which is another thing.
DPO_BETA = 0.1


def learn_offline(
    preset: Preset, source: str, arena: Arena, folder: Path, *, phase: str, journal: Journal, reporter: Reporter
) -> None:
    """Train the model of `source` by `rft`, `dpo` or `sft`; the result is saved in `folder / "model"`.

    Raises:
        TrainingStopped: nothing was learned, because no attempt was kept or no group had two different rewards.
        ArenaError: the arena cannot be reached.
    """
    loaded = load_model(source, dtype=preset.dtype, quantization=quantized(preset))
    with ArenaClient(arena.url, token=arena.token, patience=preset.patience) as client:
        watching: list[TrainerCallback] = [Measuring(phase, preset, client, loaded.tokenizer, journal)]
        if preset.wall_seconds is not None:
            watching.append(WallClock(preset.wall_seconds))
        if preset.algorithm is Algorithm.sft:
            # The last stage goes on, with demonstrations that no stage has seen. By the clock it goes as far as it gets.
            stages = (preset.warm_start or WarmStart()).stages
            count = 2 * stages[-1].demonstrations if preset.wall_seconds else max(s.demonstrations for s in stages)
            settings = stages[-1].model_copy(update={"demonstrations": count})
            seen = sum(one.demonstrations for one in stages)
            shown = demonstrated(preset, settings, client, reporter, start=FAR + seen)
            fine_tune(
                preset, settings, loaded, shown, folder / "model", phase=phase, reporter=reporter, callbacks=watching
            )
            return
        groups = list(_attempted(preset, loaded, client, arena, phase, reporter))
        rows = kept_rows(groups) if preset.algorithm is Algorithm.rft else preference_rows(groups)
        if not rows:
            raise TrainingStopped(
                "no attempt can be learned from: none was right, or all of every group earned the same; begin from a better "
                "warm start, or raise the temperature"
            )
        if preset.algorithm is Algorithm.dpo:
            _prefer(preset, source, loaded.tokenizer, rows, folder, phase, reporter, watching)
            return
        train(
            preset,
            loaded.model,
            loaded.tokenizer,
            rows,
            phase=phase,
            whole_text=False,
            epochs=1,
            batch=preset.batch,
            learning_rate=preset.learning_rate,
            warmup_steps=preset.warmup_steps,
            folder=folder / "model",
            reporter=reporter,
            callbacks=watching,
        )


def _attempted(
    preset: Preset, loaded: Loaded, client: ArenaClient, arena: Arena, phase: str, reporter: Reporter
) -> Iterator[Group]:
    return attempts(
        loaded,
        client,
        url=arena.url,
        token=arena.token,
        start=preset.start,
        episodes=preset.steps * preset.prompts,
        samples=preset.generations,
        temperature=preset.temperature,
        top_p=preset.top_p,
        max_tokens=preset.max_completion,
        batch=max(preset.batch, preset.held_out.batch),
        on_progress=lambda done, of: reporter.progress(f"{phase}: attempts", done, of, ""),
    )


def kept_rows(groups: Sequence[Group]) -> list[dict[str, Any]]:
    """Prompt and completion of every attempt that rejection sampling keeps."""
    return [
        {"prompt": messages(group.observation), "completion": _said(group.completions[number])}
        for group in groups
        for number in group.kept()
    ]


def preference_rows(groups: Sequence[Group]) -> list[dict[str, Any]]:
    """Of every group in which attempts earned differently, the best and the worst."""
    return [
        {
            "prompt": messages(group.observation),
            "chosen": _said(group.completions[group.best]),
            "rejected": _said(group.completions[group.worst]),
        }
        for group in groups
        if group.rewards[group.best] > group.rewards[group.worst]
    ]


def _said(completion: str) -> list[dict[str, str]]:
    return [{"role": "assistant", "content": completion}]


def _prefer(
    preset: Preset,
    source: str,
    tokenizer: Any,
    rows: Sequence[dict[str, Any]],
    folder: Path,
    phase: str,
    reporter: Reporter,
    watching: Sequence[TrainerCallback],
) -> None:
    model, reference = (load_model(source, dtype=preset.dtype, quantization=quantized(preset)).model for _ in range(2))
    config = DPOConfig(
        output_dir=str(folder / "dpo"),
        num_train_epochs=1,
        per_device_train_batch_size=preset.batch,
        learning_rate=preset.learning_rate,
        lr_scheduler_type=preset.schedule,
        warmup_steps=preset.warmup_steps,
        beta=DPO_BETA,
        max_length=None,
        gradient_checkpointing=preset.scratch is None,
        bf16=preset.dtype == "bfloat16",
        use_cpu=bool(model.device.type == "cpu"),
        save_strategy="no",
        logging_steps=5,
        report_to=[],
        disable_tqdm=True,
        seed=preset.seed,
    )
    trainer = DPOTrainer(
        model=model,
        # With an adapter, the model without it is the reference.
        ref_model=None if preset.lora is not None else reference,
        args=config,
        train_dataset=Dataset.from_list(list(rows)),
        processing_class=tokenizer,
        peft_config=adapter(preset),
        callbacks=[Progress(phase, reporter, "loss"), *watching],
    )
    trainer.remove_callback(PrinterCallback)
    trainer.train()
    save_whole(preset, trainer.model, tokenizer, source=source, folder=folder / "model")
