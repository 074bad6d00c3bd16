"""One rollout with tools: an episode that a model reads, asks about, and ends by the tool `submit_verdict`.

TRL makes an `OverseerEnvironment` for each rollout of a batch by calling `environment_factory`, and uses it again for
the next batch. Each public method but `reset` and `get_reward` is a tool (`forge_agents.overseers.tools`). Every
rollout plays an episode of its own, so that no rollout sees the probes of another.

TRL turns an exception in a tool into a message to the model. That is right if the model asked wrongly. It is wrong if
the arena failed, because the rollout would then be scored like any other. So a rollout keeps a failure, and its result
says what it means.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from forge_agents.client import ArenaClient, ArenaError, ArenaRefused
from forge_agents.overseers.tools import OVER, OverseerTools
from forge_agents.trl.rewards import GONE, check_digest, check_sum
from forge_arena.rewards import weights
from forge_arena.types import Verdict
from forge_arena.wire import Attempt, AttemptResult, OpenedEpisode

Answer = TypeVar("Answer", str, None)

# What a rollout without a verdict submits: a text that the arena cannot read as a verdict earns 0.
NO_VERDICT = ""
# The code of a refusal that a model earns by what it asks. It may go on without an answer.
ASKED_WRONGLY = "invalid_request"


class Rollout(OverseerTools):
    """An episode in play, without a reward of its own: `result_of` gives its result.

    Arguments:
        client: makes the client with which its requests are sent; several may share one.
        paid: the weights by which the arena pays; by default the standard ones.

    Attributes:
        verdict: the verdict that was given; None if there is none yet.
    """

    def __init__(self, client: Callable[[], ArenaClient], paid: Callable[[], Mapping[str, float]] = weights) -> None:
        self._client, self._paid = client, paid
        self._episode: OpenedEpisode | None = None
        self._result: AttemptResult | None = None
        self._failure: ArenaError | None = None
        self.verdict: Verdict | None = None

    def reset(self, *, key: str, digest: str, episode_id: str | None = None, **row: Any) -> None:
        """Open the episode of a row, whose prompt has shown the episode already.

        If the row has an `episode_id`, that episode is opened again as it was made. Otherwise the arena makes the
        episode of the key anew.
        """
        self._episode = self._result = self._failure = self.verdict = None
        client = self._client()
        try:
            opened = (
                client.open_episodes(keys=[key]) if episode_id is None else client.open_episodes(again=[episode_id])
            )
        except ArenaRefused as refusal:
            if not _is_failure(refusal):
                raise
            self._failure = refusal
            return
        (self._episode,) = opened.episodes
        check_digest(self._episode, digest)

    def _use(self, name: str, **arguments: Any) -> str:
        return self._ask(lambda client, episode: client.use_tool(episode.episode_id, name, arguments))

    def _submit(self, verdict: Verdict) -> None:
        self._ask(lambda client, episode: self._give(client, Attempt(episode_id=episode.episode_id, verdict=verdict)))
        self.verdict = verdict

    def _ask(self, request: Callable[[ArenaClient, OpenedEpisode], Answer]) -> Answer:
        """What the arena says. A failure of the arena is kept for the result."""
        if self._failure is not None or self._episode is None:
            raise ValueError("the episode failed: no tool can be used")
        if self._result is not None:
            raise ValueError(OVER)
        try:
            return request(self._client(), self._episode)
        except ArenaError as error:
            if not (isinstance(error, ArenaRefused) and error.code == ASKED_WRONGLY):
                self._failure = error
            raise

    def _give(self, client: ArenaClient, attempt: Attempt) -> None:
        (self._result,) = client.submit([attempt])
        check_sum(self._result, self._paid())

    def _end(self) -> AttemptResult | None:
        """As `result_of`. It is private, because TRL takes a public method for a tool."""
        if self._failure is None and self._result is None and self._episode is not None:
            empty = Attempt(episode_id=self._episode.episode_id, completion=NO_VERDICT)
            try:
                self._give(self._client(), empty)
            except ArenaError as failure:
                self._failure = failure
        if self._failure is not None:
            if _is_failure(self._failure):
                return None
            raise self._failure
        return self._result


class OverseerEnvironment(Rollout):
    """An episode in play, which gives its reward itself."""

    def get_reward(self) -> float | None:
        """The arena's reward, 0 to 1; 0 if the rollout gave no verdict; None if its episode failed.

        Raises:
            ArenaError: the arena could not be reached, or refused a request of this rollout.
        """
        result = result_of(self)
        return None if result is None else result.reward


def result_of(rollout: Rollout) -> AttemptResult | None:
    """The arena's result of a rollout, which ends here if it gave no verdict; None if its episode failed.

    Raises:
        ArenaError: the arena could not be reached, or refused a request of this rollout.
    """
    return rollout._end()


def _is_failure(error: ArenaError) -> bool:
    """Whether an error concerns one episode: its Worker failed, or it is gone. Any other error concerns the run."""
    return isinstance(error, ArenaRefused) and (error.outcome is not None or error.code in GONE)
