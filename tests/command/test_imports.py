"""A refusal comes at once: a command imports what takes seconds only when it computes something."""

import subprocess
import sys
from pathlib import Path

import pytest

from ..command_line import ENVIRONMENT

LIGHT = ("forge_agents.client", "forge_agents.records", "forge_agents.evaluation", "forge_command.app")
HEAVY = ("torch", "transformers", "sklearn", "scipy", "pandas", "matplotlib", "fastapi", "sqlalchemy")
# Prints the heavy modules that the command has imported when it ends.
PROGRAM = f"""
import atexit, sys
atexit.register(lambda: print("imported:", *(name for name in {HEAVY} if name in sys.modules)))
from forge_command.app import main
main()
"""
REFUSALS = {
    "eval --overseer always_claen": "Did you mean 'always_clean'?",
    "eval --overseer rules --split tset": "Did you mean 'test'?",
    "compare x": "two results or more",
    "export --kind stf --out rows": "Did you mean 'sft'?",
    "audit labels --split tset": "Did you mean 'test'?",
    "audit labels --worker scriptedd": "Did you mean 'scripted'?",
    "bank a.bank --worker scriptedd": "Did you mean 'scripted'?",
    "serve --worker scriptedd": "Did you mean 'scripted'?",
    "serve --documents documents.jsonl": "documents need a Worker that reads",
    "serve --host 0.0.0.0": "needs a token",
    "train run --preset fase1 --out run": "Did you mean 'phase1'?",
    "train sweep --preset fase1 --vary seed=1 --start model --out sweep": "Did you mean 'phase1'?",
}


def imported(out: str) -> list[str]:
    return out.rpartition("imported:")[2].split()


def test_nothing_heavy_is_loaded_before_something_is_computed() -> None:
    program = f"import sys, {', '.join(LIGHT)}; print('imported:', *(n for n in {HEAVY} if n in sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert imported(done.stdout) == []


@pytest.mark.parametrize("command", ["--help", *REFUSALS])
def test_help_and_a_refusal_import_nothing_heavy(tmp_path: Path, command: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *command.split()],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=ENVIRONMENT,
        check=False,
    )
    assert REFUSALS.get(command, "") in done.stderr
    assert (done.returncode, "imported:" in done.stdout) == (2 if command in REFUSALS else 0, True)
    assert imported(done.stdout) == []
