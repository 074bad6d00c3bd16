"""Entering an overseer for the leaderboard of a real arena: nothing comes back but the place, and it goes on."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from forge_agents.client import ArenaClient, ArenaRefused, AsyncArenaClient
from forge_agents.overseers import OverseerFailed, open_overseer
from forge_agents.overseers.constants import AlwaysClean
from forge_agents.submission import Unfinished, enter, submit
from forge_arena.locks import FolderInUse
from forge_arena.types import Observation, Verdict
from forge_arena.wire import Attempt

from ..server_process import FORGE_ARENA, running
from .train.proxy import proxied


@pytest.fixture
def board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The URL of an arena whose leaderboard wants twelve episodes."""
    monkeypatch.setenv("FORGE_ARENA_LEADERBOARD_EPISODES", "12")
    monkeypatch.setenv("FORGE_ARENA_LEADERBOARD_BUDGET", "2")
    with running("-c", FORGE_ARENA, "serve", "--port", "0", "--store", f"sqlite:///{tmp_path}/board.db") as url:
        yield url


class Fragile:
    """Judges one batch, and then is down until it is mended."""

    name = "fragile"

    def __init__(self) -> None:
        self.batches = 0
        self.mended = False

    def review(self, observations: Sequence[Observation]) -> list[Verdict]:
        if self.batches and not self.mended:
            raise OverseerFailed("the endpoint is down")
        self.batches += 1
        return [Verdict(detection=True, explanation="", correction="", confidence=0.6)] * len(observations)


def test_a_stopped_submission_goes_on_and_is_then_on_the_leaderboard(board: str) -> None:
    overseer = Fragile()
    with ArenaClient(board) as client:
        entry = client.enter("fragile 1.0")
        with pytest.raises(OverseerFailed):
            submit(overseer, client, entry, batch=5)
        half = client.submission(entry.submission_id)
        assert (half.judged, half.episodes) == (5, 12)
        assert client.leaderboard().entries == ()
        overseer.mended = True
        seen: list[tuple[int, int]] = []
        done = submit(overseer, client, half, batch=5, on_progress=lambda d, of: seen.append((d, of)))
        assert (done.judged, seen) == (12, [(10, 12), (12, 12)])
        (line,) = client.leaderboard().entries
        assert (line.overseer, line.balanced_accuracy.value) == ("fragile 1.0", 0.5)
        client.enter("fragile 1.0")
        with pytest.raises(ArenaRefused, match="used its 2 submissions"):
            client.enter("fragile 1.0")


def test_two_processes_of_a_machine_do_not_judge_one_submission_at_a_time(board: str) -> None:
    with ArenaClient(board) as client:
        entry = client.enter("twice")

        class Twice:
            """Is entered once more while it judges."""

            name = "twice"

            def review(self, observations: Sequence[Observation]) -> list[Verdict]:
                with pytest.raises(FolderInUse, match=f"judges submission {entry.submission_id}: wait until it ends"):
                    submit(AlwaysClean(), client, entry)
                return AlwaysClean().review(observations)

        assert submit(Twice(), client, entry).judged == 12


def test_an_entry_whose_answer_is_lost_on_the_way_is_spent_once(board: str) -> None:
    with proxied(board) as proxy, ArenaClient(proxy.url) as behind, ArenaClient(board) as client:
        proxy.losing = 2
        entry = behind.enter("unlucky")
        assert proxy.asked == ["/v1/submissions"] * 3
        assert client.submissions("unlucky") == (entry,)


async def test_the_async_client_is_as_lucky(board: str) -> None:
    with proxied(board) as proxy:
        proxy.losing = 1
        behind, client = AsyncArenaClient(proxy.url), AsyncArenaClient(board)
        entry = await behind.enter("unlucky")
        assert await client.submissions() == (entry,)
        await behind.aclose()
        await client.aclose()


def test_an_entry_that_was_made_and_lost_is_used_and_one_that_was_begun_is_not_mixed_up(board: str) -> None:
    overseer = Fragile()
    with ArenaClient(board) as client:
        lost = client.enter("mine")
        assert enter(client, "Mine") == lost
        with pytest.raises(OverseerFailed):
            submit(overseer, client, lost, batch=5)
        with pytest.raises(Unfinished, match=f"submission {lost.submission_id}, with 5 of 12 episodes judged"):
            enter(client, "mine")
        anew = enter(client, "mine", anew=True)
        assert (anew.entry, anew.judged) == (2, 0)
        overseer.mended = True
        assert submit(overseer, client, client.submission(lost.submission_id)).judged == 12


def test_the_command_finds_what_a_run_that_died_left_and_goes_on_with_it(board: str) -> None:
    def forge_arena(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", FORGE_ARENA, *arguments, "--arena", board],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "COLUMNS": "200"},
        )

    with ArenaClient(board) as client:
        entry = client.enter("mine")
        opened = client.open_episodes(count=3, submission=entry.submission_id).episodes
        client.submit([Attempt(episode_id=opened[0].episode_id, completion="{}")])
    listed = forge_arena("leaderboard", "--mine")
    assert re.search(rf"mine +.*1 of 2 +.*1 of 12 +.*{entry.submission_id}", listed.stdout), listed.stdout
    stopped = forge_arena("eval", "--overseer", "prior", "--submit", "mine")
    assert stopped.returncode == 2
    assert entry.submission_id in stopped.stderr.replace("\n", "")
    assert "--new-entry" in stopped.stderr
    done = forge_arena("eval", "--overseer", "prior", "--submission", entry.submission_id, "--json", "-")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["entries"][0]["invalid"] == 1
    anew = forge_arena("eval", "--overseer", "prior", "--submit", "mine", "--new-entry", "--json", "-")
    assert len(json.loads(anew.stdout)["entries"]) == 2


def test_the_command_enters_an_overseer_and_shows_the_board(board: str) -> None:
    def forge_arena(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", FORGE_ARENA, *arguments], capture_output=True, text=True, check=False
        )

    done = forge_arena("eval", "--arena", board, "--overseer", "prior", "--submit", "the prior", "--json", "-")
    assert done.returncode == 0, done.stderr
    (line,) = json.loads(done.stdout)["entries"]
    assert (line["overseer"], line["entry"]) == ("the prior", 1)
    assert "entry 1 of 2, submission" in done.stderr
    shown = forge_arena("leaderboard", "--arena", board)
    assert "the prior" in shown.stdout
    wrong = forge_arena("eval", "--arena", board, "--overseer", "prior", "--submit", "<b>")
    assert wrong.returncode == 2
    assert "a name has at most 64 letters" in wrong.stderr
    assert open_overseer("prior").name == "prior"
