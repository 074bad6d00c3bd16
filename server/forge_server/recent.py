"""The verdicts of the last minutes, for the page that shows what the server does now. Each replica has its own.

The processes of one server each have a part of them, which `together` joins.
"""

import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from heapq import merge
from itertools import pairwise
from operator import attrgetter
from statistics import fmean

from pydantic import RootModel

from forge_arena.types import Components, Outcome

# The most verdicts that are remembered, and the seconds over which the rate is counted.
KEPT = 4096
WINDOW = 60.0
# The points of a curve.
POINTS = 24


@dataclass(frozen=True, slots=True)
class Recorded:
    """One verdict: when it was recorded (on the clock of `Recent`), and what it earned. On a sealed split, nothing."""

    at: float
    outcome: Outcome
    reward: float | None
    components: Components | None


class Part(RootModel[tuple[float, tuple[Recorded, ...]]]):
    """What one process remembers, as another one reads it: when it started, and its verdicts, the oldest first."""


class Recent:
    """The last `KEPT` verdicts since the server started."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._started = clock()
        self._verdicts: deque[Recorded] = deque(maxlen=KEPT)

    def add(self, outcome: Outcome, reward: float | None, components: Components | None) -> None:
        self._verdicts.append(Recorded(self._clock(), outcome, reward, components))

    def part(self) -> Part:
        """What this process remembers. The clock must be the same in all processes, as `time.monotonic` is."""
        return Part((self._started, tuple(self._verdicts)))

    def together(self, parts: Iterable[Part]) -> "Recent":
        """The verdicts of this process and of others, as if one process had recorded all of them."""
        all_parts = [self.part().root, *(part.root for part in parts)]
        joined = Recent(self._clock)
        joined._started = min(started for started, _ in all_parts)
        joined._verdicts.extend(merge(*(verdicts for _, verdicts in all_parts), key=attrgetter("at")))
        return joined

    def __len__(self) -> int:
        return len(self._verdicts)

    def per_second(self) -> float:
        """Verdicts a second, over the last minute or since the start."""
        now = self._clock()
        since = max(now - WINDOW, self._started)
        if len(self._verdicts) == KEPT:
            # More came in the minute than are remembered.
            since = max(since, self._verdicts[0].at)
        count = sum(verdict.at >= since for verdict in self._verdicts)
        return count / max(now - since, 1.0)

    def curves(self) -> dict[str, list[float]]:
        """The mean reward and the mean of each component, over equal numbers of scored verdicts, the oldest first.

        Empty without scored verdicts.
        """
        scored = [
            verdict for verdict in self._verdicts if verdict.reward is not None and verdict.components is not None
        ]
        if not scored:
            return {}
        groups = _groups(scored)
        curves = {"reward": [fmean(v.reward or 0.0 for v in group) for group in groups]}
        for name in Components.model_fields:
            curves[name] = [fmean(getattr(v.components, name) for v in group) for group in groups]
        return curves


def _groups(scored: Sequence[Recorded]) -> list[Sequence[Recorded]]:
    """At most `POINTS` groups in order, whose sizes differ by one at most."""
    points = min(POINTS, len(scored))
    bounds = [len(scored) * n // points for n in range(points + 1)]
    return [scored[start:stop] for start, stop in pairwise(bounds)]
