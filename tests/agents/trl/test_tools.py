"""`forge-arena train run --tools`: our own trainer learns in several turns, and measures in several turns."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

torch = pytest.importorskip("torch")
pytest.importorskip("trl")

from forge_agents.batch import tool_access  # noqa: E402
from forge_agents.client import ArenaClient  # noqa: E402
from forge_agents.evaluation import evaluate  # noqa: E402
from forge_agents.models import Loaded, load_model  # noqa: E402
from forge_agents.overseers import NoSuchOverseer, open_overseer, wants_tools  # noqa: E402
from forge_agents.overseers.base import ToolAccess  # noqa: E402
from forge_agents.overseers.conversation import Conversation, ToolFormat  # noqa: E402
from forge_agents.overseers.local import LocalModel  # noqa: E402
from forge_agents.result import Result  # noqa: E402
from forge_agents.train.journal import lines  # noqa: E402
from forge_agents.train.presets import PresetError, load_preset  # noqa: E402
from forge_agents.trl.rewards import COMPONENTS  # noqa: E402
from forge_agents.writing import Generation  # noqa: E402
from forge_arena.errors import BadArgument  # noqa: E402
from forge_arena.types import Trouble  # noqa: E402
from forge_arena.verdicts import messages_with_tools, parse_verdict  # noqa: E402
from forge_arena.wire import OpenedEpisode  # noqa: E402
from forge_command.app import app  # noqa: E402

from ...command_line import called  # noqa: E402
from ..train.conftest import SMALL, Served  # noqa: E402
from .conftest import call, verdicts  # noqa: E402

SUBMIT = call("submit_verdict", verdicts()[0].model_dump(exclude={"step"}))


@pytest.fixture
def client(short: Served) -> Iterator[ArenaClient]:
    with ArenaClient(short.url, patience=5.0) as client:
        yield client


@pytest.fixture(scope="session")
def loaded(pupil: Path) -> Loaded:
    return load_model(pupil, device="cpu")


@pytest.fixture
def episode(client: ArenaClient) -> OpenedEpisode:
    (episode,) = client.open_episodes(split="val", start=40, count=1, view="answer_only").episodes
    return episode


@pytest.fixture
def talk(client: ArenaClient, loaded: Loaded, episode: OpenedEpisode) -> Callable[..., Conversation]:
    """Begins a conversation about an episode."""
    access = tool_access(client, client.tools(), episode, 0)
    form = ToolFormat(loaded)

    def begin(max_tokens: int = 1_000, access: ToolAccess = access) -> Conversation:
        return Conversation(form, messages_with_tools(episode.observation), access, max_tokens)

    return begin


def wrote(loaded: Loaded, text: str, *, ended: bool = True) -> Generation:
    """A turn of a model, as if it had written this text."""
    ids = loaded.tokenizer.encode(text, add_special_tokens=False)
    ids += [loaded.tokenizer.eos_token_id] if ended else []
    return Generation(text, len(ids), ended, 1.5, 10, tuple(ids))


def preset(folder: Path, pupil: Path, **changes: Any) -> Path:
    settings = {**SMALL, "max_completion": 240, "start": 30_000, "learning_rate": 1e-3, "steps": 2, **changes}
    path = folder / "tools.yaml"
    path.write_text(yaml.safe_dump({"model": str(pupil), **settings}), encoding="utf-8")
    return path


def train(*arguments: object) -> tuple[int, str]:
    result = CliRunner(env={"COLUMNS": "300"}).invoke(app, ["train", *map(str, arguments)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, " ".join(result.output.split())


@pytest.mark.slow
def test_a_run_with_tools_learns_and_measures_in_several_turns_and_goes_on_where_it_stopped(
    short: Served, client: ArenaClient, pupil: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    settings = preset(tmp_path, pupil, view="answer_only", save_every=1)
    command = ("run", "--preset", settings, "--tools", "--arena", short.url, "--out", out)
    code, said = train(*command, "--set", "wall_seconds=0.01")
    assert code == 0, said
    assert [line["step"] for line in lines(out, "log.jsonl")] == [1]
    # As if the run had been stopped after its first step: the result of the phase and what came of it are not there.
    (out / "phase1" / "done").unlink()
    for name in ("after.json", "after.records.jsonl", "examples.json"):
        (out / name).unlink()
    before = (out / "before.json").read_bytes()
    for path in sorted((out / "model").iterdir()):
        path.unlink()
    (out / "model").rmdir()
    code, said = train(*command, "--resume")
    assert code == 0, said
    found = lines(out, "log.jsonl")
    assert [line["step"] for line in found] == [1, 2]
    for line in found:
        parts = [line[f"rewards/{name}/mean"] for name in COMPONENTS]
        paid = sum(w * p for w, p in zip((0.4, 0.3, 0.2, 0.1), parts, strict=True))
        assert line["reward"] == pytest.approx(paid, abs=1e-5)
        assert line["tools/uses"] >= 0.0
        assert line["tools/call_frequency"] > 0.0
        assert {"verdicts/flagged", "verdicts/invalid"} <= line.keys()
    assert max(line["reward"] for line in found) > 0.0
    # Each rollout played an episode of its own: four on each of two keys a step, and no key came twice.
    made = {index: ids for index, ids in short.attempts().items() if 30_000 <= index < 30_100}
    assert {index: (len(ids), len(set(ids))) for index, ids in made.items()} == dict.fromkeys(
        range(30_000, 30_004), (4, 4)
    )
    assert (out / "before.json").read_bytes() == before
    for name in ("before", "after"):
        result = Result.read(out / f"{name}.json")
        assert (result.tools, result.view.value) == (client.tools().profile, "answer_only")
        assert result.scorecard.scored > 0
    assert json.loads((out / "model" / "forge_arena.json").read_text(encoding="utf-8")) == {
        "prompt": "arena",
        "tools": True,
    }
    card = (out / "model" / "README.md").read_text(encoding="utf-8")
    assert "submit_verdict" in card
    assert "--view answer_only" in card
    assert "Cost of the tools in a rollout" in (out / "report.html").read_text(encoding="utf-8")
    # The folder says how the model is to be asked, so the same numbers come from the command that asks it.
    again = evaluate(
        f"hf:{out / 'model'}",
        settings={"max_tokens": 240},
        arena=short.url,
        episodes=8,
        view="answer_only",
    )
    after = Result.read(out / "after.json")
    assert [row.reward for row in again.rows] == [row.reward for row in after.rows]
    assert again.conditions == after.conditions


def test_a_model_probes_and_submits_and_its_uses_are_counted(loaded: Loaded, short: Served) -> None:
    result = evaluate(LocalModel(loaded, tools=True, max_tokens=240), arena=short.url, episodes=16)
    assert result.tools == "default"
    assert result.scorecard.scored > 0
    scored = [row for row in result.rows if row.detection is not None]
    assert all((row.log_odds or 0.0) > 0 for row in scored if row.detection)
    assert all(row.usage is not None and row.usage.output_tokens for row in result.rows)


def test_what_the_tools_say_comes_between_the_turns_as_trl_renders_it(
    talk: Callable[..., Conversation], loaded: Loaded, client: ArenaClient, episode: OpenedEpisode
) -> None:
    said = talk()
    read = call("read_passage", {"n": 1})
    said.take(wrote(loaded, read))
    assert not said.ended
    text = loaded.tokenizer.decode(said.tokens)
    _, _, answer = text.rpartition("<tool_response>")
    assert "[1 of " in answer
    assert answer.endswith("<|im_start|>assistant\n")
    said.take(wrote(loaded, SUBMIT))
    assert said.ended
    completion = said.completion()
    assert parse_verdict(completion) == verdicts()[0]
    assert completion.log_odds == 1.5
    assert "read_passage" in (completion.thoughts or "")
    assert [use.name for use in client.state(episode.episode_id).tool_uses] == ["read_passage"]


def test_the_tokens_of_a_conversation_are_those_of_trls_own_loop(
    talk: Callable[..., Conversation], loaded: Loaded, short: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import trl

    from forge_agents.trl import ForgeArena

    monkeypatch.setenv("TRL_EXPERIMENTAL_SILENCE", "1")
    arena = ForgeArena(short.url)
    trainer = trl.GRPOTrainer(
        model=loaded.source,
        args=trl.GRPOConfig(
            str(tmp_path), use_cpu=True, bf16=False, report_to=[], num_generations=2, per_device_train_batch_size=2
        ),
        train_dataset=arena.dataset(2, tools=True),
        environment_factory=arena.environment,
        processing_class=loaded.tokenizer,
    )
    trainer._batch_environments = [None]
    said = talk()
    chat = messages_with_tools(
        arena.client().open_episodes(split="val", start=40, count=1, view="answer_only").episodes[0].observation
    )
    ids, *_ = trainer._tokenize_prompts([chat])
    assert ids == [said.tokens]
    suffix = trainer._get_tool_suffix_ids([{"role": "tool", "name": "calculate", "content": "42"}])
    assert ToolFormat(loaded).answers([("calculate", "42")]) == suffix
    arena.close()


@pytest.mark.parametrize(
    ("written", "answer"),
    [
        (call("run_code", {"snippet": "1"}), "Tool run_code not found."),
        (call("read_passage", {"page": 1}), "unexpected keyword argument"),
        (call("submit_verdict", {**verdicts()[0].model_dump(exclude={"step"}), "confidence": 7}), "between 0 and 1"),
    ],
)
def test_a_wrong_call_is_answered_and_the_model_may_go_on(
    talk: Callable[..., Conversation], loaded: Loaded, written: str, answer: str
) -> None:
    said = talk()
    said.take(wrote(loaded, written))
    assert not said.ended
    assert answer in loaded.tokenizer.decode(said.tokens).rpartition("<tool_response>")[2]


def test_a_text_is_no_verdict(talk: Callable[..., Conversation], loaded: Loaded) -> None:
    said = talk()
    said.take(wrote(loaded, '{"detection": true, "explanation": "", "correction": "", "confidence": 0.9}'))
    assert said.ended
    completion = said.completion()
    assert completion == ""
    assert completion.trouble is None
    assert "without a call of submit_verdict" in (completion.reason or "")
    assert '"detection": true' in (completion.thoughts or "")


def test_the_limit_counts_all_turns_and_the_tools_answers(talk: Callable[..., Conversation], loaded: Loaded) -> None:
    turn = wrote(loaded, call("calculate", {"expression": "6 * 7"}))
    said = talk(max_tokens=turn.tokens + 5)
    said.take(turn)
    assert said.ended
    assert said.completion().trouble is Trouble.cut
    said = talk(max_tokens=turn.tokens - 1)
    said.take(turn)
    assert said.ended
    assert "reached" in (said.completion().reason or "")
    assert said.completion().usage is not None


def test_the_same_setting_in_both_ways_to_ask_for_tools(pupil: Path, short: Served) -> None:
    by_setting = evaluate(f"hf:{pupil}", settings={"tools": True, "max_tokens": 60}, arena=short.url, episodes=2)
    by_option = evaluate(f"hf:{pupil}", settings={"max_tokens": 60}, tools=True, arena=short.url, episodes=2)
    assert by_setting.tools == by_option.tools == "default"
    assert by_setting.conditions == by_option.conditions


def test_the_commands_take_tools_as_an_option(pupil: Path, short: Served) -> None:
    given = ("--overseer", f"hf:{pupil}", "--tools", "--set", "max_tokens=20", "--arena", short.url, "--episodes", "1")
    attacked = json.loads(called("attack", *given, "--tries", "1", "--json", "-")[0])
    evaluated = json.loads(called("eval", *given, "--json", "-")[0])
    assert attacked["tools"] == evaluated["tools"] == "default"
    assert attacked["conditions"] == evaluated["conditions"]


def test_a_model_that_is_asked_with_tools_is_not_asked_without(loaded: Loaded, episode: OpenedEpisode) -> None:
    asked = LocalModel(loaded, tools=True)
    assert wants_tools(asked)
    with pytest.raises(BadArgument, match="tools=false"):
        asked.review([episode.observation])
    with pytest.raises(BadArgument, match="tools=true"):
        LocalModel(loaded).review_with_tools([], [])
    with pytest.raises(BadArgument, match="leave prompt, system, threshold, opening out"):
        LocalModel(loaded, tools=True, threshold=0.0)


def test_a_model_whose_template_shows_no_tools_is_refused_at_once(pupil: Path, tmp_path: Path) -> None:
    from shutil import copytree

    copytree(pupil, tmp_path / "plain")
    (tmp_path / "plain" / "chat_template.jinja").write_text(
        "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}", "utf-8"
    )
    with pytest.raises(NoSuchOverseer, match="shows no tools: take a model whose template does"):
        open_overseer(f"hf:{tmp_path / 'plain'}", tools=True)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (["algorithm=rloo"], "tools are for the algorithm grpo"),
        (["warm_start.demonstrations=8"], "with tools a text is no verdict"),
        (["prompt=compact"], "has a prompt of its own"),
    ],
)
def test_a_preset_says_what_does_not_go_with_tools(pupil: Path, tmp_path: Path, changes: list[str], said: str) -> None:
    path = preset(tmp_path, pupil, tools=True)
    with pytest.raises(PresetError, match=said):
        load_preset(str(path), changes)
    with pytest.raises(PresetError, match="a view is for the form with tools"):
        load_preset(str(preset(tmp_path, pupil, view="answer_only")))


def test_three_phases_do_not_go_with_tools(short: Served, pupil: Path, tmp_path: Path) -> None:
    settings = preset(tmp_path, pupil, tools=True)
    code, said = train("pipeline", "--preset", settings, "--arena", short.url, "--out", tmp_path / "run")
    assert code == 2
    assert "phase 2 tries episodes in one turn" in said
