"""Make the requests of the API, and read their answers: pure functions that send nothing."""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypedDict, TypeVar
from urllib.parse import quote
from uuid import uuid4

import httpx
from pydantic import BaseModel, ValidationError

from forge_agents.client.errors import ArenaError, ArenaGarbled, ArenaRefused, BadSelection
from forge_arena.keys import Key
from forge_arena.storable import storable_json
from forge_arena.types import Awareness, Candour, CorruptionType, Domain, Form, Mechanism, Outcome, Split, View
from forge_arena.wire import (
    MAX_BATCH,
    MAX_POINTS,
    AskProbe,
    Attempt,
    AttemptResult,
    BeginRun,
    Curriculum,
    CurriculumState,
    EpisodeState,
    ErrorBody,
    FailedEpisode,
    Health,
    Leaderboard,
    OfferedTools,
    OpenedEpisode,
    OpenedEpisodes,
    OpenEpisodes,
    OpenSubmission,
    OwnRuns,
    OwnSubmissions,
    ProbeAnswered,
    Prompts,
    ReportPoints,
    Run,
    RunPoint,
    Stats,
    Submission,
    SubmitVerdicts,
    ToolAnswered,
    UseTool,
    VerdictResults,
)

Answer = TypeVar("Answer")
Body = TypeVar("Body", bound=BaseModel)

# The server takes 4 MiB by default. A batch of long corrections reaches that before it reaches MAX_BATCH.
MAX_BATCH_BYTES = 3 << 20
LONGEST_WAIT = 60.0
NO_ARENA = "the answer is not one of an arena: check the URL, and any proxy before it"


class Selection(TypedDict, total=False):
    """The episodes to open, any number of them: the fields of `forge_arena.wire.OpenEpisodes`."""

    split: Split | str
    count: int
    keys: Sequence[str]
    again: Sequence[str]
    start: int
    stream: str | None
    attempts: int
    domain: Domain | str | None
    corruption: CorruptionType | str | None
    stealth: int | None
    mechanism: Mechanism | str | None
    awareness: Awareness | str | None
    candour: Candour | str | None
    form: Form | str | None
    view: View | str | None
    submission: str | None


@dataclass(frozen=True, slots=True)
class Call(Generic[Answer]):
    """One request and the reading of its answer."""

    method: str
    path: str
    read: Callable[[httpx.Response], Answer]
    body: bytes | None = None


def requests_for(selection: Selection) -> list[OpenEpisodes]:
    """The requests for a selection, each within a batch.

    Raises:
        BadSelection: the selection makes no sense.
    """
    fields: dict[str, Any] = dict(selection)
    count = fields.get("count")
    named = next((name for name in ("keys", "again") if fields.get(name) is not None), None)
    parts: list[dict[str, Any]]
    if named is not None:
        # The model refuses an empty list, and says why.
        parts = [{named: batch} for batch in _batches(tuple(fields[named]))] or [{named: ()}]
    elif count is not None and count > MAX_BATCH:
        parts = [{"count": min(MAX_BATCH, count - at)} for at in range(0, count, MAX_BATCH)]
    else:
        parts = [{}]
    try:
        asks = [OpenEpisodes(**(fields | part)) for part in parts]
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise BadSelection(": ".join(filter(None, (place, first["msg"].removeprefix("Value error, "))))) from None
    # Without a start each of several requests would begin where the first one does.
    return asks if len(asks) == 1 else [ask.model_copy(update={"start": ask.begins_at}) for ask in asks]


def continue_after(ask: OpenEpisodes, answers: Sequence[OpenedEpisodes]) -> OpenEpisodes:
    """The request with its start after the last key of the answers so far.

    Filters and curricula skip indices, so the next start must be read from the last key returned.
    """
    if ask.start is None or not answers:
        return ask
    last = max(_parse_key(key) for key in _keys_of(answers[-1]))
    return ask.model_copy(update={"start": last.index + 1})


def join(answers: Iterable[OpenedEpisodes]) -> OpenedEpisodes:
    """The answers to the requests for one selection, as one."""
    episodes: list[OpenedEpisode] = []
    failed: list[FailedEpisode] = []
    for answer in answers:
        episodes += answer.episodes
        failed += answer.failed
    return OpenedEpisodes(episodes=tuple(episodes), failed=tuple(failed))


