"""Several verdicts on an episode: pass@k and maj@k against all subsets, and the vote's probability."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forge_agents.votes import Votes, maj_at_k, pass_at_k, votes
from forge_arena.measures.scorecard import Row
from forge_arena.types import Outcome

SAMPLES = st.integers(1, 7).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n), st.integers(1, n)))


@given(SAMPLES)
def test_pass_at_k_is_the_share_of_subsets_in_which_one_passes(drawn: tuple[int, int, int]) -> None:
    passed, attempts, k = drawn
    subsets = list(combinations([True] * passed + [False] * (attempts - passed), k))
    assert pass_at_k(passed, attempts, k) == pytest.approx(sum(map(any, subsets)) / len(subsets))


@pytest.mark.parametrize("wrong", [(5, 4, 1), (-1, 4, 1), (2, 4, 5), (2, 4, 0)])
def test_pass_at_k_of_what_cannot_be_is_refused(wrong: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match=r"need 0 <= passed <= attempts and 1 <= k <= attempts, got -?\d, \d, \d"):
        pass_at_k(*wrong)


@given(SAMPLES)
def test_maj_at_k_is_the_share_of_subsets_with_a_right_majority_ties_half(drawn: tuple[int, int, int]) -> None:
    passed, attempts, k = drawn
    subsets = list(combinations([True] * passed + [False] * (attempts - passed), k))
    won = [float(np.heaviside(sum(some) - k / 2, 0.5)) for some in subsets]
    assert maj_at_k(passed, attempts, k) == pytest.approx(sum(won) / len(subsets))


def test_maj_at_k_of_what_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="need 0 <= passed <= attempts and 1 <= k <= attempts, got 2, 4, 5"):
        maj_at_k(2, 4, 5)


def sampled(key: str, corrupted: bool, said: list[bool | None], family: str = "a") -> list[Row]:
    return [
        Row(
            key=key,
            attempt=attempt,
            outcome=Outcome.invalid_verdict if flagged is None else Outcome.scored,
            family=family,
            corrupted=corrupted,
            detection=flagged,
            p_corrupted=None if flagged is None else (0.9 if flagged else 0.1),
            reward=0.5,
        )
        for attempt, flagged in enumerate(said)
    ]


def counted(*rows: list[Row], samples: int = 3) -> Votes:
    found = votes([row for some in rows for row in some], samples, np.random.default_rng(0), resamples=100)
    assert found is not None
    return found


def test_a_case_worked_by_hand() -> None:
    found = counted(
        sampled("x:0", True, [True, True, False]),
        sampled("x:1", False, [True, None, False], family="b"),
    )
    # Right: 2 of 3 and 1 of 3 (what cannot be read is a wrong vote).
    assert found.pass_at[1].value == pytest.approx((2 / 3 + 1 / 3) / 2)
    assert found.pass_at[2].value == pytest.approx((1 + 2 / 3) / 2)
    assert found.pass_at[3].value == 1.0
    assert found.maj_at[1].value == pytest.approx(0.5)
    assert found.maj_at[3].value == pytest.approx(0.5)
    # Votes for "corrupted": 2 of 3 on a corrupted answer, 2 of 3 on a clean one.
    assert found.brier_of_vote.value == pytest.approx(((1 / 3) ** 2 + (2 / 3) ** 2) / 2)
    assert (found.episodes, found.samples) == (2, 3)
    assert found.pass_at[1].low is not None


def test_verdicts_on_two_answers_under_one_key_are_no_vote() -> None:
    first, *rest = sampled("x:1", True, [True, True, False])
    mixed = [first.model_copy(update={"seen": "an answer"}), *(r.model_copy(update={"seen": "another"}) for r in rest)]
    assert votes(mixed, 3, np.random.default_rng(0)) is None
    assert counted(sampled("x:0", True, [True] * 3), mixed).episodes == 1


def test_episodes_of_which_an_attempt_failed_are_left_out() -> None:
    lost = sampled("x:1", True, [True, True])
    found = counted(sampled("x:0", True, [True] * 3), lost)
    assert (found.episodes, found.pass_at[3].value) == (1, 1.0)
    assert votes(lost, 3, np.random.default_rng(0)) is None
