"""Decode a batch on a CPU, faster than `generate` of transformers does by itself, with the same probabilities.

Two things are done in another way. `generate` computes each row of a batch until the last row ends. For a GPU a row
more costs next to nothing, but a CPU needs time for each row, and completions differ a lot in length. So the loop of
this module goes on with the rows that have not ended. And for the attention of one new token, torch's kernel for CPUs
takes several times as long as two products of matrices.

Shapes: b rows of a batch, r rows among them that go on, P tokens of a padded prompt. Needs the extra `train`.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor
from transformers import AttentionInterface, AttentionMaskInterface, DynamicCache
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

from forge_agents.reading import base_model, cache_name, may_be_copied, takes_places

# The name of this module's attention among those of transformers, and the name of the one that it takes the place of.
OF_ONE_TOKEN, OF_TORCH = "forge_arena_one_token", "sdpa"

# Told at each step: which rows go on (r,), and the logits of their next tokens (r, vocabulary).
Watcher = Callable[[Tensor, Tensor], None]


def on_cpu(
    model: Any, watch: Watcher = lambda rows, logits: None, read: Mapping[str, DynamicCache] | None = None
) -> dict[str, Any]:
    """Arguments that let `generate` use this loop; empty if the model is not on a CPU, or if its cache has no rows.

    Args:
        watch: told of each step.
        read: what `read_once` returned. If it is empty, the model reads one token to show what kind of cache it has.
    """
    base = base_model(model)
    if model.device.type != "cpu" or base.config.is_encoder_decoder:
        return {}
    if not read:
        with torch.inference_mode():
            outputs = base(input_ids=torch.zeros(1, 1, dtype=torch.long), use_cache=True, logits_to_keep=1)
        if not may_be_copied(outputs.get(cache_name(outputs))):
            return {}
    return {"custom_generate": partial(_decode, watch=watch)}


def _decode(
    model: Any,
    input_ids: Tensor,
    logits_processor: Any,
    stopping_criteria: Any,
    generation_config: Any,
    *,
    watch: Watcher,
    **given: Any,
) -> Tensor:
    """The decoding loop, as `custom_generate` of transformers wants it.

    Args:
        input_ids: (b, P).
        given: the other arguments of the model. The attention mask among them is (b, P) or None, and the cache holds
            what the model has read already.

    Returns the prompts and completions, (b, P + new). A row that ended before others is padded.
    """
    name = next(name for name in ("cache", "past_key_values") if name in given)
    cache, places = given[name], takes_places(model)
    # `generate` takes a mask that hides nothing away.
    given_mask = given.get("attention_mask")
    mask = torch.ones_like(input_ids) if given_mask is None else given_mask
    written = input_ids.shape[1]
    ids = input_ids.new_full((len(input_ids), generation_config.max_length), generation_config.pad_token_id)
    ids[:, :written] = input_ids
    rows = torch.arange(len(input_ids))
    fresh = input_ids[:, cache.get_seq_length() :]
    with _attention_of_one_token(model):
        while True:
            where = {"position_ids": (mask.cumsum(dim=1) - 1).clamp(min=0)[:, -fresh.shape[1] :]} if places else {}
            outputs = model(
                input_ids=fresh, attention_mask=mask, use_cache=True, logits_to_keep=1, **{name: cache}, **where
            )
            cache = outputs[name]
            logits = outputs.logits[:, -1].float()  # (r, vocabulary)
            watch(rows, logits)
            scores = logits_processor(ids[rows, :written], logits)
            sampled = generation_config.do_sample
            chosen = torch.multinomial(scores.softmax(-1), 1).squeeze(1) if sampled else scores.argmax(-1)  # (r,)
            ids[rows, written] = chosen
            written += 1
            going = ~stopping_criteria(ids[rows, :written], None)  # (r,)
            if not going.any():
                return ids[:, :written]
            if not going.all():
                rows, mask, chosen = rows[going], mask[going], chosen[going]
                cache.batch_select_indices(going.nonzero().squeeze(1))
            mask = torch.cat([mask, mask.new_ones(len(rows), 1)], dim=1)
            fresh = chosen[:, None]


@contextmanager
def _attention_of_one_token(model: Any) -> Iterator[None]:
    """Let the model attend by `_attend`, if it attends by torch's function."""
    if model.config._attn_implementation != OF_TORCH:
        yield
        return
    model.set_attn_implementation(OF_ONE_TOKEN)
    try:
        yield
    finally:
        model.set_attn_implementation(OF_TORCH)


def _attend(
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    *,
    scaling: float | None = None,
    **others: Any,
) -> tuple[Tensor, None]:
    """Attention of h heads, computed in float32 if each row has one new token, and by torch otherwise.

    Args:
        query: (r, h, new, d).
        key, value: (r, k, T, d), each for h / k heads of the query.
        attention_mask: (r, 1, new, T), true where a token is seen. None if all are seen, or those before it.

    Returns (r, new, h, d).
    """
    count, heads, new, size = query.shape
    if new > 1 or any(others.get(name) is not None for name in ("softcap", "position_bias")):
        of_torch: tuple[Tensor, None] = sdpa_attention_forward(
            module, query, key, value, attention_mask, scaling=scaling, **others
        )
        return of_torch
    of_each = query.float().reshape(count, key.shape[1], -1, size)  # (r, k, h / k, d)
    scores = of_each @ key.float().transpose(2, 3) * (size**-0.5 if scaling is None else scaling)  # (r, k, h / k, T)
    if attention_mask is not None:
        scores = scores.masked_fill(~attention_mask, float("-inf"))
    attended = scores.softmax(-1) @ value.float()  # (r, k, h / k, d)
    return attended.to(query.dtype).reshape(count, new, heads, size), None


AttentionInterface.register(OF_ONE_TOKEN, _attend)
AttentionMaskInterface.register(OF_ONE_TOKEN, sdpa_mask)
