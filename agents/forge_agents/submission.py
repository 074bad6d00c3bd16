"""Enter an overseer for an arena's leaderboard: judge the sealed episodes that the arena gives, and nothing else.

What a verdict earned never comes back, and the scores are the arena's own. The arena knows which episodes are left, so a
stopped submission goes on wherever its id is known.
"""

from collections.abc import Callable

from forge_agents.client import ArenaClient, ArenaError
from forge_agents.evaluation import attempt_of, refusal
from forge_agents.overseers import Overseer, OverseerFailed, Reviewer
from forge_arena.wire import Submission


class NothingMade(ArenaError):
    """The arena could not make the episodes that are left; the submission may go on later."""


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
        NothingMade: the arena's Worker fails on all that is left.
        WrongReview: the overseer gave no list of verdicts, or more or fewer than observations.
        OverseerFailed: the overseer cannot be asked, raised an error, or its endpoint refused a request. What it judged
            before is submitted.
        ArenaError: the arena cannot be reached, refused, or answered garbage.
    """
    done = submission.judged
    # What is submitted stays, so an overseer that is set up wrongly is stopped before anything is.
    reviewer = Reviewer(overseer, few=1, answered=done > 0)
    while True:
        opened = client.open_episodes(count=batch, submission=submission.submission_id)
        if not opened.episodes:
            if opened.failed:
                raise NothingMade(f"{len(opened.failed)} episodes could not be made: {opened.failed[0].reason}")
            return client.submission(submission.submission_id)
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
