"""Phase 2: pass@k of each cell from a policy's own attempts, and which of them can be learned."""

import pytest

pytest.importorskip("trl")

from pathlib import Path

from forge_agents.client import ArenaClient
from forge_agents.models import load_model
from forge_agents.train.attempts import Group, attempts
from forge_agents.train.calibrate import in_zone, measured
from forge_agents.train.offline import kept_rows, preference_rows
from forge_arena.types import Components, CorruptionType, Domain, Observation, Outcome, Truth
from forge_arena.wire import AttemptResult, Curriculum

from .conftest import Served

SEEN = Observation(
    task="Answer.", source_material="", worker_reasoning="", worker_output="", domain=Domain.customer_support
)


def result(detection: float, explanation: float, *, outcome: Outcome = Outcome.scored) -> AttemptResult:
    parts = Components(detection=detection, explanation=explanation, correction=0.0, calibration=1.0)
    scored = outcome is Outcome.scored
    return AttemptResult(
        episode_id="e",
        attempt=0,
        outcome=outcome,
        reward=0.4 * detection + 0.3 * explanation + 0.1 if scored else 0.0,
        components=parts if scored else None,
    )


RIGHT, WITHOUT_TYPE, WRONG = result(1.0, 0.5), result(1.0, 0.49), result(0.0, 0.0)
UNREADABLE = result(0.0, 0.0, outcome=Outcome.invalid_verdict)


def group(*results: AttemptResult, family: str = "lamp", stealth: int | None = 1) -> Group:
    kind = CorruptionType.temporal_shift if stealth is not None else None
    truth = Truth(corrupted=stealth is not None, corruption_type=kind, stealth=stealth, family=family, clean_output="")
    said = tuple(f"said {number}" for number in range(len(results)))
    return Group(key="k", observation=SEEN, truth=truth, completions=said, results=results)


def test_an_attempt_passes_that_tells_that_it_is_corrupted_and_of_which_type() -> None:
    assert group(RIGHT, WITHOUT_TYPE, WRONG, UNREADABLE).passed == 1
    assert group(RIGHT, WITHOUT_TYPE, WRONG, UNREADABLE, stealth=None).passed == 2


def test_pass_rates_are_averaged_over_the_episodes_of_a_cell_and_cells_come_in_order() -> None:
    groups = [
        group(RIGHT, WRONG, WRONG, WRONG, stealth=2),
        group(RIGHT, RIGHT, WRONG, WRONG),
        group(RIGHT, WRONG, WRONG, WRONG),
        group(RIGHT, RIGHT, family="kettle"),
        group(RIGHT, stealth=None),
    ]
    one, two, three = measured(groups, k=1)
    assert (one.family, one.stealth, one.episodes, one.pass_rate) == ("kettle", 1, 1, 1.0)
    assert (two.family, two.stealth, two.episodes, two.pass_rate) == ("lamp", 1, 2, pytest.approx(0.375))
    assert (three.stealth, three.pass_rate) == (2, 0.25)


def test_groups_with_fewer_attempts_than_k_are_left_out() -> None:
    (cell,) = measured([group(RIGHT, WRONG, WRONG), group(RIGHT)], k=2)
    assert (cell.episodes, cell.pass_rate) == (1, pytest.approx(2 / 3))
    assert measured([group(RIGHT)], k=2) == []


def test_the_zone_has_its_borders_inside() -> None:
    cells = [
        *measured([group(RIGHT, WRONG, WRONG, WRONG, WRONG)], k=1),
        *measured([group(RIGHT, WRONG)], k=1),
        *measured([group(WRONG)], k=1),
        *measured([group(RIGHT)], k=1),
    ]
    assert in_zone(cells, 0.2, 0.85) == {"too hard": 1, "learnable": 2, "too easy": 1}


def test_rejection_sampling_and_preferences_take_the_best_of_a_group() -> None:
    some = group(WRONG, RIGHT, WITHOUT_TYPE, UNREADABLE)
    assert (some.best, some.worst, some.kept()) == (1, 3, [1, 2])
    assert [row["completion"][0]["content"] for row in kept_rows([some])] == ["said 1", "said 2"]
    (pair,) = preference_rows([some])
    assert (pair["chosen"][0]["content"], pair["rejected"][0]["content"]) == ("said 1", "said 3")
    assert preference_rows([group(WRONG, WRONG)]) == []
    assert kept_rows([group(WRONG, UNREADABLE)]) == []


def test_a_models_attempts_are_grouped_by_episode_and_scored_by_the_arena(
    taught: Path, short: Served, short_client: ArenaClient
) -> None:
    told: list[tuple[int, int]] = []
    groups = list(
        attempts(
            load_model(taught),
            short_client,
            url=short.url,
            token=None,
            start=500,
            episodes=5,
            samples=4,
            temperature=1.0,
            max_tokens=24,
            batch=8,
            on_progress=lambda done, of: told.append((done, of)),
        )
    )
    assert [one.key for one in groups] == [f"short:2:train:{index}" for index in range(500, 505)]
    assert told == [(2, 5), (4, 5), (5, 5)]
    for one in groups:
        assert len(one.completions) == len(one.results) == 4
        assert one.truth is not None
        for text, found in zip(one.completions, one.results, strict=True):
            if found.components is not None:
                assert found.components.detection == float(('"detection": true' in text) == one.truth.corrupted)
    assert len({text for one in groups for text in one.completions}) > 4


def test_what_was_measured_is_taken_by_the_arena(taught: Path, short: Served, short_client: ArenaClient) -> None:
    found = attempts(
        load_model(taught),
        short_client,
        url=short.url,
        token=None,
        start=600,
        episodes=12,
        samples=4,
        temperature=1.0,
        max_tokens=24,
    )
    cells = measured(found, k=1)
    assert cells
    try:
        state = short_client.set_curriculum(Curriculum(cells=tuple(cells)))
        assert state.measured == len(cells)
    finally:
        short_client.clear_curriculum()
