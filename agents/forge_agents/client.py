"""Talk to an arena over HTTP: one reading of the API, and two thin ways to send it, blocking and async.

What to send and how to read the answer is decided by pure functions (`_Call`); the clients only move bytes and retry.
Everything can be retried: the same verdict again gets the answer it got before, and an episode opened twice merely
expires unused. Only a failed Worker is reported at once.
"""

import asyncio
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Generic, Self, TypedDict, TypeVar, Unpack
from urllib.parse import quote
from uuid import uuid4

import httpx
import tenacity
from pydantic import BaseModel, ValidationError

from forge_arena.errors import ForgeArenaError
from forge_arena.hosts import is_loopback
from forge_arena.loop_thread import LoopThread
from forge_arena.types import CorruptionType, Domain, Form, Mechanism, Outcome, Split
from forge_arena.wire import (
    MAX_BATCH,
    AskProbe,
    Attempt,
    AttemptResult,
    Curriculum,
    CurriculumState,
    EpisodeState,
    ErrorBody,
    FailedEpisode,
    Health,
    Leaderboard,
    OpenedEpisode,
    OpenedEpisodes,
    OpenEpisodes,
    OpenSubmission,
    OwnSubmissions,
    ProbeAnswered,
    Stats,
    Submission,
    SubmitVerdicts,
    VerdictResults,
)

Answer = TypeVar("Answer")
Body = TypeVar("Body", bound=BaseModel)

# The server takes 4 MiB by default; a batch of long corrections reaches that before it reaches MAX_BATCH.
MAX_BATCH_BYTES = 3 << 20
TRY_AGAIN_LATER = frozenset({429, 502, 503, 504})
LONGEST_WAIT = 60.0
LONGEST_CONNECT = 10.0


class ArenaError(ForgeArenaError):
    """The base of what can go wrong between a client and its arena. Never a score."""


class BadArenaURL(ForgeArenaError, ValueError):
    """What was given as the address of an arena is none; the message says what an address looks like."""


class ArenaUnreachable(ArenaError):
    """No answer came: refused, timed out or cut off, for as long as the client was told to be patient."""


