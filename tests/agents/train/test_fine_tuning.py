"""Fine-tuning: batches of like length, logits only where something is learned, and a run that continues."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("trl")

from datasets import Dataset  # noqa: E402
from torch.utils.data import SequentialSampler  # noqa: E402
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments  # noqa: E402
from trl import SFTConfig  # noqa: E402

from forge_agents.models import load_model  # noqa: E402
from forge_agents.overseers.prompts import trained_prompt  # noqa: E402
from forge_agents.train.checkpoints import POSITION, latest_checkpoint  # noqa: E402
from forge_agents.train.cost import Cost, Speed, estimate  # noqa: E402
from forge_agents.train.demonstrations import decisions  # noqa: E402
from forge_agents.train.fine_tuning import SORTED_TOGETHER, FineTuner, LengthGroups, decision_weights  # noqa: E402
from forge_agents.train.presets import Preset, load_preset  # noqa: E402
from forge_agents.train.progress import Silent, WallClock  # noqa: E402
from forge_agents.train.rows import Row, completion_row  # noqa: E402
from forge_agents.train.tiny.weighing import WeighingTrainer  # noqa: E402
from forge_agents.train.warm_start import fine_tune  # noqa: E402

Presets = Callable[..., Path]
BATCH = 4
LENGTHS = [(7 * n) % 101 + 1 for n in range(2 * BATCH * SORTED_TOGETHER + 3)]


def test_each_row_comes_once_and_rows_of_a_batch_are_of_like_length() -> None:
    drawn = list(LengthGroups(LENGTHS, BATCH, seed=3))
    assert sorted(drawn) == list(range(len(LENGTHS)))
    batches = [[LENGTHS[n] for n in drawn[first : first + BATCH]] for first in range(0, len(drawn), BATCH)]
    padding = sum(max(batch) * len(batch) - sum(batch) for batch in batches)
    assert padding < 0.1 * sum(LENGTHS)
    # The short batches do not come first: the last steps of a falling learning rate would hardly learn from long texts.
    means = [sum(batch) / len(batch) for batch in batches]
    assert means != sorted(means)


def test_a_seed_and_an_epoch_decide_the_order() -> None:
    first, again, other = (
        LengthGroups(LENGTHS, BATCH, 3),
        LengthGroups(LENGTHS, BATCH, 3),
        LengthGroups(LENGTHS, BATCH, 4),
    )
    assert list(first) == list(again) == list(first)
    assert list(first) != list(other)
    again.set_epoch(1)
    assert list(first) != list(again)


class Killed(Exception):
    """Stands for the end of a process in the middle of a run."""


class KillAt(TrainerCallback):
    def __init__(self, step: int) -> None:
        self._step = step

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        if state.global_step == self._step:
            raise Killed


class Steps(TrainerCallback):
    def __init__(self) -> None:
        self.steps: list[int] = []

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        self.steps.append(state.global_step)


@pytest.fixture
def preset(preset_file: Presets) -> Preset:
    return load_preset(str(preset_file(prompt="compact")))


@pytest.fixture
def rows(shown: list[Any]) -> list[Row]:
    return [completion_row(d.observation, d.completion) for d in shown[:24]]


def learn(preset: Preset, rows: list[Row], folder: Path, *callbacks: TrainerCallback, **settings: Any) -> None:
    loaded = load_model(str(preset.model), device="cpu")
    given = {"whole_text": False, "epochs": 2, "batch": 8, "device_batch": 4, "learning_rate": 1e-3, "save_every": 1}
    given |= {"phase": "p", "folder": folder, "reporter": Silent(), "callbacks": callbacks, **settings}
    fine_tune(preset, loaded.model, loaded.tokenizer, rows, **given)


def weights(folder: Path) -> Any:
    return load_model(folder, device="cpu").model.state_dict()


@pytest.mark.slow
def test_fine_tuning_that_was_killed_continues_and_ends_with_the_same_weights(
    preset: Preset, rows: list[Row], tmp_path: Path
) -> None:
    learn(preset, rows, tmp_path / "whole")
    steps = Steps()
    for killed_at in (2, 5):
        with pytest.raises(Killed):
            learn(preset, rows, tmp_path / "killed", steps, KillAt(killed_at))
    # A checkpoint that was not written whole does not count.
    (tmp_path / "killed" / "sft" / "checkpoint-4" / POSITION).unlink()
    learn(preset, rows, tmp_path / "killed", steps)
    # Each sitting begins after the last whole checkpoint before the step at which the one before it was killed.
    assert steps.steps == [1, 2, 2, 3, 4, 5, 4, 5, 6]
    expected, found = weights(tmp_path / "whole"), weights(tmp_path / "killed")
    assert all(torch.allclose(expected[name], found[name], atol=1e-6) for name in expected)
    assert not (tmp_path / "killed" / "sft").exists()
    assert latest_checkpoint(tmp_path / "killed" / "sft") is None
    assert trained_prompt(tmp_path / "killed") == "compact"


def test_logits_are_computed_only_where_something_is_learned(
    preset: Preset, rows: list[Row], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from trl.trainer import utils

    scored: list[int] = []
    apply = utils._ChunkedLogProbFunction.apply

    def counted(hidden: Any, *others: Any) -> Any:
        scored.append(len(hidden))
        return apply(hidden, *others)

    monkeypatch.setattr(utils._ChunkedLogProbFunction, "apply", counted)
    learn(preset, rows[:4], tmp_path / "run", epochs=1, batch=4, device_batch=None, save_every=None)
    tokenizer = load_model(str(preset.model), device="cpu").tokenizer
    learned = 0
    for row in rows[:4]:
        chat = row["prompt"] + row["completion"]
        begun = tokenizer.apply_chat_template(row["prompt"], add_generation_prompt=True, return_dict=False)
        learned += len(tokenizer.apply_chat_template(chat, return_dict=False)) - len(begun)
    assert scored == [learned]


COMPLETION = (
    "<think> The fine is $5. | The fine is $9. = temporal_shift\n The loan is ok. | The loan is ok. = ok</think>"
    '{"detection": true, "explanation": "temporal_shift", "correction": "", "confidence": 0.8}'
)


def test_a_completion_decides_at_its_marks_and_at_its_detection() -> None:
    words = [(COMPLETION[start:end], is_alarm) for start, end, is_alarm in decisions(COMPLETION)]
    assert words == [("temporal_shift", True), ("ok", False), ("true", False)]
    (detection,) = decisions('{"detection": false, "explanation": "a = ok", "correction": "", "confidence": 0.8}')
    assert detection == (14, 19, False)


def test_the_tokens_that_decide_weigh_more_and_no_others(preset: Preset) -> None:
    tokenizer = load_model(str(preset.model), device="cpu").tokenizer
    ids = tokenizer.encode(COMPLETION, add_special_tokens=False)
    weights = decision_weights(tokenizer, ids, 5.0)
    heavy = [tokenizer.decode([id]).strip() for id, weight in zip(ids, weights, strict=True) if weight > 1.0]
    # A mark may be several tokens, and the equals sign before it may share the first of them.
    assert "".join(heavy).replace("=", "").replace(" ", "") == "temporal_shiftoktrue"
    assert set(weights) == {1.0, 5.0, 15.0}


@pytest.mark.slow
def test_decisions_that_weigh_more_are_learned_first(preset: Preset, rows: list[Row], tmp_path: Path) -> None:
    losses = {}
    for decisive in (1.0, 50.0):
        folder = tmp_path / str(decisive)
        learn(preset, rows, folder, decisive=decisive, epochs=1, learning_rate=3e-3, save_every=None)
        losses[decisive] = decision_loss(folder, rows)
    assert losses[50.0] < losses[1.0]


def decision_loss(folder: Path, rows: list[Row]) -> float:
    """The mean loss of the tokens that decide."""
    loaded = load_model(folder, device="cpu")
    total, count = 0.0, 0
    for row in rows:
        text = loaded.tokenizer.apply_chat_template(row["prompt"], add_generation_prompt=True, tokenize=False)
        completion = loaded.tokenizer.encode(row["completion"][0]["content"], add_special_tokens=False)
        begun = loaded.tokenizer.encode(text, add_special_tokens=False)
        with torch.inference_mode():
            logits = loaded.model(torch.tensor([begun + completion])).logits[0, len(begun) - 1 : -1]
        losses = torch.nn.functional.cross_entropy(logits, torch.tensor(completion), reduction="none")
        decides = torch.tensor(decision_weights(loaded.tokenizer, completion, 2.0)) > 1.0
        total += float(losses[decides].sum())
        count += int(decides.sum())
    return total / count


@pytest.mark.slow
def test_a_resumed_run_saves_as_often_and_ends_as_early_as_it_is_now_asked_to(
    preset: Preset, rows: list[Row], tmp_path: Path
) -> None:
    with pytest.raises(Killed):
        learn(preset, rows, tmp_path, KillAt(3), save_every=2)
    # The checkpoint of the first sitting knows of no clock.
    with pytest.raises(Killed):
        learn(preset, rows, tmp_path, KillAt(5), WallClock(1000.0), save_every=1)
    assert sorted(path.name for path in (tmp_path / "sft").glob("checkpoint-*")) == ["checkpoint-3", "checkpoint-4"]
    steps = Steps()
    learn(preset, rows, tmp_path, steps, WallClock(0.0), save_every=1)
    assert steps.steps == [5]


def gradient_in_parts(preset: Preset, rows: list[Row], folder: Path, device_batch: int) -> float:
    """The length of the gradient of a batch of four equal rows, of which the device holds some at a time."""
    loaded = load_model(str(preset.model), device="cpu")
    config = SFTConfig(
        output_dir=str(folder),
        max_steps=1,
        per_device_train_batch_size=device_batch,
        gradient_accumulation_steps=4 // device_batch,
        learning_rate=0.0,
        max_length=None,
        gradient_checkpointing=False,
        bf16=False,
        use_cpu=True,
        save_strategy="no",
        logging_steps=1,
        report_to=[],
        disable_tqdm=True,
    )
    settings = {"args": config, "train_dataset": Dataset.from_list(rows[:1] * 4), "processing_class": loaded.tokenizer}
    trainer = WeighingTrainer(5.0, 0.0, model=loaded.model, **settings)
    trainer.train()
    return float(trainer.state.log_history[0]["grad_norm"])


def test_the_gradient_of_a_model_from_nothing_is_as_long_in_parts_as_in_one(
    preset: Preset, rows: list[Row], tmp_path: Path
) -> None:
    whole, in_parts = (gradient_in_parts(preset, rows, tmp_path, device_batch) for device_batch in (4, 1))
    # The mean of the means of the parts. Their sum would be four times as long.
    assert in_parts == pytest.approx(whole, rel=1e-3)


def test_a_resumed_clock_goes_on_from_the_time_that_was_spent_and_takes_its_new_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [0.0]
    monkeypatch.setattr("forge_agents.train.progress.monotonic", lambda: now[0])
    clock, control = WallClock(10.0), TrainerControl()

    def step(seconds: float, pause: float = 0.0) -> bool:
        now[0] += pause
        clock.on_step_begin(None, None, control)
        now[0] += seconds
        clock.on_step_end(None, None, control)
        return control.should_training_stop

    assert not step(6.0)
    kept = TrainerState(stateful_callbacks=[clock])
    clock = WallClock(20.0)
    clock.on_train_begin(None, kept, control)
    assert not step(13.0, pause=1000.0)
    assert step(2.0)


def test_a_cost_grows_with_what_is_asked_for(preset: Preset) -> None:
    speed = Speed(trained=0.01, written=0.5)
    cost = Cost.estimate(preset, speed, read=100.0, written=10.0)
    # Eight attempts of 110 tokens: trained on, and read once more by the reference model, a third of that; and read and
    # written before, in steps of a batch whose longest completion has 14 tokens.
    assert cost.step == pytest.approx(8 * 110 * 0.01 * 4 / 3 + 8 * 100 * 0.01 / 3 + 14 * 0.5)
    assert cost.warm_start == 0.0
    # One batch of eight episodes.
    assert cost.evaluation == pytest.approx(14 * 0.5 + 8 * 100 * 0.01 / 3)
    longer = Cost.estimate(preset, speed, read=100.0, written=1000.0)
    assert longer.evaluation == pytest.approx(preset.max_completion * 0.5 + 8 * 100 * 0.01 / 3)


def test_an_estimate_measures_the_model_and_leaves_it_as_it_is(preset: Preset, shown: list[Any]) -> None:
    loaded = load_model(str(preset.model), device="cpu")
    before = {name: value.clone() for name, value in loaded.model.state_dict().items()}
    cost = estimate(preset, loaded, shown[:4])
    assert 0.0 < cost.step < 600.0
    assert 0.0 < cost.evaluation < 600.0
    assert all(torch.equal(before[name], value) for name, value in loaded.model.state_dict().items())
    assert all(parameter.grad is None for parameter in loaded.model.parameters())


def test_of_two_styles_a_text_weighs_the_same_in_every_batch(
    preset: Preset, rows: list[Row], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = rows[:4]
    short: list[Row] = [{**row, "completion": [{"role": "assistant", "content": "no"}]} for row in rows[4:8]]
    found: list[float] = []
    compute = FineTuner.compute_loss

    def noted(*args: Any, **settings: Any) -> Any:
        loss = compute(*args, **settings)
        found.append(float(loss.detach()))
        return loss

    monkeypatch.setattr(FineTuner, "compute_loss", noted)
    monkeypatch.setattr(FineTuner, "_get_train_sampler", lambda trainer, rows=None: SequentialSampler(rows))

    def loss(ordered: list[Row], **settings: Any) -> float:
        """The loss of all batches of two together, of a model that does not learn."""
        found.clear()
        still = {"epochs": 1, "batch": 2, "device_batch": 2, "learning_rate": 0.0, "save_every": None}
        learn(preset, ordered, tmp_path / "run", **still, **settings)
        return sum(found)

    apart = [*long, *short]
    together = [row for pair in zip(long, short, strict=True) for row in pair]
    for decisive in (1.0, 5.0):
        settings = {"mixed": True, "decisive": decisive}
        assert loss(apart, **settings) == pytest.approx(loss(together, **settings), rel=1e-3)
    # Where the loss is a mean over the tokens of its batch, short texts weigh more among themselves.
    assert loss(apart, decisive=5.0) > 1.05 * loss(together, decisive=5.0)
