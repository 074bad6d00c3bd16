"""The arena's rewards as columns for a trainer: one request a batch, and a failure is never a score."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from random import Random
from statistics import fmean, pstdev
from typing import Any

import pytest

from forge_agents.client import ArenaClient, ArenaGarbled, ArenaRefused, ArenaUnreachable, AsyncArenaClient
from forge_agents.evaluation import evaluate
from forge_agents.trl.rewards import COMPONENTS, ArenaReward, RewardFunction, Scored, text_of
from forge_arena.rewards import weights
from forge_arena.types import MAX_COMPLETION, Observation, Outcome, Verdict
from forge_arena.verdicts import verdict_text

from ...server_process import running
from ..conftest import TOKEN
from ..train.conftest import SERVE
from ..train.proxy import Json, Proxy, proxied

Column = list[float | None]


def said(*, detection: bool = True, confidence: float = 0.8) -> str:
    return verdict_text(
        Verdict(detection=detection, explanation="temporal_shift", correction="", confidence=confidence)
    )


@pytest.fixture
def proxy(arena_url: str) -> Iterator[Proxy]:
    with proxied(arena_url) as proxy:
        yield proxy


class Batch:
    """What a trainer hands to every reward function: `attempts` completions on each of some episodes."""

    def __init__(self, client: ArenaClient, episodes: int, attempts: int, *texts: str) -> None:
        opened = client.open_episodes(count=episodes, attempts=attempts).episodes
        self.ids = [one.episode_id for one in opened for _ in range(attempts)]
        self.logged: dict[str, Any] = {}
        some = texts or (said(), said(detection=False, confidence=0.9), said(confidence=0.6), "no idea")
        self.given: dict[str, Any] = {
            "prompts": [None] * len(self.ids),
            "completions": [some[number % len(some)] for number in range(len(self.ids))],
            "episode_id": self.ids,
            "key": [one.key for one in opened for _ in range(attempts)],
            "log_metric": self.logged.__setitem__,
            "log_extra": self.logged.__setitem__,
        }

    async def columns(self, functions: list[RewardFunction]) -> list[Column]:
        """All columns, asked for at once as TRL does."""
        return list(await asyncio.gather(*(function(**self.given) for function in functions)))


def summed(columns: list[Column]) -> Column:
    """The columns, added up by the weights."""
    return [
        None if row[0] is None else sum(w * (v or 0.0) for w, v in zip(weights().values(), row, strict=True))
        for row in zip(*columns, strict=True)
    ]


Rewarding = Callable[..., ArenaReward]


@pytest.fixture
async def rewarding() -> AsyncIterator[Rewarding]:
    """Makes the reward of an arena; all clients are closed at the end."""
    async with AsyncExitStack() as stack:

        def make(url: str, *, token: str | None = TOKEN, patience: float = 5.0, **settings: Any) -> ArenaReward:
            client = AsyncArenaClient(url, token=token, patience=patience)
            stack.push_async_callback(client.aclose)
            return ArenaReward(client, **settings)

        yield make


async def test_four_columns_are_one_request_and_the_next_batch_is_another(
    client: ArenaClient, proxy: Proxy, rewarding: Rewarding
) -> None:
    functions, weights = rewarding(proxy.url).functions()
    assert [function.__name__ for function in functions] == list(COMPONENTS)
    assert weights == [0.4, 0.3, 0.2, 0.1]
    columns = await Batch(client, 2, 4).columns(functions)
    assert proxy.asked == ["/v1/verdicts"]
    assert {len(column) for column in columns} == {8}
    await Batch(client, 2, 4).columns(functions)
    assert proxy.asked == ["/v1/verdicts"] * 2


async def test_the_columns_add_up_to_the_rewards_of_the_arena(
    client: ArenaClient, arena_url: str, rewarding: Rewarding
) -> None:
    batch = Batch(client, 6, 4)
    columns = await batch.columns(rewarding(arena_url).functions()[0])
    kept = [r.reward for id in dict.fromkeys(batch.ids) for r in client.state(id).results]
    assert summed(columns) == pytest.approx(kept, abs=1e-6)
    assert len({round(reward or 0.0, 3) for reward in kept}) > 3


async def test_what_cannot_be_read_earns_0_in_every_column(
    client: ArenaClient, arena_url: str, rewarding: Rewarding
) -> None:
    columns = await Batch(client, 1, 4).columns(rewarding(arena_url).functions()[0])
    assert [column[3] for column in columns] == [0.0] * 4
    assert all(column[0] is not None for column in columns)


async def test_attempts_on_one_episode_are_numbered_in_the_order_of_the_batch(
    client: ArenaClient, arena_url: str, rewarding: Rewarding
) -> None:
    batch = Batch(client, 2, 3, *(said(confidence=0.5 + number / 10) for number in range(5)))
    # Spread over the batch, as a trainer may: those of one episode still count from 0.
    batch.ids[:] = batch.ids[::3] + batch.ids[1::3] + batch.ids[2::3]
    scored = await rewarding(arena_url).score(batch.ids, batch.given["completions"])
    made = [(r.episode_id, r.attempt) for r in scored.results if r is not None]
    assert made == [(id, number) for number in range(3) for id in batch.ids[:2]]


async def test_an_episode_that_is_gone_fails_and_the_others_are_scored(
    client: ArenaClient, arena_url: str, rewarding: Rewarding
) -> None:
    batch = Batch(client, 3, 2, said())
    client.delete(batch.ids[2])
    columns = await batch.columns(rewarding(arena_url).functions()[0])
    for column in columns:
        assert column[2:4] == [None, None]
        assert None not in column[:2] + column[4:]
    assert batch.logged["outcome"] == ["scored"] * 2 + ["infra_failed"] * 2 + ["scored"] * 2
    assert batch.logged["verdicts/failed"] == pytest.approx(1 / 3)


async def test_a_verdict_after_which_a_cut_completion_goes_on_is_scored_and_counted(
    client: ArenaClient, arena_url: str, rewarding: Rewarding
) -> None:
    end = 2
    batch = Batch(client, 1, 4, said(), said(), said() + " But then", said() + " But then")
    batch.given["completion_ids"] = [[5, end], [5, 7], [5, end], [5, 7]]
    columns = await batch.columns(rewarding(arena_url, ends={end}).functions()[0])
    # Only the last one was cut and goes on: the second was cut behind its verdict, the third ended by itself.
    assert batch.logged["verdicts/cut"] == 1 / 4
    assert len({tuple(row) for row in zip(*columns, strict=True)}) == 1


@pytest.mark.parametrize("outcome", ["infra_failed", "worker_failed"])
async def test_a_failure_of_the_arena_is_no_score(
    client: ArenaClient, proxy: Proxy, outcome: str, rewarding: Rewarding
) -> None:
    def fail(answer: Json) -> Json:
        answer["results"][1] |= {"outcome": outcome, "reward": None, "components": None, "reason": "down"}
        return answer

    proxy.change = fail
    columns = await Batch(client, 1, 3, said()).columns(rewarding(proxy.url).functions()[0])
    assert [[value is None for value in column] for column in columns] == [[False, True, False]] * 4


async def test_a_lost_answer_is_asked_for_again_and_is_the_same(
    client: ArenaClient, proxy: Proxy, rewarding: Rewarding
) -> None:
    batch = Batch(client, 2, 4)
    proxy.losing = 2
    columns = await batch.columns(rewarding(proxy.url).functions()[0])
    assert proxy.asked == ["/v1/verdicts"] * 3
    kept = [r.reward for id in dict.fromkeys(batch.ids) for r in client.state(id).results]
    assert summed(columns) == pytest.approx(kept, abs=1e-6)


async def test_a_reward_that_is_not_the_sum_of_its_components_is_garbled(
    client: ArenaClient, proxy: Proxy, rewarding: Rewarding
) -> None:
    def pay_more(answer: Json) -> Json:
        answer["results"][0]["reward"] += 0.01
        return answer

    proxy.change = pay_more
    with pytest.raises(
        ArenaGarbled, match=r"is not the weighted sum of its components 0\.\d{4}: trainer and arena must"
    ):
        await Batch(client, 1, 2, said()).columns(rewarding(proxy.url).functions()[0])


async def test_an_arena_that_stays_away_is_unreachable_after_the_patience_and_scores_nothing(
    tmp_path: Path, rewarding: Rewarding
) -> None:
    with running(*SERVE, "--port", "0", "--store", f"sqlite:///{tmp_path}/own.db") as url, ArenaClient(url) as client:
        batch = Batch(client, 1, 2, said())
    told: list[Scored] = []
    reward = rewarding(url, patience=0.5, on_scored=lambda keys, scored: told.append(scored))
    with pytest.raises(ArenaUnreachable, match=f"no answer from the arena at {url}"):
        await batch.columns(reward.functions()[0])
    assert told == []


async def test_a_refusal_that_concerns_the_whole_batch_is_raised(
    client: ArenaClient, arena_url: str, rewarding: Rewarding
) -> None:
    with pytest.raises(ArenaRefused, match="token"):
        await Batch(client, 1, 2, said()).columns(rewarding(arena_url, token=None).functions()[0])


async def test_shuffled_rewards_are_the_same_ones_dealt_out_anew(
    client: ArenaClient, arena_url: str, rewarding: Rewarding
) -> None:
    batch = Batch(client, 8, 4)
    columns = await batch.columns(rewarding(arena_url, shuffle=Random(3)).functions()[0])
    kept = [r.reward for id in dict.fromkeys(batch.ids) for r in client.state(id).results]
    assert sorted(summed(columns)) == pytest.approx(sorted(kept), abs=1e-6)  # type: ignore[type-var]
    assert summed(columns) != pytest.approx(kept, abs=1e-6)
    plain = await batch.columns(rewarding(arena_url).functions()[0])
    assert summed(plain) == pytest.approx(kept, abs=1e-6)


async def test_whoever_wants_to_know_is_told_the_keys_and_their_own_scores_once_a_batch(
    client: ArenaClient, arena_url: str, rewarding: Rewarding
) -> None:
    told: list[tuple[list[str], Scored]] = []
    batch = Batch(client, 2, 4)
    reward = rewarding(arena_url, on_scored=lambda keys, scored: told.append((list(keys), scored)), shuffle=Random(3))
    await batch.columns(reward.functions()[0])
    ((keys, scored),) = told
    assert keys == batch.given["key"] == batch.logged["key"]
    assert [r.episode_id for r in scored.results if r is not None] == batch.ids


async def test_the_metrics_are_shares_of_what_was_written(
    client: ArenaClient, arena_url: str, rewarding: Rewarding
) -> None:
    batch = Batch(client, 2, 4)
    await batch.columns(rewarding(arena_url).functions()[0])
    stated = [0.8, 0.9, 0.6]
    assert {name: value for name, value in batch.logged.items() if name.startswith("verdicts/")} == {
        "verdicts/invalid": 0.25,
        "verdicts/failed": 0.0,
        "verdicts/flagged": pytest.approx(2 / 3),
        "verdicts/confidence": pytest.approx(fmean(stated)),
        "verdicts/confidence_std": pytest.approx(pstdev(stated)),
    }
    assert batch.logged["outcome"] == (["scored"] * 3 + ["invalid_verdict"]) * 2


async def test_where_nothing_can_be_read_there_is_no_mean_confidence(
    client: ArenaClient, arena_url: str, rewarding: Rewarding
) -> None:
    batch = Batch(client, 1, 2, "no idea")
    scored = await rewarding(arena_url).score(batch.ids, batch.given["completions"])
    assert scored.metrics() == {"verdicts/invalid": 1.0, "verdicts/failed": 0.0}
    assert scored.rewards == [0.0, 0.0]


async def test_what_the_wire_would_refuse_is_an_invalid_verdict(
    client: ArenaClient, arena_url: str, rewarding: Rewarding
) -> None:
    batch = Batch(client, 1, 3)
    texts = ["x" * (MAX_COMPLETION + 9), "half a character: \ud83d", said().replace("0.8", "\ud83d")]
    scored = await rewarding(arena_url).score(batch.ids, texts)
    assert {r.outcome for r in scored.results if r} == {Outcome.invalid_verdict}


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        (said().replace('"explanation": "', '"explanation": "\ud83d'), Outcome.scored),
        (said().replace('"explanation": "', r'"explanation": "\ud83d'), Outcome.invalid_verdict),
        ("<think>" + "It may be so. " * 9_000 + "</think>" + said(), Outcome.scored),
        ("<think>" + "It may be so. " * 9_000 + said(), Outcome.invalid_verdict),
        (said() + " " * MAX_COMPLETION, Outcome.invalid_verdict),
    ],
    ids=["half", "escaped half", "thoughts", "endless thoughts", "too long"],
)
async def test_training_reads_a_completion_as_an_evaluation_does(
    client: ArenaClient, arena_url: str, rewarding: Rewarding, text: str, outcome: Outcome
) -> None:
    class Says:
        name = "says"

        def review(self, observations: Sequence[Observation]) -> list[str]:
            return [text] * len(observations)

    batch = Batch(client, 1, 1)
    scored = await rewarding(arena_url).score(batch.ids, [text])
    found = await asyncio.to_thread(evaluate, Says(), arena=client, split="train", episodes=1)
    assert [r.outcome for r in scored.results if r] == [row.outcome for row in found.rows] == [outcome]
    assert (scored.verdicts[0] is not None) == (outcome is Outcome.scored)


def test_the_text_of_a_completion_is_read_from_a_chat_too() -> None:
    assert text_of("so") == text_of([{"role": "assistant", "content": "so"}]) == "so"


def test_scoring_needs_neither_torch_nor_a_trainer() -> None:
    code = "import sys, forge_agents.trl.rewards; sys.exit(bool({'torch', 'trl', 'transformers'} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
