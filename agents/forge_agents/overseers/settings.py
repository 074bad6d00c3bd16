"""Check the settings of an overseer against the annotations of the class or the function that makes it."""

import json
import shlex
from collections.abc import Callable
from inspect import Parameter, signature
from math import isnan
from types import NoneType
from typing import Any, get_args

from pydantic import ConfigDict, PydanticUserError, TypeAdapter, ValidationError
from pydantic_core import SchemaError

from forge_arena.secrecy import is_secret

# Pydantic's codes for what JSON cannot decide: a class of the overseer's own, and half of a character.
_UNDECIDED = frozenset({"needs_python_object", "json_invalid"})


def parameters_of(factory: Callable[..., object]) -> list[Parameter]:
    """The parameters of a class or a function, with their annotations as types where these can be resolved."""
    try:
        return list(signature(factory, eval_str=True).parameters.values())
    except (NameError, AttributeError, TypeError, SyntaxError):
        return list(signature(factory).parameters.values())
    except ValueError:  # Some built-in types have no signature.
        return [Parameter("settings", Parameter.VAR_KEYWORD)]


def problem_with(parameter: Parameter, value: Any) -> str | None:
    """Why a parameter does not take a value, with what was given; None if it does, or if its annotation does not say.

    Values are read strictly, as JSON: a text is no number, a truth value is no number, and a list may be a tuple. What
    JSON cannot hold came from a program, which knows its overseer, and is not checked.
    """
    if isinstance(value, float) and isnan(value):
        return "NaN is no number"
    annotation = parameter.annotation
    if annotation is Parameter.empty or isinstance(annotation, str) or (value is None and parameter.default is None):
        return None
    try:
        as_json = json.dumps(value)
        TypeAdapter(annotation, config=ConfigDict(arbitrary_types_allowed=True)).validate_json(as_json, strict=True)
    except ValidationError as invalid:
        errors = invalid.errors(include_url=False, include_input=False)
    except (PydanticUserError, SchemaError, TypeError, ValueError, RecursionError):
        return None
    else:
        return None
    if not _UNDECIDED.isdisjoint(error["type"] for error in errors):
        return None
    wanted = list(dict.fromkeys(error["msg"] for error in errors))
    if NoneType in get_args(annotation):
        wanted.append("null")
    if is_secret(parameter.name, value):
        return " or ".join(wanted)
    hint = ""
    if isinstance(value, int | float) and any(error["type"] == "string_type" for error in errors):
        hint = f": give a text in quotation marks, {quoted(parameter.name, str(value))}"
    return f"{' or '.join(wanted)}, got {value!r}{hint}"


def quoted(name: str, text: str) -> str:
    """The option that gives a setting a text that YAML would read as something else: `--set 'prompt="7"'`."""
    return f"--set {shlex.quote(f'{name}={json.dumps(text, ensure_ascii=False)}')}"
