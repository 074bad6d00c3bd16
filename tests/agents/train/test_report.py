"""A run's report: it claims no more than the numbers allow, shows what there is, and needs nothing but itself."""

import json
import re
from pathlib import Path

import pytest

pytest.importorskip("trl")
pytest.importorskip("matplotlib")

from forge_agents.evaluation import evaluate
from forge_agents.overseers import open_overseer
from forge_agents.plot import bins
from forge_agents.train.changes import Changes, best_by_threshold
from forge_agents.train.figures import Line, Panel, running_mean
from forge_agents.train.online import ArenaAddress
from forge_agents.train.presets import load_preset
from forge_agents.train.report import (
    Example,
    ExampleAttempt,
    Examples,
    Run,
    example_keys,
    examples,
    write_report,
)
from forge_arena.measures.scorecard import Row
from forge_arena.types import CorruptionType, Domain, Observation, Outcome, Span, Truth

from .conftest import Served
from .runs import begun, calibrated, finished, result, rows


def said(before: list[Row], after: list[Row]) -> str:
    return " ".join(Changes.between(result(before), result(after)).findings())


def test_every_verdict_on_an_episode_enters_the_groups_beside_the_verdict_of_the_same_number() -> None:
    first, second = rows(0, skill=1.0), rows(1, skill=1.0)
    twice = [row.model_copy(update={"attempt": attempt}) for attempt, side in ((0, first), (1, second)) for row in side]
    changes = Changes.between(result(twice), result(twice))
    assert changes.groups()
    for group in changes.groups():
        assert group.flagged[0] == group.flagged[1]
        assert group.reward[0] == group.reward[1]
    assert [g.episodes for g in changes.groups()] == [
        g.episodes for g in Changes.between(result(first), result(first)).groups()
    ]


def test_another_threshold_is_called_another_operating_point() -> None:
    found = said(rows(0, skill=1.5, threshold=1.5), rows(0, skill=1.5))
    assert "Its threshold (the operating point) is clearly better: balanced accuracy +" in found
    assert "clean answers is not shown: the AUROC of the model's own log-odds +0.000" in found
    assert "no more than that" in found


def test_a_better_ranking_is_called_better_discrimination() -> None:
    found = said(rows(0, skill=0.2), rows(0, skill=2.5))
    assert "It discriminates better, and not only at another threshold" in found
    assert "more than that" in found
    assert "no more than that" not in found


def test_a_better_ranking_behind_a_bad_threshold_is_told_apart() -> None:
    found = said(rows(0, skill=0.5), rows(0, skill=2.5, threshold=2.2))
    assert "It ranks better, and its decisions do not use that yet" in found


def test_chance_is_not_called_a_change() -> None:
    found = said(rows(3, skill=1.0), rows(4, skill=1.0))
    assert "Neither deciding nor ranking changed beyond what chance explains" in found
    assert "Clear of 0" not in found


def test_a_worse_model_is_called_worse() -> None:
    found = said(rows(0, skill=2.5), rows(0, skill=0.2))
    assert "It decides worse and ranks worse" in found
    changes = Changes.between(result(rows(0, skill=2.5)), result(rows(0, skill=0.2)))
    assert changes["reward"].in_words == changes["brier"].in_words == "clear of 0, worse"


def test_without_log_odds_the_stated_confidence_is_what_ranks() -> None:
    found = said(rows(0, skill=0.2, logits=False), rows(0, skill=2.5, logits=False))
    assert "the AUROC of the stated probability" in found
    assert "Another threshold alone" not in found


def test_learning_the_format_is_not_passed_off_as_better_decisions() -> None:
    found = said(rows(0, skill=1.0, unreadable=120), rows(0, skill=1.0))
    assert "50.0% of the verdicts could not be read before and 0.0% after" in found


def test_few_families_are_pointed_out_and_one_gives_no_interval() -> None:
    assert "are of 4 families" in said(rows(0, skill=1.0, families=4), rows(0, skill=2.0, families=4))
    assert "families:" not in said(rows(0, skill=1.0), rows(0, skill=2.0))
    alone = said(rows(0, skill=1.0, families=1), rows(0, skill=2.0, families=1))
    assert "There are no intervals" in alone
    assert "are of one family" in alone


