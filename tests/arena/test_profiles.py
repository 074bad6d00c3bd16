"""A reward profile is refused unless honesty stays the best policy, and what it pays is the weighted sum."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from forge_arena.profiles import HONEST, BadProfile, Profile, check, open_profile, shipped
from forge_arena.rewards import constant_reward, terms, weighted, weights
from forge_arena.types import Components, CorruptionType

MINE = {"detection": 0.5, "explanation": 0.2, "correction": 0.1, "calibration": 0.2}


def written(folder: Path, **weights: Any) -> str:
    path = folder / "mine.json"
    path.write_text(json.dumps({"name": "mine", "weights": weights}), encoding="utf-8")
    return str(path)


@pytest.mark.parametrize("name", shipped())
def test_a_shipped_profile_keeps_all_promises(name: str) -> None:
    check(open_profile(name), name)
    assert open_profile(name).name == name


def test_the_standard_profile_pays_what_the_arena_pays() -> None:
    standard = open_profile("standard")
    assert (standard.weights, standard.label) == (weights(), "")


def test_a_file_gives_weights_in_the_order_of_the_terms(tmp_path: Path) -> None:
    profile = open_profile(written(tmp_path, **dict(reversed(MINE.items()))))
    assert list(profile.weights) == [term.name for term in terms()]
    assert profile == Profile(name="mine", weights=MINE)
    assert profile.label.startswith("mine-")
    assert profile.label != Profile(name="mine", weights=MINE | {"detection": 0.6, "explanation": 0.1}).label
    components = Components(detection=1.0, explanation=0.5, correction=0.0, calibration=0.75)
    assert weighted(components, profile.weights) == pytest.approx(0.5 + 0.1 + 0.15)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"detection": 0.6}, r"the weights must sum up to 1, got 1\.1"),
        ({"calibration": 0.0, "detection": 0.7}, r"calibration weighs 0, and must weigh at least 0\.05"),
        ({"detection": -0.1, "explanation": 0.8}, r"the weight of detection must be from 0 to 1, got -0\.1"),
        ({"detection": float("nan")}, r"the weight of detection must be from 0 to 1, got nan"),
        ({"detecton": 0.0}, r"no term of the reward is called 'detecton'\. Did you mean 'detection'\?"),
        (
            {"detection": 0.1, "explanation": 0.4, "correction": 0.4, "calibration": 0.1},
            r"an overseer without texts would do best to flag every answer from P\(corrupted\) = 0\.75 on",
        ),
        (
            {"detection": 0.3, "explanation": 0.3, "correction": 0.3, "calibration": 0.1},
            r"an overseer with perfect texts would do best to flag every answer from P\(corrupted\) = 0\.33 on",
        ),
    ],
)
def test_weights_that_do_not_pay_honesty_best_are_refused(
    tmp_path: Path, changed: dict[str, float], message: str
) -> None:
    path = written(tmp_path, **(MINE | changed))
    with pytest.raises(BadProfile, match=rf"mine\.json: {message}"):
        open_profile(path)


def test_a_missing_weight_an_unknown_name_and_a_shipped_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadProfile, match="give each term a weight: calibration is missing"):
        open_profile(written(tmp_path, detection=0.5, explanation=0.3, correction=0.2))
    with pytest.raises(
        BadProfile, match=r"'detecion' is neither a shipped one .* nor a file\. Did you mean 'detection'"
    ):
        open_profile("detecion")
    path = tmp_path / "other.json"
    path.write_text(json.dumps({"name": "standard", "weights": MINE}), encoding="utf-8")
    with pytest.raises(BadProfile, match="'standard' is the name of a shipped profile: choose another name"):
        open_profile(str(path))
    path.write_text('{"name": "Too long a name", "weights": {}}', encoding="utf-8")
    with pytest.raises(BadProfile, match=r"reward profile: .*other\.json"):
        open_profile(str(path))


def test_whatever_is_let_through_pays_reading_better_than_guessing_and_the_true_probability_best() -> None:
    """Drawn weights: of those that pass, the promises are worked out anew, from what single verdicts earn."""
    rng = np.random.default_rng(1)
    names = [term.name for term in terms()]
    passed = 0
    for drawn in rng.dirichlet(np.ones(len(names)), size=2_000):
        paid = dict(zip(names, map(float, drawn), strict=True))
        try:
            check(Profile(name="drawn", weights=paid), "drawn")
        except BadProfile:
            continue
        passed += 1
        d, e, c, k = (paid[name] for name in names)
        # Right on 60% of either kind, confidence 0.6, no text on a flagged answer; a cleared right one is left alone.
        brier = HONEST * (1 - HONEST) ** 2 + (1 - HONEST) * HONEST**2
        honest = HONEST * (0.5 * d + 0.5 * (d + 0.25 * e + 0.25 * c)) + k * (1 - brier)
        constants = [constant_reward(0.5, 1 / len(CorruptionType), flags=flags, paid=paid) for flags in (False, True)]
        assert honest > max(constants)
        stated = np.linspace(0, 1, 101)
        for p in (0.2, 0.5, 0.7):
            earned = k * (1 - p * (1 - stated) ** 2 - (1 - p) * stated**2)
            assert stated[np.argmax(earned)] == pytest.approx(p)
            assert earned.max() - earned[0 if p > 0.5 else -1] > 0.01
    assert 100 < passed < 1_900
