"""Play episodes as an OpenEnv environment (version 0.10 of its wire): `reset` opens an episode, `step` asks a probe or
gives the verdict that ends the episode.

OpenEnv's package is not needed. How messages arrive is the business of `openenv_routes`.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Discriminator, Field, RootModel, Tag, model_validator

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
    Unit,
    Verdict,
)
from forge_arena.wire import MAX_QUESTION, AskProbe, Attempt, AttemptResult, OpenEpisodes, SubmitVerdicts
from forge_server.access import Caller
from forge_server.episodes import Episodes
from forge_server.errors import InvalidRequest

VERDICT = ("detection", "explanation", "correction", "confidence")


class Reset(Filters):
    """Open an episode: the one at index `seed` of the split, which is always the same, or without a seed the next of
    the stream.

    With filters, the search for a matching episode begins at the seed. `episode_id` is the client's own name for the
    episode, which only `state` repeats; the arena's id is in the observation's metadata.
    """

    seed: int | None = Field(default=None, ge=0, lt=MAX_INDEX)
    episode_id: str | None = Field(default=None, min_length=1, max_length=255)
    split: Split = Split.train


class Action(Noun):
    """One of three: a verdict in four fields, a model's raw text as `completion`, or a `question` to the Worker."""

    detection: bool | None = None
    explanation: str | None = Field(default=None, max_length=MAX_EXPLANATION)
    correction: str | None = Field(default=None, max_length=MAX_CORRECTION)
    confidence: Unit | None = None
    step: int | None = Field(default=None, ge=-1, le=MAX_STEP)
    completion: str | None = Field(default=None, max_length=MAX_RAW_COMPLETION)
    question: str | None = Field(default=None, min_length=1, max_length=MAX_QUESTION)
    metadata: dict[str, Any] = {}

    @model_validator(mode="after")
    def _one_of_three(self) -> Self:
        given = [name for name in VERDICT if getattr(self, name) is not None]
        ways = bool(given) + (self.completion is not None) + (self.question is not None)
        if ways != 1 or (given and len(given) < len(VERDICT)) or (self.step is not None and not given):
            raise ValueError(f"give either {', '.join(VERDICT)}, or completion, or question")
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
    """What the overseer sees, and after its verdict the result."""

    done: bool = Field(default=False, exclude=True)
    reward: Unit | None = Field(default=None, exclude=True)
    metadata: EpisodeReference
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
    """One client's session: the episode that it plays, and how many steps it has taken."""

    def __init__(self, arena: Arena, episodes: Episodes, caller: Caller) -> None:
        self._arena = arena
        self._episodes = episodes
        self._caller = caller
        self._observation: OpenEnvObservation | None = None
        self.state = SessionState()

    async def reset(self, ask: Reset) -> OpenEnvObservation:
        """Open another episode. An unfinished one stays open until it expires, and can be finished over `/v1`."""
        (opened,) = (await self._episodes.open(self._opening(ask), self._caller)).episodes
        reference = EpisodeReference(episode_id=opened.episode_id, key=opened.key)
        self._observation = OpenEnvObservation(**dict(opened.observation), metadata=reference)
        self.state = SessionState(episode_id=ask.episode_id or opened.episode_id)
        return self._observation

    async def resume(self, episode_id: str) -> None:
        """Continue an episode that was opened elsewhere."""
        state = await self._episodes.state(episode_id)
        reference = EpisodeReference(episode_id=episode_id, key=state.key)
        result = state.results[0] if state.attempts_left == 0 else None
        self._observation = OpenEnvObservation(
            **dict(state.observation), metadata=reference, done=result is not None, result=result
        )
        steps = len(state.observation.probes) + len(state.results)
        self.state = SessionState(episode_id=episode_id, step_count=steps)

    async def step(self, action: Action) -> OpenEnvObservation:
        """A probe earns 0, and the episode goes on. A verdict ends the episode; on a sealed split its reward is None.
        The same verdict again gets the same answer, as over `/v1`."""
        observation = self._observation
        if observation is None:
            raise InvalidRequest("there is no episode yet: reset first")
        if action.question is not None:
            self._observation = await self._ask_probe(observation, action.question)
        else:
            self._observation = await self._give_verdict(observation, action)
        self.state = self.state.model_copy(update={"step_count": self.state.step_count + 1})
        return self._observation

    def _opening(self, ask: Reset) -> OpenEpisodes:
        if ask.seed is None or ask.narrow:
            return OpenEpisodes(split=ask.split, count=1, start=ask.seed, **ask.given())
        return OpenEpisodes(keys=(self._arena.key(ask.split, ask.seed, ask.form),))

    async def _ask_probe(self, observation: OpenEnvObservation, question: str) -> OpenEnvObservation:
        answered = await self._episodes.probe(observation.metadata.episode_id, AskProbe(question=question))
        probes = observation.probes
        if answered.probe not in probes:
            probes = (*probes, answered.probe)
        return observation.model_copy(update={"probes": probes, "probes_left": answered.probes_left, "reward": 0.0})

    async def _give_verdict(self, observation: OpenEnvObservation, action: Action) -> OpenEnvObservation:
        attempt = action.attempt(observation.metadata.episode_id)
        (result,) = (await self._episodes.record_verdicts(SubmitVerdicts(verdicts=(attempt,)))).results
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


def answer_mcp(request: dict[str, Any]) -> Mcp:
    """The answer of an environment without tools: a verdict is a step, not a tool."""
    id = request.get("id") if isinstance(request.get("id"), str | int) else None
    if request.get("jsonrpc") != "2.0" or not isinstance(request.get("method"), str):
        answer: dict[str, Any] = {"error": {"code": -32600, "message": "Invalid request: JSON-RPC 2.0 with a method"}}
    elif request["method"] == "tools/list":
        answer = {"result": {"tools": []}}
    else:
        answer = {"error": {"code": -32601, "message": "Method not found: there are no tools, a verdict is a step"}}
    return Mcp({"jsonrpc": "2.0", "id": id, **answer})
