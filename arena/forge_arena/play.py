"""Play episodes under Gymnasium's contract, wherever the episodes are made.

An `EpisodeSource` opens episodes, answers probes and grades verdicts: an arena in this process, or a server.
`OverseerEnv` is one environment over any source. A vector environment plays many seats with the same functions.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, Protocol, Self, SupportsFloat, TypeVar

import gymnasium
import numpy as np
from pydantic import ValidationError

from forge_arena.keys import MAX_INDEX, Filters, Key
from forge_arena.present import episode_panels, panels_as_text, print_panels
from forge_arena.spaces import (
    MAX_TOOL_NAME,
    PROBE,
    TOOL,
    ActType,
    ObsType,
    action_space,
    observation_space,
    to_arrays,
    verdict_from_action,
)
from forge_arena.storable import storable_json
from forge_arena.types import Observation, Probe, ToolUse, Truth, Verdict, View
from forge_arena.wire import MAX_QUESTION, ProbeAnswered, ToolAnswered

STEPS_BEYOND_PROBES = 8
_TOOL_NAME = re.compile(rf"[a-zA-Z][a-zA-Z0-9_]{{0,{MAX_TOOL_NAME - 1}}}", re.ASCII)
RESET_TRIES = 8


class Playable(Protocol):
    """An episode as every source gives it."""

    @property
    def key(self) -> str: ...

    @property
    def observation(self) -> Observation: ...


EpisodeT = TypeVar("EpisodeT", bound=Playable)


@dataclass(frozen=True, slots=True)
class Opened(Generic[EpisodeT]):
    """The episodes that could be opened. If some could not, `failure` says why."""

    episodes: Sequence[EpisodeT]
    failure: Exception | None = None


@dataclass(frozen=True, slots=True)
class OpenedAt(Generic[EpisodeT]):
    """An episode for each index that was asked for, None if it could not be opened. `failure` then says why."""

    episodes: Sequence[EpisodeT | None]
    failure: Exception | None = None


@dataclass(frozen=True, slots=True)
class Ending:
    """How an episode ended. A `reward` of None is no score, because the Worker or the arena failed.

    `info` is added to the info of the last step. `truth` is None if it stays hidden.
    """

    reward: float | None
    info: Mapping[str, Any]
    truth: Truth | None = None


class EpisodeSource(Protocol[EpisodeT]):
    """Where the episodes of an environment are opened and graded."""

    def open(self, start: int, count: int, filters: Filters) -> Opened[EpisodeT]:
        """Open the next `count` episodes, from index `start` on, that pass the filters."""
        ...

    def open_at(self, indices: Sequence[int], filters: Filters) -> OpenedAt[EpisodeT]:
        """Open the episode of each index, or the next one from there on that passes narrow filters."""
        ...

    def open_keys(self, keys: Sequence[str]) -> Sequence[EpisodeT]:
        """Open the episodes that the keys name, all of them or none."""
        ...

    def probe(self, episode: EpisodeT, probes: tuple[Probe, ...], question: str) -> ProbeAnswered | Ending:
        """The Worker's answer to a question, after the earlier `probes`. An ending if the Worker failed."""
        ...

    def use_tool(
        self, episode: EpisodeT, uses: tuple[ToolUse, ...], name: str, arguments: dict[str, Any]
    ) -> ToolAnswered | Ending:
        """What a tool other than `probe` says, after the earlier `uses`. An ending if the arena failed."""
        ...

    def grade(self, episodes: Sequence[EpisodeT], verdicts: Sequence[Verdict]) -> Sequence[Ending]:
        """The endings of the episodes, each by its verdict."""
        ...

    def close(self) -> None: ...


@dataclass(slots=True)
class Seat(Generic[EpisodeT]):
    """One episode in play: what the overseer sees of it now, and what became of it."""

    episode: EpisodeT
    observation: Observation
    probes: int
    steps: int = 0
    verdict: Verdict | None = None
    truth: Truth | None = None
    over: bool = False

    @classmethod
    def of(cls, episode: EpisodeT, view: View = View.full) -> Self:
        return cls(episode, episode.observation.in_view(view), episode.observation.probes_left)

    @property
    def key(self) -> str:
        return self.episode.key

    @property
    def steps_used_up(self) -> bool:
        """Whether the next step would be one too many. A probe and a counted use of a tool have steps of their own."""
        return self.steps >= self.probes + len(self.observation.tool_uses) + STEPS_BEYOND_PROBES

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        # Everything that a seat holds is frozen. A tree search copies seats by the thousand.
        return replace(self)


@dataclass(frozen=True, slots=True)
class Turn:
    """The outcome of one step for one seat."""

    reward: float
    terminated: bool
    truncated: bool
    info: dict[str, Any]


