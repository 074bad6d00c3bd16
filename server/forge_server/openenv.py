"""Play episodes as an OpenEnv environment (version 0.10 of its wire): `reset` opens an episode, `step` asks a probe,
uses a tool or gives the verdict that ends the episode. MCP lists the tools, and calls them on the episode of a session.

OpenEnv's package is not needed. How messages arrive is the business of `openenv_routes`.
"""

import asyncio
import secrets
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Discriminator, Field, RootModel, Tag, ValidationError, model_validator

from forge_arena.episodes import Arena
from forge_arena.keys import MAX_INDEX, Filters
from forge_arena.types import (
    MAX_CORRECTION,
    MAX_EXPLANATION,
    MAX_RAW_COMPLETION,
    MAX_STEP,
    Noun,
    Observation,
    Split,
    ToolUse,
    Unit,
    Verdict,
    View,
)
from forge_arena.wire import (
    MAX_QUESTION,
    STREAM_NAME,
    AskProbe,
    Attempt,
    AttemptResult,
    OfferedTools,
    OpenEpisodes,
    SubmitVerdicts,
    ToolAnswered,
    UseTool,
)
from forge_server.access import Caller
from forge_server.episodes import Episodes
from forge_server.errors import InvalidRequest, Refused

# The stream of a token's resets on val and test that name neither seed nor stream.
SESSIONS = "openenv"
# The tasks in one answer of the Task API. A split has far more of them than an answer could hold.
MAX_TASKS = 1000
VERDICT = ("detection", "explanation", "correction", "confidence")


class Reset(Filters):
    """Open an episode: the one at index `seed` of the split, which is always the same, or without a seed the next of
    the `stream` of that name, which is the token's own. Without a name, train goes on in the stream of all clients.

    With filters, the search for a matching episode begins at the seed. `index` is the seed as OpenEnv's Task API calls
    it; where both are given, the index decides. `episode_id` is the client's own name for the episode, which only
    `state` repeats; the arena's id is in the observation's metadata.
    """

    seed: int | None = Field(default=None, ge=0, lt=MAX_INDEX)
    index: int | None = Field(default=None, ge=0, lt=MAX_INDEX)
    episode_id: str | None = Field(default=None, min_length=1, max_length=255)
    split: Split = Split.train
    stream: str | None = Field(default=None, pattern=STREAM_NAME)
    view: View | None = None

    @model_validator(mode="after")
    def _seed_or_stream(self) -> Self:
        if (self.seed is not None or self.index is not None) and self.stream is not None:
            raise ValueError("give either seed or stream: a stream goes on where it stands")
        return self


class Action(Noun):
    """One of four: a verdict in four fields, a model's raw text as `completion`, a `question` to the Worker, or a
    `tool` with its `arguments`."""

    detection: bool | None = None
    explanation: str | None = Field(default=None, max_length=MAX_EXPLANATION)
    correction: str | None = Field(default=None, max_length=MAX_CORRECTION)
    confidence: Unit | None = None
    step: int | None = Field(default=None, ge=-1, le=MAX_STEP)
    completion: str | None = Field(default=None, max_length=MAX_RAW_COMPLETION)
    question: str | None = Field(default=None, min_length=1, max_length=MAX_QUESTION)
    tool: str | None = Field(default=None, min_length=1, max_length=64)
    arguments: dict[str, Any] | None = None
    metadata: dict[str, Any] = {}

    @model_validator(mode="after")
    def _one_of_four(self) -> Self:
        given = [name for name in VERDICT if getattr(self, name) is not None]
        others = (self.completion, self.question, self.tool)
        ways = bool(given) + sum(other is not None for other in others)
        if ways != 1 or (given and len(given) < len(VERDICT)) or (self.step is not None and not given):
            raise ValueError(f"give either {', '.join(VERDICT)}, or completion, or question, or tool")
        if self.arguments is not None and self.tool is None:
            raise ValueError("arguments belong to a tool: give its name as tool")
        return self

    def attempt(self, episode_id: str) -> Attempt:
        """The verdict or completion as the only attempt on an episode."""
        if self.completion is not None:
            return Attempt(episode_id=episode_id, completion=self.completion)
        verdict = Verdict(**self.model_dump(include={*VERDICT, "step"}))
        return Attempt(episode_id=episode_id, verdict=verdict)


class EpisodeReference(Noun):
    """The names of an episode: `/v1` takes the same id, and the key opens the episode again."""

    episode_id: str
    key: str


