"""Why an endpoint gave no completion: whether another try may help, and what a person can do about it."""

import email.utils
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import openai

from forge_arena.errors import ForgeArenaError
from forge_arena.storable import storable

# An endpoint that asks for a longer pause than this is not asked again.
LONGEST_PAUSE = 120.0
TRANSIENT_STATUS = frozenset({408, 409, 425, 429})
TOO_LONG = ("context_length", "context length", "maximum context", "max_model_len", "maximum model length", "too long")
WITHHELD = "content_filter"
LONGEST_WORDS = 300
# Not every endpoint takes what is sent by default. The words of a refusal that name a part of the request, and the
# setting that leaves this part out.
OPTIONAL: Mapping[str, str] = {"temperature": "temperature=none", "seed": "seed=none", "role": "system_role=user"}


class EndpointFailed(ForgeArenaError):
    """No completion can be had; the message says why and what to do, and never holds the key.

    `refused` says that the endpoint would not take this very request, so that another request may be answered. `offer`
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


@dataclass(frozen=True)
class Explainer:
    """Says in one line what went wrong with a request, and what to do about it.

    Attributes:
        model: the model that is asked.
        where: the address that is asked, without secrets.
        api_key: the key that is sent, which no message may hold.
        timeout: seconds for one try.
        tries: how often a request is tried.
    """

    model: str
    where: str
    api_key: str | None = field(repr=False)
    timeout: float
    tries: int

    @property
    def model_there(self) -> str:
        """The model and where it is asked for."""
        return f"{self.model!r} at {self.where}"

    def explain(self, error: openai.APIError | TimeoutError, models: Sequence[str]) -> EndpointFailed:
        """The error that tells a person what happened.

        Args:
            error: what the last try raised.
            models: the models that the server serves, as far as it says so. They are read for a status of 404 only.
        """
        tried = f" ({self.tries} tries)" if self.tries > 1 and worth_retrying(error) else ""
        match error:
            case TimeoutError() | openai.APITimeoutError():
                return EndpointFailed(
                    f"{self.model_there} gave no answer within {self.timeout:g} s{tried}; is it overloaded?"
                )
            case openai.APIConnectionError():
                return EndpointFailed(
                    f"no connection to {self.where}{tried}: is the server running, and is the address right?"
                )
            case openai.APIStatusError():
                return self._explain_status(error, tried, models)
        return EndpointFailed(f"{self.where} sent something that the client cannot read: {type(error).__name__}")

    def _explain_status(self, error: openai.APIStatusError, tried: str, models: Sequence[str]) -> EndpointFailed:
        words = self.words(error.body)
        # Some servers send the code as a number.
        code = str(error.code or "")
        match error.status_code:
            case 400 | 403 | 422 if code == WITHHELD:
                return PromptWithheld(f"the content filter of {self.where} withheld the prompt: {words}")
            case 401 | 403:
                given = "the given API key or password" if self.api_key else "a request without an API key"
                return EndpointFailed(
                    f"{self.where} refused {given} ({error.status_code}); give a key that may use {self.model!r}"
                )
            case 404 if models:
                return EndpointFailed(f"{self.where} has no model {self.model!r}; it serves {', '.join(models)}")
            case 404:
                return EndpointFailed(
                    f"{self.where} has no chat endpoint or no model {self.model!r} (404); does the address end in /v1?"
                )
            case 429:
                pause = retry_after(error)
                wait = f"; it asks to wait {pause:.0f} s" if pause is not None else ""
                return EndpointFailed(
                    f"{self.where} refuses more requests (429){tried}{wait}; lower the concurrency or check the quota"
                )
            case 400 | 413 | 422 if any(sign in words.lower() or sign in code for sign in TOO_LONG):
                return PromptTooLong(f"the prompt is longer than the context of {self.model_there}: {words}")
            case 400 | 413 | 422:
                return EndpointFailed(
                    f"{self.where} answered {error.status_code}: {words}", refused=True, offer=_settings_to_try(words)
                )
        return EndpointFailed(f"{self.where} answered {error.status_code}{tried}: {words}")

    def words(self, body: object) -> str:
        """The server's own words in the body of an error: short, on one line, without the key, and no page of HTML."""
        message = (body.get("message") or body.get("detail")) if isinstance(body, dict) else body
        text = storable(" ".join(str(message or "").split()))
        if text.startswith("<"):
            return "a web page"
        if self.api_key:
            text = text.replace(self.api_key, "[key]")
        return (text[: LONGEST_WORDS - 3] + "..." if len(text) > LONGEST_WORDS else text) or "no message"


def worth_retrying(error: BaseException) -> bool:
    """Whether the same request may be answered if it is sent again."""
    if isinstance(error, openai.APIStatusError):
        transient = error.status_code >= 500 or error.status_code in TRANSIENT_STATUS
        return transient and (retry_after(error) or 0.0) <= LONGEST_PAUSE
    return isinstance(error, openai.APIConnectionError | TimeoutError)


def retry_after(error: BaseException | None) -> float | None:
    """Seconds that the server asks to wait, given as a number or as a date; None if it does not say."""
    if not isinstance(error, openai.APIStatusError):
        return None
    asked = error.response.headers.get("retry-after")
    if asked is None:
        return None
    try:
        return max(0.0, float(asked))
    except ValueError:
        return _seconds_until(asked)


def _seconds_until(asked: str) -> float | None:
    """Seconds until a date of HTTP; None if the text is no date of the calendar."""
    date = email.utils.parsedate_tz(asked)
    try:
        return max(0.0, email.utils.mktime_tz(date) - time.time()) if date else None
    except (ValueError, OverflowError):
        return None


def _settings_to_try(words: str) -> list[str]:
    """The settings that leave out what a refusal names; all of them if it names none."""
    settings = [setting for word, setting in OPTIONAL.items() if word in words.lower()]
    return settings or list(OPTIONAL.values())
