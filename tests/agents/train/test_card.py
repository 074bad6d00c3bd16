"""The model card: the Hub reads it, what was measured stands in it as it was, and its own example runs."""

import json
import re
from pathlib import Path

import pytest

pytest.importorskip("torch")
hub = pytest.importorskip("huggingface_hub")

from forge_agents.train.card import write_card  # noqa: E402
from forge_agents.train.presets import load_preset  # noqa: E402
from forge_arena.errors import InvalidVerdict  # noqa: E402
from forge_arena.prompts import compact_system  # noqa: E402
from forge_arena.verdicts import overseer_prompt  # noqa: E402

from .runs import begun, finished, result, rows  # noqa: E402


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """The folder of a finished run from a published model, which has the model's configuration and no weights."""
    before, after = result(rows(0, skill=0.5)), result(rows(0, skill=2.5))
    finished(tmp_path, before, after, "scratch=null", "model=Qwen/Qwen2.5-1.5B-Instruct", "warm_start=null")
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text("{}", encoding="utf-8")
    return tmp_path


def test_the_hub_reads_what_was_measured_and_on_what(run: Path) -> None:
    path = write_card(run)
    assert path == run / "model" / "README.md"
    card = hub.ModelCard.load(path)
    assert card.data.base_model == "Qwen/Qwen2.5-1.5B-Instruct"
    assert card.data.library_name == "transformers"
    assert card.data.license == "apache-2.0"
    assert {"forge-arena", "grpo"} <= set(card.data.tags)
    assert card.data.datasets is None
    measured = {one.metric_type: one for one in card.data.eval_results}
    expected = result(rows(0, skill=2.5)).scorecard
    assert measured["balanced_accuracy"].metric_value == round(expected.balanced_accuracy.value or 0, 4)
    assert measured["roc_auc"].metric_value == round(expected.auroc.value or 0, 4)
    assert {"reward", "brier_score", "auroc_log_odds", "f1", "share_flagged"} <= measured.keys()
    assert all((one.dataset_config, one.dataset_split) == ("short:5", "val") for one in measured.values())


def test_writing_what_was_read_changes_nothing(run: Path, tmp_path: Path) -> None:
    path = write_card(run)
    card = hub.ModelCard.load(path)
    again = tmp_path / "again.md"
    card.save(again)
    assert again.read_text(encoding="utf-8") == path.read_text(encoding="utf-8")


def test_the_text_says_how_it_was_trained_and_what_changed(run: Path) -> None:
    text = write_card(run).read_text(encoding="utf-8")
    tiny = load_preset("tiny")
    for told in (
        "grpo, preset tiny",
        f"{tiny.steps} of {tiny.batch} completions",
        "suite short:5",
        "| balanced accuracy | 0.",
        "clear of 0, better",
        "It discriminates better",
        "forge_arena.prompts",
        "forge-arena eval --overseer hf:PATH",
        overseer_prompt(),
        "## Limits",
        "the base model's own licence",
    ):
        assert told in text
    assert "from scratch, has read nothing" not in text
    # A table that a blank line tears apart is none.
    assert re.search(r"\|---\|---\|---\|---\|\n(\|.*\|\n){7}\n", text)


def test_the_card_has_the_prompt_of_the_preset(run: Path) -> None:
    record = json.loads((run / "run.json").read_text(encoding="utf-8"))
    record["preset"]["prompt"] = "compact"
    (run / "run.json").write_text(json.dumps(record), encoding="utf-8")
    text = write_card(run).read_text(encoding="utf-8")
    assert compact_system() in text
    assert overseer_prompt() not in text
    assert 'prompt("compact")(observation)' in text
    assert "`Task:`, `Source material:` and `Worker output:`, in this order" in text


def test_a_model_from_scratch_is_not_recommended(tmp_path: Path) -> None:
    begun(tmp_path)
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text("{}", encoding="utf-8")
    card = hub.ModelCard.load(write_card(tmp_path))
    assert "only shows that the training loop works" in card.text
    assert "this model's chat template leaves out" in card.text
    assert card.data.base_model is None
    # Nothing was measured, so nothing is claimed.
    assert card.data.eval_results is None
    assert "has no evaluations from before" in card.text


def test_the_example_in_the_card_runs(taught: Path, tmp_path: Path) -> None:
    begun(tmp_path, "max_completion=24")
    (tmp_path / "model").mkdir()
    for file in taught.iterdir():
        if file.is_file():
            (tmp_path / "model" / file.name).write_bytes(file.read_bytes())
    text = write_card(tmp_path).read_text(encoding="utf-8")
    found = re.search(r"```python\n(.*?)```", text, re.DOTALL)
    assert found is not None
    names: dict[str, object] = {}
    try:
        exec(found[1].replace('"PATH"', repr(str(tmp_path / "model"))), names)
    except InvalidVerdict:
        pytest.fail(f"the taught model wrote {names['completion']!r}")
    assert names["verdict"] is not None


def test_a_run_without_a_model_is_refused(tmp_path: Path) -> None:
    begun(tmp_path)
    with pytest.raises(ValueError, match=r"holds no trained model: model/config\.json is missing"):
        write_card(tmp_path)
    with pytest.raises(ValueError, match="holds no run"):
        write_card(tmp_path / "nowhere")
