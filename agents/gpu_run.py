"""Train a preset on a GPU within so many minutes, on full families with long sources, and say what that took.

    python agents/gpu_run.py small-model --out runs/gpu                      # ten minutes on one H100-class card
    python agents/gpu_run.py small-model --out runs/gpu --minutes 4 --set steps=2   # or on a CPU, to see that it runs

Starts an arena of its own, makes a warm start, trains by the preset's algorithm until the time is up, and evaluates
before and after on held-out families. Prints the time of a step, the memory of the card and the held-out numbers;
`report.html` and the trained model are in the folder. Stopped, it continues with the same command.
"""

import argparse
import resource
import sys
from pathlib import Path
from statistics import median
from time import perf_counter

import torch

from forge_agents.train import quiet
from forge_agents.train.changes import load_changes
from forge_agents.train.journal import lines
from forge_agents.train.online import ArenaAddress
from forge_agents.train.pipeline import run
from forge_agents.train.presets import Preset, load_preset
from forge_command.child import running_server
from forge_command.training import reporting

# What differs from the preset `small` on a card: long sources and answers, and larger batches.
ON_GPU = (
    *("max_completion=1024", "batch=64", "device_batch=16", "generations=8", "held_out.batch=64"),
    *("recompute=true", "share_prompts=false"),
    *("warm_start.demonstrations=1200", "warm_start.batch=16", "warm_start.device_batch=16", "held_out.episodes=128"),
    *("warm_start.save_every=50", "steps=200", "save_every=20"),
)
# The share of the time that GRPO gets; the warm start and the evaluations take the rest.
SHARE = 0.4


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="folder of a small instruct model, such as SmolLM2-135M-Instruct")
    parser.add_argument("--out", type=Path, required=True, help="folder of the run")
    parser.add_argument("--preset", default="small")
    parser.add_argument("--scenarios", default=None, help="another set of families, such as short")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change a setting; repeatable")
    arguments = parser.parse_args()
    changes = [*ON_GPU, f"model={arguments.model}", f"wall_seconds={arguments.minutes * 60 * SHARE:.0f}"]
    preset = load_preset(arguments.preset, [*changes, *arguments.set])
    quiet()
    begun = perf_counter()
    serve = [] if arguments.scenarios is None else ["--scenarios", arguments.scenarios]
    with running_server(*serve, store=arguments.out.with_suffix(".db")) as url, reporting() as reporter:
        report = run(preset, ArenaAddress(url), arguments.out, reporter=reporter, resume=True)
    minutes = (perf_counter() - begun) / 60
    sys.stdout.write("\n".join([*facts(preset, arguments.out, minutes), f"report: {report}"]) + "\n")


def facts(preset: Preset, out: Path, minutes: float) -> list[str]:
    """What the run took and what it changed, in lines."""
    steps = lines(out, "log.jsonl")
    seconds = [line["step_time"] for line in steps]
    tokens = [line["completions/mean_length"] for line in steps]
    said = [
        f"device: {torch.cuda.get_device_name() if torch.cuda.is_available() else 'CPU'}, {minutes:.1f} minutes",
        f"steps: {len(steps)} of {preset.steps}, {preset.batch} completions of {median(tokens):.0f} tokens each",
        f"a step: {median(seconds):.1f} s (median; the first {seconds[0]:.1f} s)",
        f"memory: {memory()}",
    ]
    changes = load_changes(out)
    if changes is not None:
        for change in changes.metrics:
            before, after = change.before.value, change.after.value
            if before is not None and after is not None:
                said.append(f"{change.name}: {before:.3f} before, {after:.3f} after ({change.in_words})")
        said += changes.findings()
    return said


def memory() -> str:
    """The most memory that this process had in use: of the card, or of the machine."""
    if torch.cuda.is_available():
        return f"{torch.cuda.max_memory_allocated() / 2**30:.1f} GiB of the card"
    return f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.1f} GiB of the machine"


if __name__ == "__main__":
    main()