def _keys_of(opened: OpenedEpisodes) -> list[str]:
    return [episode.key for episode in opened.episodes] + [failed.key for failed in opened.failed]


def _parse_key(text: str) -> Key:
    try:
        return Key.parse(text)
    except ValueError:
        raise ArenaGarbled("the arena answered a key that does not read suite:version:split:index") from None


def open_call(ask: OpenEpisodes) -> Call[OpenedEpisodes]:
    return Call("POST", "/v1/episodes", _reader_of_opened(ask), _json(ask))


def _reader_of_opened(ask: OpenEpisodes) -> Callable[[httpx.Response], OpenedEpisodes]:
    def read(response: httpx.Response) -> OpenedEpisodes:
        opened = _parse(response, OpenedEpisodes)
        keys = _keys_of(opened)
        if ask.keys is not None and Counter(keys) != Counter(ask.keys):
            raise ArenaGarbled(f"the arena answered other keys than the {len(ask.keys)} that were asked for")
        if ask.again is not None and len(keys) != len(ask.again):
            raise ArenaGarbled(f"the arena answered {len(keys)} episodes where {len(ask.again)} were asked for")
        # A submission may have fewer episodes left, or none.
        if ask.count is not None and len(keys) != ask.count and not (ask.submission and len(keys) < ask.count):
            raise ArenaGarbled(f"the arena answered {len(keys)} episodes where {ask.count} were asked for")
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


def submit_calls(attempts: Iterable[Attempt]) -> list[Call[tuple[AttemptResult, ...]]]:
    return [
        Call("POST", "/v1/verdicts", _reader_of_results(batch), _json(SubmitVerdicts(verdicts=batch)))
        for batch in _batches_of_attempts(attempts)
    ]


def _batches_of_attempts(attempts: Iterable[Attempt]) -> Iterator[tuple[Attempt, ...]]:
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
        # Matched by name and not by place: a reward on another completion's place would silently train on noise.
        by_name = {(r.episode_id, r.attempt): r for r in results}
        if len(results) != len(asked) or by_name.keys() != set(asked):
            raise ArenaGarbled(f"the arena answered other attempts than the {len(asked)} that were submitted")
        for result in results:
            graded = result.outcome in (Outcome.scored, Outcome.invalid_verdict)
            if result.reward is not None and not graded:
                raise ArenaGarbled(f"the arena answered outcome {result.outcome.value} with reward {result.reward}")
            # A sealed split keeps back the reward and the components together. Elsewhere a scored verdict has both.
            if (result.components is not None) != (result.outcome is Outcome.scored and result.reward is not None):
                raise ArenaGarbled(f"the arena answered outcome {result.outcome.value} with wrong components")
        return tuple(by_name[name] for name in asked)

    return read


def probe_call(episode_id: str, question: str) -> Call[ProbeAnswered]:
    ask = AskProbe(question=question)

    def read(response: httpx.Response) -> ProbeAnswered:
        answered = _parse(response, ProbeAnswered)
        if answered.probe.question != ask.question:
            raise ArenaGarbled("the arena answered another question than the one that was asked")
        return answered

    return Call("POST", f"{_path_of(episode_id)}/probe", read, _json(ask))


def tool_call(episode_id: str, name: str, arguments: Mapping[str, Any], attempt: int) -> Call[ToolAnswered]:
    # A model may write half of a character, which no request could hold.
    ask = UseTool(attempt=attempt, arguments=storable_json(json.dumps(dict(arguments))))

    def read(response: httpx.Response) -> ToolAnswered:
        answered = _parse(response, ToolAnswered)
        if answered.name != name:
            raise ArenaGarbled("the arena answered for another tool than the one that was asked for")
        return answered

    path = f"{_path_of(episode_id)}/tools/{quote(name, safe='')}"
    # With nulls: an argument may be null on purpose, and the tool shall say that it may not.
    return Call("POST", path, read, ask.model_dump_json().encode())


def state_call(episode_id: str) -> Call[EpisodeState]:
    def read(response: httpx.Response) -> EpisodeState:
        state = _parse(response, EpisodeState)
        if state.episode_id != episode_id:
            raise ArenaGarbled("the arena answered another episode than the one that was asked for")
        return state

    return Call("GET", _path_of(episode_id), read)


