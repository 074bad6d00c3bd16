"""An overseer behind any OpenAI-compatible chat endpoint: `openai:MODEL@URL`."""

import asyncio
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

from forge_agents.overseers import Completion, OverseerFailed
from forge_agents.overseers.prompts import prompt as named_prompt
from forge_agents.overseers.prompts import prompt_digest
from forge_arena.endpoint import Endpoint, Said, SystemRole, model_and_url
from forge_arena.endpoint_errors import WITHHELD, EndpointFailed, PromptTooLong, PromptWithheld
from forge_arena.loop_thread import LoopThread
from forge_arena.types import JsonObject, Observation, Trouble, Usage
from forge_arena.verdicts import Chat

N = TypeVar("N", int, float)

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

    A prompt beyond the model's context and content that is withheld are a verdict that could not be read, with the
    reason in its place: the overseer cannot judge that episode. A request that the endpoint refuses for another reason is
    a failure and no verdict. An endpoint that is down, busy or refuses the key ends the review: `OverseerFailed` after
    all tries.

    Arguments:
        model: `MODEL@http://host:port/v1`.
        api_key: sent as bearer token.
        prompt: `arena` or `card`, see `forge_agents.overseers.prompts`.
        system: takes the place of the prompt's system message; a `Path` is read.
        temperature: 0 is greedy; None or "none" is not sent, for an endpoint that takes none.
        seed: the seed of a request is made from this number, the request's text and how often it was asked, so that the
            same evaluation asks the same; None or "none" sends no seed.
        system_role: "user" sends the system message as the beginning of the user's, for a model without a system role.
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
        self._asked: dict[str, int] = {}
        # A loop of its own: callers may be in one, as every notebook is.
        self._thread = LoopThread(f"the overseer {self.name}")
        self._endpoint = Endpoint(self._model, self._url, self._api_key, **self._limits)

    def review(self, observations: Sequence[Observation]) -> list[Completion]:
        """One completion for each observation, with what it cost.

        Raises:
            OverseerFailed: the endpoint gave no answer.
        """
        chats = [self._prompt(observation) for observation in observations]
        return self._thread.run(self._all, [(chat, self._seed_of(chat)) for chat in chats])

    @property
    def conditions(self) -> JsonObject:
        """The prompt and how is sampled: see `forge_agents.overseers.conditions`."""
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

    async def _all(self, asked: Sequence[tuple[Chat, int | None]]) -> list[Completion]:
        try:
            async with asyncio.TaskGroup() as tasks:
                done = [tasks.create_task(self._one(chat, seed)) for chat, seed in asked]
        except ExceptionGroup as group:
            failed = group.subgroup(EndpointFailed)
            if failed is None:
                raise
            raise OverseerFailed(str(failed.exceptions[0])) from failed
        return [task.result() for task in done]

    async def _one(self, chat: Chat, seed: int | None) -> Completion:
        try:
            said = await self._ask(chat, seed)
        except EndpointFailed as failure:
            if not failure.refused:
                raise
            return _refusal(failure)
        usage = said.usage
        trouble, reason = self._trouble(said)
        return Completion(
            said.choice.message.content or "",
            trouble=trouble,
            reason=reason,
            usage=Usage(
                input_tokens=usage.prompt_tokens if usage else None,
                output_tokens=usage.completion_tokens if usage else None,
                retries=said.tries - 1,
            ),
        )

    def _trouble(self, said: Said) -> tuple[Trouble | None, str | None]:
        """What is wrong with a completion that came, and the same in words; None where nothing is."""
        message, finish = said.choice.message, said.choice.finish_reason
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

    async def _ask(self, chat: Chat, seed: int | None) -> Said:
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
        if self._seed is None:
            return None
        digest = hashlib.sha256(f"{self._seed}\0{chat}".encode()).hexdigest()
        again = self._asked.get(digest, 0)
        if self._temperature:
            self._asked[digest] = again + 1
        # 31 bits: some servers read the seed into a C int.
        return int(hashlib.sha256(f"{digest}{again}".encode()).hexdigest(), 16) % 2**31


def _refusal(failure: EndpointFailed) -> Completion:
    """What takes the place of a completion where the endpoint would not take the request."""
    match failure:
        case PromptTooLong():
            return Completion("", trouble=Trouble.too_long, reason=failure.reason)
        case PromptWithheld():
            return Completion("", trouble=Trouble.withheld, reason=failure.reason)
    offer = f"; what it does not take can be left out: --set {', --set '.join(failure.offer)}" if failure.offer else ""
    return Completion("", trouble=Trouble.refused, reason=failure.reason + offer)


def _number_or_none(name: str, given: N | str | None) -> N | None:
    """A number, or None where there is none, which a command line can only write as a word."""
    if given is None or given == "none":
        return None
    if isinstance(given, str | bool):
        raise ValueError(f"{name} must be a number, or none, got {given!r}")
    return given
