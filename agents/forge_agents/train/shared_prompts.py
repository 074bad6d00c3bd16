"""Read the prompt of a group once, and not once for each of its attempts.

All attempts of a group answer the same prompt, which is longer than they are. The prompt's keys and values are computed
once and repeated for the attempts, when they are written and when their log-probabilities are computed. There the
gradient flows back through them. So G attempts of C tokens on a prompt of P tokens cost P + G x C tokens instead of
G x (P + C). The log-probabilities are the same up to rounding.

Shapes: b attempts of this device, P tokens of a padded prompt, C tokens of a padded completion.
"""

from functools import partial
from typing import Any

import torch
from torch import Tensor
from trl.trainer import grpo_trainer, rloo_trainer

from forge_agents.decoding import on_cpu
from forge_agents.reading import cache_name, read_once
from forge_agents.train.fine_tuning import IGNORED


class ReadsPromptsOnce:
    """A TRL trainer that reads equal prompts of a batch once if its `shares_prompts` is set.

    Where a mixture of experts learns, prompts are read for each attempt all the same, because its experts are balanced.
    """

    shares_prompts = False
    accelerator: Any
    model_wrapped: Any

    def _generate_single_turn(self, *args: Any, **settings: Any) -> Any:
        if not self.shares_prompts:
            return super()._generate_single_turn(*args, **settings)  # type: ignore[misc]
        # TRL calls `generate` of this model. An attribute of the model goes before the method of its class.
        model = self.accelerator.unwrap_model(self.model_wrapped)
        model.generate = partial(write, model)
        try:
            return super()._generate_single_turn(*args, **settings)  # type: ignore[misc]
        finally:
            del model.generate

    def _get_per_token_logps_and_entropies(
        self,
        model: Any,
        input_ids: Tensor,
        attention_mask: Tensor,
        logits_to_keep: int,
        batch_size: int | None = None,
        compute_entropy: bool = False,
        **others: Any,
    ) -> tuple[Tensor, Tensor | None, Tensor | None]:
        # The loss that balances the experts of a mixture is of whole sequences, prompts included.
        if not self.shares_prompts or others.get("compute_aux_loss"):
            return super()._get_per_token_logps_and_entropies(  # type: ignore[misc, no-any-return]
                model, input_ids, attention_mask, logits_to_keep, batch_size, compute_entropy, **others
            )
        log_probs = torch.zeros(input_ids.shape[0], logits_to_keep, device=input_ids.device)  # (b, C)
        entropies = torch.zeros_like(log_probs) if compute_entropy else None  # (b, C)
        for prompt, rows in _groups(input_ids, attention_mask, logits_to_keep):
            with self.accelerator.autocast():
                outputs = _scored(
                    model, prompt, input_ids[rows, -logits_to_keep:], attention_mask[rows, -logits_to_keep:]
                )
            log_probs = log_probs.index_put((rows,), outputs.log_probs)
            if entropies is not None:
                entropies = entropies.index_put((rows,), outputs.entropy)
        return log_probs, entropies, None


def write(model: Any, input_ids: Tensor, attention_mask: Tensor, **settings: Any) -> Any:
    """As `generate` of the model, but equal prompts are read once, and on a CPU no row is computed after its end.

    Args:
        input_ids, attention_mask: (b, P), padded on the left.
        settings: the other arguments of `generate`.
    """
    read = read_once(model, input_ids, attention_mask)
    faster = {**read, **on_cpu(model, read=read)}
    # Not the attribute of the same name, which may be this function.
    return type(model).generate(model, input_ids=input_ids, attention_mask=attention_mask, **faster, **settings)


def keep_groups_together() -> None:
    """Let TRL part the attempts of a step in their order, so that a device holds whole groups.

    TRL shuffles them first. The order changes nothing, because the gradients of all parts are summed up.
    """

    def in_order(attempts: dict[str, Any]) -> dict[str, Any]:
        return attempts

    grpo_trainer.shuffle_sequence_dict = in_order
    rloo_trainer.shuffle_sequence_dict = in_order


def _groups(input_ids: Tensor, attention_mask: Tensor, completion: int) -> list[tuple[Tensor, Tensor]]:
    """The different prompts, without padding, each with the rows that have it."""
    groups: dict[tuple[int, ...], list[int]] = {}
    for row, (ids, mask) in enumerate(zip(input_ids[:, :-completion], attention_mask[:, :-completion], strict=True)):
        groups.setdefault(tuple(ids[mask.bool()].tolist()), []).append(row)
    return [
        (torch.tensor(prompt, device=input_ids.device), torch.tensor(rows, device=input_ids.device))
        for prompt, rows in groups.items()
    ]


def _scored(model: Any, prompt: Tensor, completions: Tensor, mask: Tensor) -> Any:
    """What TRL's fused head says of completions (n, C) to one prompt: `log_probs` and `entropy`, each (n, C).

    The last token of the prompt is read with each completion, because it predicts the completion's first token.
    """
    read, last = prompt[:-1], prompt[-1:]
    count = len(completions)
    # Only the cache is wanted: of the logits, those of one place.
    begun = model(input_ids=read[None], use_cache=True, logits_to_keep=1)
    name = cache_name(begun)
    begun[name].batch_repeat_interleave(count)
    seen = torch.ones(count, len(prompt), dtype=mask.dtype, device=mask.device)
    labels = completions.masked_fill(mask == 0, IGNORED)
    return model(
        input_ids=torch.cat([last.expand(count, 1), completions], dim=1),  # (n, 1 + C)
        attention_mask=torch.cat([seen, mask], dim=1),  # (n, P + C)
        labels=torch.cat([labels.new_full((count, 1), IGNORED), labels], dim=1),
        fused_lm_head=True,
        **{name: begun[name]},
    )