class OpenEnvObservation(Observation):
    """What the overseer sees, what the tool of this step said, and after the verdict the result."""

    done: bool = Field(default=False, exclude=True)
    reward: Unit | None = Field(default=None, exclude=True)
    metadata: EpisodeReference
    tool_answer: ToolAnswered | None = None
    result: AttemptResult | None = None


class SessionState(Noun):
    """What an OpenEnv client may ask at any time. It reveals nothing of the truth."""

    episode_id: str | None = None
    step_count: int = Field(default=0, ge=0)


class Reply(Noun):
    """The answer to a reset or a step in OpenEnv's form: the reward and the end stand beside the observation."""

    observation: OpenEnvObservation
    reward: Unit | None
    done: bool
    metadata: EpisodeReference

    @classmethod
    def of(cls, observation: OpenEnvObservation) -> Self:
        return cls(
            observation=observation,
            reward=observation.reward,
            done=observation.done,
            metadata=observation.metadata,
        )


class Session:
    """One client's session: the episode that it plays, and how many steps it has taken.

    A session does one thing after another. Otherwise a tool that MCP uses over HTTP could bring back the episode before
    a reset over the WebSocket.
    """

    def __init__(self, arena: Arena, episodes: Episodes, caller: Caller) -> None:
        self._arena = arena
        self._episodes = episodes
        self.caller = caller
        self._observation: OpenEnvObservation | None = None
        self.state = SessionState()
        self._in_turn = asyncio.Lock()

    async def reset(self, ask: Reset) -> OpenEnvObservation:
        """Open another episode. An unfinished one stays open until it expires, and can be finished over `/v1`."""
        async with self._in_turn:
            (opened,) = (await self._episodes.openings.open(self._opening(ask), self.caller)).episodes
            reference = EpisodeReference(episode_id=opened.episode_id, key=opened.key)
            self._observation = OpenEnvObservation(**dict(opened.observation), metadata=reference)
            self.state = SessionState(episode_id=ask.episode_id or opened.episode_id)
            return self._observation

    async def resume(self, episode_id: str) -> None:
        """Continue an episode that was opened elsewhere."""
        async with self._in_turn:
            await self._resume(episode_id)

    async def _resume(self, episode_id: str) -> None:
        state = await self._episodes.records.state(episode_id)
        reference = EpisodeReference(episode_id=episode_id, key=state.key)
        result = state.results[0] if state.attempts_left == 0 else None
        uses = tuple(ToolUse(**use.model_dump(exclude={"attempt"})) for use in state.tool_uses if use.attempt == 0)
        seen = state.observation.model_copy(
            update={"tool_uses": uses, "tools_left": max(0, state.observation.tools_left - len(uses))}
        )
        self._observation = OpenEnvObservation(**dict(seen), metadata=reference, done=result is not None, result=result)
        steps = len(seen.probes) + len(uses) + len(state.results)
        self.state = SessionState(episode_id=episode_id, step_count=steps)

    async def step(self, action: Action) -> OpenEnvObservation:
        """A probe and a tool earn 0, and the episode goes on. A verdict ends the episode; on a sealed split its reward
        is None. The same verdict again gets the same answer, as over `/v1`."""
        async with self._in_turn:
            return await self._step(action)

    async def _step(self, action: Action) -> OpenEnvObservation:
        observation = self._observation
        if observation is None:
            raise InvalidRequest("there is no episode yet: reset first")
        observation = observation.model_copy(update={"tool_answer": None})
        if action.question is not None:
            self._observation = await self._ask_probe(observation, action.question)
        elif action.tool is not None:
            self._observation = await self._use_tool(observation, action.tool, action.arguments or {})
        else:
            self._observation = await self._give_verdict(observation, action)
        self.state = self.state.model_copy(update={"step_count": self.state.step_count + 1})
        return self._observation

    async def call_tool(self, name: str, arguments: dict[str, Any]) -> ToolAnswered:
        """Use a tool on the episode of this session, outside of the steps, as MCP does."""
        async with self._in_turn:
            if self._observation is None:
                raise InvalidRequest("there is no episode yet: reset first")
            self._observation = await self._use_tool(self._observation, name, arguments)
            assert self._observation.tool_answer is not None
            return self._observation.tool_answer

    @property
    def offered(self) -> OfferedTools:
        return self._episodes.tools.offered

    def _opening(self, ask: Reset) -> OpenEpisodes:
        # A trainer of OpenEnv sends the seed of a group beside the task that it chose by its index.
        index = ask.seed if ask.index is None else ask.index
        if index is None:
            # Without a name a held-out split would begin anew with each reset, and be one episode for ever.
            stream = ask.stream or (None if ask.split is Split.train else SESSIONS)
            return OpenEpisodes(split=ask.split, count=1, stream=stream, view=ask.view, **ask.given())
        if ask.narrow:
            return OpenEpisodes(split=ask.split, count=1, start=index, view=ask.view, **ask.given())
        return OpenEpisodes(keys=(self._arena.key(ask.split, index, ask.form),), view=ask.view)

    async def _ask_probe(self, observation: OpenEnvObservation, question: str) -> OpenEnvObservation:
        answered = await self._episodes.probe(observation.metadata.episode_id, AskProbe(question=question))
        probes = observation.probes
        if answered.probe not in probes:
            probes = (*probes, answered.probe)
        return observation.model_copy(update={"probes": probes, "probes_left": answered.probes_left, "reward": 0.0})

    async def _use_tool(
        self, observation: OpenEnvObservation, name: str, arguments: dict[str, Any]
    ) -> OpenEnvObservation:
        episode_id = observation.metadata.episode_id
        answer = await self._episodes.tools.use(episode_id, name, UseTool(arguments=arguments))
        state = await self._episodes.records.state(episode_id)
        uses = tuple(ToolUse(**use.model_dump(exclude={"attempt"})) for use in state.tool_uses if use.attempt == 0)
        return observation.model_copy(
            update={
                "probes": state.observation.probes,
                "probes_left": state.observation.probes_left,
                "tool_uses": uses,
                "tools_left": answer.tools_left,
                "tool_answer": answer,
                "reward": 0.0,
            }
        )

    async def _give_verdict(self, observation: OpenEnvObservation, action: Action) -> OpenEnvObservation:
        attempt = action.attempt(observation.metadata.episode_id)
        (result,) = (await self._episodes.verdicts.record(SubmitVerdicts(verdicts=(attempt,)))).results
        return observation.model_copy(update={"done": True, "reward": result.reward, "result": result})


