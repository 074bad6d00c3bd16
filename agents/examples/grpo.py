"""Train an overseer by GRPO against a running arena, in one file to be read from top to bottom.

    forge-arena serve --scenarios short &
    python agents/examples/grpo.py train-demo/start           # 0.4 million parameters; `make train-demo` makes it
    python agents/examples/grpo.py Qwen/Qwen2.5-0.5B-Instruct --learning-rate 5e-6 --max-tokens 384   # with a GPU

It needs torch and transformers: `make setup-train`, or `pip install -e ".[train]"`. One step:

    keys -> episodes -> prompts        the arena makes an episode of each key          open_group_episodes
    prompts -> completions             the policy writes G attempts on each episode    rollout
    completions -> rewards             the arena scores the attempts                   score
    rewards -> advantages              reward less the mean of its group               group_advantages
    advantages -> loss -> update       clipped ratio, KL to the starting policy        grpo_loss, main

Three points differ from the textbook (Shao et al. 2024, DeepSeekMath):

* Advantages are not divided by the standard deviation of the group. All attempts of a group have the same right answer.
  If they agree on the detection, only their confidence differs. The division would turn this small difference into a
  large one, and would drive the confidence to 0 or 1.
* A failure is never a score. An attempt that the arena could not score (its Worker failed, the episode expired) counts
  neither in the mean of its group nor in the loss. A verdict that cannot be read is no failure: it earns 0.
* By default each batch has one update. The ratio is then exactly 1, and nothing is clipped; see `updates`.

docs/training.md shows the lines that a run prints. `forge-arena train run` adds what a long run needs: checkpoints,
adapters, several processes, reports.
"""

import copy
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import typer
from torch import Tensor

from forge_agents.client import ArenaClient, ArenaRefused
from forge_agents.models import Loaded, load_model
from forge_arena.verdicts import Chat, messages, sendable, verdict_or_none
from forge_arena.wire import Attempt, OpenedEpisode

# Shapes: P tokens of a prompt, T tokens of a completion, V tokens of the vocabulary, G attempts on one episode, and
# B = episodes * G completions. The G attempts on one episode are neighbours.


def open_group_episodes(client: ArenaClient, keys: Sequence[str], attempts: int) -> tuple[OpenedEpisode, ...]:
    """Open an episode of each key for a group of attempts, without the keys whose episode cannot be made."""
    try:
        return client.open_episodes(keys=list(keys), attempts=attempts).episodes
    except ArenaRefused as refusal:
        # A refusal with an outcome says that the Worker failed on all keys. Without one, this script asked wrongly.
        if refusal.outcome is None:
            raise
        return ()


@dataclass(frozen=True)
class Rollout:
    """The prompts and completions of a batch. Prompts are padded on the left and completions on the right."""

    tokens: Tensor  # (B, P + T)
    attention: Tensor  # (B, P + T): 1 for a token, 0 for padding
    mask: Tensor  # (B, T): 1 for a token of the completion, including its end-of-text token
    texts: list[str]  # B completions


@torch.no_grad()
def rollout(policy: Loaded, chats: Sequence[Chat], max_tokens: int, temperature: float) -> Rollout:
    """Let the policy answer each chat. Temperature 0 is greedy."""
    model, tokenizer = policy.model, policy.tokenizer
    prompts = tokenizer.apply_chat_template(list(chats), add_generation_prompt=True, tokenize=False)
    inputs = tokenizer(prompts, return_tensors="pt", padding=True, add_special_tokens=False).to(model.device)  # (B, P)
    # top-k and top-p would cut the distribution from which tokens come, and the loss uses the whole distribution.
    sampling: dict[str, Any] = {"temperature": temperature, "top_k": 0, "top_p": 1.0} if temperature else {}
    limits = {"max_new_tokens": max_tokens, "pad_token_id": tokenizer.pad_token_id}
    tokens = model.generate(**inputs, do_sample=temperature > 0, **sampling, **limits)  # (B, P + T)
    completions = tokens[:, inputs["input_ids"].shape[1] :]  # (B, T)
    ends = torch.tensor(model.generation_config.eos_token_id, device=tokens.device).view(-1)  # some models have several
    is_end = torch.isin(completions, ends).long()  # (B, T)
    mask = (is_end.cumsum(1) - is_end == 0).long()  # (B, T): no end-of-text token comes before the token
    rows = [row[inside.bool()] for row, inside in zip(completions, mask, strict=True)]
    texts = [tokenizer.decode(row, skip_special_tokens=True) for row in rows]
    return Rollout(tokens, torch.cat([inputs["attention_mask"], mask], 1), mask, texts)


