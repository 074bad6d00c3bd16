"""Read a request body strictly: it has one meaning or none. A refusal says where, and never repeats a value.

A refusal names an unknown field, if its name reads like one, because a misspelt field is found by its name.
"""

import json
import re
from functools import cache
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import Request

from forge_arena.suggest import did_you_mean
from forge_server.errors import EncodedBody, InvalidRequest, MalformedJson

Body = TypeVar("Body", bound=BaseModel)

# The refusal of a body names at most this many wrong fields.
SHOWN = 3
# A body with more wrong fields is refused as a whole, because describing each of them would take seconds.
MANY = 100
# A body above this size has its keys counted first, because refusing a million unknown keys would take seconds.
LARGE = 64 * 1024
MOST_KEYS = 8_000
# What reads like the name of a field. Anything else under an unknown name may be a value in the wrong place.
FIELD_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,39}", re.ASCII)


async def read(request: Request, model: type[Body]) -> Body:
    """The body as a `model`. Raises `EncodedBody`, `MalformedJson` or `InvalidRequest`."""
    if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise EncodedBody("the body must be sent without compression: leave out Content-Encoding")
    return parse(await request.body(), model)


def parse(body: bytes, model: type[Body], most_keys: int = MOST_KEYS) -> Body:
    """As `read`. A large body with more than `most_keys` keys is refused unparsed."""
    if len(body) > LARGE and body.count(b'":') - body.count(b'\\":') > most_keys:
        raise InvalidRequest("the body has far too many fields: see /docs for the ones it may have")
    try:
        # Strict: neither true nor "1" is a number.
        parsed = model.model_validate_json(body, strict=True)
    except ValidationError as error:
        raise _refusal(error, model) from None
    # Of two equal keys the parser takes the last one, another reader perhaps the first. They would see two verdicts.
    _no_key_twice.decode(body.decode())
    return parsed


def _check_unique(pairs: list[tuple[str, Any]]) -> None:
    if len({key for key, _ in pairs}) != len(pairs):
        raise MalformedJson("an object has the same key twice: give each key once")


_no_key_twice = json.JSONDecoder(object_pairs_hook=_check_unique)


def _refusal(error: ValidationError, model: type[BaseModel]) -> MalformedJson | InvalidRequest:
    if error.error_count() > MANY:
        return InvalidRequest("the body has far too many wrong fields: see /docs for its shape")
    wrong = error.errors(include_url=False, include_input=False, include_context=False)
    if wrong[0]["type"] == "json_invalid":
        return MalformedJson(f"the body must be one JSON object in UTF-8 ({wrong[0]['msg']})")
    places = {e["loc"] for e in wrong}
    # After the first wrong item pydantic counts the items before it, and calls the list too short.
    wrong = [e for e in wrong if e["type"] != "too_short" or not any(_is_inside(place, e["loc"]) for place in places)]
    lines = [
        f"{_place(e['loc'][:-1])}: {_unknown_field(str(e['loc'][-1]), model)}"
        if e["type"] == "extra_forbidden"
        else f"{_place(e['loc'])}: {_in_words(e['msg'])}"
        for e in wrong[:SHOWN]
    ]
    if len(wrong) > SHOWN:
        lines.append(f"and {len(wrong) - SHOWN} more")
    return InvalidRequest("; ".join(lines))


def _is_inside(place: tuple[int | str, ...], outer: tuple[int | str, ...]) -> bool:
    return len(place) > len(outer) and place[: len(outer)] == outer


def _in_words(message: str) -> str:
    """A message of pydantic without its own words for a list of JSON."""
    message = message.removeprefix("Value error, ").replace(" after validation", "")
    return re.sub(r"^Tuple should", "The list should", message)


def _unknown_field(name: str, model: type[BaseModel]) -> str:
    if not FIELD_NAME.fullmatch(name):
        return "unknown field: see /docs for the ones that there are"
    paths = _field_paths(model)
    if name in paths:
        return f"unknown field {name!r} here. It belongs at {paths[name]}"
    advice = did_you_mean(name, sorted(paths)) or " See /docs for the ones that there are"
    return f"unknown field {name!r}.{advice}"


@cache
def _field_paths(model: type[BaseModel]) -> dict[str, str]:
    """The fields of a model and of the models in it, each with its outermost place: `verdicts[].episode_id`."""
    schema = model.model_json_schema()
    paths: dict[str, str] = {}
    level, seen = [("", schema)], set[str]()
    while level:
        inner: list[tuple[str, dict[str, Any]]] = []
        for place, part in level:
            for name, field in part.get("properties", {}).items():
                path = f"{place}.{name}" if place else name
                paths.setdefault(name, path)
                for items, reference in _models_in(field):
                    if reference not in seen:
                        seen.add(reference)
                        inner.append((path + items, schema["$defs"][reference]))
        level = inner
    return paths


def _models_in(field: dict[str, Any]) -> list[tuple[str, str]]:
    """The models that a field holds by its schema: `[]` if it holds a list of them, and the name of each."""
    choices = [field, *field.get("anyOf", [])]
    lists = [("[]", choice["items"]) for choice in choices if isinstance(choice.get("items"), dict)]
    parts = [("", choice) for choice in choices] + lists
    return [(items, part["$ref"].rpartition("/")[2]) for items, part in parts if "$ref" in part]


def _place(location: tuple[int | str, ...]) -> str:
    place = ""
    for part in location:
        place += f"[{part}]" if isinstance(part, int) else f".{part}" if place else part
    return place or "body"
