"""What a VLLMWorker starts in the place of vLLM: a process of its own with a real HTTP server; only the brain is played.

It is called as `vllm serve MODEL --host H --port P ...`. MODEL is a folder. Its file `mood` says what becomes of chats:
`well` answers, `hangs` never does, `slow` answers only chats of one token at once, and `ends` does not even start. Its
file `lives` counts the starts, and a mood after a colon begins with that life: `well:3`.
"""

import argparse
import json
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

ANSWER = {"choices": [{"message": {"role": "assistant", "content": "It takes 5 days."}, "finish_reason": "stop"}]}


class Server(ThreadingHTTPServer):
    request_queue_size = 128


class Engine(BaseHTTPRequestHandler):
    """One connection to the engine. The folder, the life and the count of chats are those of the process."""

    folder: Path
    life: int
    chats = 0

    def do_GET(self) -> None:
        self.answer({})

    def do_POST(self) -> None:
        Engine.chats += 1
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        mood, _, first = (self.folder / "mood").read_text().partition(":")
        # The first chat of a life is that of its start.
        silent = mood == "hangs" or (mood == "slow" and body["max_tokens"] > 1)
        if silent and Engine.chats > 1 and self.life >= int(first or 1):
            time.sleep(600)
        self.answer(ANSWER)

    def answer(self, body: dict[str, Any]) -> None:
        content = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("command")
    parser.add_argument("model", type=Path)
    parser.add_argument("--host")
    parser.add_argument("--port", type=int)
    given, _ = parser.parse_known_args()
    lives = given.model / "lives"
    life = int(lives.read_text()) + 1 if lives.exists() else 1
    lives.write_text(str(life))
    if (given.model / "mood").read_text() == "ends":
        raise SystemExit("OSError: the weights are not there")
    Engine.folder, Engine.life = given.model, life
    Server((given.host, given.port), Engine).serve_forever()


main()
