"""Play the episodes of a server as Gymnasium environments: one episode at a time, or a batch with one request for all.

Spaces, infos and seeds are the same as in `forge_arena.env.ForgeArenaEnv`: with the same seed, split and filters both
draw the same episodes.
"""

from collections.abc import Sequence
from typing import Any, NoReturn, SupportsIndex

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space, iterate
from numpy.typing import NDArray

from forge_agents.client import ArenaClient, ArenaRefused
from forge_arena.keys import EVERYTHING, Filters, Key
from forge_arena.play import (
    Ending,
    Opened,
    OpenedAt,
    OverseerEnv,
    Seat,
    Turn,
    ask,
    check_seed,
    grade,
    neighbours,
    open_runs,
    open_seats,
    read_options,
    use_tool,
)
from forge_arena.spaces import (
    PROBE,
    TOOL,
    ActType,
    ObsType,
    action_space,
    observation_space,
    to_arrays,
    verdict_from_action,
)
from forge_arena.types import Outcome, Probe, Split, ToolUse, Verdict, View
from forge_arena.wire import (
    MAX_BATCH,
    Attempt,
    AttemptResult,
    FailedEpisode,
    OpenedEpisode,
    ProbeAnswered,
    ToolAnswered,
)

# Infos that may be None at one place and not at another. Gymnasium would put them into an array of the type that it
# meets first, which cannot hold None.
OPAQUE = ("reward", "reason", "truth")
FINAL = "final_info"


class ServerSource:
    """The episodes of a server. If it makes its client, from a URL, it also closes the client."""

    def __init__(self, arena: str | ArenaClient, token: str | None, split: Split, view: View | None = None) -> None:
        self._owns_client = isinstance(arena, str)
        self._client = ArenaClient(arena, token=token) if isinstance(arena, str) else arena
        self._split = split
        self._suite: str | None = None
        self._view = view

    def open(self, start: int, count: int, filters: Filters) -> Opened[OpenedEpisode]:
        try:
            opened = self._client.open_episodes(
                split=self._split, start=start, count=count, view=self._view, **filters.given()
            )
        except ArenaRefused as refusal:
            if refusal.outcome is not Outcome.worker_failed:
                raise
            return Opened((), refusal)
        return Opened(opened.episodes)

    def open_at(self, indices: Sequence[int], filters: Filters) -> OpenedAt[OpenedEpisode]:
        if filters.narrow:
            return open_runs(self, neighbours(indices), filters)
        # By their keys, because a curriculum may leave an index out of the train stream.
        keys = [str(Key.of(self._suite_and_version(), self._split, index, filters.form)) for index in indices]
        try:
            opened = self._client.open_episodes(keys=keys, view=self._view)
        except ArenaRefused as refusal:
            if refusal.outcome is not Outcome.worker_failed:
                raise
            return OpenedAt([None] * len(keys), refusal)
        # Two places may have the same seed.
        of_key: dict[str, list[OpenedEpisode]] = {}
        for episode in opened.episodes:
            of_key.setdefault(episode.key, []).append(episode)
        return OpenedAt(
            [of_key[key].pop() if of_key.get(key) else None for key in keys],
            next((_refusal_of(failed) for failed in opened.failed), None),
        )

    def _suite_and_version(self) -> str:
        if self._suite is None:
            self._suite = self._client.stats().suite_and_version
        return self._suite

    def open_keys(self, keys: Sequence[str]) -> Sequence[OpenedEpisode]:
        opened = self._client.open_episodes(keys=keys, view=self._view)
        if opened.failed:
            raise _refusal_of(opened.failed[0])
        return opened.episodes

    def probe(self, episode: OpenedEpisode, probes: tuple[Probe, ...], question: str) -> ProbeAnswered | Ending:
        try:
            return self._client.probe(episode.episode_id, question)
        except ArenaRefused as refusal:
            return _failure(refusal)

    def use_tool(
        self, episode: OpenedEpisode, uses: tuple[ToolUse, ...], name: str, arguments: dict[str, Any]
    ) -> ToolAnswered | Ending:
        try:
            return self._client.tool_answer(episode.episode_id, name, arguments)
        except ArenaRefused as refusal:
            return _failure(refusal)

    def grade(self, episodes: Sequence[OpenedEpisode], verdicts: Sequence[Verdict]) -> list[Ending]:
        attempts = [
            Attempt(episode_id=episode.episode_id, verdict=verdict)
            for episode, verdict in zip(episodes, verdicts, strict=True)
        ]
        try:
            return [_ending(result) for result in self._client.submit(attempts)]
        except ArenaRefused as refusal:
            return [_failure(refusal)] * len(attempts)

    def close(self) -> None:
        if self._owns_client:
            self._client.close()


def _refusal_of(failed: FailedEpisode) -> ArenaRefused:
    return ArenaRefused(503, failed.outcome.value, f"{failed.key}: {failed.reason}", outcome=failed.outcome)


