"""`forge-arena eval --dataset`: score an overseer on labelled answers from elsewhere, without an arena."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape

from forge_agents.words import interval
from forge_arena.secrecy import public_address
from forge_command.console import deliver, resumable
from forge_command.overseer import following, opening
from forge_command.progress import progress
from forge_command.result_folder import ResultFolder
from forge_command.tables import causes, dataset_table

if TYPE_CHECKING:
    from forge_agents.datasets import DatasetResult


def evaluate_answers(
    overseer: str,
    settings: dict[str, Any],
    dataset: Path,
    folder: ResultFolder,
    json: str | None,
    name: str | None = None,
) -> None:
    """Let the overseer review every row of the dataset; write and print its scores."""
    result = _review(overseer, settings, dataset, folder, name)

    def show(out: Console) -> None:
        out.print(dataset_table(result))
        if (macro := result.macro_auroc) is not None and macro.value is not None:
            within = f" ({interval(macro)})" if macro.low is not None else ""
            out.print(f"macro AUROC, the mean over the origins: {macro.value:.3f}{within}", highlight=False)
        for note in result.scorecard.notes:
            out.print(f"[dim]{escape(note)}[/]", highlight=False)
        for cause in causes(result.rows):
            out.print(f"[dim]{escape(cause)}[/]", highlight=False)

    deliver(result, json, show, folder.files(result))


def _review(
    overseer: str, settings: dict[str, Any], dataset: Path, folder: ResultFolder, name: str | None
) -> "DatasetResult":
    from forge_agents.datasets import evaluate_dataset, load_dataset
    from forge_agents.overseers import OverseerFailed

    answers = load_dataset(dataset)
    with (
        resumable(folder.how_to_go_on, OverseerFailed, if_failed=folder.how_to_go_on_if_begun),
        progress() as bar,
        opening(bar, overseer, settings) as opened,
    ):
        task = bar.add_task(escape(public_address(overseer)), total=len(answers), unit="answers")
        return evaluate_dataset(
            opened,
            answers,
            name=dataset.name,
            title=name,
            spec=overseer,
            settings=settings,
            records=folder.records,
            resume=folder.resume,
            on_progress=following(bar, task, opened),
        )
