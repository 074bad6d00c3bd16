"""The arena as a task of Inspect: with Inspect's own mock model, and beside an evaluation of the same completions."""

import asyncio
import gc
import json
import socket
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

inspect_ai = pytest.importorskip("inspect_ai")

from fastapi import Response  # noqa: E402
from inspect_ai.model import ModelOutput, ModelUsage, get_model  # noqa: E402

from forge_agents.evaluation import evaluate  # noqa: E402
from forge_agents.local import LocalArena  # noqa: E402
from forge_agents.overseers.endpoint import EndpointOverseer  # noqa: E402
from forge_agents.result import Result  # noqa: E402
from forge_arena.episodes import Arena  # noqa: E402
from forge_arena.errors import Unfit  # noqa: E402
from forge_arena.rewards import oracle_verdict  # noqa: E402
from forge_arena.types import Episode, Outcome, Split, Trouble  # noqa: E402
from forge_arena.verdicts import messages, overseer_prompt, verdict_text  # noqa: E402
from forge_arena.workers import ScriptedWorker  # noqa: E402

from ..brain import Brain, completion, refusal  # noqa: E402

pytestmark = pytest.mark.filterwarnings("default")


@pytest.fixture(autouse=True)
def collected() -> Iterator[None]:
    """Streams that Inspect leaves open warn when they are collected: here, where warnings are no errors."""
    yield
    gc.collect()


RIGHT = {"explanation": "", "correction": "", "confidence": 1.0}
# What an evaluation says of rows that failed, too; Inspect tells a metric nothing of them.
OF_FAILURES = {"episodes", "failed", "troubles", "notes"}


def run(model: Any, tmp_path: Path, task: str = "forge_arena/overseer", **arguments: Any) -> Any:
    """The log of a run; what is no argument of the task is an argument of Inspect's `eval`."""
    of_task = {name: arguments.pop(name) for name in ("split", "episodes", "start", "load") if name in arguments}
    (log,) = inspect_ai.eval(task, model=model, task_args=of_task, log_dir=str(tmp_path), display="none", **arguments)
    assert log.status == "success", log.error
    return log


def numbers(log: Any) -> dict[str, float]:
    return {f"{one.name}/{m}": v.value for one in log.results.scores for m, v in one.metrics.items()}


def results(say: Any, tmp_path: Path, **arguments: Any) -> dict[str, float]:
    return numbers(run(get_model("mockllm/model", custom_outputs=say), tmp_path, **arguments))


def says(text: str) -> Any:
    def said(*_: Any) -> ModelOutput:
        output = ModelOutput.from_content(model="mock", content=text)
        # Else the mock counts tokens with a vocabulary that it would have to download.
        output.usage = ModelUsage(input_tokens=1, output_tokens=1, total_tokens=2)
        return output

    return said


def test_a_constant_is_at_chance_and_is_scored_as_the_arena_scores_it(tmp_path: Path) -> None:
    found = results(says(json.dumps({"detection": False, **RIGHT, "confidence": 0.5})), tmp_path, episodes=30)
    assert found["verdict/balanced_accuracy"] == 0.5
    assert found["verdict/auroc"] == 0.5
    assert (found["verdict/scored"], found["verdict/invalid"]) == (30, 0)
    assert found["verdict/calibration"] == pytest.approx(0.75)
    assert 0.2 < found["reward/mean"] < 0.5
    assert found["verdict/reward"] == pytest.approx(found["reward/mean"])
    assert found["verdict/reward_low"] < found["verdict/reward"] < found["verdict/reward_high"]
    assert found["reward/stderr"] > 0.0


def test_what_cannot_be_read_is_wrong(tmp_path: Path) -> None:
    found = results(says("I would rather not say."), tmp_path, episodes=12)
    assert (found["verdict/scored"], found["verdict/invalid"]) == (0, 12)
    assert found["verdict/reward"] == found["verdict/balanced_accuracy"] == found["verdict/auroc"] == 0.0
    # A verdict that could not be read has no components.
    assert "verdict/calibration" not in found


def test_a_completion_is_read_as_the_server_reads_it(tmp_path: Path) -> None:
    verdict = json.dumps({"detection": False, **RIGHT, "confidence": 0.5})
    thoughts = "It may be so. " * 9_000
    found = results(says(f"<think>{thoughts}</think>{verdict}\ufffd"), tmp_path, episodes=4)
    assert found["verdict/scored"] == 4
    found = results(says(f"{verdict}{thoughts}"), tmp_path, episodes=4)
    assert found["verdict/scored"] == 0


