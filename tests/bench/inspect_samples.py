"""Measure the arena as a task of Inspect at several numbers of samples, without a network.

    .venv-inspect/bin/python tests/bench/inspect_samples.py [SAMPLES …]    (or: make bench-inspect)

Each number runs in a process of its own, with Inspect's mock model. The model answers a prompt by the digest of the prompt,
so that its verdicts differ and are the same in every run. The table has a line for each number: the log's size, the time,
the CPU time, and the most memory. With --beside-eval each number is evaluated once more by `forge_agents.evaluate`, with
the same replies, and every score must be the same to the last digit.
"""

import hashlib
import json
import os
import resource
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

SAMPLES = (250, 1_000, 4_000, 10_000)
BESIDE_EVAL = "--beside-eval"
# The child process that measures one number.
ONE = "--one"
UNREADABLE = "I would rather not say."


def reply(prompt: str) -> str:
    """A verdict that depends on the prompt alone: half of the answers are flagged, and one reply in 50 is no verdict."""
    digest = hashlib.sha256(prompt.encode()).digest()
    if digest[2] < 5:
        return UNREADABLE
    flagged = digest[0] < 128
    return json.dumps(
        {
            "detection": flagged,
            "explanation": f'temporal_shift: "{prompt[-60:]}"' if flagged else "",
            "correction": prompt[-400:] if flagged else "",
            "confidence": round(0.5 + digest[1] / 510, 3),
        }
    )


class ByDigest:
    """The overseer that says what the mock model says."""

    name = "by_digest"

    def review(self, observations: Sequence[Any]) -> list[str]:
        from forge_arena.verdicts import messages

        return [reply(messages(observation)[1]["content"]) for observation in observations]


def refuse(*asked: Any, **_: Any) -> None:
    raise AssertionError(f"a run without a network asked for {asked}")


def run(samples: int, folder: str) -> dict[str, Any]:
    """Run the task once, in this process."""
    import inspect_ai
    from inspect_ai.model import ModelOutput, ModelUsage, get_model

    def say(chat: Sequence[Any], *_: Any) -> ModelOutput:
        output = ModelOutput.from_content(model="mock", content=reply(chat[-1].text))
        # Otherwise the mock counts tokens with a vocabulary that it would have to download.
        output.usage = ModelUsage(input_tokens=1, output_tokens=1, total_tokens=2)
        return output

    socket.getaddrinfo = refuse
    begin, cpu = time.perf_counter(), time.process_time()
    (log,) = inspect_ai.eval(
        "forge_arena/overseer",
        model=get_model("mockllm/model", custom_outputs=say),
        task_args={"episodes": samples},
        log_dir=folder,
        display="none",
    )
    if log.status != "success":
        raise SystemExit(f"the run of {samples} samples failed: {log.error}")
    (path,) = Path(folder).glob("*.eval")
    return {
        "samples": samples,
        "without_episode": len(log.eval.metadata["without_episode"]),
        "log_bytes": path.stat().st_size,
        "seconds": time.perf_counter() - begin,
        "cpu": time.process_time() - cpu,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "scores": {name: one.value for name, one in log.results.scores[0].metrics.items()},
    }


def evaluated(samples: int) -> dict[str, float]:
    """The scores of `forge_agents.evaluate` for the same replies, by the names that the task gives them."""
    from forge_agents.evaluation import evaluate
    from forge_agents.local import LocalArena

    with LocalArena() as arena:
        card = evaluate(ByDigest(), arena=arena, episodes=samples).scorecard.model_dump()
    found: dict[str, float | None] = dict(card.pop("components"))
    for name, value in card.items():
        if isinstance(value, dict) and "value" in value:
            found |= {name: value["value"], f"{name}_low": value["low"], f"{name}_high": value["high"]}
        elif isinstance(value, int | float) and name not in ("episodes", "failed"):
            found[name] = value
    return {name: value for name, value in found.items() if value is not None}


def measured(samples: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, __file__, ONE, str(samples), folder], stdout=subprocess.PIPE, text=True, check=True
        )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def main(arguments: Sequence[str]) -> None:
    if arguments[:1] == [ONE]:
        print(json.dumps(run(int(arguments[1]), arguments[2])))
        return
    beside = BESIDE_EVAL in arguments
    sizes = [int(one) for one in arguments if one != BESIDE_EVAL] or SAMPLES
    print("| samples | log | a sample | seconds | CPU seconds | CPU a sample | most memory |", flush=True)
    print("|---|---|---|---|---|---|---|", flush=True)
    for samples in sizes:
        found = measured(samples)
        size, cpu = found["log_bytes"], found["cpu"]
        print(
            f"| {samples:,} | {size / 1e6:.2f} MB | {size / samples / 1e3:.2f} kB | {found['seconds']:.0f} | {cpu:.0f} "
            f"| {1e3 * cpu / samples:.0f} ms | {found['peak_mb']:.0f} MB |",
            flush=True,
        )
        if found["without_episode"]:
            print(f"  {found['without_episode']} of {samples} keys make no episode", flush=True)
        if beside:
            wanted = evaluated(samples)
            if found["scores"] != wanted:
                names = sorted(set(wanted.items()) ^ set(found["scores"].items()))
                raise SystemExit(f"not the scores of an evaluation: {names}")
            print(f"  all {len(wanted)} numbers are those of forge-arena eval, to the last digit", flush=True)


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main(sys.argv[1:])
