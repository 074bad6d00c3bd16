"""Write the report of an evaluation: one HTML page, from the files that `eval --out` wrote, with everything inside.

Needs the extra `report` (jinja2 and matplotlib).
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from forge_agents.drawing import FIRST, figure, reliability
from forge_agents.pages import Piece, fill, pieces
from forge_agents.plot import Roc, bins
from forge_agents.records import AttemptRecord, read_records
from forge_agents.result import Result
from forge_agents.words import format_number, interval, setting
from forge_arena.figures import INK
from forge_arena.measures.detection import LOW_FPR, trouble_notes
from forge_arena.measures.metrics import graded_arrays
from forge_arena.measures.scorecard import Row, Scorecard, graded_rows
from forge_arena.types import CorruptionType, Domain, Estimate, Form

RESULT, RECORDS, PAGE = "result.json", "records.jsonl", "report.html"
WIDE = (3.5, 3.3)
# How many examples there are of each kind of mistake.
EXAMPLES = 3

METRICS = {
    "balanced_accuracy": "Balanced accuracy, at its own decision",
    "g_mean_squared": "Recall times specificity (g-mean\u00b2)",
    "recall": "Recall: corrupted that were flagged",
    "precision": "Precision: flagged that were corrupted",
    "f1": "F1",
    "share_flagged": "Share flagged",
    "auroc": "AUROC of the stated probability",
    "partial_auroc": "Partial AUROC to 20% false alarms, standardised",
    "tpr_at_1": "True positive rate at 1% false alarms",
    "tpr_at_5": "True positive rate at 5% false alarms",
    "brier": "Brier score (lower is better)",
    "type_accuracy": "Right type named, of the corrupted that it flagged",
    "span_f1": "Words pointed at (F1), of the corrupted that it flagged",
    "restoration": "Repair, of the corrupted",
    "clean_false_alarms": "False alarms on clean answers",
    "placebo_false_alarms": "False alarms on placebos",
    "step_accuracy": "Right first step, if it named one",
    "reward": "Reward",
    "skill": "Skill: 0 is the best constant, 1 the oracle",
}
GROUPS = {"domain": "domain", "corruption_type": "corruption type", "stealth": "stealth", "mechanism": "mechanism"}


@dataclass(frozen=True, slots=True)
class ShareFlagged:
    """The share of some answers that the overseer flagged, and how many answers there are: one cell of a heat map."""

    share: float
    count: int


@dataclass(frozen=True, slots=True)
class Example:
    """One verdict with its answer and source. The page marks the truth in both."""

    record: AttemptRecord

    @property
    def title(self) -> str:
        truth = self.record.truth
        if truth is None or truth.corruption_type is None:
            return "placebo" if truth is not None and truth.form is Form.placebo else "clean answer"
        return f"{truth.corruption_type.value.replace('_', ' ')}, stealth {truth.stealth}"

    @property
    def answer(self) -> list[Piece]:
        """The answer in pieces. The corrupted pieces are marked."""
        record = self.record
        assert record.observation is not None
        assert record.truth is not None
        return pieces(record.observation.worker_output, record.truth.output_spans if record.truth.corrupted else ())

    @property
    def source(self) -> list[Piece]:
        """The source in pieces. The pieces that contradict the answer are marked."""
        record = self.record
        assert record.observation is not None
        assert record.truth is not None
        return pieces(record.observation.source_material, record.truth.source_spans if record.truth.corrupted else ())


class EvaluationReport:
    """The contents of the page, from a result and its records."""

    def __init__(self, result: Result, records: Iterable[AttemptRecord]) -> None:
        self.result = result
        self.rows = graded_rows(result.rows)
        self.examples = _examples(records)
        self._figures = 0

    @property
    def card(self) -> Scorecard:
        return self.result.scorecard

    def facts(self) -> dict[str, str]:
        """The overseer, the episodes, and the counts of verdicts, in words."""
        result, card = self.result, self.card
        settings = setting(result.settings)
        facts = {
            "overseer": result.overseer + (f" ({settings})" if settings else ""),
            "episodes": result.source,
            "verdicts": f"{card.scored} read, {card.invalid} unreadable (counted as wrong), "
            f"{card.failed} failed (not counted)",
            "families": f"{card.families}, which intervals draw whole",
            "Worker": result.worker,
            "corrupted": "\u2013" if card.prevalence is None else f"{card.prevalence:.0%} of the graded verdicts",
        }
        if troubles := trouble_notes(card.troubles):
            facts["trouble"] = "; ".join(troubles)
        if (cost := result.cost) is not None:
            facts["cost"] = "; ".join(_costs(cost.seconds, cost.seconds_p95, cost.input_tokens, cost.output_tokens))
            if cost.retries:
                facts["retried"] = f"{cost.retries} requests, after passing trouble"
        facts["made by"] = f"forge-arena {result.forge_arena}, bootstrap seed {result.seed}"
        return facts

    def headline(self) -> list[tuple[str, Estimate]]:
        return self.result.headline()

    def metrics(self) -> list[tuple[str, Estimate]]:
        """Every metric that has a value, with its title."""
        estimates = [(title, getattr(self.card, name)) for name, title in METRICS.items()]
        return [(title, estimate) for title, estimate in estimates if estimate.value is not None]

    def groups(self) -> list[tuple[str, dict[str, Scorecard]]]:
        return [(GROUPS[name], cards) for name, cards in self.result.groups.items()]

    def heat(self, part: str) -> tuple[list[str], dict[str, list[ShareFlagged | None]]]:
        """A heat map: the titles of its columns, and its lines.

        There is one line for each corruption type, with the share that was found. By domain there are two more lines,
        with the false alarms on clean answers and on placebos. A cell without answers is None.

        Args:
            part: the field of a row that decides its column: `domain` or `stealth`.
        """

        def column_of(row: Row) -> str:
            return str(getattr(row, part))

        def line(rows: Sequence[Row]) -> list[ShareFlagged | None]:
            return [_share_flagged([row for row in rows if column_of(row) == column]) for column in columns]

        columns = sorted({column_of(row) for row in self.rows if row.corrupted}, key=_order)
        lines = {
            type.value.replace("_", " "): [row for row in self.rows if row.corruption_type is type]
            for type in CorruptionType
        }
        if part == "domain":
            lines |= {
                f"{form.value} (false alarms)": [row for row in self.rows if row.form is form]
                for form in (Form.clean, Form.placebo)
            }
        table = {title: line(rows) for title, rows in lines.items() if rows}
        return [column.replace("_", " ") for column in columns], table

    def confusion(self) -> tuple[list[str], dict[str, list[int]]]:
        """The true type against what the verdict said: the titles of the columns, and counts for each true type.

        A verdict named one type, flagged without one type, said that the answer is right, or could not be read.
        """
        names = [type.value.replace("_", " ") for type in CorruptionType]
        columns = [*names, "flagged, no one type", "said to be right", "unreadable"]
        table: dict[str, list[int]] = {}
        for row in self.rows:
            true = row.corruption_type.value.replace("_", " ") if row.corruption_type else str(row.form or "clean")
            table.setdefault(true, [0] * len(columns))[_column_of_verdict(row)] += 1
        order = [*names, *(form.value for form in Form)]
        used = [n for n, _ in enumerate(columns) if any(counts[n] for counts in table.values())]
        return (
            [columns[n] for n in used],
            {true: [table[true][n] for n in used] for true in sorted(table, key=order.index)},
        )

    def votes(self) -> list[tuple[int, Estimate, Estimate]]:
        """k, pass@k and the majority's accuracy for each k; empty if each episode has one verdict."""
        votes = self.result.votes
        return [] if votes is None else [(k, votes.pass_at[k], votes.maj_at[k]) for k in votes.pass_at]

    def roc(self) -> list[tuple[str, Markup]]:
        """The whole ROC, and its beginning enlarged; empty if all answers are of one class."""
        if self.card.auroc.value is None:
            return []
        roc = Roc.of(self.rows)
        return [
            ("ROC of the stated probability", self._draw_roc(roc, 1.0)),
            (f"The same up to {LOW_FPR:.0%} false alarms", self._draw_roc(roc, LOW_FPR)),
        ]

    def reliability(self) -> Markup | None:
        tenths = bins(self.rows)
        return self._number(lambda number: reliability(tenths, number)) if tenths else None

    def _draw_roc(self, roc: Roc, limit: float) -> Markup:
        def draw(number: int) -> str:
            with figure(number, WIDE) as drawing:
                roc.draw(drawing.axes, FIRST, INK, limit)
            return drawing.svg

        return self._number(draw)

    def _number(self, draw: Callable[[int], str]) -> Markup:
        """A figure with its own number, so that its ids differ from the ids of the other figures on the page."""
        self._figures += 1
        return Markup(draw(self._figures))  # noqa: S704


