"""The arena as a task of Inspect, with Inspect's own mock model."""

import gc
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

inspect_ai = pytest.importorskip("inspect_ai")

from inspect_ai.model import ModelOutput, ModelUsage, get_model  # noqa: E402

pytestmark = pytest.mark.filterwarnings("default")


@pytest.fixture(autouse=True)
def collected() -> Iterator[None]:
    """Streams that Inspect leaves open warn when they are collected: here, where warnings are no errors."""
    yield
    gc.collect()


RIGHT = {"explanation": "", "correction": "", "confidence": 1.0}


def results(say: Any, tmp_path: Path, task: str = "forge_arena/overseer", **arguments: Any) -> dict[str, float]:
    model = get_model("mockllm/model", custom_outputs=say)
    (log,) = inspect_ai.eval(task, model=model, task_args=arguments, log_dir=str(tmp_path), display="none")
    assert log.status == "success", log.error
    found = [(one.name, m.rpartition("/")[2], v.value) for one in log.results.scores for m, v in one.metrics.items()]
    return {f"{score}/{metric}": value for score, metric, value in found}


def says(text: str) -> Any:
    def said(*_: Any) -> ModelOutput:
        output = ModelOutput.from_content(model="mock", content=text)
        # Else the mock counts tokens with a vocabulary that it would have to download.
        output.usage = ModelUsage(input_tokens=1, output_tokens=1, total_tokens=2)
        return output

    return said


def test_a_constant_is_at_chance_and_is_scored_as_the_arena_scores_it(tmp_path: Path) -> None:
    found = results(says(json.dumps({"detection": False, **RIGHT, "confidence": 0.5})), tmp_path, episodes=30)
    assert found["detection/balanced_accuracy"] == 0.5
    assert found["p_corrupted/auroc"] == 0.5
    assert found["readable/mean"] == 1.0
    assert found["calibration/mean"] == pytest.approx(0.75)
    assert 0.2 < found["reward/mean"] < 0.5
    assert "reward/stderr" in found


def test_what_cannot_be_read_is_wrong(tmp_path: Path) -> None:
    found = results(says("I would rather not say."), tmp_path, episodes=12)
    assert found["readable/mean"] == found["reward/mean"] == found["detection/balanced_accuracy"] == 0.0
    assert found["p_corrupted/auroc"] == 0.0


def test_a_completion_is_read_as_the_server_reads_it(tmp_path: Path) -> None:
    verdict = json.dumps({"detection": False, **RIGHT, "confidence": 0.5})
    thoughts = "It may be so. " * 9_000
    found = results(says(f"<think>{thoughts}</think>{verdict}\ufffd"), tmp_path, episodes=4)
    assert found["readable/mean"] == 1.0
    found = results(says(f"{verdict}{thoughts}"), tmp_path, episodes=4)
    assert found["readable/mean"] == 0.0


def test_a_log_grows_with_the_number_of_its_samples_and_no_faster(tmp_path: Path) -> None:
    sizes = {}
    for episodes in (20, 80):
        folder = tmp_path / str(episodes)
        results(says(json.dumps({"detection": True, **RIGHT})), folder, episodes=episodes)
        (log,) = folder.glob("*.eval")
        with ZipFile(log) as parts:
            sizes[episodes] = sum(part.file_size for part in parts.infolist())
    assert sizes[80] < 4.5 * sizes[20]


def test_a_log_is_scored_anew_from_its_keys_alone(tmp_path: Path) -> None:
    from forge_arena.inspect_task import verdict

    results(says(json.dumps({"detection": True, **RIGHT})), tmp_path, episodes=6)
    (path,) = tmp_path.glob("*.eval")
    log = inspect_ai.log.read_eval_log(str(path))
    again = inspect_ai.score(log, verdict(), action="overwrite")
    assert [one.scores["verdict"].value for one in again.samples] == [
        one.scores["verdict"].value for one in log.samples
    ]


def test_the_sealed_split_cannot_be_played(tmp_path: Path) -> None:
    from forge_arena.inspect_task import overseer

    with pytest.raises(ValueError, match="the test split is sealed"):
        overseer(split="test")
