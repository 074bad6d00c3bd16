"""The online algorithms: TRL's trainers, with our own weight for a scored attempt.

In the terms of DeepSeekMath's section 5.2 they differ in one thing only, the coefficient of an attempt's gradient:

| algorithm | coefficient | of |
|---|---|---|
| `grpo` | reward less its group's mean | every attempt |
| `grpo-ps` | the same, for each field of the verdict and those after it | every token |
| `rloo` | reward less the mean of the others of its group | every attempt |
| `online-rft` | 1 | attempts that rejection sampling keeps |

Shapes: B completions of all processes, b of this process, C components, T tokens. `rft` and `dpo` learn from attempts
that the starting policy made once; see `forge_agents.train.offline`.
"""

from typing import Any

from torch import Tensor
from trl import GRPOConfig, GRPOTrainer, RLOOConfig, RLOOTrainer

from forge_agents.train.advantages import acceptance, step_advantages, token_advantages
from forge_agents.train.checkpoints import Checkpointed
from forge_agents.train.presets import Algorithm, Preset, PresetError
from forge_agents.train.processes import process_count
from forge_agents.train.rollouts import WritesInBfloat16
from forge_agents.train.shared_prompts import ReadsPromptsOnce
from forge_agents.trl.rewards import COMPONENTS
from forge_agents.writing import tokens_until

Inputs = list[dict[str, Any]]


class PlainGRPOTrainer(Checkpointed, WritesInBfloat16, ReadsPromptsOnce, GRPOTrainer):
    """TRL's own."""


class PlainRLOOTrainer(Checkpointed, WritesInBfloat16, ReadsPromptsOnce, RLOOTrainer):
    """TRL's own."""


class _OwnAdvantages(Checkpointed, WritesInBfloat16, ReadsPromptsOnce, GRPOTrainer):
    """GRPO whose advantages a subclass computes."""

    def _calculate_rewards(self, inputs: Inputs, prompts: Any, completions: Any, completion_ids_list: Any) -> Tensor:
        rewards: Tensor = super()._calculate_rewards(inputs, prompts, completions, completion_ids_list)
        # The rewards of all processes, because the attempts of a group may be spread over them.
        self._components = rewards  # (B, C)
        return rewards

    def _generate_and_score_completions(self, inputs: Inputs) -> dict[str, Any]:
        output: dict[str, Any] = super()._generate_and_score_completions(inputs)
        first = self.accelerator.process_index * len(inputs)
        mine = slice(first, first + len(inputs))
        # (b,), or (b, T) if each token has its own
        output["advantages"] = self._advantages(
            self._components, mine, output["completion_ids"], output["completion_mask"]
        )
        return output

    def _advantages(self, components: Tensor, mine: slice, ids: Tensor, mask: Tensor) -> Tensor:
        raise NotImplementedError


class OnlineRFTTrainer(_OwnAdvantages):
    """Fine-tuning on the policy's own accepted attempts, which are sampled anew at every step."""

    def _advantages(self, components: Tensor, mine: slice, ids: Tensor, mask: Tensor) -> Tensor:
        weights = self.reward_weights.to(components.device)
        rewards = (components * weights).sum(dim=1)  # (B,)
        detections = components[:, COMPONENTS.index("detection")]  # (B,)
        return acceptance(rewards, detections, self.num_generations)[mine]


class ProcessGRPOTrainer(_OwnAdvantages):
    """GRPO with process supervision: the fields of a verdict are its steps."""

    def _advantages(self, components: Tensor, mine: slice, ids: Tensor, mask: Tensor) -> Tensor:
        weights = self.reward_weights.to(components.device)
        steps = step_advantages(components, weights, COMPONENTS, self.num_generations, self.scale_rewards)[
            mine
        ]  # (b, C)
        rows = [row[inside.bool()].tolist() for row, inside in zip(ids, mask, strict=True)]
        texts = [self.processing_class.decode(row, skip_special_tokens=True) for row in rows]
        untils = [tokens_until(self.processing_class, row) for row in rows]
        return token_advantages(steps, COMPONENTS, texts, untils, ids.shape[1])


TRAINERS: dict[Algorithm, Any] = {
    Algorithm.grpo: PlainGRPOTrainer,
    Algorithm.grpo_ps: ProcessGRPOTrainer,
    Algorithm.online_rft: OnlineRFTTrainer,
    Algorithm.rloo: PlainRLOOTrainer,
}


def online_config(preset: Preset, *, out: str, on_cpu: bool) -> GRPOConfig | RLOOConfig:
    """TRL's configuration of an online run."""
    processes = process_count()
    per_device = preset.device_batch or max(1, preset.batch // processes)
    if preset.batch % (per_device * processes):
        raise PresetError(
            f"batch {preset.batch} cannot be shared out to {processes} processes with {per_device} completions each: "
            "change batch or device_batch"
        )
    common: dict[str, Any] = {
        "output_dir": out,
        "max_steps": preset.steps,
        "per_device_train_batch_size": per_device,
        "gradient_accumulation_steps": preset.batch // (per_device * processes),
        "num_generations": preset.generations,
        "max_completion_length": preset.max_completion,
        "learning_rate": preset.learning_rate,
        "lr_scheduler_type": preset.schedule,
        "warmup_steps": preset.warmup_steps,
        "max_grad_norm": preset.max_grad_norm,
        "beta": preset.beta,
        "temperature": preset.temperature,
        "top_p": preset.top_p,
        "num_iterations": preset.iterations,
        "bf16": preset.in_bfloat16,
        "use_cpu": on_cpu,
        "gradient_checkpointing": preset.recomputes,
        "shuffle_dataset": False,
        # The stream itself continues from the position of the checkpoint (`EpisodeStream`). TRL must skip nothing.
        "ignore_data_skip": True,
        "save_steps": preset.save_every,
        "save_total_limit": preset.keep_checkpoints,
        "logging_steps": 1,
        "log_completions": False,
        # The arena is told by the run itself: see `reporting`.
        "report_to": [tracker for tracker in preset.trackers if tracker != "arena"],
        "disable_tqdm": True,
        "seed": preset.seed,
    }
    if preset.vllm is not None:
        common |= {"use_vllm": True, "vllm_mode": preset.vllm.mode, "vllm_gpu_memory_utilization": preset.vllm.memory}
        if preset.vllm.url is not None:
            common["vllm_server_base_url"] = preset.vllm.url
    if preset.algorithm is Algorithm.rloo:
        return RLOOConfig(**common, normalize_advantages=False)
    return GRPOConfig(**common, scale_rewards=preset.scale_rewards, loss_type=preset.loss)
