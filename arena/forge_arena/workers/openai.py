"""A Worker behind any OpenAI-compatible chat endpoint."""

import asyncio
import email.utils
import time
from collections.abc import Mapping
from random import Random
from typing import Any, cast
from urllib.parse import urlsplit

import openai
from pydantic import BaseModel, Field, ValidationError
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_attempt

from forge_arena.errors import WorkerFailed
from forge_arena.types import Answer, JsonObject, Probe, Scenario
from forge_arena.workers.base import HiddenInstruction
from forge_arena.workers.prompts import Message, answer_messages, reply_messages, split_reasoning

LONGEST_PAUSE = 120.0
LOOPBACK = ("127.0.0.1", "localhost", "::1")
TRANSIENT_STATUS = frozenset({408, 409, 425, 429})
TOO_LONG = ("context_length", "context length", "maximum context", "max_model_len", "maximum model length", "too long")


class Written(BaseModel):
    """What the model wrote; servers that part the reasoning from the answer name it one way or the other."""

    content: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None


class Choice(BaseModel):
    message: Written
    finish_reason: str | None = None


class Completion(BaseModel):
    """The part of a chat completion that is read here. The client's own type is filled with whatever was sent."""

    choices: list[Choice] = Field(min_length=1)


class Model(BaseModel):
    id: str


class Models(BaseModel):
    data: list[Model]


