"""`forge-arena demo`: the whole arena in a minute. Overseers play over REST against a real server."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from importlib.util import find_spec
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console, Group
from rich.markup import escape
from rich.text import Text

from forge_arena import __version__
from forge_arena.types import Split
from forge_command.child import running_server
from forge_command.console import deliver, printer
from forge_command.options import JsonFile
from forge_command.progress import progress
from forge_command.tables import scores_table

if TYPE_CHECKING:  # These take seconds to import, and help texts and refusals do not need them.
    from forge_agents.batch import AnyArena
    from forge_agents.local import LocalArena
    from forge_agents.overseers import Overseer
    from forge_agents.result import Result
    from forge_arena.wire import AttemptResult

OVERSEERS = ("always_clean", "always_corrupted", "random", "rules_without_source", "rules")
# The demo shows the first corrupted episode among so many.
SEARCHED = 40
EPILOG = """Examples:

forge-arena demo

forge-arena demo --episodes 1000 --json demo.json"""


def demo(
    episodes: Annotated[int, typer.Option(min=10, help="Episodes for each overseer, from the val split.")] = 300,
    json: JsonFile = None,
) -> None:
    """Play overseers against a real server and print who earns what.

    Starts a server with the scripted Worker on a free port. Five overseers review the same episodes over REST. The demo
    shows one whole episode and a table of reward, balanced accuracy, F1, AUROC, Brier score and skill, with 95%
    intervals.

    Without the packages of the extra "server" the overseers review the same episodes in this process, one after the
    other, and the table is the same.
    """
    from forge_agents.overseers import open_overseer

    out = printer(json)
    with _arena() as arena:
        where = arena if isinstance(arena, str) else "in this process, because the extra 'server' is not installed"
        out.print(f"arena: {where} (scripted Worker), {episodes} episodes of the val split for each overseer")
        results = _play(arena, episodes)
        with _client(arena) as client:
            episode = _play_episode(client, open_overseer("rules"))

    def show(out: Console) -> None:
        if episode is not None:
            out.print(episode)
        out.print(scores_table(results))
        for note in notes(results):
            out.print(f"[dim]{escape(note)}[/]", highlight=False)

    deliver(
        {
            "forge_arena": __version__,
            "suite": results[0].suite,
            "split": Split.val.value,
            "episodes": episodes,
            "overseers": {r.overseer: r.scorecard.model_dump(mode="json") for r in results},
        },
        json,
        show,
    )


def notes(results: "list[Result]") -> Iterator[str]:
    """The notes of the results, each once. A note that is not of all results names those that it is of."""
    for note in dict.fromkeys(note for result in results for note in result.scorecard.notes):
        names = [result.overseer for result in results if note in result.scorecard.notes]
        yield note if len(names) == len(results) else f"{', '.join(names)}: {note}"


@contextmanager
def _arena() -> "Iterator[str | LocalArena]":
    """The URL of a server that runs until the block ends; an arena in this process where no server can run."""
    if all(find_spec(package) for package in ("fastapi", "sqlalchemy", "uvicorn")):
        with running_server() as url:
            yield url
    else:
        from forge_agents.local import LocalArena

        with LocalArena() as arena:
            yield arena


@contextmanager
def _client(arena: "str | LocalArena") -> "Iterator[AnyArena]":
    from forge_agents.client import ArenaClient

    with ArenaClient(arena) if isinstance(arena, str) else nullcontext(arena) as client:
        yield client


def _play(arena: "str | LocalArena", episodes: int) -> "list[Result]":
    from forge_agents.evaluation import evaluate
    from forge_agents.overseers import open_overseer

    # A local arena is for one thread.
    at_a_time = len(OVERSEERS) if isinstance(arena, str) else 1
    with progress() as bar, ThreadPoolExecutor(at_a_time) as pool:

        def play(name: str) -> "Result":
            task = bar.add_task(name, total=episodes)
            with _client(arena) as client:
                return evaluate(
                    open_overseer(name),
                    arena=client,
                    split=Split.val,
                    episodes=episodes,
                    on_progress=lambda done, _: bar.update(task, completed=done),
                )

        return list(pool.map(play, OVERSEERS))


def describe_reward(result: "AttemptResult") -> str:
    """A reward and the components whose weighted sum it is."""
    from forge_agents.words import format_number

    parts = ", ".join(f"{name} {format_number(part)}" for name, part in result.components or ())
    return f"{format_number(result.reward)}: {parts}" if parts else format_number(result.reward)


def _play_episode(client: "AnyArena", overseer: "Overseer") -> Group | None:
    """The first corrupted episode of the train split, with the overseer's verdict and the truth, to be printed."""
    from forge_arena.keys import Key
    from forge_arena.present import episode_panels
    from forge_arena.wire import Attempt

    stats = client.stats()
    keys = [str(Key.of(stats.suite_and_version, Split.train, index)) for index in range(SEARCHED)]
    for episode in client.open_episodes(keys=keys).episodes:
        verdict = overseer.review([episode.observation])[0]
        if isinstance(verdict, str):
            continue
        result = client.submit([Attempt(episode_id=episode.episode_id, verdict=verdict)])[0]
        if result.truth is not None and result.truth.corrupted:
            panels = episode_panels(episode.observation, result.truth, verdict)
            return Group(*panels, Text(f"reward {describe_reward(result)}\n"))
    return None