def _ending(result: AttemptResult) -> Ending:
    info: dict[str, Any] = {"outcome": result.outcome.value, "reward": result.reward, "truth": result.truth}
    if result.reward is None:
        return Ending(None, info | {"reason": result.reason})
    if result.components is not None:
        info["components"] = result.components.model_dump()
    return Ending(result.reward, info, result.truth)


def _failure(refusal: ArenaRefused) -> Ending:
    """The end of an episode that failed. A refusal for another reason is raised again."""
    if refusal.outcome is None:
        raise refusal
    return Ending(None, {"outcome": refusal.outcome.value, "reward": None, "reason": refusal.message})


class _OnTheServer:
    """Refuses copies. The episodes are on a server, which takes one verdict for each, so a copy could not play them."""

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        raise TypeError(
            f"a {type(self).__name__} cannot be copied or pickled, because its episodes live on the server: make "
            "another one and name the episodes in reset(options=...), "
            "or search with a ForgeArenaEnv, which can be copied"
        )


class RemoteForgeArenaEnv(_OnTheServer, OverseerEnv[OpenedEpisode]):
    """`ForgeArenaEnv` over HTTP: tell whether a Worker LLM's answer was corrupted, where and how, and repair it.

    ## Description
    As `forge_arena.env.ForgeArenaEnv`; Worker, mechanism, probe budget and tool profile are the server's.

    ## Action Space
    As `ForgeArenaEnv`: `Dict(kind, question, detection, explanation, correction, confidence, tool, arguments)`.

    ## Observation Space
    As `ForgeArenaEnv`: `Dict(task, source_material, worker_reasoning, worker_output, domain, probes, probes_left,
    tool_uses, tools_left)`.

    ## Rewards
    As `ForgeArenaEnv`. At the end `info["reward"]` repeats the reward, or is None if there is none (see below).

    ## Starting State
    As `ForgeArenaEnv`: by `seed`, by `options={"key": ...}`, or narrowed by domain, corruption, stealth, mechanism,
    awareness, candour; `form` asks for the draw as `clean`, `corrupted` or `placebo`. A curriculum of the server
    concerns only what is drawn or narrowed, never a plain seed.

    ## Episode End
    Terminated by the verdict; `info` has `outcome`, `components` and `truth`, a `forge_arena.types.Truth`, which is
    None on the sealed split `test`.
    Truncated after probe budget + 8 steps without a verdict (a use of a tool has a step of its own), or if the Worker
    or the arena failed. After a failure `info["outcome"]` is `worker_failed` or `infra_failed`, `info["reward"]` is
    None, and the 0.0 that `step` must return is no score. Leave such a step out of training and of any mean.

    ## Arguments
    - `url`: URL of a server, or an `ArenaClient`. The caller closes that client, and its `timeout` and `patience`
      limit how long a step takes.
    - `token`: bearer token, with a URL.
    - `split`: `train`, `val`, `test` or `public`.
    - `view`: `full`, `no_reasoning` or `answer_only`; by default what the server says.
    - `render_mode`: `ansi` (a text) or `human` (to the terminal).

    ## Copies
    Refused: an episode lives on the server, and takes one verdict. `ForgeArenaEnv` can be copied.

    ## Version History
    - v0: the first.
    """

    def __init__(
        self,
        url: str | ArenaClient,
        *,
        token: str | None = None,
        split: Split | str = Split.train,
        view: View | str | None = None,
        render_mode: str | None = None,
    ) -> None:
        super().__init__(render_mode)
        self._source = ServerSource(url, token, Split(split), View(view) if view else None)


