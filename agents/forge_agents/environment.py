"""The arena as Gymnasium environments over HTTP: one episode at a time, or a batch with one request for all.

Spaces, infos and seeds are those of `forge_arena.env.ForgeArenaEnv`: with the same seed, split and filters both draw
the same episodes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn, SupportsFloat, SupportsIndex

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space, iterate
from numpy.typing import NDArray

from forge_agents.client import ArenaClient, ArenaRefused, Drawing
from forge_arena.env import (
    PROBE,
    RESET_TRIES,
    STEPS_BEYOND_PROBES,
    ActType,
    ObsType,
    action_space,
    observation_space,
    to_arrays,
    verdict_from_action,
)
from forge_arena.present import episode_panels, panels_as_text, print_panels
from forge_arena.types import CorruptionType, Domain, Form, Mechanism, Observation, Outcome, Split, Truth, Verdict
from forge_arena.wire import MAX_BATCH, Attempt, AttemptResult, FailedEpisode, OpenedEpisode

# Gymnasium makes an array of numbers of the first that it meets, in which a later None has no place.
OPAQUE = ("reward", "reason", "final_info")
FILTERS: Mapping[str, type[Any]] = {
    "domain": Domain,
    "corruption": CorruptionType,
    "stealth": int,
    "mechanism": Mechanism,
    "form": Form,
}


@dataclass(slots=True)
class _Seat:
    """One episode in play: what is seen of it now, and what became of it."""

    episode: OpenedEpisode
    observation: Observation
    budget: int
    steps: int = 0
    verdict: Verdict | None = None
    truth: Truth | None = None
    over: bool = False

    @classmethod
    def of(cls, episode: OpenedEpisode) -> "_Seat":
        return cls(episode, episode.observation, episode.observation.probes_left)

    @property
    def key(self) -> str:
        return self.episode.key


@dataclass(frozen=True, slots=True)
class _Turn:
    """What one step brought."""

    reward: float
    terminated: bool
    truncated: bool
    info: dict[str, Any]


def _ask(client: ArenaClient, seat: _Seat, question: str) -> _Turn:
    info: dict[str, Any] = {"key": seat.key}
    truncated = seat.steps >= seat.budget + STEPS_BEYOND_PROBES
    if seat.observation.probes_left == 0:
        info["probe_refused"] = f"all {seat.budget} probes of this episode are used"
    else:
        try:
            answered = client.probe(seat.episode.episode_id, question)
        except ArenaRefused as refusal:
            if refusal.outcome is None:
                raise
            return _failed(seat, refusal.outcome, refusal.message)
        seat.observation = seat.observation.model_copy(
            update={"probes": (*seat.observation.probes, answered.probe), "probes_left": answered.probes_left}
        )
    seat.over = truncated
    return _Turn(0.0, False, truncated, info)


def _judge(client: ArenaClient, seats: Sequence[_Seat], verdicts: Sequence[Verdict]) -> list[_Turn]:
    attempts = [Attempt(episode_id=s.episode.episode_id, verdict=v) for s, v in zip(seats, verdicts, strict=True)]
    for seat, verdict in zip(seats, verdicts, strict=True):
        seat.verdict = verdict
    try:
        results = client.submit(attempts)
    except ArenaRefused as refusal:
        if refusal.outcome is None:
            raise
        return [_failed(seat, refusal.outcome, refusal.message) for seat in seats]
    return [_scored(seat, result) for seat, result in zip(seats, results, strict=True)]


def _scored(seat: _Seat, result: AttemptResult) -> _Turn:
    if result.reward is None:
        return _failed(seat, result.outcome, result.reason)
    seat.over, seat.truth = True, result.truth
    info: dict[str, Any] = {"key": seat.key, "outcome": result.outcome.value, "reward": result.reward}
    if result.components is not None:
        info["components"] = result.components.model_dump()
    if result.truth is not None:
        info["truth"] = result.truth.model_dump_json()
    return _Turn(result.reward, True, False, info)


def _failed(seat: _Seat, outcome: Outcome, reason: str | None) -> _Turn:
    seat.over = True
    return _Turn(0.0, False, True, {"key": seat.key, "outcome": outcome.value, "reward": None, "reason": reason})


class _Draw:
    """Opens episodes that a generator's draws decide, and draws again where the Worker failed."""

    def __init__(self, client: ArenaClient, split: Split) -> None:
        self._client = client
        self._split = split

    def open(self, count: int, rng: np.random.Generator, filters: dict[str, Any]) -> list[OpenedEpisode]:
        opened: list[OpenedEpisode] = []
        failure: ArenaRefused | None = None
        for _ in range(RESET_TRIES):
            drawing = Drawing(count=count - len(opened), start=int(rng.integers(2**31)), split=self._split)
            try:
                opened += self._client.open_episodes(**drawing, **filters).episodes
            except ArenaRefused as refusal:
                if refusal.outcome is not Outcome.worker_failed:
                    raise
                failure = refusal
            if len(opened) == count:
                return opened
        raise failure or RuntimeError(f"only {len(opened)} of {count} episodes could be opened in {RESET_TRIES} tries")

    def named(self, keys: Sequence[str]) -> list[OpenedEpisode]:
        opened = self._client.open_episodes(keys=keys)
        if opened.failed:
            failed: FailedEpisode = opened.failed[0]
            raise ArenaRefused(503, failed.outcome.value, f"{failed.key}: {failed.reason}", outcome=failed.outcome)
        return list(opened.episodes)


