"""Fine-tune with a loss in which the tokens that decide weigh more, and in which words may be exchanged.

Of the 160 tokens of a checked verdict, four say whether something is right, and the others are copied. Among these
four, the marks of something wrong weigh most, because there are six times as many marks of something right.
"""

from typing import Any

import torch

from forge_agents.train.fine_tuning import ALARM, IGNORED, FineTuner
from forge_agents.train.tiny.drills import ALARMS
from forge_agents.train.tiny.exchange import Exchange
from forge_agents.train.tiny.tokenizer import DECISIONS, FIXED, NUMBERS


class WeighingTrainer(FineTuner):
    """TRL's fine-tuning with weights for the tokens that decide, and with exchanged tokens.

    Its loss is a mean over the weighted tokens of what a device holds at a time, also where `FineTuner` is told that
    rows are `mixed`.

    Arguments:
        decisive: the weight of the tokens in `DECISIONS`; `ALARM` times this weight for the tokens of `ALARMS`. All
            other tokens have the weight 1.
        exchanged: the share of texts whose tokens are exchanged, anew in each epoch; see `Exchange`.
    """

    # The loss is a mean over one part of a batch, so transformers divides it by the number of the parts.
    loss_is_scaled_for_ga = False

    def __init__(self, decisive: float, exchanged: float, **settings: Any) -> None:
        super().__init__(**settings)
        self._weights = torch.ones(len(self.processing_class))  # (vocabulary,)
        for word in DECISIONS:
            ids = self.processing_class.encode(word, add_special_tokens=False)
            if len(ids) == 1:
                self._weights[ids[0]] = decisive * (ALARM if word in ALARMS else 1.0)
        self._exchanged = exchanged
        self._exchange = Exchange(self.processing_class, (*FIXED, *NUMBERS), self.args.seed) if exchanged else None

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        ids, labels = inputs["input_ids"], inputs["labels"]  # (texts, tokens)
        if self._exchange is not None and model.training:
            becomes = self._exchange.draw(len(ids), self._exchanged).to(ids.device)  # (texts, vocabulary)
            ids = becomes.gather(1, ids)  # (texts, tokens)
            labels = torch.where(labels == IGNORED, labels, ids)
        outputs = model(input_ids=ids, attention_mask=inputs["attention_mask"])
        labels = labels[:, 1:]  # (texts, tokens - 1): the logits at a place are about the next token
        losses = torch.nn.functional.cross_entropy(
            outputs.logits[:, :-1].flatten(0, 1), labels.flatten(), ignore_index=IGNORED, reduction="none"
        ).view(labels.shape)  # (texts, tokens - 1)
        weights = self._weights.to(labels.device)[labels.clamp(min=0)] * (labels != IGNORED)  # (texts, tokens - 1)
        loss = (losses * weights).sum() / weights.sum()
        return (loss, outputs) if return_outputs else loss