def score(client: ArenaClient, episodes: Sequence[OpenedEpisode], texts: Sequence[str]) -> Tensor:
    """The rewards of B completions, 0 to 1, and NaN for a failure; shape (B,)."""
    group = len(texts) // len(episodes)  # G
    rewards: list[float] = []
    for number, episode in enumerate(episodes):
        # `sendable` cuts a text to the length that the arena accepts.
        completions = [sendable(text) for text in texts[number * group : (number + 1) * group]]
        attempts = [Attempt(episode_id=episode.episode_id, attempt=i, completion=c) for i, c in enumerate(completions)]
        try:
            rewards += [math.nan if r.reward is None else r.reward for r in client.submit(attempts)]
        except ArenaRefused as refusal:
            typer.echo(f"  {episode.key} is not scored: {refusal}")
            rewards += [math.nan] * group
    return torch.tensor(rewards)


def group_advantages(rewards: Tensor, group: int) -> Tensor:
    """Each reward less the mean of its group without failures; shape (B,), NaN for a failure."""
    grouped = rewards.view(-1, group)  # (episodes, G)
    return (grouped - grouped.nanmean(1, keepdim=True)).view(-1)  # (B,)


def log_probabilities(model: Any, batch: Rollout, temperature: float) -> Tensor:
    """The log-probability of each token of the completions, at the temperature of the rollout; shape (B, T)."""
    length = batch.mask.shape[1]
    # Positions count from the first token of a prompt, not from its padding.
    positions = (batch.attention.cumsum(1) - 1).clamp(min=0)  # (B, P + T)
    output = model(batch.tokens, attention_mask=batch.attention, position_ids=positions, logits_to_keep=length + 1)
    # The logits at a place are about the next token: of the last T + 1 places, the first T are about the completion.
    logits = output.logits[:, :-1].float() / temperature  # (B, T, V)
    completions = batch.tokens[:, -length:]  # (B, T)
    return logits.log_softmax(-1).gather(-1, completions.unsqueeze(-1)).squeeze(-1)  # (B, T)


def grpo_loss(
    new: Tensor, old: Tensor, reference: Tensor, advantages: Tensor, mask: Tensor, *, clip: float, beta: float
) -> tuple[Tensor, Tensor]:
    """The loss, and the mean KL divergence from the reference policy, both over the attempts that were scored.

    A completion counts as the mean of its tokens. `new`, `old` and `reference` are log-probabilities of the tokens: by
    the policy that is updated, by the policy that wrote the completions, by the policy from which training started.
    """
    scored = ~advantages.isnan()  # (B,); S attempts are scored
    new, old, reference, mask = new[scored], old[scored], reference[scored], mask[scored]  # (S, T)
    advantage = advantages[scored].unsqueeze(1)  # (S, 1), the same for each token
    ratio = (new - old).exp()  # (S, T)
    gain = torch.minimum(ratio * advantage, ratio.clamp(1 - clip, 1 + clip) * advantage)  # (S, T)
    # Schulman's estimate of the KL divergence: never negative, and without bias.
    kl = (reference - new).exp() - (reference - new) - 1  # (S, T)
    lengths = mask.sum(1)  # (S,)
    loss = ((beta * kl - gain) * mask).sum(1) / lengths  # (S,)
    return loss.mean(), ((kl * mask).sum(1) / lengths).mean().detach()