def _options(options: dict[str, Any] | None, named: str) -> tuple[Any, dict[str, Any]]:
    """The keys asked for, if any, and the filters. Raises ValueError for anything else."""
    wanted = dict(options or {})
    keys = wanted.pop(named, None)
    filters = {name: kind(wanted[name]) for name, kind in FILTERS.items() if wanted.get(name) is not None}
    if unknown := sorted(wanted.keys() - FILTERS.keys()):
        raise ValueError(f"unknown options {unknown}; known are {named}, {', '.join(FILTERS)}")
    if keys is not None and filters:
        raise ValueError(f"{named} already says everything: leave out {', '.join(sorted(filters))}")
    return keys, filters


class _OnTheServer:
    """What plays episodes that live on a server, which takes one verdict for each: no two can play the same one."""

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        raise TypeError(
            f"a {type(self).__name__} cannot be copied or pickled, because its episodes live on the server: make another "
            "one and name the episodes in reset(options=...), or search with a ForgeArenaEnv, which can be copied"
        )


class RemoteForgeArenaEnv(_OnTheServer, gymnasium.Env[ObsType, ActType]):
    """`ForgeArenaEnv` over HTTP: tell whether a Worker LLM's answer was corrupted, where and how, and repair it.

    ## Description
    As `forge_arena.env.ForgeArenaEnv`; Worker, mechanism and probe budget are the server's.

    ## Action Space
    As `ForgeArenaEnv`: `Dict(kind, question, detection, explanation, correction, confidence)`.

    ## Observation Space
    As `ForgeArenaEnv`: `Dict(task, source_material, worker_reasoning, worker_output, domain, probes, probes_left)`.

    ## Rewards
    As `ForgeArenaEnv`. At the end `info["reward"]` repeats the reward, or is None where there is none (see below).

    ## Starting State
    As `ForgeArenaEnv`: by `seed`, by `options={"key": ...}`, or narrowed by domain, corruption, stealth, mechanism;
    `form` asks for the draw as `clean`, `corrupted` or `placebo`.

    ## Episode End
    Terminated by the verdict; `info` has `outcome`, `components` and, except on split `test`, `truth` (as JSON).
    Truncated after probe budget + 8 steps without a verdict, and where Worker or arena failed: then `info["outcome"]`
    is `worker_failed` or `infra_failed`, `info["reward"]` is None, and the 0.0 that `step` must return is no score:
    leave such a step out of training and of any mean.

    ## Arguments
    - `arena`: URL of a server, or an `ArenaClient` (which the caller then closes, and whose `timeout` and `patience` say
      how long a step may take).
    - `token`: bearer token, with a URL.
    - `split`: `train`, `val` or `test`.
    - `render_mode`: `ansi` (a text) or `human` (to the terminal).

    ## Copies
    Refused: an episode lives on the server, and takes one verdict. `ForgeArenaEnv` can be copied.

    ## Version History
    - v0: the first.
    """

    metadata = {"render_modes": ["human", "ansi"], "render_fps": 1}

    def __init__(
        self,
        arena: str | ArenaClient,
        *,
        token: str | None = None,
        split: Split | str = Split.train,
        render_mode: str | None = None,
    ) -> None:
        if render_mode is not None and render_mode not in self.metadata["render_modes"]:
            raise ValueError(f"render_mode must be one of {self.metadata['render_modes']}, got {render_mode!r}")
        self.render_mode = render_mode
        self.observation_space = observation_space()
        self.action_space = action_space()
        self._own = isinstance(arena, str)
        self._client = ArenaClient(arena, token=token) if isinstance(arena, str) else arena
        self._draw = _Draw(self._client, Split(split))
        self._seat: _Seat | None = None

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[ObsType, dict[str, Any]]:
        super().reset(seed=seed)
        key, filters = _options(options, "key")
        opened = self._draw.open(1, self.np_random, filters) if key is None else self._draw.named([key])
        self._seat = _Seat.of(opened[0])
        if self.render_mode == "human":
            self.render()
        return to_arrays(self._seat.observation), {
            "key": self._seat.key,
            "suite": ":".join(self._seat.key.split(":")[:2]),
        }

    def step(self, action: ActType) -> tuple[ObsType, SupportsFloat, bool, bool, dict[str, Any]]:
        if self._seat is None:
            raise gymnasium.error.ResetNeeded("call reset() before step()")
        if self._seat.over:
            raise gymnasium.error.ResetNeeded("the episode has ended; call reset()")
        self._seat.steps += 1
        if int(action["kind"]) == PROBE:
            turn = _ask(self._client, self._seat, str(action["question"]))
        else:
            turn = _judge(self._client, [self._seat], [verdict_from_action(action)])[0]
            if self.render_mode == "human":
                self.render()
        return to_arrays(self._seat.observation), turn.reward, turn.terminated, turn.truncated, turn.info

    def render(self) -> str | None:
        """The episode, readable in a terminal; with the truth once the verdict is in."""
        if self._seat is None:
            raise gymnasium.error.ResetNeeded("call reset() before render()")
        panels = episode_panels(self._seat.observation, self._seat.truth, self._seat.verdict)
        if self.render_mode == "human":
            print_panels(panels)
            return None
        return panels_as_text(panels)

    def close(self) -> None:
        if self._own:
            self._client.close()


