"""What the server does now: its stock, the verdicts, what they earn, and what becomes of the Worker's answers."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from forge_arena.curriculum import STEALTH_LEVELS, Cell, Families
from forge_arena.types import CorruptionType, Split
from forge_server.curriculum import CurriculumInForce
from forge_server.recent import KEPT
from forge_server.service import Service

_REJECTED = "answers_rejected_"
_USABLE = "answers_usable_"
# Reasons in the list of rejections, and the size of a curve in the units of its picture.
COMMONEST = 8
# Families on the map of the curriculum.
MAP_FAMILIES = 60
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


@dataclass(frozen=True, slots=True)
class MapCell:
    """A cell of the curriculum, and what becomes of it in the train stream. `rate` is None if nobody measured it."""

    zone: Literal["kept", "easy", "hard", "unmeasured"]
    rate: float | None
    episodes: int


@dataclass(frozen=True, slots=True)
class CurriculumMap:
    """The curriculum in force, a row for each family, and in it one cell for each type and stealth.

    A cell is None if its family is not drawn for its type. `more` is how many families are left out of the map.
    """

    low: float
    high: float
    types: tuple[CorruptionType, ...]
    rows: tuple[tuple[str, tuple[MapCell | None, ...]], ...]
    more: int


def curriculum_map(in_force: CurriculumInForce, families: Families, most: int = MAP_FAMILIES) -> CurriculumMap | None:
    """The map of a curriculum over the families of the train split; None if no curriculum is in force."""
    if in_force.curriculum is None:
        return None
    measured = {Cell(c.family, c.corruption_type, c.stealth): c for c in in_force.curriculum.cells}
    types = tuple(kind for kind in CorruptionType if any(kind in drawn for drawn in families.values()))

    def map_cell(cell: Cell) -> MapCell | None:
        if cell.corruption_type not in families[cell.family]:
            return None
        if (found := measured.get(cell)) is None:
            return MapCell("unmeasured", None, 0)
        zones = in_force.zones
        zone: Literal["kept", "easy", "hard"] = (
            "easy" if cell in zones.too_easy else "hard" if cell in zones.too_hard else "kept"
        )
        return MapCell(zone, found.pass_rate, found.episodes)

    def row(family: str) -> tuple[MapCell | None, ...]:
        return tuple(map_cell(Cell(family, kind, stealth)) for kind in types for stealth in range(STEALTH_LEVELS))

    # The families that were measured come first, because the others have nothing to show.
    tried = {cell.family for cell in measured}
    names = sorted(families, key=lambda family: (family not in tried, family))
    return CurriculumMap(
        low=in_force.curriculum.low,
        high=in_force.curriculum.high,
        types=types,
        rows=tuple((family, row(family)) for family in names[:most]),
        more=max(0, len(names) - most),
    )


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


def curve(name: str, values: Sequence[float], paid: Mapping[str, float]) -> Curve:
    """The curve of some values; a single one is a level line. `paid` are the weights of the components."""
    values = values if len(values) > 1 else [*values, *values]
    step = WIDTH / (len(values) - 1)
    points = " ".join(f"{n * step:.1f},{HEIGHT * (1.0 - value):.1f}" for n, value in enumerate(values))
    return Curve(name, paid.get(name), points, values[-1])


async def live(service: Service) -> dict[str, Any]:
    """What the page shows."""
    episodes = service.episodes
    stats, recent = await service.stats(), await service.recent()
    return {
        "title": "Live",
        "stats": stats,
        "wanted": service.settings.stock * service.siblings.count,
        "trouble": episodes.stock.trouble or service.arena.usability.complaint(),
        "per_second": recent.per_second(),
        "kept": f"{KEPT:,}",
        "curves": [curve(name, values, episodes.profile.weights) for name, values in recent.curves().items()],
        "answers": answers(stats.making),
        "map": await asyncio.to_thread(
            curriculum_map, await episodes.curriculum_in_force(), service.arena.families(Split.train)
        ),
        "worker": service.arena.answers_by,
        "width": WIDTH,
        "height": HEIGHT,
    }
