"""The arena's server as a process of its own, with any of its settings and without the command around it."""

import json
from typing import Any

PROGRAM = (
    "import json, sys; from forge_server.app import serve; from forge_server.settings import Settings; "
    "serve(Settings.from_environment({}, **json.loads(sys.argv[1])))"
)


def serving(**settings: Any) -> list[str]:
    """What a Python is called with to serve so, on a free port unless one is given."""
    return ["-c", PROGRAM, json.dumps({"port": 0, **settings})]
