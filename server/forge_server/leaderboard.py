"""Score submissions from the verdicts that the server stored itself, and make their lines on the leaderboard.

The server reads nothing that a client says of its own results: a submission is a name, and verdicts on sealed episodes.
"""

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime

import numpy as np

from forge_arena import rewards
from forge_arena.episodes import Arena
from forge_arena.measures.metrics import scorecard
from forge_arena.measures.scorecard import Scorecard
from forge_arena.software import episode_code
from forge_arena.types import Split
from forge_arena.wire import LeaderboardEntry
from forge_server.evaluated import evaluated_rows
from forge_server.rounding import rounded_estimate
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
    """A hash of all that a score depends on: the split's episodes, the grader, and the code of both.

    Another hash of the test split is another leaderboard. The version of the package has no part in the hash, because
    it counts commits, and is not known in every image.
    """
    parts = (arena.fingerprint(split), rewards.grader(), episode_code())
    return hashlib.sha256("|".join(parts).encode()).hexdigest()[:16]


def compute_scorecard(episodes: Iterable[StoredEpisode]) -> str:
    """The scorecard of a submission's episodes, as JSON."""
    return scorecard(evaluated_rows(episodes), np.random.default_rng(0)).model_dump_json()


def leaderboard_entry(stored: StoredSubmission, scorecard: str) -> LeaderboardEntry:
    """The line of a submission on the leaderboard, with rounded scores (`forge_server.rounding`)."""
    card = Scorecard.model_validate_json(scorecard)
    return LeaderboardEntry(
        overseer=stored.overseer,
        entry=stored.entry,
        submitted=datetime.fromtimestamp(stored.created, UTC).isoformat(timespec="seconds"),
        invalid=card.invalid,
        **{name: rounded_estimate(getattr(card, name)) for name in COLUMNS},
    )