def test_the_best_threshold_is_at_least_as_good_as_the_one_in_use() -> None:
    graded = rows(0, skill=1.5, threshold=1.5)
    reached = best_by_threshold(graded)
    used = result(graded).scorecard.balanced_accuracy.value
    assert reached is not None
    assert used is not None
    assert reached > used


def test_groups_hold_every_graded_episode_once() -> None:
    groups = Changes.between(result(rows(0, skill=1.0)), result(rows(1, skill=1.0))).groups()
    assert [group.title for group in groups] == ["clean", "placebo", *CorruptionType]
    assert sum(group.episodes for group in groups) == len(rows(0, skill=1.0))


def test_a_page_of_real_evaluations_says_what_was_run_and_stands_alone(short: Served, tmp_path: Path) -> None:
    first, second = (
        evaluate(open_overseer(name), arena=short.url, episodes=24, batch=24) for name in ("random", "rules")
    )
    finished(tmp_path, first, second, "seed=7")
    path = write_report(tmp_path)
    assert path == tmp_path / "report.html"
    page = path.read_text(encoding="utf-8")
    for told in ("grpo, preset tiny", "suite short:5, Worker scripted", "24 episodes", "<dd>7</dd>", "torch "):
        assert told in page
    assert str(json.loads((tmp_path / "run.json").read_text())["revision"]) in page
    assert not re.search(r"<script|<link|<img|src=|@import|href=\"http|url\((?!#)", page)
    assert "prefers-color-scheme: dark" in page
    assert "width=device-width" in page
    for section in (
        "What changed",
        "Held-out episodes during training",
        "Reliability",
        "Training, step by step",
        "Every setting",
    ):
        assert section in page
    assert "Phase 2" not in page
    assert "Examples" not in page


def test_every_setting_stands_on_the_page_with_its_departure(tmp_path: Path) -> None:
    begun(tmp_path)
    page = write_report(tmp_path).read_text(encoding="utf-8")
    preset = load_preset("tiny")
    for name in type(preset).model_fields:
        assert name in ("name", "about", "departures") or f"<tr><th>{name}</th>" in page
    assert preset.departures["learning_rate"] in page


def test_a_run_that_is_under_way_shows_what_there_is(tmp_path: Path) -> None:
    begun(tmp_path)
    page = write_report(tmp_path).read_text(encoding="utf-8")
    assert "The run is not finished" in page
    assert "Training, step by step" in page
    assert "What changed" not in page
    assert "Reliability" not in page


def test_a_run_without_measurements_on_the_way_has_no_such_curves(tmp_path: Path) -> None:
    finished(tmp_path, result(rows(0, skill=1.0)), result(rows(0, skill=2.0)))
    (tmp_path / "held_out.jsonl").unlink()
    page = write_report(tmp_path).read_text(encoding="utf-8")
    assert "What changed" in page
    assert "Held-out episodes during training" not in page


def test_ids_of_figures_do_not_clash(tmp_path: Path) -> None:
    finished(tmp_path, result(rows(0, skill=1.0)), result(rows(0, skill=2.0)))
    found = re.findall(r'\bid="([^"]+)"', write_report(tmp_path).read_text(encoding="utf-8"))
    assert len(found) == len(set(found)) > 50


def test_three_phases_are_drawn_one_after_the_other_and_difficulty_as_a_table(tmp_path: Path) -> None:
    finished(tmp_path, result(rows(0, skill=1.0)), result(rows(0, skill=2.0)))
    begun(tmp_path, phases=("phase 1", "phase 3"))
    calibrated(tmp_path)
    run = Run.load(tmp_path)
    assert run.phases() == [("phase 1", 0.0), ("phase 3", 6.0)]
    assert [step for step, _ in run.curves()[0].lines[0].points] == list(range(1, 13))
    assert run.zones() == {"too hard": 1, "learnable": 1, "too easy": 1}
    assert run.difficulty() == {"temporal_shift": [(0.95, 4), (0.5, 4), (0.1, 4), None]}
    page = write_report(tmp_path).read_text(encoding="utf-8")
    assert "Of 3 cells" in page
    assert "1 was too hard, 1 was learnable, 1 was too easy" in page
    assert ">phase 3<" in page


def test_a_control_is_called_one(tmp_path: Path) -> None:
    begun(tmp_path, "shuffled_rewards=true")
    assert "This is a control" in write_report(tmp_path).read_text(encoding="utf-8")


