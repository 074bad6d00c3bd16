"""Write an evaluation's report: one page from what `eval --out` left in its folder, which needs nothing else to be read.

Needs the extra `report` (jinja2 and matplotlib).
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from forge_agents.drawing import FIRST, INK, drawn, reliability
from forge_agents.evaluation import Result
from forge_agents.pages import Piece, filled, pieces
from forge_agents.plot import Roc, bins
from forge_agents.records import Record, read_records
from forge_agents.words import interval, setting, shown
from forge_arena.detection import LOW_FPR, trouble_notes
from forge_arena.metrics import as_judged
from forge_arena.scorecard import Row, Scorecard, graded_rows
from forge_arena.types import CorruptionType, Domain, Estimate, Form

RESULT, RECORDS, PAGE = "result.json", "records.jsonl", "report.html"
WIDE = (3.5, 3.3)
# Of each kind of mistake so many examples, the surest first, no two of one family.
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
    "step_accuracy": "Right first step, where it named one",
    "reward": "Reward",
    "skill": "Skill: 0 is the best constant, 1 the oracle",
}
GROUPS = {"domain": "domain", "corruption_type": "corruption type", "stealth": "stealth", "mechanism": "mechanism"}


@dataclass(frozen=True, slots=True)
class Cell:
    """The share flagged of some answers, and how many they are."""

    share: float
    count: int


@dataclass(frozen=True, slots=True)
class Example:
    """One verdict with the answer and the source, the truth marked in both."""

    record: Record

    @property
    def title(self) -> str:
        truth = self.record.truth
        if truth is None or truth.corruption_type is None:
            return "placebo" if truth is not None and truth.form is Form.placebo else "clean answer"
        return f"{truth.corruption_type.value.replace('_', ' ')}, stealth {truth.stealth}"

    @property
    def answer(self) -> list[Piece]:
        record = self.record
        assert record.observation is not None
        assert record.truth is not None
        return pieces(record.observation.worker_output, record.truth.output_spans if record.truth.corrupted else ())

    @property
    def source(self) -> list[Piece]:
        record = self.record
        assert record.observation is not None
        assert record.truth is not None
        return pieces(record.observation.source_material, record.truth.source_spans if record.truth.corrupted else ())


class Report:
    """What the page shows of a result and its records."""

    def __init__(self, result: Result, records: Iterable[Record]) -> None:
        self.result = result
        self.rows = graded_rows(result.rows)
        self.examples = _examples(records)
        self._figures = 0

    @property
    def card(self) -> Scorecard:
        return self.result.scorecard

    def facts(self) -> dict[str, str]:
        """What was evaluated on what, and how it went."""
        result, card = self.result, self.card
        settings = setting(result.settings)
        facts = {
            "overseer": result.overseer + (f" ({settings})" if settings else ""),
            "episodes": result.source,
            "verdicts": f"{card.scored} read, {card.invalid} unreadable (counted as wrong), {card.failed} failed (not counted)",
            "families": f"{card.families}, which intervals draw whole",
            "Worker": result.worker,
            "corrupted": "\u2013" if card.prevalence is None else f"{card.prevalence:.0%} of the judged",
        }
        if troubled := trouble_notes(card.troubles):
            facts["trouble"] = "; ".join(troubled)
        if (cost := result.cost) is not None:
            facts["cost"] = "; ".join(_costs(cost.seconds, cost.seconds_p95, cost.input_tokens, cost.output_tokens))
            if cost.retries:
                facts["retried"] = f"{cost.retries} requests, after passing trouble"
        facts["made by"] = f"forge-arena {result.forge_arena}, bootstrap seed {result.seed}"
        return facts

    def headline(self) -> list[tuple[str, Estimate]]:
        return self.result.headline()

    def metrics(self) -> list[tuple[str, Estimate]]:
        found = [(title, getattr(self.card, name)) for name, title in METRICS.items()]
        return [(title, estimate) for title, estimate in found if estimate.value is not None]

    def groups(self) -> list[tuple[str, dict[str, Scorecard]]]:
        return [(GROUPS[name], cards) for name, cards in self.result.groups.items()]

    def heat(self, part: str) -> tuple[list[str], dict[str, list[Cell | None]]]:
        """Columns, and for each type of corruption the share found in each; last the false alarms, where they have any."""

        def of(row: Row) -> str:
            return str(getattr(row, part))

        columns = sorted({of(row) for row in self.rows if row.corrupted}, key=_order)
        table: dict[str, list[Cell | None]] = {}
        for type in CorruptionType:
            rows = [row for row in self.rows if row.corruption_type is type]
            if rows:
                table[type.value.replace("_", " ")] = [_cell([r for r in rows if of(r) == c]) for c in columns]
        if part == "domain":
            for form in (Form.clean, Form.placebo):
                rows = [row for row in self.rows if row.form is form]
                if rows:
                    table[f"{form.value} (false alarms)"] = [_cell([r for r in rows if of(r) == c]) for c in columns]
        return [column.replace("_", " ") for column in columns], table

    def confusion(self) -> tuple[list[str], dict[str, list[int]]]:
        """True type against what the verdict said: a type that it named, none, that all is well, or nothing readable."""
        names = [type.value.replace("_", " ") for type in CorruptionType]
        columns = [*names, "flagged, no one type", "said to be right", "unreadable"]
        table: dict[str, list[int]] = {}
        for row in self.rows:
            true = row.corruption_type.value.replace("_", " ") if row.corruption_type else str(row.form or "clean")
            said = columns[_said(row)]
            counts = table.setdefault(true, [0] * len(columns))
            counts[columns.index(said)] += 1
        order = [*names, *(form.value for form in Form)]
        used = [n for n, _ in enumerate(columns) if any(counts[n] for counts in table.values())]
        return (
            [columns[n] for n in used],
            {true: [table[true][n] for n in used] for true in sorted(table, key=order.index)},
        )

    def votes(self) -> list[tuple[int, Estimate, Estimate]]:
        votes = self.result.votes
        return [] if votes is None else [(k, votes.pass_at[k], votes.maj_at[k]) for k in votes.pass_at]

    # --- figures

    def roc(self) -> list[tuple[str, Markup]]:
        """The ROC whole, and its beginning enlarged; none where all answers are of one kind."""
        if self.card.auroc.value is None:
            return []
        found = Roc.of(self.rows)
        return [
            ("ROC of the stated probability", self._roc(found, 1.0)),
            (f"The same up to {LOW_FPR:.0%} false alarms", self._roc(found, LOW_FPR)),
        ]

    def reliability(self) -> Markup | None:
        found = bins(self.rows)
        return self._numbered(lambda number: reliability(found, number)) if found else None

    def _roc(self, found: Roc, limit: float) -> Markup:
        def draw(number: int) -> str:
            with drawn(number, WIDE) as figure:
                found.draw(figure.axes, FIRST, INK, limit)
            return figure.svg

        return self._numbered(draw)

    def _numbered(self, draw: Callable[[int], str]) -> Markup:
        """A figure whose ids are its own: they share one page."""
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
    kept = folder / RECORDS
    records: Iterable[Record] = read_records(kept)[1] if kept.is_file() else ()
    page = filled("report.html.jinja", report=Report(result, records), shown=shown, interval=interval, share=_share)
    path = folder / PAGE
    path.write_text(page, encoding="utf-8")
    return path


def _share(cell: Cell) -> int:
    """How strongly a cell is coloured, in percent."""
    return round(10 + 50 * cell.share)


def _cell(rows: Sequence[Row]) -> Cell | None:
    if not rows:
        return None
    return Cell(float(as_judged(rows).flagged.mean()), len(rows))


def _order(column: str) -> tuple[int, str]:
    domains = [domain.value for domain in Domain]
    return (domains.index(column) if column in domains else 0, column)


def _said(row: Row) -> int:
    """Which column of the confusion a verdict belongs to."""
    types = list(CorruptionType)
    if row.detection is None:
        return len(types) + 2
    if not row.detection:
        return len(types) + 1
    return types.index(row.named_type) if row.named_type is not None else len(types)


def _costs(seconds: float | None, slow: float | None, read: float | None, written: float | None) -> list[str]:
    said = []
    if seconds is not None and slow is not None:
        said.append(f"{seconds:.3g} s a verdict, 95% within {slow:.3g} s")
    if written is not None:
        said.append(f"{written:.0f} tokens written a verdict" + (f", {read:.0f} read" if read is not None else ""))
    return said


def _examples(records: Iterable[Record]) -> list[tuple[str, list[Example]]]:
    """Mistakes and finds, the surest first, each from another family; and what could not be read."""
    kinds: dict[str, list[Record]] = defaultdict(list)
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
    return [(title, _chosen(kinds[kind])) for kind, title in titles.items() if kinds[kind]]


def _chosen(records: Sequence[Record]) -> list[Example]:
    families: set[str] = set()
    found: list[Example] = []
    for record in sorted(records, key=lambda r: -(r.verdict.confidence if r.verdict is not None else 0.0)):
        assert record.truth is not None
        if record.truth.family not in families:
            families.add(record.truth.family)
            found.append(Example(record))
        if len(found) == EXAMPLES:
            break
    return found
