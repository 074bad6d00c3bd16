"""Estimate how long training takes on this machine, from a few seconds of the work itself."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from statistics import fmean
from time import perf_counter
from typing import Any

import torch

from forge_agents.models import Loaded
from forge_agents.overseers.prompts import prompt
from forge_agents.train.demonstrations import Demonstration
from forge_agents.train.presets import Preset
from forge_agents.writing import prompt_length, write

# Texts that are trained on, and tokens that are written, to measure the speed.
TEXTS, TOKENS = 2, 12
# A batch goes on until its longest completion ends, which is so much longer than the mean.
LONGEST = 1.4
# The backward pass takes twice as long as the forward pass.
PASSES = 3


@dataclass(frozen=True, slots=True)
class Speed:
    """Seconds of this machine: for a token that is trained on, and for a token that each row of a batch writes."""

    trained: float
    written: float

    @classmethod
    def measure(cls, preset: Preset, loaded: Loaded, shown: Sequence[Demonstration]) -> "Speed":
        """Train on two texts, without a step of an optimizer, and let the model write twelve tokens for a batch.

        With `autocast` the model has bfloat16 weights afterwards.
        """
        ask, model = prompt(preset.prompt), loaded.model
        chats = [[*ask(d.observation), {"role": "assistant", "content": d.completion}] for d in shown[:TEXTS]]
        inputs = loaded.tokenizer.apply_chat_template(chats, return_dict=True, padding=True, return_tensors="pt").to(
            model.device
        )
        # The first pass takes longer, because memory and kernels are got ready.
        _train(model, {name: part[:, -TOKENS:] for name, part in inputs.items()}, preset)
        begun = perf_counter()
        _train(model, inputs, preset)
        trained = (perf_counter() - begun) / inputs["input_ids"].numel()
        batch = [ask(shown[n % len(shown)].observation) for n in range(preset.held_out.batch)]
        if preset.autocast:
            # As in evaluations, and in the steps of a run (`rollouts`). The float32 weights are not needed any more.
            model.to(torch.bfloat16)
        begun = perf_counter()
        generations = list(write(loaded, batch, max_tokens=TOKENS, batch=len(batch)))
        reading = sum(generation.read for generation in generations) * trained / PASSES
        seconds = max(0.0, perf_counter() - begun - reading)
        return cls(trained, seconds / max(1, max(generation.tokens for generation in generations)))


def _train(model: Any, inputs: Mapping[str, torch.Tensor], preset: Preset) -> None:
    """One forward and one backward pass, without a step of an optimizer."""
    with torch.autocast(model.device.type, torch.bfloat16, enabled=preset.autocast):
        model(**inputs, logits_to_keep=TOKENS).logits.float().logsumexp(-1).mean().backward()
    model.zero_grad(set_to_none=True)


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds that the stages of a run take."""

    warm_start: float
    step: float
    evaluation: float

    @classmethod
    def estimate(cls, preset: Preset, speed: Speed, read: float, written: float) -> "Cost":
        """The cost if prompts have `read` tokens on average and completions have `written`."""
        texts = sum(s.demonstrations * s.epochs for s in preset.warm_start.stages) if preset.warm_start else 0
        longest = min(LONGEST * written, preset.max_completion)
        # Each attempt is written, read by the reference model, and trained on.
        read_by_each = read / preset.generations if preset.share_prompts else read
        passes = (PASSES + (preset.beta > 0)) / PASSES * (read_by_each + written) + read / PASSES
        per_row = speed.written / preset.held_out.batch
        writing = longest * max(speed.written, per_row * preset.batch)
        batches = ceil(preset.held_out.episodes / preset.held_out.batch)
        return cls(
            warm_start=texts * (read + written) * speed.trained,
            step=writing + preset.batch * passes * speed.trained,
            evaluation=batches * longest * speed.written + preset.held_out.episodes * read * speed.trained / PASSES,
        )


def estimate(preset: Preset, loaded: Loaded, shown: Sequence[Demonstration], *, threads: int | None = None) -> Cost:
    """What a run of the preset costs here with so many threads, if its texts are like these demonstrations."""
    ask = prompt(preset.prompt)
    read = fmean(prompt_length(loaded, ask(d.observation)) for d in shown)
    written = fmean(len(loaded.tokenizer(d.completion)["input_ids"]) for d in shown)
    before = torch.get_num_threads()
    torch.set_num_threads(threads or before)
    try:
        return Cost.estimate(preset, Speed.measure(preset, loaded, shown), read, written)
    finally:
        torch.set_num_threads(before)