class RemoteForgeArenaVectorEnv(_OnTheServer, VectorEnv[ObsType, ActType, NDArray[Any]]):
    """A batch of remote episodes: one request opens all of them, one request grades all verdicts.

    Spaces are those of `RemoteForgeArenaEnv`, batched by Gymnasium; so are rewards, ends and infos.

    As in Gymnasium's own vector environments, `reset(seed=7)` plays the episodes at the indices 7, 8 and so on, and
    `reset(seed=[7, 70, None])` gives each place a seed or draws its episode. `options={"keys": [...]}` names one for
    each place. Probes and tools are asked one by one, because the API has no batch of them.

    `autoreset_mode` is `NEXT_STEP` (Gymnasium's default: the step after an end resets and ignores its action) or
    `SAME_STEP` (the step that ends also resets; `infos["final_obs"]` and `infos["final_info"]` hold the end). If every
    action is a verdict, `SAME_STEP` wastes no step.
    """

    def __init__(
        self,
        url: str | ArenaClient,
        num_envs: int,
        *,
        token: str | None = None,
        split: Split | str = Split.train,
        view: View | str | None = None,
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
        self._source = ServerSource(url, token, Split(split), View(view) if view else None)
        self._filters = EVERYTHING
        self._seats: list[Seat[OpenedEpisode]] = []

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[ObsType, dict[str, Any]]:
        seeds = self._seeds(seed)
        super().reset(seed=next((seed for seed in seeds or () if seed is not None), None))
        keys, self._filters = read_options(options, "keys")
        if keys is None:
            self._seats = open_seats(self._source, self.np_random, self.num_envs, self._filters, seeds)
        elif len(keys) != self.num_envs:
            raise ValueError(f"keys must name {self.num_envs} episodes, one for each place, got {len(keys)}")
        else:
            self._seats = [Seat.of(episode) for episode in self._source.open_keys(keys)]
        return self._observations(), self._batch_infos([{"key": seat.key} for seat in self._seats])

    def step(self, actions: ActType) -> tuple[ObsType, NDArray[Any], NDArray[Any], NDArray[Any], dict[str, Any]]:
        if not self._seats:
            raise gymnasium.error.ResetNeeded("call reset() before step()")
        ended = self._places_over()
        turns = self._play(actions, ended)
        self._reseat(ended)
        for place in ended:
            turns[place] = Turn(0.0, False, False, {"key": self._seats[place].key})
        in_order = [turns[place] for place in range(self.num_envs)]
        infos = [turn.info for turn in in_order]
        if self._same_step:
            infos = self._reset_places_over(infos)
        return (
            self._observations(),
            np.array([turn.reward for turn in in_order], dtype=np.float64),
            np.array([turn.terminated for turn in in_order], dtype=np.bool_),
            np.array([turn.truncated for turn in in_order], dtype=np.bool_),
            self._batch_infos(infos),
        )

    def close_extras(self, **kwargs: Any) -> None:
        self._source.close()

    def _seeds(self, seed: int | Sequence[int | None] | None) -> list[int | None] | None:
        """The seed of each place."""
        if seed is None:
            return None
        seeds = list(seed) if isinstance(seed, Sequence) else [seed + place for place in range(self.num_envs)]
        if len(seeds) != self.num_envs:
            raise ValueError(f"seed must be one number, or {self.num_envs}, one for each place, got {len(seeds)}")
        return [None if seed is None else check_seed(seed) for seed in seeds]

    def _play(self, actions: ActType, ended: Sequence[int]) -> dict[int, Turn]:
        """Take the actions at all places except the `ended` ones: all verdicts in one request, then the rest."""
        verdicts: dict[int, Verdict] = {}
        questions: dict[int, str] = {}
        tools: dict[int, tuple[str, str]] = {}
        for place, action in enumerate(iterate(self.action_space, actions)):
            if place in ended:
                continue
            if int(action["kind"]) == PROBE:
                questions[place] = str(action["question"])
            elif int(action["kind"]) == TOOL:
                tools[place] = (str(action["tool"]), str(action["arguments"]))
            else:
                verdicts[place] = verdict_from_action(action)
        for place in (*questions, *tools, *verdicts):
            self._seats[place].steps += 1
        turns: dict[int, Turn] = {}
        if verdicts:
            seats = [self._seats[place] for place in verdicts]
            turns |= zip(verdicts, grade(self._source, seats, list(verdicts.values())), strict=True)
        for place, question in questions.items():
            turns[place] = ask(self._source, self._seats[place], question)
        for place, (name, arguments) in tools.items():
            turns[place] = use_tool(self._source, self._seats[place], name, arguments)
        return turns

    def _places_over(self) -> list[int]:
        return [place for place, seat in enumerate(self._seats) if seat.over]

    def _reset_places_over(self, infos: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """Open new episodes at the places whose episodes ended. The infos of these places hold the end as `final_*`."""
        infos = list(infos)
        places = self._places_over()
        final_observations = {place: to_arrays(self._seats[place].observation) for place in places}
        self._reseat(places)
        for place in places:
            infos[place] = {
                "key": self._seats[place].key,
                "final_obs": final_observations[place],
                FINAL: infos[place],
            }
        return infos

    def _reseat(self, places: Sequence[int]) -> None:
        if places:
            seats = open_seats(self._source, self.np_random, len(places), self._filters)
            for place, seat in zip(places, seats, strict=True):
                self._seats[place] = seat

    def _observations(self) -> ObsType:
        observations = [to_arrays(seat.observation) for seat in self._seats]
        batched: ObsType = {name: tuple(each[name] for each in observations) for name in observations[0]}
        return batched | {left: np.array(batched[left], dtype=np.int64) for left in ("probes_left", "tools_left")}

    def _batch_infos(self, infos: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """One info for the batch, as Gymnasium has it: for each name an array, and a mask of the places that have it.

        Gymnasium's own `_add_info` makes both, except for the names in `OPAQUE` and for the infos of ended episodes.
        """
        batched: dict[str, Any] = {}
        for place, info in enumerate(infos):
            plain = {name: value for name, value in info.items() if name not in (*OPAQUE, FINAL)}
            batched = self._add_info(batched, plain, place)
        for name in OPAQUE:
            mask = np.array([name in info for info in infos])
            if mask.any():
                batched[name] = np.full(self.num_envs, None, dtype=object)
                batched[name][:] = [info.get(name) for info in infos]
                batched[f"_{name}"] = mask
        final_infos = [info.get(FINAL, {}) for info in infos]
        if any(final_infos):
            batched[FINAL] = self._batch_infos(final_infos)
            batched[f"_{FINAL}"] = np.array([bool(info) for info in final_infos])
        return batched
