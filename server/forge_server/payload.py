"""The bytes as which the store keeps an episode."""

import zlib

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


def without_statements(episode: Episode) -> Episode:
    """All of an episode that grading needs. The statements, two thirds of its memory, are only for the Worker."""
    return episode.model_copy(update={"scenario": episode.scenario.model_copy(update={"statements": ()})})
