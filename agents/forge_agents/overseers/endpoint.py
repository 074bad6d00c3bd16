"""An overseer behind any OpenAI-compatible chat endpoint: `openai:MODEL@URL`."""

import asyncio
import hashlib
import threading
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any, TypeVar

from forge_agents.overseers import Completion, OverseerFailed
from forge_agents.overseers.prompts import prompt as named_prompt
from forge_agents.overseers.prompts import prompt_digest
from forge_arena.endpoint import Endpoint, EndpointFailed, Said, model_and_url
from forge_arena.types import JsonObject, Observation, Usage
from forge_arena.verdicts import Chat

T = TypeVar("T")

# What a server without structured output calls the thing that it does not know.
UNSTRUCTURED = ("response_format", "json_schema", "structured", "guided")

# What servers with structured output hold a completion to. Ranges are left to the parser: not every server knows them.
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

    A request that the endpoint will not take (a prompt beyond the context, content that it withholds) is a verdict that
    could not be read, with the reason in its place: the overseer cannot judge that episode. An endpoint that is down,
    busy or refuses the key is no verdict at all: `OverseerFailed` after all tries.

    Arguments:
        model: `MODEL@http://host:port/v1`.
        api_key: sent as bearer token.
        prompt: `arena` or `card`, see `forge_agents.overseers.prompts`.
        system: takes the place of the prompt's system message; a `Path` is read.
        temperature: 0 is greedy; the seed of a request is made from its text and how often it was asked, so that the
            same evaluation asks the same.
        structured: ask the server to hold the completion to the verdict's schema. None does so until a server refuses;
            a model that thinks before it answers, on a server that does not part its thoughts, wants False.
        concurrency, timeout, retries: see `forge_arena.endpoint.Endpoint`.
    """

    def __init__(
        self,
        model: str,
        *,
        api_key: str | None = None,
        prompt: str = "arena",
        system: str | Path | None = None,
        max_tokens: int = 1024,
        temperature: float = 0.0,
        seed: int = 0,
        structured: bool | None = None,
        concurrency: int = 16,
        timeout: float = 120.0,
        retries: int = 10,
    ) -> None:
        if max_tokens < 1 or temperature < 0:
            raise ValueError(
                f"max_tokens must be at least 1 and temperature at least 0, got {max_tokens}, {temperature}"
            )
        self._model, self._url = model_and_url(model)
        self.name = f"openai:{self._model}"
        self._prompt = named_prompt(prompt, system=system)
        self._api_key = api_key
        self._limits: dict[str, Any] = {"concurrency": concurrency, "timeout": timeout, "retries": retries}
        self._max_tokens = max_tokens
        self._temperature = temperature
        self._seed = seed
        self._structured = structured
        self._asked: dict[str, int] = {}
        # A loop of its own: callers may be in one, as every notebook is.
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=self.name, daemon=True)
        self._thread.start()
        self._endpoint = self._await(self._opened())

    def review(self, observations: Sequence[Observation]) -> list[Completion]:
        """One completion for each observation, with what it cost.

        Raises:
            OverseerFailed: the endpoint gave no answer.
        """
        chats = [self._prompt(observation) for observation in observations]
        return self._await(self._all([(chat, self._seed_of(chat)) for chat in chats]))

    @property
    def conditions(self) -> JsonObject:
        """The prompt and how is sampled: see `forge_agents.overseers.conditions`."""
        return {
            "prompt": prompt_digest(self._prompt),
            "max_tokens": self._max_tokens,
            "temperature": self._temperature,
            "seed": self._seed,
        }

    def close(self) -> None:
        """End the connections; the overseer cannot be used afterwards."""
        if self._loop.is_closed():
            return
        self._await(self._endpoint.aclose())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _opened(self) -> Endpoint:
        return Endpoint(self._model, self._url, self._api_key, **self._limits)

    async def _all(self, asked: Sequence[tuple[Chat, int]]) -> list[Completion]:
        try:
            async with asyncio.TaskGroup() as tasks:
                done = [tasks.create_task(self._one(chat, seed)) for chat, seed in asked]
        except ExceptionGroup as group:
            failed = group.subgroup(EndpointFailed)
            if failed is None:
                raise
            raise OverseerFailed(str(failed.exceptions[0])) from failed
        return [task.result() for task in done]

    async def _one(self, chat: Chat, seed: int) -> Completion:
        try:
            said = await self._ask(chat, seed)
        except EndpointFailed as failure:
            if not failure.refused:
                raise
            return Completion("", trouble=failure.reason)
        message, usage = said.choice.message, said.usage
        withheld = said.choice.finish_reason == "content_filter"
        return Completion(
            message.content or "",
            trouble="the endpoint withheld the answer (content filter)" if withheld else None,
            usage=Usage(
                input_tokens=usage.prompt_tokens if usage else None,
                output_tokens=usage.completion_tokens if usage else None,
                retries=said.tries - 1,
            ),
        )

    async def _ask(self, chat: Chat, seed: int) -> Said:
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

    def _seed_of(self, chat: Chat) -> int:
        digest = hashlib.sha256(f"{self._seed}\0{chat}".encode()).hexdigest()
        again = self._asked.get(digest, 0)
        if self._temperature:
            self._asked[digest] = again + 1
        # 31 bits: some servers read the seed into a C int.
        return int(hashlib.sha256(f"{digest}{again}".encode()).hexdigest(), 16) % 2**31

    def _await(self, work: Coroutine[Any, Any, T]) -> T:
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise
