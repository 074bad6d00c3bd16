"""What a curriculum keeps and leaves out, and that this tells nothing of labels and shifts no prevalence."""

from collections import Counter
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2_contingency

from forge_arena.curriculum import STEALTH_LEVELS, Cell, Zones, zones, zones_for
from forge_arena.episodes import Arena
from forge_arena.errors import CurriculumError, UnknownKey
from forge_arena.keys import Filters
from forge_arena.types import CorruptionType, Domain, Form, Mechanism, Split
from forge_arena.wire import Curriculum, DifficultyCell
from forge_arena.workers import ScriptedWorker

ARENA = Arena(ScriptedWorker(), secret="for tests only")
FAMILIES = ARENA.families(Split.train)
CELLS = [Cell(f, t, s) for f, types in sorted(FAMILIES.items()) for t in sorted(types) for s in range(STEALTH_LEVELS)]
TYPE = CorruptionType.temporal_shift


def measured(rates: dict[Cell, float], low: float = 0.2, high: float = 0.85) -> Curriculum:
    cells = [
        DifficultyCell(
            family=c.family, corruption_type=c.corruption_type, stealth=c.stealth, episodes=8, pass_rate=rate
        )
        for c, rate in rates.items()
    ]
    return Curriculum(cells=tuple(cells), low=low, high=high)


def levels(*rates: float | None) -> Curriculum:
    """The pass rates of one family and type by stealth; None where it was not measured."""
    return measured({Cell("f", TYPE, stealth): rate for stealth, rate in enumerate(rates) if rate is not None})


def left_out(curriculum: Curriculum) -> dict[int, str]:
    found = zones(curriculum)
    return {c.stealth: "easy" for c in found.too_easy} | {c.stealth: "hard" for c in found.too_hard}


@pytest.mark.parametrize(
    ("rates", "expected"),
    [
        ((0.5, 0.5, 0.5, 0.5), {}),
        ((0.2, 0.85), {}),
        ((0.86, 0.5), {0: "easy"}),
        ((0.5, 0.19), {1: "hard"}),
        ((0.9, 0.1, 0.1, 0.1), {0: "easy", 2: "hard", 3: "hard"}),
        ((0.9, 0.9, 0.1, 0.1), {0: "easy", 1: "easy", 3: "hard"}),
        ((0.9, 0.5, 0.1, 0.1), {0: "easy", 2: "hard", 3: "hard"}),
        ((0.9, None, 0.1), {0: "easy", 2: "hard"}),
        ((0.9, None, None, 0.1), {0: "easy", 3: "hard"}),
        ((0.9, 0.1, 0.9, 0.1), {0: "easy", 2: "easy"}),
        ((0.1, 0.9, 0.5), {0: "hard", 1: "easy"}),
        ((0.9, 0.9, 0.9, 0.9), {0: "easy", 1: "easy", 2: "easy", 3: "easy"}),
        ((0.0, 0.0, 0.0, 0.0), {0: "hard", 1: "hard", 2: "hard", 3: "hard"}),
    ],
)
def test_learnable_and_unknown_cells_remain_and_so_does_the_cell_harder_than_a_too_easy_one(
    rates: tuple[float | None, ...], expected: dict[int, str]
) -> None:
    assert left_out(levels(*rates)) == expected


def test_a_cell_stands_in_for_its_own_family_and_type_only() -> None:
    easy, other_type, other_family = (
        Cell("f", TYPE, 0),
        Cell("f", CorruptionType.bias_injection, 1),
        Cell("g", TYPE, 1),
    )
    found = zones(measured({easy: 1.0, other_type: 0.0, other_family: 0.0}))
    assert found == Zones(frozenset({easy}), frozenset({other_type, other_family}))


@given(st.dictionaries(st.sampled_from(CELLS), st.floats(0, 1), min_size=1), st.floats(0, 1), st.floats(0, 1))
def test_only_what_was_measured_outside_the_bounds_is_ever_left_out(
    rates: dict[Cell, float], one: float, other: float
) -> None:
    low, high = sorted((one, other))
    found = zones(measured(rates, low, high))
    assert found.too_easy == {cell for cell, rate in rates.items() if rate > high}
    assert found.too_hard <= {cell for cell, rate in rates.items() if rate < low}
    assert found.count_remaining(FAMILIES) == len(set(CELLS) - found.left_out)
    for cell in found.too_easy:
        harder = [cell._replace(stealth=s) for s in range(cell.stealth + 1, STEALTH_LEVELS)]
        first = next((c for c in harder if c not in found.too_easy), None)
        assert first is None or first not in found.left_out


def outside_some() -> Zones:
    """Every other cell left out, some as too easy and some as too hard."""
    return zones_for(measured({cell: (0.0, 0.5, 1.0, 0.5)[n % 4] for n, cell in enumerate(CELLS)}), FAMILIES)


