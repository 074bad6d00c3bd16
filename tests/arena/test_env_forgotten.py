"""A script that forgets to close its environment ends all the same, and leaves no process behind."""

import sys
import time
from pathlib import Path

import pytest

from forge_arena.workers.keeper import session_members

from ..scripts import end_of

ONE = """
import gymnasium, forge_arena
env = gymnasium.make("forge_arena/Overseer-v0")
env.reset(seed=7)
"""
MANY = """
import gymnasium, forge_arena
env = gymnasium.make_vec("forge_arena/Overseer-v0", num_envs=2, vectorization_mode="{mode}", vector_kwargs={kwargs})
env.reset(seed=7)
"""
COPIED = f"{ONE}\nimport copy\nothers = [copy.deepcopy(env) for _ in range(3)]\nothers[0].reset(seed=8)\n"
SCRIPTS = {
    "one": ONE,
    "sync": MANY.format(mode="sync", kwargs={}),
    "async": MANY.format(mode="async", kwargs={"shared_memory": False}),
    "copied": COPIED,
}


@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS)
def test_a_script_that_raises_ends_with_its_own_code_and_its_own_traceback(script: str) -> None:
    ended = end_of(script, "raise ValueError('mine')")
    assert ended.complained_of_nothing_but == "ValueError: mine"
    assert ended.code == 1
    assert ended.seconds < 5.0


@pytest.mark.parametrize(("last", "code"), [("", 0), ("del env; sys.exit(3)", 3)])
def test_a_script_that_forgets_close_ends_in_silence(last: str, code: int) -> None:
    ended = end_of(ONE, last)
    assert (ended.code, ended.errors) == (code, "")
    assert ended.seconds < 5.0


# Stands where the command `vllm` would: only what its model says is made up.
ENGINE = """#!{python}
import http.server, json, subprocess, sys

class Engine(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.answer({{}})

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.answer({{"choices": [{{"message": {{"role": "assistant", "content": "Yes."}}, "finish_reason": "stop"}}]}})

    def answer(self, body):
        said = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, *_):
        pass

child = subprocess.Popen(["sleep", "600"])
port = int(sys.argv[sys.argv.index("--port") + 1])
http.server.ThreadingHTTPServer(("127.0.0.1", port), Engine).serve_forever()
"""
SERVING = """
import sys
from forge_arena.env import ForgeArenaEnv
from forge_arena.errors import WorkerFailed
from forge_arena.workers.vllm import VLLMWorker

worker = VLLMWorker("model", executable=sys.argv[1], log=sys.argv[2], cpu=True)
env = ForgeArenaEnv(worker)
try:
    env.reset(options={"key": "forge:5:train:7"})
except WorkerFailed:
    pass  # A model that says nothing but yes makes no episode.
print(worker.pid)
"""


def test_a_script_that_raises_leaves_no_process_of_its_worker(tmp_path: Path) -> None:
    engine = tmp_path / "vllm"
    engine.write_text(ENGINE.format(python=sys.executable))
    engine.chmod(0o755)
    ended = end_of(SERVING, "raise ValueError('mine')", arguments=(str(engine), str(tmp_path / "vllm.log")))
    (session,) = ended.said
    deadline = time.monotonic() + 5.0
    while session_members(int(session)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert session_members(int(session)) == {}
    assert ended.complained_of_nothing_but == "ValueError: mine"
    assert ended.code == 1
    assert ended.seconds < 5.0
