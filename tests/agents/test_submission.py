"""Entering an overseer for the leaderboard of a real arena: nothing comes back but the place, and it goes on."""

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any
from uuid import uuid4

import pytest

from forge_agents.client import ArenaClient, ArenaRefused, AsyncArenaClient
from forge_agents.overseers import OverseerFailed
from forge_agents.overseers.constants import AlwaysClean
from forge_agents.submission import Unfinished, enter, submit
from forge_arena.locks import FolderInUse
from forge_arena.types import Observation, Verdict
from forge_arena.wire import Attempt, Submission

from ..command_line import invoked
from ..server_process import FORGE_ARENA, running
from .train.proxy import proxied


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of an arena whose leaderboard wants twelve episodes. Each test enters names of its own."""
    store = f"sqlite:///{tmp_path_factory.mktemp('board')}/board.db"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FORGE_ARENA_LEADERBOARD_EPISODES", "12")
        patch.setenv("FORGE_ARENA_LEADERBOARD_BUDGET", "2")
        with running("-c", FORGE_ARENA, "serve", "--port", "0", "--store", store) as url:
            yield url


def lines_of(name: str, board: dict[str, Any]) -> list[dict[str, Any]]:
    """The lines of a leaderboard in JSON that belong to a name."""
    return [line for line in board["entries"] if line["overseer"] == name]


class Fragile:
    """Reviews one batch, and then is down until it is mended."""

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
        assert entry.overseer not in {line.overseer for line in client.leaderboard().entries}
        overseer.mended = True
        progress: list[tuple[int, int]] = []
        done = submit(overseer, client, half, batch=5, on_progress=lambda d, of: progress.append((d, of)))
        assert (done.judged, progress) == (12, [(10, 12), (12, 12)])
        (line,) = [line for line in client.leaderboard().entries if line.overseer == entry.overseer]
        assert line.balanced_accuracy.value == 0.5


def test_a_token_has_so_many_entries_for_a_name(board: str) -> None:
    with ArenaClient(board) as client:
        client.enter("eager")
        client.enter("eager")
        with pytest.raises(ArenaRefused, match="used its 2 submissions"):
            client.enter("eager")


def test_two_processes_of_a_machine_do_not_review_one_submission_at_a_time(board: str) -> None:
    with ArenaClient(board) as client:
        entry = client.enter("twice")

        class Twice:
            """Is entered once more while it reviews."""

            name = "twice"

            def review(self, observations: Sequence[Observation]) -> list[Verdict]:
                with pytest.raises(FolderInUse, match=f"works on submission {entry.submission_id}: wait until it ends"):
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
        entry = await behind.enter("unlucky as well")
        assert await client.submissions("unlucky as well") == (entry,)
        await behind.aclose()
        await client.aclose()


def test_an_entry_whose_answer_was_lost_is_found_by_its_name(board: str) -> None:
    with ArenaClient(board) as client:
        lost = client.enter("lost")
        assert enter(client, "Lost") == lost


def test_an_entry_that_was_begun_is_continued_only_on_request(board: str) -> None:
    overseer = Fragile()
    with ArenaClient(board) as client:
        begun = client.enter("half done")
        with pytest.raises(OverseerFailed):
            submit(overseer, client, begun, batch=5)
        with pytest.raises(Unfinished, match=f"submission {begun.submission_id}, with 5 of 12 episodes reviewed"):
            enter(client, "half done")
        anew = enter(client, "half done", anew=True)
        assert (anew.entry, anew.judged) == (2, 0)
        overseer.mended = True
        assert submit(overseer, client, client.submission(begun.submission_id)).judged == 12


@pytest.fixture
def begun(board: str) -> Submission:
    """An entry that a run left behind with one verdict."""
    with ArenaClient(board) as client:
        entry = client.enter(f"mine {uuid4().hex[:8]}")
        opened = client.open_episodes(count=3, submission=entry.submission_id).episodes
        client.submit([Attempt(episode_id=opened[0].episode_id, completion="{}")])
    return entry


def test_the_command_lists_the_unfinished_entries_of_a_token(board: str, begun: Submission) -> None:
    listed = invoked("leaderboard", "--mine", "--arena", board)
    assert re.search(rf"{begun.overseer} +.*1 of 2 +.*1 of 12 +.*{begun.submission_id}", listed.stdout), listed.stdout


def test_the_command_does_not_mix_an_entry_with_one_that_was_begun(board: str, begun: Submission) -> None:
    stopped = invoked("eval", "--overseer", "prior", "--submit", begun.overseer, "--arena", board)
    assert stopped.exit_code == 2
    assert begun.submission_id in stopped.stderr.replace("\n", "")
    assert "--new-entry" in stopped.stderr


def test_the_command_continues_an_entry_by_its_id_and_spends_a_new_one(board: str, begun: Submission) -> None:
    command = ["eval", "--overseer", "prior", "--arena", board, "--json", "-"]
    done = invoked(*command, "--submission", begun.submission_id)
    assert done.exit_code == 0, done.stderr
    (line,) = lines_of(begun.overseer, json.loads(done.stdout))
    assert line["invalid"] == 1
    anew = invoked(*command, "--submit", begun.overseer, "--new-entry")
    assert len(lines_of(begun.overseer, json.loads(anew.stdout))) == 2


def test_the_command_enters_an_overseer_and_shows_the_board(board: str) -> None:
    done = invoked("eval", "--arena", board, "--overseer", "prior", "--submit", "the prior", "--json", "-")
    assert done.exit_code == 0, done.stderr
    (line,) = lines_of("the prior", json.loads(done.stdout))
    assert line["entry"] == 1
    assert "entry 1 of 2, submission" in done.stderr
    assert "the prior" in invoked("leaderboard", "--arena", board).stdout


def test_the_command_refuses_a_name_with_markup() -> None:
    refused = invoked("eval", "--overseer", "prior", "--submit", "<b>")
    assert refused.exit_code == 2
    assert "a name has at most 64 letters" in refused.stderr
