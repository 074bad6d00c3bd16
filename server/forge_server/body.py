"""Read a request body strictly: one meaning or none, and a refusal that says where but never repeats what was sent."""

import json
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import Request

from forge_server.errors import InvalidRequest, MalformedJson

Body = TypeVar("Body", bound=BaseModel)

SHOWN = 3
MANY = 100
# Of a body above this size the keys are counted first: refusing a million unknown ones would take seconds.
LARGE = 64 * 1024
MOST_KEYS = 8_000


async def read(request: Request, model: type[Body]) -> Body:
    """The body as a `model`. Raises `MalformedJson` or `InvalidRequest`."""
    return parse(await request.body(), model)


def parse(body: bytes, model: type[Body], most_keys: int = MOST_KEYS) -> Body:
    if len(body) > LARGE and body.count(b'":') - body.count(b'\\":') > most_keys:
        raise InvalidRequest("the body has far too many fields: see /docs for the ones it may have")
    try:
        # Strictly: neither true nor "1" is a number.
        parsed = model.model_validate_json(body, strict=True)
    except ValidationError as error:
        raise _refusal(error) from None
    # The parser lets the last of two equal keys win, so that two readers of one body could see two verdicts.
    _once.decode(body.decode())
    return parsed


def _unique(pairs: list[tuple[str, Any]]) -> None:
    if len({key for key, _ in pairs}) != len(pairs):
        raise MalformedJson("an object has the same key twice: give each key once")


_once = json.JSONDecoder(object_pairs_hook=_unique)


def _refusal(error: ValidationError) -> MalformedJson | InvalidRequest:
    if error.error_count() > MANY:
        return InvalidRequest("the body has far too many wrong fields: see /docs for its shape")
    wrong = error.errors(include_url=False, include_input=False, include_context=False)
    if wrong[0]["type"] == "json_invalid":
        return MalformedJson(f"the body must be one JSON object in UTF-8 ({wrong[0]['msg']})")
    lines = [f"{_place(e['loc'], e['type'])}: {e['msg'].removeprefix('Value error, ')}" for e in wrong[:SHOWN]]
    if len(wrong) > SHOWN:
        lines.append(f"and {len(wrong) - SHOWN} more")
    return InvalidRequest("; ".join(lines))


def _place(location: tuple[int | str, ...], kind: str) -> str:
    # The name of an unknown field was made up by the caller, so it is not repeated.
    known = (*location[:-1], "(unknown field)") if kind == "extra_forbidden" else location
    place = ""
    for part in known:
        place += f"[{part}]" if isinstance(part, int) else f".{part}" if place else part
    return place or "body"