def test_the_stream_holds_exactly_the_keys_whose_cell_is_kept_whatever_their_form() -> None:
    without = outside_some().left_out
    keys, after = ARENA.keys(Split.train, 3, 300, without=without)
    indices = range(3, after)
    assert keys == [key for i in indices if ARENA.plan(key := ARENA.key(Split.train, i)).cell not in without]
    for form in Form:
        assert ARENA.keys(Split.train, 3, 300, Filters(form=form), without=without)[0] == [
            f"{key}:{form}" for key in keys
        ]


def test_all_forms_of_a_draw_are_of_one_cell() -> None:
    for split, index in product(Split, range(200)):
        cells = {ARENA.plan(ARENA.key(split, index, form)).cell for form in (None, *Form)}
        assert len(cells) == 1


@pytest.mark.parametrize("narrow", [False, True])
def test_prevalence_stays_one_half_and_is_the_same_in_every_cell(narrow: bool) -> None:
    without = frozenset(CELLS[8:]) if narrow else outside_some().left_out
    plans = [ARENA.plan(key) for key in ARENA.keys(Split.train, 0, 2_000, without=without)[0]]
    assert not {plan.cell for plan in plans} & without
    corrupted = sum(plan.corrupted for plan in plans)
    placebos = sum(plan.form is Form.placebo for plan in plans)
    assert abs(corrupted / 2_000 - 0.5) < 4 * (0.25 / 2_000) ** 0.5
    assert abs(placebos / 2_000 - 0.25) < 4 * (0.1875 / 2_000) ** 0.5
    counts = Counter((plan.cell, plan.corrupted) for plan in plans)
    table = [[counts[cell, True], counts[cell, False]] for cell in sorted({plan.cell for plan in plans})]
    assert chi2_contingency(table).pvalue > 0.001


def test_filters_and_a_curriculum_hold_together() -> None:
    without = outside_some().left_out
    keys, _ = ARENA.keys(Split.train, 0, 20, Filters(domain=Domain.code_review, stealth=1), without=without)
    assert len(keys) == 20
    for plan in map(ARENA.plan, keys):
        assert (plan.domain, plan.stealth) == (Domain.code_review, 1)
        assert plan.cell not in without


def test_one_cell_of_all_is_enough_to_go_on_for_ever() -> None:
    keys, _ = ARENA.keys(Split.train, 0, 20, without=frozenset(CELLS[1:]))
    assert {ARENA.plan(key).cell for key in keys} == {CELLS[0]}


def test_a_filter_that_the_curriculum_leaves_nothing_of_is_refused_without_a_search() -> None:
    without = frozenset(cell for cell in CELLS if cell.stealth == 2)
    with pytest.raises(UnknownKey, match="no episode of this split matches"):
        ARENA.keys(Split.train, 0, 1, Filters(stealth=2), without=without)
    with pytest.raises(UnknownKey, match="no episode of this split matches"):
        ARENA.keys(Split.train, 0, 1, Filters(mechanism=Mechanism.prompt), without=without)


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        (
            Cell("duplicate_chrage", TYPE, 0),
            "there is no such family in the train split. Did you mean 'duplicate_charge'",
        ),
        (Cell("\U0001f600" * 20, TYPE, 0), r"^cells\[1\].family: there is no such family in the train split.$"),
        (Cell(min(ARENA.families(Split.test)), TYPE, 0), "there is no such family in the train split"),
        (Cell(CELLS[0].family, TYPE, 0), "this family is drawn for"),
    ],
)
def test_a_cell_that_the_train_split_does_not_have_is_refused_by_its_position(cell: Cell, message: str) -> None:
    families = {family: types - {TYPE} if family == CELLS[0].family else types for family, types in FAMILIES.items()}
    with pytest.raises(CurriculumError, match=message) as refused:
        zones_for(measured({CELLS[-1]: 0.5, cell: 0.5}), families)
    assert str(refused.value).startswith("cells[1].")


def test_a_curriculum_that_leaves_nothing_is_refused() -> None:
    rates = {cell: float(cell.stealth % 2 == 0) for cell in CELLS}
    assert zones_for(measured(rates), FAMILIES).count_remaining(FAMILIES)
    with pytest.raises(CurriculumError, match="nothing of the train split would remain: 240 cells are too easy and 0"):
        zones_for(measured(dict.fromkeys(CELLS, 1.0)), FAMILIES)
    with pytest.raises(CurriculumError, match=r"0 cells are too easy and 240 too hard\. Widen low and high"):
        zones_for(measured(dict.fromkeys(CELLS, 0.1)), FAMILIES)


def test_cells_and_families_are_what_the_stream_draws() -> None:
    drawn = {ARENA.plan(ARENA.key(Split.train, index)).cell for index in range(6_000)}
    assert drawn == set(CELLS)
