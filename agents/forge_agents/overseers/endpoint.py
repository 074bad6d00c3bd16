"""An overseer behind any OpenAI-compatible chat endpoint: `openai:MODEL@URL`."""

import asyncio
import hashlib
import json
from collections.abc import Coroutine, Mapping, Sequence
from math import inf
from pathlib import Path
from typing import Any, TypeVar

from forge_agents.overseers.base import Completion, OverseerFailed, ToolAccess
from forge_agents.overseers.prompts import prompt as named_prompt
from forge_agents.overseers.prompts import prompt_digest, prompt_text
from forge_arena.endpoints.bodies import ToolCall
from forge_arena.endpoints.endpoint import Chat as SentChat
from forge_arena.endpoints.endpoint import CompletedChat, Endpoint, SystemRole, model_and_url
from forge_arena.endpoints.errors import WITHHELD, EndpointFailed, PromptTooLong, PromptWithheld
from forge_arena.loop_thread import LoopThread
from forge_arena.storable import storable_json
from forge_arena.types import JsonObject, Observation, Trouble, Usage
from forge_arena.verdicts import Chat
from forge_arena.wire import OfferedTools

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


# A model that has used up its tools is asked this many times more before it may call none.
PATIENCE = 2


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
        if max_tokens < 1 or not 0.0 <= (self._temperature or 0.0) < inf:
            raise ValueError(
                "max_tokens must be at least 1 and temperature a finite number of at least 0, got "
                f"{max_tokens}, {temperature}"
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

    def review_with_tools(self, observations: Sequence[Observation], tools: Sequence[ToolAccess]) -> list[Completion]:
        """As `review`. The model may call tools before it answers, in OpenAI's form.

        Raises:
            OverseerFailed: the endpoint did not answer.
            ArenaError: the arena could not answer for a tool.
        """
        chats = [self._prompt(observation) for observation in observations]
        seeds = [self._seed_of(chat) for chat in chats]
        return self._thread.run(self._ask_all_with_tools, list(zip(chats, seeds, tools, strict=True)))

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

    @property
    def details(self) -> JsonObject:
        """The endpoint, the model and the words of the prompt: see `forge_agents.overseers.details`.

        `structured` says whether the server was asked to hold completions to the schema of a verdict. None says that
        no request has been refused for that so far.
        """
        return {
            "endpoint": self._endpoint.where,
            "model": self._model,
            "structured": self._structured,
            "prompt": prompt_text(self._prompt),
        }

    def close(self) -> None:
        """End the connections; the overseer cannot be used afterwards."""
        if self._thread.running:
            self._thread.run(self._endpoint.aclose)
        self._thread.close()

    async def _ask_all(self, requests: Sequence[tuple[Chat, int | None]]) -> list[Completion]:
        return await self._gather([self._complete(chat, seed) for chat, seed in requests])

    async def _ask_all_with_tools(self, requests: Sequence[tuple[Chat, int | None, ToolAccess]]) -> list[Completion]:
        return await self._gather([self._converse(chat, seed, access) for chat, seed, access in requests])

    async def _gather(self, asking: Sequence[Coroutine[Any, Any, Completion]]) -> list[Completion]:
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(ask) for ask in asking]
        except ExceptionGroup as errors:
            failed = errors.subgroup(EndpointFailed)
            if failed is None:
                # One error says what went wrong; the others are of the same batch.
                raise errors.exceptions[0] from errors
            raise OverseerFailed(str(failed.exceptions[0])) from failed
        return [task.result() for task in tasks]

    async def _complete(self, chat: Chat, seed: int | None) -> Completion:
        try:
            completed = await self._ask(chat, seed)
        except EndpointFailed as failure:
            if not failure.refused:
                raise
            return _refusal(failure)
        return self._completion([completed])

    async def _converse(self, chat: Chat, seed: int | None, access: ToolAccess) -> Completion:
        """Ask until the model answers without calling a tool."""
        messages: list[Mapping[str, object]] = [*chat]
        completed: list[CompletedChat] = []
        probes = sum(tool.uses for tool in access.offered.tools if tool.name == "probe")
        rounds = access.offered.uses + probes + PATIENCE
        for number in range(rounds + 1):
            try:
                completed.append(await self._ask_for_calls(messages, seed, access.offered, may_call=number < rounds))
            except EndpointFailed as failure:
                if not failure.refused:
                    raise
                return _refusal(failure)
            message = completed[-1].choice.message
            if not message.tool_calls:
                break
            messages.append(_called(message.content, message.tool_calls))
            for call in message.tool_calls:
                # In a thread, because the arena's client blocks.
                result = await asyncio.to_thread(_use, access, call)
                messages.append({"role": "tool", "tool_call_id": call.id, "content": result})
        return self._completion(completed)

    async def _ask_for_calls(
        self, messages: SentChat, seed: int | None, offered: OfferedTools, *, may_call: bool
    ) -> CompletedChat:
        # Without a schema for the answer: many servers take either a schema or tools.
        extra = {"tools": openai_tools(offered), "tool_choice": "auto" if may_call else "none"}
        return await self._endpoint.ask(
            messages, temperature=self._temperature, seed=seed, max_tokens=self._max_tokens, extra=extra
        )

    def _completion(self, completed: Sequence[CompletedChat]) -> Completion:
        """The last completion, with what all of them cost."""
        usages = [each.usage for each in completed]
        trouble, reason = self._trouble(completed[-1])
        return Completion(
            completed[-1].choice.message.content or "",
            trouble=trouble,
            reason=reason,
            thoughts=completed[-1].choice.message.thoughts,
            usage=Usage(
                input_tokens=_sum([usage.prompt_tokens if usage else None for usage in usages]),
                output_tokens=_sum([usage.completion_tokens if usage else None for usage in usages]),
                retries=sum(each.tries - 1 for each in completed),
                seconds=sum(each.seconds for each in completed),
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


def openai_tools(offered: OfferedTools) -> list[dict[str, Any]]:
    """The tools in OpenAI's form."""
    return [
        {
            "type": "function",
            "function": {"name": tool.name, "description": tool.description, "parameters": tool.arguments},
        }
        for tool in offered.tools
    ]


def _called(content: str | None, calls: Sequence[ToolCall]) -> dict[str, object]:
    """The message in which the model called tools, as the next request repeats it."""
    return {
        "role": "assistant",
        "content": content or "",
        "tool_calls": [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.function.name, "arguments": _arguments_text(call)},
            }
            for call in calls
        ],
    }


def _arguments_text(call: ToolCall) -> str:
    arguments = call.function.arguments
    return arguments if isinstance(arguments, str) else json.dumps(arguments)


def _use(access: ToolAccess, call: ToolCall) -> str:
    """What the tool says, or what is wrong with the call, for the model to read."""
    names = [tool.name for tool in access.offered.tools]
    if call.function.name not in names:
        return f"there is no tool of this name: use one of {', '.join(names)}"
    try:
        arguments = storable_json(_arguments_text(call) or "{}")
    except ValueError:
        arguments = None
    if not isinstance(arguments, dict):
        return "the arguments must be a JSON object: call the tool again"
    return access.use(call.function.name, arguments)


def _sum(counts: Sequence[int | None]) -> int | None:
    """The sum of the counts, None if nobody counted."""
    known = [count for count in counts if count is not None]
    return sum(known) if known else None


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
