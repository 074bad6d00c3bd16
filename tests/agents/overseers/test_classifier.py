"""The small classifiers as overseers: they learn from the source, and say what they cannot take."""

import asyncio

import pytest

from forge_agents.overseers import NoSuchOverseer, open_overseer
from forge_arena.audits.samples import draw
from forge_arena.episodes import Arena
from forge_arena.scenarios import SUITE, open_set
from forge_arena.types import Split, Verdict
from forge_arena.workers import open_worker


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "scenarios"), [("words", "short"), ("characters", "short"), ("surface", None)])
def test_a_classifier_tells_twins_apart_that_it_has_learnt_from(kind: str, scenarios: str | None) -> None:
    overseer = open_overseer("classifier", kind=kind, scenarios=scenarios, episodes=200)
    assert overseer.name == f"classifier_{kind}"
    sources, suite = open_set(scenarios) if scenarios else (None, SUITE)
    arena = Arena(open_worker("scripted"), sources=sources, suite=suite)
    rows = asyncio.run(draw(arena, [arena.key(Split.train, index) for index in range(80)])).rows
    verdicts = overseer.review([row.observation for row in rows])
    p = [verdict.p_corrupted for verdict in verdicts if isinstance(verdict, Verdict)]
    assert len(p) == len(rows)
    wins = [
        a > b if first.corrupted else b > a
        for (a, b), first in zip(zip(p[::2], p[1::2], strict=True), rows[::2], strict=True)
    ]
    assert sum(wins) / len(wins) > 0.7


def test_it_takes_the_families_that_are_named() -> None:
    overseer = open_overseer("classifier", scenarios="short", source=False, episodes=40)
    assert overseer.name == "classifier_surface_without_source"


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"kind": "letters"}, "setting kind: Input should be 'words', 'characters' or 'surface', got 'letters'"),
        ({"episodes": 3}, "episodes must be at least 10, got 3"),
        ({"scenarios": "shrot"}, "Did you mean 'short'"),
    ],
)
def test_what_it_cannot_take_is_refused(settings: dict[str, object], said: str) -> None:
    with pytest.raises(NoSuchOverseer, match=said):
        open_overseer("classifier", **settings)


def test_a_degenerate_that_there_is_not_is_answered_with_those_there_are() -> None:
    with pytest.raises(NoSuchOverseer, match=r"Did you mean 'floods'.*always_clean"):
        open_overseer("degenerate", plays="flood")