class Metadata(Noun):
    """What OpenEnv tells of an environment."""

    name: str
    description: str
    readme_content: str | None = None
    version: str
    author: str | None = None
    documentation_url: str | None = None


class Schemas(Noun):
    """The JSON schema of each message."""

    action: dict[str, Any]
    observation: dict[str, Any]
    state: dict[str, Any]


class StepRequest(Noun):
    """A step over HTTP, which keeps no session. `episode_id` is the arena's id, from the metadata of the reset. The
    other fields are OpenEnv's, and have no effect here."""

    action: Action
    episode_id: str = Field(min_length=1, max_length=64)
    timeout_s: float | None = Field(default=None, gt=0)
    request_id: str | None = Field(default=None, max_length=255)


class SplitDescription(Noun):
    """A split as OpenEnv's Task API names it: `type` is one of the three words that OpenEnv knows."""

    name: Split
    type: Literal["train", "validation", "test"]


class Splits(RootModel[tuple[SplitDescription, ...]]):
    """All splits."""


class EnvironmentNames(RootModel[tuple[str, ...]]):
    """The names of the environments of this server: one."""


class Task(Noun):
    """One task of OpenEnv's Task API: `reset(split=..., index=...)` opens its episode, whose key is `id`."""

    id: str
    split: Split
    index: int


class AskSplit(Noun):
    split: Split


class AskTask(Noun):
    split: Split
    index: int = Field(ge=0, lt=MAX_INDEX)


class AskTaskRange(Noun):
    """The tasks from `start` up to `stop`, which is not among them. At most `MAX_TASKS` are given at a time."""

    split: Split
    start: int | None = Field(default=None, ge=0, lt=MAX_INDEX)
    stop: int | None = Field(default=None, ge=0, le=MAX_INDEX)


class OneTask(Noun):
    task: Task


class Tasks(Noun):
    tasks: tuple[Task, ...]


class ListedTasks(Tasks):
    """The first tasks of a split. `num_tasks` has the number of all."""

    env_name: str


class NumberOfTasks(Noun):
    """Every index below this number is a task."""

    num_tasks: int


SPLITS = Splits(
    (
        SplitDescription(name=Split.train, type="train"),
        SplitDescription(name=Split.val, type="validation"),
        SplitDescription(name=Split.test, type="test"),
    )
)


def task(arena: Arena, split: Split, index: int) -> Task:
    return Task(id=arena.key(split, index), split=split, index=index)


