"""An overseer behind any OpenAI-compatible chat endpoint: `openai:MODEL@URL`."""

import asyncio
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

from forge_agents.overseers.base import Completion, OverseerFailed
from forge_agents.overseers.prompts import prompt as named_prompt
from forge_agents.overseers.prompts import prompt_digest
from forge_arena.endpoints.endpoint import CompletedChat, Endpoint, SystemRole, model_and_url
from forge_arena.endpoints.errors import WITHHELD, EndpointFailed, PromptTooLong, PromptWithheld
from forge_arena.loop_thread import LoopThread
from forge_arena.types import JsonObject, Observation, Trouble, Usage
from forge_arena.verdicts import Chat

N = TypeVar("N", int, float)

# Words with which a server without structured output refuses a request for it.
UNSTRUCTURED = ("response_format", "json_schema", "structured", "guided")

# The schema of a verdict, for servers with structured output. It has no ranges, because not every server knows them.
# The parser checks the ranges.
FIELDS = {"detection": "boolean", "explanation": "string", "correction": "string", "confidence": "number"}
VERDICT_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {name: {"type": kind} for name, kind in FIELDS.items()},
    "required": list(FIELDS),
    "additionalProperties": False,
}
STRUCTURED = {
    "response_format": {
        "type": "json_schema",
        "json_schema": {"name": "verdict", "strict": True, "schema": VERDICT_SCHEMA},
    }
}