def replies_of_all_kinds(episodes: list[Episode]) -> dict[str, Response]:
    """A reply of an endpoint to the prompt of each episode: right and wrong verdicts, and everything that goes wrong."""
    replies: dict[str, Response] = {}
    for number, episode in enumerate(episodes):
        right = oracle_verdict(episode.observation, episode.truth)
        confidence = round(0.5 + (number * 37 % 50) / 100, 2)
        said = right.model_copy(update={"confidence": confidence, "detection": right.detection != (number % 4 == 3)})
        text = verdict_text(said)
        match number % 17:
            case 4:
                reply = completion("I would rather not say.")
            case 5:
                reply = completion(f"<think>Perhaps {verdict_text(right)}</think>\n{text}")
            case 6:
                reply = completion(f"Here it is: {text}", finish="length")
            case 7:
                reply = completion(f"{text}\n\nBut wait, let me look at the", finish="length")
            case 8:
                reply = completion("", finish="content_filter")
            case 9:
                reply = refusal(400, "maximum context length is 512 tokens", code="context_length_exceeded")
            case 10:
                reply = refusal(400, "this request is not to our taste")
            case 11:
                reply = completion(f"{text} {verdict_text(right.model_copy(update={'confidence': 0.77}))}")
            case _:
                reply = completion(text)
        replies[messages(episode.observation)[1]["content"]] = reply
    return replies


def made(count: int) -> list[Episode]:
    arena = Arena(ScriptedWorker())
    return [asyncio.run(arena.make(arena.key(Split.val, index))) for index in range(count)]


def of_an_evaluation(result: Result) -> dict[str, float]:
    """Every number of a scorecard, as it stands in `result.json`."""
    flat: dict[str, float] = {}
    for name, value in json.loads(result.to_json())["scorecard"].items():
        if name == "components":
            flat |= value
        elif isinstance(value, dict) and name not in OF_FAILURES:
            flat |= {name: value["value"], f"{name}_low": value["low"], f"{name}_high": value["high"]}
        elif name not in OF_FAILURES:
            flat[name] = value
    return {f"verdict/{name}": value for name, value in flat.items() if value is not None}


def without_the_mean(found: dict[str, float]) -> dict[str, float]:
    """What Inspect found, without the two numbers that are Inspect's own."""
    return {name: value for name, value in found.items() if name not in ("reward/mean", "reward/stderr")}


def test_the_same_completions_get_every_score_of_an_evaluation_to_the_last_digit(brain: Brain, tmp_path: Path) -> None:
    replies = replies_of_all_kinds(made(70))

    async def reply(body: dict[str, Any]) -> Response:
        return replies[body["messages"][1]["content"]]

    brain.reactions = [reply]
    overseer = EndpointOverseer(f"brain@{brain.url}")
    with LocalArena() as arena:
        result = evaluate(overseer, arena=arena, episodes=70)
    overseer.close()
    # All that can go wrong went wrong, otherwise this test shows little.
    card = result.scorecard
    assert set(card.troubles) == {Trouble.cut, Trouble.too_long, Trouble.withheld, Trouble.refused}
    assert min(card.invalid, card.failed, card.scored - 40) > 0
    asked = [body["messages"] for body in brain.seen]

    model = get_model("openai-api/tests/brain", base_url=brain.url, api_key="none")
    log = run(model, tmp_path, episodes=70, fail_on_error=False)
    assert log.results.total_samples - log.results.completed_samples == card.failed
    assert without_the_mean(numbers(log)) == of_an_evaluation(result)
    assert numbers(log)["reward/mean"] == pytest.approx(card.reward.value)

    # Both asked for the same, word for word.
    assert sorted(map(str, asked)) == sorted(str(body["messages"]) for body in brain.seen[len(asked) :])


