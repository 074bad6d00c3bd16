"""Ask a model behind any OpenAI-compatible chat endpoint, try again what may pass, and say plainly what went wrong."""

import asyncio
import email.utils
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, cast
from urllib.parse import urlsplit

import openai
from pydantic import BaseModel, Field, ValidationError
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_attempt

from forge_arena.errors import ForgeArenaError
from forge_arena.storable import storable, storable_json

LONGEST_PAUSE = 120.0
LOOPBACK = ("127.0.0.1", "localhost", "::1")
TRANSIENT_STATUS = frozenset({408, 409, 425, 429})
TOO_LONG = ("context_length", "context length", "maximum context", "max_model_len", "maximum model length", "too long")

Chat = Sequence[Mapping[str, object]]


class EndpointFailed(ForgeArenaError):
    """No completion can be had; the message says why and what to do, and never holds the key.

    `refused` is whether it was this very request that the endpoint would not take: another one may be answered.
    """

    def __init__(self, reason: str, *, refused: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.refused = refused


class PromptTooLong(EndpointFailed):
    """The prompt does not fit into the model's context."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason, refused=True)


class Written(BaseModel):
    """What the model wrote; servers that part the reasoning from the answer name it one way or the other."""

    content: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None

    @property
    def thoughts(self) -> str | None:
        """The reasoning, where the server parts it from the content."""
        return self.reasoning_content or self.reasoning


class Choice(BaseModel):
    message: Written
    finish_reason: str | None = None


class Usage(BaseModel):
    prompt_tokens: int = 0
    completion_tokens: int = 0


class Completion(BaseModel):
    """The part of a chat completion that is read here. The client's own type is filled with whatever was sent."""

    choices: list[Choice] = Field(min_length=1)
    usage: Usage | None = None


class Model(BaseModel):
    id: str


class Models(BaseModel):
    data: list[Model]


@dataclass(frozen=True, slots=True)
class Said:
    """A completion as it came, what it cost in tokens where the server says so, and after how many tries."""

    choice: Choice
    usage: Usage | None
    tries: int


def model_and_url(text: str) -> tuple[str, str]:
    """`MODEL@http://host:port/v1` in its two parts. Raises ValueError where it is not written like that."""
    model, at, url = text.rpartition("@")
    if not at or not model or not url.startswith(("http://", "https://")):
        raise ValueError(f"must read openai:MODEL@http://host:port/v1, got {'openai:' + text!r}")
    return model, url


class Endpoint:
    """Asks `model` at `base_url` (with its `/v1`), at most `concurrency` requests at a time.

    `timeout` is seconds for one try as a whole; connection errors, timeouts, 429 and 5xx are tried `retries` more
    times, after the server's Retry-After where it gives one. One instance belongs to one event loop.
    """

    def __init__(
        self, model: str, base_url: str, api_key: str | None = None, *, concurrency: int, timeout: float, retries: int
    ) -> None:
        parts = urlsplit(base_url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"base_url must look like http://host:port/v1, got {base_url!r}")
        if concurrency < 1 or retries < 0 or timeout <= 0:
            raise ValueError(
                "concurrency must be at least 1, retries at least 0 and timeout above 0, got "
                f"concurrency={concurrency}, retries={retries}, timeout={timeout}"
            )
        self.model = model
        # Without user, password and query: these may be secrets, and the address is shown in errors.
        self.where = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
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
            # A proxy from the environment cannot reach this machine's own servers.
            http_client=openai.DefaultAsyncHttpxClient(trust_env=parts.hostname not in LOOPBACK),
        )
        self._client.organization = None
        self._client.project = None

    @property
    def model_there(self) -> str:
        """The model and where it is asked for, as errors name it."""
        return f"{self.model!r} at {self.where}"

    async def ask(
        self,
        messages: Chat,
        *,
        temperature: float,
        seed: int,
        max_tokens: int,
        extra: Mapping[str, Any] | None = None,
    ) -> Said:
        """One completion; `extra` goes into the request's body as it is.

        Raises:
            EndpointFailed: none can be had, after all tries.
        """
        body = {"temperature": temperature, "seed": seed, **(extra or {})}
        tries = 0

        async def once() -> Completion:
            nonlocal tries
            tries += 1
            return await self._post(messages, max_tokens, body)

        retrying = AsyncRetrying(
            stop=stop_after_attempt(self._tries),
            wait=self._pause,
            retry=retry_if_exception(_worth_retrying),
            reraise=True,
        )
        async with self._slots:
            try:
                completion: Completion = await retrying(once)
            except (openai.APIError, TimeoutError) as error:
                raise await self._explained(error) from error
        return Said(completion.choices[0], completion.usage, tries)

    async def aclose(self) -> None:
        await self._client.close()

    async def _post(self, messages: Chat, max_tokens: int, body: Mapping[str, Any]) -> Completion:
        """One try. The total time is limited here, because the client's own limit starts anew with every byte."""
        try:
            async with asyncio.timeout(self._timeout):
                answered = await self._client.chat.completions.with_raw_response.create(
                    model=self.model,
                    messages=cast(Any, messages),
                    extra_body={self._limit: max_tokens, **body},
                )
        except openai.BadRequestError as error:
            # OpenAI's newer models refuse max_tokens, most other servers know nothing else.
            if self._limit == "max_tokens" and "max_completion_tokens" in error.message:
                self._limit = "max_completion_tokens"
                return await self._post(messages, max_tokens, body)
            raise
        try:
            return Completion.model_validate(storable_json(answered.content))
        except ValueError:
            raise EndpointFailed(
                f"{self.where} answered 200 with something other than a chat completion; "
                "is this the address of an OpenAI-compatible API, ending in /v1?"
            ) from None

    def _pause(self, state: RetryCallState) -> float:
        """Seconds until the next try: what the server asks for, else exponential with jitter."""
        asked = _retry_after(state.outcome.exception() if state.outcome else None)
        return asked if asked is not None else min(8.0, 0.5 * 2.0**state.attempt_number) * (0.5 + self._jitter.random())

    async def _explained(self, error: openai.APIError | TimeoutError) -> EndpointFailed:
        """What went wrong in one line, and what to do about it."""
        tried = f" ({self._tries} tries)" if self._tries > 1 and _worth_retrying(error) else ""
        match error:
            case TimeoutError() | openai.APITimeoutError():
                return EndpointFailed(
                    f"{self.model_there} gave no answer within {self._timeout:g} s{tried}; is it overloaded?"
                )
            case openai.APIConnectionError():
                return EndpointFailed(
                    f"no connection to {self.where}{tried}: is the server running, and is the address right?"
                )
            case openai.APIStatusError():
                return await self._explained_status(error, tried)
        return EndpointFailed(f"{self.where} sent something that the client cannot read: {type(error).__name__}")

    async def _explained_status(self, error: openai.APIStatusError, tried: str) -> EndpointFailed:
        said = self._said(error)
        match error.status_code:
            case 401 | 403:
                given = "the given API key" if self._api_key else "a request without an API key"
                return EndpointFailed(
                    f"{self.where} refused {given} ({error.status_code}); give a key that may use {self.model!r}"
                )
            case 404:
                models = await self._models()
                if models:
                    return EndpointFailed(f"{self.where} has no model {self.model!r}; it serves {', '.join(models)}")
                return EndpointFailed(
                    f"{self.where} has no chat endpoint or no model {self.model!r} (404); does the address end in /v1?"
                )
            case 429:
                pause = _retry_after(error)
                wait = f"; it asks to wait {pause:.0f} s" if pause is not None else ""
                return EndpointFailed(
                    f"{self.where} refuses more requests (429){tried}{wait}; lower the concurrency or check the quota"
                )
            case 400 | 413 | 422 if any(sign in said.lower() or sign in (error.code or "") for sign in TOO_LONG):
                return PromptTooLong(f"the prompt is longer than the context of {self.model_there}: {said}")
        return EndpointFailed(
            f"{self.where} answered {error.status_code}{tried}: {said}", refused=error.status_code in (400, 413, 422)
        )

    def _said(self, error: openai.APIStatusError) -> str:
        """The server's own words, short and on one line, without the key; not a page of HTML."""
        body = error.body if isinstance(error.body, dict) else {}
        said = body.get("message") or body.get("detail") or ""
        text = storable(" ".join(str(said).split()))
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
