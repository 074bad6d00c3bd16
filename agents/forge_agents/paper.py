"""Write compared results, and attacks, as tables for a spreadsheet (CSV) and for a paper (LaTeX).

The values are those of each result on its own episodes. The differences are paired, on the episodes that a result has
in common with the first one; `forge_agents.compare` computes them.
"""

import csv
import re
from collections.abc import Sequence
from io import StringIO

from forge_agents.attack import AttackResult
from forge_agents.compare import Comparison
from forge_agents.result import Result
from forge_arena.measures.search import MEASURES
from forge_arena.types import Estimate

# The columns of the LaTeX table. The CSV has every metric.
COLUMNS = {
    "reward": "Reward",
    "balanced_accuracy": "Bal.\\ acc.",
    "auroc": "AUROC",
    "tpr_at_1": "TPR@1\\%",
    "tpr_at_5": "TPR@5\\%",
    "brier": "Brier",
    "skill": "Skill",
}
CSV_HEADER = (
    *("result", "overseer", "suite", "suite_hash", "split", "episodes", "families", "metric"),
    *("value", "low", "high", "difference", "difference_low", "difference_high"),
)
ATTACK_HEADER = (
    *(
        "result",
        "overseer",
        "suite",
        "suite_hash",
        "split",
        "draws",
        "families",
        "tries",
        "exhausted",
        "group",
        "measure",
    ),
    *("value", "low", "high", "change", "change_low", "change_high"),
)
NOTE_ON_INTERVALS = "% 95% intervals in brackets; they draw whole families. A dash: the value is the same in every draw"
_SPECIAL = re.compile(r"[\\&%$#_{}~^]")
_NAMED = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}


def csv_table(results: Sequence[Result], comparisons: Sequence[Comparison]) -> str:
    """One line for each result and metric, with its 95% interval, and the difference to the first result.

    `comparisons` are those of the first result with each of the others, in order. A cell is empty where nothing is
    defined, and the ends of an interval without width are empty.
    """
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(CSV_HEADER)
    for result, comparison in zip(results, (None, *comparisons), strict=True):
        card = result.scorecard
        about = (result.title, result.overseer, result.suite, result.suite_hash, result.split.value)
        counts = (card.episodes, card.families)
        metrics = {name: getattr(card, name) for name in type(card).model_fields}
        for name, metric in metrics.items():
            if isinstance(metric, Estimate):
                difference = None if comparison is None else comparison.differences.get(name)
                writer.writerow([*about, *counts, name, *_numbers(metric), *_numbers(difference)])
        if result.cost is not None:
            for name in ("input_tokens", "output_tokens", "seconds", "money"):
                value = getattr(result.cost, name)
                writer.writerow([*about, *counts, name, value, *[None] * 5])
    return text.getvalue()


def latex_table(results: Sequence[Result]) -> str:
    r"""A table for the package booktabs: one row for each result, below each value its 95% interval.

    The result is `\begin{tabular}` to `\end{tabular}`, with a comment that says what the rows are.
    """
    lines = [
        "% " + "; ".join(f"{_comment(r.title)}: {_comment(r.source)}, suite hash {r.suite_hash}" for r in results),
        NOTE_ON_INTERVALS,
        rf"\begin{{tabular}}{{l{'r' * len(COLUMNS)}}}",
        r"\toprule",
        " & ".join(("Overseer", *COLUMNS.values())) + r" \\",
        r"\midrule",
    ]
    for result in results:
        estimates = [getattr(result.scorecard, name) for name in COLUMNS]
        lines.append(" & ".join((latex(result.title), *map(_value, estimates))) + r" \\")
        lines.append(" & ".join(("", *map(_interval, estimates))) + r" \\")
    return "\n".join((*lines, r"\bottomrule", r"\end{tabular}", ""))


def attack_csv(result: AttackResult) -> str:
    """One line for each number of tries, group and measure of an attack, with its 95% interval.

    The group is `all` or a corruption type. `change` is the measure less its value with one try; of a type it is empty.
    A measure at a threshold that was chosen on other episodes reads `recall, 5% false alarms`.
    """
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(ATTACK_HEADER)
    about = (result.title, result.overseer, result.suite, result.suite_hash, result.split.value)
    for point in result.curve:
        counts = (result.draws, result.families, point.tries, point.short)
        for name in MEASURES:
            both = (*_numbers(getattr(point, name)), *_numbers(getattr(point.change, name)))
            writer.writerow([*about, *counts, "all", name, *both])
        for frozen in point.frozen:
            for name in ("recall", "false_alarms"):
                numbers = (*_numbers(getattr(frozen, name)), *_numbers(None))
                writer.writerow([*about, *counts, "all", f"{name}, {frozen.title}", *numbers])
        for type, found in point.by_type.items():
            for name in MEASURES:
                numbers = (*_numbers(getattr(found, name)), *_numbers(None))
                writer.writerow([*about, *counts, type, name, *numbers])
    return text.getvalue()


def attack_latex(result: AttackResult) -> str:
    """A table of an attack for the package booktabs: one row for each number of tries, intervals below the values."""
    columns = {name: COLUMNS.get(name, "Recall") for name in MEASURES}
    lines = [
        f"% {_comment(result.title)}: {_comment(result.source)}, {result.search}, suite hash {result.suite_hash}",
        NOTE_ON_INTERVALS,
        rf"\begin{{tabular}}{{r{'r' * len(columns)}}}",
        r"\toprule",
        " & ".join(("Tries", *columns.values())) + r" \\",
        r"\midrule",
    ]
    for point in result.curve:
        estimates = [getattr(point, name) for name in MEASURES]
        lines.append(" & ".join((str(point.tries), *map(_value, estimates))) + r" \\")
        lines.append(" & ".join(("", *map(_interval, estimates))) + r" \\")
    return "\n".join((*lines, r"\bottomrule", r"\end{tabular}", ""))


def latex(text: str) -> str:
    """A text whose characters LaTeX shows as they are."""
    return _SPECIAL.sub(lambda match: _NAMED.get(match[0], "\\" + match[0]), " ".join(text.split()))


def _comment(text: str) -> str:
    return " ".join(text.split())


def _numbers(estimate: Estimate | None) -> tuple[float | None, ...]:
    if estimate is None or not estimate.has_interval:
        return (None if estimate is None else estimate.value, None, None)
    return (estimate.value, estimate.low, estimate.high)


def _value(estimate: Estimate) -> str:
    return "--" if estimate.value is None else _number(estimate.value, 3)


def _interval(estimate: Estimate) -> str:
    if estimate.low is None or estimate.high is None:
        return ""
    if not estimate.has_interval:
        return r"{\scriptsize --}"
    return rf"{{\scriptsize [{_number(estimate.low, 2)}, {_number(estimate.high, 2)}]}}"


def _number(value: float, places: int) -> str:
    """A number in LaTeX's text mode. A minus is no hyphen, and a zero has none."""
    text = f"{value:.{places}f}"
    return text.lstrip("-") if float(text) == 0.0 else text.replace("-", "$-$")