class OpenAIWorker:
    """Asks `model` at `base_url` (with its `/v1`) for answers, at most `concurrency` at a time.

    `timeout` is seconds for one try as a whole; connection errors, timeouts, 429 and 5xx are tried `retries` more
    times, after the server's Retry-After where it gives one. `extra` goes into every request body as it is. One
    instance belongs to one event loop. All methods raise `WorkerFailed` when no answer can be had.
    """

    def __init__(
        self,
        model: str,
        base_url: str,
        api_key: str | None = None,
        *,
        concurrency: int = 16,
        timeout: float = 60.0,
        temperature: float = 0.7,
        max_tokens: int = 1024,
        retries: int = 4,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        parts = urlsplit(base_url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"base_url must look like http://host:port/v1, got {base_url!r}")
        if concurrency < 1 or retries < 0 or timeout <= 0 or max_tokens < 1:
            raise ValueError(
                "concurrency and max_tokens must be at least 1, retries at least 0 and timeout above 0, got "
                f"concurrency={concurrency}, max_tokens={max_tokens}, retries={retries}, timeout={timeout}"
            )
        self.model = model
        self.base_url = base_url
        self.sampling: JsonObject = {"model": model, "temperature": temperature, "max_tokens": max_tokens}
        self._extra = dict(extra or {})
        self.sampling |= self._extra
        # Without user, password and query: these may be secrets, and the address is shown in errors.
        self._where = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
        self._timeout = timeout
        self._tries = retries + 1
        self._limit = "max_tokens"
        self._slots = asyncio.Semaphore(concurrency)
        # Waiting times only; no answer depends on it.
        self._jitter = Random(f"{model} {base_url}")
        self._api_key = api_key
        self._client = openai.AsyncOpenAI(
            # Never None: the client would take a key from the environment and send it to whatever base_url is.
            api_key=api_key or "none",
            base_url=base_url,
            max_retries=0,
            timeout=timeout,
            http_client=openai.DefaultAsyncHttpxClient(
                # A proxy from the environment cannot reach this machine's own servers.
                trust_env=parts.hostname not in ("127.0.0.1", "localhost", "::1")
            ),
        )
        self._client.organization = None
        self._client.project = None

    @property
    def name(self) -> str:
        return f"openai:{self.model}"

    async def start(self) -> None:
        """Show that an answer can be had, with a chat of one token."""
        # Without `extra`: some of it, min_tokens for one, contradicts a single token.
        await self._ask([{"role": "user", "content": "Say yes."}], seed=0, max_tokens=1, extra={})

    async def answer(self, scenario: Scenario, rng: Random, hidden: HiddenInstruction | None = None) -> Answer:
        return await self._write(answer_messages(scenario, hidden), rng)

    async def reply(
        self, scenario: Scenario, answer: Answer, probes: tuple[Probe, ...], question: str, rng: Random
    ) -> str:
        return (await self._write(reply_messages(scenario, answer, probes, question), rng)).output

    async def aclose(self) -> None:
        await self._client.close()

    async def _write(self, messages: list[Message], rng: Random) -> Answer:
        """Ask, and take the answer only if it is whole."""
        # 31 bits: some servers read the seed into a C int.
        choice = await self._ask(
            messages, seed=rng.getrandbits(31), max_tokens=self.sampling["max_tokens"], extra=self._extra
        )
        if choice.finish_reason == "length":
            raise WorkerFailed(
                f"{self._model_there()} was cut off after {self.sampling['max_tokens']} tokens or at the end of its "
                "context; raise max_tokens or serve it with a longer context"
            )
        if choice.finish_reason == "content_filter":
            raise WorkerFailed(f"{self._model_there()} withheld its answer (content filter)")
        message = choice.message
        written = split_reasoning(message.content or "", message.reasoning_content or message.reasoning)
        if not written.output:
            after = " after its reasoning" if written.reasoning else ""
            raise WorkerFailed(f"{self._model_there()} answered with empty text{after}")
        return written

    async def _ask(self, messages: list[Message], *, seed: int, max_tokens: int, extra: Mapping[str, Any]) -> Choice:
        retrying = AsyncRetrying(
            stop=stop_after_attempt(self._tries),
            wait=self._pause,
            retry=retry_if_exception(_worth_retrying),
            reraise=True,
        )
        async with self._slots:
            try:
                return await retrying(self._post, messages, seed, max_tokens, extra)
            except (openai.APIError, TimeoutError) as error:
                raise WorkerFailed(await self._explain(error)) from error

    async def _post(self, messages: list[Message], seed: int, max_tokens: int, extra: Mapping[str, Any]) -> Choice:
        """One try. The total time is limited here, because the client's own limit starts anew with every byte."""
        try:
            async with asyncio.timeout(self._timeout):
                answered = await self._client.chat.completions.with_raw_response.create(
                    model=self.model,
                    messages=cast(Any, messages),
                    temperature=self.sampling["temperature"],
                    seed=seed,
                    extra_body={self._limit: max_tokens, **extra},
                )
        except openai.BadRequestError as error:
            # OpenAI's newer models refuse max_tokens, most other servers know nothing else.
            if self._limit == "max_tokens" and "max_completion_tokens" in error.message:
                self._limit = "max_completion_tokens"
                return await self._post(messages, seed, max_tokens, extra)
            raise
        try:
            return Completion.model_validate_json(answered.content).choices[0]
        except ValidationError:
            raise WorkerFailed(
                f"{self._where} answered 200 with something other than a chat completion; "
                "is this the address of an OpenAI-compatible API, ending in /v1?"
            ) from None

    def _pause(self, state: RetryCallState) -> float:
        """Seconds until the next try: what the server asks for, else exponential with jitter."""
        asked = _retry_after(state.outcome.exception() if state.outcome else None)
        return asked if asked is not None else min(8.0, 0.5 * 2.0**state.attempt_number) * (0.5 + self._jitter.random())

    async def _explain(self, error: openai.APIError | TimeoutError) -> str:
        """One line that says what went wrong and what to do about it; never contains the key."""
        tried = f" ({self._tries} tries)" if self._tries > 1 and _worth_retrying(error) else ""
        match error:
            case TimeoutError() | openai.APITimeoutError():
                return f"{self._model_there()} gave no answer within {self._timeout:g} s{tried}; is it overloaded?"
            case openai.APIConnectionError():
                return f"no connection to {self._where}{tried}: is the server running, and is the address right?"
            case openai.APIStatusError():
                return await self._explain_status(error, tried)
        return f"{self._where} sent something that the client cannot read: {type(error).__name__}"

    async def _explain_status(self, error: openai.APIStatusError, tried: str) -> str:
        said = self._said(error)
        match error.status_code:
            case 401 | 403:
                given = "the given API key" if self._api_key else "a request without an API key"
                return f"{self._where} refused {given} ({error.status_code}); give a key that may use {self.model!r}"
            case 404:
                models = await self._models()
                if models:
                    return f"{self._where} has no model {self.model!r}; it serves {', '.join(models)}"
                return (
                    f"{self._where} has no chat endpoint or no model {self.model!r} (404); does the address end in /v1?"
                )
            case 429:
                pause = _retry_after(error)
                wait = f"; it asks to wait {pause:.0f} s" if pause is not None else ""
                return (
                    f"{self._where} refuses more requests (429){tried}{wait}; lower the concurrency or check the quota"
                )
            case 400 | 413 | 422 if any(sign in said.lower() or sign in (error.code or "") for sign in TOO_LONG):
                return f"the prompt is longer than the context of {self._model_there()}: {said}"
        return f"{self._where} answered {error.status_code}{tried}: {said}"

    def _said(self, error: openai.APIStatusError) -> str:
        """The server's own words, short and on one line, without the key; not a page of HTML."""
        body = error.body if isinstance(error.body, dict) else {}
        said = body.get("message") or body.get("detail") or ""
        text = " ".join(str(said).split())
        if self._api_key:
            text = text.replace(self._api_key, "[key]")
        return (text[:297] + "..." if len(text) > 300 else text) or "no message"

    async def _models(self) -> list[str]:
        try:
            async with asyncio.timeout(self._timeout):
                answered = await self._client.models.with_raw_response.list()
            names = [model.id for model in Models.model_validate_json(answered.content).data]
        except (openai.APIError, TimeoutError, ValidationError):
            return []
        return [*names[:8], f"{len(names) - 8} more"] if len(names) > 8 else names

    def _model_there(self) -> str:
        return f"{self.model!r} at {self._where}"


def _worth_retrying(error: BaseException) -> bool:
    if isinstance(error, openai.APIStatusError):
        transient = error.status_code >= 500 or error.status_code in TRANSIENT_STATUS
        return transient and (_retry_after(error) or 0.0) <= LONGEST_PAUSE
    return isinstance(error, openai.APIConnectionError | TimeoutError)


def _retry_after(error: BaseException | None) -> float | None:
    """Seconds that the server asks to wait, given as a number or as a date; None where it does not say."""
    if not isinstance(error, openai.APIStatusError):
        return None
    asked = error.response.headers.get("retry-after")
    if asked is None:
        return None
    try:
        return max(0.0, float(asked))
    except ValueError:
        date = email.utils.parsedate_tz(asked)
        return max(0.0, email.utils.mktime_tz(date) - time.time()) if date else None
