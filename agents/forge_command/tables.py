"""The tables in which the commands show evaluations, comparisons, training and the leaderboard."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from forge_arena.types import Components, Form, Trouble
from forge_arena.wire import Leaderboard, Submission

if TYPE_CHECKING:  # These take seconds to import, and help texts and refusals do not need them.
    from forge_agents.compare import Comparison
    from forge_agents.datasets import DatasetResult, DatasetScorecard
    from forge_agents.result import Result
    from forge_arena.types import Estimate

METRICS = {
    "reward": "reward",
    "balanced_accuracy": "bal.acc",
    "f1": "F1",
    "auroc": "AUROC",
    "brier": "Brier",
    "skill": "skill",
}
DATASET_METRICS = {
    "balanced_accuracy": "bal.acc",
    "f1": "F1",
    "auroc": "AUROC",
    "brier": "Brier",
    "type_accuracy": "type",
    "span_f1": "spans",
}
TRAINING_METRICS = {
    "reward": "reward",
    "balanced_accuracy": "bal.acc",
    "auroc": "AUROC",
    "auroc_log_odds": "of logit",
    "brier": "Brier",
    "share_flagged": "flagged",
}
LEADERBOARD_METRICS = {
    "balanced_accuracy": "bal.acc",
    "auroc": "AUROC",
    "tpr_at_5": "TPR@5%",
    "brier": "Brier",
    "reward": "reward",
    "skill": "skill",
}


def scores_table(results: "list[Result]") -> Table:
    """One row an overseer, one column a metric, the 95% interval below each value."""
    table = Table(
        title=f"{results[0].size_in_words}, split {results[0].split.value}",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    table.add_column("overseer", no_wrap=True)
    for name in METRICS.values():
        table.add_column(name, justify="right", no_wrap=True)
    for result in results:
        card = result.scorecard
        counts = {"invalid": card.invalid, "failed": card.failed, "cut": card.troubles.get(Trouble.cut, 0)}
        troubles = [f"{count} {name}" for name, count in counts.items() if count]
        name = result.overseer + (f"\n[red]{', '.join(troubles)}[/]" if troubles else "")
        table.add_row(name, *[_cell(getattr(card, metric)) for metric in METRICS])
    return table


def details_table(result: "Result") -> Table:
    """The other measures of an evaluation: one row a measure, with its number of episodes and its 95% interval."""
    card = result.scorecard
    forms = [row.form for row in result.rows if row.reward is not None]
    found = sum(bool(row.corrupted and row.detection) for row in result.rows)
    wrong = sum(bool(row.corrupted) for row in result.rows)
    pointed = sum(row.span_f1 is not None for row in result.rows)
    rows = [
        ("found with 1% of the clean flagged", wrong, card.tpr_at_1),
        ("found with 5% of the clean flagged", wrong, card.tpr_at_5),
        ("AUROC up to 20% of the clean flagged", len(forms), card.partial_auroc),
        ("right type named, of the corrupted that it flagged", found, card.type_accuracy),
        ("flagged, of the clean", forms.count(Form.clean), card.clean_false_alarms),
        ("flagged, of the placebos", forms.count(Form.placebo), card.placebo_false_alarms),
        ("wrong words pointed at (F1), where flagged", pointed, card.span_f1),
        ("repaired, of the corrupted", wrong, card.restoration),
        ("right first step, where it named one", card.steps_named, card.step_accuracy),
    ]
    if (frozen := result.frozen) is not None:
        name = f"balanced accuracy at {frozen.threshold:.2f}, the best on {frozen.source}"
        rows.append((name, len(forms), frozen.balanced_accuracy))
    if (votes := result.votes) is not None:
        last = votes.samples
        rows += [
            (f"one right of {last}", votes.episodes, votes.pass_at[last]),
            (f"most right of {last}", votes.episodes, votes.maj_at[last]),
            ("Brier of the vote", votes.episodes, votes.brier_of_vote),
        ]
    if (pairs := result.pairs) is not None:
        rows += [
            ("ranked above its counterpart", pairs.pairs, pairs.ranking),
            ("ranked above its clean twin", pairs.pairs - pairs.placebos, pairs.clean_ranking),
            ("ranked above its placebo", pairs.placebos, pairs.placebo_ranking),
        ]
    table = Table("", "of", "share", "95%", box=SIMPLE_HEAD, padding=(0, 1, 0, 0), show_header=True)
    for name, of, estimate in rows:
        value, _, interval = _cell(estimate).partition("\n")
        table.add_row(name, str(of), value, interval)
    return table


def dataset_table(result: "DatasetResult") -> Table:
    """One row for all rows and one for each group, the 95% interval below each value."""
    table = Table(title=f"{result.overseer} on {escape(result.dataset)}", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("", overflow="fold")
    for name in ("rows", "corr.", *DATASET_METRICS.values()):
        table.add_column(name, justify="right", no_wrap=True)

    def add(name: str, card: "DatasetScorecard") -> None:
        corrupted = round(card.rows * (card.prevalence or 0.0))
        counts = {"invalid": card.invalid, "failed": card.failed, "cut": card.troubles.get(Trouble.cut, 0)}
        words = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
        troubles = f"\n[red]{words}[/]" if words else ""
        cells = [_cell(getattr(card, metric)) for metric in DATASET_METRICS]
        table.add_row(escape(name) + troubles, str(card.rows), str(corrupted), *cells)

    add("all", result.scorecard)
    for groups in result.groups.values():
        table.add_section()
        for group, card in groups.items():
            add(group.replace("_", " "), card)
    return table


def leaderboard_table(board: Leaderboard) -> Table:
    title = f"{escape(board.suite)}, {board.episodes} sealed test episodes, suite hash {board.suite_hash}"
    table = Table(title=title, box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("overseer", overflow="fold")
    for name in LEADERBOARD_METRICS.values():
        table.add_column(name, justify="right", no_wrap=True)
    for entry in board.entries:
        cells = [_cell(getattr(entry, name)) for name in LEADERBOARD_METRICS]
        table.add_row(f"{escape(entry.overseer)}\n[dim]entry {entry.entry} of {board.budget}[/]", *cells)
    return table


def entries_table(entries: Sequence[Submission]) -> Table:
    table = Table("overseer", "entry", "verdicts", "submission", title="entries of this token, the newest first")
    for entry in entries:
        table.add_row(
            escape(entry.overseer),
            f"{entry.entry} of {entry.budget}",
            f"{entry.judged} of {entry.episodes}",
            escape(entry.submission_id),
        )
    return table


def comparison_table(comparison: "Comparison") -> Table:
    counts = f"{comparison.verdicts} verdicts, {comparison.families} families"
    title = f"{escape(comparison.second)} against {escape(comparison.first)}: {counts}"
    table = Table(title=title, box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("")
    for name in (comparison.first, comparison.second, "difference"):
        table.add_column(escape(name), justify="right")
    table.add_column("")
    for change in comparison.changes:
        value, low, high = (getattr(change.difference, part) for part in ("value", "low", "high"))
        spread = f"\n[dim]{low:+.2f}/{high:+.2f}[/]" if low is not None else ""
        table.add_row(change.name, _cell(change.before), _cell(change.after), f"{value:+.3f}{spread}", change.in_words)
    return table


def training_table(
    title: str, rows: "Mapping[str, Mapping[str, Estimate]]", format_cell: "Callable[[Estimate], str]"
) -> Table:
    """One row a model, one column a metric. `format_cell` is `format_mean` or `format_difference`."""
    table = Table(title=title, box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("")
    for header in TRAINING_METRICS.values():
        table.add_column(header, justify="right", no_wrap=True)
    for name, row in rows.items():
        table.add_row(name, *[format_cell(row[metric]) for metric in TRAINING_METRICS])
    return table


def parts_table(results: "Mapping[str, Result]") -> Table:
    """One row a model: the mean of each part of its reward, before the weights, and how many verdicts could be read."""
    table = Table(title="parts of the reward", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("")
    for name in (*Components.model_fields, "readable"):
        table.add_column(name, justify="right", no_wrap=True)
    for name, result in results.items():
        card = result.scorecard
        parts = {} if card.components is None else card.components.model_dump()
        cells = [f"{parts[part]:.3f}" if part in parts else "-" for part in Components.model_fields]
        table.add_row(name, *cells, f"{card.scored} of {card.scored + card.invalid}")
    return table


def format_mean(estimate: "Estimate") -> str:
    """The value, as 0.123."""
    return "-" if estimate.value is None else f"{estimate.value:.3f}"


def format_difference(estimate: "Estimate") -> str:
    """The difference with its sign, as +0.123, and its interval on a second line."""
    if estimate.value is None:
        return "-"
    if estimate.low is None or estimate.high is None:
        return f"{estimate.value:+.3f}"
    low, high = (f"{bound:+.2f}".replace("0.", ".", 1) for bound in (estimate.low, estimate.high))
    return f"{estimate.value:+.3f}\n[dim]{low}/{high}[/]"


def _cell(estimate: "Estimate") -> str:
    if estimate.value is None:
        return "-"
    if estimate.low is None or estimate.high is None:
        return f"{estimate.value:.3f}"
    low, high = (f"{b:.2f}".replace("0.", ".", 1).replace("1.00", "1.0") for b in (estimate.low, estimate.high))
    return f"{estimate.value:.3f}\n[dim]{low}/{high}[/]"
