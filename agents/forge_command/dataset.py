"""`forge-arena eval --dataset`: score an overseer on labelled answers from elsewhere, without an arena."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape

from forge_command.console import deliver, resumable
from forge_command.overseer import opening
from forge_command.progress import progress
from forge_command.result_folder import ResultFolder
from forge_command.tables import dataset_table

if TYPE_CHECKING:
    from forge_agents.datasets import DatasetResult


def evaluate_answers(
    overseer: str, settings: dict[str, Any], dataset: Path, kept: ResultFolder, json: str | None
) -> None:
    """Let the overseer judge every row of the dataset; write and print how it did."""
    result = _judge(overseer, settings, dataset, kept)

    def show(out: Console) -> None:
        out.print(dataset_table(result))
        for note in result.scorecard.notes:
            out.print(f"[dim]{escape(note)}[/]", highlight=False)

    deliver(result, json, show, kept.files(result))


def _judge(overseer: str, settings: dict[str, Any], dataset: Path, kept: ResultFolder) -> "DatasetResult":
    from forge_agents.datasets import evaluate_dataset, load_dataset
    from forge_agents.overseers import OverseerFailed

    answers = load_dataset(dataset)
    with (
        resumable(kept.how_to_go_on, OverseerFailed, if_failed=kept.how_to_go_on_if_begun),
        progress() as bar,
        opening(bar, overseer, settings) as opened,
    ):
        task = bar.add_task(escape(overseer), total=len(answers), unit="answers")
        return evaluate_dataset(
            opened,
            answers,
            name=dataset.name,
            settings=settings,
            records=kept.records,
            resume=kept.resume,
            on_progress=lambda done, _: bar.update(task, completed=done),
        )
