"""Tables for a spreadsheet and for a paper, and the curve of what accuracy costs."""

import csv
import shutil
import subprocess
from io import StringIO
from itertools import product
from pathlib import Path

import pytest

from forge_agents.attack import AttackResult
from forge_agents.compare import compare_results
from forge_agents.comparison_page import comparison_page
from forge_agents.cost_curve import MONEY, SECONDS, TOKENS, cost_curve
from forge_agents.paper import COLUMNS, attack_csv, attack_latex, csv_table, latex, latex_table
from forge_agents.records import Task
from forge_agents.result import Result
from forge_arena.measures.metrics import cost
from forge_arena.measures.scorecard import Price, Row
from forge_arena.measures.search import MEASURES, search_curve
from forge_arena.types import MemberReview, Usage

from ..arena.measures.test_search import drawn as drawn_tries
from .test_compare import drawn, result


def costing(name: str, rows: list[Row], tokens: int, **prices: Price) -> Result:
    usage = Usage(input_tokens=tokens, output_tokens=tokens, seconds=tokens / 1000)
    paid = [row.model_copy(update={"usage": usage, "seconds": usage.seconds}) for row in rows]
    return result(name, paid).model_copy(update={"cost": cost(paid, prices or None)})


def named(rows: list[Row]) -> list[Row]:
    """The rows under keys that a result can count."""
    return [row.model_copy(update={"key": f"forge:5:val:{n}"}) for n, row in enumerate(rows)]


WEAK, STRONG = named(drawn(1, 0.2)), named(drawn(2, 1.5))


def test_the_csv_has_every_metric_of_every_result_and_the_differences_to_the_first() -> None:
    first, second = costing("weak, at first", WEAK, 10), costing("strong", STRONG, 100)
    compared = compare_results(first, second, resamples=50)
    lines = list(csv.DictReader(StringIO(csv_table([first, second], [compared]))))
    by_place = {(line["result"], line["metric"]): line for line in lines}
    assert by_place["weak, at first", "auroc"]["difference"] == ""
    strong = by_place["strong", "auroc"]
    assert float(strong["value"]) == second.scorecard.auroc.value
    assert float(strong["difference"]) == compared.differences["auroc"].value
    assert float(by_place["strong", "output_tokens"]["value"]) == 100.0
    assert {line["metric"] for line in lines} >= {"reward", "skill", "tpr_at_1", "brier"}


def test_a_value_that_no_draw_changes_has_no_interval_in_the_tables() -> None:
    timid = [row.model_copy(update={"detection": False, "reward": 0.5}) for row in WEAK]
    same = result("timid", timid)
    assert (same.scorecard.recall.value, same.scorecard.recall.low, same.scorecard.recall.high) == (0.0, 0.0, 0.0)
    lines = {line["metric"]: line for line in csv.DictReader(StringIO(csv_table([same], [])))}
    assert [lines["recall"][end] for end in ("value", "low", "high")] == ["0.0", "", ""]
    row = latex_table([same]).splitlines()[7]
    assert row.split("&")[1].strip() == r"{\scriptsize --}"
    assert "[0.50, 0.50]" not in latex_table([same])


def test_the_latex_table_has_a_row_for_each_result_and_shows_names_as_they_are() -> None:
    strange = result("a_b & 50% {x}~^\\", WEAK)
    text = latex_table([strange, result("strong", STRONG)])
    assert r"a\_b \& 50\% \{x\}\textasciitilde{}\textasciicircum{}\textbackslash{}" in text
    rows = [line for line in text.splitlines() if line.endswith(r"\\") and "scriptsize" not in line]
    assert len(rows) == 3
    assert {row.count(" & ") for row in rows} == {len(COLUMNS)}
    assert text.count("\\begin{tabular}") == text.count("\\end{tabular}") == 1
    assert latex("one\n% two") == r"one \% two"
    assert "$-$0.000" not in text


def attacked(name: str) -> AttackResult:
    """The result of an attack whose verdicts are made up."""
    draws = drawn_tries(20, 3, seed=1)
    return AttackResult(
        **result(name, WEAK).model_dump(include=set(Task.model_fields)),
        tries=3,
        any_type=False,
        seed=0,
        draws=len(draws),
        left_out=0,
        families=4,
        curve=tuple(search_curve(draws, 3, resamples=20)),
        cost=cost([]),
        rows=(),
    )


def test_the_csv_of_an_attack_has_every_measure_by_tries_and_type() -> None:
    found = attacked("weak, at first")
    lines = list(csv.DictReader(StringIO(attack_csv(found))))
    by_place = {(line["tries"], line["group"], line["measure"]): line for line in lines}
    types = set(found.curve[0].by_type)
    assert set(by_place) == set(product(("1", "2", "3"), ("all", *types), MEASURES))
    for point in found.curve:
        whole = by_place[str(point.tries), "all", "tpr_at_5"]
        assert float(whole["value"]) == point.tpr_at_5.value
        assert float(whole["change"]) == point.change.tpr_at_5.value
        assert whole["result"] == "weak, at first"
        for type in types:
            line = by_place[str(point.tries), type, "auroc"]
            assert float(line["low"]) == point.by_type[type].auroc.low
            assert line["change"] == ""


