"""Train online: prompts from the arena, completions to the arena, rewards back, until the steps are done.

`learn` puts the parts together: the stream of prompts (`episodes`), the rewards (`rewards`), the trainer (`algorithms`)
and the callbacks that watch it. A run can be stopped at any moment. It continues from its last checkpoint, which holds
weights, optimizer and the position in the stream of episodes. An arena that stays away for longer than the preset's
patience stops the run with a checkpoint. Its silence is never scored as zeros.
"""

import asyncio
import json
import random
import shutil
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter
from transformers import PrinterCallback, TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from forge_agents.client import ArenaClient, ArenaError, AsyncArenaClient
from forge_agents.devices import default_device
from forge_agents.evaluation import evaluate
from forge_agents.models import Loaded, load_tokenizer
from forge_agents.overseers.local import LocalModel
from forge_agents.overseers.prompts import prompt
from forge_agents.result import Result
from forge_agents.train.adapters import lora_config, quantization_config, save_whole
from forge_agents.train.algorithms import TRAINERS, online_config
from forge_agents.train.checkpoints import POSITION, latest_checkpoint
from forge_agents.train.episodes import EpisodeStream
from forge_agents.train.fine_tuning import score_learned_tokens_only
from forge_agents.train.journal import Journal, Watch
from forge_agents.train.presets import Preset
from forge_agents.train.progress import Progress, Reporter, WallClock
from forge_agents.train.shared_prompts import keep_groups_together
from forge_agents.train.tools import RolloutReward, rollout_factory
from forge_agents.trl.environment import Rollout
from forge_agents.trl.rewards import ArenaReward, BatchReward, Scored
from forge_arena.errors import ForgeArenaError
from forge_arena.files import read_json, write_whole
from forge_arena.verdicts import messages_with_tools
from forge_arena.wire import MAX_BATCH

# Batches that a model sorts by length together in an evaluation.
SORTED_TOGETHER = 4
INDEX = TypeAdapter(dict[str, int])


@dataclass(frozen=True, slots=True)
class ArenaAddress:
    """The URL of an arena, and the token that it asks for."""

    url: str
    token: str | None = None


class TrainingStopped(ForgeArenaError, RuntimeError):
    """Training ended before its last step. The message names the checkpoint that holds what was learned."""


def learn(
    preset: Preset,
    source: str,
    arena: ArenaAddress,
    folder: Path,
    *,
    phase: str,
    journal: Journal,
    reporter: Reporter,
    resume: bool = False,
) -> None:
    """Train the model of `source` by the preset's online algorithm, and save the result in `folder / "model"`.

    Raises:
        TrainingStopped: the arena stayed away, or somebody interrupted: a checkpoint was written.
        CheckpointFailed: the disk is full; earlier checkpoints are whole.
        ModelError: the model cannot be trained.
    """
    tokenizer = load_tokenizer(source)
    checkpoints = folder / "checkpoints"
    last = latest_checkpoint(checkpoints) if resume else None
    _check_disk_space(folder, source)
    start = read_json(last / POSITION, INDEX)["index"] if last else preset.start
    with ArenaClient(arena.url, token=arena.token, patience=preset.patience) as client:
        stream = _stream(preset, client, start)
        paid = client.prompts().reward.weights
        verdicts = AsyncArenaClient(arena.url, token=arena.token, patience=preset.patience)
        functions, weights = _reward(preset, stream, paid, verdicts, tokenizer).functions()
        trainer = _trainer(
            preset, source, tokenizer, stream, functions, weights, checkpoints, rollout_factory(client, paid)
        )
        trainer.autocast = preset.autocast
        trainer.shares_prompts = preset.share_prompts
        bookmark = _Bookmark(stream)
        trainer.add_callback(bookmark)
        trainer.on_saved = lambda saved: write_whole(saved / POSITION, json.dumps({"index": bookmark.position}) + "\n")
        trainer.remove_callback(PrinterCallback)
        watch = Watch()
        trainer.add_callback(Progress(phase, reporter, "reward"))
        trainer.add_callback(_Journalist(phase, journal, watch))
        trainer.add_callback(Measuring(phase, preset, client, tokenizer, journal, watch))
        if preset.wall_seconds is not None:
            trainer.add_callback(WallClock(preset.wall_seconds))
        try:
            trainer.train(resume_from_checkpoint=str(last) if last else None)
        except (ArenaError, KeyboardInterrupt) as trouble:
            raise TrainingStopped(_save_stopped_run(trainer, trouble, last)) from trouble
        finally:
            _close(trainer, verdicts)
        if trainer.accelerator.is_main_process:
            save_whole(
                preset,
                trainer.accelerator.unwrap_model(trainer.model),
                tokenizer,
                source=source,
                folder=folder / "model",
            )