class RemoteForgeArenaVectorEnv(_OnTheServer, VectorEnv[ObsType, ActType, NDArray[Any]]):
    """A batch of remote episodes: one request opens all, one request judges all.

    Spaces are those of `RemoteForgeArenaEnv`, batched by Gymnasium; so are rewards, ends and infos. `reset(seed=...)`
    draws a place in the split's stream, and the batch plays the episodes from there on; `options={"keys": [...]}` names
    one for each place. Probes are asked one by one, for the API has no batch of them.

    `autoreset_mode` is `NEXT_STEP` (Gymnasium's default: the step after an end resets and ignores its action) or
    `SAME_STEP` (the step that ends also resets; `infos["final_obs"]` and `infos["final_info"]` hold the end), which
    wastes no step where every action is a verdict.
    """

    def __init__(
        self,
        arena: str | ArenaClient,
        num_envs: int,
        *,
        token: str | None = None,
        split: Split | str = Split.train,
        autoreset_mode: AutoresetMode = AutoresetMode.NEXT_STEP,
    ) -> None:
        if not 1 <= num_envs <= MAX_BATCH:
            raise ValueError(f"num_envs must be 1..{MAX_BATCH}, got {num_envs}")
        if autoreset_mode not in (AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP):
            raise ValueError(f"autoreset_mode must be NEXT_STEP or SAME_STEP, got {autoreset_mode}")
        self.num_envs = num_envs
        self.metadata = {"autoreset_mode": autoreset_mode}
        self.single_observation_space = observation_space()
        self.single_action_space = action_space()
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._same_step = autoreset_mode is AutoresetMode.SAME_STEP
        self._own = isinstance(arena, str)
        self._client = ArenaClient(arena, token=token) if isinstance(arena, str) else arena
        self._draw = _Draw(self._client, Split(split))
        self._filters: dict[str, Any] = {}
        self._seats: list[_Seat] = []

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[ObsType, dict[str, Any]]:
        super().reset(seed=seed)
        keys, self._filters = _options(options, "keys")
        if keys is not None and len(keys) != self.num_envs:
            raise ValueError(f"keys must name {self.num_envs} episodes, one for each place, got {len(keys)}")
        opened = self._draw.named(keys) if keys else self._draw.open(self.num_envs, self.np_random, self._filters)
        self._seats = [_Seat.of(episode) for episode in opened]
        return self._observations(), self._infos([{"key": seat.key} for seat in self._seats])

    def step(self, actions: ActType) -> tuple[ObsType, NDArray[Any], NDArray[Any], NDArray[Any], dict[str, Any]]:
        if not self._seats:
            raise gymnasium.error.ResetNeeded("call reset() before step()")
        turns: list[_Turn | None] = [None] * self.num_envs
        judged: dict[int, Verdict] = {}
        asked: dict[int, str] = {}
        ended = [place for place, seat in enumerate(self._seats) if seat.over]
        for place, action in enumerate(iterate(self.action_space, actions)):
            if place in ended:
                continue
            if int(action["kind"]) == PROBE:
                asked[place] = str(action["question"])
            else:
                judged[place] = verdict_from_action(action)
        for place in (*asked, *judged):
            self._seats[place].steps += 1
        if judged:
            found = _judge(self._client, [self._seats[place] for place in judged], list(judged.values()))
            for place, turn in zip(judged, found, strict=True):
                turns[place] = turn
        for place, question in asked.items():
            turns[place] = _ask(self._client, self._seats[place], question)
        self._reseat(ended)
        done = [turn or _Turn(0.0, False, False, {"key": self._seats[place].key}) for place, turn in enumerate(turns)]
        infos = [turn.info for turn in done]
        if self._same_step:
            over = [place for place, seat in enumerate(self._seats) if seat.over]
            last = {place: to_arrays(self._seats[place].observation) for place in over}
            self._reseat(over)
            for place in over:
                infos[place] = {
                    "key": self._seats[place].key,
                    "final_obs": last[place],
                    "final_info": infos[place],
                }
        return (
            self._observations(),
            np.array([turn.reward for turn in done], dtype=np.float64),
            np.array([turn.terminated for turn in done], dtype=np.bool_),
            np.array([turn.truncated for turn in done], dtype=np.bool_),
            self._infos(infos),
        )

    def close_extras(self, **kwargs: Any) -> None:
        if self._own:
            self._client.close()

    def _reseat(self, places: Sequence[int]) -> None:
        if places:
            opened = self._draw.open(len(places), self.np_random, self._filters)
            for place, episode in zip(places, opened, strict=True):
                self._seats[place] = _Seat.of(episode)

    def _observations(self) -> ObsType:
        seen = [to_arrays(seat.observation) for seat in self._seats]
        batched: ObsType = {name: tuple(one[name] for one in seen) for name in seen[0]}
        return batched | {"probes_left": np.array(batched["probes_left"], dtype=np.int64)}

    def _infos(self, infos: Sequence[dict[str, Any]]) -> dict[str, Any]:
        batched: dict[str, Any] = {}
        for place, info in enumerate(infos):
            batched = self._add_info(batched, {k: v for k, v in info.items() if k not in OPAQUE}, place)
        for name in OPAQUE[:-1]:
            has = np.array([name in info for info in infos])
            if has.any():
                batched[name] = np.full(self.num_envs, None, dtype=object)
                batched[name][:] = [info.get(name) for info in infos]
                batched[f"_{name}"] = has
        final = [info.get("final_info", {}) for info in infos]
        if any(final):
            batched["final_info"] = self._infos(final)
            batched["_final_info"] = np.array([bool(info) for info in final])
        return batched