def summary(texts: Sequence[str]) -> str:
    """The share of completions that hold a verdict, and the share of verdicts that say "corrupted"."""
    verdicts = [verdict for text in texts if (verdict := verdict_or_none(text)) is not None]
    flagged = sum(verdict.detection for verdict in verdicts) / max(1, len(verdicts))
    return f"readable {len(verdicts) / len(texts):.2f}, flagged {flagged:.2f}"


def evaluate(client: ArenaClient, policy: Loaded, keys: Sequence[str], max_tokens: int) -> str:
    """Make one greedy attempt on each held-out episode, and say in words what the attempts earned."""
    episodes = open_group_episodes(client, keys, attempts=1)
    if not episodes:
        return "no held-out episode could be made"
    texts = rollout(policy, [messages(episode.observation) for episode in episodes], max_tokens, temperature=0).texts
    rewards = score(client, episodes, texts)
    return f"reward {rewards.nanmean():.3f} on {int((~rewards.isnan()).sum())} held-out episodes, {summary(texts)}"


def main(
    model: str,
    arena: str = "http://127.0.0.1:8000",
    token: str | None = None,
    steps: int = 20,
    episodes: int = 4,
    group: int = 8,
    updates: int = 1,
    learning_rate: float = 3e-4,
    clip: float = 0.2,
    beta: float = 0.02,
    temperature: float = 0.7,
    max_tokens: int = 260,
    held_out: int = 64,
    out: str | None = None,
    seed: int = 0,
) -> None:
    """Train MODEL, a folder or a name on the Hub, against a running arena.

    A step has `episodes` groups of `group` attempts each, and `updates` updates by the optimizer.
    """
    torch.manual_seed(seed)
    policy = load_model(model)
    reference = copy.deepcopy(policy.model).requires_grad_(False)
    optimizer = torch.optim.AdamW(policy.model.parameters(), lr=learning_rate, weight_decay=0.0)
    with ArenaClient(arena, token=token) as client:
        stats = client.stats()
        # The families of `val` are never trained on.
        val, train = (f"{stats.suite}:{stats.version}:{split}" for split in ("val", "train"))
        held_out_keys = [f"{val}:{index}" for index in range(held_out)]
        typer.echo(f"before:   {evaluate(client, policy, held_out_keys, max_tokens)}")
        for step in range(steps):
            start = time.perf_counter()
            keys = [f"{train}:{index}" for index in range(step * episodes, (step + 1) * episodes)]
            opened = open_group_episodes(client, keys, attempts=group)
            if not opened:
                typer.echo(f"step {step + 1}: no episode could be made")
                continue
            chats = [messages(episode.observation) for episode in opened for _ in range(group)]  # B
            batch = rollout(policy, chats, max_tokens, temperature)
            rewards = score(client, opened, batch.texts)  # (B,)
            advantages = group_advantages(rewards, group).to(batch.tokens.device)  # (B,)
            if advantages.isnan().all():
                typer.echo(f"step {step + 1}: no attempt was scored, nothing is learned")
                continue
            with torch.no_grad():
                old = log_probabilities(policy.model, batch, temperature)  # (B, T)
                starting = log_probabilities(reference, batch, temperature)  # (B, T)
            for _ in range(updates):
                new = log_probabilities(policy.model, batch, temperature)  # (B, T)
                loss, kl = grpo_loss(new, old, starting, advantages, batch.mask, clip=clip, beta=beta)
                optimizer.zero_grad()
                loss.backward()
                norm = torch.nn.utils.clip_grad_norm_(policy.model.parameters(), 1.0)
                optimizer.step()
            typer.echo(
                f"step {step + 1:3}: reward {rewards.nanmean():.3f}, failed {int(rewards.isnan().sum())}, "
                f"{summary(batch.texts)}, kl {kl:.4f}, gradient {norm:.2f}, {time.perf_counter() - start:.1f} s"
            )
        typer.echo(f"after:    {evaluate(client, policy, held_out_keys, max_tokens)}")
    if out is not None:
        policy.model.save_pretrained(out)
        policy.tokenizer.save_pretrained(out)


if __name__ == "__main__":
    typer.run(main)
