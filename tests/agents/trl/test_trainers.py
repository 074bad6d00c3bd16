"""TRL's own trainers learn from a real arena for some steps, in both forms, with nothing between them but our object."""

import os
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
trl = pytest.importorskip("trl")

from forge_agents.client import ArenaUnreachable  # noqa: E402
from forge_agents.trl import ForgeArena  # noqa: E402
from forge_agents.trl.rewards import COMPONENTS  # noqa: E402

from ...server_process import running  # noqa: E402
from ..train.conftest import SERVE, Served  # noqa: E402

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _quiet_experiment(monkeypatch: pytest.MonkeyPatch) -> None:
    """TRL warns that `environment_factory` is experimental, and warnings are errors here."""
    monkeypatch.setitem(os.environ, "TRL_EXPERIMENTAL_SILENCE", "1")


def settings(folder: Path, **changes: Any) -> dict[str, Any]:
    return {
        "output_dir": str(folder),
        "max_steps": 2,
        "per_device_train_batch_size": 8,
        "num_generations": 4,
        "max_completion_length": 60,
        "learning_rate": 1e-2,
        "temperature": 1.0,
        "use_cpu": True,
        "bf16": False,
        "gradient_checkpointing": False,
        "logging_steps": 1,
        "report_to": [],
        "disable_tqdm": True,
        "save_strategy": "no",
        **changes,
    }


def steps(trainer: Any) -> list[dict[str, Any]]:
    """What the trainer logged, one entry a step."""
    return [entry for entry in trainer.state.log_history if "reward" in entry]


def moved(trainer: Any, pupil: Path) -> bool:
    from transformers import AutoModelForCausalLM

    before = AutoModelForCausalLM.from_pretrained(pupil).state_dict()
    after = trainer.model.state_dict()
    return any(not torch.equal(after[name].cpu(), before[name]) for name in before)


def test_grpo_learns_from_one_column_for_each_component(
    arena: ForgeArena, short: Served, pupil: Path, tmp_path: Path
) -> None:
    dataset = arena.dataset(4, start=7_000)
    trainer = trl.GRPOTrainer(
        model=str(pupil),
        reward_funcs=arena.component_rewards(),
        args=trl.GRPOConfig(**settings(tmp_path), scale_rewards="none"),
        train_dataset=dataset,
    )
    trainer.train()
    logged = steps(trainer)
    assert len(logged) == 2
    for entry in logged:
        assert entry["reward"] == pytest.approx(sum(entry[f"rewards/{name}/mean"] for name in COMPONENTS), abs=1e-5)
        assert entry["verdicts/failed"] == 0.0
    assert max(entry["reward"] for entry in logged) > 0.0
    assert moved(trainer, pupil)
    # Each step made one group of four attempts on each of two episodes.
    made = {index: ids for index, ids in short.attempts().items() if 7_000 <= index < 7_004}
    assert [(len(ids), len(set(ids))) for ids in made.values()] == [(4, 1)] * 4


def test_rloo_learns_from_the_whole_reward_over_two_epochs(
    arena: ForgeArena, short: Served, pupil: Path, tmp_path: Path
) -> None:
    dataset = arena.dataset(2, start=100)
    trainer = trl.RLOOTrainer(
        model=str(pupil),
        reward_funcs=arena.reward,
        args=trl.RLOOConfig(**settings(tmp_path), beta=0.0),
        train_dataset=dataset,
    )
    trainer.train()
    logged = steps(trainer)
    assert [round(entry["epoch"]) for entry in logged] == [1, 2]
    assert all(entry["reward"] == pytest.approx(entry["rewards/forge_arena/mean"], abs=1e-5) for entry in logged)
    assert moved(trainer, pupil)
    # The second epoch played the same keys again, on episodes of its own.
    made = {index: ids for index, ids in short.attempts().items() if 100 <= index < 102}
    assert [(len(ids), len(set(ids))) for ids in made.values()] == [(8, 2), (8, 2)]


def test_grpo_learns_with_tools(arena: ForgeArena, short: Served, pupil: Path, tmp_path: Path) -> None:
    dataset = arena.dataset(4, start=200, tools=True)
    trainer = trl.GRPOTrainer(
        model=str(pupil),
        args=trl.GRPOConfig(**settings(tmp_path, max_completion_length=240), scale_rewards="none"),
        train_dataset=dataset,
        environment_factory=arena.environment,
    )
    assert [tool.__name__ for tool in trainer.tools] == [
        "calculate",
        "probe",
        "read_passage",
        "search_source",
        "submit_verdict",
    ]
    trainer.train()
    logged = steps(trainer)
    assert len(logged) == 2
    for entry in logged:
        assert entry["reward"] == pytest.approx(entry["rewards/OverseerEnvironment/mean"], abs=1e-5)
    assert max(entry["tools/call_frequency"] for entry in logged) > 0.0
    assert max(entry["reward"] for entry in logged) > 0.0
    assert moved(trainer, pupil)
    # Every rollout played an episode of its own, and each gave one verdict: its own, or none that can be read.
    made = {index: ids for index, ids in short.attempts().items() if 200 <= index < 204}
    assert [(len(ids), len(set(ids))) for ids in made.values()] == [(4, 4)] * 4


@pytest.mark.parametrize("tools", [False, True])
def test_a_run_stops_if_the_arena_stays_away(pupil: Path, tmp_path: Path, tools: bool) -> None:
    with running(*SERVE, "--port", "0", "--store", f"sqlite:///{tmp_path}/own.db") as url:
        arena = ForgeArena(url, patience=0.5)
        dataset = arena.dataset(2, tools=tools)
    rewards = {"environment_factory": arena.environment} if tools else {"reward_funcs": arena.reward}
    trainer = trl.GRPOTrainer(
        model=str(pupil), args=trl.GRPOConfig(**settings(tmp_path)), train_dataset=dataset, **rewards
    )
    with arena, pytest.raises(ArenaUnreachable, match=f"no answer from the arena at {url}"):
        trainer.train()
    assert not moved(trainer, pupil)
