"""The report of an audit: how it is printed and written, and the exit code that its gates set."""

from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table as Grid

from forge_command.console import deliver, writable_file

if TYPE_CHECKING:
    from forge_arena.audits.report import AuditReport

ROWS_PRINTED = 40
STATES = {"passed": "[green]passed[/]", "open": "[yellow]open[/]", "failed": "[bold red]failed[/]"}


def _check_plots(html: Path | None) -> Path | None:
    if html is not None:
        missing = [name for name in ("jinja2", "matplotlib") if find_spec(name) is None]
        if missing:
            raise typer.BadParameter(f"needs {' and '.join(missing)}: pip install 'forge-arena[report]'")
    return writable_file(html)


HtmlFile = Annotated[
    Path | None,
    typer.Option("--html", metavar="FILE", callback=_check_plots, help="Write one self-contained page with plots."),
]


def finish(report: "AuditReport", json: str | None, html: Path | None, last_line: str | None = None) -> None:
    """Print a report, write it where the options say, and exit with 1 if a gate fails. An open gate does not fail.

    Args:
        last_line: what to say after the report.
    """
    from forge_arena.audits.page import page

    deliver(report, json, partial(_show, report), {} if html is None else {html: page(report)}, lambda: last_line)
    if report.failed:
        raise typer.Exit(1)


def _show(report: "AuditReport", out: Console) -> None:
    from forge_arena.audits.page import format_cell

    for table in report.tables:
        numeric = [any(isinstance(row[n], int | float) for row in table.rows) for n in range(len(table.columns))]
        grid = Grid(
            title=escape(table.title), caption=escape(table.note) or None, box=SIMPLE_HEAD, padding=(0, 1, 0, 0)
        )
        for column, right in zip(table.columns, numeric, strict=True):
            grid.add_column(escape(column), justify="right" if right else "left", overflow="fold")
        for row in table.rows[:ROWS_PRINTED]:
            grid.add_row(*[escape(format_cell(cell)) for cell in row])
        out.print(grid)
        if len(table.rows) > ROWS_PRINTED:
            out.print(f"[dim]{len(table.rows) - ROWS_PRINTED} more rows in --json and --html[/]\n", highlight=False)
    gates = Grid("gate", "", "value", "limit", "", title="gates", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    # In the order of the alphabet, which is that of their weight: failed, open, passed.
    for gate in sorted(report.gates, key=lambda gate: gate.state):
        gates.add_row(
            escape(gate.name), STATES[gate.state], format_cell(gate.value), format_cell(gate.limit), escape(gate.detail)
        )
    if report.gates:
        out.print(gates)
    failed, undecided = (sum(gate.state == state for gate in report.gates) for state in ("failed", "open"))
    if failed:
        out.print(f"[bold red]{failed} of {len(report.gates)} gates fail; the gates above begin with them[/]")
    if undecided:
        none = "" if failed else "no gate fails, but "
        out.print(
            f"[yellow]{none}{undecided} of {len(report.gates)} gates stay open: too little was measured to decide "
            "them, so nothing is proved there[/]"
        )
    if report.gates and report.passed:
        out.print(f"[green]all {len(report.gates)} gates hold[/]")
