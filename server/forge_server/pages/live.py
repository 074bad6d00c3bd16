"""What the server does now: its stock, the verdicts, what they earn, and what becomes of the Worker's answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from forge_arena.rewards import weights
from forge_server.recent import KEPT
from forge_server.service import Service

_REJECTED = "answers_rejected_"
_USABLE = "answers_usable_"
# Reasons in the list of rejections, and the size of a curve in the units of its picture.
COMMONEST = 8
WIDTH, HEIGHT = 240.0, 48.0


@dataclass(frozen=True, slots=True)
class Curve:
    """A curve of values from 0 to 1, as the points of a polyline. `last` is the newest value."""

    name: str
    weight: float | None
    points: str
    last: float


@dataclass(frozen=True, slots=True)
class Answers:
    """What became of the Worker's answers since the server started. `usable` is a share, None without answers.

    `rejections` are the commonest reasons, each with its count. An answer may have several.
    """

    asked: int
    usable: float | None
    second_chance: int
    rejections: list[tuple[str, int]]


def answers(counts: Mapping[str, int]) -> Answers:
    """From the counts of an arena (`forge_arena.asking`)."""
    asked = counts.get("answers_asked", 0)
    usable = {name: count for name, count in counts.items() if name.startswith(_USABLE)}
    reasons = {n.removeprefix(_REJECTED): count for n, count in counts.items() if n.startswith(_REJECTED)}
    commonest = sorted(reasons.items(), key=lambda pair: (-pair[1], pair[0]))[:COMMONEST]
    at_once = usable.get(f"{_USABLE}at_once", 0)
    return Answers(
        asked=asked,
        usable=sum(usable.values()) / asked if asked else None,
        second_chance=sum(usable.values()) - at_once,
        rejections=commonest,
    )


def curve(name: str, values: Sequence[float]) -> Curve:
    """The curve of some values; a single one is a level line."""
    values = values if len(values) > 1 else [*values, *values]
    step = WIDTH / (len(values) - 1)
    points = " ".join(f"{n * step:.1f},{HEIGHT * (1.0 - value):.1f}" for n, value in enumerate(values))
    return Curve(name, weights().get(name), points, values[-1])


async def live(service: Service) -> dict[str, Any]:
    """What the page shows."""
    episodes = service.episodes
    stats = await episodes.stats()
    return {
        "title": "Live",
        "stats": stats,
        "wanted": service.settings.stock,
        "trouble": episodes.stock.trouble or service.arena.usability.complaint(),
        "per_second": episodes.recent.per_second(),
        "kept": f"{KEPT:,}",
        "curves": [curve(name, values) for name, values in episodes.recent.curves().items()],
        "answers": answers(service.arena.counts),
        "worker": service.arena.answers_by,
        "width": WIDTH,
        "height": HEIGHT,
    }