def read_options(options: Mapping[str, Any] | None, naming: str) -> tuple[Any, Filters]:
    """The options of a reset.

    Args:
        naming: the option that names what to play, `key` or `keys`.

    Returns:
        The value of that option or None, and the filters.

    Raises:
        ValueError: an option is unknown or has a wrong value, or filters are given beside the option `naming`.
    """
    settings = {name: value for name, value in (options or {}).items() if value is not None}
    named = settings.pop(naming, None)
    if unknown := sorted((options or {}).keys() - {naming, *Filters.model_fields}):
        raise ValueError(f"unknown options {unknown}; known are {naming}, {', '.join(Filters.model_fields)}")
    if named is not None and settings:
        raise ValueError(f"option {naming} names what to play by itself; leave out {', '.join(sorted(settings))}")
    try:
        return named, Filters(**settings)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        wanted = first["msg"].removeprefix("Input should be ")
        raise ValueError(f"option {first['loc'][0]} must be {wanted}, got {first['input']!r}") from None


def open_runs(source: EpisodeSource[EpisodeT], runs: Sequence[Sequence[int]], filters: Filters) -> OpenedAt[EpisodeT]:
    """For each run of neighbouring indices, open as many episodes from its first index on."""
    episodes: list[EpisodeT | None] = []
    failure: Exception | None = None
    for run in runs:
        opened = source.open(run[0], len(run), filters)
        episodes += [*opened.episodes, *[None] * (len(run) - len(opened.episodes))]
        failure = failure or opened.failure
    return OpenedAt(episodes, failure)


def neighbours(indices: Sequence[int]) -> list[list[int]]:
    """The indices in runs of neighbours: [7, 8, 9, 70] is [7, 8, 9] and [70]. Narrow filters that searched from each of
    three neighbours would find one episode three times."""
    runs: list[list[int]] = []
    for index in indices:
        if runs and runs[-1][-1] + 1 == index:
            runs[-1].append(index)
        else:
            runs.append([index])
    return runs


def check_seed(seed: int) -> int:
    """A seed as the index that it is. Raises `ValueError` if there is no such index."""
    if not 0 <= seed < MAX_INDEX:
        raise ValueError(f"a seed is the index of an episode, 0 to 2**53 - 1, got {seed}")
    return int(seed)


def open_seats(
    source: EpisodeSource[EpisodeT],
    rng: np.random.Generator,
    count: int,
    filters: Filters,
    seeds: Sequence[int | None] | None = None,
    view: View = View.full,
) -> list[Seat[EpisodeT]]:
    """Open an episode for each seat: at the index that its seed is, otherwise at an index that the generator draws.

    If the Worker fails at an episode, further indices are drawn for its seat.

    Raises:
        Exception: what the source gave as its failure, if `RESET_TRIES` tries did not open all episodes.
    """
    episodes: list[EpisodeT | None] = [None] * count
    failure: Exception | None = None
    tries = RESET_TRIES
    if seeded := [place for place, seed in enumerate(seeds or ()) if seed is not None]:
        assert seeds is not None
        at = source.open_at([seed for seed in seeds if seed is not None], filters)
        for place, episode in zip(seeded, at.episodes, strict=True):
            episodes[place] = episode
        failure, tries = at.failure, RESET_TRIES - 1
    for _ in range(tries):
        empty = [place for place, episode in enumerate(episodes) if episode is None]
        if not empty:
            break
        opened = source.open(int(rng.integers(2**31)), len(empty), filters)
        for place, drawn in zip(empty, opened.episodes, strict=False):
            episodes[place] = drawn
        failure = opened.failure or failure
    ready = [Seat.of(episode, view) for episode in episodes if episode is not None]
    if len(ready) < count:
        raise failure or RuntimeError(f"only {len(ready)} of {count} episodes could be opened in {RESET_TRIES} tries")
    return ready


def ask(source: EpisodeSource[EpisodeT], seat: Seat[EpisodeT], question: str) -> Turn:
    """Put a question to the Worker, if it is one and the episode has a probe left."""
    info: dict[str, Any] = {"key": seat.key}
    if seat.observation.probes_left == 0:
        info["probe_refused"] = f"all {seat.probes} probes of this episode are used"
    elif not 1 <= len(question) <= MAX_QUESTION:
        # A server takes no other question, and seats play alike wherever their episodes are made.
        info["probe_refused"] = f"a question has 1 to {MAX_QUESTION} characters, got {len(question)}"
    else:
        probes = seat.observation.probes
        answer = source.probe(seat.episode, probes, question)
        if isinstance(answer, Ending):
            return _end(seat, answer)
        seat.observation = seat.observation.model_copy(
            update={"probes": (*probes, answer.probe), "probes_left": answer.probes_left}
        )
    seat.over = seat.steps_used_up
    return Turn(0.0, False, seat.over, info)


