"""The example's resources server under NeMo Gym's own base class. Run by a Python that has `nemo-gym`.

Takes the example's folder, the arena's URL, a file of rows and a completion; prints what the server answers for each row.
"""

import importlib.util
import json
import sys
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

from fastapi.testclient import TestClient
from nemo_gym.server_utils import ServerClient


def response(text: str) -> dict[str, Any]:
    """A response as NeMo Gym hands it over."""
    content = [{"type": "output_text", "text": text, "annotations": []}]
    message = {"id": "msg", "type": "message", "role": "assistant", "status": "completed", "content": content}
    return {
        "id": "resp",
        "object": "response",
        "created_at": 0,
        "model": "brain",
        "output": [message],
        "parallel_tool_calls": False,
        "tool_choice": "auto",
        "tools": [],
    }


def main(folder: str, url: str, rows: str, completion: str) -> None:
    spec = importlib.util.spec_from_file_location("app", Path(folder) / "app.py")
    assert spec is not None
    assert spec.loader is not None
    app = importlib.util.module_from_spec(spec)
    sys.modules["app"] = app
    spec.loader.exec_module(app)
    config = app.OverseerConfig(host="127.0.0.1", port=0, entrypoint="app.py", name="forge_arena", url=url)
    # The server asks no other server of NeMo Gym's.
    server = app.OverseerServer(config=config, server_client=MagicMock(spec=ServerClient))
    with TestClient(server.setup_webserver(), raise_server_exceptions=False) as client:
        for line in Path(rows).read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            seeded = client.post("/seed_session", json=row)
            verified = client.post("/verify", json={**row, "response": response(completion)})
            answer = verified.json() if verified.is_success else {}
            kept = {name: answer.get(name) for name in ("key", "reward", "outcome", "components")}
            print(json.dumps({"seeded": seeded.status_code, "verified": verified.status_code, **kept}))


if __name__ == "__main__":
    main(*sys.argv[1:])