def test_the_latex_table_of_an_attack_has_a_row_for_each_number_of_tries() -> None:
    text = attack_latex(attacked("a_b"))
    rows = [line for line in text.splitlines() if line.endswith(r"\\") and "scriptsize" not in line]
    assert [row.split(" & ")[0] for row in rows] == ["Tries", "1", "2", "3"]
    assert {row.count(" & ") for row in rows} == {len(MEASURES)}
    assert "up to 3 corruptions of the same type" in text.splitlines()[0]


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="needs a LaTeX")
@pytest.mark.parametrize("of", ["results", "an attack"])
def test_the_latex_table_is_latex(of: str, tmp_path: Path) -> None:
    strange = "a_b & 50% {x}~^\\"
    table = latex_table([result(strange, WEAK)]) if of == "results" else attack_latex(attacked(strange))
    text = rf"\documentclass{{article}}\usepackage{{booktabs}}\begin{{document}}{table}\end{{document}}"
    (tmp_path / "table.tex").write_text(text)
    subprocess.run(["pdflatex", "-halt-on-error", "table.tex"], cwd=tmp_path, check=True, capture_output=True)


def test_the_unit_of_a_curve_is_the_best_that_all_results_count() -> None:
    price = Price(input=1, output=2)
    priced, unpriced = costing("weak", WEAK, 10, **{"": price}), costing("strong", STRONG, 100)
    uncounted = [row.model_copy(update={"seconds": 1.0}) for row in STRONG]
    for results, unit in (
        ([priced, costing("strong", STRONG, 100, **{"": price})], MONEY),
        ([priced, unpriced], TOKENS),
        ([priced, result("quick", uncounted)], SECONDS),
    ):
        curve = cost_curve(results)
        assert curve is not None
        assert curve.unit == unit
    assert cost_curve([priced]) is None
    assert cost_curve([priced, result("unknown", STRONG)]) is None


def test_answers_of_one_class_alone_have_no_curve_and_the_page_goes_without() -> None:
    weak, strong = (
        costing(name, [row for row in rows if row.corrupted], 10) for name, rows in (("weak", WEAK), ("strong", STRONG))
    )
    assert cost_curve([weak, strong]) is None
    page = comparison_page([weak, strong], [compare_results(weak, strong, resamples=50)])
    assert "What accuracy costs" not in page


def test_the_frontier_leaves_out_what_costs_more_and_is_worse() -> None:
    dear, cheap, dearer = costing("dear", WEAK, 100), costing("cheap", STRONG, 10), costing("dearer", STRONG, 900)
    curve = cost_curve([dear, cheap, dearer])
    assert curve is not None
    assert [point.label for point in curve.points] == ["cheap", "dear", "dearer"]
    assert [point.label for point in curve.frontier] == ["cheap"]


def test_a_cascade_shows_what_handing_on_less_would_have_cost() -> None:
    """Every second answer was handed on, so a point of half of them hands on a quarter of all."""
    usage = {"first": Usage(), "second": Usage(input_tokens=100, output_tokens=100)}
    rows = []
    for n, (weak, strong) in enumerate(zip(WEAK, STRONG, strict=True)):
        members = {"first": MemberReview(p_corrupted=weak.p_corrupted, usage=usage["first"])}
        if n % 2:
            members["second"] = MemberReview(p_corrupted=strong.p_corrupted, usage=usage["second"])
        final = strong if n % 2 else weak
        counted = usage["second"] if n % 2 else usage["first"]
        rows.append(
            weak.model_copy(
                update={"p_corrupted": final.p_corrupted, "detection": final.detection, "members": members}
            ).model_copy(update={"usage": counted})
        )
    curve = cost_curve([result("cascade", rows)])
    assert curve is not None
    costs = {point.label: point.cost for point in curve.points}
    assert costs["first"] == 0.0
    assert costs["cascade, 25% handed on"] == pytest.approx(50.0)
    assert costs["cascade"] == pytest.approx(100.0)


def test_what_the_first_member_cannot_judge_is_handed_on_at_any_threshold() -> None:
    """The first abstains on what is corrupted, and suspects some right answers; the second is right about all."""
    usage = Usage(input_tokens=100, output_tokens=100)
    rows = []
    for n, drawn_row in enumerate(WEAK[:12]):
        corrupted, handed_on = n < 4, n < 8
        first = None if corrupted else 0.6 if handed_on else 0.2
        final = 0.9 if corrupted else 0.1 if handed_on else 0.2
        members = {"first": MemberReview(p_corrupted=first, usage=Usage())}
        if handed_on:
            members["second"] = MemberReview(p_corrupted=final, usage=usage)
        update = {"corrupted": corrupted, "p_corrupted": final, "detection": final > 0.5, "members": members}
        rows.append(drawn_row.model_copy(update={**update, "usage": usage if handed_on else Usage()}))
    curve = cost_curve([result("cascade", rows)])
    assert curve is not None
    by_label = {point.label: point.auroc.value for point in curve.points}
    assert by_label["cascade, 33% handed on"] == 1.0


def test_a_cascade_that_handed_on_one_answer_has_no_point_of_a_part_of_it() -> None:
    rows = [
        row.model_copy(
            update={
                "members": {
                    name: MemberReview(p_corrupted=row.p_corrupted, usage=Usage(input_tokens=9, output_tokens=1))
                    for name in (("first", "second") if n == 0 else ("first",))
                },
                "usage": Usage(input_tokens=18 if n == 0 else 9, output_tokens=1),
            }
        )
        for n, row in enumerate(WEAK)
    ]
    curve = cost_curve([result("cascade", rows)])
    assert curve is not None
    assert sorted(point.label for point in curve.points) == ["cascade", "first"]


def test_the_page_of_a_comparison_shows_the_curve_and_escapes_names() -> None:
    first, second = costing("<weak>", WEAK, 10), costing("strong", STRONG, 100)
    page = comparison_page([first, second], [compare_results(first, second, resamples=50)])
    assert "&lt;weak&gt;" in page
    assert "<weak>" not in page
    assert "What accuracy costs" in page
    assert "<svg" in page
    assert "strong has a higher" in page
