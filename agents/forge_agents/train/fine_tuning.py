"""Fine-tune on rows of prompt and completion, in batches of about the same length, and continue from a checkpoint.

On a device without Triton, such as a CPU, TRL computes the logits of every token, also of the prompts, from which
nothing is learned. `score_learned_tokens_only` changes that.

Of the 150 tokens of a checked verdict, four say whether something is right, and the others are copied. So the tokens
that decide may weigh more in the loss. `tiny/weighing.py` does the same for a model from nothing, whose decisions are
a token each.
"""

from collections.abc import Iterator, Sequence
from random import Random
from statistics import fmean
from typing import Any

import torch
from torch.utils.data import Sampler
from trl import SFTTrainer
from trl.trainer import utils as trl_utils

from forge_agents.train.checkpoints import Checkpointed
from forge_agents.train.demonstrations import decisions
from forge_agents.writing import tokens_until

# Batches that are sorted by length together. With more of them, batches are more alike within, and less random.
SORTED_TOGETHER = 16
# How much more a mark of something wrong weighs than a mark of something right.
ALARM = 3.0
# The label of a token on which no loss is taken.
IGNORED = -100


class LengthGroups(Sampler[int]):
    """Draws rows so that each batch has rows of about the same length, in an order that the seed and the epoch decide.

    transformers has such a sampler, whose order depends on what was drawn before. A run that continues from a
    checkpoint would then see some rows twice and others never.
    """

    def __init__(self, lengths: Sequence[int], batch: int, seed: int) -> None:
        self._lengths, self._batch, self._seed = list(lengths), batch, seed
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        self._epoch = epoch

    def __len__(self) -> int:
        return len(self._lengths)

    def __iter__(self) -> Iterator[int]:
        rng = Random(f"{self._seed}|{self._epoch}")
        rows = list(range(len(self._lengths)))
        rng.shuffle(rows)
        together = self._batch * SORTED_TOGETHER
        batches: list[list[int]] = []
        for first in range(0, len(rows), together):
            alike = sorted(rows[first : first + together], key=self._lengths.__getitem__)
            batches += [alike[n : n + self._batch] for n in range(0, len(alike), self._batch)]
        # A batch that is not full stays the last one. Otherwise the batches after it would begin within another batch.
        last = [batches.pop()] if batches and len(batches[-1]) < self._batch else []
        rng.shuffle(batches)
        return (row for batch in [*batches, *last] for row in batch)


class FineTuner(Checkpointed, SFTTrainer):
    """TRL's fine-tuning in batches of about the same length.

    Arguments:
        decisive: the weight of the tokens that decide (`demonstrations.decisions`); `ALARM` times this weight for the
            marks of something wrong. All other tokens have the weight 1.
        mixed: the rows are of two styles of different length, and the model has to learn in which shares. Then the
            batches are random, and a token weighs the same in every batch. Otherwise each token would weigh more in a
            batch that has few of them, so the first token of a short text would weigh more than that of a long text.
    """

    def __init__(self, *, decisive: float = 1.0, mixed: bool = False, **settings: Any) -> None:
        score_learned_tokens_only()
        super().__init__(**settings)
        self._decisive, self._mixed = decisive, mixed
        each = self.args.train_batch_size * self.args.gradient_accumulation_steps
        self._tokens_of_a_step = each * _mean_learned(self.train_dataset) if mixed else None

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        if self._decisive == 1.0 and not self._mixed:
            return super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        outputs = model(**inputs, fused_lm_head=True)
        labels = inputs["labels"][:, 1:]  # (rows, tokens - 1): the logits at a place are about the next token
        weights = torch.zeros_like(outputs.log_probs)  # (rows, tokens - 1)
        for row, of_row in zip(labels, weights, strict=True):
            learned = row != IGNORED
            of_row[learned] = torch.tensor(
                decision_weights(self.processing_class, row[learned].tolist(), self._decisive), device=of_row.device
            ).to(of_row.dtype)
        # `num_items_in_batch` counts the learned tokens of all parts of a batch.
        tokens = self._tokens_of_a_step if model.training else None
        if tokens is None:
            tokens = outputs.label_mask.sum() if num_items_in_batch is None else num_items_in_batch
        loss = -(outputs.log_probs * weights).sum() / tokens
        return (loss, outputs) if return_outputs else loss

    def _get_train_sampler(self, train_dataset: Any = None) -> Any:
        rows = train_dataset if train_dataset is not None else self.train_dataset
        if self._mixed:
            return super()._get_train_sampler(train_dataset)
        batch = self.args.train_batch_size * self.args.gradient_accumulation_steps
        return LengthGroups([len(ids) for ids in rows["input_ids"]], batch, self.args.seed)


def _mean_learned(rows: Any) -> float:
    """How many tokens of a row are learned on average."""
    return fmean(sum(label != IGNORED for label in labels) for labels in rows["labels"])


def decision_weights(tokenizer: Any, ids: list[int], decisive: float) -> list[float]:
    """The weight of each token of a completion in the loss; see `FineTuner`."""
    weights = [1.0] * len(ids)
    until = tokens_until(tokenizer, ids)
    for start, end, is_alarm in decisions(tokenizer.decode(ids, skip_special_tokens=True)):
        # The first token that holds a letter of the word may begin with the space before it.
        for token in range(until(start + 1) - 1, until(end)):
            weights[token] = decisive * (ALARM if is_alarm else 1.0)
    return weights


def score_learned_tokens_only() -> None:
    """Let TRL compute logits on every device as on one with Triton: only where a token is learned from.

    TRL asks its own `_use_triton` whether to leave out the other tokens. It keeps them elsewhere for compilers that
    would compile each length anew. Nothing is compiled on a CPU. The kernels ask another copy of the function.
    """

    def leave_out(device: torch.device) -> bool:
        return True

    trl_utils._use_triton = leave_out
