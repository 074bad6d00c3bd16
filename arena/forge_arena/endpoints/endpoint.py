"""Ask a model behind any OpenAI-compatible chat endpoint, try again what may pass, and say plainly what went wrong."""

import asyncio
import logging
import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from random import Random
from time import perf_counter
from typing import Any, cast
from urllib.parse import urlsplit

import openai
from pydantic import JsonValue, ValidationError
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_attempt

from forge_arena.endpoints.bodies import Choice, Completion, ErrorBody, Models, Usage, status_of
from forge_arena.endpoints.errors import EndpointFailed, Explainer, retry_after, worth_retrying
from forge_arena.errors import BadArgument
from forge_arena.hosts import is_loopback
from forge_arena.secrecy import credentials, fits_header, public_address
from forge_arena.storable import storable_json

logger = logging.getLogger(__name__)

Chat = Sequence[Mapping[str, object]]
# The name of a model may hold an @, and so may its address: the address begins at the first @http.
_MODEL_AND_URL = re.compile(r"(?P<model>.+?)@(?P<url>https?://.+)", re.DOTALL)


class SystemRole(StrEnum):
    """The role that a chat's system message is sent in: its own, or as the beginning of the first user message."""

    system = "system"
    user = "user"


@dataclass(frozen=True, slots=True)
class CompletedChat:
    """A completion as it came, what it cost in tokens if the server says so, and after how many tries it came.

    `seconds` is the time from the first try to the answer. Waiting for other requests of this process is not in it.
    """

    choice: Choice
    usage: Usage | None
    tries: int
    seconds: float


def with_system_role(chat: Chat, role: SystemRole) -> Chat:
    """The chat with its system message in that role. Many models know no system role, or want roles to alternate."""
    if role is SystemRole.system or len(chat) < 2 or chat[0]["role"] != "system" or chat[1]["role"] != "user":
        return chat
    system, user, *rest = chat
    return [{"role": "user", "content": f"{system['content']}\n\n{user['content']}"}, *rest]


def model_and_url(text: str) -> tuple[str, str]:
    """`MODEL@http://host:port/v1` in its two parts. Raises ValueError if it is written otherwise.

    A user and a password may stand before the host: `MODEL@https://user:password@host/v1`.
    """
    match = _MODEL_AND_URL.fullmatch(text)
    if match is None:
        raise BadArgument(f"must read openai:MODEL@http://host:port/v1, got {'openai:' + public_address(text)!r}")
    return match["model"], match["url"]


