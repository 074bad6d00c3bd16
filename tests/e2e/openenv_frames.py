"""Play five episodes over the WebSocket, from inside compose's network: run in the arena's image, by `compose.sh`."""

import json
import os

from websockets.sync.client import connect

VERDICT = {"detection": True, "explanation": "temporal_shift", "correction": "", "confidence": 0.8}
TOKEN = {"authorization": f"Bearer {os.environ['FORGE_ARENA_TOKEN']}"}

with connect("ws://arena:8000/ws", additional_headers=TOKEN) as socket:
    for seed in range(5):
        for type, data in (("reset", {"seed": seed, "split": "val"}), ("step", VERDICT)):
            socket.send(json.dumps({"type": type, "data": data}))
            answer = json.loads(socket.recv(timeout=30))
            assert answer["type"] == "observation", answer
        assert answer["data"]["done"]
        assert 0 <= answer["data"]["reward"] <= 1
print("a WebSocket session played 5 episodes")
