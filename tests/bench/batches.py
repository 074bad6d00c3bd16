"""What a verdict of a batch of 64 on 64 episodes costs the server, here and at another revision: CPU of its process.

    python tests/bench/batches.py REVISION [ROUNDS]

Two servers, one of each revision, take turns as in `side_by_side.py`. Each round opens new keys, and judges half of the
episodes by repairs that leave the fault in the answer, and half by repairs that mend it. The last sentence of each
repair is one that no Verifier of these episodes has read. All verdicts flag the answer, whether it was corrupted or not.
"""

import asyncio
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import httpx
from measure import serving
from side_by_side import compare, given_rounds

BATCH = 64
EPISODES = 4 * BATCH


def measure() -> None:
    """The child: judge as each line of input says, and answer with a line of JSON."""
    from forge_arena.episodes import Arena
    from forge_arena.types import Split
    from forge_arena.workers import ScriptedWorker

    arena = Arena(ScriptedWorker())
    with (
        tempfile.TemporaryDirectory() as folder,
        serving(Path(folder) / "arena.db", stock=1, live=2 * EPISODES) as server,
        httpx.Client(base_url=server.url, timeout=240) as http,
    ):
        for line in sys.stdin:
            first, count = json.loads(line)
            keys = [arena.key(Split.train, index) for index in range(first, first + count)]
            asked = {"keys": [str(key) for key in keys]}
            opened = http.post("/v1/episodes", json=asked).raise_for_status().json()["episodes"]
            made = {str(key): asyncio.run(arena.make(key)).truth.clean_output for key in keys}
            costs: dict[str, list[float]] = {"left": [], "mended": []}
            for number, start in enumerate(range(0, len(opened), BATCH)):
                kind = ("left", "mended")[number % 2]
                given = [
                    attempt(e, e["observation"]["worker_output"] if kind == "left" else made[e["key"]])
                    for e in opened[start : start + BATCH]
                ]
                before = server.cpu_seconds()
                http.post("/v1/verdicts", json={"verdicts": given}).raise_for_status()
                costs[kind].append(1000 * (server.cpu_seconds() - before) / len(given))
            means = {f"judge, the fault is {kind}": sum(ms) / len(ms) for kind, ms in costs.items()}
            print(json.dumps(means), flush=True)


def attempt(opened: dict[str, Any], repair: str) -> dict[str, Any]:
    """As in `test_server_bench`, with this repair but for its last sentence."""
    verdict = {
        "detection": True,
        "explanation": f'temporal_shift: the answer says "{opened["observation"]["worker_output"][:160]}", '
        "and the source says otherwise.",
        "correction": repair.rpartition(". ")[0] + ". This sentence was repaired.",
        "confidence": 0.83,
    }
    return {"episode_id": opened["episode_id"], "attempt": 0, "verdict": verdict}


def main() -> None:
    if sys.argv[1:] == ["--measure"]:
        measure()
    elif len(sys.argv) > 1:
        compare(sys.argv[1], given_rounds(sys.argv[1:]), script=__file__, episodes=EPISODES)
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
