"""Every overseer keeps the protocol, and one is found by name, by entry point or by place."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from forge_agents.overseers import BUILT_IN, NoSuchOverseer, Overseer, names, open_overseer
from forge_arena.types import Domain, Observation, Verdict

OBSERVATIONS = [
    Observation(
        task="Answer.",
        source_material=f"The fee is ${n}.",
        worker_reasoning="",
        worker_output=f"The fee is ${n % 3}.",
        domain=Domain.customer_support,
    )
    for n in range(12)
]


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_built_in_overseer_gives_one_verdict_for_each_observation_and_always_the_same(name: str) -> None:
    overseer = open_overseer(name)
    assert isinstance(overseer, Overseer)
    assert overseer.name == name
    verdicts = overseer.review(OBSERVATIONS)
    assert [type(verdict) for verdict in verdicts] == [Verdict] * len(OBSERVATIONS)
    assert list(open_overseer(name).review(OBSERVATIONS)) == list(verdicts)
    assert list(overseer.review(OBSERVATIONS[3:5])) == list(verdicts[3:5])
    assert list(overseer.review([])) == []


def test_random_guesses_both_ways_by_the_text_and_its_seed() -> None:
    first = open_overseer("random").review(OBSERVATIONS)
    assert {v.detection for v in first if isinstance(v, Verdict)} == {True, False}
    assert list(open_overseer("random", seed=1).review(OBSERVATIONS)) != list(first)


def test_the_prior_states_the_prevalence() -> None:
    for prevalence in (0.2, 0.5, 0.8):
        (verdict,) = open_overseer("prior", prevalence=prevalence).review(OBSERVATIONS[:1])
        assert isinstance(verdict, Verdict)
        assert verdict.p_corrupted == pytest.approx(prevalence)


def test_a_name_nearly_right_is_answered_with_the_right_one() -> None:
    with pytest.raises(NoSuchOverseer, match=r"no overseer is called 'rule'\. Did you mean 'rules'\?"):
        open_overseer("rule")


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("no_such_module:Overseer", "there is no module 'no_such_module'"),
        ("forge_agents.overseers.rules:Rule", r"has no class 'Rule'\. Did you mean 'Rules'\?"),
        ("builtins:dict", "made a dict, which lacks `name` or"),
    ],
)
def test_a_place_without_an_overseer_is_refused(place: str, message: str) -> None:
    with pytest.raises(NoSuchOverseer, match=message):
        open_overseer(place)


def test_settings_reach_the_overseer() -> None:
    assert open_overseer("rules", source=False).name == "rules_without_source"


@pytest.fixture
def installed(tmp_path: Path) -> Iterator[None]:
    """A package that registers an overseer, as pip leaves it behind."""
    (tmp_path / "watchful.py").write_text(
        "from forge_agents.overseers.constants import AlwaysClean\n"
        "class Watchful(AlwaysClean):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.name = 'watchful'\n"
    )
    info = tmp_path / "watchful-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: watchful\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[forge_arena.overseers]\nwatchful = watchful:Watchful\n")
    sys.path.insert(0, str(tmp_path))
    yield
    sys.path.remove(str(tmp_path))
    sys.modules.pop("watchful", None)


@pytest.mark.usefixtures("installed")
def test_an_installed_overseer_is_found_by_its_entry_point() -> None:
    assert "watchful" in names()
    assert open_overseer("watchful").name == "watchful"
    assert open_overseer("watchful:Watchful").name == "watchful"