def measure(
    preset: Preset,
    model: str | Loaded,
    arena: ArenaAddress | ArenaClient,
    *,
    name: str,
    threshold: float | None = None,
    opening: str = "",
    records: Path | None = None,
    on_progress: Callable[[int, int, str], None] = lambda done, of, pace: None,
) -> Result:
    """Evaluate a model on the preset's held-out episodes; `threshold` and `opening` are `LocalModel`'s.

    `records` is a file that takes each verdict. If it holds verdicts already, the evaluation continues with them.
    `on_progress` is called with the verdicts so far, all verdicts, and how fast the model writes: at the beginning,
    with each completion, and with each batch.
    """
    settings = preset.held_out
    verdicts = settings.episodes * settings.samples
    on_progress(0, verdicts, "")
    overseer = LocalModel(
        model,
        max_tokens=preset.max_completion,
        temperature=settings.temperature,
        batch=settings.batch,
        prompt=preset.prompt,
        name=name,
        threshold=threshold,
        opening=opening,
        dtype="bfloat16" if preset.in_bfloat16 else "float32",
        tools=preset.tools,
    )
    pace = overseer.pace
    return evaluate(
        overseer,
        arena=arena.url if isinstance(arena, ArenaAddress) else arena,
        token=arena.token if isinstance(arena, ArenaAddress) else None,
        split=settings.split,
        episodes=settings.episodes,
        samples=settings.samples,
        view=preset.view,
        # Several batches of the model together, so that the model can sort them by length.
        batch=max(1, min(MAX_BATCH, SORTED_TOGETHER * settings.batch) // settings.samples),
        records=records,
        resume=records is not None,
        seed=0,
        on_progress=pace.follow(lambda done: on_progress(done, verdicts, str(pace))),
        patience=preset.patience,
    )


def _stream(preset: Preset, client: ArenaClient, start: int) -> EpisodeStream:
    if preset.tools:
        # An episode of the stream only shows its prompt: each rollout opens it again for itself.
        return EpisodeStream(client, attempts=1, start=start, ask=messages_with_tools, view=preset.view)
    return EpisodeStream(client, attempts=preset.generations, start=start, ask=prompt(preset.prompt))


def _reward(
    preset: Preset, stream: EpisodeStream, paid: Mapping[str, float], client: AsyncArenaClient, tokenizer: Any
) -> BatchReward:
    settings: dict[str, Any] = {
        "on_scored": _mark_used_in(stream),
        "shuffle": random.Random(preset.seed) if preset.shuffled_rewards else None,
        "paid": paid,
    }
    if preset.tools:
        return RolloutReward(**settings)
    ends = {tokenizer.eos_token_id, tokenizer.pad_token_id} - {None}
    return ArenaReward(client, ends=ends, **settings)


def _trainer(
    preset: Preset,
    source: str,
    tokenizer: Any,
    stream: EpisodeStream,
    functions: Any,
    weights: list[float],
    checkpoints: Path,
    rollout: Callable[[], Rollout],
) -> Any:
    score_learned_tokens_only()
    if preset.share_prompts:
        keep_groups_together()
    on_cpu = default_device() == "cpu"
    config = online_config(preset, out=str(checkpoints), on_cpu=on_cpu)
    config.reward_weights = weights
    config.model_init_kwargs = {"dtype": preset.dtype, "attn_implementation": "sdpa"}
    if (quantization := quantization_config(preset)) is not None:
        config.model_init_kwargs["quantization_config"] = quantization
    tools = {"environment_factory": rollout} if preset.tools else {}
    with warnings.catch_warnings():
        # The version of TRL is pinned, so that the interface cannot change under us.
        warnings.filterwarnings("ignore", message=".*'environment_factory', which is an experimental feature")
        return TRAINERS[preset.algorithm](
            # By name and not as a model: without an adapter the trainer loads the KL term's reference by this name.
            model=source,
            reward_funcs=functions,
            args=config,
            train_dataset=stream.dataset(),
            processing_class=tokenizer,
            peft_config=lora_config(preset),
            **tools,
        )


def _mark_used_in(stream: EpisodeStream) -> Callable[[Sequence[str], Scored], None]:
    """A function that marks the episodes of a scored batch as used."""

    def mark(keys: Sequence[str], _: Scored) -> None:
        for key in set(keys):
            stream.mark_used(key)

    return mark


def _save_stopped_run(trainer: Any, trouble: BaseException, last: Path | None) -> str:
    """Write a checkpoint of the last whole step; returns the message that says where it is."""
    step = trainer.state.global_step
    why = "interrupted" if isinstance(trouble, KeyboardInterrupt) else str(trouble)
    last_step = int(last.name.rpartition("-")[2]) if last else 0
    if step > last_step:
        # The gradients of the step that broke off do not belong to the checkpoint.
        trainer.model.zero_grad()
        trainer._save_checkpoint(trainer.model, trial=None)
    where = f"its checkpoint is {trainer.args.output_dir}: go on with --resume" if step else "nothing was learned yet"
    return f"training stopped after step {step} of {trainer.args.max_steps} ({why}); {where}"


def _close(trainer: Any, client: AsyncArenaClient) -> None:
    """Close the client in the event loop that used it, which is TRL's own."""
    loop = getattr(trainer, "async_loop", None)
    if loop is not None and loop.is_running():
        asyncio.run_coroutine_threadsafe(client.aclose(), loop).result(10)


def _check_disk_space(folder: Path, source: str) -> None:
    """Refuse to start if not even one checkpoint would fit: the weights and the two moments of the optimizer.

    Raises:
        OSError: says how much is free and how much is needed.
    """
    weights = sum(file.stat().st_size for file in Path(source).glob("*.safetensors")) if Path(source).is_dir() else 0
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free
    if free < 4 * weights:
        raise OSError(
            f"{folder} has {free / 1e9:.1f} GB free, and a checkpoint with its optimizer may need "
            f"{4 * weights / 1e9:.1f}: free some space, or give another --out"
        )


class _Bookmark(TrainerCallback):
    """Knows the position of the stream after the last whole step. The episodes of a step that breaks off come again."""

    def __init__(self, stream: EpisodeStream) -> None:
        self._stream = stream
        self.position = stream.position

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        self.position = self._stream.position


class _Journalist(TrainerCallback):
    """Writes the numbers of every step to the journal, and passes on the warnings of the watch."""

    def __init__(self, phase: str, journal: Journal, watch: Watch) -> None:
        self._phase, self._journal, self._watch = phase, journal, watch

    def on_log(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, logs: Any = None, **kwargs: Any
    ) -> None:
        if state.is_world_process_zero and logs and "reward" in logs:
            self._journal.log(self._phase, state.global_step, logs)
            for warning in self._watch.add_step(logs):
                self._journal.say(f"step {state.global_step}: {warning}")


class Measuring(TrainerCallback):
    """Measures the policy on held-out episodes every `held_out.every` steps; never if that is 0."""

    def __init__(
        self,
        phase: str,
        preset: Preset,
        client: ArenaClient,
        tokenizer: Any,
        journal: Journal,
        watch: Watch | None = None,
    ) -> None:
        self._phase, self._preset, self._client, self._tokenizer = phase, preset, client, tokenizer
        self._journal, self._watch = journal, watch or Watch()

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, model: Any = None, **kwargs: Any
    ) -> None:
        every = self._preset.held_out.every
        if not every or state.global_step % every or not state.is_world_process_zero:
            return
        result = measure(self._preset, Loaded(model, self._tokenizer, "policy"), self._client, name="policy")
        values = self._journal.log_held_out(self._phase, state.global_step, result)
        for warning in self._watch.add_held_out(values["reward"]):
            self._journal.say(f"step {state.global_step}: {warning}")
