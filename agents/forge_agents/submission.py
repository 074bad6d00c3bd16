"""Enter an overseer for an arena's leaderboard: let it review the sealed episodes that the arena gives.

The arena never says what a verdict earned; it computes the scores itself. The arena knows which episodes are left and
which entries a token owns. A submission that was stopped can therefore be continued from any machine with the token.
"""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from forge_agents.client import ArenaClient, ArenaError, ArenaUnreachable
from forge_agents.overseers import Overseer, OverseerFailed, Reviewer
from forge_agents.overseers.replies import attempt_of, refusal_of
from forge_arena.errors import ForgeArenaError
from forge_arena.locks import FolderInUse, lock
from forge_arena.wire import Submission


class Unfinished(ForgeArenaError):
    """The name has an entry that was begun and not finished: continue it, or spend another one."""


class NothingMade(ArenaError):
    """The arena could not make the episodes that are left; the submission can be continued later."""


def enter(client: ArenaClient, overseer: str, *, anew: bool = False) -> Submission:
    """An entry of this name without any verdict.

    If an earlier entry has no verdict (the arena's answer was lost on the way), the earlier entry. Otherwise a new one.

    Args:
        client: of the arena.
        overseer: the name on the leaderboard.
        anew: spend a new entry in any case.

    Raises:
        Unfinished: an entry of this name was begun. Only the caller can know whether the same overseer began it.
        ArenaError: the arena cannot be reached, refused (no entry left, or another token's name), or answered garbage.
    """
    unfinished = () if anew else tuple(e for e in client.submissions(overseer) if e.judged < e.episodes)
    for entry in unfinished:
        if entry.judged:
            raise Unfinished(
                f"{entry.overseer!r} has an unfinished entry, submission {entry.submission_id}, with {entry.judged} of "
                f"{entry.episodes} episodes reviewed"
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
    """Review and submit the episodes that are left of a submission.

    Args:
        overseer: who reviews them.
        client: of the arena.
        submission: what `enter` or `ArenaClient.submission` returned.
        batch: episodes that are reviewed at a time.
        on_progress: called with the episodes done and the episodes in all, after every batch.

    Raises:
        FolderInUse: another process on this machine works on the same submission.
        NothingMade: the arena's Worker fails on all episodes that are left, or another process has them.
        WrongReview: the overseer returned no list, or more or fewer replies than observations.
        OverseerFailed: the overseer cannot be asked, raised an error, or its endpoint refused a request. Its earlier
            verdicts stay submitted.
        ArenaError: the arena cannot be reached, refused, or answered garbage.
    """
    with _lock(submission):
        done = submission.judged
        # A submitted verdict stays. An overseer that is set up wrongly must therefore be stopped before its first one.
        reviewer = Reviewer(overseer, few=1, answered=done > 0)
        while True:
            opened = client.open_episodes(count=batch, submission=submission.submission_id)
            if not opened.episodes:
                if opened.failed:
                    raise NothingMade(f"{len(opened.failed)} episodes could not be made: {opened.failed[0].reason}")
                now = client.submission(submission.submission_id)
                if now.judged < now.episodes:
                    raise NothingMade(
                        f"{now.episodes - now.judged} episodes have no verdict, and the arena opens none of them"
                    )
                return now
            replies = reviewer.review([episode.observation for episode in opened.episodes])
            attempts = [
                attempt_of(episode.episode_id, 0, reply)
                for episode, reply in zip(opened.episodes, replies, strict=True)
                if refusal_of(reply) is None
            ]
            if attempts:
                client.submit(attempts)
            reasons = [reason for reply in replies if (reason := refusal_of(reply)) is not None]
            if reasons:
                raise OverseerFailed(f"{len(reasons)} episodes have no verdict: {reasons[0]}")
            done += len(opened.episodes)
            if on_progress is not None:
                on_progress(done, submission.episodes)


@contextmanager
def _lock(submission: Submission) -> Iterator[None]:
    """Keep other processes of this machine from reviewing, and paying for, the same episodes.

    Raises:
        FolderInUse: another process holds the lock.
    """
    with Path(tempfile.gettempdir(), f"forge-arena-{submission.submission_id}.lock").open("ab") as file:
        try:
            lock(file.fileno(), Path(file.name))
        except FolderInUse:
            raise FolderInUse(
                f"another process on this machine works on submission {submission.submission_id}: wait until it ends"
            ) from None
        yield
