"""Make text from outside fit to be stored: a model, a webhook, a file or a caller may give half of a character.

A lone surrogate is a code point that UTF-8 cannot encode, so no file, database or answer could hold it. JSON can
write a lone surrogate (`"\\ud83d"`), and Python reads it. Each becomes U+FFFD, the replacement character, and the
text keeps its length.
"""

import json
import re
from typing import Annotated, Any

from pydantic import BeforeValidator

# The most levels of lists and objects. Readers of JSON give up at some 200 levels, and writers at some 250.
DEEPEST = 100
_TOO_DEEP = f"the JSON is nested too deeply: more than {DEEPEST} levels"
_SURROGATE = re.compile(r"[\ud800-\udfff]")


def storable(text: str) -> str:
    """The text with U+FFFD for every lone surrogate; every other character keeps its place."""
    return text if text.isascii() else _SURROGATE.sub("\ufffd", text)


def _storable_text(value: Any) -> Any:
    return storable(value) if isinstance(value, str) else value


# For a field whose text comes from outside. Pydantic checks the limits that come before STORABLE first.
STORABLE = BeforeValidator(_storable_text)
Text = Annotated[str, STORABLE]


def storable_json(content: str | bytes) -> Any:
    """The value of a JSON text from outside, with all of its strings storable.

    Raises:
        ValueError: the content is not JSON, not UTF-8, or nested too deeply.
    """
    try:
        return _storable_value(json.loads(content), DEEPEST)
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None


def _storable_value(value: Any, levels: int) -> Any:
    if levels == 0 and isinstance(value, list | dict):
        raise ValueError(_TOO_DEEP)
    match value:
        case str():
            return storable(value)
        case list():
            return [_storable_value(item, levels - 1) for item in value]
        case dict():
            return {storable(key): _storable_value(item, levels - 1) for key, item in value.items()}
    return value
