"""Honesty must be the best policy, by the reward itself and in training.

The first half asks the real grader what a verdict earns on a real corrupted answer and on its clean twin, and looks for
the best verdict at every true probability P of corruption. The second half is the trainer's side of the contract: why a
group's rewards must not be divided by their standard deviation where all attempts of a group share one label.
"""

import asyncio
from functools import cache
from itertools import product

import numpy as np
import pytest

from forge_arena.episodes import Arena
from forge_arena.rewards import oracle_verdict, score
from forge_arena.types import CorruptionType, Episode, Form, Split, Verdict
from forge_arena.verify import Verifier
from forge_arena.workers import ScriptedWorker

TRUE_P = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]
SKILLS = [0.0, 0.25, 0.5, 0.75, 1.0]
CONFIDENCES = np.linspace(0.0, 1.0, 201)


@cache
def twins() -> dict[Form, tuple[Episode, Verifier]]:
    """One draw, corrupted and clean, of a type that an answer can be wrong about in its own words."""
    arena = Arena(ScriptedWorker(), secret="properness")
    index = next(
        n for n in range(100) if arena.plan(arena.key(Split.train, n)).corruption_type is CorruptionType.temporal_shift
    )
    return {
        form: asyncio.run(arena.make_with_verifier(arena.key(Split.train, index, form)))
        for form in (Form.corrupted, Form.clean)
    }


@cache
def rewards(form: Form, detection: bool, explains: bool, repairs: bool) -> np.ndarray:
    """What the grader gives at each confidence; an overseer that flags has the oracle's texts, or none."""
    episode, verifier = twins()[form]
    corrupted = twins()[Form.corrupted][0]
    truth = oracle_verdict(corrupted.observation, corrupted.truth)
    return np.array(
        [
            score(
                episode,
                Verdict(
                    detection=detection,
                    explanation=truth.explanation if detection and explains else "",
                    correction=truth.correction if detection and repairs else "",
                    confidence=float(confidence),
                ),
                verifier,
            ).reward
            for confidence in CONFIDENCES
        ]
    )


def expected(p: float, detection: bool, explanation_skill: float, correction_skill: float) -> np.ndarray:
    """The expected reward at each confidence where the answer is corrupted with probability `p`; a skill is the chance
    that the text is right where it must be."""
    total = np.zeros(len(CONFIDENCES))
    for form, share in ((Form.corrupted, p), (Form.clean, 1.0 - p)):
        for explains, repairs in product((True, False), repeat=2):
            chance = (explanation_skill if explains else 1.0 - explanation_skill) * (
                correction_skill if repairs else 1.0 - correction_skill
            )
            if chance:
                total += share * chance * rewards(form, detection, explains, repairs)
    return total


def best(p: float, explanation_skill: float, correction_skill: float) -> tuple[bool, float, float]:
    """Detection and confidence of the verdict that earns the most, and what it earns."""
    found = []
    for detection in (True, False):
        curve = expected(p, detection, explanation_skill, correction_skill)
        at = int(np.argmax(curve))
        found.append((detection, float(CONFIDENCES[at]), float(curve[at])))
    return max(found, key=lambda one: one[2])


@pytest.mark.parametrize("p", TRUE_P)
def test_the_best_confidence_is_the_true_probability_of_the_detection(p: float) -> None:
    """For either detection d, E[reward] = T(d, p, skills) + w * (1 - p * (1 - c)² - (1 - p) * c²) with c = P(corrupted).

    The texts enter T alone, so the best c does not depend on the skills: d/dc = 2w * (p - c) = 0 at c = p.
    """
    for detection in (True, False):
        curve = expected(p, detection, explanation_skill=0.5, correction_skill=0.5)
        assert CONFIDENCES[int(np.argmax(curve))] == pytest.approx(p if detection else 1.0 - p, abs=0.02)


