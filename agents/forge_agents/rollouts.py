"""Prompts for a trainer of one's own, and rewards for what its policy writes: two functions over a client.

    dataset = rows(arena, count=64, stream="my-run")
    paid = rewards(arena, episode_ids, completions)

`rewards` opens the episodes anew each time, as they were when their prompts were made. So a row serves for any number
of epochs and any size of group, and the Worker is not asked again. Only episodes of train can be opened again;
docs/trainers.md says how to validate.

These functions block, and name an episode by the id under which it was opened. They serve any trainer. TRL's trainers
want reward functions that are awaited, can be pickled, and name an episode by its key: `forge_agents.trl` has those.
`forge_agents.train` is a whole trainer, which makes its rows with `row`.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any, Unpack

from forge_agents.client import ArenaClient, Selection
from forge_arena.prompts import Prompt, PromptName, prompt
from forge_arena.verdicts import messages_with_tools, sendable
from forge_arena.wire import MAX_ATTEMPTS, Attempt, AttemptResult, OpenedEpisode


def rows(
    client: ArenaClient, ask: str = PromptName.arena, *, tools: bool = False, **selection: Unpack[Selection]
) -> list[dict[str, Any]]:
    """A row for each episode of a selection: see `row`.

    Episodes that the Worker failed to answer are left out.

    Args:
        client: the client of the arena.
        ask: the name of the prompt: `arena`, `compact` or `card`.
        tools: ask for a verdict by the tool `submit_verdict` instead, for `forge_agents.trl.OverseerEnvironment`.
        selection: as for `ArenaClient.open_episodes`: `count` and `stream`, or `keys`, and so on.

    Raises:
        ValueError: no prompt has this name, or the selection makes no sense.
        ArenaError: the arena cannot be reached, refuses, or answers garbage.
    """
    make = messages_with_tools if tools else prompt(ask)
    return [row(episode, make) for episode in client.open_episodes(**selection).episodes]


def row(episode: OpenedEpisode, ask: Prompt) -> dict[str, Any]:
    """The row of an episode: `prompt` (a chat), `episode_id`, `key`, and `digest` of what the prompt shows."""
    return {
        "prompt": ask(episode.observation),
        "episode_id": episode.episode_id,
        "key": episode.key,
        "digest": episode.observation.digest,
    }


def results(client: ArenaClient, episode_ids: Sequence[str], completions: Sequence[str]) -> list[AttemptResult]:
    """What each completion earned on the episode of its row, in order, with its components and its outcome.

    Several completions on one episode are attempts on one new opening; their order decides nothing.

    Raises:
        ArenaRefused: an episode is not of train, was deleted, or the arena is another one.
        ArenaError: the arena cannot be reached, refuses, or answers garbage.
    """
    numbers = occurrences(episode_ids)
    # An opening has at most MAX_ATTEMPTS attempts.
    openings = [
        (episode_id, first, min(MAX_ATTEMPTS, total - first))
        for episode_id, total in Counter(episode_ids).items()
        for first in range(0, total, MAX_ATTEMPTS)
    ]
    opened_as = _open_again(client, openings)
    attempts = [
        Attempt(
            episode_id=opened_as[episode_id, number - number % MAX_ATTEMPTS],
            attempt=number % MAX_ATTEMPTS,
            completion=sendable(completion),
        )
        for episode_id, number, completion in zip(episode_ids, numbers, completions, strict=True)
    ]
    return list(client.submit(attempts))


def rewards(client: ArenaClient, episode_ids: Sequence[str], completions: Sequence[str]) -> list[float | None]:
    """The reward of each completion on the episode of its row, 0 to 1. None is a failure of the arena and no score.

    Raises: as `results`.
    """
    return [result.reward for result in results(client, episode_ids, completions)]


def occurrences(names: Sequence[str]) -> list[int]:
    """For each name, how often the same name came before: `a b a a` gives 0, 0, 1, 2."""
    seen: Counter[str] = Counter()
    numbers = []
    for name in names:
        numbers.append(seen[name])
        seen[name] += 1
    return numbers


def _open_again(client: ArenaClient, openings: Sequence[tuple[str, int, int]]) -> dict[tuple[str, int], str]:
    """The new ids, by the id of the row and the first of the completions that the opening is for."""
    by_attempts: dict[int, list[tuple[str, int]]] = defaultdict(list)
    for episode_id, first, attempts in openings:
        by_attempts[attempts].append((episode_id, first))
    ids: dict[tuple[str, int], str] = {}
    for attempts, names in by_attempts.items():
        opened = client.open_episodes(again=[episode_id for episode_id, _ in names], attempts=attempts).episodes
        ids |= zip(names, (episode.episode_id for episode in opened), strict=True)
    return ids
