"""What a process loads before it computes: a command that refuses, or a reader of results, must not wait for seconds."""

import subprocess
import sys

LIGHT = ("forge_agents.client", "forge_agents.records", "forge_agents.evaluation", "forge_command.app")
HEAVY = ("sklearn", "scipy", "pandas")


def test_nothing_heavy_is_loaded_before_something_is_computed() -> None:
    program = f"import sys, {', '.join(LIGHT)}; print(*(name for name in {HEAVY} if name in sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert loaded == []