class ArenaRefused(ArenaError):
    """The arena said no: HTTP `status`, stable `code`, and a `message` that says what to do.

    `outcome` is what became of the episode where the reason is a failure (`worker_failed`, `infra_failed`), else None.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        outcome: Outcome | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(f"{message} (HTTP {status}, {code})")
        self.status = status
        self.code = code
        self.message = message
        self.outcome = outcome
        self.retry_after = retry_after


class ArenaGarbled(ArenaError):
    """What came back is not an answer to what was sent: another service, another version, or a defect."""


class Drawing(TypedDict, total=False):
    """Which episodes to open, as in `forge_arena.wire.OpenEpisodes`."""

    split: Split | str
    count: int
    keys: Sequence[str]
    start: int
    attempts: int
    domain: Domain | str | None
    corruption: CorruptionType | str | None
    stealth: int | None
    mechanism: Mechanism | str | None
    form: Form | str | None
    submission: str | None


@dataclass(frozen=True, slots=True)
class _Call(Generic[Answer]):
    """One request and the reading of its answer."""

    method: str
    path: str
    read: Callable[[httpx.Response], Answer]
    body: bytes | None = None


def _asks(drawing: Drawing) -> list[OpenEpisodes]:
    """The requests for a drawing, each within a batch. Raises ValueError where the drawing makes no sense."""
    given: dict[str, Any] = dict(drawing)
    keys = given.pop("keys", None)
    count = given.pop("count", None)
    parts: list[dict[str, Any]]
    if keys is not None:
        # An empty list is left to the model, which says what is wrong with it.
        parts = [{"keys": part} for part in _chunks(tuple(keys))] or [{"keys": ()}]
    elif count is not None and count > MAX_BATCH:
        parts = [{"count": min(MAX_BATCH, count - at)} for at in range(0, count, MAX_BATCH)]
    else:
        parts = [{"count": count}]
    return [OpenEpisodes(**(given | part)) for part in parts]


def _going_on(ask: OpenEpisodes, before: Sequence[OpenedEpisodes]) -> OpenEpisodes:
    """The request as it goes on where the one before it ended: filters and a curriculum leave gaps between the keys, so
    that only the answer tells where that is."""
    if ask.start is None or not before:
        return ask
    came = [e.key for e in before[-1].episodes] + [f.key for f in before[-1].failed]
    return ask.model_copy(update={"start": 1 + max(_index(key) for key in came)})


def _index(key: str) -> int:
    index = key.split(":")[3:4]
    if not (index and re.fullmatch(r"\d{1,16}", index[0], re.ASCII)):
        raise ArenaGarbled("the arena answered a key that does not read suite:version:split:index")
    return int(index[0])


def _open_call(ask: OpenEpisodes) -> _Call[OpenedEpisodes]:
    return _Call("POST", "/v1/episodes", _reader_of_opened(ask), _json(ask))


def _reader_of_opened(ask: OpenEpisodes) -> Callable[[httpx.Response], OpenedEpisodes]:
    def read(response: httpx.Response) -> OpenedEpisodes:
        opened = _parse(response, OpenedEpisodes)
        came = [e.key for e in opened.episodes] + [f.key for f in opened.failed]
        if ask.keys is not None and Counter(came) != Counter(ask.keys):
            raise ArenaGarbled(f"the arena answered other keys than the {len(ask.keys)} that were asked for")
        # Of a submission there may be fewer left, or none.
        if ask.count is not None and len(came) != ask.count and not (ask.submission and len(came) < ask.count):
            raise ArenaGarbled(f"the arena answered {len(came)} episodes where {ask.count} were asked for")
        if len({e.episode_id for e in opened.episodes}) != len(opened.episodes):
            raise ArenaGarbled("the arena gave two episodes the same id")
        if ask.keys is None:
            return opened
        place = {key: at for at, key in enumerate(ask.keys)}
        return OpenedEpisodes(
            episodes=tuple(sorted(opened.episodes, key=lambda e: place[e.key])),
            failed=tuple(sorted(opened.failed, key=lambda f: place[f.key])),
        )

    return read


def _submit_calls(attempts: Iterable[Attempt]) -> list[_Call[tuple[AttemptResult, ...]]]:
    return [
        _Call("POST", "/v1/verdicts", _reader_of_results(batch), _json(SubmitVerdicts(verdicts=batch)))
        for batch in _batches(attempts)
    ]


def _batches(attempts: Iterable[Attempt]) -> Iterator[tuple[Attempt, ...]]:
    batch: list[Attempt] = []
    size = 0
    for attempt in attempts:
        more = len(_json(attempt))
        if batch and (len(batch) == MAX_BATCH or size + more > MAX_BATCH_BYTES):
            yield tuple(batch)
            batch, size = [], 0
        batch.append(attempt)
        size += more
    if batch:
        yield tuple(batch)


def _reader_of_results(batch: tuple[Attempt, ...]) -> Callable[[httpx.Response], tuple[AttemptResult, ...]]:
    def read(response: httpx.Response) -> tuple[AttemptResult, ...]:
        results = _parse(response, VerdictResults).results
        asked = [(a.episode_id, a.attempt) for a in batch]
        # By name and not by place: a reward that lands on another completion would train silently on noise.
        by_name = {(r.episode_id, r.attempt): r for r in results}
        if len(results) != len(asked) or by_name.keys() != set(asked):
            raise ArenaGarbled(f"the arena answered other attempts than the {len(asked)} that were submitted")
        for result in results:
            judged = result.outcome in (Outcome.scored, Outcome.invalid_verdict)
            if result.reward is not None and not judged:
                raise ArenaGarbled(f"the arena answered outcome {result.outcome.value} with reward {result.reward}")
            # Both are kept back together, on a sealed split; elsewhere a scored verdict has both.
            if (result.components is not None) != (result.outcome is Outcome.scored and result.reward is not None):
                raise ArenaGarbled(f"the arena answered outcome {result.outcome.value} with wrong components")
        return tuple(by_name[name] for name in asked)

    return read


def _probe_call(episode_id: str, question: str) -> _Call[ProbeAnswered]:
    ask = AskProbe(question=question)

    def read(response: httpx.Response) -> ProbeAnswered:
        answered = _parse(response, ProbeAnswered)
        if answered.probe.question != ask.question:
            raise ArenaGarbled("the arena answered another question than the one that was asked")
        return answered

    return _Call("POST", f"{_episode(episode_id)}/probe", read, _json(ask))


def _state_call(episode_id: str) -> _Call[EpisodeState]:
    def read(response: httpx.Response) -> EpisodeState:
        state = _parse(response, EpisodeState)
        if state.episode_id != episode_id:
            raise ArenaGarbled("the arena answered another episode than the one that was asked for")
        return state

    return _Call("GET", _episode(episode_id), read)


def _delete_call(episode_id: str) -> _Call[None]:
    return _Call("DELETE", _episode(episode_id), lambda response: None)


def _set_curriculum_call(curriculum: Curriculum) -> _Call[CurriculumState]:
    return _Call("POST", "/v1/curriculum", lambda response: _parse(response, CurriculumState), _json(curriculum))


_CURRICULUM = _Call("GET", "/v1/curriculum", lambda response: _parse(response, CurriculumState))
_CLEAR_CURRICULUM = _Call("DELETE", "/v1/curriculum", lambda response: None)


def _enter_call(overseer: str) -> _Call[Submission]:
    # Named, so that it can be sent again without spending another entry.
    ask = OpenSubmission(overseer=overseer, request=uuid4().hex)
    return _Call("POST", "/v1/submissions", lambda response: _parse(response, Submission), _json(ask))


def _submission_call(submission_id: str) -> _Call[Submission]:
    path = f"/v1/submissions/{quote(submission_id, safe='')}"
    return _Call("GET", path, lambda response: _parse(response, Submission))


def _submissions_call(overseer: str | None) -> _Call[tuple[Submission, ...]]:
    path = "/v1/submissions" if overseer is None else f"/v1/submissions?overseer={quote(overseer, safe='')}"
    return _Call("GET", path, lambda response: _parse(response, OwnSubmissions).submissions)


_LEADERBOARD = _Call("GET", "/v1/leaderboard", lambda response: _parse(response, Leaderboard))
_STATS = _Call("GET", "/v1/stats", lambda response: _parse(response, Stats))


def _read_health(response: httpx.Response) -> Health:
    # 503 is an answer here and not a refusal: it says what is being waited for.
    if response.status_code not in (200, 503):
        raise _refusal(response)
    return _parse(response, Health)


def _read(call: _Call[Answer], response: httpx.Response) -> Answer:
    if not response.is_success:
        raise _refusal(response)
    return call.read(response)


def _refusal(response: httpx.Response) -> ArenaError:
    if response.is_redirect:
        return ArenaGarbled(f"the arena redirects ({response.status_code}): give the URL it redirects to")
    try:
        error = ErrorBody.model_validate_json(response.content).error
    except ValidationError:
        return ArenaRefused(
            response.status_code,
            "not_an_arena",
            "the answer is not one of an arena: check the URL, and any proxy before it",
            retry_after=_retry_after(response),
        )
    return ArenaRefused(
        response.status_code, error.code, error.message, outcome=error.outcome, retry_after=_retry_after(response)
    )


def _retry_after(response: httpx.Response) -> float | None:
    given = response.headers.get("retry-after", "")
    return min(float(given), LONGEST_WAIT) if re.fullmatch(r"\d{1,6}", given) else None


def _parse(response: httpx.Response, model: type[Body]) -> Body:
    try:
        return model.model_validate_json(response.content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "body"
        raise ArenaGarbled(
            f"the answer is not a {model.__name__} of this API ({where}: {first['msg']}): client and arena must be of "
            "the same version"
        ) from None


def _json(model: BaseModel) -> bytes:
    return model.model_dump_json(exclude_none=True).encode()


def _episode(episode_id: str) -> str:
    return f"/v1/episodes/{quote(episode_id, safe='')}"


def _chunks(keys: tuple[str, ...]) -> list[tuple[str, ...]]:
    return [keys[at : at + MAX_BATCH] for at in range(0, len(keys), MAX_BATCH)]


def _joined(parts: Iterable[OpenedEpisodes]) -> OpenedEpisodes:
    episodes: list[OpenedEpisode] = []
    failed: list[FailedEpisode] = []
    for part in parts:
        episodes += part.episodes
        failed += part.failed
    return OpenedEpisodes(episodes=tuple(episodes), failed=tuple(failed))


@dataclass(frozen=True, slots=True)
class _Transport:
    """How to reach an arena and how long to keep trying; the same for both clients."""

    url: str
    token: str | None
    timeout: float
    patience: float

    def __post_init__(self) -> None:
        try:
            url = httpx.URL(self.url)
        except httpx.InvalidURL as error:
            raise BadArenaURL(f"arena URL {self.url!r} is not a URL: {error}") from None
        if url.scheme not in ("http", "https") or not url.host:
            raise BadArenaURL(f"arena URL must be like http://127.0.0.1:8000, got {self.url!r}")
        if url.path.rstrip("/").endswith("/v1"):
            raise BadArenaURL(f"arena URL must come without /v1, got {self.url!r}")
        if self.timeout <= 0 or self.patience < 0:
            raise ValueError(
                f"timeout must be above 0 and patience at least 0, got timeout={self.timeout}, patience={self.patience}"
            )

    def settings(self) -> dict[str, Any]:
        return {
            "base_url": self.url,
            # httpx starts its other limits anew with every byte; `exchange` limits the whole.
            "timeout": httpx.Timeout(None, connect=LONGEST_CONNECT),
            "headers": {"Authorization": f"Bearer {self.token}"} if self.token else {},
            # A proxy from the environment cannot reach this machine's own loopback.
            "trust_env": not is_loopback(httpx.URL(self.url).host),
        }

    def retrying(self) -> dict[str, Any]:
        return {
            "retry": tenacity.retry_if_exception(_worth_another_try),
            "wait": _wait,
            "stop": tenacity.stop_before_delay(self.patience),
            "reraise": True,
        }

    async def exchange(self, http: httpx.AsyncClient, call: _Call[Any]) -> httpx.Response:
        """Send a request once and read the whole answer within `timeout`."""
        headers = {"Content-Type": "application/json"} if call.body is not None else {}
        try:
            async with asyncio.timeout(self.timeout):
                return await http.request(call.method, call.path, content=call.body, headers=headers)
        except TimeoutError:
            raise ArenaUnreachable(
                f"no whole answer from the arena at {self.url} within {self.timeout:g} s: is it overloaded, or is this "
                "another service? A longer timeout waits longer"
            ) from None
        except httpx.TransportError as error:
            raise ArenaUnreachable(
                f"no answer from the arena at {self.url} ({type(error).__name__}: {error}): is it running there? "
                "forge-arena serve starts one"
            ) from error


def _worth_another_try(error: BaseException) -> bool:
    if isinstance(error, ArenaRefused):
        # The server has tried the Worker again itself; what to do without that episode is for the caller to say.
        return error.status in TRY_AGAIN_LATER and error.outcome is not Outcome.worker_failed
    return isinstance(error, ArenaUnreachable)


_backing_off = tenacity.wait_random_exponential(multiplier=0.2, max=5.0)


def _wait(state: tenacity.RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    asked = error.retry_after if isinstance(error, ArenaRefused) else None
    # Jitter in any case, or all clients of a full server come back in the same moment.
    return (asked or 0.0) + _backing_off(state)


class ArenaClient:
    """Blocking client of an arena; thread-safe. Close it, or use it as a context manager.

    Arguments:
        url: such as `http://127.0.0.1:8000`, without `/v1`.
        token: the bearer token, if the arena wants one.
        timeout: seconds for one try of one request, from connecting to the last byte of the answer. Opening episodes
            waits for a live Worker, hence the long default.
        patience: seconds for which a request is tried again while the arena cannot be reached or is busy. The last try
            begins before they are over, so a request takes at most `patience` + `timeout` seconds.

    All methods raise `ArenaUnreachable`, `ArenaRefused` or `ArenaGarbled`.
    """

    def __init__(self, url: str, *, token: str | None = None, timeout: float = 150.0, patience: float = 60.0) -> None:
        self._transport = _Transport(url, token, timeout, patience)
        # Async inside, because only an event loop can limit a whole answer.
        self._http = httpx.AsyncClient(**self._transport.settings())
        self._thread = LoopThread(f"the client of the arena at {url}")

    def open_episodes(self, **drawing: Unpack[Drawing]) -> OpenedEpisodes:
        """Open episodes, in as many requests as needed. By `keys`, they come in the order of the keys."""
        opened: list[OpenedEpisodes] = []
        for ask in _asks(drawing):
            opened.append(self._send(_open_call(_going_on(ask, opened))))
        return _joined(opened)

    def submit(self, attempts: Iterable[Attempt]) -> tuple[AttemptResult, ...]:
        """Submit any number of verdicts or completions; results come in the order of the attempts."""
        return tuple(result for call in _submit_calls(attempts) for result in self._send(call))

    def probe(self, episode_id: str, question: str) -> ProbeAnswered:
        """Put a question to the Worker; the same question again costs nothing."""
        return self._send(_probe_call(episode_id, question))

    def state(self, episode_id: str) -> EpisodeState:
        return self._send(_state_call(episode_id))

    def delete(self, episode_id: str) -> None:
        """Give an unfinished episode up."""
        self._send(_delete_call(episode_id))

    def set_curriculum(self, curriculum: Curriculum) -> CurriculumState:
        """Tell the arena what was measured: its train stream follows that, in the place of what it followed before."""
        return self._send(_set_curriculum_call(curriculum))

    def curriculum(self) -> CurriculumState | None:
        """What the train stream follows; None if it holds everything."""
        try:
            return self._send(_CURRICULUM)
        except ArenaRefused as refusal:
            if refusal.code == "no_curriculum":
                return None
            raise

    def clear_curriculum(self) -> None:
        """Let the train stream hold everything again."""
        self._send(_CLEAR_CURRICULUM)

    def enter(self, overseer: str) -> Submission:
        """Enter an overseer for the leaderboard; this spends one of its name's entries, and no more than one however often
        it is tried."""
        return self._send(_enter_call(overseer))

    def submission(self, submission_id: str) -> Submission:
        """How far a submission is. Its episodes are opened with `open_episodes(count=..., submission=...)`."""
        return self._send(_submission_call(submission_id))

    def submissions(self, overseer: str | None = None) -> tuple[Submission, ...]:
        """The entries of this token, or those of one of its names, the newest first."""
        return self._send(_submissions_call(overseer))

    def leaderboard(self) -> Leaderboard:
        return self._send(_LEADERBOARD)

    def stats(self) -> Stats:
        return self._send(_STATS)

    def health(self) -> Health:
        """Whether the arena is ready, asked once: not ready is an answer, not an error."""
        return _read_health(self._exchange(_Call("GET", "/health", _read_health)))

    def close(self) -> None:
        if self._thread.running:
            self._thread.run(self._http.aclose)
        self._thread.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _send(self, call: _Call[Answer]) -> Answer:
        return tenacity.Retrying(**self._transport.retrying())(lambda: _read(call, self._exchange(call)))

    def _exchange(self, call: _Call[Any]) -> httpx.Response:
        return self._thread.run(self._transport.exchange, self._http, call)


class AsyncArenaClient:
    """`ArenaClient` for asyncio: the same arguments, methods and errors; the parts of a large batch go in parallel, unless
    `start` is given."""

    def __init__(self, url: str, *, token: str | None = None, timeout: float = 150.0, patience: float = 60.0) -> None:
        self._transport = _Transport(url, token, timeout, patience)
        self._http = httpx.AsyncClient(**self._transport.settings())

    async def open_episodes(self, **drawing: Unpack[Drawing]) -> OpenedEpisodes:
        asks = _asks(drawing)
        if asks[0].start is None:
            return _joined(await self._send_all([_open_call(ask) for ask in asks]))
        opened: list[OpenedEpisodes] = []
        for ask in asks:
            opened.append(await self._send(_open_call(_going_on(ask, opened))))
        return _joined(opened)

    async def submit(self, attempts: Iterable[Attempt]) -> tuple[AttemptResult, ...]:
        return tuple(result for part in await self._send_all(_submit_calls(attempts)) for result in part)

    async def probe(self, episode_id: str, question: str) -> ProbeAnswered:
        return await self._send(_probe_call(episode_id, question))

    async def state(self, episode_id: str) -> EpisodeState:
        return await self._send(_state_call(episode_id))

    async def delete(self, episode_id: str) -> None:
        await self._send(_delete_call(episode_id))

    async def set_curriculum(self, curriculum: Curriculum) -> CurriculumState:
        return await self._send(_set_curriculum_call(curriculum))

    async def curriculum(self) -> CurriculumState | None:
        try:
            return await self._send(_CURRICULUM)
        except ArenaRefused as refusal:
            if refusal.code == "no_curriculum":
                return None
            raise

    async def clear_curriculum(self) -> None:
        await self._send(_CLEAR_CURRICULUM)

    async def enter(self, overseer: str) -> Submission:
        return await self._send(_enter_call(overseer))

    async def submission(self, submission_id: str) -> Submission:
        return await self._send(_submission_call(submission_id))

    async def submissions(self, overseer: str | None = None) -> tuple[Submission, ...]:
        return await self._send(_submissions_call(overseer))

    async def leaderboard(self) -> Leaderboard:
        return await self._send(_LEADERBOARD)

    async def stats(self) -> Stats:
        return await self._send(_STATS)

    async def health(self) -> Health:
        return _read_health(await self._exchange(_Call("GET", "/health", _read_health)))

    async def aclose(self) -> None:
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def _send_all(self, calls: Sequence[_Call[Answer]]) -> list[Answer]:
        # All are waited for even if one fails, so that no request is left running behind the caller's back.
        answers = await asyncio.gather(*(self._send(call) for call in calls), return_exceptions=True)
        for answer in answers:
            if isinstance(answer, BaseException):
                raise answer
        return [answer for answer in answers if not isinstance(answer, BaseException)]

    async def _send(self, call: _Call[Answer]) -> Answer:
        async def attempt() -> Answer:
            return _read(call, await self._exchange(call))

        return await tenacity.AsyncRetrying(**self._transport.retrying())(attempt)

    async def _exchange(self, call: _Call[Any]) -> httpx.Response:
        return await self._transport.exchange(self._http, call)
