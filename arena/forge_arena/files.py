"""Read the files that people bring and that runs leave: text, JSON, JSON lines and YAML, all in UTF-8. Write one whole.

A file that cannot be read is refused with file and line. Each function takes the `error` to raise, so that a caller's
own kind of error reaches its users. `wanted` says at the end of a message what the file should have held.
"""

import codecs
import errno
import json
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from secrets import token_hex
from typing import Any, TypeAlias, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError, model_validator
from pydantic_core import PydanticSerializationError

from forge_arena.errors import FileError
from forge_arena.suggest import nearest_name

T = TypeVar("T")
MakeError: TypeAlias = Callable[[str], Exception]

ESCAPED_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")

# A file in a folder that may not be written, and a file that is mounted by itself, can only be written in their place.
IRREPLACEABLE = (errno.EACCES, errno.EPERM, errno.EROFS, errno.EBUSY, errno.EXDEV)

# Many times faster than the loader in Python, which also overflows the stack on deep nesting instead of refusing it.
YAML_LOADER: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class ForeignRow(BaseModel):
    """A row that somebody else's program wrote.

    Unknown fields are ignored, unless one is a misspelt field that is missing. If a field may be left out, null is the
    same as leaving it out.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    @model_validator(mode="before")
    @classmethod
    def _leave_out_nulls(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        optional = {name for name, field in cls.model_fields.items() if not field.is_required()}
        return {name: given for name, given in value.items() if given is not None or name not in optional}

    @model_validator(mode="before")
    @classmethod
    def _name_the_misspelt_field(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        unknown = [name for name in value if name not in cls.model_fields]
        for name, field in cls.model_fields.items():
            if field.is_required() and name not in value and (misspelt := nearest_name(name, unknown)) is not None:
                raise ValueError(f"{name}: Field required; the row has an unknown field {misspelt!r}")
        return value


def read_text(path: Path, *, error: MakeError = FileError) -> str:
    """The text of a file in UTF-8, without a byte-order mark. Raises `error`, and OSError."""
    return _decode(path.read_bytes(), str(path), error, whole_file=True)


def write_whole(path: Path, text: str, *, errors: str = "strict") -> None:
    """Write a file whole or not at all, because work whose file exists counts as done.

    A device, a pipe and a file that no other file may replace are written to as they are.

    Args:
        path: the file. If it is a link, the file behind it is written.
        text: what it shall hold.
        errors: what to do with a character that UTF-8 cannot hold, as for `str.encode`.

    Raises:
        OSError: the file cannot be written.
        UnicodeEncodeError: the text has such a character, and `errors` is strict.
    """
    if path.exists() and not path.is_file():
        path.write_text(text, encoding="utf-8", errors=errors)
        return
    path = path.resolve()
    # A name of its own, because another writer of the file may be at work.
    new = path.with_name(f"{path.name}.{token_hex(4)}.new")
    try:
        new.write_text(text, encoding="utf-8", errors=errors)
        new.replace(path)
    except BaseException as error:
        with suppress(OSError):
            new.unlink(missing_ok=True)
        if not isinstance(error, OSError) or error.errno not in IRREPLACEABLE:
            raise
        path.write_text(text, encoding="utf-8", errors=errors)


def numbered_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """The lines of a file that are not blank, with their numbers from 1. Raises OSError.

    Only "\\n" and "\\r\\n" end a line. `str.splitlines` would also cut at U+2028, U+0085 and others, which may occur
    raw inside a JSON string.
    """
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if line.strip().removeprefix(codecs.BOM_UTF8):
                yield number, line


def read_json_lines(
    path: Path, kind: TypeAdapter[T], *, wanted: str = "", error: MakeError = FileError
) -> Iterator[tuple[int, T]]:
    """The values of a file with one JSON value a line, with their line numbers. Raises `error`, and OSError."""
    for number, line in numbered_lines(path):
        yield number, parse_json(line, kind, f"{path}:{number}", wanted=wanted, error=error)


def read_json(path: Path, kind: TypeAdapter[T], *, wanted: str = "", error: MakeError = FileError) -> T:
    """The JSON value that a file holds. Raises `error`, and OSError."""
    return parse_json(read_text(path, error=error), kind, str(path), wanted=wanted, error=error)


def parse_json(
    text: str | bytes, kind: TypeAdapter[T], where: str, *, wanted: str = "", error: MakeError = FileError
) -> T:
    """The value that a JSON text holds. `where` begins the message of a refusal."""
    if isinstance(text, bytes):
        text = _decode(text, where, error)
    value = validate(load_json(text, where, wanted=wanted, error=error), kind, where, wanted=wanted, error=error)
    if ESCAPED_SURROGATE.search(text):
        try:
            kind.dump_json(value)
        except PydanticSerializationError:
            raise error(
                f"{where}: a string holds half a character (a \\ud800 to \\udfff without its partner), which no UTF-8 "
                f"text can hold: take it out{_ending(wanted)}"
            ) from None
    return value


def validate(content: Any, kind: TypeAdapter[T], where: str, *, wanted: str = "", error: MakeError = FileError) -> T:
    """The content of a file as the value that it should be."""
    try:
        return kind.validate_python(content)
    except ValidationError as invalid:
        first = invalid.errors(include_url=False, include_input=False)[0]
        place = "".join(f"{part}." for part in first["loc"]).removesuffix(".")
        problem = first["msg"].removeprefix("Value error, ")
        raise error(f"{where}: {place + ': ' if place else ''}{problem}{_ending(wanted)}") from None


def load_json(text: str, where: str, *, wanted: str = "", error: MakeError = FileError) -> Any:
    """The content of a JSON text, unchecked."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as invalid:
        line = f"line {invalid.lineno}, " if invalid.lineno > 1 else ""
        raise error(f"{where}: not JSON: {invalid.msg} at {line}column {invalid.colno}{_ending(wanted)}") from None
    except RecursionError:
        raise error(f"{where}: this JSON is nested too deeply to be read{_ending(wanted)}") from None
    except ValueError as invalid:  # A number with more digits than Python takes.
        raise error(f"{where}: {invalid}{_ending(wanted)}") from None


