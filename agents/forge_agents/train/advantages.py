"""Turn the scores of a group of attempts into advantages: pure functions over arrays, no trainer.

Shapes: B completions, whole groups of G one after the other; C components; T tokens.
"""

from collections.abc import Callable, Sequence
from typing import Literal

import torch
from torch import Tensor

from forge_arena.errors import InvalidVerdict
from forge_arena.rewards import terms
from forge_arena.verdicts import field_ends

Scale = Literal["none", "group", "batch"]

# As in TRL: keeps a group without spread from dividing by zero.
EPSILON = 1e-4
# What summing a group's rewards may round.
ROUNDING = 1e-5


def normalised(rewards: Tensor, group: int, scale: Scale) -> Tensor:
    """Rewards less their group's mean, divided by the standard deviation of the group, of all, or by nothing.

    Arguments:
        rewards: shape (B,) or (B, C), each column for itself; NaN where an attempt failed.
        group: attempts on one episode; B is a multiple of it.

    Returns: the same shape, 0 where the reward is NaN.
    """
    grouped = rewards.view(-1, group, *rewards.shape[1:])
    centred = grouped - torch.nanmean(grouped, dim=1, keepdim=True)
    if scale == "group":
        centred = centred / (_deviation(grouped, dim=1) + EPSILON)
    elif scale == "batch":
        centred = centred / (_deviation(grouped.flatten(0, 1), dim=0) + EPSILON)
    return torch.nan_to_num(centred.reshape(rewards.shape))


def accepted(rewards: Tensor, detections: Tensor, group: int) -> Tensor:
    """1 for the attempts that rejection sampling keeps, 0 for the others and for what failed; shape (B,).

    An attempt is kept where its detection is right and its reward at least the mean of its group: of right verdicts, the
    better explained ones.
    """
    grouped = rewards.view(-1, group)
    good = (grouped >= torch.nanmean(grouped, dim=1, keepdim=True) - ROUNDING).reshape(rewards.shape)
    return (good & (detections == 1.0)).to(torch.float32)


def by_step(components: Tensor, weights: Tensor, names: Sequence[str], group: int, scale: Scale) -> Tensor:
    """What each field of the verdict earned beyond its group, weighted; shape (B, C) as `components`.

    Process supervision of GRPO (DeepSeekMath, 4.1.3), with the verdict's fields as steps. The paper normalises all
    steps of a group together, for they are of one kind; a detection and a repair are not, so each is held against its
    own kind, and its weight in the reward is kept.
    """
    if components.shape[1] != len(names):
        raise ValueError(f"expected one column for each of {len(names)} components, got {components.shape[1]}")
    return normalised(components, group, scale) * weights


def token_advantages(
    steps: Tensor,
    names: Sequence[str],
    completions: Sequence[str],
    tokens_until: Sequence[Callable[[int], int]],
    length: int,
) -> Tensor:
    """The advantage of every token: the sum over its own step and those after it; shape (B, `length`).

    Arguments:
        steps: shape (B, C), from `by_step`.
        names: the components, in the order of the columns.
        completions: the text of each completion.
        tokens_until: for each completion, how many tokens it takes to reach a character.
        length: T.

    What stands before the first field (thinking, the opening brace) leads to all of them. A text without a verdict is
    one step.
    """
    advantages = steps.sum(dim=1, keepdim=True).repeat(1, length)
    for row, (text, until) in enumerate(zip(completions, tokens_until, strict=True)):
        try:
            ends = field_ends(text)
        except InvalidVerdict:
            continue
        left = steps[row].sum()
        for field, end in ends.items():
            left = left - sum(steps[row, names.index(term.name)] for term in terms() if term.field == field)
            after = until(end)
            if field != next(reversed(ends)):
                advantages[row, after:] = left
    return advantages


def _deviation(values: Tensor, dim: int) -> Tensor:
    """The standard deviation with Bessel's correction, NaN left out; 0 where fewer than two are left."""
    mean = torch.nanmean(values, dim=dim, keepdim=True)
    count = (~torch.isnan(values)).sum(dim=dim, keepdim=True)
    squares = torch.nansum((values - mean) ** 2, dim=dim, keepdim=True)
    return torch.sqrt(squares / (count - 1).clamp(min=1))