@pytest.mark.parametrize(("form", "detection"), list(product((Form.corrupted, Form.clean), (True, False))))
def test_what_the_texts_earn_does_not_depend_on_the_confidence(form: Form, detection: bool) -> None:
    silent = rewards(form, detection, False, False)
    for explains, repairs in product((True, False), repeat=2):
        gain = rewards(form, detection, explains, repairs) - silent
        assert gain == pytest.approx(np.full(len(CONFIDENCES), gain[0]))


@pytest.mark.parametrize(("explains", "repairs"), list(product(SKILLS, SKILLS)))
def test_it_pays_to_flag_from_near_even_odds_on(explains: float, repairs: float) -> None:
    odds = np.linspace(0.01, 0.99, 99)
    flagged = [best(float(p), explains, repairs)[0] for p in odds]
    assert flagged == sorted(flagged), "who flags at one probability flags at every higher one"
    threshold = odds[flagged.index(True)]
    assert 0.35 <= threshold <= 0.65


def test_who_explains_and_repairs_better_flags_sooner() -> None:
    odds = np.linspace(0.01, 0.99, 99)
    thresholds = [odds[[best(float(p), skill, skill)[0] for p in odds].index(True)] for skill in SKILLS]
    assert thresholds == sorted(thresholds, reverse=True)
    assert thresholds[0] > thresholds[-1]


BINS = np.linspace(0.05, 0.95, 10)


@cache
def table() -> np.ndarray:
    """The real reward of stating each bin as P(corrupted), on the corrupted and on the clean twin; no texts."""
    paid = []
    for form in (Form.corrupted, Form.clean):
        episode, verifier = twins()[form]
        paid.append(
            [
                score(
                    episode,
                    Verdict(detection=True, explanation="", correction="", confidence=float(stated)),
                    verifier,
                ).reward
                for stated in BINS
            ]
        )
    return np.array(paid)


def trained(p: float, *, divide_by_std: bool, seed: int) -> np.ndarray:
    """Train a softmax over the bins by REINFORCE on groups of one episode each; the policy that comes out.

    Every episode is corrupted with probability `p` and looks like every other, so that the honest answer is `p`.
    """
    rng = np.random.default_rng(seed)
    logits = np.zeros(len(BINS))
    group, batch, steps = 16, 256, 300
    # One step size for both: dividing by a group's deviation, some hundredths, is that much more speed.
    rate = 1.0 if divide_by_std else 50.0
    for _ in range(steps):
        policy = np.exp(logits - logits.max())
        policy /= policy.sum()
        clean = (rng.random(batch) >= p).astype(np.int64)
        chosen = rng.choice(len(BINS), size=(batch, group), p=policy)
        reward = table()[clean[:, None], chosen]
        advantage = reward - reward.mean(axis=1, keepdims=True)
        if divide_by_std:
            advantage /= reward.std(axis=1, keepdims=True) + 1e-4
        pull = np.bincount(chosen.ravel(), weights=advantage.ravel(), minlength=len(BINS))
        logits += rate * (pull - advantage.sum() * policy) / (batch * group)
    policy = np.exp(logits - logits.max())
    return policy / policy.sum()


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("p", [0.25, 0.35, 0.65, 0.75])
def test_mean_centred_groups_train_towards_the_true_probability(p: float, seed: int) -> None:
    policy = trained(p, divide_by_std=False, seed=seed)
    assert policy @ BINS == pytest.approx(p, abs=0.1)
    assert abs(BINS[int(np.argmax(policy))] - p) <= 0.11


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("p", [0.2, 0.25, 0.75, 0.8])
def test_dividing_by_the_deviation_within_a_group_trains_towards_certainty(p: float, seed: int) -> None:
    policy = trained(p, divide_by_std=True, seed=seed)
    assert BINS[int(np.argmax(policy))] == (BINS[-1] if p > 0.5 else BINS[0])
    assert policy.max() > 0.9


@pytest.mark.parametrize("p", [0.35, 0.65])
def test_near_even_odds_too_it_overstates(p: float) -> None:
    stated = float(trained(p, divide_by_std=True, seed=0) @ BINS)
    assert abs(stated - 0.5) > abs(p - 0.5) + 0.1
