"""The arena as a trainer takes it: rows, rewards by key, and everything in another process too."""

import asyncio
import multiprocessing
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from forge_agents.client import ArenaClient, ArenaGarbled, BadArenaURL
from forge_agents.overseers.prompts import prompt
from forge_agents.trl import ForgeArena
from forge_agents.trl.arena import Column
from forge_agents.trl.rewards import COMPONENTS
from forge_arena.keys import Key
from forge_arena.rewards import weights
from forge_arena.types import Form, Verdict
from forge_arena.verdicts import messages, messages_with_tools, verdict_text
from forge_arena.wire import MAX_ATTEMPTS, Attempt

from ..conftest import TOKEN
from ..train.proxy import Json, Proxy, proxied

datasets = pytest.importorskip("datasets")


@pytest.fixture
def arena(arena_url: str) -> Iterator[ForgeArena]:
    with ForgeArena(arena_url, token=TOKEN, patience=5.0) as arena:
        yield arena


@pytest.fixture
def proxy(arena_url: str) -> Iterator[Proxy]:
    with proxied(arena_url) as proxy:
        yield proxy


def said(confidence: float = 0.8, *, detection: bool = True) -> str:
    return verdict_text(Verdict(detection=detection, explanation="", correction="", confidence=confidence))


def batch(rows: Any, *texts: str) -> dict[str, Any]:
    """What a trainer hands to every reward function: the texts on each of the rows."""
    some = [row for row in rows for _ in texts]
    return {
        "prompts": [row["prompt"] for row in some],
        "completions": [[{"role": "assistant", "content": text}] for _ in rows for text in texts],
        "completion_ids": [[1, 2]] * len(some),
        **{name: [row[name] for row in some] for name in ("key", "digest")},
    }


async def columns(functions: list[Column], given: dict[str, Any]) -> list[list[float | None]]:
    return list(await asyncio.gather(*(function(**given) for function in functions)))


def test_a_row_is_a_prompt_and_a_key(arena: ForgeArena, client: ArenaClient) -> None:
    rows = arena.dataset(3, start=5)
    assert rows.column_names == ["prompt", "key", "digest"]
    assert [Key.parse(key).index for key in rows["key"]] == [5, 6, 7]
    opened = client.open_episodes(keys=rows["key"]).episodes
    assert list(rows["prompt"]) == [messages(episode.observation) for episode in opened]
    assert list(rows["digest"]) == [episode.observation.digest for episode in opened]
    assert arena.dataset(3, start=5).to_list() == rows.to_list()


def test_a_dataset_takes_the_filters_of_the_arena(arena: ForgeArena) -> None:
    rows = arena.dataset(3, split="val", domain="code_review", form=Form.corrupted)
    assert {(Key.parse(key).split, Key.parse(key).form) for key in rows["key"]} == {("val", Form.corrupted)}
    with pytest.raises(ValueError, match="domian"):
        arena.dataset(3, domian="code_review")


def test_the_form_with_tools_differs_by_its_prompt_alone(arena: ForgeArena, client: ArenaClient) -> None:
    plain, tools = arena.dataset(2), arena.dataset(2, tools=True)
    opened = client.open_episodes(keys=plain["key"]).episodes
    assert list(tools["prompt"]) == [messages_with_tools(episode.observation) for episode in opened]
    assert tools.remove_columns("prompt").to_list() == plain.remove_columns("prompt").to_list()


def test_another_prompt_may_be_asked_for(arena_url: str, client: ArenaClient) -> None:
    with ForgeArena(arena_url, token=TOKEN, prompt="compact") as arena:
        rows = arena.dataset(1)
    (episode,) = client.open_episodes(keys=rows["key"]).episodes
    assert list(rows["prompt"]) == [prompt("compact")(episode.observation)]
    with pytest.raises(ValueError, match="no prompt is called 'compcat'"):
        ForgeArena(arena_url, prompt="compcat")


def test_a_wrong_url_is_refused_before_a_model_is_loaded() -> None:
    with pytest.raises(BadArenaURL, match="arena URL must come without /v1"):
        ForgeArena("http://127.0.0.1:8000/v1")


def test_a_sealed_split_is_refused_before_a_run(arena: ForgeArena, own_url: str) -> None:
    with pytest.raises(
        ValueError, match="the split test is sealed, and no reward comes back for it: give train or val"
    ):
        arena.dataset(2, split="test")
    with ForgeArena(own_url) as unsealed:
        assert len(unsealed.dataset(2, split="test")) == 2


