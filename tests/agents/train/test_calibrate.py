"""Phase 2: pass@k of each cell from a policy's own attempts, and which of them can be learned."""

import pytest

pytest.importorskip("trl")

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from forge_agents.client import ArenaClient, ArenaUnreachable
from forge_agents.models import load_model
from forge_agents.overseers.prompts import prompt, prompt_digest
from forge_agents.records import RecordsError
from forge_agents.train.attempts import Group, as_in_training, attempts
from forge_agents.train.calibrate import count_zones, measure_difficulty
from forge_agents.train.offline import accepted_rows, preference_rows
from forge_agents.train.presets import load_preset
from forge_arena.episodes import Arena
from forge_arena.errors import InvalidVerdict
from forge_arena.rewards import oracle_verdict, score
from forge_arena.types import CorruptionType, Episode, Form, Outcome, Split
from forge_arena.verdicts import parse_verdict, verdict_text
from forge_arena.wire import AttemptResult, Curriculum
from forge_arena.workers import ScriptedWorker

from .conftest import Served
from .proxy import proxied

Presets = Callable[..., Path]
ARENA = Arena(ScriptedWorker())
# A draw whose corruption has words to quote.
PLAN = next(
    plan
    for index in range(100)
    if (plan := ARENA.plan(ARENA.key(Split.train, index))).corruption_type is CorruptionType.temporal_shift
)
CLEAN_AND_CORRUPTED = {
    form: asyncio.run(ARENA.make(ARENA.key(Split.train, PLAN.index, form))) for form in (Form.clean, Form.corrupted)
}
TYPE = CLEAN_AND_CORRUPTED[Form.corrupted].truth.corruption_type
RIGHT, WITHOUT_TYPE, TYPE_ALONE, WRONG_TYPE, WRONG, UNREADABLE = range(6)


def verdict(episode: Episode, kind: int) -> str:
    """What an overseer writes that is right, or fails in one respect."""
    oracle = oracle_verdict(episode.observation, episode.truth)
    wrong = oracle.model_copy(update={"detection": not oracle.detection, "confidence": 0.6})
    quotes = "".join(f'"{span.of(episode.observation.worker_output)}" ' for span in episode.truth.output_spans)
    other = next(type for type in CorruptionType if type is not TYPE)
    if not episode.truth.corrupted:
        said = oracle if kind in (RIGHT, WITHOUT_TYPE, TYPE_ALONE, WRONG_TYPE) else wrong
    else:
        texts = {WITHOUT_TYPE: quotes, TYPE_ALONE: f"It is {TYPE}.", WRONG_TYPE: f"It is {other}: {quotes}"}
        said = wrong if kind == WRONG else oracle
        if kind in texts:
            said = oracle.model_copy(update={"explanation": texts[kind]})
    return "I would rather not say." if kind == UNREADABLE else verdict_text(said)


def attempt(episode: Episode, completion: str) -> AttemptResult:
    try:
        earned = score(episode, parse_verdict(completion))
    except InvalidVerdict:
        return AttemptResult(episode_id="e", attempt=0, outcome=Outcome.invalid_verdict, reward=0.0, components=None)
    return AttemptResult(
        episode_id="e", attempt=0, outcome=Outcome.scored, reward=earned.reward, components=earned.components
    )


def group(*kinds: int, family: str = "lamp", stealth: int | None = 1) -> Group:
    episode = CLEAN_AND_CORRUPTED[Form.clean if stealth is None else Form.corrupted]
    said = tuple(verdict(episode, kind) for kind in kinds)
    return Group(
        key=episode.key,
        observation=episode.observation,
        truth=episode.truth.model_copy(update={"family": family, "stealth": stealth}),
        completions=said,
        results=tuple(attempt(episode, completion) for completion in said),
    )


def test_an_attempt_passes_that_tells_that_it_is_corrupted_and_of_which_type() -> None:
    every = (RIGHT, WITHOUT_TYPE, TYPE_ALONE, WRONG_TYPE, WRONG, UNREADABLE)
    assert group(*every).pass_count == 2  # the oracle, and the type alone
    assert group(*every, stealth=None).pass_count == 4


def test_perfect_quotes_without_a_type_earn_as_much_as_the_type_alone_and_do_not_pass() -> None:
    quotes, name = group(WITHOUT_TYPE), group(TYPE_ALONE)
    parts = [each.results[0].components for each in (quotes, name)]
    assert [part.explanation for part in parts if part] == [pytest.approx(0.5)] * 2
    assert (quotes.pass_count, name.pass_count) == (0, 1)


def test_pass_rates_are_averaged_over_the_episodes_of_a_cell_and_cells_come_in_order() -> None:
    groups = [
        group(RIGHT, WRONG, WRONG, WRONG, stealth=2),
        group(RIGHT, RIGHT, WRONG, WRONG),
        group(RIGHT, WRONG, WRONG, WRONG),
        group(RIGHT, RIGHT, family="kettle"),
        group(RIGHT, stealth=None),
    ]
    one, two, three = measure_difficulty(groups, k=1)
    assert (one.family, one.stealth, one.episodes, one.pass_rate) == ("kettle", 1, 1, 1.0)
    assert (two.family, two.stealth, two.episodes, two.pass_rate) == ("lamp", 1, 2, pytest.approx(0.375))
    assert (three.stealth, three.pass_rate) == (2, 0.25)


