"""Turn the rewards of groups of attempts into advantages: pure functions over arrays.

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

# As in TRL: otherwise a group without spread would divide by zero.
EPSILON = 1e-4
# The rounding error of a group's mean.
ROUNDING = 1e-5


def normalise(rewards: Tensor, group: int, scale: Scale) -> Tensor:
    """Rewards less the mean of their group, divided by the standard deviation of the group, of all, or by nothing.

    Arguments:
        rewards: shape (B,) or (B, C); each column is treated by itself. NaN if the attempt failed.
        group: G; B is a multiple of it.

    Returns: the same shape, 0 if the reward is NaN.
    """
    grouped = rewards.view(-1, group, *rewards.shape[1:])  # (B / G, G) or (B / G, G, C)
    centred = grouped - torch.nanmean(grouped, dim=1, keepdim=True)  # the same
    if scale == "group":
        centred = centred / (_deviation(grouped, dim=1) + EPSILON)
    elif scale == "batch":
        centred = centred / (_deviation(grouped.flatten(0, 1), dim=0) + EPSILON)
    return torch.nan_to_num(centred.reshape(rewards.shape))


def acceptance(rewards: Tensor, detections: Tensor, group: int) -> Tensor:
    """1 for the attempts that rejection sampling accepts, 0 for the others and for failures; shape (B,).

    An attempt is accepted if its detection is right and its reward is at least the mean of its group. Among the right
    verdicts these are the better explained ones.
    """
    grouped = rewards.view(-1, group)  # (B / G, G)
    good = (grouped >= torch.nanmean(grouped, dim=1, keepdim=True) - ROUNDING).reshape(rewards.shape)  # (B,)
    return (good & (detections == 1.0)).to(torch.float32)


def step_advantages(components: Tensor, weights: Tensor, names: Sequence[str], group: int, scale: Scale) -> Tensor:
    """The weighted reward of each field of a verdict less the mean of the field in its group; shape (B, C).

    This is GRPO's process supervision (DeepSeekMath, 4.1.3) with the fields of the verdict as steps. The paper
    normalises all steps of a group together, because its steps are of one kind. A detection and a correction are of
    different kinds, so each is compared with its own kind and keeps its weight in the reward.
    """
    if components.shape[1] != len(names):
        raise ValueError(f"expected one column for each of {len(names)} components, got {components.shape[1]}")
    return normalise(components, group, scale) * weights


def token_advantages(
    steps: Tensor,
    names: Sequence[str],
    completions: Sequence[str],
    tokens_until: Sequence[Callable[[int], int]],
    length: int,
) -> Tensor:
    """The advantage of every token: the sum over its own step and the steps after it; shape (B, `length`).

    Arguments:
        steps: shape (B, C), from `step_advantages`.
        names: the components, in the order of the columns.
        completions: the text of each completion.
        tokens_until: for each completion, how many tokens it takes to reach a character.
        length: T.

    Everything before the first field (thoughts, the opening brace) leads to all fields, so it gets the whole sum. A
    text without a verdict is one step.

    An example: if detection, explanation, correction and confidence have 0.2, 0.1, 0 and -0.1, then thoughts and
    detection get 0.2, the tokens of the explanation 0.0, and those of the correction and of the confidence -0.1.
    """
    advantages = steps.sum(dim=1, keepdim=True).repeat(1, length)  # (B, T)
    for row, (text, until) in enumerate(zip(completions, tokens_until, strict=True)):
        try:
            ends = field_ends(text)
        except InvalidVerdict:
            continue
        *fields_before_the_last, _ = ends
        remaining = steps[row].sum()
        for field in fields_before_the_last:
            remaining = remaining - sum(steps[row, names.index(term.name)] for term in terms() if term.field == field)
            advantages[row, until(ends[field]) :] = remaining
    return advantages


def _deviation(values: Tensor, dim: int) -> Tensor:
    """The standard deviation with Bessel's correction, without NaN; 0 if fewer than two values are left."""
    mean = torch.nanmean(values, dim=dim, keepdim=True)
    count = (~torch.isnan(values)).sum(dim=dim, keepdim=True)
    squares = torch.nansum((values - mean) ** 2, dim=dim, keepdim=True)
    return torch.sqrt(squares / (count - 1).clamp(min=1))
