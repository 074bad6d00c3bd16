"""Learning from a real arena: every algorithm, adapters and quantized weights, and what a checkpoint is."""

from collections.abc import Callable
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("trl")

from forge_agents.client import ArenaUnreachable  # noqa: E402
from forge_agents.models import load_model  # noqa: E402
from forge_agents.train.algorithms import online_config  # noqa: E402
from forge_agents.train.journal import Journal, lines  # noqa: E402
from forge_agents.train.offline import learn_offline  # noqa: E402
from forge_agents.train.online import ArenaAddress, TrainingStopped, latest_checkpoint, learn, measure  # noqa: E402
from forge_agents.train.presets import Algorithm, Preset, PresetError, load_preset  # noqa: E402
from forge_agents.train.progress import Silent  # noqa: E402
from forge_agents.train.rollouts import WritesInBfloat16  # noqa: E402
from forge_agents.trl.rewards import COMPONENTS  # noqa: E402

from .conftest import Served  # noqa: E402
from .proxy import proxied  # noqa: E402

pytestmark = pytest.mark.slow
ONLINE = [Algorithm.grpo, Algorithm.grpo_ps, Algorithm.rloo, Algorithm.online_rft]
OFFLINE = [Algorithm.rft, Algorithm.dpo]

Presets = Callable[..., Path]


class Heard(Silent):
    """Keeps what a reporter is told."""

    def __init__(self) -> None:
        self.steps: list[tuple[str, int, int]] = []

    def progress(self, phase: str, done: int, total: int, note: str) -> None:
        self.steps.append((phase, done, total))


def moved(before: Path, after: Path) -> float:
    """By how much the weights differ at most."""
    mine, theirs = (load_model(folder, device="cpu").model.state_dict() for folder in (before, after))
    return max(float((mine[name] - theirs[name]).abs().max()) for name in mine)


def learnt(preset: Preset, arena: str, folder: Path, *, resume: bool = False) -> Heard:
    heard = Heard()
    journal = Journal(folder, heard.say)
    if preset.algorithm not in ONLINE:
        learn_offline(
            preset, str(preset.model), ArenaAddress(arena), folder, phase="p", journal=journal, reporter=heard
        )
    else:
        learn(
            preset,
            str(preset.model),
            ArenaAddress(arena),
            folder,
            phase="p",
            journal=journal,
            reporter=heard,
            resume=resume,
        )
    return heard


@pytest.mark.parametrize("algorithm", ONLINE)
def test_an_online_algorithm_learns_from_as_many_episodes_as_its_steps_have(
    algorithm: Algorithm, taught: Path, short: Served, preset_file: Presets, tmp_path: Path
) -> None:
    start = 20_000 + 100 * ONLINE.index(algorithm)
    # Small enough for the clipping of gradients not to be all that is seen of them.
    preset = load_preset(str(preset_file(algorithm=algorithm.value, steps=2, start=start, learning_rate=1e-4)))
    heard = learnt(preset, short.url, tmp_path / "run")
    assert 0.0 < moved(taught, tmp_path / "run" / "model") < 0.01
    assert heard.steps[-1] == ("p", 2, 2)
    found = lines(tmp_path / "run", "log.jsonl")
    assert [line["step"] for line in found] == [1, 2]
    for line in found:
        parts = [line[f"rewards/{name}/mean"] for name in COMPONENTS]
        assert line["reward"] == pytest.approx(
            sum(w * p for w, p in zip((0.4, 0.3, 0.2, 0.1), parts, strict=True)), abs=1e-5
        )
        assert line["reward"] > 0.0
        assert {"verdicts/flagged", "verdicts/invalid", "verdicts/confidence_std"} <= line.keys()
    made = short.attempts()
    assert {index: len(made.get(index, [])) for index in range(start, start + 5)} == dict(
        zip(range(start, start + 5), [4, 4, 4, 4, 0], strict=True)
    )


