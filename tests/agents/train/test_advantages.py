"""Advantages from scores: worked out by hand, and never moved by an attempt that failed."""

from math import nan
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

from forge_agents.models import load_tokenizer  # noqa: E402
from forge_agents.train.advantages import (  # noqa: E402
    acceptance,
    normalise,
    step_advantages,
    token_advantages,
)
from forge_agents.writing import tokens_until  # noqa: E402
from forge_arena.rewards import calibration, weights  # noqa: E402
from forge_arena.types import Truth, Verdict  # noqa: E402

NAMES = tuple(weights())
# What a field's own step is worth; sums of them show which steps a token leads to.
STEPS = torch.tensor([[1.0, 10.0, 100.0, 1000.0]])
SCALES = ("none", "group", "batch")


def near(values: object) -> object:
    return pytest.approx(values, abs=1e-4)


def test_unscaled_advantages_are_the_rewards_less_the_mean_of_their_group() -> None:
    rewards = torch.tensor([1.0, 0.0, 0.5, 0.5, 0.2, 0.2, 0.2, 1.0])
    assert normalise(rewards, 4, "none").tolist() == near([0.5, -0.5, 0.0, 0.0, -0.2, -0.2, -0.2, 0.6])


def test_scaled_by_group_each_is_divided_by_the_deviation_of_its_own() -> None:
    # Mean 0.5 and deviation sqrt(0.5 / 3) = 0.40825; mean 0.4 and deviation 0.4.
    rewards = torch.tensor([1.0, 0.0, 0.5, 0.5, 0.2, 0.2, 0.2, 1.0])
    expected = [1.22474, -1.22474, 0.0, 0.0, -0.5, -0.5, -0.5, 1.5]
    assert normalise(rewards, 4, "group").tolist() == pytest.approx(expected, abs=1e-3)


def test_scaled_by_batch_all_are_divided_by_one_deviation() -> None:
    # The mean of all is 0.45, their squares sum up to 2.62 = 8 * 0.45^2 + 1: the deviation is sqrt(1 / 7) = 0.37796.
    rewards = torch.tensor([1.0, 0.0, 0.5, 0.5, 0.2, 0.2, 0.2, 1.0])
    expected = [value / 0.37796 for value in (0.5, -0.5, 0.0, 0.0, -0.2, -0.2, -0.2, 0.6)]
    assert normalise(rewards, 4, "batch").tolist() == pytest.approx(expected, abs=1e-3)


def test_every_column_is_normalised_for_itself() -> None:
    columns = torch.tensor([[1.0, 0.3], [0.0, 0.3], [0.5, 0.9], [0.5, 0.5]])
    for scale in SCALES:
        whole = normalise(columns, 4, scale)
        assert whole.shape == columns.shape
        for number in range(2):
            assert torch.equal(whole[:, number], normalise(columns[:, number], 4, scale))


@pytest.mark.parametrize("scale", SCALES)
def test_a_failed_attempt_has_no_advantage_and_does_not_move_that_of_others(scale: str) -> None:
    found = normalise(torch.tensor([0.9, nan, 0.1, 0.5, nan, nan, nan, nan]), 4, scale)
    without = normalise(torch.tensor([0.9, 0.1, 0.5]), 3, scale)
    assert found[[0, 2, 3]].tolist() == near(without.tolist())
    assert found[[1, 4, 5, 6, 7]].tolist() == [0.0] * 5


REWARDS = st.lists(st.none() | st.floats(0, 1, width=32), min_size=4, max_size=4)


@given(st.lists(REWARDS, min_size=1, max_size=4), st.sampled_from(SCALES))
def test_advantages_are_finite_centred_and_in_the_order_of_the_rewards(
    groups: list[list[float | None]], scale: str
) -> None:
    rewards = torch.tensor([nan if r is None else r for group in groups for r in group])
    found = normalise(rewards, 4, scale)
    assert torch.isfinite(found).all()
    assert not found[torch.isnan(rewards)].any()
    for mine, theirs in zip(rewards.view(-1, 4), found.view(-1, 4), strict=True):
        assert float(theirs.sum()) == pytest.approx(0.0, abs=1e-2)
        known = ~torch.isnan(mine)
        order = torch.argsort(mine[known], stable=True)
        assert (theirs[known][order].diff() >= -1e-4).all()


def test_group_scaling_blows_up_a_jitter_of_confidence_where_all_agree_on_the_label() -> None:
    """Why the presets do not scale by group: eight verdicts, all right, of which each is a hundredth surer."""
    truth = Truth(corrupted=True, family="any", clean_output="")
    sure = [0.80 + 0.01 * number for number in range(8)]
    said = [Verdict(detection=True, explanation="", correction="", confidence=one) for one in sure]
    agreed = torch.tensor([0.40 + weights()["calibration"] * calibration(truth, verdict) for verdict in said])
    disagreed = torch.tensor([0.5, 0.5, 0.5, 0.5, 0.1, 0.1, 0.1, 0.1])
    small, large = normalise(agreed, 8, "none"), normalise(agreed, 8, "group")
    # From 0.0960 to 0.0983 of reward: a tenth of a percent to either side, against 0.2 for a wrong label.
    assert float(small.abs().max()) < 0.002
    assert float(large[-1]) > 1.0
    assert float(large.abs().max()) > float(normalise(disagreed, 8, "group").abs().max())
    assert float(small.abs().max()) < float(normalise(disagreed, 8, "none").abs().max()) / 100