async def test_the_components_add_up_to_the_reward_with_one_request_for_the_batch(
    arena_url: str, proxy: Proxy, client: ArenaClient
) -> None:
    arena = ForgeArena(proxy.url, token=TOKEN, patience=5.0)
    with ForgeArena(arena_url, token=TOKEN) as direct:
        rows = direct.dataset(3)
    given = batch(rows, said(), said(0.6), said(0.9, detection=False), "no idea")
    functions = arena.component_rewards()
    assert [function.__name__ for function in functions] == list(COMPONENTS)
    parts = await columns(functions, given)
    assert proxy.asked == ["/v1/episodes", "/v1/verdicts"]
    (whole,) = await columns([arena.reward], given)
    sums = [sum(value or 0.0 for value in row) for row in zip(*parts, strict=True)]
    assert sums == pytest.approx(whole, abs=1e-6)
    assert [whole[place] for place in (3, 7, 11)] == [0.0] * 3
    opened = client.open_episodes(keys=rows["key"]).episodes
    verdict = Verdict(detection=True, explanation="", correction="", confidence=0.8)
    kept = [r.reward for r in client.submit(Attempt(episode_id=e.episode_id, verdict=verdict) for e in opened)]
    assert whole[::4] == pytest.approx(kept)
    assert max(value or 0.0 for value in parts[0]) == pytest.approx(weights()["detection"])


async def test_a_later_epoch_plays_the_same_key_again(arena: ForgeArena) -> None:
    rows = arena.dataset(1)
    again = [await columns([arena.reward], batch(rows, said(), said(0.7))) for _ in range(3)]
    assert again[0] == again[1] == again[2]


async def test_a_group_may_be_larger_than_the_attempts_of_an_episode(arena: ForgeArena) -> None:
    rows = arena.dataset(1)
    texts = [said(0.5 + number / 200) for number in range(MAX_ATTEMPTS + 5)]
    (rewards,) = await columns([arena.reward], batch(rows, *texts))
    assert len(rewards) == MAX_ATTEMPTS + 5
    assert None not in rewards
    (last,) = await columns([arena.reward], batch(rows, texts[-1]))
    assert rewards[-1:] == last


async def test_a_worker_that_fails_is_no_score(moody: tuple[str, Path]) -> None:
    url, down = moody
    with ForgeArena(url, patience=60.0) as arena:
        rows = arena.dataset(2)
    down.touch()
    functions = [arena.reward, *arena.component_rewards()]
    assert await columns(functions, batch(rows, said(), said(0.7))) == [[None] * 4] * 5
    down.unlink()
    (rewards,) = await columns([arena.reward], batch(rows, said(), said(0.7)))
    assert None not in rewards


@pytest.mark.parametrize("outcome", ["infra_failed", "worker_failed"])
async def test_an_attempt_that_fails_is_no_score_and_the_others_are(proxy: Proxy, outcome: str) -> None:
    def fail(answer: Json) -> Json:
        answer["results"][1] |= {"outcome": outcome, "reward": None, "components": None, "reason": "down"}
        return answer

    with ForgeArena(proxy.url, token=TOKEN, patience=5.0) as arena:
        rows = arena.dataset(1)
        proxy.change = fail
        (rewards,) = await columns([arena.reward], batch(rows, said(), said(0.7), said(0.6)))
    assert [reward is None for reward in rewards] == [False, True, False]


async def test_another_observation_than_the_one_in_the_prompt_is_refused(arena: ForgeArena) -> None:
    given = batch(arena.dataset(1), said())
    given["digest"] = ["0" * 16]
    with pytest.raises(ArenaGarbled, match=r"is another than the one in the dataset.*Make the dataset anew"):
        await columns([arena.reward], given)


async def test_the_metrics_reach_a_trainer_that_takes_them(arena: ForgeArena) -> None:
    logged: dict[str, float] = {}
    given = batch(arena.dataset(1), said(), said(detection=False), "no idea")
    await columns([arena.reward], {**given, "log_metric": logged.__setitem__})
    assert logged["verdicts/flagged"] == 0.5
    assert logged["verdicts/invalid"] == pytest.approx(1 / 3)


def score_elsewhere(pickled: bytes, given: dict[str, Any], key: str, digest: str) -> list[Any]:
    """Run in another process: the four columns of a batch, and the reward of a rollout."""
    functions, make_environment = pickle.loads(pickled)
    parts = asyncio.run(columns(functions, given))
    environment = make_environment()
    environment.reset(key=key, digest=digest)
    environment.submit_verdict(True, "", "", 0.8)
    return [parts, environment.get_reward()]


async def test_rewards_and_environments_work_in_a_process_of_their_own(
    arena: ForgeArena, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The process imports this module to find `score_elsewhere`.
    monkeypatch.syspath_prepend(str(Path(__file__).parents[3]))
    rows = arena.dataset(1)
    given = batch(rows, said(), said(0.6))
    functions = arena.component_rewards()
    pickled = pickle.dumps((functions, arena.environment))
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        parts, reward = pool.apply(score_elsewhere, (pickled, given, rows[0]["key"], rows[0]["digest"]))
    assert parts == await columns(functions, given)
    assert reward == pytest.approx(sum(part[0] for part in parts))


def test_a_token_is_not_shown(arena: ForgeArena) -> None:
    assert TOKEN not in repr(arena)
    assert TOKEN not in repr(arena.environment)
    assert TOKEN not in repr(arena.reward)