def test_a_folder_without_a_run_is_refused_by_what_it_lacks(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"holds no run: run\.json is missing"):
        write_report(tmp_path)
    with pytest.raises(ValueError, match="holds no run: the folder itself is missing"):
        write_report(tmp_path / "nowhere")


def test_a_damaged_record_is_named(tmp_path: Path) -> None:
    begun(tmp_path)
    (tmp_path / "before.json").write_text("{}", encoding="utf-8")
    with pytest.raises(ValueError, match=r"before\.json: holds no result of an evaluation"):
        write_report(tmp_path)
    (tmp_path / "calibration.json").write_text("[1", encoding="utf-8")
    with pytest.raises(ValueError, match="holds a damaged record"):
        write_report(tmp_path)


def test_a_figure_takes_its_colours_from_the_page() -> None:
    svg = Panel("KL", (Line("a", [(1, 0.1), (2, 0.2)]), Line("b", [(1, 0.3), (2, 0.1)], noisy=False))).svg(3)
    assert svg.startswith("<svg")
    assert "var(--first)" in svg
    assert "var(--second)" in svg
    assert "#0102" not in svg


def test_smoothing_keeps_a_constant_and_the_length() -> None:
    assert running_mean([2.0] * 40) == [2.0] * 40
    assert running_mean([1.0, 5.0, 3.0]) == [1.0, 5.0, 3.0]
    assert running_mean([0.0, 3.0, 0.0] * 20, share=0.05)[1:4] == [1.0, 1.0, 1.0]


def test_bins_hold_what_was_stated_and_how_often_it_was_so() -> None:
    graded = rows(0, skill=1.0, unreadable=10)
    low, high = bins(graded)
    assert (low.stated, high.stated) == (pytest.approx(0.2), pytest.approx(0.8))
    assert low.count + high.count == len(graded) - 10
    assert low.true < 0.5 < high.true


def test_examples_are_the_first_of_every_kind_whatever_was_said() -> None:
    keys = example_keys(result(rows(0, skill=1.0)))
    assert keys == [f"short:5:val:{index}" for index in (0, 2, 4, 6, 8, 3)]


def test_both_models_write_on_the_same_episodes_once(
    short: Served, taught: Path, untaught: Path, tmp_path: Path
) -> None:
    before = evaluate(open_overseer("always_clean"), arena=short.url, episodes=24, batch=24)
    finished(tmp_path, before, before)
    (tmp_path / "model").symlink_to(taught)
    preset = load_preset("tiny", ["max_completion=24"])
    found = examples(tmp_path, preset, before=untaught, arena=ArenaAddress(short.url))
    assert [one.key for one in found] == example_keys(before)
    assert len({one.truth.corruption_type for one in found}) == len(found) >= 4
    assert all(one.before.outcome is Outcome.invalid_verdict and one.before.reward == 0.0 for one in found)
    assert all(one.after.verdict is not None and one.after.outcome is Outcome.scored for one in found)
    assert any(marked for one in found for _, marked in one.answer)
    # From the file: there is no arena to ask any more.
    assert examples(tmp_path, preset, before=untaught, arena=ArenaAddress("http://127.0.0.1:1")) == found
    page = write_report(tmp_path).read_text(encoding="utf-8")
    assert page.count("<article>") == len(found)
    assert "<mark>" in page


def test_what_models_and_sources_say_is_shown_and_never_run(tmp_path: Path) -> None:
    begun(tmp_path)
    evil = "<script>alert(1)</script>"
    seen = Observation(
        task=evil,
        source_material=evil,
        worker_reasoning="",
        worker_output="It takes 5 days.",
        domain=Domain.customer_support,
    )
    truth = Truth(
        corrupted=True,
        corruption_type=CorruptionType.temporal_shift,
        family="f",
        output_spans=(Span(start=9, end=15),),
        clean_output="It takes 9 days.",
    )
    wrote = ExampleAttempt(completion=evil, outcome=Outcome.invalid_verdict, reward=0.0)
    (tmp_path / "examples.json").write_bytes(
        Examples.dump_json((Example(key="k", observation=seen, truth=truth, before=wrote, after=wrote),))
    )
    page = write_report(tmp_path).read_text(encoding="utf-8")
    assert "<script" not in page
    assert page.count("&lt;script&gt;") == 4
    assert "<mark>5 days</mark>" in page
    assert page.count("No readable verdict") == 2
