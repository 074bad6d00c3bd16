"""`forge-arena compare`: which differences between evaluations are real?"""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from forge_command.console import JsonFile, deliver, fail
from forge_command.tables import comparison_table

EPILOG = """Example:

forge-arena eval --overseer rules --out rules

forge-arena eval --overseer random --out random

forge-arena compare rules random"""


def compare(
    results: Annotated[list[Path], typer.Argument(help="Results, as files or as folders of eval --out.")],
    json: JsonFile = None,
) -> None:
    """Compare evaluations with the first of them, on the episodes that both reviewed: which differences are real?

    Differences are paired, and their intervals draw whole families. Evaluate with the same --split, --start and
    --episodes, so that all review the same episodes.
    """
    if len(results) < 2:
        raise fail("comparing takes two results or more")
    from forge_agents.compare import compare_results
    from forge_agents.result import Result

    first, *others = [Result.read(path) for path in results]
    comparisons = [compare_results(first, other) for other in others]

    def show(out: Console) -> None:
        for comparison in comparisons:
            out.print(comparison_table(comparison))
            for sentence in comparison.findings():
                out.print(escape(sentence), highlight=False)

    deliver([comparison.model_dump(mode="json") for comparison in comparisons], json, show)
