"""Copies of an environment: each at its own point of an episode, all with one Worker."""

import copy
import gc
import pickle
from collections.abc import Sequence
from random import Random

import gymnasium
import pytest

from forge_arena import ENV_ID
from forge_arena.env import ForgeArenaEnv
from forge_arena.errors import WorkerFailed
from forge_arena.reader import Reader
from forge_arena.spaces import probe_action, verdict_action
from forge_arena.types import Verdict
from forge_arena.workers import ScriptedWorker
from forge_arena.workers.base import Message

CLEAN = verdict_action(Verdict(detection=False, explanation="", correction="", confidence=0.7))


class Counted(ScriptedWorker):
    """Knows how often it was started and closed."""

    def __init__(self) -> None:
        super().__init__()
        self.started = self.closed = 0

    async def start(self) -> None:
        self.started += 1

    async def aclose(self) -> None:
        self.closed += 1


class CountedModel(Counted):
    """Also reads, and finds that every answer is borne out."""

    async def chat(self, messages: Sequence[Message], rng: Random) -> str:
        return "[]"


class Failing(Counted):
    """Fails to start the first time."""

    async def start(self) -> None:
        await super().start()
        if self.started == 1:
            raise WorkerFailed("not yet")


def test_a_copy_goes_on_from_the_same_point_of_the_same_episode() -> None:
    env = gymnasium.make(ENV_ID)
    env.reset(seed=2)
    seen = env.step(probe_action("Why?"))[0]
    twin = copy.deepcopy(env)
    refused, *_, info = twin.step(probe_action("Why again?"))
    assert refused == seen
    assert info["probe_refused"] == "all 1 probes of this episode are used"
    ends = [one.step(CLEAN) for one in (twin, env)]
    assert ends[0] == ends[1]
    assert twin.reset()[1] == env.reset()[1]
    for one in (twin, env):
        one.close()


def test_a_copy_plays_without_the_one_that_it_was_made_from() -> None:
    env = ForgeArenaEnv()
    env.reset(seed=2)
    twin, thin = copy.deepcopy(env), copy.copy(env)
    assert twin.step(CLEAN)[2]
    assert env.step(probe_action("Why?"))[0]["probes_left"] == 0
    env.close()
    assert thin.step(probe_action("Why?"))[0]["probes_left"] == 0
    assert twin.reset(seed=4)[1] == thin.reset(seed=4)[1]
    twin.close()
    thin.close()


def test_copies_share_a_worker_that_is_closed_by_the_last_of_them() -> None:
    worker = Counted()
    env = ForgeArenaEnv(worker)
    env.reset(seed=2)
    twin = copy.deepcopy(env)
    for _ in range(50):
        copy.deepcopy(env).step(CLEAN)
    gc.collect()
    twin.reset(seed=3)
    env.close()
    env.close()
    assert (worker.started, worker.closed) == (1, 0)
    twin.close()
    assert (worker.started, worker.closed) == (1, 1)
    twin.reset(seed=3)
    twin.close()
    assert (worker.started, worker.closed) == (2, 2)


def test_a_worker_that_could_not_be_started_is_started_again() -> None:
    worker = Failing()
    env = ForgeArenaEnv(worker)
    with pytest.raises(WorkerFailed, match="not yet"):
        env.reset(options={"key": "forge:5:train:7"})
    env.reset(options={"key": "forge:5:train:7"})
    env.close()
    assert (worker.started, worker.closed) == (2, 1)


def test_a_reader_is_started_and_closed_with_the_worker() -> None:
    worker, model = Counted(), CountedModel()
    env = ForgeArenaEnv(worker, reader=Reader(model))
    env.reset(seed=2)
    assert env.arena.counts["reader_asked"] > 0
    twin = copy.deepcopy(env)
    env.close()
    assert (model.started, model.closed) == (1, 0)
    twin.close()
    assert (worker.started, worker.closed, model.started, model.closed) == (1, 1, 1, 1)


def test_pickling_keeps_the_reader_and_what_it_counts() -> None:
    env = ForgeArenaEnv(reader=Reader(CountedModel()))
    env.reset(seed=2)
    twin = pickle.loads(pickle.dumps(env))
    asked = env.arena.counts["reader_asked"]
    twin.reset(seed=3)
    assert twin.arena.counts["reader_asked"] > asked == env.arena.counts["reader_asked"]
    for one in (env, twin):
        one.close()


def test_pickling_keeps_the_point_of_the_episode() -> None:
    env = ForgeArenaEnv()
    env.reset(seed=2)
    env.step(probe_action("Why?"))
    twin = pickle.loads(pickle.dumps(env))
    env.close()
    assert "probe_refused" in twin.step(probe_action("Why again?"))[4]
    assert twin.step(CLEAN)[2]
    twin.close()


@pytest.mark.parametrize("role", ["Worker", "reader"])
def test_a_model_with_connections_is_not_pickled_but_copied(role: str) -> None:
    spec = "openai:brain@http://127.0.0.1:9/v1"
    env = ForgeArenaEnv(spec) if role == "Worker" else ForgeArenaEnv(reader=spec)
    copy.deepcopy(env).close()
    says = rf"its {role} openai:brain holds what belongs to this process .*: make an env"
    with pytest.raises(TypeError, match=says):
        pickle.dumps(env)
