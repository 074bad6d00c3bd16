"""A server that pays by a profile says so, records it with each verdict, and measures by the standard weights."""

import json
from pathlib import Path
from typing import Any

import pytest

from forge_arena.rewards import weighted, weights
from forge_arena.types import Components
from forge_server.archive import Archive
from forge_server.grading import grader
from forge_server.leaderboard import compute_scorecard
from forge_server.regrade import audit_regrade
from forge_server.settings import Settings, SettingsError
from forge_server.store import Store

MINE = {"detection": 0.5, "explanation": 0.2, "correction": 0.1, "calibration": 0.2}
VERDICT = {"detection": True, "explanation": "temporal_shift", "correction": "", "confidence": 0.8}


@pytest.fixture
def mine(tmp_path: Path) -> str:
    path = tmp_path / "mine.json"
    path.write_text(json.dumps({"name": "mine", "weights": MINE}), encoding="utf-8")
    return str(path)


async def judge(running: Any, count: int = 4) -> list[dict[str, Any]]:
    opened = await running.open(count=count)
    sent = [{"episode_id": episode["episode_id"], "verdict": VERDICT} for episode in opened]
    results: list[dict[str, Any]] = (await running.send_verdicts(*sent)).json()["results"]
    return results


async def test_it_pays_by_its_profile_and_says_so(serve: Any, mine: str) -> None:
    async with serve(reward_profile=mine) as running:
        for result in await judge(running):
            components = Components(**result["components"])
            assert result["reward"] == pytest.approx(weighted(components, MINE))
            assert result["reward"] != pytest.approx(weighted(components))
        rule = (await running.http.get("/v1/prompt")).json()["reward"]
        stats = (await running.http.get("/v1/stats")).json()
    assert (rule["profile"], stats["reward_profile"]) == ("mine", "mine")
    assert {term["name"]: term["weight"] for term in rule["terms"]} == MINE
    assert rule["grader"].startswith(f"{grader()} mine-")
    assert len(rule["grader"]) <= 32


async def test_each_verdict_is_recorded_with_its_profile_and_graded_again_by_it(
    serve: Any, mine: str, tmp_path: Path
) -> None:
    async with serve() as running:
        await judge(running)
    async with serve(reward_profile=mine) as running:
        await judge(running)
        store = running.settings.store
    archive = Archive(store)
    graders = {attempt.grader.removeprefix(grader()) for e in archive.episodes() for attempt in e.attempts}
    assert {name[:6] for name in graders} == {"", " mine-"}
    report = audit_regrade(archive, expect_unchanged=True)
    archive.close()
    assert report.passed


async def test_the_leaderboard_measures_by_the_standard_weights(serve: Any, mine: str) -> None:
    async with serve(reward_profile=mine) as running:
        results = await judge(running)
        hashes = (await running.http.get("/v1/stats")).json()["suite_hashes"]
        store = Store(running.settings.store)
        stored = await store.load({result["episode_id"] for result in results})
        store.close()
    card = json.loads(compute_scorecard(stored.values()))
    expected = [weighted(Components(**result["components"]), weights()) for result in results]
    assert card["reward"]["value"] == pytest.approx(sum(expected) / len(expected))
    async with serve() as running:
        assert (await running.http.get("/v1/stats")).json()["suite_hashes"] == hashes


def test_a_profile_that_pays_guesses_is_refused_before_the_server_starts(tmp_path: Path) -> None:
    path = tmp_path / "bad.json"
    path.write_text(json.dumps({"name": "bad", "weights": MINE | {"calibration": 0.0, "detection": 0.7}}))
    with pytest.raises(SettingsError, match=r"reward_profile: .*bad\.json: calibration weighs 0, and must weigh at"):
        Settings.from_environment({}, reward_profile=str(path))