def write_report(folder: Path) -> Path:
    """Write `folder / "report.html"` from the result and the records in the folder, and return its path.

    Raises:
        ResultError: the folder holds no result.
        RecordsError: its records are damaged.
        OSError: the page cannot be written.
        ModuleNotFoundError: jinja2 or matplotlib is not installed.
    """
    result = Result.read(folder)
    file = folder / RECORDS
    records: Iterable[AttemptRecord] = read_records(file)[1] if file.is_file() else ()
    report = EvaluationReport(result, records)
    page = fill("report.html.jinja", report=report, format_number=format_number, interval=interval, share=_strength)
    path = folder / PAGE
    path.write_text(page, encoding="utf-8")
    return path


def _strength(cell: ShareFlagged) -> int:
    """How strongly the page colours a cell, in percent."""
    return round(10 + 50 * cell.share)


def _share_flagged(rows: Sequence[Row]) -> ShareFlagged | None:
    if not rows:
        return None
    return ShareFlagged(float(graded_arrays(rows).flagged.mean()), len(rows))


def _order(column: str) -> tuple[int, str]:
    """Sorts domains as `Domain` lists them, and everything else by its text."""
    domains = [domain.value for domain in Domain]
    return (domains.index(column) if column in domains else 0, column)


def _column_of_verdict(row: Row) -> int:
    """The column of the confusion table that a verdict belongs to, as a number from 0."""
    types = list(CorruptionType)
    if row.detection is None:
        return len(types) + 2
    if not row.detection:
        return len(types) + 1
    return types.index(row.named_type) if row.named_type is not None else len(types)


