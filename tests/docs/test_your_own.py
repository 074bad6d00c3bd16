"""The page from nothing to a scorecard: its commands, in their order, with a real server and a real endpoint.

Only what the model says is made up. The documents are those of the tests of the import.
"""

import json
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ..arena.documents.proposed import EXAMPLES
from ..brain import Brain, completion
from ..command_line import ENVIRONMENT, command, ran
from ..server_process import free_port
from .examples import ARENA, Examples

PAGE = (Path(__file__).parents[2] / "docs" / "your-own.md").read_text(encoding="utf-8")
ENDPOINT = "http://127.0.0.1:8001/v1"
COMMANDS = re.findall(r"^\$ forge-arena (.*)$", PAGE, re.MULTILINE)
TASKS = [proposal["task"] for _, proposal, _ in EXAMPLES.values()]
SUSPICIOUS = {"detection": True, "explanation": "temporal_shift", "correction": "", "confidence": 0.6}


async def say(body: dict[str, Any]) -> Any:
    """What a model says as the author, as an overseer, and as the Worker."""
    asked = "\n".join(str(message["content"]) for message in body["messages"])
    example = next((example for example in EXAMPLES.values() if example[0].strip()[:300] in asked), None)
    if example is None:
        return completion("yes")
    if '"detection"' in asked:
        return completion(json.dumps(SUSPICIOUS))
    return completion(json.dumps(example[1]) if '"facts"' in asked or "quotation" in asked else example[2])


@pytest.mark.slow
def test_the_commands_lead_from_a_folder_to_a_scorecard(brain: Brain, tmp_path: Path) -> None:
    brain.reactions = [say]
    (tmp_path / "policies").mkdir()
    for name, (text, *_) in EXAMPLES.items():
        (tmp_path / "policies" / f"{name}.md").write_text(text, encoding="utf-8")
    for name, text in Examples.of(PAGE).files.items():
        (tmp_path / name).write_text(text.replace(ENDPOINT, brain.url), encoding="utf-8")
    arena = f"http://127.0.0.1:{free_port()}"
    lines = [line.replace(ENDPOINT, brain.url).replace(ARENA, arena) for line in COMMANDS]
    serve = next(line for line in lines if line.startswith("serve "))
    before, after = lines[: lines.index(serve)], lines[lines.index(serve) + 1 :]
    assert [line.split()[0] for line in [*before, *after]] == ["scenarios", "worker", "eval", "eval", "compare"]
    for line in before:
        ran(*shlex.split(line), cwd=tmp_path)
    assert "<html" in (tmp_path / "look.html").read_text(encoding="utf-8")
    played = subprocess.run(
        [sys.executable, "play.py"],
        cwd=tmp_path,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert played.returncode == 0, played.stderr[-2_000:]
    assert "balanced accuracy: " in played.stdout
    assert any(f"{task.split('. ')[0]}. " in played.stdout for task in TASKS)
    server = subprocess.Popen(
        [*command(*shlex.split(serve)), "--port", arena.rpartition(":")[2]],
        cwd=tmp_path,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert server.stdout is not None
        assert arena in server.stdout.readline()
        printed = [ran(*shlex.split(line), cwd=tmp_path, timeout=300)[0] for line in after]
    finally:
        server.send_signal(signal.SIGINT)
        server.communicate(timeout=60)
    assert "digits" in printed[0]
    assert "balanced accuracy" in printed[-1]
    assert (tmp_path / "results" / "model" / "report.html").is_file()
    scorecard = json.loads((tmp_path / "results" / "model" / "result.json").read_text(encoding="utf-8"))["scorecard"]
    assert scorecard["episodes"] == 40
    assert scorecard["share_flagged"]["value"] == 1.0
