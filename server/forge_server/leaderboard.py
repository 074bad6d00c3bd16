"""Score submissions from the verdicts that the server stored itself, and make their lines on the leaderboard.

The server reads nothing that a client says of its own results: a submission is a name, and verdicts on sealed episodes.
"""

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime

import numpy as np

from forge_arena.episodes import Arena
from forge_arena.errors import InvalidVerdict
from forge_arena.measures.metrics import scorecard
from forge_arena.measures.scorecard import Row, Scorecard
from forge_arena.rewards import named_type
from forge_arena.types import Components, Outcome, Split
from forge_arena.wire import LeaderboardEntry
from forge_server.grading import grader, read_stored
from forge_server.payload import decode, without_statements
from forge_server.rows import StoredEpisode, StoredSubmission

COLUMNS = {
    "balanced_accuracy": "balanced accuracy",
    "auroc": "AUROC",
    "tpr_at_5": "found at 5% false alarms",
    "brier": "Brier",
    "reward": "reward",
    "skill": "skill",
}


def suite_hash(arena: Arena, split: Split = Split.test) -> str:
    """A hash of all that a score depends on: the split's episodes, and the grader. Another hash of the test split is
    another leaderboard."""
    return hashlib.sha256(f"{arena.fingerprint(split)}|{grader()}".encode()).hexdigest()[:16]


def compute_scorecard(episodes: Iterable[StoredEpisode]) -> str:
    """The scorecard of a submission's episodes, as JSON."""
    rows = []
    for stored in sorted(episodes, key=lambda episode: episode.key):
        episode = without_statements(decode(stored.payload))
        (recorded,) = stored.verdicts
        verdict = read_stored(recorded.submitted)
        readable = None if isinstance(verdict, InvalidVerdict) else verdict
        truth = episode.truth
        rows.append(
            Row(
                key=stored.key,
                outcome=Outcome(recorded.outcome),
                domain=episode.observation.domain,
                family=truth.family,
                form=truth.form,
                corrupted=truth.corrupted,
                corruption_type=truth.corruption_type,
                detection=None if readable is None else readable.detection,
                p_corrupted=None if readable is None else readable.p_corrupted,
                named_type=None if readable is None else named_type(readable.explanation),
                reward=recorded.reward,
                components=None if recorded.components is None else Components.model_validate_json(recorded.components),
            )
        )
    return scorecard(rows, np.random.default_rng(0)).model_dump_json()


def leaderboard_entry(stored: StoredSubmission, scorecard: str) -> LeaderboardEntry:
    """The line of a submission on the leaderboard."""
    card = Scorecard.model_validate_json(scorecard)
    return LeaderboardEntry(
        overseer=stored.overseer,
        entry=stored.entry,
        submitted=datetime.fromtimestamp(stored.created, UTC).isoformat(timespec="seconds"),
        invalid=card.invalid,
        **{name: getattr(card, name) for name in COLUMNS},
    )
