"""A Worker behind any OpenAI-compatible chat endpoint."""

from collections.abc import Mapping, Sequence
from math import inf
from random import Random
from typing import Any

from forge_arena.endpoints.bodies import Choice, Usage
from forge_arena.endpoints.endpoint import Endpoint, SystemRole
from forge_arena.endpoints.errors import WITHHELD, EndpointFailed, PromptTooLong, PromptWithheld
from forge_arena.errors import BadArgument, WorkerFailed
from forge_arena.flaws import Flaw
from forge_arena.types import Answer, JsonObject, Probe, Scenario
from forge_arena.workers.base import BadAnswer, HiddenInstruction, Message, Spent
from forge_arena.workers.prompts import answer_messages, reply_messages, revise_messages, split_reasoning


class OpenAIWorker:
    """Asks `model` at `base_url` (with its `/v1`) for answers, at most `concurrency` at a time.

    Timeout, retries, system role and `extra` are those of `forge_arena.endpoints.endpoint.Endpoint`. Not every endpoint takes a
    temperature or a seed: a temperature of None is not sent, and no seed is sent if `seeded` is False. One instance
    belongs to one event loop. All methods raise `WorkerFailed` if the endpoint gives no answer, and `BadAnswer` if the model
    gives none. `spent` counts the requests; a caller may hand in its own, so that several instances share one count.
    """

    def __init__(
        self,
        model: str,
        base_url: str,
        api_key: str | None = None,
        *,
        concurrency: int = 16,
        timeout: float = 60.0,
        temperature: float | None = 0.7,
        max_tokens: int = 1024,
        retries: int = 4,
        seeded: bool = True,
        system_role: str = SystemRole.system,
        extra: Mapping[str, Any] | None = None,
        spent: Spent | None = None,
    ) -> None:
        if max_tokens < 1:
            raise BadArgument(f"max_tokens must be at least 1, got {max_tokens}")
        if temperature is not None and not 0 <= temperature < inf:
            raise BadArgument(f"temperature must be a finite number of at least 0, got {temperature}")
        self._endpoint = Endpoint(
            model,
            base_url,
            api_key,
            concurrency=concurrency,
            timeout=timeout,
            retries=retries,
            system_role=system_role,
        )
        self.model = model
        self.base_url = base_url
        self.spent = spent or Spent()
        self.sampling: JsonObject = {"model": model, "temperature": temperature, "max_tokens": max_tokens}
        self._extra = dict(extra or {})
        if not seeded:
            self.sampling["seed"] = None
        if system_role != SystemRole.system:
            self.sampling["system_role"] = system_role
        self.sampling |= self._extra
        self._seeded = seeded
        self._takes_schemas = True

    @property
    def name(self) -> str:
        return f"openai:{self.model}"

    async def start(self) -> None:
        """Check with a chat of one token that the endpoint answers."""
        # The same roles as in later chats, so that an endpoint that refuses a role refuses it now.
        chat: list[Message] = [
            {"role": "system", "content": "Answer in one word."},
            {"role": "user", "content": "Say yes."},
        ]
        # Without `extra`: some of it, min_tokens for one, contradicts a single token.
        await self._ask(chat, seed=0, max_tokens=1, extra={})

    async def answer(self, scenario: Scenario, rng: Random, hidden: HiddenInstruction | None = None) -> Answer:
        return await self._write(answer_messages(scenario, hidden), rng)

    async def revise(
        self,
        scenario: Scenario,
        answer: Answer,
        objections: tuple[str, ...],
        rng: Random,
        hidden: HiddenInstruction | None = None,
    ) -> Answer:
        return await self._write(revise_messages(scenario, answer, objections, hidden), rng)

    async def reply(
        self, scenario: Scenario, answer: Answer, probes: tuple[Probe, ...], question: str, rng: Random
    ) -> str:
        return (await self._write(reply_messages(scenario, answer, probes, question), rng)).output

    async def chat(self, messages: Sequence[Message], rng: Random) -> str:
        return (await self._write(messages, rng)).output

    async def chat_json(self, messages: Sequence[Message], rng: Random, schema: JsonObject) -> str:
        form = {"type": "json_schema", "json_schema": {"name": "reply", "strict": True, "schema": schema}}
        if self._takes_schemas:
            before = rng.getstate()
            try:
                return (await self._write(messages, rng, {"response_format": form})).output
            except BadAnswer:
                raise
            except WorkerFailed as failure:
                # Servers refuse a schema in many words, so any refusal of the request may be one.
                if not (isinstance(failure.__cause__, EndpointFailed) and failure.__cause__.refused):
                    raise
                rng.setstate(before)
        written = await self._write(messages, rng)
        self._takes_schemas = False
        return written.output

    async def aclose(self) -> None:
        await self._endpoint.aclose()

    async def _write(self, messages: Sequence[Message], rng: Random, also: Mapping[str, Any] | None = None) -> Answer:
        """Ask, and take the answer only if it is complete.

        Raises:
            BadAnswer: the model gave no complete answer.
            WorkerFailed: the endpoint failed.
        """
        # 31 bits: some servers read the seed into a C int.
        choice = await self._ask(
            messages,
            seed=rng.getrandbits(31),
            max_tokens=self.sampling["max_tokens"],
            extra={**self._extra, **(also or {})},
        )
        there = self._endpoint.model_there
        written = split_reasoning(choice.message.content or "", choice.message.thoughts)
        if choice.finish_reason == "length":
            raise BadAnswer(
                f"{there} was cut off after {self.sampling['max_tokens']} tokens or at the end of its "
                "context; raise max_tokens or serve it with a longer context",
                Flaw.cut,
                written,
            )
        if choice.finish_reason == WITHHELD:
            raise BadAnswer(f"{there} withheld its answer (content filter)", Flaw.withheld)
        if not written.output and choice.message.refusal:
            raise BadAnswer(f"{there} declined to answer", Flaw.declined)
        if not written.output:
            after = " after its reasoning" if written.reasoning else ""
            raise BadAnswer(f"{there} answered with empty text{after}", Flaw.empty, written)
        return written

    async def _ask(
        self, messages: Sequence[Message], *, seed: int, max_tokens: int, extra: Mapping[str, Any]
    ) -> Choice:
        try:
            reply = await self._endpoint.ask(
                messages,
                temperature=self.sampling["temperature"],
                seed=seed if self._seeded else None,
                max_tokens=max_tokens,
                extra=extra,
            )
        except PromptTooLong as failure:
            raise BadAnswer(failure.reason, Flaw.prompt_too_long) from failure
        except PromptWithheld as failure:
            raise BadAnswer(failure.reason, Flaw.withheld) from failure
        except EndpointFailed as failure:
            offer = f"; such a setting follows the Worker's name: #{', #'.join(failure.offer)}" if failure.offer else ""
            raise WorkerFailed(failure.reason + offer) from failure
        usage = reply.usage or Usage()
        self.spent.add(usage.prompt_tokens, usage.completion_tokens)
        return reply.choice
