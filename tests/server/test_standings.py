"""Entries of the leaderboard against each other: what the curves and differences are, and what they must not tell."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from forge_arena.measures.detection import GradedArrays, values
from forge_arena.measures.scorecard import Row
from forge_arena.types import Form, Outcome
from forge_server.rounding import STEP
from forge_server.standings import RATES, ROUNDED, paired_differences, roc_curve

from .pages.browsing import Page, Person
from .pages.test_site import assert_no_outside, person_at
from .test_leaderboard import enter, judged, opened


def rows(labels: list[bool], stated: list[float]) -> list[Row]:
    return [
        Row(
            key=f"forge:5:test:{n}",
            outcome=Outcome.scored,
            family=f"family_{n % 10}",
            form=Form.corrupted if corrupted else Form.clean,
            corrupted=corrupted,
            detection=p > 0.5,
            p_corrupted=p,
            reward=0.6 * ((p > 0.5) == corrupted),
        )
        for n, (corrupted, p) in enumerate(zip(labels, stated, strict=True))
    ]


def drawn(seed: int, skill: float, episodes: int = 200) -> list[Row]:
    rng = np.random.default_rng(7)
    labels = [bool(label) for label in rng.random(episodes) < 0.5]
    noise = np.random.default_rng(seed).normal(size=episodes)
    scores = [1 / (1 + np.exp(-(n + skill * (1 if label else -1)))) for n, label in zip(noise, labels, strict=True)]
    return rows(labels, [float(score) for score in scores])


def test_a_curve_is_rough_rises_and_has_nearly_the_area_of_the_exact_one() -> None:
    entry = drawn(0, skill=1.0)
    curve = roc_curve(entry)
    assert curve is not None
    assert [rate for rate, _ in curve.points[1:]] == list(RATES)
    assert all(before <= after for (_, before), (_, after) in pairwise(curve.points))
    area = sum((b[0] - a[0]) * (a[1] + b[1]) / 2 for a, b in pairwise(curve.points))
    arrays = GradedArrays.of(
        [str(row.family) for row in entry],
        [bool(row.corrupted) for row in entry],
        [row.detection for row in entry],
        [row.p_corrupted for row in entry],
    )
    assert area == pytest.approx(values(arrays)["auroc"], abs=0.03)


def test_a_curve_does_not_tell_the_labels_to_whoever_states_another_probability_for_each_episode() -> None:
    rng = np.random.default_rng(1)
    labels = [bool(label) for label in rng.random(400) < 0.5]
    spy = rows(labels, [(n + 1) / 401 for n in range(400)])
    exact = len(spy)
    curve = roc_curve(spy)
    assert curve is not None
    assert len(curve.points) == len(RATES) + 1 < exact / 20
    for share in (*(found for _, found in curve.points), *curve.own):
        assert share == pytest.approx(round(share / ROUNDED) * ROUNDED)
    # Two episodes next to each other in the order of their probabilities, with other labels: the same curve.
    swapped = [*labels]
    at = next(n for n in range(200, 399) if labels[n] != labels[n + 1])
    swapped[at], swapped[at + 1] = swapped[at + 1], swapped[at]
    other = roc_curve(rows(swapped, [(n + 1) / 401 for n in range(400)]))
    assert other is not None
    assert other.points == curve.points


def test_differences_are_rounded_like_scores() -> None:
    apart = paired_differences(drawn(0, skill=0.3), drawn(1, skill=2.0))
    numbers = [number for estimate in apart.values() for _, number in estimate if number is not None]
    assert len(numbers) > 12
    for number in numbers:
        assert number / STEP == pytest.approx(round(number / STEP), abs=1e-6)


def test_an_entry_of_one_class_has_no_curve() -> None:
    assert roc_curve(rows([True, True], [0.2, 0.8])) is None
    assert roc_curve([]) is None


def test_differences_are_paired_and_the_better_one_is_clear_of_0() -> None:
    weak, strong = drawn(0, skill=0.3), drawn(1, skill=2.0)
    apart = paired_differences(weak, strong)
    assert apart["auroc"].value is not None
    assert apart["auroc"].low is not None
    assert apart["auroc"].low > 0
    assert apart["brier"].high is not None
    assert apart["brier"].high < 0
    back = paired_differences(strong, weak)
    assert back["auroc"].value == pytest.approx(-apart["auroc"].value)
    same = paired_differences(weak, weak)
    assert (same["auroc"].value, same["auroc"].low, same["auroc"].high) == (0.0, 0.0, 0.0)
    assert paired_differences(weak, []) == {}


# --- on the page ---


async def entered(server: Any, name: str, right: float) -> None:
    """An entry whose verdicts are right on a share of the episodes, which this test knows from inside the server."""
    submission = await enter(server, name)
    episodes = await opened(server, submission, 99)
    for number, one in enumerate(episodes):
        corrupted = server.arena.plan(one["key"]).form is Form.corrupted
        flagged = corrupted if number < right * len(episodes) else not corrupted
        await judged(server, [one], detection=flagged, confidence=0.8 + 0.001 * number)


def colours(page: Page) -> set[str]:
    return {e.attributes.get("class", "").split()[0] for e in page.all("g")}


async def test_the_page_draws_curves_and_differences_of_the_entries_that_are_chosen(serve: Any) -> None:
    async with serve(leaderboard_episodes=16) as server, person_at(server) as person:
        await entered(server, "Reads well", 1.0)
        page = await person.get("/leaderboard")
        assert "Differences between overseers stand here once a second entry is finished" in page.html
        await entered(server, "Reads badly", 0.5)
        await entered(server, "Reads a little", 0.75)
        page = await person.get("/leaderboard")
        assert_no_outside(page.html)
        (svg,) = [e for e in page.all("svg") if e.attributes.get("class") == "chart"]
        assert "Reads well finds 100% at 0% false alarms" in svg.attributes["aria-label"]
        assert colours(page) == {"line-0", "line-1", "line-2"}
        assert page.by_id("differences").text == "Differences from Reads well"
        assert "\u22120." in page.html
        two = await person.get("/leaderboard?entry=1~Reads+badly&entry=1~Reads+a+little")
        assert page_heading(two) == "Differences from Reads a little"
        answer = await person.http.get("/leaderboard?entry=1~<b>nobody</b>")
        assert answer.status_code == 422
        assert "<b>" not in answer.text


def page_heading(page: Page) -> str:
    return page.by_id("differences").text


async def test_the_page_and_its_curves_need_no_token_and_show_no_key_of_an_episode(serve: Any) -> None:
    async with serve(leaderboard_episodes=8, tokens=("player:a token to play",)) as server:
        server.http.headers["authorization"] = "Bearer a token to play"
        await entered(server, "first", 1.0)
        await entered(server, "second", 0.5)
        async with person_at(server) as somebody:
            page = await anonymous(somebody)
        assert page_heading(page) == "Differences from first"
        assert "forge:5:test:" not in page.html


async def anonymous(person: Person) -> Page:
    assert not person.http.cookies
    return await person.get("/leaderboard")
