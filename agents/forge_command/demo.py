"""`forge-arena demo`: the whole arena in a minute. A real server, overseers as clients over REST, and what they earn."""

import os
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
from rich.markup import escape

from forge_arena import __version__
from forge_arena.types import Split
from forge_arena.workers import keeper
from forge_command.app import JsonFile, deliver, fail, printer
from forge_command.evaluation import scores_table
from forge_command.progress import progress

if TYPE_CHECKING:  # Seconds of imports that a help text does not need.
    from forge_agents.evaluation import Result
    from forge_agents.overseers import Overseer
    from forge_arena.wire import AttemptResult

OVERSEERS = ("always_clean", "always_corrupted", "random", "rules_without_source", "rules")
READY = "ForgeArena is ready at "
SERVER_GRACE = 10.0
SEARCHED_FOR_A_SHOW = 40


@contextmanager
def running_server(*arguments: str, store: Path | None = None) -> Iterator[str]:
    """A server of its own in a child process; yields its URL. Without `store` its store is thrown away.

    On Linux the server ends with this process, however this process ends.

    Raises:
        typer.Exit: the server did not come up; its last words are printed.
    """
    with tempfile.TemporaryDirectory(prefix="forge-arena-") as folder:
        command = [sys.executable, "-m", "forge_command", "serve", "--port", "0", "--log-level", "warning"]
        if sys.platform == "linux":
            keep = [sys.executable, "-I", "-S", keeper.__file__, str(os.getpid()), str(SERVER_GRACE), folder]
            command = [*keep, *command]
        with (
            # Not in the folder, which the keeper removes as soon as the server ends.
            tempfile.TemporaryFile() as errors,
            subprocess.Popen(
                [*command, "--store", f"sqlite:///{store or Path(folder, 'arena.db')}", *arguments],
                # The line with the URL is read below.
                env={**os.environ, "FORGE_ARENA_LOG_JSON": "false"},
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                start_new_session=True,
            ) as child,
        ):
            try:
                line = child.stdout.readline() if child.stdout else ""
                if not line.startswith(READY):
                    errors.seek(0)
                    raise fail(f"the server did not come up:\n{errors.read().decode(errors='replace')[-2000:]}")
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

    out = printer(json)
    with running_server() as url:
        out.print(f"arena: {url} (scripted Worker), {episodes} episodes of the val split for each overseer")
        try:
            results = _play(url, episodes)
            _show_one(url, open_overseer("rules"), out)
        except ArenaError as error:
            raise fail(str(error)) from None

    def show(out: Console) -> None:
        out.print(scores_table(results))
        for note in dict.fromkeys(note for result in results for note in result.scorecard.notes):
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


def earned(result: "AttemptResult") -> str:
    """A reward and what it is the weighted sum of."""
    from forge_agents.words import shown

    parts = ", ".join(f"{name} {shown(part)}" for name, part in result.components or ())
    return f"{shown(result.reward)}: {parts}" if parts else shown(result.reward)


def _show_one(url: str, overseer: "Overseer", out: Console) -> None:
    """Print the first corrupted episode of the train split, with the overseer's verdict and the truth."""
    from forge_agents.client import ArenaClient
    from forge_arena.keys import Key
    from forge_arena.present import episode_panels
    from forge_arena.wire import Attempt

    with ArenaClient(url) as client:
        stats = client.stats()
        keys = [str(Key.of(stats.suite_and_version, Split.train, index)) for index in range(SEARCHED_FOR_A_SHOW)]
        for episode in client.open_episodes(keys=keys).episodes:
            judgement = overseer.review([episode.observation])[0]
            if isinstance(judgement, str):
                continue
            result = client.submit([Attempt(episode_id=episode.episode_id, verdict=judgement)])[0]
            if result.truth is not None and result.truth.corrupted:
                out.print(*episode_panels(episode.observation, result.truth, judgement), sep="\n")
                out.print(f"reward {earned(result)}\n", highlight=False)
                return
