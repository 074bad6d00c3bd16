"""The example that shows GRPO in one file: its formulas on small cases, and a few steps against a real arena."""

import importlib.util
import math
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from forge_agents.client import ArenaClient  # noqa: E402
from forge_agents.models import Loaded, load_model  # noqa: E402
from forge_arena.verdicts import messages  # noqa: E402

from .conftest import Served  # noqa: E402
from .proxy import Json, proxied  # noqa: E402

FILE = Path(__file__).parents[3] / "agents" / "examples" / "grpo.py"


def load_example() -> ModuleType:
    spec = importlib.util.spec_from_file_location("grpo_example", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # dataclasses look their module up there.
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


grpo = load_example()


def gradient(new: Any, *, advantages: Any, old: Any = None, reference: Any = None, beta: float = 0.0) -> Any:
    """The gradient of the loss with respect to the log-probabilities; the second completion has two tokens of three."""
    new = torch.tensor(new, requires_grad=True)
    old = new.detach() if old is None else torch.tensor(old)
    reference = new.detach() if reference is None else torch.tensor(reference)
    mask = torch.tensor([[1, 1, 1], [1, 1, 0]])
    loss, _ = grpo.grpo_loss(new, old, reference, torch.tensor(advantages), mask, clip=0.2, beta=beta)
    loss.backward()
    return new.grad


LOGS = [[-1.0, -2.0, -3.0], [-0.5, -1.5, -9.0]]


def test_the_gradient_is_the_advantage_over_tokens_and_completions() -> None:
    found = gradient(LOGS, advantages=[0.6, -0.2])
    # -advantage / tokens of the completion / completions; the padding has none.
    expected = torch.tensor([[-0.6 / 3 / 2] * 3, [0.2 / 2 / 2, 0.2 / 2 / 2, 0.0]])
    torch.testing.assert_close(found, expected)


def test_the_gradient_of_the_kl_term_draws_to_the_reference() -> None:
    reference = [[-1.5, -2.0, -3.0], [-0.5, -1.0, -9.0]]
    found = gradient(LOGS, advantages=[0.0, 0.0], reference=reference, beta=0.1)
    # d/dnew of exp(r - n) - (r - n) - 1 is 1 - exp(r - n).
    expected = torch.tensor(
        [[0.1 * (1 - math.exp(-0.5)) / 6, 0.0, 0.0], [0.0, 0.1 * (1 - math.exp(0.5)) / 4, 0.0]],
    )
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize(("advantage", "clipped"), [(1.0, True), (-1.0, False)])
def test_a_ratio_beyond_the_clip_has_no_gradient_where_it_gains(advantage: float, clipped: bool) -> None:
    old = [[-1.5, -2.0, -3.0], [-0.5, -1.5, -9.0]]  # the ratio of the first token is exp(0.5) = 1.65
    found = gradient(LOGS, advantages=[advantage, 0.0], old=old)
    assert found[0, 0] == pytest.approx(0.0 if clipped else math.exp(0.5) / 6)
    assert found[0, 1] == pytest.approx(-advantage / 6)


def test_a_failure_counts_neither_in_the_mean_of_its_group_nor_in_the_loss() -> None:
    rewards = torch.tensor([0.2, math.nan, 0.6, math.nan, math.nan, math.nan])
    advantages = grpo.group_advantages(rewards, 3)
    torch.testing.assert_close(advantages, torch.tensor([-0.2, math.nan, 0.2, *[math.nan] * 3]), equal_nan=True)
    found = gradient(LOGS, advantages=[math.nan, 0.2], reference=[[-9.0] * 3, LOGS[1]], beta=0.1)
    torch.testing.assert_close(found, torch.tensor([[0.0, 0.0, 0.0], [-0.1, -0.1, 0.0]]))


@pytest.fixture(scope="module")
def policy(taught: Path) -> Loaded:
    return load_model(taught, device="cpu")


@pytest.fixture
def client(short: Served) -> Iterator[ArenaClient]:
    with ArenaClient(short.url, patience=5.0) as client:
        yield client


def keys(start: int, count: int) -> list[str]:
    return [f"short:5:train:{index}" for index in range(start, start + count)]


def test_log_probabilities_do_not_depend_on_padding(policy: Loaded, client: ArenaClient) -> None:
    chats = [messages(e.observation) for e in grpo.open_group_episodes(client, keys(50_000, 4), 1)]
    torch.manual_seed(0)
    batch = grpo.rollout(policy, chats, 24, 1.0)
    assert len({int(row.sum()) for row in batch.attention}) > 1
    with torch.no_grad():
        found = grpo.log_probabilities(policy.model, batch, 0.7)
    for row in range(len(chats)):
        ids = batch.tokens[row][batch.attention[row].bool()]
        length = int(batch.mask[row].sum())
        with torch.no_grad():
            logits = policy.model(ids.unsqueeze(0)).logits[0] / 0.7
        expected = logits.log_softmax(-1)[:-1].gather(1, ids[1:].unsqueeze(1)).squeeze(1)[-length:]
        torch.testing.assert_close(found[row, :length], expected, atol=1e-4, rtol=1e-4)


def test_the_mask_ends_with_the_end_of_text(policy: Loaded, client: ArenaClient) -> None:
    (episode,) = grpo.open_group_episodes(client, keys(50_010, 1), 1)
    torch.manual_seed(0)
    # So warm that completions are of different lengths.
    batch = grpo.rollout(policy, [messages(episode.observation)] * 32, 24, 1.5)
    end = policy.tokenizer.eos_token_id
    completions = batch.tokens[:, -batch.mask.shape[1] :]
    assert int(batch.mask.sum(1).min()) < batch.mask.shape[1]
    for row, mask, text in zip(completions.tolist(), batch.mask.tolist(), batch.texts, strict=True):
        length = row.index(end) + 1 if end in row else len(row)
        assert mask == [1] * length + [0] * (len(row) - length)
        assert policy.tokenizer.decode(row[:length], skip_special_tokens=True) == text


def test_a_group_whose_episode_is_gone_is_not_scored(client: ArenaClient) -> None:
    episodes = grpo.open_group_episodes(client, keys(50_020, 2), 2)
    client.delete(episodes[0].episode_id)
    rewards = grpo.score(client, episodes, ["nothing that can be read"] * 4)
    assert rewards.isnan().tolist() == [True, True, False, False]
    # What cannot be read is the model's doing: it is scored, and earns 0.
    assert rewards[2:].tolist() == [0.0, 0.0]


def run(taught: Path, url: str, out: Path, **changes: Any) -> None:
    settings = {"steps": 2, "episodes": 2, "group": 4, "max_tokens": 24, "held_out": 6, "temperature": 1.0} | changes
    grpo.main(str(taught), arena=url, out=str(out), **settings)


def distance(one: Path, other: Path) -> float:
    mine, theirs = (load_model(folder, device="cpu").model.state_dict() for folder in (one, other))
    return max(float((mine[name] - theirs[name]).abs().max()) for name in mine)


def test_steps_against_a_real_arena_move_the_policy(
    taught: Path, short: Served, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {index: len(ids) for index, ids in short.attempts(below=5).items()}
    run(taught, short.url, tmp_path)
    assert 0.0 < distance(taught, tmp_path) < 0.01
    made = {index: len(ids) - before.get(index, 0) for index, ids in short.attempts(below=5).items()}
    assert [made.get(index, 0) for index in range(5)] == [4, 4, 4, 4, 0]
    lines = capsys.readouterr().out.splitlines()
    assert [re.split(r"[ :]", line)[0] for line in lines] == ["before", "step", "step", "after"]
    assert all("on 6 held-out episodes" in line for line in (lines[0], lines[-1]))
    assert all("failed 0" in line for line in lines[1:3])


def test_an_arena_that_scores_nothing_teaches_nothing(
    taught: Path, short: Served, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def failing(answer: Json) -> Json:
        for result in answer["results"]:
            result |= {"outcome": "infra_failed", "reward": None, "components": None, "reason": "a test"}
        return answer

    with proxied(short.url) as proxy:
        proxy.change = failing
        # The proxy passes POST on; GET is the arena's own.
        with pytest.MonkeyPatch.context() as patch, ArenaClient(short.url) as client:
            stats = client.stats()
            patch.setattr(ArenaClient, "stats", lambda self: stats)
            run(taught, proxy.url, tmp_path)
    assert distance(taught, tmp_path) == 0.0
    assert capsys.readouterr().out.count("no attempt was scored, nothing is learned") == 2
