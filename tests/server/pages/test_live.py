"""The numbers of the page Live."""

from typing import Any

import pytest

from forge_arena.curriculum import zones
from forge_arena.rewards import weights
from forge_arena.types import Components, CorruptionType, Outcome
from forge_arena.wire import Curriculum, DifficultyCell
from forge_server.curriculum import CurriculumInForce
from forge_server.pages.live import HEIGHT, WIDTH, answers, curriculum_map, curve
from forge_server.recent import KEPT, POINTS, Part, Recent

from .browsing import Page


def components(value: float) -> Components:
    return Components(detection=value, explanation=0.0, correction=0.5, calibration=1.0)


def test_the_rate_counts_the_last_minute_and_no_more() -> None:
    now = 0.0
    recent = Recent(clock=lambda: now)
    assert recent.per_second() == 0.0
    now = 10.0
    for _ in range(30):
        recent.add(Outcome.scored, 0.5, components(0.5))
    assert recent.per_second() == pytest.approx(3.0)
    now = 71.0
    recent.add(Outcome.scored, 0.5, components(0.5))
    assert recent.per_second() == pytest.approx(1 / 60)


def test_the_rate_is_right_when_more_came_than_are_remembered() -> None:
    now = 0.0
    recent = Recent(clock=lambda: now)
    for _ in range(3 * KEPT):
        now += 0.01
        recent.add(Outcome.invalid_verdict, 0.0, None)
    assert len(recent) == KEPT
    assert recent.per_second() == pytest.approx(100, rel=0.01)


def test_the_curves_are_means_in_order_and_leave_out_what_was_not_scored() -> None:
    recent = Recent()
    assert recent.curves() == {}
    recent.add(Outcome.scored, None, None)
    assert recent.curves() == {}
    for number in range(2 * POINTS):
        recent.add(Outcome.scored, number / 100, components(float(number >= POINTS)))
    curves = recent.curves()
    assert list(curves) == ["reward", "detection", "explanation", "correction", "calibration"]
    assert curves["reward"] == pytest.approx([(4 * n + 1) / 200 for n in range(POINTS)])
    assert curves["detection"] == [0.0] * (POINTS // 2) + [1.0] * (POINTS // 2)


@pytest.mark.parametrize("count", [1, 2, POINTS - 1, POINTS + 1, 5 * POINTS + 7])
def test_each_scored_verdict_is_in_one_point(count: int) -> None:
    recent = Recent()
    for _ in range(count):
        recent.add(Outcome.scored, 0.25, components(0.25))
    assert recent.curves()["reward"] == [0.25] * min(count, POINTS)


def test_the_verdicts_of_several_processes_are_one_row_in_the_order_of_time() -> None:
    now = 0.0
    own, other = (Recent(clock=lambda: now) for _ in range(2))
    for number in range(10):
        now = float(number)
        (own if number % 2 else other).add(Outcome.scored, number / 10, components(0.5))
    sent = Part.model_validate_json(other.part().model_dump_json())
    together = own.together([sent])
    assert len(together) == 10
    assert together.curves()["reward"] == [number / 10 for number in range(10)]
    assert together.per_second() == pytest.approx(10 / 9)
    # The two are as they were.
    assert (len(own), len(other)) == (5, 5)


def test_a_curve_goes_from_the_left_to_the_right_and_up_is_better() -> None:
    made = curve("reward", [0.0, 0.5, 1.0], weights())
    assert made.points == f"0.0,{HEIGHT} {WIDTH / 2},{HEIGHT / 2} {WIDTH},0.0"
    assert (made.last, made.weight) == (1.0, None)
    assert curve("detection", [0.5], weights()).points == f"0.0,{HEIGHT / 2} {WIDTH},{HEIGHT / 2}"
    assert curve("detection", [0.5], weights()).weight == pytest.approx(0.4)


def test_the_usable_share_and_the_commonest_rejections_come_from_the_arenas_counts() -> None:
    counts = {
        "answers_asked": 20,
        "answers_usable_at_once": 10,
        "answers_usable_after_1": 4,
        "answers_usable_after_2": 1,
        "answers_rejected": 5,
        "answers_rejected_missing_quantity": 3,
        "answers_rejected_cut_off": 4,
        "revisions_asked": 9,
    }
    made = answers(counts)
    assert (made.asked, made.usable, made.second_chance) == (20, 0.75, 5)
    assert made.rejections == [("cut_off", 4), ("missing_quantity", 3)]
    assert answers({}).usable is None


def cell(family: str, kind: CorruptionType, stealth: int, rate: float) -> DifficultyCell:
    return DifficultyCell(family=family, corruption_type=kind, stealth=stealth, episodes=12, pass_rate=rate)


def test_the_map_has_a_cell_for_each_family_type_and_stealth_and_says_what_becomes_of_it() -> None:
    omission, bias = CorruptionType.factual_omission, CorruptionType.bias_injection
    families = {"unmeasured": {bias}, "measured": {omission, bias}}
    cells = (
        cell("measured", omission, 0, 0.95),
        cell("measured", omission, 1, 0.1),
        cell("measured", omission, 2, 0.05),
        cell("measured", bias, 0, 0.5),
    )
    curriculum = Curriculum(cells=cells)
    made = curriculum_map(CurriculumInForce(3, curriculum, zones(curriculum)), families)
    assert made is not None
    assert made.types == (omission, bias)
    (first, measured), (second, unmeasured) = made.rows
    assert (first, second, made.more) == ("measured", "unmeasured", 0)
    # Stealth 1 takes the place of stealth 0, which is too easy.
    assert [one.zone for one in measured if one] == ["easy", "kept", "hard", "unmeasured", "kept", *["unmeasured"] * 3]
    assert [one.rate for one in measured[:3] if one] == [0.95, 0.1, 0.05]
    assert unmeasured[:4] == (None,) * 4
    fewer = curriculum_map(CurriculumInForce(3, curriculum, zones(curriculum)), families, most=1)
    assert fewer is not None
    assert ([family for family, _ in fewer.rows], fewer.more) == (["measured"], 1)


def test_without_a_curriculum_there_is_no_map() -> None:
    assert curriculum_map(CurriculumInForce(), {"family": {CorruptionType.bias_injection}}) is None


async def test_the_page_shows_the_curriculum_that_the_train_stream_follows(server: Any) -> None:
    assert "No curriculum is in force" in (await server.http.get("/live")).text
    body = {
        "cells": [
            cell("roaming_bill", CorruptionType.temporal_shift, s, r).model_dump(mode="json")
            for s, r in ((0, 0.97), (1, 0.12), (2, 0.06))
        ]
    }
    assert (await server.http.post("/v1/curriculum", json=body)).status_code == 200
    page = Page((await server.http.get("/live")).text)
    shown = [
        (e.attributes["class"].split()[1], e.text) for e in page.all("span") if "cell " in e.attributes.get("class", "")
    ]
    assert [one for one in shown[4:] if one[0] != "unmeasured"] == [
        ("easy", "97 too easy"),
        ("kept", "12"),
        ("hard", "6 too hard"),
    ]
    assert "follows revision 1" in page.html
