"""An overseer behind a web address, in any language: it gets observations in batches, and answers verdicts.

    POST  {"observations": [{"task": …, "source_material": …, "worker_reasoning": …, "worker_output": …, …}, …]}
    200   {"verdicts": [{"detection": true, "explanation": …, "correction": …, "confidence": 0.9}, …]}

The answer has one verdict for each observation, in order. A verdict may also be the raw text of a model.
agents/examples/webhook.mjs is such a server in thirty lines of JavaScript.
"""

import asyncio
from collections.abc import Sequence
from random import Random
from typing import Any
from urllib.parse import urlsplit

import httpx
import tenacity

from forge_agents.overseers.base import Completion, OverseerFailed
from forge_agents.overseers.replies import as_reply
from forge_arena.hosts import is_loopback
from forge_arena.loop_thread import LoopThread
from forge_arena.secrecy import credentials, public_address
from forge_arena.storable import storable_json
from forge_arena.types import JsonObject, Observation, Usage

# Statuses of a trouble that may pass: timeout, too early, too many requests.
PASSES = frozenset({408, 425, 429})
# How many characters of an answer an error shows.
SHOWN = 120


class Webhook:
    """Posts observations to an address, and takes the verdicts of its answer.

    A verdict that cannot be read (a confidence of 3, a missing field) counts as an unreadable verdict. An answer must
    have one verdict for each observation. Otherwise the whole answer is refused.

    Args:
        url: the address.
        api_key: the bearer token.
        batch: observations in one request.
        timeout: seconds for one request, from connecting to the last byte of the answer.
        retries: further tries after a refused connection, a timeout, 408, 425, 429 or a 5xx.

    Raises:
        ValueError: the address is no http or https URL, or a number is out of range.
    """

    def __init__(
        self, url: str, *, api_key: str | None = None, batch: int = 32, timeout: float = 300.0, retries: int = 10
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"a webhook is an address like http://host:port/path, got {public_address(url)!r}")
        if batch < 1 or timeout <= 0 or retries < 0:
            raise ValueError(
                f"batch must be at least 1, timeout above 0 and retries at least 0, got {batch}, {timeout}, {retries}"
            )
        # Without user, password and query, because these may be secrets and reports show the name.
        self.name = public_address(url)
        self._url, user_and_password = credentials(url)
        if user_and_password is not None and api_key is not None:
            raise ValueError("give the webhook a key, or a user and a password in its address, but not both")
        self._batch = batch
        self._timeout = timeout
        self._tries = retries + 1
        self._jitter = Random(url)
        # Async inside, because only an event loop can limit the time of a whole answer. httpx limits the time between
        # two bytes.
        self._thread = LoopThread(f"the overseer {self.name}")
        self._client = httpx.AsyncClient(
            timeout=timeout,
            # Not left in the address, because httpx logs the addresses that it asks.
            auth=user_and_password,
            headers={"Authorization": f"Bearer {api_key}"} if api_key else None,
            # A proxy from the environment cannot reach this machine's own servers.
            trust_env=not is_loopback(parts.hostname),
        )

    @property
    def details(self) -> JsonObject:
        """The address, without what may be secret in it: see `forge_agents.overseers.details`."""
        return {"endpoint": self.name}

    def review(self, observations: Sequence[Observation]) -> list[Completion]:
        """One verdict for each observation, as text.

        Raises:
            OverseerFailed: the address cannot be reached, or does not answer with one verdict for each observation.
        """
        completions: list[Completion] = []
        for first in range(0, len(observations), self._batch):
            completions += self._post(observations[first : first + self._batch])
        return completions

    def close(self) -> None:
        """End the connections; the overseer cannot be used afterwards."""
        if self._thread.running:
            self._thread.run(self._client.aclose)
        self._thread.close()

    def _post(self, observations: Sequence[Observation]) -> list[Completion]:
        body = {"observations": [observation.model_dump(mode="json") for observation in observations]}
        retrying = tenacity.Retrying(
            stop=tenacity.stop_after_attempt(self._tries),
            wait=self._pause,
            retry=tenacity.retry_if_exception_type((httpx.TransportError, TimeoutError))
            | tenacity.retry_if_result(_may_pass),
            retry_error_callback=lambda state: state.outcome.result() if state.outcome else None,
        )
        try:
            response: httpx.Response = retrying(self._thread.run, self._once, body)
        except (TimeoutError, httpx.TimeoutException):
            raise OverseerFailed(
                f"{self.name} gave no answer within {self._timeout:g} s{self._tries_in_words}"
            ) from None
        except httpx.TransportError as error:
            raise OverseerFailed(
                f"no connection to {self.name}{self._tries_in_words}: is the server running? ({error})"
            ) from None
        if response.status_code != httpx.codes.OK:
            raise OverseerFailed(f"{self.name} answered {response.status_code}: {_describe(response)}")
        verdicts = self._verdicts(response, len(observations))
        retries = retrying.statistics.get("attempt_number", 1) - 1
        return [
            Completion(
                str(reply),
                usage=Usage(retries=retries),
                trouble=reply.trouble if isinstance(reply, Completion) else None,
                reason=reply.reason if isinstance(reply, Completion) else None,
            )
            for reply in map(as_reply, verdicts)
        ]

    async def _once(self, body: dict[str, Any]) -> httpx.Response:
        async with asyncio.timeout(self._timeout):
            return await self._client.post(self._url, json=body)

    def _verdicts(self, response: httpx.Response, count: int) -> list[Any]:
        """The verdicts of an answer, not yet parsed.

        Raises:
            OverseerFailed: there are not `count` of them.
        """
        wanted = f'it must answer {{"verdicts": [...]}} with {count} of them'
        try:
            answer = storable_json(response.content)
        except ValueError:
            raise OverseerFailed(
                f"{self.name} answered with something other than JSON: {_describe(response)}"
            ) from None
        verdicts = answer.get("verdicts") if isinstance(answer, dict) else None
        if not isinstance(verdicts, list):
            raise OverseerFailed(f"{self.name} answered JSON without a list of verdicts: {wanted}")
        if len(verdicts) != count:
            raise OverseerFailed(f"{self.name} gave {len(verdicts)} verdicts for {count} observations: {wanted}")
        return verdicts

    @property
    def _tries_in_words(self) -> str:
        return f" ({self._tries} tries)" if self._tries > 1 else ""

    def _pause(self, state: tenacity.RetryCallState) -> float:
        return min(8.0, 0.5 * 2.0**state.attempt_number) * (0.5 + self._jitter.random())


def _may_pass(response: httpx.Response) -> bool:
    return response.status_code >= 500 or response.status_code in PASSES


def _describe(response: httpx.Response) -> str:
    """The beginning of an answer on one line, or "a web page"."""
    if "html" in response.headers.get("content-type", ""):
        return "a web page"
    text = " ".join(response.text[: 4 * SHOWN].split())
    return f"{text[:SHOWN]}…" if len(text) > SHOWN else text or "nothing"
