"""The bytes as which the store keeps an episode."""

import json
import zlib
from dataclasses import dataclass

from pydantic_core import PydanticSerializationError

from forge_arena.errors import WorkerFailed
from forge_arena.types import Episode


def encode(episode: Episode) -> bytes:
    """Raises `WorkerFailed` if the Worker's answer holds half a character, which UTF-8 cannot encode."""
    try:
        text = episode.model_dump_json(exclude_defaults=True)
    except PydanticSerializationError:
        raise WorkerFailed("the Worker's answer is not valid Unicode") from None
    return zlib.compress(text.encode(), 1)


def decode(payload: bytes) -> Episode:
    return Episode.model_validate_json(zlib.decompress(payload))


@dataclass(frozen=True, slots=True)
class Facts:
    """What a list of episodes shows of an episode. All but `domain` and `worker` is truth.

    `kind` is the type of the corruption; `clean` or `placebo` on a right answer.
    """

    domain: str
    worker: str
    kind: str
    stealth: int | None


def read_facts(payload: bytes) -> Facts:
    """The facts of an episode. Reads the JSON only, which takes a tenth of the time of `decode`."""
    episode = json.loads(zlib.decompress(payload))
    truth = episode["truth"]
    kind = truth["corruption_type"] if truth["corrupted"] else "placebo" if truth.get("placebo") else "clean"
    return Facts(episode["observation"]["domain"], episode["worker"], kind, truth.get("stealth"))


def without_statements(episode: Episode) -> Episode:
    """All of an episode that grading needs. The statements, two thirds of its memory, are only for the Worker."""
    return episode.model_copy(update={"scenario": episode.scenario.model_copy(update={"statements": ()})})
