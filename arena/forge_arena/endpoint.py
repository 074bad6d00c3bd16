"""Ask a model behind any OpenAI-compatible chat endpoint, try again what may pass, and say plainly what went wrong."""

import asyncio
import email.utils
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from typing import Any, cast
from urllib.parse import urlsplit

import openai
from pydantic import (
    BaseModel,
    JsonValue,
    ValidationError,
    ValidatorFunctionWrapHandler,
    field_validator,
    model_validator,
)
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_attempt

from forge_arena.errors import ForgeArenaError
from forge_arena.hosts import is_loopback
from forge_arena.storable import storable, storable_json

LONGEST_PAUSE = 120.0
TRANSIENT_STATUS = frozenset({408, 409, 425, 429})
TOO_LONG = ("context_length", "context length", "maximum context", "max_model_len", "maximum model length", "too long")

WITHHELD = "content_filter"
# Not every endpoint takes what is sent by default. The words of a refusal that name a part of the request, and the
# setting that leaves this part out.
OPTIONAL: Mapping[str, str] = {"temperature": "temperature=none", "seed": "seed=none", "role": "system_role=user"}

Chat = Sequence[Mapping[str, object]]


class SystemRole(StrEnum):
    """The role that a chat's system message is sent in: its own, or as the beginning of the first user message."""

    system = "system"
    user = "user"


class EndpointFailed(ForgeArenaError):
    """No completion can be had; the message says why and what to do, and never holds the key.

    `refused` is whether it was this very request that the endpoint would not take: another one may be answered. `offer`
    are the settings that leave out what the endpoint may have refused.
    """

    def __init__(self, reason: str, *, refused: bool = False, offer: Sequence[str] = ()) -> None:
        super().__init__(reason)
        self.reason = reason
        self.refused = refused
        self.offer = tuple(offer)


class PromptTooLong(EndpointFailed):
    """The prompt does not fit into the model's context."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason, refused=True)


class PromptWithheld(EndpointFailed):
    """The endpoint's content filter keeps the prompt from the model."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason, refused=True)


class Written(BaseModel):
    """What the model wrote. Servers that separate the reasoning from the answer name the reasoning one way or the other.

    `content` may come as a list of parts: the texts are joined, and parts with reasoning are left to `thoughts`.
    `refusal` are the model's words where it declines to answer.
    """

    content: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    refusal: str | None = None
    thought_parts: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _join_parts(cls, message: Any) -> Any:
        if not isinstance(message, dict) or not isinstance(message.get("content"), list):
            return message
        parts = [part for part in message["content"] if isinstance(part, dict)]
        joined = {
            "content": _joined(parts, "text", "output_text"),
            "thought_parts": _joined(parts, "thinking", "reasoning"),
            "refusal": message.get("refusal") or _joined(parts, "refusal"),
        }
        return {**message, **joined}

    @property
    def thoughts(self) -> str | None:
        """The reasoning, where the server separates it from the content."""
        return self.reasoning_content or self.reasoning or self.thought_parts


class Choice(BaseModel):
    message: Written
    finish_reason: str | None = None


class Usage(BaseModel):
    """What a completion cost in tokens; None where the server does not say."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class Completion(BaseModel):
    """The part of a chat completion that is read here. The client's own type is filled with whatever was sent."""

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
    id: str


class Models(BaseModel):
    data: list[Model]


@dataclass(frozen=True, slots=True)
class Said:
    """A completion as it came, what it cost in tokens where the server says so, and after how many tries."""

    choice: Choice
    usage: Usage | None
    tries: int


def with_system_role(chat: Chat, role: SystemRole) -> Chat:
    """The chat with its system message sent in that role. Many models know no system role, or want roles to alternate."""
    if role is SystemRole.system or len(chat) < 2 or chat[0]["role"] != "system" or chat[1]["role"] != "user":
        return chat
    system, user, *rest = chat
    return [{"role": "user", "content": f"{system['content']}\n\n{user['content']}"}, *rest]


def model_and_url(text: str) -> tuple[str, str]:
    """`MODEL@http://host:port/v1` in its two parts. Raises ValueError where it is not written like that."""
    model, at, url = text.rpartition("@")
    if not at or not model or not url.startswith(("http://", "https://")):
        raise ValueError(f"must read openai:MODEL@http://host:port/v1, got {'openai:' + text!r}")
    return model, url


