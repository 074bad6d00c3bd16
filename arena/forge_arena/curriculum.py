"""Follow the learnable zone: decide from the measured difficulty of each cell which cells the train stream may hold.

A *cell* is a family, a corruption type and a stealth level. A cell that is solved too often teaches nothing more, and
the next harder stealth takes its place. A cell that is solved too rarely gives no signal yet. A cell between the bounds
stays, and so does a cell that nobody measured.

A key decides its cell before its form, and all forms of a draw are of one cell. Leaving cells out therefore neither
shifts the prevalence nor reveals a label: in every cell that remains, half of the episodes are corrupted.
"""

from collections.abc import Mapping, Set
from dataclasses import dataclass
from typing import NamedTuple

from forge_arena.errors import CurriculumError
from forge_arena.suggest import did_you_mean
from forge_arena.types import CorruptionType
from forge_arena.wire import Curriculum

STEALTH_LEVELS = 4

Families = Mapping[str, Set[CorruptionType]]


class Cell(NamedTuple):
    """What a key decides before its form."""

    family: str
    corruption_type: CorruptionType
    stealth: int


@dataclass(frozen=True, slots=True)
class Zones:
    """The cells that a curriculum leaves out. All other cells may be in the stream."""

    too_easy: frozenset[Cell] = frozenset()
    too_hard: frozenset[Cell] = frozenset()

    @property
    def left_out(self) -> frozenset[Cell]:
        return self.too_easy | self.too_hard

    def count_remaining(self, families: Families) -> int:
        """How many cells of these families are not left out. Each family comes with the types that it is drawn for."""
        left_out = sum(cell.corruption_type in families.get(cell.family, ()) for cell in self.left_out)
        return STEALTH_LEVELS * sum(map(len, families.values())) - left_out


def zones(curriculum: Curriculum) -> Zones:
    """Which cells are too easy and which are too hard.

    If a cell is too easy, the next harder cell of the same family and type that is not too easy remains, even if it was
    measured as too hard. Otherwise the family would lose the type.
    """
    rates = {Cell(c.family, c.corruption_type, c.stealth): c.pass_rate for c in curriculum.cells}
    too_easy = frozenset(cell for cell, rate in rates.items() if rate > curriculum.high)
    successors = {_harder(cell, too_easy) for cell in too_easy}
    too_hard = frozenset(cell for cell, rate in rates.items() if rate < curriculum.low and cell not in successors)
    return Zones(too_easy, too_hard)


def zones_for(curriculum: Curriculum, families: Families) -> Zones:
    """The zones of a curriculum that is about these families and leaves some of their cells.

    Raises:
        CurriculumError: a cell names another family, or a type that its family is not drawn for, or no cell remains.
    """
    for position, cell in enumerate(curriculum.cells):
        types = families.get(cell.family)
        if types is None:
            guess = did_you_mean(cell.family, sorted(families))
            raise CurriculumError(f"cells[{position}].family: there is no such family in the train split.{guess}")
        if cell.corruption_type not in types:
            raise CurriculumError(
                f"cells[{position}].corruption_type: this family is drawn for {', '.join(sorted(types))} only"
            )
    divided = zones(curriculum)
    if not divided.count_remaining(families):
        raise CurriculumError(
            f"nothing of the train split would remain: {len(divided.too_easy)} cells are too easy and "
            f"{len(divided.too_hard)} too hard. Widen low and high, or add families"
        )
    return divided


def _harder(cell: Cell, too_easy: Set[Cell]) -> Cell | None:
    """The cell with the next harder stealth that is not too easy."""
    for stealth in range(cell.stealth + 1, STEALTH_LEVELS):
        if (harder := cell._replace(stealth=stealth)) not in too_easy:
            return harder
    return None
