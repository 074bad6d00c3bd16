"""Ten thousand episodes judged through an endpoint that fails for a while, broken off by Ctrl-C and resumed: what it
takes, and that no episode is lost, judged twice or scored for the endpoint's trouble."""

import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from fastapi import Request, Response
from measure import serving as serving_arena
from measure import write_table

from brain import completion, refusal, serving
from forge_agents.result import Result

sys.path.insert(0, str(Path(__file__).parents[1]))


pytestmark = pytest.mark.bench

EPISODES = 10_000
BATCH = 64
# Of the first 10,000 draws of val.
UNFIT = 1
DOWN_AT, DOWN_FOR = 2_000, 8.0
BROKEN_OFF_AT = 5_000
VERDICT = '{"detection": true, "explanation": "", "correction": "", "confidence": 0.6}'


class Endpoint:
    """Gives one verdict to all; from the 2,000th on it is down for some seconds."""

    def __init__(self) -> None:
        self.answered = 0
        self.refused = 0
        self._down: float | None = None

    async def chat(self, request: Request) -> Response:
        await request.json()
        now = time.monotonic()
        if self.answered >= DOWN_AT and self._down is None:
            self._down = now
        if self._down is not None and now - self._down < DOWN_FOR:
            self.refused += 1
            return refusal(503, "out of memory, restarting")
        self.answered += 1
        return completion(VERDICT, usage={"prompt_tokens": 1_500, "completion_tokens": 30, "total_tokens": 1_530})


def test_ten_thousand_episodes_survive_an_endpoint_that_fails_and_a_ctrl_c(tmp_path: Path) -> None:
    endpoint, out = Endpoint(), tmp_path / "out"
    with serving({"/v1/chat/completions": endpoint.chat}) as url, serving_arena(tmp_path / "a.db") as arena:
        command = [sys.executable, "-m", "forge_command", "eval", "--overseer", f"openai:model@{url}/v1"]
        command += ["--arena", arena.url, "--episodes", str(EPISODES), "--batch", str(BATCH), "--out", str(out)]
        command += ["--set", "concurrency=32"]
        begin = time.perf_counter()
        with (tmp_path / "first.log").open("wb") as log:
            first = subprocess.Popen(command, stderr=log, env={**os.environ, "COLUMNS": "120"})
            while endpoint.answered < BROKEN_OFF_AT:
                assert first.poll() is None, (tmp_path / "first.log").read_text()[-2_000:]
                time.sleep(0.05)
            first.send_signal(signal.SIGINT)
            code = first.wait(60)
        assert code == 2
        assert "--resume" in (tmp_path / "first.log").read_text()[-500:]
        done = len((out / "records.jsonl").read_text().splitlines()) - 1
        again = time.perf_counter()
        second = subprocess.run([*command, "--resume"], capture_output=True, text=True, check=False)
        end = time.perf_counter()
    assert second.returncode == 0, second.stderr[-2_000:]
    result = Result.read(out)
    assert Counter(row.key for row in result.rows) == Counter(f"forge:5:val:{n}" for n in range(EPISODES))
    records = [json.loads(line) for line in (out / "records.jsonl").read_text().splitlines()[1:]]
    assert len({record["row"]["key"] for record in records}) == len(records)
    # A draw that no harmless edit fits is the Worker's failure, and no score of the overseer's.
    assert len(records) + result.scorecard.failed == EPISODES
    assert (result.scorecard.invalid, result.scorecard.failed) == (0, UNFIT)
    assert endpoint.refused > 0
    # Only what was in flight when it was broken off is asked again.
    assert len(records) <= endpoint.answered <= len(records) + BATCH
    write_table("Ten thousand episodes through an endpoint", [_row(out, endpoint, done, again - begin, end - again)])


def _row(out: Path, endpoint: Endpoint, done: int, before: float, after: float) -> dict[str, object]:
    cost: Any = Result.read(out).cost
    return {
        "refused": endpoint.refused,
        "tried again": cost.retries,
        "asked twice": endpoint.answered - EPISODES + UNFIT,
        "done at Ctrl-C": done,
        "seconds before": before,
        "after": after,
        "records MB": (out / "records.jsonl").stat().st_size / 1e6,
        "result MB": (out / "result.json").stat().st_size / 1e6,
        "page MB": (out / "report.html").stat().st_size / 1e6,
        "most memory of a child MB": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e3,
    }
