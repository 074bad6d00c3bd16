"""`forge-arena compare`: which differences between evaluations are real?"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape

from forge_command.console import deliver, extra, fail, writable_file
from forge_command.options import JsonFile, LatexFile
from forge_command.tables import comparison_table, told_table

if TYPE_CHECKING:  # These take seconds to import, and help texts and refusals do not need them.
    from forge_agents.compare import Comparison
    from forge_agents.result import Result

EPILOG = """Example:

forge-arena eval --overseer rules --out rules

forge-arena eval --overseer random --out random

forge-arena compare rules random --html compared.html --csv compared.csv --latex compared.tex"""


def compare(
    results: Annotated[list[Path], typer.Argument(help="Results, as files or as folders of eval --out.")],
    csv: Annotated[
        Path | None,
        typer.Option(metavar="FILE", callback=writable_file, help="Write every metric of every result as CSV."),
    ] = None,
    latex: LatexFile = None,
    html: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", callback=writable_file, help="Write a page: the table, and what accuracy costs as a plot."
        ),
    ] = None,
    json: JsonFile = None,
) -> None:
    """Compare evaluations with the first of them, on the episodes that both reviewed: which differences are real?

    Differences are paired, and their intervals draw whole families. Evaluate with the same --split, --start and
    --episodes, so that all review the same episodes.
    """
    if len(results) < 2:
        raise fail("comparing takes two results or more")
    from forge_agents.compare import compare_results
    from forge_agents.paper import csv_table, latex_table
    from forge_agents.result import Result

    read = [Result.read(path) for path in results]
    first, *others = read
    comparisons = [compare_results(first, other) for other in others]

    def show(out: Console) -> None:
        for comparison in comparisons:
            out.print(comparison_table(comparison))
            if comparison.told:
                out.print(told_table(comparison))
            for sentence in comparison.findings():
                out.print(escape(sentence), highlight=False)

    files = {} if csv is None else {csv: csv_table(read, comparisons)}
    if latex is not None:
        files[latex] = latex_table(read)
    if html is not None:
        files[html] = _page(read, comparisons)
    deliver([comparison.model_dump(mode="json") for comparison in comparisons], json, show, files)


def _page(results: "list[Result]", comparisons: "list[Comparison]") -> str:
    with extra("report", "a page"):
        from forge_agents.comparison_page import comparison_page
    return comparison_page(results, comparisons)
