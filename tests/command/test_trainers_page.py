"""The Python of docs/trainers.md runs as it is written there, one block after the other, against a real server."""

import re
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "trainers.md"
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
SAID = '{"detection": false, "explanation": "", "correction": "", "confidence": 0.6}'
CLIENT_CHECKS = f"""
ids = [dataset[0]["episode_id"]] * 2 + [dataset[1]["episode_id"]]
texts = ['{SAID}', "no verdict", '{SAID}']
assert len(dataset) == 64
assert [message["role"] for message in dataset[0]["prompt"]] == ["system", "user"]
first, second = reward(None, texts, ids), reward(None, texts, ids)
assert first == second and first[1] == 0.0 and 0 < first[0] < 1, first
"""
TOOLS_CHECKS = """
assert "submit_verdict" in row["prompt"][0]["content"]
assert found and 0 <= earned <= 1, (found, earned)
"""
HTTP_CHECKS = f"""
from forge_arena.types import Observation
from forge_arena.verdicts import messages as ours
assert dataset[0]["prompt"] == ours(Observation.model_validate(episodes[0]["observation"]))
for view in ("no_reasoning", "answer_only"):
    (hidden,) = open_episodes(count=1, stream="http-run", view=view)
    assert messages(hidden["observation"]) == ours(Observation.model_validate(hidden["observation"]))
used = {{**episodes[0]["observation"], "tool_uses": [{{"name": "calculate", "arguments": {{"expression": "1"}}, "ok": True, "result": "1"}}]}}
assert messages(used) == ours(Observation.model_validate(used))
assert reward_group(dataset[0]["episode_id"], ['{SAID}'] * 3) == reward_group(dataset[0]["episode_id"], ['{SAID}'] * 3)
"""
VALIDATION_CHECKS = """
again = arena.open_episodes(split="val", count=64)
assert [e.key for e in again.episodes] == [e.key for e in held_out.episodes]
"""
GYMNASIUM_CHECKS = """
assert truth.corrupted == (paid < 0.3)
assert infos["key"][4].endswith(":train:70")
print("all of it")
"""


def test_the_python_of_the_page_runs(arena: str) -> None:
    client, tools, http, validation, environment = BLOCKS
    script = "".join(
        (client, CLIENT_CHECKS, tools, TOOLS_CHECKS, validation, VALIDATION_CHECKS, http, HTTP_CHECKS, environment)
    )
    script += GYMNASIUM_CHECKS
    done = subprocess.run(
        [sys.executable, "-c", script.replace("http://127.0.0.1:8000", arena)],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert (done.returncode, done.stdout) == (0, "all of it\n"), done.stderr