def test_repeated_epochs_are_the_samples_of_an_evaluation(brain: Brain, tmp_path: Path) -> None:
    episodes = made(24)
    replies = replies_of_all_kinds(episodes)
    times: Counter[str] = Counter()

    async def reply(body: dict[str, Any]) -> Response:
        prompt = body["messages"][1]["content"]
        times[prompt] += 1
        # The second verdict on an episode is another one.
        again = times[prompt] % 2 == 0
        detection = len(prompt) % 3 == 0
        doubt = {**RIGHT, "detection": detection, "confidence": 0.5 + len(prompt) % 40 / 100}
        return completion(json.dumps(doubt)) if again else replies[prompt]

    brain.reactions = [reply]
    overseer = EndpointOverseer(f"brain@{brain.url}", temperature=1.0)
    with LocalArena() as arena:
        result = evaluate(overseer, arena=arena, episodes=9, samples=2)
    overseer.close()
    assert result.scorecard.scored + result.scorecard.invalid == 18
    assert {row.attempt for row in result.rows if row.outcome is Outcome.scored} == {0, 1}

    model = get_model("openai-api/tests/brain", base_url=brain.url, api_key="none")
    log = run(model, tmp_path, episodes=9, epochs=2, max_samples=1)
    assert without_the_mean(numbers(log)) == of_an_evaluation(result)
    # A reducer of Inspect's would make one verdict of the two, and is for Inspect's own mean alone.
    log = run(model, tmp_path, episodes=9, epochs=inspect_ai.Epochs(2, "mean"), max_samples=1)
    assert without_the_mean(numbers(log)) == of_an_evaluation(result)


def test_a_log_is_as_long_as_its_samples_and_says_nothing_twice(tmp_path: Path) -> None:
    sizes = {}
    for episodes in (20, 80):
        folder = tmp_path / str(episodes)
        results(says(json.dumps({"detection": True, **RIGHT})), folder, episodes=episodes)
        (log,) = folder.glob("*.eval")
        with ZipFile(log) as parts:
            sizes[episodes] = sum(part.file_size for part in parts.infolist())
    assert sizes[80] < 4.1 * sizes[20]
    # Reductions are the scores of each sample once more.
    assert not inspect_ai.log.read_eval_log(str(log)).reductions
    summaries = inspect_ai.log.read_eval_log_sample_summaries(str(log))
    assert len(summaries) == 80
    assert not any(overseer_prompt()[:40] in str(summary.input) for summary in summaries)


def test_a_run_fetches_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*asked: Any, **_: Any) -> None:
        raise AssertionError(f"a run without a network asked for {asked}")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    assert results(says(json.dumps({"detection": True, **RIGHT})), tmp_path, episodes=3)["verdict/scored"] == 3


def test_a_key_without_an_episode_is_left_out_and_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make = Arena.make

    async def unfit_at_times(self: Arena, key: str) -> Episode:
        if key in ("forge:5:val:1", "forge:5:val:4"):
            raise Unfit("no usable answer")
        return await make(self, key)

    monkeypatch.setattr(Arena, "make", unfit_at_times)
    log = run(
        get_model("mockllm/model", custom_outputs=says(json.dumps({"detection": True, **RIGHT}))), tmp_path, episodes=6
    )
    assert [sample.id for sample in log.samples] == [f"forge:5:val:{index}" for index in (0, 2, 3, 5)]
    assert log.eval.metadata["without_episode"] == {
        "forge:5:val:1": "no usable answer",
        "forge:5:val:4": "no usable answer",
    }
    from forge_arena.inspect_task import overseer

    with pytest.raises(ValueError, match="none of the 1 keys makes an episode: forge:5:val:4: no usable answer"):
        overseer(episodes=1, start=4)


def test_a_log_is_scored_anew_from_its_keys_alone(tmp_path: Path) -> None:
    from forge_arena.inspect_task import verdict

    first = run(
        get_model("mockllm/model", custom_outputs=says(json.dumps({"detection": True, **RIGHT}))), tmp_path, episodes=6
    )
    (path,) = tmp_path.glob("*.eval")
    log = inspect_ai.log.read_eval_log(str(path))
    again = inspect_ai.score(log, verdict(), action="overwrite")
    assert [one.scores["verdict"].value for one in again.samples] == [
        one.scores["verdict"].value for one in log.samples
    ]
    assert numbers(again) == numbers(first)


def test_the_sealed_split_cannot_be_played(tmp_path: Path) -> None:
    from forge_arena.inspect_task import overseer

    with pytest.raises(ValueError, match="the test split is sealed"):
        overseer(split="test")