def test_rejection_sampling_keeps_the_right_verdicts_that_are_at_least_as_good_as_their_group() -> None:
    rewards = torch.tensor([0.9, 0.5, 0.6, 0.1, 0.7, 0.7, nan, 0.1])
    right = torch.tensor([1.0, 1.0, 0.0, 1.0, 1.0, 1.0, nan, 0.0])
    assert acceptance(rewards, right, 4).tolist() == [1, 0, 0, 0, 1, 1, 0, 0]


@given(st.floats(0, 1, width=32), st.sampled_from([2, 3, 4, 6, 8, 16]))
def test_of_right_verdicts_that_all_earn_the_same_all_are_kept(reward: float, group: int) -> None:
    assert acceptance(torch.full((group,), reward), torch.ones(group), group).tolist() == [1.0] * group


def test_of_a_group_that_failed_whole_nothing_is_kept() -> None:
    assert acceptance(torch.full((4,), nan), torch.full((4,), nan), 4).tolist() == [0.0] * 4


def test_steps_keep_the_weights_of_the_reward() -> None:
    components = torch.tensor([[1.0, 0.5, 0.0, 0.9], [0.0, 0.5, 1.0, 0.7]])
    shares = torch.tensor(list(weights().values()))
    found = step_advantages(components, shares, NAMES, 2, "none")
    assert found.tolist() == [near([0.2, 0.0, -0.1, 0.01]), near([-0.2, 0.0, 0.1, -0.01])]
    assert found.sum(dim=1).tolist() == near(normalise((components * shares).sum(dim=1), 2, "none").tolist())


def test_steps_without_a_column_for_each_component_are_refused() -> None:
    with pytest.raises(ValueError, match="expected one column for each of 4 components, got 3"):
        step_advantages(torch.zeros(2, 3), torch.ones(3), NAMES, 2, "none")


def advantages_of(text: str) -> dict[str, float]:
    """The advantage of the first and last character of every quoted or bare piece of a text; a token a character."""
    (row,) = token_advantages(STEPS, NAMES, [text], [lambda characters: characters], len(text)).tolist()
    return dict(zip(range(len(text)), row, strict=True))


def at(text: str, piece: str) -> set[float]:
    """The advantages of the characters of a piece of the text."""
    found = advantages_of(text)
    start = text.index(piece)
    return {found[place] for place in range(start, start + len(piece))}


PLAIN = '{"detection": true, "explanation": "late", "correction": "soon", "confidence": 0.9}'


def test_every_token_leads_to_its_own_field_and_those_after_it() -> None:
    assert at(PLAIN, '{"detection": true') == {1111.0}
    assert at(PLAIN, ', "explanation": "late"') == {1110.0}
    assert at(PLAIN, ', "correction": "soon"') == {1100.0}
    assert at(PLAIN, ', "confidence": 0.9}') == {1000.0}


def test_thinking_before_the_verdict_leads_to_all_of_it() -> None:
    assert at(f"<think>5 days | 10 days</think>{PLAIN}", '<think>5 days | 10 days</think>{"detection": true') == {
        1111.0
    }


def test_fields_in_another_order_are_steps_in_that_order() -> None:
    text = '{"confidence": 0.9, "correction": "soon", "detection": true, "explanation": "late"} I hope this helps.'
    assert at(text, '{"confidence": 0.9') == {1111.0}
    assert at(text, ', "correction": "soon"') == {111.0}
    assert at(text, ', "detection": true') == {11.0}
    assert at(text, ', "explanation": "late"} I hope this helps.') == {10.0}


@pytest.mark.parametrize("text", ["no idea", PLAIN[:-1], f"{PLAIN} {PLAIN.replace('true', 'false')}", ""])
def test_a_text_without_one_verdict_is_one_step(text: str) -> None:
    assert set(advantages_of(text).values()) <= {1111.0}


def test_every_row_has_its_own_text_and_steps() -> None:
    found = token_advantages(
        torch.cat([STEPS, -STEPS]), NAMES, [PLAIN, "no idea"], [lambda characters: characters] * 2, len(PLAIN)
    )
    assert found[0, -1] == 1000.0
    assert set(found[1].tolist()) == {-1111.0}


def test_the_token_that_holds_the_end_of_a_field_belongs_to_it(untaught: Path) -> None:
    tokenizer = load_tokenizer(untaught)
    ids = tokenizer.encode(PLAIN, add_special_tokens=False)
    (row,) = token_advantages(STEPS, NAMES, [PLAIN], [tokens_until(tokenizer, ids)], len(ids)).tolist()
    ends = {1111.0: "true", 1110.0: '"late', 1100.0: '"soon'}
    for value, end in ends.items():
        last = max(number for number, one in enumerate(row) if one == value)
        assert tokenizer.decode(ids[: last + 1]).startswith(PLAIN[: PLAIN.index(end) + len(end)])
        assert not tokenizer.decode(ids[:last]).startswith(PLAIN[: PLAIN.index(end) + len(end) + 1])
    assert sorted(row, reverse=True) == row
    assert row[-1] == 1000.0
