"""Every overseer keeps the protocol, and one is found by name, by entry point or by place."""

import math
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import pytest

from forge_agents.overseers import BUILT_IN, NoSuchOverseer, Overseer, names, open_overseer
from forge_agents.overseers.constants import Constant
from forge_agents.overseers.rules import Rules
from forge_agents.testing import check_overseer
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

VERDICT = Verdict(detection=False, explanation="", correction="", confidence=0.5)

SETTINGS: dict[str, dict[str, Any]] = {"classifier": {"episodes": 60}, "degenerate": {"plays": "coin"}}
NAMES = {"classifier": "classifier_surface", "degenerate": "coin"}


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_built_in_overseer_gives_one_verdict_for_each_observation_and_always_the_same(name: str) -> None:
    overseer = open_overseer(name, **SETTINGS.get(name, {}))
    assert isinstance(overseer, Overseer)
    assert overseer.name == NAMES.get(name, name)
    assert check_overseer(overseer, OBSERVATIONS) == len(OBSERVATIONS)
    verdicts = overseer.review(OBSERVATIONS)
    assert [type(verdict) for verdict in verdicts] == [Verdict] * len(OBSERVATIONS)
    assert list(open_overseer(name, **SETTINGS.get(name, {})).review(OBSERVATIONS)) == list(verdicts)
    assert list(overseer.review(OBSERVATIONS[3:5])) == list(verdicts[3:5])


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
        ("builtins:dict", "made a dict, which lacks `name` and `review`"),
    ],
)
def test_a_place_without_an_overseer_is_refused(place: str, message: str) -> None:
    with pytest.raises(NoSuchOverseer, match=message):
        open_overseer(place)


def test_settings_reach_the_overseer() -> None:
    assert open_overseer("rules", source=False).name == "rules_without_source"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where pip has installed a separate package that registers an overseer."""
    site, source = tmp_path_factory.mktemp("site"), tmp_path_factory.mktemp("source") / "watchful"
    shutil.copytree(Path(__file__).with_name("watchful"), source)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index"]
    subprocess.run([*pip, "--no-deps", "--no-build-isolation", "--target", str(site), str(source)], check=True)
    return site


@pytest.fixture
def installed(site: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.syspath_prepend(str(site))
    yield
    sys.modules.pop("watchful", None)


@pytest.mark.usefixtures("installed")
def test_an_installed_overseer_is_found_by_its_entry_point() -> None:
    assert "watchful" in names()
    assert open_overseer("watchful").name == "watchful"
    assert open_overseer("watchful:Watchful").name == "watchful"
    assert {v.detection for v in open_overseer("watchful", words=3).review(OBSERVATIONS)} == {True}  # type: ignore[union-attr]


@pytest.mark.usefixtures("installed")
def test_a_setting_that_an_overseer_does_not_take_is_refused_with_what_it_takes() -> None:
    with pytest.raises(
        NoSuchOverseer, match=r"'watchful' has no setting 'word'\. Did you mean 'words'\? It takes words"
    ):
        open_overseer("watchful", word=3)


class Typed(Constant):
    """Has a setting of every kind that a command line can give, and one that only a program can give."""

    def __init__(
        self,
        words: int = 5,
        heat: "float | str | None" = 0.0,
        fast: bool | None = None,
        prompt: str = "arena",
        system: str | Path | None = None,
        kind: Literal["words", "surface"] = "words",
        names: tuple[str, ...] = (),
        source: Path = Path(),
        api_key: str | None = None,
        loaded: Rules | None = None,
        count: int = None,  # type: ignore[assignment]  # noqa: RUF013
    ) -> None:
        super().__init__("typed", VERDICT)


class Untyped(Constant):
    def __init__(self, late: "NoSuchType" = 0, free=None) -> None:  # type: ignore[name-defined, no-untyped-def]  # noqa: F821
        super().__init__("untyped", VERDICT)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"words": "abc"}, "setting words: Input should be a valid integer, got 'abc'"),
        ({"words": True}, "setting words: Input should be a valid integer, got True"),
        ({"words": 2.5}, "setting words: Input should be a valid integer, got 2.5"),
        ({"words": [1]}, "setting words: Input should be a valid integer, got [1]"),
        ({"heat": math.nan}, "setting heat: NaN is no number"),
        ({"fast": "maybe"}, "setting fast: Input should be a valid boolean or null, got 'maybe'"),
        (
            {"system": 7},
            "setting system: Input should be a valid string or null, got 7: give a text in quotation marks",
        ),
        ({"prompt": 7}, "got 7: give a text in quotation marks, --set 'prompt=\"7\"'"),
        ({"kind": "letters"}, "setting kind: Input should be 'words' or 'surface', got 'letters'"),
        ({"api_key": 12345}, "setting api_key: Input should be a valid string or null"),
    ],
)
def test_a_setting_of_another_type_is_refused_with_what_is_wanted(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(NoSuchOverseer, match=re.escape(message)) as refused:
        open_overseer(f"{__name__}:Typed", **settings)
    assert "12345" not in str(refused.value)


@pytest.mark.parametrize(
    "settings",
    [
        {
            "words": 3,
            "heat": 1,
            "fast": True,
            "kind": "surface",
            "names": ["a", "b"],
            "source": "here",
            "system": None,
        },
        {"heat": "none", "system": "Say so.", "source": Path("here"), "names": ("a",), "loaded": Rules()},
        {"count": None},
    ],
)
def test_a_setting_of_the_right_type_reaches_the_overseer_as_it_was_given(settings: dict[str, Any]) -> None:
    assert open_overseer(f"{__name__}:Typed", **settings).name == "typed"


def test_what_an_annotation_does_not_say_is_not_checked() -> None:
    assert open_overseer(f"{__name__}:Untyped", late="x", free=[1]).name == "untyped"


class Nameless:
    """Reviews, and has no name."""

    def review(self, observations: Sequence[Observation]) -> list[Verdict]:
        return []


class Demanding(Nameless):
    name = "demanding"

    def __init__(self, key: str) -> None:
        self.key = key


def test_a_class_without_the_protocol_is_told_what_is_missing() -> None:
    with pytest.raises(NoSuchOverseer, match=r"made a Nameless, which lacks `name`: an overseer has a `name` and"):
        open_overseer(f"{__name__}:Nameless")
    with pytest.raises(NoSuchOverseer, match="needs key: give it by --set key=…"):
        open_overseer(f"{__name__}:Demanding")
    assert open_overseer(f"{__name__}:Demanding", key="x").name == "demanding"