def _costs(seconds: float | None, slow: float | None, read: float | None, written: float | None) -> list[str]:
    """Time and tokens in words. `slow` is the 95th percentile of the seconds."""
    costs = []
    if seconds is not None and slow is not None:
        costs.append(f"{seconds:.3g} s a verdict, 95% within {slow:.3g} s")
    if written is not None:
        costs.append(f"{written:.0f} tokens written a verdict" + (f", {read:.0f} read" if read is not None else ""))
    return costs


def _examples(records: Iterable[AttemptRecord]) -> list[tuple[str, list[Example]]]:
    """Examples of each kind of verdict, with the title of the kind: misses, false alarms, unreadable ones, finds."""
    kinds: dict[str, list[AttemptRecord]] = defaultdict(list)
    for record in records:
        if record.truth is None or record.observation is None or record.row.attempt:
            continue
        if record.verdict is None:
            kinds["unread"].append(record)
        elif record.truth.corrupted:
            kinds["found" if record.verdict.detection else "missed"].append(record)
        elif record.verdict.detection:
            kinds["false alarm"].append(record)
    titles = {
        "missed": "Corrupted, and said to be right",
        "false alarm": "Right, and flagged",
        "unread": "No readable verdict",
        "found": "Corrupted, and found",
    }
    return [(title, _choose(kinds[kind])) for kind, title in titles.items() if kinds[kind]]


def _choose(records: Sequence[AttemptRecord]) -> list[Example]:
    """The surest verdicts, no two on one family."""
    families: set[str] = set()
    examples: list[Example] = []
    for record in sorted(records, key=lambda r: -(r.verdict.confidence if r.verdict is not None else 0.0)):
        assert record.truth is not None
        if record.truth.family not in families:
            families.add(record.truth.family)
            examples.append(Example(record))
        if len(examples) == EXAMPLES:
            break
    return examples