def read_yaml(path: Path, *, error: MakeError = FileError) -> Any:
    """The content of a YAML file, unchecked. Raises `error`, and OSError."""
    return parse_yaml(read_text(path, error=error), str(path), error=error)


def parse_yaml(text: str, where: str, *, error: MakeError = FileError) -> Any:
    """The content of a YAML text, unchecked but for keys: PyYAML itself keeps the last of two equal keys."""
    try:
        loader = YAML_LOADER(text)
        node = loader.get_single_node()
        # Before the values are made, because a merge key `<<` then adds keys that others may replace.
        key = _key_given_twice(node)
        content = None if node is None else loader.construct_document(node)
    except yaml.MarkedYAMLError as invalid:
        line = invalid.problem_mark.line + 1 if invalid.problem_mark else 1
        raise error(f"{where}:{line}: not YAML: {invalid.problem}") from None
    except RecursionError:
        raise error(f"{where}: this YAML is nested too deeply to be read") from None
    # PyYAML raises these for a value that looks like a date, a number or a truth value and is none.
    except (yaml.YAMLError, ValueError, LookupError, AttributeError) as invalid:
        raise error(f"{where}: not YAML: {' '.join(str(invalid).split())}") from None
    if key is not None:
        raise error(f"{where}:{key.start_mark.line + 1}: the key {key.value!r} is given twice: take one of the two out")
    return content


def _key_given_twice(root: yaml.Node | None) -> yaml.ScalarNode | None:
    """A key that its mapping has twice, where it is given for the second time; None if there is no such key."""
    nodes = [] if root is None else [root]
    # An alias stands for the node itself, which may even hold its own alias.
    seen: set[int] = set()
    while nodes:
        node = nodes.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            nodes += node.value
        elif isinstance(node, yaml.MappingNode):
            keys: set[tuple[str, str]] = set()
            for key, value in node.value:
                nodes.append(value)
                if isinstance(key, yaml.ScalarNode):
                    if (key.tag, key.value) in keys:
                        return key
                    keys.add((key.tag, key.value))
    return None


def _decode(data: bytes, where: str, error: MakeError, *, whole_file: bool = False) -> str:
    data = data.removeprefix(codecs.BOM_UTF8)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as invalid:
        line = data.count(b"\n", 0, invalid.start) + 1
        place = f"{where}:{line}" if whole_file else where
        raise error(f"{place}: not UTF-8 ({invalid.reason}): save the file as UTF-8") from None


def _ending(wanted: str) -> str:
    return f"; wanted {wanted}" if wanted else ""
