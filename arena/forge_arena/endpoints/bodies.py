"""The bodies that an OpenAI-compatible server sends: completions, errors, and the list of its models."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import (
    BaseModel,
    JsonValue,
    ValidationError,
    ValidatorFunctionWrapHandler,
    field_validator,
    model_validator,
)


class Function(BaseModel):
    """The tool that a model calls, with the arguments as the model wrote them: JSON, if the model kept to it."""

    name: str
    arguments: str | dict[str, JsonValue] = "{}"


class ToolCall(BaseModel):
    """One call of a tool in a message. `id` names the call in the answer to it."""

    id: str = ""
    function: Function


class Message(BaseModel):
    """The message that the model wrote.

    Servers that separate the reasoning from the answer call the reasoning `reasoning_content` or `reasoning`. `content`
    may come as a list of parts: the texts are joined, and the parts with reasoning are kept in `thought_parts`.
    `refusal` holds the model's words if the model declines to answer. `tool_calls` are the tools that the model calls.
    """

    content: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    refusal: str | None = None
    thought_parts: str | None = None
    tool_calls: list[ToolCall] | None = None

    @model_validator(mode="before")
    @classmethod
    def _join_parts(cls, message: Any) -> Any:
        if not isinstance(message, dict) or not isinstance(message.get("content"), list):
            return message
        parts = [part for part in message["content"] if isinstance(part, dict)]
        joined = {
            "content": _join_texts(parts, "text", "output_text"),
            "thought_parts": _join_texts(parts, "thinking", "reasoning"),
            "refusal": message.get("refusal") or _join_texts(parts, "refusal"),
        }
        return {**message, **joined}

    @property
    def thoughts(self) -> str | None:
        """The reasoning, if the server separates it from the content."""
        return self.reasoning_content or self.reasoning or self.thought_parts


class Choice(BaseModel):
    """One of the messages that the model wrote, and why the message ends there."""

    message: Message
    finish_reason: str | None = None


class Usage(BaseModel):
    """What a completion cost in tokens; None where the server does not say."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class Completion(BaseModel):
    """The part of a chat completion that is read here. The client library's type holds whatever was sent, unchecked."""

    choices: list[Choice]
    usage: Usage | None = None

    @field_validator("usage", mode="wrap")
    @classmethod
    def _usage_or_none(cls, value: Any, read: ValidatorFunctionWrapHandler) -> Usage | None:
        """A usage that cannot be read is no reason to lose the answer."""
        try:
            usage: Usage | None = read(value)
        except ValidationError:
            return None
        return usage


class ErrorBody(BaseModel):
    """An error that was sent as the body of an answer with status 200, as proxies do for the server behind them."""

    error: dict[str, JsonValue] | str


class Model(BaseModel):
    """One model that a server serves."""

    id: str


class Models(BaseModel):
    """The models that a server serves."""

    data: list[Model]


def status_of(error: Mapping[str, JsonValue] | str) -> int | None:
    """The HTTP status that an error in a body gives as its code; None if it gives none."""
    code = error.get("code") if isinstance(error, Mapping) else None
    return code if isinstance(code, int) and 400 <= code <= 599 else None


def _join_texts(parts: Sequence[Mapping[str, Any]], *kinds: str) -> str | None:
    """The texts of the content parts of these kinds, joined. A part may hold parts itself. None if there is no text."""
    texts = []
    for part in parts:
        kind = part.get("type")
        if kind not in kinds:
            continue
        content = next((part[name] for name in ("text", str(kind)) if part.get(name) is not None), None)
        texts.append(_join_texts(content, "text") if isinstance(content, list) else content)
    strings = [text for text in texts if isinstance(text, str)]
    return "".join(strings) if strings else None