def test_groups_with_fewer_attempts_than_k_are_left_out() -> None:
    (cell,) = measure_difficulty([group(RIGHT, WRONG, WRONG), group(RIGHT)], k=2)
    assert (cell.episodes, cell.pass_rate) == (1, pytest.approx(2 / 3))
    assert measure_difficulty([group(RIGHT)], k=2) == []


def test_the_zone_has_its_borders_inside() -> None:
    cells = [
        *measure_difficulty([group(RIGHT, WRONG, WRONG, WRONG, WRONG)], k=1),
        *measure_difficulty([group(RIGHT, WRONG)], k=1),
        *measure_difficulty([group(WRONG)], k=1),
        *measure_difficulty([group(RIGHT)], k=1),
    ]
    assert count_zones(cells, 0.2, 0.85) == {"too hard": 1, "learnable": 2, "too easy": 1}


def test_rejection_sampling_and_preferences_take_the_best_of_a_group() -> None:
    some = group(WRONG, RIGHT, WITHOUT_TYPE, UNREADABLE)
    assert (some.best, some.worst, some.accepted_numbers()) == (1, 3, [1, 2])
    assert [row["completion"][0]["content"] for row in accepted_rows([some])] == list(some.completions[1:3])
    (pair,) = preference_rows([some])
    assert (pair["chosen"][0]["content"], pair["rejected"][0]["content"]) == (some.completions[1], some.completions[3])
    assert preference_rows([group(WRONG, WRONG)]) == []
    assert accepted_rows([group(WRONG, UNREADABLE)]) == []


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
    assert [one.key for one in groups] == [f"short:5:train:{index}" for index in range(500, 505)]
    assert told == [(2, 5), (4, 5), (5, 5)]
    for one in groups:
        assert len(one.completions) == len(one.results) == 4
        assert one.truth is not None
        for text, found in zip(one.completions, one.results, strict=True):
            if found.components is not None:
                assert found.components.detection == float(('"detection": true' in text) == one.truth.corrupted)
    assert len({text for one in groups for text in one.completions}) > 4


def test_a_seed_decides_what_a_model_attempts(taught: Path, short: Served, short_client: ArenaClient) -> None:
    def texts(seed: int) -> list[str]:
        settings: dict[str, Any] = {"start": 520, "episodes": 2, "samples": 4, "temperature": 1.0, "max_tokens": 24}
        made = attempts(load_model(taught), short_client, url=short.url, token=None, seed=seed, **settings)
        return [text for one in made for text in one.completions]

    first = texts(3)
    assert texts(3) == first
    assert texts(4) != first


def test_attempts_of_a_stopped_run_are_not_made_again_and_go_on_as_they_would_have(
    taught: Path, short: Served, short_client: ArenaClient, tmp_path: Path
) -> None:
    loaded = load_model(taught)
    common: dict[str, Any] = {
        "start": 540,
        "episodes": 5,
        "samples": 2,
        "temperature": 1.0,
        "max_tokens": 24,
        "batch": 4,
    }

    def made(name: str, *, url: str = short.url, **changes: Any) -> Iterator[Group]:
        settings = common | {"token": None, "patience": 0.0, "records": tmp_path / name} | changes
        return attempts(loaded, short_client, url=url, **settings)

    whole = [one.completions for one in made("whole.jsonl")]
    stopped = made("stopped.jsonl")
    first = [next(stopped).completions for _ in range(3)]
    stopped.close()
    # As a killed process leaves it: half of the second batch.
    path = tmp_path / "stopped.jsonl"
    head, one, two = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(head + one + two[: len(two) // 2])
    told: list[tuple[int, int]] = []
    again = list(made("stopped.jsonl", on_progress=lambda done, of: told.append((done, of))))
    assert [one.completions for one in again] == whole
    assert first == whole[:3]
    assert [one.key for one in again] == [f"short:5:train:{index}" for index in range(540, 545)]
    assert told == [(2, 5), (4, 5), (5, 5)]
    # Nothing is left to do, so no arena is asked.
    assert [one.completions for one in made("stopped.jsonl", url="http://127.0.0.1:1")] == whole
    # A run may be given more steps.
    more = list(made("stopped.jsonl", episodes=8))
    assert [one.key for one in more] == [f"short:5:train:{index}" for index in range(540, 548)]
    with pytest.raises(RecordsError, match="temperature"):
        next(made("stopped.jsonl", temperature=0.5))


def test_phase_2_and_rejection_sampling_sample_as_the_run_does(preset_file: Presets) -> None:
    preset = load_preset(str(preset_file(temperature=0.8, top_p=0.9, seed=7, patience=12.0, prompt="compact")))
    sampled = as_in_training(preset)
    assert prompt_digest(sampled.pop("ask")) == prompt_digest(prompt("compact"))
    assert sampled == {"temperature": 0.8, "top_p": 0.9, "max_tokens": 24, "seed": 7, "patience": 12.0}


def test_attempts_are_scored_with_the_patience_that_is_given(
    taught: Path, short: Served, short_client: ArenaClient
) -> None:
    settings: dict[str, Any] = {"start": 530, "episodes": 1, "samples": 2, "temperature": 1.0, "max_tokens": 24}
    with proxied(short.url) as proxy:
        proxy.losing = 1
        with pytest.raises(ArenaUnreachable):
            list(attempts(load_model(taught), short_client, url=proxy.url, token=None, patience=0.0, **settings))
    assert proxy.asked == ["/v1/verdicts"]


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
    cells = measure_difficulty(found, k=1)
    assert cells
    try:
        state = short_client.set_curriculum(Curriculum(cells=tuple(cells)))
        assert state.measured == len(cells)
    finally:
        short_client.clear_curriculum()
