"""`forge-arena worker`: a model that is of no use, over HTTP, and what the command says of it."""

import json
from pathlib import Path

from ..brain import completion, running_brain
from ..command_line import called


def test_a_useless_model_is_told_apart_with_reasons_and_advice(tmp_path: Path) -> None:
    with running_brain() as brain:
        brain.reactions = [completion("It takes 5 days.", usage={"prompt_tokens": 700, "completion_tokens": 6})]
        spec = f"openai:brain@{brain.url}"
        out, err = called("worker", spec, "--count", "8", "--revisions", "1", "--json", "worker.json", cwd=tmp_path)
    report = json.loads((tmp_path / "worker.json").read_text())
    assert (report["worker"], report["asked"], report["total"]["usable"]) == ("openai:brain", 8, [0, 0])
    assert report["suite"].startswith("forge:")
    assert report["input_tokens"] == 700 * report["requests"]
    assert "after 1" in out
    assert "repeated answer" not in out.splitlines()[0]
    assert "0 of 8 answers can be used, too few for a server" in out
    assert "8 of 8 scenarios" in err


def test_only_the_families_of_a_split(tmp_path: Path) -> None:
    called("worker", "scripted", "--split", "val", "--count", "6", "--no-instruct", "--json", "w.json", cwd=tmp_path)
    report = json.loads((tmp_path / "w.json").read_text())
    assert report["asked"] == sum(group["asked"] for group in report["families"]) == 6
    assert sum(item["obeyed"] for item in report["instructions"]) == 0


def test_a_typo_is_refused_before_anything_starts(tmp_path: Path) -> None:
    _, err = called("worker", "scriptd", cwd=tmp_path, code=2)
    assert "did you mean 'scripted'" in err.lower()
    _, err = called("worker", "scripted", "--split", "vall", cwd=tmp_path, code=2)
    assert "val" in err
