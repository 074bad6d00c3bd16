"""Write the report of an evaluation: one HTML page, from the files that `eval --out` wrote, with everything inside.

Needs the extra `report` (jinja2 and matplotlib).
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from forge_agents.cost_curve import CostCurve, cost_curve
from forge_agents.cost_figure import cost_figure
from forge_agents.drawing import FIRST, figure, reliability
from forge_agents.pages import Piece, fill, pieces
from forge_agents.plot import bins, draw_roc
from forge_agents.provenance import Provenance
from forge_agents.records import AttemptRecord, read_records
from forge_agents.result import Result, ResultError
from forge_agents.words import common_reasons, format_number, interval, setting
from forge_arena.figures import INK
from forge_arena.measures.definitions import DEFINITIONS
from forge_arena.measures.detection import LOW_FPR, trouble_notes
from forge_arena.measures.metrics import graded_arrays
from forge_arena.measures.roc import Roc
from forge_arena.measures.scorecard import Cost, Row, Scorecard, graded_rows
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
GROUPS = {
    "domain": "domain",
    "corruption_type": "corruption type",
    "stealth": "stealth",
    "mechanism": "mechanism",
    "awareness": "what the Worker knew of the overseer (awareness)",
    "candour": "what the Worker showed of its thinking (candour)",
    "family": "family",
}


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
        facts = {"name": result.name} if result.name else {}
        facts |= {
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
        if failed := common_reasons(row.reason for row in result.rows if row.reward is None):
            facts["what failed"] = failed
        if (cost := result.cost) is not None:
            facts["cost"] = cost_in_words(cost)
            if result.tools is not None:
                facts["tools"] = f"{cost.tool_uses:.1f} uses a verdict, which cost {cost.tool_cost:g} beside the reward"
            if cost.retries:
                facts["retried"] = f"{cost.retries} requests, after passing trouble"
        facts["made by"] = f"forge-arena {result.forge_arena}, bootstrap seed {result.seed}"
        return facts | ({} if result.provenance is None else _origin(result.provenance))

    def prompt(self) -> list[tuple[str, str]]:
        """The messages of the overseer's prompt: role and text. Empty if the overseer states none."""
        details = {} if self.result.provenance is None else self.result.provenance.details
        # An overseer of anybody's may state its prompt in another form, which stands among the facts.
        prompt = details.get("prompt")
        messages = prompt.get("messages", []) if isinstance(prompt, dict) else []
        return [
            (str(message.get("role")), str(message.get("content"))) for message in messages if isinstance(message, dict)
        ]

    def headline(self) -> list[tuple[str, Estimate]]:
        return self.result.headline()

    def metrics(self) -> list[tuple[str, Estimate]]:
        """Every metric that has a value, with its title."""
        estimates = [(title, getattr(self.card, name)) for name, title in METRICS.items()]
        return [(title, estimate) for title, estimate in estimates if estimate.value is not None]

    def definitions(self) -> list[tuple[str, str, str]]:
        """The metrics of the page: the field, the title and the definition of each."""
        return [(name, title, DEFINITIONS[name]) for name, title in METRICS.items()]

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

    def cost_curve(self) -> tuple[CostCurve, Markup] | None:
        """What accuracy costs, if the overseer asks several or gave several verdicts, and its figure."""
        curve = cost_curve([self.result])
        if curve is None:
            return None
        return curve, self._number(lambda number: cost_figure(curve, number))

    def _draw_roc(self, roc: Roc, limit: float) -> Markup:
        def draw(number: int) -> str:
            with figure(number, WIDE) as drawing:
                draw_roc(roc, drawing.axes, FIRST, INK, limit)
            return drawing.svg

        return self._number(draw)

    def _number(self, draw: Callable[[int], str]) -> Markup:
        """A figure with its own number, so that its ids differ from the ids of the other figures on the page."""
        self._figures += 1
        return Markup(draw(self._figures))  # noqa: S704


def write_report(folder: Path, result: Result | None = None) -> Path:
    """Write `folder / "report.html"` from the result and the records in the folder, and return its path.

    Args:
        result: the result in the folder, if the caller has it already.

    Raises:
        ResultError: the folder holds no result, or is a file.
        RecordsError: its records are damaged.
        OSError: the page cannot be written.
        ModuleNotFoundError: jinja2 or matplotlib is not installed.
    """
    if folder.is_file():
        raise ResultError(f"{folder} is a file, and a report takes the folder that eval --out wrote: give the folder")
    result = Result.read(folder) if result is None else result
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


