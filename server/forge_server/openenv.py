"""The episodes as an environment of OpenEnv (its wire of version 0.10): `reset` opens one, `step` asks a probe or gives
the verdict that ends it.

Its package is not needed, and nothing here knows how the messages come: `openenv_routes` does.
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
from forge_server.episodes import Episodes
from forge_server.errors import InvalidRequest

VERDICT = ("detection", "explanation", "correction", "confidence")


class Reset(Filters):
    """Open an episode: the one at index `seed` of the split, for ever the same, or without a seed the next of the stream.

    With filters the seed is where the search for one that matches begins. `episode_id` is the client's own name for it,
    which only `state` repeats; the arena's id is in the observation's metadata.
    """

    seed: int | None = Field(default=None, ge=0, lt=MAX_INDEX)
    episode_id: str | None = Field(default=None, min_length=1, max_length=255)
    split: Split = Split.train


class Action(Noun):
    """A verdict in four fields, or a model's raw text as `completion`, or a `question` to the Worker: one of the three."""

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


class Where(Noun):
    """How the rest of the arena knows the episode: `/v1` takes the same id, and the key opens it again."""

    episode_id: str
    key: str


class Seen(Observation):
    """What the overseer sees, and after its verdict what that earned."""

    done: bool = Field(default=False, exclude=True)
    reward: Unit | None = Field(default=None, exclude=True)
    metadata: Where
    result: AttemptResult | None = None


class State(Noun):
    """What an OpenEnv client may ask at any time; it tells nothing of the truth."""

    episode_id: str | None = None
    step_count: int = Field(default=0, ge=0)


class Reply(Noun):
    """The answer to a reset or a step, as OpenEnv has it: reward and end beside the observation."""

    observation: Seen
    reward: Unit | None
    done: bool
    metadata: Where

    @classmethod
    def of(cls, seen: Seen) -> Self:
        return cls(observation=seen, reward=seen.reward, done=seen.done, metadata=seen.metadata)


class Session:
    """One client's play: an episode at a time, and how many steps it has taken."""

    def __init__(self, arena: Arena, episodes: Episodes) -> None:
        self._arena = arena
        self._episodes = episodes
        self._seen: Seen | None = None
        self.state = State()

    async def reset(self, ask: Reset) -> Seen:
        """Open another episode; one that was not finished stays open until it expires, and can be finished over `/v1`."""
        (one,) = (await self._episodes.open(self._opening(ask))).episodes
        where = Where(episode_id=one.episode_id, key=one.key)
        self._seen = Seen(**dict(one.observation), metadata=where)
        self.state = State(episode_id=ask.episode_id or one.episode_id)
        return self._seen

    async def resume(self, episode_id: str) -> None:
        """Go on with an episode that was opened elsewhere."""
        state = await self._episodes.state(episode_id)
        where = Where(episode_id=episode_id, key=state.key)
        result = state.results[0] if state.attempts_left == 0 else None
        self._seen = Seen(**dict(state.observation), metadata=where, done=result is not None, result=result)
        self.state = State(episode_id=episode_id, step_count=len(state.observation.probes) + len(state.results))

    async def step(self, action: Action) -> Seen:
        """A probe earns 0 and goes on. A verdict ends the episode; its reward is None where the split is sealed. The same
        verdict again gets the same answer, as over `/v1`."""
        seen = self._seen
        if seen is None:
            raise InvalidRequest("there is no episode yet: reset first")
        if action.question is not None:
            self._seen = await self._probed(seen, action.question)
        else:
            self._seen = await self._judged(seen, action)
        self.state = self.state.model_copy(update={"step_count": self.state.step_count + 1})
        return self._seen

    def _opening(self, ask: Reset) -> OpenEpisodes:
        if ask.seed is None or ask.narrow:
            return OpenEpisodes(split=ask.split, count=1, start=ask.seed, **ask.given())
        return OpenEpisodes(keys=(self._arena.key(ask.split, ask.seed, ask.form),))

    async def _probed(self, seen: Seen, question: str) -> Seen:
        answered = await self._episodes.probe(seen.metadata.episode_id, AskProbe(question=question))
        known = answered.probe in seen.probes
        probes = seen.probes if known else (*seen.probes, answered.probe)
        return seen.model_copy(update={"probes": probes, "probes_left": answered.probes_left, "reward": 0.0})

    async def _judged(self, seen: Seen, action: Action) -> Seen:
        attempt = action.attempt(seen.metadata.episode_id)
        (result,) = (await self._episodes.judge(SubmitVerdicts(verdicts=(attempt,)))).results
        return seen.model_copy(update={"done": True, "reward": result.reward, "result": result})


class Metadata(Noun):
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


class StepAsked(Noun):
    """A step over HTTP, which keeps no session: `episode_id` is the arena's, from the metadata of the reset. The others
    are OpenEnv's and mean nothing here."""

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


def kind(frame: Any) -> str:
    """What a frame asks for: one of five, or `unknown`."""
    named = frame.get("type") if isinstance(frame, dict) else getattr(frame, "type", None)
    return named if isinstance(named, str) and named in {"reset", "step", "state", "close", "mcp"} else "unknown"


class Frame(
    RootModel[
        Annotated[
            Annotated[ResetFrame, Tag("reset")]
            | Annotated[StepFrame, Tag("step")]
            | Annotated[StateFrame, Tag("state")]
            | Annotated[CloseFrame, Tag("close")]
            | Annotated[McpFrame, Tag("mcp")]
            | Annotated[UnknownFrame, Tag("unknown")],
            Discriminator(kind),
        ]
    ]
):
    """What a client sends over the WebSocket."""


class Mcp(RootModel[dict[str, Any]]):
    """JSON-RPC 2.0, as MCP has it."""


def answer_mcp(asked: dict[str, Any]) -> Mcp:
    """What an environment without tools says: here a verdict is a step."""
    id = asked.get("id") if isinstance(asked.get("id"), str | int) else None
    if asked.get("jsonrpc") != "2.0" or not isinstance(asked.get("method"), str):
        said: dict[str, Any] = {"error": {"code": -32600, "message": "Invalid request: JSON-RPC 2.0 with a method"}}
    elif asked["method"] == "tools/list":
        said = {"result": {"tools": []}}
    else:
        said = {"error": {"code": -32601, "message": "Method not found: there are no tools, a verdict is a step"}}
    return Mcp({"jsonrpc": "2.0", "id": id, **said})
