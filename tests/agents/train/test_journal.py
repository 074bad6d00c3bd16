"""What a run writes down, and when it warns: once for each way of going wrong, never on healthy numbers."""

import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("trl")

from forge_agents.client import ArenaClient
from forge_agents.evaluation import evaluate
from forge_agents.overseers.constants import Prior
from forge_agents.train.journal import Journal, Watch, check_same_run, lines, revision
from forge_agents.train.presets import change_preset, load_preset
from forge_arena.locks import FolderInUse

HEALTHY = {
    "reward": 0.4,
    "frac_reward_zero_std": 0.2,
    "verdicts/flagged": 0.45,
    "verdicts/confidence_std": 0.12,
    "verdicts/invalid": 0.02,
    "verdicts/failed": 0.0,
    "completions/clipped_ratio": 0.01,
    "note": "a text",
}
TROUBLES = [
    ("frac_reward_zero_std", 0.95, "95% of the groups had one reward for all attempts"),
    ("verdicts/flagged", 0.99, "99% of the verdicts say 'corrupted': the policy collapses to one label"),
    ("verdicts/flagged", 0.01, "99% of the verdicts say 'clean': the policy collapses to one label"),
    ("verdicts/confidence_std", 0.001, "every verdict states the same confidence"),
    ("verdicts/invalid", 0.7, "70% of the verdicts cannot be read"),
    ("verdicts/failed", 0.5, "50% of the attempts failed in the arena"),
    ("completions/clipped_ratio", 0.6, "60% of the completions were cut off: raise max_completion"),
]


def told(watch: Watch, steps: int, **changes: float) -> list[str]:
    """All that a watch says about so many steps."""
    named = {name.replace("__", "/"): value for name, value in changes.items()}
    return [said for _ in range(steps) for said in watch.add_step(HEALTHY | named)]


def test_healthy_numbers_are_not_warned_of() -> None:
    watch = Watch(window=5)
    assert told(watch, 30) == []
    assert [said for reward in (0.4, 0.41, 0.4) for said in watch.add_held_out(reward)] == []


def test_a_step_that_logs_little_is_not_warned_of() -> None:
    watch = Watch(window=2)
    assert [said for _ in range(5) for said in watch.add_step({"loss": 0.1})] == []
    assert watch.add_held_out(0.4) == []


@pytest.mark.parametrize(("name", "value", "message"), TROUBLES)
def test_a_way_of_going_wrong_is_warned_of_once_over_a_whole_window(name: str, value: float, message: str) -> None:
    watch = Watch(window=5)
    changes = {name.replace("/", "__"): value}
    assert told(watch, 4, **changes) == []
    (said,) = told(watch, 20, **changes)
    assert message in said


def test_trouble_that_passed_and_came_again_is_told_again_and_no_other_hides_it() -> None:
    watch = Watch(window=3)
    assert len(told(watch, 6, verdicts__invalid=0.9)) == 1
    assert told(watch, 6) == []
    assert len(told(watch, 6, verdicts__invalid=0.9, verdicts__failed=0.9)) == 2


def test_a_reward_that_rises_while_the_held_out_one_falls_is_warned_of_once() -> None:
    watch = Watch(window=3)
    said = []
    for train, held_out in ((0.30, 0.40), (0.33, 0.40), (0.36, 0.37), (0.40, 0.30), (0.45, 0.20)):
        told(watch, 3, reward=train)
        said += watch.add_held_out(held_out)
    assert len(said) == 1
    assert "the training reward rose by 0.06 while the held-out one fell by 0.03" in said[0]
    assert told(watch, 3, reward=0.45) == []
    assert watch.add_held_out(0.19) == []


def test_rewards_that_rise_or_fall_together_are_no_overfit() -> None:
    for rewards in (((0.3, 0.3), (0.5, 0.5)), ((0.5, 0.5), (0.3, 0.3)), ((0.3, 0.3), (0.5, 0.29))):
        watch = Watch(window=1)
        for train, held_out in rewards:
            told(watch, 1, reward=train)
            assert watch.add_held_out(held_out) == []