def use_tool(source: EpisodeSource[EpisodeT], seat: Seat[EpisodeT], name: str, arguments: str) -> Turn:
    """Use a tool, if the episode offers it and its budget allows it. `arguments` are a JSON object."""
    if not _TOOL_NAME.fullmatch(name):
        return _refused(seat, "there is no such tool: the name of a tool has letters, digits and _ only")
    try:
        given = storable_json(arguments or "{}")
    except ValueError:
        given = None
    if not isinstance(given, dict):
        return _refused(seat, 'the arguments must be a JSON object, such as {"query": "refund window"}')
    if name == "probe" and isinstance(given.get("question"), str):
        return ask(source, seat, given["question"])
    answer = source.use_tool(seat.episode, seat.observation.tool_uses, name, given)
    if isinstance(answer, Ending):
        return _end(seat, answer)
    if not answer.counted:
        return _refused(seat, answer.result)
    use = ToolUse(name=name, arguments=given, ok=answer.ok, result=answer.result, cost=answer.cost)
    uses = seat.observation.tool_uses
    seat.observation = seat.observation.model_copy(
        update={"tool_uses": uses if use in uses else (*uses, use), "tools_left": answer.tools_left}
    )
    seat.over = seat.steps_used_up
    return Turn(0.0, False, seat.over, {"key": seat.key})


def _refused(seat: Seat[EpisodeT], why: str) -> Turn:
    """A step in which a tool was not used. The overseer reads why."""
    seat.over = seat.steps_used_up
    return Turn(0.0, False, seat.over, {"key": seat.key, "tool_refused": why})


def grade(source: EpisodeSource[EpisodeT], seats: Sequence[Seat[EpisodeT]], verdicts: Sequence[Verdict]) -> list[Turn]:
    """End each episode with its verdict."""
    for seat, verdict in zip(seats, verdicts, strict=True):
        seat.verdict = verdict
    endings = source.grade([seat.episode for seat in seats], verdicts)
    return [_end(seat, ending) for seat, ending in zip(seats, endings, strict=True)]


def _end(seat: Seat[EpisodeT], ending: Ending) -> Turn:
    seat.over, seat.truth = True, ending.truth
    failed = ending.reward is None
    cost = sum(use.cost for use in seat.observation.tool_uses)
    info = {"key": seat.key, **ending.info} | ({} if failed else {"tool_cost": cost})
    return Turn(ending.reward or 0.0, not failed, failed, info)


class OverseerEnv(gymnasium.Env[ObsType, ActType], Generic[EpisodeT]):
    """One episode at a time from a source, from `reset` to the verdict. Subclasses set `_source`."""

    metadata = {"render_modes": ["human", "ansi"], "render_fps": 1}

    _source: EpisodeSource[EpisodeT]

    def __init__(self, render_mode: str | None, view: View = View.full) -> None:
        if render_mode is not None and render_mode not in self.metadata["render_modes"]:
            raise ValueError(f"render_mode must be one of {self.metadata['render_modes']}, got {render_mode!r}")
        self.render_mode = render_mode
        self.observation_space = observation_space()
        self.action_space = action_space()
        self._view = view
        self._seat: Seat[EpisodeT] | None = None

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[ObsType, dict[str, Any]]:
        super().reset(seed=seed)
        key, filters = read_options(options, "key")
        if key is None:
            seeds = None if seed is None else [check_seed(seed)]
            (seat,) = open_seats(self._source, self.np_random, 1, filters, seeds, self._view)
        else:
            (seat,) = (Seat.of(episode, self._view) for episode in self._source.open_keys([key]))
        self._seat = seat
        if self.render_mode == "human":
            self.render()
        return to_arrays(seat.observation), {"key": seat.key, "suite": Key.parse(seat.key).suite_and_version}

    def step(self, action: ActType) -> tuple[ObsType, SupportsFloat, bool, bool, dict[str, Any]]:
        seat = self._seat
        if seat is None:
            raise gymnasium.error.ResetNeeded("call reset() before step()")
        if seat.over:
            raise gymnasium.error.ResetNeeded("the episode has ended; call reset()")
        seat.steps += 1
        if int(action["kind"]) == PROBE:
            turn = ask(self._source, seat, str(action["question"]))
        elif int(action["kind"]) == TOOL:
            turn = use_tool(self._source, seat, str(action["tool"]), str(action["arguments"]))
        else:
            (turn,) = grade(self._source, [seat], [verdict_from_action(action)])
            if self.render_mode == "human":
                self.render()
        return to_arrays(seat.observation), turn.reward, turn.terminated, turn.truncated, turn.info

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
        self._source.close()
