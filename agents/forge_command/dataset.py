"""`forge-arena eval --dataset`: score an overseer on labelled answers from elsewhere, without an arena."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape

from forge_command.console import deliver, resumable
from forge_command.overseer import following, opening
from forge_command.progress import progress
from forge_command.result_folder import ResultFolder
from forge_command.tables import dataset_table

if TYPE_CHECKING:
    from forge_agents.datasets import DatasetResult


def evaluate_answers(
    overseer: str, settings: dict[str, Any], dataset: Path, folder: ResultFolder, json: str | None
) -> None:
    """Let the overseer review every row of the dataset; write and print its scores."""
    result = _review(overseer, settings, dataset, folder)

    def show(out: Console) -> None:
        out.print(dataset_table(result))
        for note in result.scorecard.notes:
            out.print(f"[dim]{escape(note)}[/]", highlight=False)

    deliver(result, json, show, folder.files(result))


def _review(overseer: str, settings: dict[str, Any], dataset: Path, folder: ResultFolder) -> "DatasetResult":
    from forge_agents.datasets import evaluate_dataset, load_dataset
    from forge_agents.overseers import OverseerFailed

    answers = load_dataset(dataset)
    with (
        resumable(folder.how_to_go_on, OverseerFailed, if_failed=folder.how_to_go_on_if_begun),
        progress() as bar,
        opening(bar, overseer, settings) as opened,
    ):
        task = bar.add_task(escape(overseer), total=len(answers), unit="answers")
        return evaluate_dataset(
            opened,
            answers,
            name=dataset.name,
            settings=settings,
            records=folder.records,
            resume=folder.resume,
            on_progress=following(bar, task, opened),
        )