class Endpoint:
    """Asks `model` at `base_url` (with its `/v1`), at most `concurrency` requests at a time.

    `timeout` is seconds for one try as a whole; connection errors, timeouts, 429 and 5xx are tried `retries` more
    times, after the server's Retry-After where it gives one. `system_role` is `system`, or `user` for a model that
    knows no system role. One instance belongs to one event loop.
    """

    def __init__(
        self,
        model: str,
        base_url: str,
        api_key: str | None = None,
        *,
        concurrency: int,
        timeout: float,
        retries: int,
        system_role: str = SystemRole.system,
    ) -> None:
        parts = urlsplit(base_url)
        if system_role not in SystemRole.__members__:
            raise ValueError(f"system_role must be one of {', '.join(SystemRole)}, got {system_role!r}")
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.fragment:
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
        self._system_role = SystemRole(system_role)
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
            http_client=openai.DefaultAsyncHttpxClient(trust_env=not is_loopback(parts.hostname)),
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
        temperature: float | None,
        seed: int | None,
        max_tokens: int,
        extra: Mapping[str, Any] | None = None,
    ) -> Said:
        """One completion; `extra` goes into the request's body as it is. A temperature or seed of None is not sent.

        Raises:
            EndpointFailed: none can be had, after all tries.
        """
        given = {"temperature": temperature, "seed": seed}
        body = {name: value for name, value in given.items() if value is not None} | dict(extra or {})
        chat = with_system_role(messages, self._system_role)
        tries = 0

        async def once() -> Completion:
            nonlocal tries
            tries += 1
            return await self._post(chat, max_tokens, body)

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
        limit = self._limit
        try:
            async with asyncio.timeout(self._timeout):
                answered = await self._client.chat.completions.with_raw_response.create(
                    model=self.model,
                    messages=cast(Any, messages),
                    extra_body={limit: max_tokens, **body},
                )
        except openai.BadRequestError as error:
            # OpenAI's newer models refuse max_tokens, most other servers know nothing else. What this try sent counts:
            # of several requests at a time the first that is refused has changed the limit for the others.
            if limit == "max_tokens" and "max_completion_tokens" in error.message:
                self._limit = "max_completion_tokens"
                return await self._post(messages, max_tokens, body)
            raise
        try:
            completion = Completion.model_validate(storable_json(answered.content))
        except ValueError:
            sent = self._error_in(answered.content)
        else:
            if not completion.choices:
                raise EndpointFailed(f"{self.where} answered with a chat completion that holds no choice", refused=True)
            if completion.choices[0].finish_reason == "error":
                raise EndpointFailed(f"{self.where} broke off its completion with an error", refused=True)
            return completion
        status, response = _status_of(sent), answered.http_response
        if status is None:
            raise EndpointFailed(f"{self.where} answered 200 with an error: {self._words(sent)}", refused=True)
        meant = type(response)(status, headers=response.headers, request=response.request)
        raise openai.APIStatusError(f"{status} in an answer with status 200", response=meant, body=sent)

    def _error_in(self, content: bytes) -> dict[str, JsonValue] | str:
        """The error in the body of an answer with status 200. Raises `EndpointFailed` where the body is something else."""
        try:
            return ErrorBody.model_validate(storable_json(content)).error
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
        # Some servers send the code as a number.
        code = str(error.code or "")
        match error.status_code:
            case 400 | 403 | 422 if code == WITHHELD:
                return PromptWithheld(f"the content filter of {self.where} withheld the prompt: {said}")
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
            case 400 | 413 | 422 if any(sign in said.lower() or sign in code for sign in TOO_LONG):
                return PromptTooLong(f"the prompt is longer than the context of {self.model_there}: {said}")
            case 400 | 413 | 422:
                return EndpointFailed(
                    f"{self.where} answered {error.status_code}: {said}", refused=True, offer=_settings_to_try(said)
                )
        return EndpointFailed(f"{self.where} answered {error.status_code}{tried}: {said}")

    def _said(self, error: openai.APIStatusError) -> str:
        return self._words(error.body)

    def _words(self, body: object) -> str:
        """The server's own words, short and on one line, without the key; not a page of HTML."""
        said = (body.get("message") or body.get("detail")) if isinstance(body, dict) else body
        text = storable(" ".join(str(said or "").split()))
        if text.startswith("<"):
            return "a web page"
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


def _joined(parts: Sequence[Mapping[str, Any]], *kinds: str) -> str | None:
    """The texts of the content parts of these kinds, which may hold parts themselves; None where there is none."""
    texts = []
    for part in parts:
        kind = part.get("type")
        if kind not in kinds:
            continue
        held = next((part[name] for name in ("text", str(kind)) if part.get(name) is not None), None)
        texts.append(_joined(held, "text") if isinstance(held, list) else held)
    found = [text for text in texts if isinstance(text, str)]
    return "".join(found) if found else None


def _settings_to_try(said: str) -> list[str]:
    """The settings that leave out what a refusal names; all of them where it names none."""
    named = [setting for word, setting in OPTIONAL.items() if word in said.lower()]
    return named or list(OPTIONAL.values())


def _status_of(error: Mapping[str, JsonValue] | str) -> int | None:
    """The HTTP status that an error in a body gives as its code; None where it gives none."""
    code = error.get("code") if isinstance(error, Mapping) else None
    return code if isinstance(code, int) and 400 <= code <= 599 else None


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