def delete_call(episode_id: str) -> Call[None]:
    return Call("DELETE", _path_of(episode_id), lambda response: None)


def set_curriculum_call(curriculum: Curriculum) -> Call[CurriculumState]:
    return Call("POST", "/v1/curriculum", lambda response: _parse(response, CurriculumState), _json(curriculum))


def enter_call(overseer: str) -> Call[Submission]:
    # The request has a name, so that it can be sent again without spending another entry.
    ask = OpenSubmission(overseer=overseer, request=uuid4().hex)
    return Call("POST", "/v1/submissions", lambda response: _parse(response, Submission), _json(ask))


def submission_call(submission_id: str) -> Call[Submission]:
    path = f"/v1/submissions/{quote(submission_id, safe='')}"
    return Call("GET", path, lambda response: _parse(response, Submission))


def submissions_call(overseer: str | None) -> Call[tuple[Submission, ...]]:
    path = "/v1/submissions" if overseer is None else f"/v1/submissions?overseer={quote(overseer, safe='')}"
    return Call("GET", path, lambda response: _parse(response, OwnSubmissions).submissions)


def begin_run_call(name: str, notes: str, request: str | None) -> Call[Run]:
    # The request has a name, so that it can be sent again without beginning another run.
    ask = BeginRun(name=name, notes=notes, request=request or uuid4().hex)
    return Call("POST", "/v1/runs", lambda response: _parse(response, Run), _json(ask))


def report_calls(run_id: str, points: Iterable[RunPoint]) -> list[Call[Run]]:
    points = tuple(points)
    batches = (points[at : at + MAX_POINTS] for at in range(0, len(points), MAX_POINTS))
    return [
        Call(
            "POST",
            f"{_path_of_run(run_id)}/points",
            lambda response: _parse(response, Run),
            _json(ReportPoints(points=batch)),
        )
        for batch in batches
    ]


def run_call(run_id: str) -> Call[Run]:
    return Call("GET", _path_of_run(run_id), lambda response: _parse(response, Run))


def delete_run_call(run_id: str) -> Call[None]:
    return Call("DELETE", _path_of_run(run_id), lambda response: None)


RUNS = Call("GET", "/v1/runs", lambda response: _parse(response, OwnRuns).runs)
CURRICULUM = Call("GET", "/v1/curriculum", lambda response: _parse(response, CurriculumState))
CLEAR_CURRICULUM = Call("DELETE", "/v1/curriculum", lambda response: None)
LEADERBOARD = Call("GET", "/v1/leaderboard", lambda response: _parse(response, Leaderboard))
PROMPTS = Call("GET", "/v1/prompt", lambda response: _parse(response, Prompts))
TOOLS = Call("GET", "/v1/tools", lambda response: _parse(response, OfferedTools))
STATS = Call("GET", "/v1/stats", lambda response: _parse(response, Stats))


def read_health(response: httpx.Response) -> Health:
    """Whether the arena is ready."""
    # Here 503 is an answer and not a refusal: its body says what the arena is waiting for.
    if response.status_code not in (200, 503):
        raise _refusal(response)
    return _parse(response, Health)


HEALTH = Call("GET", "/health", read_health)


def read_answer(call: Call[Answer], response: httpx.Response) -> Answer:
    """The answer to a call.

    Raises:
        ArenaRefused, ArenaGarbled: the response is no such answer.
    """
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
            NO_ARENA,
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
        if first["type"] == "json_invalid":
            # A web page, for instance.
            raise ArenaGarbled(NO_ARENA) from None
        where = ".".join(map(str, first["loc"])) or "body"
        raise ArenaGarbled(
            f"the answer is not a {model.__name__} of this API ({where}: {first['msg']}): client and arena must be of "
            "the same version"
        ) from None


def _json(model: BaseModel) -> bytes:
    return model.model_dump_json(exclude_none=True).encode()


def _path_of(episode_id: str) -> str:
    return f"/v1/episodes/{quote(episode_id, safe='')}"


def _path_of_run(run_id: str) -> str:
    return f"/v1/runs/{quote(run_id, safe='')}"


def _batches(names: tuple[str, ...]) -> list[tuple[str, ...]]:
    return [names[at : at + MAX_BATCH] for at in range(0, len(names), MAX_BATCH)]