def task_range(arena: Arena, ask: AskTaskRange) -> Tasks:
    """The tasks of a range.

    Raises:
        InvalidRequest: there are more than `MAX_TASKS` of them.
    """
    start = ask.start or 0
    stop = MAX_INDEX if ask.stop is None else ask.stop
    if stop - start > MAX_TASKS:
        raise InvalidRequest(f"the range has {stop - start} tasks: ask for at most {MAX_TASKS} at a time")
    return Tasks(tasks=tuple(task(arena, ask.split, index) for index in range(start, stop)))


class ResetFrame(Noun):
    type: Literal["reset"]
    data: Reset = Reset()


class StepFrame(Noun):
    type: Literal["step"]
    data: Action


class StateFrame(Noun):
    type: Literal["state"]
    data: dict[str, Any] = {}


class CloseFrame(Noun):
    type: Literal["close"]
    data: dict[str, Any] = {}


class McpFrame(Noun):
    type: Literal["mcp"]
    data: dict[str, Any] = {}


class UnknownFrame(BaseModel):
    """Any other `type`, or none."""

    model_config = ConfigDict(extra="allow")


def frame_type(frame: Any) -> str:
    """The type of a frame, parsed or not: one of five, or `unknown`."""
    type = frame.get("type") if isinstance(frame, dict) else getattr(frame, "type", None)
    return type if isinstance(type, str) and type in {"reset", "step", "state", "close", "mcp"} else "unknown"


class Frame(
    RootModel[
        Annotated[
            Annotated[ResetFrame, Tag("reset")]
            | Annotated[StepFrame, Tag("step")]
            | Annotated[StateFrame, Tag("state")]
            | Annotated[CloseFrame, Tag("close")]
            | Annotated[McpFrame, Tag("mcp")]
            | Annotated[UnknownFrame, Tag("unknown")],
            Discriminator(frame_type),
        ]
    ]
):
    """What a client sends over the WebSocket."""


class Mcp(RootModel[dict[str, Any]]):
    """A message of JSON-RPC 2.0, which MCP uses."""


METHOD_NOT_FOUND, INVALID_PARAMS, SERVER_ERROR = -32601, -32602, -32000


class CallTool(BaseModel):
    """The parameters of `tools/call`. `episode_id` is the arena's id, for a client without a session."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str = Field(min_length=1, max_length=64)
    arguments: dict[str, Any] = {}
    episode_id: str | None = Field(default=None, min_length=1, max_length=64)


async def answer_mcp(request: dict[str, Any], session: Session) -> Mcp:
    """List the tools, or call one on the episode of the session. A verdict is a step, and no tool."""
    id = request.get("id") if isinstance(request.get("id"), str | int) else None
    if request.get("jsonrpc") != "2.0" or not isinstance(request.get("method"), str):
        answer = _mcp_error(-32600, "Invalid request: JSON-RPC 2.0 with a method")
    elif request["method"] == "openenv/session/create":
        # Nothing is kept until a WebSocket takes this name.
        answer = {"result": {"session_id": secrets.token_urlsafe(18)}}
    elif request["method"] == "openenv/session/close":
        # The session ends with its WebSocket.
        answer = {"result": {"closed": True}}
    elif request["method"] == "tools/list":
        answer = {"result": {"tools": mcp_tools(session.offered)}}
    elif request["method"] == "tools/call":
        answer = await _call_tool(request.get("params"), session)
    else:
        answer = _mcp_error(
            METHOD_NOT_FOUND, "Method not found: known are tools/list, tools/call and openenv/session/create"
        )
    return Mcp({"jsonrpc": "2.0", "id": id, **answer})


def mcp_tools(offered: OfferedTools) -> list[dict[str, Any]]:
    """The tools as OpenEnv and as MCP list them: the two spell the name of the schema differently."""
    return [
        {
            "name": tool.name,
            "description": tool.description,
            "input_schema": tool.arguments,
            "inputSchema": tool.arguments,
        }
        for tool in offered.tools
    ]


async def _call_tool(params: Any, session: Session) -> dict[str, Any]:
    try:
        call = CallTool.model_validate(params)
    except ValidationError:
        return _mcp_error(INVALID_PARAMS, "Invalid params: name is a text and arguments an object")
    try:
        if call.episode_id is not None:
            await session.resume(call.episode_id)
        answer = await session.call_tool(call.name, call.arguments)
    except Refused as refusal:
        return _mcp_error(SERVER_ERROR, refusal.message)
    text = {"content": [{"type": "text", "text": answer.result}], "isError": not answer.ok}
    # MCP's form, and what OpenEnv's client gives back.
    return {"result": {**text, "data": answer.result}}


def _mcp_error(code: int, message: str) -> dict[str, Any]:
    return {"error": {"code": code, "message": message}}
