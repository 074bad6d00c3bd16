"""Measure what `spare_the_collector` saves: the CPU of a real server for episodes and verdicts, with it and without.

python tests/bench/collector.py
"""

import os
import subprocess
import sys
import tempfile

import httpx

BATCHES = 12
SERVE = (
    "import sys; from forge_server import process, running; from forge_server.settings import Settings; "
    "{change}process.serve(Settings(store=sys.argv[1], port=0, stock=1, log_level='warning'))"
)


def cpu_seconds(pid: int) -> float:
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def cpu_ms_an_episode(change: str) -> float:
    """Open episodes for two attempts each, and give both verdicts."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-c", SERVE.format(change=change), f"sqlite:///{folder}/arena.db"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout is not None
            url = child.stdout.readline().strip().rpartition(" ")[2]
            before = cpu_seconds(child.pid)
            episodes = 0
            with httpx.Client(base_url=url, timeout=120) as http:
                for _ in range(BATCHES):
                    opened = http.post("/v1/episodes", json={"count": 64, "attempts": 2}).json()["episodes"]
                    verdicts = [
                        {
                            "episode_id": episode["episode_id"],
                            "attempt": attempt,
                            "verdict": {
                                "detection": True,
                                "explanation": "",
                                "correction": f"{episode['observation']['worker_output']} And more.",
                                "confidence": 0.5,
                            },
                        }
                        for episode in opened
                        for attempt in (0, 1)
                    ]
                    http.post("/v1/verdicts", json={"verdicts": verdicts}).raise_for_status()
                    episodes += len(opened)
            spent = cpu_seconds(child.pid) - before
            child.terminate()
    return 1000 * spent / episodes


if __name__ == "__main__":
    usual = "running.spare_the_collector = running.make_rounds_rarer = lambda: None; "
    for name, change in (("with", ""), ("without", usual)):
        print(f"{name} spare_the_collector: {cpu_ms_an_episode(change):.1f} ms of CPU an episode")