class Endpoint:
    """Asks `model` at `base_url` (with its `/v1`), at most `concurrency` requests at a time.

    The address may hold a user and a password, which are sent as HTTP's Basic authentication instead of an `api_key`.
    `timeout` is seconds for one try as a whole. After connection errors, timeouts, 429 and 5xx a request is tried
    `retries` more times, each after the server's Retry-After if it gives one. The first try of several that fail in a
    row is logged as a warning, because the others may take a minute. `system_role` is `system`, or `user` for a model
    that knows no system role. One instance belongs to one event loop.
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
        if system_role not in SystemRole.__members__:
            raise BadArgument(f"system_role must be one of {', '.join(SystemRole)}, got {system_role!r}")
        host = _host_of(base_url)
        if host is None:
            raise BadArgument(
                f"base_url must look like http://host:port/v1, got {public_address(base_url)!r}; in a user or a "
                "password write / as %2F, ? as %3F and # as %23"
            )
        base_url, user_and_password = credentials(base_url)
        # In this form, because every comparison with NaN is false.
        if concurrency < 1 or retries < 0 or not timeout > 0:
            raise BadArgument(
                "concurrency must be at least 1, retries at least 0 and timeout above 0, got "
                f"concurrency={concurrency}, retries={retries}, timeout={timeout}"
            )
        if user_and_password is not None and api_key is not None:
            raise BadArgument(
                "give the endpoint a key, or a user and a password in its address, but not both: a request has one "
                "Authorization"
            )
        if api_key is not None and not fits_header(api_key):
            raise BadArgument(
                "the API key holds a character that no key has, such as a line break or a letter with an accent: copy "
                "the key alone, and the whole of it"
            )
        self.model = model
        # Without the query, which may be a secret: the address is shown in errors.
        self.where = public_address(base_url)
        self._timeout = timeout
        self._tries = retries + 1
        self._system_role = SystemRole(system_role)
        self._limit = "max_tokens"
        self._slots = asyncio.Semaphore(concurrency)
        # Whether the last try of any request failed, and a person was told so.
        self._is_in_trouble = False
        # Waiting times only; no answer depends on it.
        self._jitter = Random(f"{model} {base_url}")
        secret = api_key if user_and_password is None else user_and_password[1]
        self._explainer = Explainer(model, self.where, secret, timeout, self._tries)
        self._client = openai.AsyncOpenAI(
            # Never None: the client would take a key from the environment and send it to whatever base_url is.
            api_key=api_key or "none",
            base_url=base_url,
            # Not left in the address, because libraries log the addresses that they ask.
            default_headers=None if user_and_password is None else {"Authorization": _basic(*user_and_password)},
            max_retries=0,
            timeout=timeout,
            # A proxy from the environment cannot reach this machine's own servers.
            http_client=openai.DefaultAsyncHttpxClient(trust_env=not is_loopback(host)),
        )
        self._client.organization = None
        self._client.project = None

    @property
    def model_there(self) -> str:
        """The model and where it is asked for, as errors name it."""
        return self._explainer.model_there

    async def ask(
        self,
        messages: Chat,
        *,
        temperature: float | None,
        seed: int | None,
        max_tokens: int,
        extra: Mapping[str, Any] | None = None,
    ) -> CompletedChat:
        """One completion. `extra` goes into the request's body as it is. A temperature or seed of None is not sent.

        Raises:
            EndpointFailed: no try gave a completion.
        """
        sampling = {"temperature": temperature, "seed": seed}
        body = {name: value for name, value in sampling.items() if value is not None} | dict(extra or {})
        chat = with_system_role(messages, self._system_role)
        tries = 0

        async def once() -> Completion:
            nonlocal tries
            tries += 1
            return await self._post(chat, max_tokens, body)

        retrying = AsyncRetrying(
            stop=stop_after_attempt(self._tries),
            wait=self._pause,
            retry=retry_if_exception(worth_retrying),
            before_sleep=self._say_trouble,
            reraise=True,
        )
        async with self._slots:
            begin = perf_counter()
            try:
                completion: Completion = await retrying(once)
            except (openai.APIError, TimeoutError) as error:
                is_not_found = isinstance(error, openai.APIStatusError) and error.status_code == 404
                raise self._explainer.explain(error, await self._models() if is_not_found else []) from error
        self._is_in_trouble = False
        return CompletedChat(completion.choices[0], completion.usage, tries, perf_counter() - begin)

    async def aclose(self) -> None:
        await self._client.close()

    async def _post(self, messages: Chat, max_tokens: int, body: Mapping[str, Any]) -> Completion:
        """One try. The total time is limited here, because the client's own limit starts anew with every byte."""
        limit = self._limit
        try:
            async with asyncio.timeout(self._timeout):
                response = await self._client.chat.completions.with_raw_response.create(
                    model=self.model,
                    messages=cast(Any, messages),
                    extra_body={limit: max_tokens, **body},
                )
        except openai.BadRequestError as error:
            # OpenAI's newer models refuse max_tokens, and most other servers know nothing else. What counts is what
            # this try sent, because the first refusal among several requests has changed the limit for the others.
            if limit == "max_tokens" and "max_completion_tokens" in error.message:
                self._limit = "max_completion_tokens"
                return await self._post(messages, max_tokens, body)
            raise
        completion = self._completion_or_error(response.content)
        if isinstance(completion, Completion):
            return completion
        status, http_response = status_of(completion), response.http_response
        if status is None:
            raise EndpointFailed(
                f"{self.where} answered 200 with an error: {self._explainer.words(completion)}", refused=True
            )
        # As if the error had come with its own status, so that it is tried again and explained like any other.
        with_status = type(http_response)(status, headers=http_response.headers, request=http_response.request)
        raise openai.APIStatusError(f"{status} in an answer with status 200", response=with_status, body=completion)

    def _completion_or_error(self, content: bytes) -> Completion | dict[str, JsonValue] | str:
        """The completion in an answer with status 200, or the error that the server put into its place.

        Raises:
            EndpointFailed: the answer holds neither, or a completion that is of no use.
        """
        try:
            completion = Completion.model_validate(storable_json(content))
        except ValueError:
            return self._error_in(content)
        if not completion.choices:
            raise EndpointFailed(f"{self.where} answered with a chat completion that holds no choice", refused=True)
        if completion.choices[0].finish_reason == "error":
            raise EndpointFailed(f"{self.where} broke off its completion with an error", refused=True)
        return completion

    def _error_in(self, content: bytes) -> dict[str, JsonValue] | str:
        try:
            return ErrorBody.model_validate(storable_json(content)).error
        except ValueError:
            raise EndpointFailed(
                f"{self.where} answered 200 with something other than a chat completion; "
                "is this the address of an OpenAI-compatible API, ending in /v1?"
            ) from None

    def _pause(self, state: RetryCallState) -> float:
        """Seconds until the next try: what the server asks for, otherwise exponential with jitter."""
        pause = retry_after(state.outcome.exception() if state.outcome else None)
        return pause if pause is not None else min(8.0, 0.5 * 2.0**state.attempt_number) * (0.5 + self._jitter.random())

    def _say_trouble(self, state: RetryCallState) -> None:
        """Log why a request is tried again, unless the requests before it failed too."""
        error = state.outcome.exception() if state.outcome else None
        if self._is_in_trouble or not isinstance(error, openai.APIError | TimeoutError):
            return
        self._is_in_trouble = True
        reason = replace(self._explainer, tries=1).explain(error, []).reason
        logger.warning("A request failed, and is sent again (%d times at most): %s", self._tries - 1, reason)

    async def _models(self) -> list[str]:
        """The models that the server says it serves, the first eight by name."""
        try:
            async with asyncio.timeout(self._timeout):
                answered = await self._client.models.with_raw_response.list()
            names = [model.id for model in Models.model_validate_json(answered.content).data]
        except (openai.APIError, TimeoutError, ValidationError):
            return []
        return [*names[:8], f"{len(names) - 8} more"] if len(names) > 8 else names


def _host_of(base_url: str) -> str | None:
    """The host of an address; None if the address is none that can be asked."""
    try:
        parts = urlsplit(base_url)
        is_usable = parts.scheme in ("http", "https") and not parts.fragment and parts.port != 0
    except ValueError:  # What follows the host is no port, or the brackets of the host are not closed.
        return None
    return parts.hostname or None if is_usable else None


def _basic(user: str, password: str) -> str:
    """The header `Authorization` of HTTP's Basic authentication (RFC 7617)."""
    return f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}"
