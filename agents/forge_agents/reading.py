"""Let a language model read once what several prompts have in common: their beginning, or all of them.

What a model has read is its cache of keys and values. The cache of one row is repeated for all rows that begin alike,
and the model goes on from there. A completion is the same up to rounding. Needs the extra `train`.

Shapes: b rows of a batch, n different rows among them, P tokens of a padded prompt, S tokens that all rows begin with.
"""

import copy
from collections.abc import Sequence
from inspect import signature
from typing import Any, Self

import torch
from torch import Tensor
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

from forge_agents.models import Loaded

# From so many tokens on, what all prompts begin with is read once.
SHARED = 16


class Prefix:
    """The tokens with which all prompts begin, and what the model has read of them."""

    def __init__(self, ids: list[int], name: str, read: DynamicCache) -> None:
        self.ids = ids
        self._name, self._read = name, read

    @classmethod
    def of(cls, loaded: Loaded, prompts: Sequence[list[int]]) -> Self | None:
        """Read what the prompts have in common; None if this is too little, or if the model keeps no plain cache."""
        if len(prompts) < 2:
            return None
        # At least one token of each prompt is left, because the model has to read something to go on from.
        longest = min(map(len, prompts)) - 1
        first, last = min(prompts), max(prompts)
        common = next((n for n in range(longest) if first[n] != last[n]), longest)
        if common < SHARED:
            return None
        ids = first[:common]
        with torch.inference_mode():
            # Only the cache is wanted: of the logits, those of one place.
            outputs = loaded.model(torch.tensor([ids], device=loaded.model.device), use_cache=True, logits_to_keep=1)
        name = cache_name(outputs)
        return cls(ids, name, outputs[name]) if may_be_copied(outputs[name]) else None

    def cache(self, rows: int) -> dict[str, DynamicCache]:
        """A cache of so many rows that may be written to, as an argument of the model."""
        cache = copy.deepcopy(self._read)
        cache.batch_repeat_interleave(rows)
        return {self._name: cache}


def read_once(
    model: Any, input_ids: Tensor, attention_mask: Tensor, prefix: Prefix | None = None
) -> dict[str, DynamicCache]:
    """Read equal prompts once. Returns the cache as an argument of `generate`; empty if there is nothing to share.

    The last token of each prompt is left, because the model has to read something to go on from.

    Args:
        input_ids, attention_mask: (b, P). Padding stands before a prompt, or behind the prefix.
        prefix: what all rows begin with, S tokens, if the model has read this already.
    """
    both = torch.cat([input_ids, attention_mask], dim=1)
    different, rows = torch.unique(both, dim=0, return_inverse=True)  # (n, 2P), (b,)
    if len(different) == len(input_ids):
        return prefix.cache(len(input_ids)) if prefix is not None else {}
    ids, mask = (part[:, :-1] for part in different.chunk(2, dim=1))  # (n, P - 1)
    read = prefix.cache(len(different)) if prefix is not None else {}
    behind = len(prefix.ids) if prefix is not None else 0
    if ids.shape[1] > behind:
        given: dict[str, Any] = dict(read)
        given |= {name: where[:, behind:] for name, where in positions(model, mask).items()}
        # Only the cache is wanted: of the logits, those of one place.
        outputs = model(
            input_ids=ids[:, behind:],  # (n, P - 1 - S)
            attention_mask=mask,
            use_cache=True,
            logits_to_keep=1,
            **given,
        )
        name = cache_name(outputs)
        read = {name: outputs[name]}
    if not all(map(may_be_copied, read.values())):
        return {}
    for cache in read.values():
        cache.batch_select_indices(rows)
    return read


def base_model(model: Any) -> Any:
    """The model itself, without an adapter's wrapper."""
    return model.get_base_model() if hasattr(model, "get_base_model") else model


def takes_places(model: Any) -> bool:
    """Whether the model is told the places of tokens. With ALiBi a model finds them by the mask."""
    return "position_ids" in signature(base_model(model).forward).parameters


def positions(model: Any, mask: Tensor) -> dict[str, Tensor]:
    """The places of the tokens of a batch (b, P), as an argument of the model; empty if the model takes none.

    They do not count the padding before a token. `generate` says the same to the model.
    """
    return {"position_ids": (mask.cumsum(dim=1) - 1).clamp(min=0)} if takes_places(model) else {}


def cache_name(outputs: Any) -> str:
    """The name of the keys and values in what a model returns and takes. transformers has another one since 5.24."""
    return "cache" if "cache" in outputs else "past_key_values"


def may_be_copied(cache: Any) -> bool:
    """Whether what a model has read can be copied to several rows and continued; not windows and recurrent states."""
    return type(cache) is DynamicCache and all(type(layer) is DynamicLayer for layer in cache.layers)