@pytest.mark.parametrize("algorithm", [Algorithm.grpo, Algorithm.rloo])
def test_with_autocast_a_bfloat16_copy_of_the_policy_writes_and_follows_the_policy(
    algorithm: Algorithm,
    taught: Path,
    short: Served,
    preset_file: Presets,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    updated = WritesInBfloat16._updated_writer
    seen: list[tuple[torch.dtype, torch.Tensor, torch.Tensor]] = []

    def remember(trainer: WritesInBfloat16, policy: torch.nn.Module) -> torch.nn.Module:
        writer: torch.nn.Module = updated(trainer, policy)
        mine, its = next(writer.parameters()), next(policy.parameters())
        seen.append((its.dtype, mine.clone(), its.detach().clone()))
        return writer

    monkeypatch.setattr(WritesInBfloat16, "_updated_writer", remember)
    preset = load_preset(str(preset_file(algorithm=algorithm.value, steps=2, start=28_000, autocast=True)))
    learnt(preset, short.url, tmp_path / "run")
    assert [(of_policy, mine.dtype) for of_policy, mine, _ in seen] == [(torch.float32, torch.bfloat16)] * 2
    for _, mine, its in seen:
        assert torch.equal(mine, its.to(torch.bfloat16))
    # The policy learned between the two steps.
    assert not torch.equal(seen[0][2], seen[1][2])


@pytest.mark.parametrize("algorithm", OFFLINE)
def test_an_offline_algorithm_makes_as_many_attempts_first(
    algorithm: Algorithm, taught: Path, short: Served, preset_file: Presets, tmp_path: Path
) -> None:
    start = 21_000 + 100 * OFFLINE.index(algorithm)
    preset = load_preset(str(preset_file(algorithm=algorithm.value, steps=2, start=start, learning_rate=1e-4)))
    heard = learnt(preset, short.url, tmp_path / "run")
    assert 0.0 < moved(taught, tmp_path / "run" / "model") < 0.01
    assert ("p: attempts", 4, 4) in heard.steps
    made = short.attempts()
    assert [len(made.get(start + number, [])) for number in range(5)] == [4, 4, 4, 4, 0]


@pytest.mark.parametrize(("algorithm", "texts"), [(Algorithm.rft, 1), (Algorithm.dpo, 2)])
def test_an_offline_algorithm_holds_no_more_texts_at_a_time_than_the_device_batch(
    algorithm: Algorithm, texts: int, taught: Path, short: Served, preset_file: Presets, tmp_path: Path
) -> None:
    held: list[int] = []

    def remember(module: torch.nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        if isinstance(module, torch.nn.Embedding) and module.training:
            held.append(len(inputs[0]))

    settings = {"algorithm": algorithm.value, "steps": 2, "start": 21_200, "device_batch": 1}
    handle = torch.nn.modules.module.register_module_forward_pre_hook(remember)
    try:
        learnt(load_preset(str(preset_file(**settings))), short.url, tmp_path / "run")
    finally:
        handle.remove()
    # A preference is two texts.
    assert set(held) == {texts}


def test_attempts_of_which_none_can_be_learned_from_stop_an_offline_algorithm(
    untaught: Path, short: Served, preset_file: Presets, tmp_path: Path
) -> None:
    preset = load_preset(str(preset_file(algorithm="rft", steps=1, model=str(untaught))))
    with pytest.raises(TrainingStopped, match="no attempt can be learned from"):
        learnt(preset, short.url, tmp_path / "run")


def test_fine_tuning_is_an_algorithm_too_and_learns_from_demonstrations(
    taught: Path, short: Served, preset_file: Presets, tmp_path: Path
) -> None:
    settings = {"demonstrations": 48, "batch": 8, "learning_rate": 1e-3}
    heard = learnt(load_preset(str(preset_file(algorithm="sft", warm_start=settings))), short.url, tmp_path / "run")
    assert moved(taught, tmp_path / "run" / "model") > 0.0
    assert ("p", 6, 6) in heard.steps


def test_a_limit_of_wall_time_ends_a_run_early_and_what_it_learned_is_kept(
    taught: Path, short: Served, preset_file: Presets, tmp_path: Path
) -> None:
    preset = load_preset(str(preset_file(steps=50, start=26_000, wall_seconds=0.01)))
    learnt(preset, short.url, tmp_path / "run")
    assert [line["step"] for line in lines(tmp_path / "run", "log.jsonl")] == [1]
    assert moved(taught, tmp_path / "run" / "model") > 0.0


def test_policies_of_one_seed_and_one_arena_learn_the_same(short: Served, preset_file: Presets, tmp_path: Path) -> None:
    preset = load_preset(str(preset_file(steps=2, start=22_000)))
    for name in ("a", "b"):
        learnt(preset, short.url, tmp_path / name)
    assert moved(tmp_path / "a" / "model", tmp_path / "b" / "model") < 1e-6
    first, again = (lines(tmp_path / name, "log.jsonl") for name in ("a", "b"))
    assert [line["reward"] for line in first] == [line["reward"] for line in again]


def test_held_out_episodes_are_measured_on_the_way_if_the_preset_wants_it(
    short: Served, preset_file: Presets, tmp_path: Path
) -> None:
    preset = load_preset(str(preset_file(start=23_000, held_out={"episodes": 6, "every": 2, "batch": 6})))
    learnt(preset, short.url, tmp_path / "run")
    assert [line["step"] for line in lines(tmp_path / "run", "held_out.jsonl")] == [2, 4]


def test_a_quantized_model_learns_through_an_adapter_and_is_saved_whole(
    taught: Path, short: Served, preset_file: Presets, tmp_path: Path
) -> None:
    pytest.importorskip("bitsandbytes")
    path = preset_file(steps=2, start=24_000, lora={"r": 4, "alpha": 8}, quantization="nf4", learning_rate=1e-2)
    learnt(load_preset(str(path)), short.url, tmp_path / "run")
    model = tmp_path / "run" / "model"
    found = load_model(model, device="cpu").model
    assert type(found).__name__ == "Qwen2ForCausalLM"
    assert {parameter.dtype for parameter in found.parameters()} == {torch.float32}
    assert not any("lora" in name for name in found.state_dict())
    # Merged into the weights as they were, and not into their 4-bit rounding: only what the adapter holds has moved.
    before, after = load_model(taught, device="cpu").model.state_dict(), found.state_dict()
    assert torch.equal(before["model.embed_tokens.weight"], after["model.embed_tokens.weight"])
    rank = torch.linalg.matrix_rank(
        after["model.layers.0.mlp.up_proj.weight"] - before["model.layers.0.mlp.up_proj.weight"], rtol=1e-3
    )
    assert 1 <= int(rank) <= 4


def test_an_adapter_learns_over_whole_weights_and_the_run_goes_on_from_its_checkpoint(
    taught: Path, short: Served, preset_file: Presets, tmp_path: Path
) -> None:
    settings = {"start": 25_000, "lora": {"r": 4, "alpha": 8}, "learning_rate": 1e-2}
    learnt(load_preset(str(preset_file(steps=2, **settings))), short.url, tmp_path / "run")
    learnt(load_preset(str(preset_file(steps=3, **settings))), short.url, tmp_path / "run", resume=True)
    assert [line["step"] for line in lines(tmp_path / "run", "log.jsonl")] == [1, 2, 3]
    assert moved(taught, tmp_path / "run" / "model") > 0.0


def test_a_checkpoint_counts_once_its_last_file_is_written(tmp_path: Path) -> None:
    assert latest_checkpoint(tmp_path / "nowhere") is None
    for step in (2, 9, 10):
        (tmp_path / f"checkpoint-{step}").mkdir()
    assert latest_checkpoint(tmp_path) is None
    for step in (2, 9):
        (tmp_path / f"checkpoint-{step}" / "position.json").write_text('{"index": 3}\n', encoding="utf-8")
    (tmp_path / "checkpoint-10" / "position.new").touch()
    assert latest_checkpoint(tmp_path) == tmp_path / "checkpoint-9"
    (tmp_path / "checkpoint-10" / "position.new").rename(tmp_path / "checkpoint-10" / "position.json")
    assert latest_checkpoint(tmp_path) == tmp_path / "checkpoint-10"


def test_a_batch_is_shared_out_to_processes_or_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    preset = load_preset("phase1", ["device_batch=4", "dtype=float32"])
    config = online_config(preset, out=str(tmp_path), on_cpu=True)
    assert (config.per_device_train_batch_size, config.gradient_accumulation_steps) == (4, 4)
    assert (config.beta, config.temperature, config.scale_rewards) == (0.04, 0.7, "none")
    monkeypatch.setenv("WORLD_SIZE", "3")
    with pytest.raises(PresetError, match="batch 16 cannot be shared out to 3 processes with 4 completions each"):
        online_config(preset, out=str(tmp_path), on_cpu=True)


def test_an_evaluation_says_at_once_that_it_began_and_how_fast_it_goes(
    taught: Path, short: Served, preset_file: Presets
) -> None:
    preset = load_preset(str(preset_file(held_out={"episodes": 6, "batch": 2})))
    told: list[tuple[int, int, str]] = []
    measure(preset, str(taught), ArenaAddress(short.url), name="m", on_progress=lambda *now: told.append(now))
    assert told[0] == (0, 6, "")
    assert [done for done, _, _ in told] == sorted(done for done, _, _ in told)
    # With each batch that the model has written.
    assert {done for done, _, _ in told} == {0, 2, 4, 6}
    assert told[-1][:2] == (6, 6)
    assert told[-1][2].endswith("tokens/s")


def test_an_evaluation_waits_for_an_arena_with_the_patience_of_the_preset(
    taught: Path, short: Served, preset_file: Presets
) -> None:
    preset = load_preset(str(preset_file(patience=0.01, held_out={"episodes": 2, "batch": 2})))
    with proxied(short.url) as proxy:
        proxy.losing = 1
        with pytest.raises(ArenaUnreachable):
            measure(preset, str(taught), ArenaAddress(proxy.url), name="m")
    assert proxy.asked == ["/v1/episodes"]
