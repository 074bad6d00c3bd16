"""`forge-arena bench`: measure the server, the reward and the making of episodes."""

import json as jsonlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from forge_command.console import fail, write_json
from forge_command.options import JsonFile

TESTS = Path(__file__).parents[2] / "tests" / "bench"
EPILOG = """Example:

forge-arena bench --json tables.json"""


def bench(json: JsonFile = None) -> None:
    """Run the measurements of `tests/bench`, which needs a checkout, and print their tables."""
    if not TESTS.is_dir():
        raise fail("the measurements are in the repository: run this from a checkout")
    with tempfile.TemporaryDirectory() as folder:
        tables = Path(folder, "tables.json")
        command = [sys.executable, "-m", "pytest", str(TESTS), "-m", "bench", "-q", "-s", "-p", "no:xdist"]
        code = subprocess.call(command, env={**os.environ, "FORGE_ARENA_BENCH_JSON": str(tables)})
        results = jsonlib.loads(tables.read_text()) if tables.is_file() else {}
    write_json(results, json)
    raise SystemExit(code)
