"""`forge-arena demo`: the whole arena in a minute. A real server, overseers as clients over REST, and what they earn."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from forge_arena import __version__
from forge_arena.types import Split
from forge_command.app import JsonFile, fail, write_json
from forge_command.evaluation import scores_table
from forge_command.progress import progress

if TYPE_CHECKING:  # Seconds of imports that a help text does not need.
    from forge_agents.evaluation import Result
    from forge_agents.overseers import Overseer

OVERSEERS = ("always_clean", "always_corrupted", "random", "rules_without_source", "rules")
READY = "ForgeArena is ready at "
SEARCHED_FOR_A_SHOW = 40


@contextmanager
def running_server(*arguments: str, store: Path | None = None) -> Iterator[str]:
    """A server of its own in a child process; yields its URL. Without `store` its store is thrown away.

    Raises:
        typer.Exit: the server did not come up; its last words are printed.
    """
    with tempfile.TemporaryDirectory(prefix="forge-arena-") as folder:
        log = Path(folder, "server.log")
        command = [sys.executable, "-m", "forge_command", "serve", "--port", "0", "--log-level", "warning"]
        with (
            log.open("wb") as errors,
            subprocess.Popen(
                [*command, "--store", f"sqlite:///{store or Path(folder, 'arena.db')}", *arguments],
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            ) as child,
        ):
            try:
                line = child.stdout.readline() if child.stdout else ""
                if not line.startswith(READY):
                    raise fail(f"the server did not come up:\n{log.read_text(errors='replace')[-2000:]}")
                yield line.removeprefix(READY).strip()
            finally:
                child.terminate()
                try:
                    child.wait(timeout=15)
                except subprocess.TimeoutExpired:
                    child.kill()


def demo(
    episodes: Annotated[int, typer.Option(min=10, help="Episodes for each overseer, from the val split.")] = 300,
    json: JsonFile = None,
) -> None:
    """Play overseers against a real server and print who earns what.

    Starts a server with the scripted Worker on a free port, lets five overseers judge the same episodes over REST, shows
    one episode whole, and prints a table: reward, balanced accuracy, F1, AUROC, Brier score and skill with 95% intervals.
    """
    from forge_agents.client import ArenaError
    from forge_agents.overseers import open_overseer

    out = Console(stderr=json == "-")
    with running_server() as url:
        out.print(f"arena: {url} (scripted Worker), {episodes} episodes of the val split for each overseer")
        try:
            results = _play(url, episodes)
            _show_one(url, open_overseer("rules"), out)
        except ArenaError as error:
            raise fail(str(error)) from None
    out.print(scores_table(results))
    for note in dict.fromkeys(note for result in results for note in result.scorecard.notes):
        out.print(f"[dim]{note}[/]", highlight=False)
    write_json(
        {
            "forge_arena": __version__,
            "suite": results[0].suite,
            "split": Split.val.value,
            "episodes": episodes,
            "overseers": {r.overseer: r.scorecard.model_dump(mode="json") for r in results},
        },
        json,
    )


def _play(url: str, episodes: int) -> "list[Result]":
    from forge_agents.client import ArenaClient
    from forge_agents.evaluation import evaluate
    from forge_agents.overseers import open_overseer

    with progress() as bar, ThreadPoolExecutor(len(OVERSEERS)) as pool:

        def play(name: str) -> "Result":
            task = bar.add_task(name, total=episodes)
            with ArenaClient(url) as client:
                return evaluate(
                    open_overseer(name),
                    arena=client,
                    split=Split.val,
                    episodes=episodes,
                    on_progress=lambda done, _: bar.update(task, completed=done),
                )

        return list(pool.map(play, OVERSEERS))


def _show_one(url: str, overseer: "Overseer", out: Console) -> None:
    """Print the first corrupted episode of the train split, with the overseer's verdict and the truth."""
    from forge_agents.client import ArenaClient
    from forge_arena.present import episode_panels
    from forge_arena.wire import Attempt

    with ArenaClient(url) as client:
        stats = client.stats()
        keys = [f"{stats.suite}:{stats.version}:train:{index}" for index in range(SEARCHED_FOR_A_SHOW)]
        for episode in client.open_episodes(keys=keys).episodes:
            judgement = overseer.review([episode.observation])[0]
            if isinstance(judgement, str):
                continue
            result = client.submit([Attempt(episode_id=episode.episode_id, verdict=judgement)])[0]
            if result.truth is not None and result.truth.corrupted:
                out.print(*episode_panels(episode.observation, result.truth, judgement), sep="\n")
                out.print(f"reward {result.reward}, components {result.components}\n", highlight=False)
                return
