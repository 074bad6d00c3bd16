"""Presets: the shipped ones are the model card's, and whatever is wrong in one's own is named."""

import subprocess
from pathlib import Path

import pytest

pytest.importorskip("yaml")

from forge_agents.train.presets import Algorithm, Preset, PresetError, load_preset, preset_names

from ...command_line import ENVIRONMENT, command

# What a departure may be about that is no setting: the prompt and the split that the card's numbers are from.
NOT_SETTINGS = {"prompt", "split"}


@pytest.mark.parametrize("name", preset_names())
def test_every_shipped_preset_loads_and_says_what_it_is_for(name: str) -> None:
    preset = load_preset(name)
    assert preset.name == name
    assert len(preset.about) > 40
    assert preset.then is None or preset.then in preset_names()


def test_what_the_command_shows_of_a_preset_is_a_preset_however_narrow_the_terminal(tmp_path: Path) -> None:
    asked, narrow = command("train", "presets", "phase1"), ENVIRONMENT | {"COLUMNS": "40"}
    mine = tmp_path / "mine.yaml"
    mine.write_text(subprocess.run(asked, env=narrow, capture_output=True, text=True, check=True).stdout)
    assert load_preset(str(mine)).model_copy(update={"name": "phase1"}) == load_preset("phase1")


@pytest.mark.parametrize("name", preset_names())
def test_every_departure_is_about_a_setting_and_says_why(name: str) -> None:
    departures = load_preset(name).departures
    assert departures.keys() <= Preset.model_fields.keys() | NOT_SETTINGS
    assert all(len(why) > 8 for why in departures.values())


@pytest.mark.parametrize(("name", "learning_rate"), [("phase1", 5e-6), ("phase3", 2e-6)])
def test_the_phases_are_those_of_the_published_card(name: str, learning_rate: float) -> None:
    preset = load_preset(name)
    assert preset.model == "Qwen/Qwen2.5-1.5B-Instruct"
    assert (preset.algorithm, preset.learning_rate, preset.schedule) == (Algorithm.grpo, learning_rate, "cosine")
    assert (preset.warmup_steps, preset.batch, preset.generations) == (20, 16, 16)
    assert (preset.beta, preset.temperature, preset.quantization) == (0.04, 0.7, "nf4")
    assert preset.lora is not None
    assert (preset.lora.r, preset.lora.alpha) == (16, 32)
    assert preset.scale_rewards == "none"
    assert "scale_rewards" in preset.departures
    assert preset.prompts == 1


def test_a_setting_is_changed_also_inside_another_and_where_there_was_none() -> None:
    preset = load_preset(
        "phase1", ["lora.r=8", "learning_rate=1e-5", "vllm.mode=colocate", " steps =7", "save_every=3"]
    )
    assert preset.lora is not None
    assert (preset.lora.r, preset.lora.alpha, preset.learning_rate) == (8, 32, 1e-5)
    assert preset.vllm is not None
    assert (preset.vllm.mode, preset.steps, preset.save_every) == ("colocate", 7, 3)
    without = load_preset("phase1", ["quantization=none", "lora=null", "trackers=[]"])
    assert (without.lora, without.trackers) == (None, ())


def test_a_preset_of_ones_own_may_write_numbers_as_yaml_does_not(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("about: mine\nmodel: some/model\nlearning_rate: 1e-5\n", encoding="utf-8")
    preset = load_preset(str(path))
    assert (preset.name, preset.learning_rate, preset.batch) == ("mine", 1e-5, 16)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "phse1",
            r"no preset 'phse1'\. Did you mean 'phase1'\? There are phase1, phase3, small, tiny; or give a \.yaml file",
        ),
        ("zzz", r"no preset 'zzz'\. There are phase1, phase3, small, tiny"),
        ("nowhere.yaml", r"no preset file nowhere\.yaml"),
    ],
)
def test_a_preset_that_is_not_there_is_refused_with_the_nearest(name: str, message: str) -> None:
    with pytest.raises(PresetError, match=message):
        load_preset(name)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("learning_rat=1", r"phase1\.yaml: there is no setting 'learning_rat'\. Did you mean 'learning_rate'\?"),
        ("lora.alfa=1", r"there is no setting 'lora\.alfa'\. Did you mean 'alpha'\?"),
        ("held_out.episode=1", r"there is no setting 'held_out\.episode'\. Did you mean 'episodes'\?"),
        ("qqqqqq=1", r"there is no setting 'qqqqqq'\.$"),
        ("qqqqqq.r=1", r"there is no setting 'qqqqqq'\.$"),
        ("steps.r=1", "steps.r: there is nothing inside 'steps'"),
        ("steps", "a change reads key=value, got 'steps'"),
        ("start=2024-99-99", "start: '2024-99-99' is no value that YAML can read"),
        ("trackers=[wandb", r"trackers: '\[wandb' is no value that YAML can read"),
        ("steps=0", "steps: Input should be greater than or equal to 1, got 0"),
        ("steps=many", "steps: Input should be a valid integer.*, got 'many'"),
        ("learning_rate=nan", "learning_rate: Input should be greater than 0, got nan"),
        ("algorithm=grp", "algorithm: Input should be 'grpo', 'grpo-ps'"),
        ("temperature=0", "temperature: Input should be greater than 0"),
        ("generations=1", "generations: Input should be greater than or equal to 2"),
        ("generations=6", "batch must be a multiple of generations, got 16 and 6: groups stay whole"),
        ("device_batch=3", "device_batch must divide batch, got 3 and 16"),
        ("warm_start.device_batch=3", "device_batch must divide batch, got 3 and 16"),
        ("model=null", "give either model or scratch"),
        ("scratch.layers=1", "give either model or scratch"),
        ("lora=null", "quantized weights cannot be trained: nf4 needs lora"),
        ("calibration.k=9", "need k <= samples and low < high, got 9, 4"),
        ("calibration.low=0.9", "need k <= samples and low < high"),
    ],
)
def test_a_change_that_makes_no_sense_is_refused_by_name_and_value(change: str, message: str) -> None:
    with pytest.raises(PresetError, match=message):
        load_preset("phase1", [change])


def test_heads_must_divide_the_width_and_a_model_from_scratch_has_no_adapter() -> None:
    with pytest.raises(PresetError, match="scratch: heads must divide hidden, got 7 and"):
        load_preset("tiny", ["scratch.heads=7"])
    with pytest.raises(PresetError, match="a model from scratch is trained whole: leave lora and quantization out"):
        load_preset("tiny", ["lora.r=4"])


def test_all_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(PresetError) as refusal:
        load_preset("phase1", ["steps=0", "betta=1"])
    assert "steps: " in str(refusal.value)
    assert "Did you mean 'beta'?" in str(refusal.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- a\n- b\n", "a preset is a mapping of settings, got list"),
        ("", "a preset is a mapping of settings, got NoneType"),
        ("a: [", "not YAML"),
        ("a: 2024-99-99", "not YAML: month must be in 1..12"),
        ("a: \x01", "not YAML: .*control characters"),
        ("about: x\nmodel: m\nlora: 3\n", "lora: Input should be a valid dictionary or instance of Lora, got 3"),
        ("model: m\n", "about: Field required"),
        ("about: x\nmodel: m\n1: 2\n", "Keys should be strings"),
    ],
)
def test_a_file_that_is_no_preset_is_refused_by_its_name(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.yml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(PresetError, match=message) as refusal:
        load_preset(str(path))
    assert "mine.yml" in str(refusal.value)


def test_episodes_of_a_step_are_counted_from_its_completions() -> None:
    assert load_preset("tiny", ["batch=32", "generations=8"]).prompts == 4