class EndpointOverseer:
    """Asks a model at an OpenAI-compatible endpoint for its verdicts, several at a time.

    Three things can go wrong:

    - The prompt is longer than the model's context, or the endpoint withholds the answer. This counts as an unreadable
      verdict, with the reason, because the overseer cannot review that episode.
    - The endpoint refuses a request for another reason. This is a failure of that episode, and no verdict.
    - The endpoint is down or busy, or refuses the key. After all tries this ends the review with `OverseerFailed`.

    Args:
        model: `MODEL@http://host:port/v1`.
        api_key: sent as bearer token.
        prompt: `arena`, `compact` or `card`, see `forge_agents.overseers.prompts`.
        system: replaces the prompt's system message; a `Path` is read.
        max_tokens: the longest completion.
        temperature: 0 is greedy. None or "none" sends no temperature, for an endpoint that takes none.
        seed: the seed of each request is made from this number, the text of the request and how often the text was sent
            before. The same evaluation therefore sends the same requests. None or "none" sends no seed.
        system_role: "user" makes the system message the beginning of the user's, for a model without a system role.
        structured: ask the server to hold the completion to the verdict's schema. None asks until the server refuses.
            Give False for a model that thinks before it answers, if its server does not separate thoughts and answer.
        concurrency, timeout, retries: see `forge_arena.endpoints.endpoint.Endpoint`.

    Raises:
        ValueError: a setting is out of range, or `model` does not have the form `MODEL@URL`.
    """

    def __init__(
        self,
        model: str,
        *,
        api_key: str | None = None,
        prompt: str = "arena",
        system: str | Path | None = None,
        max_tokens: int = 1024,
        temperature: float | str | None = 0.0,
        seed: int | str | None = 0,
        system_role: str = SystemRole.system,
        structured: bool | None = None,
        concurrency: int = 16,
        timeout: float = 120.0,
        retries: int = 10,
    ) -> None:
        self._temperature = _number_or_none("temperature", temperature)
        self._seed = _number_or_none("seed", seed)
        if max_tokens < 1 or (self._temperature or 0.0) < 0:
            raise ValueError(
                f"max_tokens must be at least 1 and temperature at least 0, got {max_tokens}, {temperature}"
            )
        self._model, self._url = model_and_url(model)
        self.name = f"openai:{self._model}"
        self._prompt = named_prompt(prompt, system=system)
        self._api_key = api_key
        self._limits: dict[str, Any] = {
            "concurrency": concurrency,
            "timeout": timeout,
            "retries": retries,
            "system_role": system_role,
        }
        self._max_tokens = max_tokens
        self._structured = structured
        self._times_asked: dict[str, int] = {}
        # The event loop has its own thread, because the caller's thread may already run one, as in a notebook.
        self._thread = LoopThread(f"the overseer {self.name}")
        self._endpoint = Endpoint(self._model, self._url, self._api_key, **self._limits)

    def review(self, observations: Sequence[Observation]) -> list[Completion]:
        """One completion for each observation, with what the completion cost.

        Raises:
            OverseerFailed: the endpoint did not answer.
        """
        chats = [self._prompt(observation) for observation in observations]
        return self._thread.run(self._ask_all, [(chat, self._seed_of(chat)) for chat in chats])

    @property
    def conditions(self) -> JsonObject:
        """The prompt and the sampling: see `forge_agents.overseers.conditions`."""
        return {
            "prompt": prompt_digest(self._prompt),
            "max_tokens": self._max_tokens,
            "temperature": self._temperature,
            "seed": self._seed,
            "system_role": self._limits["system_role"],
        }

    def close(self) -> None:
        """End the connections; the overseer cannot be used afterwards."""
        if self._thread.running:
            self._thread.run(self._endpoint.aclose)
        self._thread.close()

    async def _ask_all(self, requests: Sequence[tuple[Chat, int | None]]) -> list[Completion]:
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self._complete(chat, seed)) for chat, seed in requests]
        except ExceptionGroup as errors:
            failed = errors.subgroup(EndpointFailed)
            if failed is None:
                raise
            raise OverseerFailed(str(failed.exceptions[0])) from failed
        return [task.result() for task in tasks]

    async def _complete(self, chat: Chat, seed: int | None) -> Completion:
        try:
            completed = await self._ask(chat, seed)
        except EndpointFailed as failure:
            if not failure.refused:
                raise
            return _refusal(failure)
        usage = completed.usage
        trouble, reason = self._trouble(completed)
        return Completion(
            completed.choice.message.content or "",
            trouble=trouble,
            reason=reason,
            usage=Usage(
                input_tokens=usage.prompt_tokens if usage else None,
                output_tokens=usage.completion_tokens if usage else None,
                retries=completed.tries - 1,
            ),
        )

    def _trouble(self, completed: CompletedChat) -> tuple[Trouble | None, str | None]:
        """The trouble with a completion, and the trouble in words; None and None if there is no trouble."""
        message, finish = completed.choice.message, completed.choice.finish_reason
        if finish == WITHHELD:
            return Trouble.withheld, "the endpoint withheld the answer (content filter)"
        cut = f"the completion was cut off after {self._max_tokens} tokens or at the end of the context"
        if (message.content or "").strip():
            return (Trouble.cut, cut) if finish == "length" else (None, None)
        if message.refusal:
            return Trouble.declined, f"the model declined: {message.refusal[:200]}"
        if finish == "length":
            return Trouble.no_answer, f"{cut}, before any answer: raise max_tokens"
        only = "only reasoning and no answer" if message.thoughts else "empty text"
        return Trouble.no_answer, f"the model wrote {only}"

    async def _ask(self, chat: Chat, seed: int | None) -> CompletedChat:
        settings: dict[str, Any] = {
            "temperature": self._temperature,
            "seed": seed,
            "max_tokens": self._max_tokens,
        }
        if self._structured is False:
            return await self._endpoint.ask(chat, **settings)
        try:
            return await self._endpoint.ask(chat, **settings, extra=STRUCTURED)
        except EndpointFailed as failure:
            if self._structured or not failure.refused or not any(word in failure.reason for word in UNSTRUCTURED):
                raise
        self._structured = False
        return await self._endpoint.ask(chat, **settings)

    def _seed_of(self, chat: Chat) -> int | None:
        """The seed of a request. A chat that is asked again gets another seed, if the model samples at all."""
        if self._seed is None:
            return None
        digest = hashlib.sha256(f"{self._seed}\0{chat}".encode()).hexdigest()
        again = self._times_asked.get(digest, 0)
        if self._temperature:
            self._times_asked[digest] = again + 1
        # 31 bits: some servers read the seed into a C int.
        return int(hashlib.sha256(f"{digest}{again}".encode()).hexdigest(), 16) % 2**31


def _refusal(failure: EndpointFailed) -> Completion:
    """The empty completion in the place of a request that the endpoint refused."""
    match failure:
        case PromptTooLong():
            return Completion("", trouble=Trouble.too_long, reason=failure.reason)
        case PromptWithheld():
            return Completion("", trouble=Trouble.withheld, reason=failure.reason)
    offer = (
        f"; leave out a setting that it does not take: --set {', --set '.join(failure.offer)}" if failure.offer else ""
    )
    return Completion("", trouble=Trouble.refused, reason=failure.reason + offer)


def _number_or_none(name: str, given: N | str | None) -> N | None:
    """A number or None. A command line can write None only as the word `none`."""
    if given is None or given == "none":
        return None
    if isinstance(given, str | bool):
        raise ValueError(f"{name} must be a number, or none, got {given!r}")
    return given
