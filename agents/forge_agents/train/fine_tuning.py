"""Fine-tune on rows of prompt and completion, in batches of about the same length, and continue from a checkpoint.

On a device without Triton, such as a CPU, TRL computes the logits of every token, also of the prompts, from which
nothing is learned. `score_learned_tokens_only` changes that.
"""

from collections.abc import Iterator, Sequence
from random import Random
from typing import Any

import torch
from torch.utils.data import Sampler
from trl import SFTTrainer
from trl.trainer import utils as trl_utils

from forge_agents.train.checkpoints import Checkpointed

# Batches that are sorted by length together. With more of them, batches are more alike within, and less random.
SORTED_TOGETHER = 16


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
        mixed: the rows are of two styles of different length. Then the batches are random. Grouped by length, each
            batch would hold one style, and the first token of a short text would weigh more than that of a long text.
            The model would then learn the styles in other shares than the rows have.
    """

    def __init__(self, *, mixed: bool = False, **settings: Any) -> None:
        score_learned_tokens_only()
        super().__init__(**settings)
        self._mixed = mixed

    def _get_train_sampler(self, train_dataset: Any = None) -> Any:
        rows = train_dataset if train_dataset is not None else self.train_dataset
        if self._mixed:
            return super()._get_train_sampler(train_dataset)
        batch = self.args.train_batch_size * self.args.gradient_accumulation_steps
        return LengthGroups([len(ids) for ids in rows["input_ids"]], batch, self.args.seed)


def score_learned_tokens_only() -> None:
    """Let TRL compute logits on every device as on one with Triton: only where a token is learned from.

    TRL asks its own `_use_triton` whether to leave out the other tokens. It keeps them elsewhere for compilers that
    would compile each length anew. Nothing is compiled on a CPU. The kernels ask another copy of the function.
    """

    def leave_out(device: torch.device) -> bool:
        return True

    trl_utils._use_triton = leave_out
