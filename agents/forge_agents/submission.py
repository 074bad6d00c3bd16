"""Enter an overseer for an arena's leaderboard: judge the sealed episodes that the arena gives, and nothing else.

What a verdict earned never comes back, and the scores are the arena's own. The arena knows which episodes are left, so a
stopped submission goes on wherever its id is known.
"""

from collections.abc import Callable

from forge_agents.client import ArenaClient, ArenaError
from forge_agents.evaluation import WrongCount, attempt_of
from forge_agents.overseers import Overseer
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
        WrongCount: the overseer gave more or fewer verdicts than observations.
        OverseerFailed: the overseer cannot be asked.
        ArenaError: the arena cannot be reached, refused, or answered garbage.
    """
    done = submission.judged
    while True:
        opened = client.open_episodes(count=batch, submission=submission.submission_id)
        if not opened.episodes:
            if opened.failed:
                raise NothingMade(f"{len(opened.failed)} episodes could not be made: {opened.failed[0].reason}")
            return client.submission(submission.submission_id)
        judgements = overseer.review([episode.observation for episode in opened.episodes])
        if len(judgements) != len(opened.episodes):
            raise WrongCount(
                f"overseer {overseer.name!r} gave {len(judgements)} verdicts for {len(opened.episodes)} observations"
            )
        client.submit([attempt_of(e.episode_id, 0, j) for e, j in zip(opened.episodes, judgements, strict=True)])
        done += len(opened.episodes)
        if on_progress is not None:
            on_progress(done, submission.episodes)