def test_numbers_are_written_down_and_of_a_repeated_step_the_last_is_read(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "run", lambda message: None)
    for step, reward in ((1, 0.1), (2, 0.2), (3, 0.3), (3, 0.5), (4, 0.6)):
        journal.log("phase 1", step, {"reward": reward, "words": "none"})
    journal.log("phase 3", 3, {"reward": 0.9})
    found = lines(journal.folder, "log.jsonl")
    assert [(line["phase"], line["step"], line["reward"]) for line in found] == [
        ("phase 1", 1, 0.1),
        ("phase 1", 2, 0.2),
        ("phase 1", 3, 0.5),
        ("phase 1", 4, 0.6),
        ("phase 3", 3, 0.9),
    ]
    assert all("words" not in line for line in found)
    assert lines(journal.folder, "held_out.jsonl") == []


def test_a_line_that_a_full_disk_tore_costs_no_other(tmp_path: Path) -> None:
    journal = Journal(tmp_path, lambda message: None)
    journal.log("phase 1", 1, {"reward": 0.1})
    path = tmp_path / "log.jsonl"
    path.write_text(path.read_text(encoding="utf-8") + '{"phase": "phase 1", "st', encoding="utf-8")
    journal.log("phase 1", 2, {"reward": 0.2})
    assert [line["step"] for line in lines(tmp_path, "log.jsonl")] == [1, 2]


def test_a_measurement_on_held_out_episodes_is_written_with_its_components(tmp_path: Path, client: ArenaClient) -> None:
    found = evaluate(Prior(), arena=client, split="train", episodes=30)
    values = Journal(tmp_path, lambda message: None).log_held_out("phase 1", 20, found)
    (line,) = lines(tmp_path, "held_out.jsonl")
    assert line == {"phase": "phase 1", "step": 20, **values}
    assert values["reward"] == found.scorecard.reward.value
    assert (values["balanced_accuracy"], values["invalid"], values["auroc_log_odds"]) == (0.5, 0.0, None)
    assert found.scorecard.components is not None
    assert values["components/detection"] == found.scorecard.components.detection


def test_a_run_says_what_it_is_and_a_resumed_one_when_it_went_on(tmp_path: Path) -> None:
    preset = load_preset("phase1")
    for _ in range(2):
        Journal(tmp_path, lambda message: None).begin(preset, arena="http://here", suite="forge:5")
    found: dict[str, Any] = json.loads((tmp_path / "run.json").read_text(encoding="utf-8"))
    assert found["preset"] == preset.model_dump(mode="json")
    assert (found["arena"], found["suite"], len(found["begun"])) == ("http://here", "forge:5", 2)
    assert {"torch", "trl", "transformers"} <= found["versions"].keys()
    assert found["revision"] == revision()


def test_a_run_goes_on_only_with_the_settings_and_the_suite_that_it_was_begun_with(tmp_path: Path) -> None:
    said: list[str] = []
    journal = Journal(tmp_path, said.append)
    journal.begin(load_preset("tiny"), arena="http://here", suite="short:5", suite_hash="a")
    longer = load_preset("tiny", ["steps=999", "patience=5", "recompute=false", "share_prompts=true"])
    journal.begin(longer, arena="http://there", suite="short:5", suite_hash="a")
    with pytest.raises(
        FolderInUse, match=r"holds another run: its beta is .*, not 0\.5; ask for the same, or give another"
    ):
        journal.begin(load_preset("tiny", ["beta=0.5"]), arena="http://here", suite="short:5", suite_hash="a")
    with pytest.raises(FolderInUse, match=r"its suite is short:5, not forge:5"):
        journal.begin(longer, arena="http://here", suite="forge:5", suite_hash="a")
    assert not said
    journal.begin(longer, arena="http://here", suite="short:5", suite_hash="b")
    assert [message.partition(" (")[0] for message in said] == ["the arena is not the one that this run was begun with"]


def test_a_sweep_does_not_take_a_run_of_another_setting_for_its_own(
    tmp_path: Path,
) -> None:
    preset = load_preset("tiny")
    Journal(tmp_path, lambda message: None).begin(
        change_preset(preset, ["beta=0.1", "seed=2"]), arena="http://here", suite="short:5"
    )
    check_same_run(tmp_path, change_preset(preset, ["beta=0.1", "seed=2", "wall_seconds=7"]))
    with pytest.raises(FolderInUse, match="holds another run: its learning_rate"):
        check_same_run(tmp_path, change_preset(preset, ["beta=0.1", "seed=2", "learning_rate=0.1"]))
