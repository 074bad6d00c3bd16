"""`forge-arena audit`: prove that the labels are true, that the source is needed, and that the reward cannot be gamed.

One function a subcommand. Each ends in `finish`, which prints the report, writes it, and sets the exit code.
"""

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table as Grid

from forge_command.app import fail

if TYPE_CHECKING:
    from forge_arena.audits.report import AuditReport

app = typer.Typer(
    help="Prove that the labels are true, that the source is needed, and that the reward cannot be gamed.",
    epilog="Every audit ends with exit code 0 where all gates hold, 1 where one fails, 2 on bad input.",
    no_args_is_help=True,
)


def _drawable(html: Path | None) -> Path | None:
    if html is not None:
        missing = [name for name in ("jinja2", "matplotlib") if find_spec(name) is None]
        if missing:
            raise typer.BadParameter(f"needs {' and '.join(missing)}: pip install 'forge-arena[report]'")
        if not html.parent.is_dir():
            raise typer.BadParameter(f"{html}: there is no folder {html.parent}")
    return html


HtmlFile = Annotated[
    Path | None,
    typer.Option("--html", metavar="FILE", callback=_drawable, help="Write one self-contained page with plots."),
]
Quick = Annotated[bool, typer.Option("--quick", help="Fewer draws: under three minutes, with wider intervals.")]


def finish(report: "AuditReport", json: str | None, html: Path | None) -> None:
    """Print a report, write it where asked, and leave with 1 if a gate fails."""
    from forge_arena.audits.page import page, shown

    out = Console(stderr=json == "-")
    for table in report.tables:
        numeric = [any(isinstance(row[n], int | float) for row in table.rows) for n in range(len(table.columns))]
        grid = Grid(
            title=escape(table.title), caption=escape(table.note) or None, box=SIMPLE_HEAD, padding=(0, 1, 0, 0)
        )
        for column, right in zip(table.columns, numeric, strict=True):
            grid.add_column(escape(column), justify="right" if right else "left", overflow="fold")
        for row in table.rows:
            grid.add_row(*[escape(shown(cell)) for cell in row])
        out.print(grid)
    gates = Grid("gate", "", "value", "limit", "", title="gates", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for gate in sorted(report.gates, key=lambda gate: gate.passed):
        said = "[green]passed[/]" if gate.passed else "[bold red]failed[/]"
        gates.add_row(escape(gate.name), said, shown(gate.value), shown(gate.limit), escape(gate.detail))
    out.print(gates)
    try:
        if json == "-":
            typer.echo(report.to_json())
        elif json is not None:
            Path(json).write_text(report.to_json() + "\n", encoding="utf-8")
        if html is not None:
            html.write_text(page(report), encoding="utf-8")
    except OSError as error:
        raise fail(f"cannot write the report: {error}") from None
    failed = sum(not gate.passed for gate in report.gates)
    if failed:
        out.print(f"[bold red]{failed} of {len(report.gates)} gates fail[/]")
        raise typer.Exit(1)
    out.print(f"[green]all {len(report.gates)} gates hold[/]")
