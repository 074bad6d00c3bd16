"""A server whose Worker and whose documents write markup, for a test in a browser. Usage: hostile_server.py STORE"""

import sys
from typing import Any

from forge_arena.episodes import Arena
from forge_server.process import serve
from forge_server.settings import Settings

HOSTILE = (
    "<script>alert(1)</script> <img src=x onerror=alert(2)> </textarea><svg onload=alert(3)> "
    "<a href='javascript:alert(4)'>here</a>"
)
make = Arena.make_with_verifier


async def hostile(arena: Arena, key: str) -> tuple[Any, Any]:
    episode, verifier = await make(arena, key)
    names = ("task", "source_material", "worker_reasoning", "worker_output")
    texts = {name: f"{HOSTILE}\n{getattr(episode.observation, name)}" for name in names}
    truth = episode.truth.model_copy(update={"clean_output": f"{HOSTILE} {episode.truth.clean_output}"})
    seen = episode.observation.model_copy(update=texts)
    return episode.model_copy(update={"observation": seen, "truth": truth, "worker": HOSTILE}), verifier


Arena.make_with_verifier = hostile  # type: ignore[method-assign]
serve(Settings(store=sys.argv[1], port=0, stock=2))
