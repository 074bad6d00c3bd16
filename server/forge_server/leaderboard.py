"""Score submissions from the verdicts that the server stored itself, and show the leaderboard as a page.

The server reads nothing that a client says of its own results: a submission is a name, and verdicts on sealed episodes.
"""

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime
from html import escape

import numpy as np

from forge_arena.episodes import Arena
from forge_arena.errors import InvalidVerdict
from forge_arena.measures.metrics import scorecard
from forge_arena.measures.scorecard import Row, Scorecard
from forge_arena.rewards import named_type
from forge_arena.types import Components, Estimate, Outcome, Split
from forge_arena.wire import Leaderboard, LeaderboardEntry
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
STYLE = """
:root { color-scheme: light dark; --faint: #d9dde2; }
@media (prefers-color-scheme: dark) { :root { --faint: #3a4047; } }
body { margin: 0 auto; padding: 1.25rem 1rem 4rem; max-width: 66rem; font: 16px/1.5 system-ui, sans-serif; }
div { overflow-x: auto; }
table { border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums; }
th, td { padding: .35rem .9rem .35rem 0; border-bottom: 1px solid var(--faint);
  text-align: right; vertical-align: top; }
th:first-child, td:first-child { text-align: left; overflow-wrap: anywhere; }
small { display: block; opacity: .7; }
"""


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


def page(board: Leaderboard) -> str:
    """The leaderboard as one HTML page without scripts, style sheets or any other request."""
    head = "".join(f"<th>{escape(title)}</th>" for title in ("overseer", *COLUMNS.values(), "unreadable", "submitted"))
    lines = "".join(
        f"<tr><td>{escape(entry.overseer)}<small>entry {entry.entry} of {board.budget}</small></td>"
        + "".join(f"<td>{_format_estimate(getattr(entry, name))}</td>" for name in COLUMNS)
        + f"<td>{entry.invalid}</td><td>{escape(entry.submitted[:10])}</td></tr>"
        for entry in board.entries
    )
    nobody = (
        "" if board.entries else "<p>Nobody has finished a submission yet: forge-arena eval --submit makes one.</p>"
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Leaderboard: {escape(board.suite)}</title><style>{STYLE}</style></head><body>"
        f"<h1>Leaderboard</h1><p>{board.episodes} sealed test episodes of {escape(board.suite)}, the same for "
        "everyone; "
        f"Worker {escape(board.worker)}; suite hash <code>{escape(board.suite_hash)}</code>. Scores are computed here, "
        "from stored verdicts. Small: 95% intervals, which resample whole families. "
        f"A name has {board.budget} entries, and every finished one is shown.</p>"
        f"{nobody}<div><table><thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table></div></body></html>"
    )


def _format_estimate(estimate: Estimate) -> str:
    if estimate.value is None:
        return "\u2013"
    spread = "" if estimate.low is None else f"<small>{estimate.low:.3f} to {estimate.high:.3f}</small>"
    return f"{estimate.value:.3f}{spread}"
