"""What a person has earned so far, computed from the verdicts in the store."""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import fmean

from forge_arena.types import Components, Outcome, Split
from forge_server.rows import Play


@dataclass(frozen=True, slots=True)
class Tally:
    """The verdicts of one person on one split. Means are None without a scored verdict, and on a sealed split.

    `open` counts the episodes that wait for a verdict, and `left` those that expired or were given up.
    """

    name: str
    given: int
    open: int
    left: int
    reward: float | None
    accuracy: float | None
    brier: float | None


def tallies(plays: Iterable[Play]) -> list[Tally]:
    """A tally for each split that the person has played, then one of all if there are several."""
    plays = list(plays)
    lines = [
        _tally(split.value, [play for play in plays if play.split == split])
        for split in Split
        if any(play.split == split for play in plays)
    ]
    return [*lines, _tally("all", plays)] if len(lines) > 1 else lines


def _tally(name: str, plays: list[Play]) -> Tally:
    now = time.time()
    scored = [
        (play.reward, Components.model_validate_json(play.components))
        for play in plays
        if play.outcome == Outcome.scored and play.reward is not None and play.components is not None
    ]
    given = sum(play.outcome is not None for play in plays)
    waiting = sum(is_open(play, now) for play in plays)
    return Tally(
        name=name,
        given=given,
        open=waiting,
        left=len(plays) - given - waiting,
        reward=fmean(reward for reward, _ in scored) if scored else None,
        accuracy=fmean(parts.detection for _, parts in scored) if scored else None,
        # The component is one minus the squared error of the stated probability.
        brier=fmean(1.0 - parts.calibration for _, parts in scored) if scored else None,
    )


def is_open(play: Play, now: float) -> bool:
    """Whether an episode still waits for its verdict."""
    return play.outcome is None and play.status == "open" and play.expires > now
