"""Read the reply of an overseer to one observation, and make from it the attempt that the arena grades."""

import json
from collections.abc import Mapping
from typing import TypeVar

from pydantic import ValidationError

from forge_agents.overseers.base import Completion, Reply
from forge_arena.errors import InvalidVerdict
from forge_arena.types import Trouble, Verdict
from forge_arena.verdicts import counted_text, parse_verdict, read_verdict, sendable, verdict_or_none
from forge_arena.wire import Attempt

Shared = TypeVar("Shared", float, None)


def as_reply(item: object) -> Reply:
    """The reply in an item that an overseer returned.

    A mapping with the fields of a verdict is read like its JSON. Any other item that is neither a verdict nor a text
    becomes an empty completion, whose reason describes the item.
    """
    if isinstance(item, Verdict | str):
        return item
    if isinstance(item, Mapping):
        try:
            text = json.dumps(dict(item), ensure_ascii=False, default=_as_json)
        except (TypeError, ValueError) as error:
            return Completion("", trouble=Trouble.unusable, reason=f"{describe(item)} is no verdict: {error}")
        try:
            parse_verdict(text)
        except InvalidVerdict as invalid:
            return Completion(
                text, trouble=Trouble.unusable, reason=f"{describe(item)} is no verdict: {invalid.reason}"
            )
        return Completion(text)
    wanted = "a Verdict, a dict with detection, explanation, correction and confidence, or the raw text of a model"
    return Completion("", trouble=Trouble.unusable, reason=f"{describe(item)} is no verdict: it must be {wanted}")


def refusal_of(reply: Reply) -> str | None:
    """Why the overseer's endpoint refused the request; None if it did not. A refusal is a failure, no verdict."""
    if not isinstance(reply, Completion) or reply.trouble is not Trouble.refused:
        return None
    return reply.reason or "refused"


def own_seconds(reply: Reply, shared: Shared) -> float | Shared:
    """The seconds of the request that gave a reply, if the overseer measures them; otherwise `shared`."""
    usage = reply.usage if isinstance(reply, Completion) else None
    return shared if usage is None or usage.seconds is None else usage.seconds


def attempt_of(episode_id: str, attempt: int, reply: Reply) -> Attempt:
    """The attempt that submits a reply."""
    content = _content(reply)
    if isinstance(content, Verdict):
        return Attempt(episode_id=episode_id, attempt=attempt, verdict=content)
    return Attempt(episode_id=episode_id, attempt=attempt, completion=content)


def verdict_of(reply: Reply) -> Verdict | None:
    """The verdict of a reply, parsed as the arena parses it if the reply is raw text; None if it cannot be read."""
    content = _content(reply)
    return content if isinstance(content, Verdict) else verdict_or_none(content)


def reason_of(reply: Reply) -> str | None:
    """What went wrong with a reply: what the overseer says, otherwise why no verdict can be read; None if nothing."""
    if isinstance(reply, Completion) and reply.reason is not None:
        return reply.reason
    content = _content(reply)
    read = content if isinstance(content, Verdict) else read_verdict(content)
    return read.reason if isinstance(read, InvalidVerdict) else None


def describe(value: object) -> str:
    """A value as an error message shows it: its type and the beginning of its text; `None` alone."""
    if value is None:
        return "None"
    text = repr(value)
    return f"a {type(value).__name__} ({text[:80] + '…' if len(text) > 80 else text})"


def _content(reply: Reply) -> Reply:
    """The verdict or the raw text that the arena gets.

    A verdict may have been made without its checks (by `model_copy`, for example). If it does not pass them, it is sent
    as raw text, so that the arena refuses this verdict alone.
    """
    if isinstance(reply, Verdict):
        try:
            return Verdict.model_validate(dict(reply))
        except ValidationError:
            return sendable(json.dumps(dict(reply), default=str))
    return counted_text(reply, in_trouble=isinstance(reply, Completion) and reply.trouble is not None)


def _as_json(value: object) -> object:
    """A JSON value for a value that JSON does not have: numbers of NumPy and PyTorch become Python's."""
    item = getattr(value, "item", None)
    return item() if callable(item) else str(value)
