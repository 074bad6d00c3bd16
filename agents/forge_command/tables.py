"""The tables in which the commands show evaluations, comparisons, training and the leaderboard."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from forge_agents.words import common_reasons, counted, shortened
from forge_arena.types import Components, Form, Outcome, Trouble
from forge_arena.wire import Leaderboard, Submission

if TYPE_CHECKING:  # These take seconds to import, and help texts and refusals do not need them.
    from forge_agents.attack import AttackResult
    from forge_agents.compare import Comparison
    from forge_agents.datasets import DatasetResult, DatasetRow, DatasetScorecard
    from forge_agents.repetition import Repetition
    from forge_agents.result import Result
    from forge_arena.measures.scorecard import Row
    from forge_arena.types import Estimate

# How much of a condition a table shows, in characters. The JSON has all of it.
LONGEST_SHOWN = 100
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
# The numbers of verdicts of which a table shows the votes.
POWERS = (1, 2, 4, 8, 16, 32, 64)
FAMILY_METRICS = {"balanced_accuracy": "bal.acc", "auroc": "AUROC", "brier": "Brier", "reward": "reward"}
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
        name = escape(result.title) + (f"\n[red]{', '.join(troubles)}[/]" if troubles else "")
        table.add_row(name, *[_cell(getattr(card, metric)) for metric in METRICS])
    return table


def nothing_scored(result: "Result") -> str:
    """Say of a result without a graded verdict what failed."""
    why = common_reasons(row.reason for row in result.rows)
    return "no verdict was scored" + (f": {why}" if why else "")


def causes(rows: "Sequence[Row | DatasetRow]") -> list[str]:
    """Why reviews failed, and why verdicts could not be read: a sentence for each, the commonest reasons first."""
    failed = common_reasons(r.reason for r in rows if r.outcome in (Outcome.worker_failed, Outcome.infra_failed))
    unreadable = common_reasons(row.reason for row in rows if row.outcome is Outcome.invalid_verdict)
    said = {"what failed": failed, "what could not be read, and counts as wrong": unreadable}
    return [f"{what}: {why}" for what, why in said.items() if why]


def details_table(result: "Result") -> Table:
    """The other measures of an evaluation: one row a measure, with its number of episodes and its 95% interval.

    A rate that is 0 or 1 has no interval over draws of families. The exact bounds by its families stand in its place.
    """
    from forge_arena.measures.statistics import exact_bounds

    card = result.scorecard
    forms = [row.form for row in result.rows if row.reward is not None]
    found = sum(bool(row.corrupted and row.detection) for row in result.rows)
    wrong = sum(bool(row.corrupted) for row in result.rows)
    pointed = sum(row.span_f1 is not None for row in result.rows)
    graded = [row for row in result.rows if row.reward is not None]
    # Which answers a rate is about.
    about: dict[str, Callable[[Row], bool]] = {
        "right type named, of the corrupted that it flagged": lambda row: bool(row.corrupted and row.detection),
        "flagged, of the clean": lambda row: row.form is Form.clean,
        "flagged, of the placebos": lambda row: row.form is Form.placebo,
        "wrong words pointed at (F1), where flagged": lambda row: row.span_f1 is not None,
        "repaired, of the corrupted": lambda row: bool(row.corrupted),
        "right first step, where it named one": lambda row: row.step_right is not None,
    }
    rows = [
        ("corrupted that are found, at 1% false alarms", wrong, card.tpr_at_1),
        ("corrupted that are found, at 5% false alarms", wrong, card.tpr_at_5),
        ("AUROC up to 20% false alarms, of all answers", len(forms), card.partial_auroc),
        ("right type named, of the corrupted that it flagged", found, card.type_accuracy),
        ("flagged, of the clean", forms.count(Form.clean), card.clean_false_alarms),
        ("flagged, of the placebos", forms.count(Form.placebo), card.placebo_false_alarms),
        ("wrong words pointed at (F1), where flagged", pointed, card.span_f1),
        ("repaired, of the corrupted", wrong, card.restoration),
        ("right first step, where it named one", card.steps_named, card.step_accuracy),
    ]
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
        if name in about and estimate.value in (0.0, 1.0) and not estimate.has_interval:
            families = len({row.family for row in graded if about[name](row)})
            low, high = exact_bounds(estimate.value, families)
            estimate = estimate.model_copy(update={"low": low, "high": high})
            table.caption = "A rate of 0 or 1 has the exact bounds by its families: see docs/metrics.md."
        value, _, interval = _cell(estimate).partition("\n")
        table.add_row(name, str(of), value, interval)
    return table


def families_table(result: "Result") -> Table:
    """One row a family. One family has no interval, because intervals draw whole families."""
    domains = {row.family: row.domain for row in result.rows if row.domain is not None}
    table = Table(title="by family", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for name in ("family", "domain"):
        table.add_column(name, overflow="fold")
    for name in ("verdicts", *FAMILY_METRICS.values()):
        table.add_column(name, justify="right", no_wrap=True)
    for family, card in result.groups["family"].items():
        domain = domains.get(family)
        cells = [_cell(getattr(card, metric)) for metric in FAMILY_METRICS]
        words = "" if domain is None else domain.value.replace("_", " ")
        table.add_row(escape(family), words, str(card.scored + card.invalid), *cells)
    return table


def thresholds_table(result: "Result") -> Table:
    """One row an operating point that was frozen on other episodes, the 95% interval below each value."""
    sources = ", ".join(dict.fromkeys(frozen.source for frozen in result.frozen))
    table = Table(title=f"thresholds frozen on {escape(sources)}", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("operating point")
    # Two lines, because on a terminal of 80 columns one line leaves no room for the intervals.
    for name in ("P\nabove", "\nthere", "\nfound", "false\nalarms", "\nprecision", "\nbal.acc", "\nflagged"):
        table.add_column(name, justify="right", no_wrap=True)
    for frozen in result.frozen:
        there = "-" if frozen.reached is None else f"{frozen.reached:.3f}"
        cells = (frozen.recall, frozen.false_alarms, frozen.precision, frozen.balanced_accuracy, frozen.share_flagged)
        table.add_row(frozen.title, frozen.p_above.replace(" ", "\n"), there, *map(_cell, cells))
    return table


def repetition_table(repetition: "Repetition") -> Table:
    """What differs between a result and the same evaluation made again: the conditions first, and then the numbers."""
    table = Table(title="what differs", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for name in ("", repetition.first, repetition.second):
        table.add_column(escape(name), overflow="fold")
    for condition in repetition.conditions:
        table.add_row(
            condition.name, *(escape(shortened(text, LONGEST_SHOWN)) for text in (condition.before, condition.now))
        )
    table.add_section()
    for number in repetition.numbers:
        table.add_row(number.name, *("-" if v is None else f"{v:.4g}" for v in (number.before, number.now)))
    return table


def dataset_table(result: "DatasetResult") -> Table:
    """One row for all rows and one for each group, the 95% interval below each value."""
    table = Table(title=f"{escape(result.title)} on {escape(result.dataset)}", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
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
    counts = f"{counted(comparison.verdicts, 'verdict')}, {counted(comparison.families, 'family', 'families')}"
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


def attack_table(result: "AttackResult") -> Table:
    """One row a number of tries, the 95% interval below each value; `change` is that of the rate at 5% false alarms."""
    title = f"{escape(result.title)} under attack: {escape(result.source)}, {result.search}"
    table = Table(title=title, box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("tries", justify="right")
    table.add_column("exhausted", justify="right")
    frozen = [threshold.title for threshold in result.curve[0].frozen]
    names = ["AUROC", "TPR@1%", "TPR@5%", "change", "own decision", *(f"frozen: {title}" for title in frozen)]
    for name in names:
        table.add_column(name, justify="right")
    for point in result.curve:
        measures = [_cell(estimate) for estimate in (point.auroc, point.tpr_at_1, point.tpr_at_5)]
        change = "" if point.tries == 1 else format_difference(point.change.tpr_at_5)
        at_frozen = [_cell(threshold.recall) for threshold in point.frozen]
        table.add_row(str(point.tries), str(point.short), *measures, change, _cell(point.recall), *at_frozen)
    return table


def attack_types_table(result: "AttackResult") -> Table:
    """What is found at 5% false alarms: one row a corruption type, one column a number of tries.

    If the adversary may choose the type, the table counts the types that it chose.
    """
    types = list(result.curve[0].by_type)
    title = "found at 5% false alarms, by tries" if types else "chosen types, by tries"
    table = Table("", title=title, box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for point in result.curve:
        table.add_column(str(point.tries), justify="right")
    for type in types or result.chosen_types:
        cells = [
            _cell(point.by_type[type].tpr_at_5) if types else str(point.chosen.get(type, 0)) for point in result.curve
        ]
        table.add_row(type.replace("_", " "), *cells)
    return table


def told_table(comparison: "Comparison") -> Table:
    """One row for each awareness and candour of the Worker: the AUROC of both sides, and the paired difference."""
    table = Table(title="answers that the Worker corrupted itself", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for name in ("", "", "verdicts", f"AUROC: {comparison.first}", comparison.second, "difference"):
        table.add_column(escape(name), justify="right" if name else "left")
    for division, levels in comparison.told.items():
        table.add_section()
        for level, sides in levels.items():
            auroc = [side["auroc"] for side in (sides.before, sides.after)]
            difference = format_difference(sides.differences["auroc"])
            table.add_row(division, level, str(sides.verdicts), *map(_cell, auroc), difference)
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


def votes_table(results: "Mapping[str, Result]") -> Table:
    """One row a model: how often k of its verdicts on an episode are right, for k of 1, 2, 4 and so on."""
    counted_votes = {name: result.votes for name, result in results.items() if result.votes is not None}
    most = min((votes.samples for votes in counted_votes.values()), default=0)
    counts = [k for k in POWERS if k <= most]
    table = Table(title="right, of k verdicts on an episode", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("")
    for k in counts:
        table.add_column(f"one of {k}" if k > 1 else "one", justify="right", no_wrap=True)
    for k in counts[2:]:
        table.add_column(f"most of {k}", justify="right", no_wrap=True)
    for name, votes in counted_votes.items():
        cells = [votes.pass_at[k] for k in counts] + [votes.maj_at[k] for k in counts[2:]]
        table.add_row(name, *map(_cell, cells))
    return table


def format_mean(estimate: "Estimate") -> str:
    """The value, as 0.123."""
    return "-" if estimate.value is None else f"{estimate.value:z.3f}"


def format_difference(estimate: "Estimate") -> str:
    """The difference with its sign, as +0.123, and its interval on a second line."""
    if estimate.value is None:
        return "-"
    if estimate.low is None or estimate.high is None or not estimate.has_interval:
        return f"{estimate.value:+.3f}"
    low, high = (f"{bound:+.2f}".replace("0.", ".", 1) for bound in (estimate.low, estimate.high))
    return f"{estimate.value:+.3f}\n[dim]{low}/{high}[/]"


def _cell(estimate: "Estimate") -> str:
    if estimate.value is None:
        return "-"
    if estimate.low is None or estimate.high is None:
        return f"{estimate.value:z.3f}"
    if not estimate.has_interval:
        return f"{estimate.value:z.3f}\n[dim]-[/]"
    low, high = (f"{b:z.2f}".replace("0.", ".", 1).replace("1.00", "1.0") for b in (estimate.low, estimate.high))
    return f"{estimate.value:z.3f}\n[dim]{low}/{high}[/]"
