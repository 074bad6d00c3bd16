"""Enter an overseer for an arena's leaderboard: judge the sealed episodes that the arena gives, and nothing else.

What a verdict earned never comes back, and the scores are the arena's own. The arena knows which episodes are left, and
which entries are a token's own, so that a stopped submission goes on wherever the token is known.
"""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from forge_agents.client import ArenaClient, ArenaError, ArenaUnreachable
from forge_agents.evaluation import attempt_of, refusal
from forge_agents.overseers import Overseer, OverseerFailed, Reviewer
from forge_arena.errors import ForgeArenaError
from forge_arena.locks import FolderInUse, lock
from forge_arena.wire import Submission


class Unfinished(ForgeArenaError):
    """The name has an entry that was begun and not finished: go on with it, or spend another one."""


class NothingMade(ArenaError):
    """The arena could not make the episodes that are left; the submission may go on later."""


def enter(client: ArenaClient, overseer: str, *, anew: bool = False) -> Submission:
    """An entry of this name of which nothing is judged yet: one that was lost after it was made, otherwise a new one.
    `anew` spends a new one in any case.

    Raises:
        Unfinished: one was begun, and whether it was by the same overseer only the caller can know.
        ArenaError: the arena cannot be reached, refused (no entry left, the name is another token's), or answered garbage.
    """
    unfinished = () if anew else tuple(one for one in client.submissions(overseer) if one.judged < one.episodes)
    for entry in unfinished:
        if entry.judged:
            raise Unfinished(
                f"{entry.overseer!r} has an unfinished entry, submission {entry.submission_id}, with {entry.judged} of "
                f"{entry.episodes} episodes judged"
            )
    if unfinished:
        return unfinished[0]
    try:
        return client.enter(overseer)
    except ArenaUnreachable as error:
        raise ArenaUnreachable(
            f"{error}; the entry may have been made: entering the same name again finds it"
        ) from None


def submit(
    overseer: Overseer,
    client: ArenaClient,
    submission: Submission,
    *,
    batch: int = 32,
    on_progress: Callable[[int, int], None] | None = None,
) -> Submission:
    """Judge what is left of a submission; `on_progress(done, of)` is called after every batch.

    Raises:
        FolderInUse: another process on this machine judges the same submission.
        NothingMade: the arena's Worker fails on all that is left, or another process judges it.
        WrongReview: the overseer gave no list of verdicts, or more or fewer than observations.
        OverseerFailed: the overseer cannot be asked, raised an error, or its endpoint refused a request. What it judged
            before is submitted.
        ArenaError: the arena cannot be reached, refused, or answered garbage.
    """
    with _alone(submission):
        done = submission.judged
        # What is submitted stays, so an overseer that is set up wrongly is stopped before anything is.
        reviewer = Reviewer(overseer, few=1, answered=done > 0)
        while True:
            opened = client.open_episodes(count=batch, submission=submission.submission_id)
            if not opened.episodes:
                if opened.failed:
                    raise NothingMade(f"{len(opened.failed)} episodes could not be made: {opened.failed[0].reason}")
                now = client.submission(submission.submission_id)
                if now.judged < now.episodes:
                    raise NothingMade(
                        f"{now.episodes - now.judged} episodes are not judged, and the arena opens none of them"
                    )
                return now
            judgements = reviewer.review([episode.observation for episode in opened.episodes])
            pairs = list(zip(opened.episodes, judgements, strict=True))
            attempts = [attempt_of(e.episode_id, 0, j) for e, j in pairs if refusal(j) is None]
            if attempts:
                client.submit(attempts)
            if len(attempts) < len(pairs):
                reason = next(reason for j in judgements if (reason := refusal(j)) is not None)
                raise OverseerFailed(f"{len(pairs) - len(attempts)} episodes have no verdict: {reason}")
            done += len(opened.episodes)
            if on_progress is not None:
                on_progress(done, submission.episodes)


@contextmanager
def _alone(submission: Submission) -> Iterator[None]:
    """Keep other processes of this machine from judging, and paying for, the same episodes."""
    with Path(tempfile.gettempdir(), f"forge-arena-{submission.submission_id}.lock").open("ab") as file:
        try:
            lock(file.fileno(), Path(file.name))
        except FolderInUse:
            raise FolderInUse(
                f"another process on this machine judges submission {submission.submission_id}: wait until it ends"
            ) from None
        yield