def cost_in_words(cost: Cost) -> str:
    """Time, tokens and money in words."""
    costs = []
    if cost.seconds is not None and cost.seconds_p95 is not None:
        of = "a verdict by its own requests" if cost.by_request else "a verdict, shared out over its batch"
        costs.append(f"{cost.seconds:.3g} s {of}, 95% within {cost.seconds_p95:.3g} s")
    if cost.output_tokens is not None:
        read = f", {cost.input_tokens:.0f} read" if cost.input_tokens is not None else ""
        costs.append(f"{cost.output_tokens:.0f} tokens written a verdict{read}")
    if cost.money is not None:
        prices = ", ".join(
            f"{name + ': ' if name else ''}{price.input:g} read and {price.output:g} written"
            for name, price in cost.prices.items()
        )
        costs.append(f"{1000 * cost.money:.3g} for 1,000 verdicts, at these prices of a million tokens: {prices}")
    return "; ".join(costs)


def _origin(made: Provenance) -> dict[str, str]:
    """How the result was made, in words for the page: what a reader needs to make it again."""
    details = dict(made.details)
    prompt = details.get("prompt")
    if isinstance(prompt, dict) and "digest" in prompt:
        details["prompt"] = prompt["digest"]
    facts = {"made on": made.ended, "named by": made.spec or "a program", "every setting": setting(made.settings)}
    facts["settings left out"] = ", ".join(made.left_out)
    facts["model"] = setting(details)
    if made.arena is not None:
        facts["arena"] = made.arena
    if (edition := made.edition) is not None:
        load = "" if edition.load is None else f", load {edition.load.value}"
        facts["edition"] = (
            f"forge-arena {edition.forge_arena}, revision {edition.revision or 'unknown'}, grader {edition.grader}"
            f"{load}, {edition.revisions} revisions, {edition.probes} probes, secret {edition.secret_fingerprint}"
        )
    packages = ", ".join(f"{name} {version}" for name, version in made.software.packages.items())
    revision = made.software.revision or "unknown"
    facts["code"] = f"revision {revision}, Python {made.software.python}, {packages}"
    return {name: value for name, value in facts.items() if value not in ("", "none")}


def _examples(records: Iterable[AttemptRecord]) -> list[tuple[str, list[Example]]]:
    """Examples of each kind of verdict, with the title of the kind: misses, false alarms, unreadable ones, finds."""
    kinds: dict[str, _Surest] = defaultdict(_Surest)
    for record in records:
        if record.truth is None or record.observation is None or record.row.attempt:
            continue
        if record.verdict is None:
            kinds["unread"].add(record)
        elif record.truth.corrupted:
            kinds["found" if record.verdict.detection else "missed"].add(record)
        elif record.verdict.detection:
            kinds["false alarm"].add(record)
    titles = {
        "missed": "Corrupted, and said to be right",
        "false alarm": "Right, and flagged",
        "unread": "No readable verdict",
        "found": "Corrupted, and found",
    }
    return [(title, kinds[kind].examples()) for kind, title in titles.items() if kind in kinds]


class _Surest:
    """The surest verdict on each family. Of equally sure ones it is the first.

    The others are dropped at once, because the records of a long evaluation do not fit into memory.
    """

    def __init__(self) -> None:
        self._count = 0
        # By family: minus the confidence, the number of the record, and the record.
        self._of_family: dict[str, tuple[float, int, AttemptRecord]] = {}

    def add(self, record: AttemptRecord) -> None:
        assert record.truth is not None
        confidence = 0.0 if record.verdict is None else record.verdict.confidence
        surest = self._of_family.get(record.truth.family)
        if surest is None or -confidence < surest[0]:
            self._of_family[record.truth.family] = (-confidence, self._count, record)
        self._count += 1

    def examples(self) -> list[Example]:
        """The surest verdicts, no two on one family."""
        ranked = sorted(self._of_family.values(), key=lambda entry: entry[:2])
        return [Example(record) for _, _, record in ranked[:EXAMPLES]]
