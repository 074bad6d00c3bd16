"""Write the model card of a run in the Hub's format, so that the measurements travel with the model."""

from pathlib import Path
from typing import Any

from huggingface_hub import EvalResult, ModelCard, ModelCardData

from forge_agents.overseers.prompts import SAMPLE, PromptName, prompt
from forge_agents.pages import fill
from forge_agents.train.changes import Changes
from forge_agents.train.report import Run
from forge_agents.words import format_difference, interval
from forge_arena.errors import BadArgument
from forge_arena.rewards import weights
from forge_arena.verdicts import messages_with_tools

LICENCE = "apache-2.0"
# The Hub's names of our metrics, if it has one.
HUB_NAMES = {"auroc": "roc_auc", "brier": "brier_score"}


def write_card(folder: Path) -> Path:
    """Write `folder / "model" / "README.md"` and return its path.

    Raises:
        ValueError: the folder holds no run or no trained model yet, or a record of it is damaged.
    """
    run = Run.load(folder)
    model = folder / "model"
    if not (model / "config.json").is_file():
        raise BadArgument(
            f"{folder} holds no trained model: model/config.json is missing; continue the run by --resume"
        )
    name = run.preset.get("prompt", PromptName.arena.value)
    ask = messages_with_tools if run.preset.get("tools") else prompt(name)
    system, user = ask(SAMPLE.model_copy(update={"probes": (), "tool_uses": ()}))
    card = ModelCard(
        fill(
            "train/card.md.jinja",
            data=_data(run).to_yaml(),
            run=run,
            title=_name(run),
            licence=LICENCE,
            prompt_name=name,
            prompt=system["content"],
            parts=[line for line in user["content"].splitlines() if line.endswith(":")],
            weights=weights(),
            format_number=lambda value: "" if value is None else f"{value:.3f}",
            format_difference=format_difference,
            interval=interval,
        )
    )
    path = model / "README.md"
    card.save(path)
    return path


def _data(run: Run) -> ModelCardData:
    fields: dict[str, Any] = {}
    if (base := run.preset.get("model")) is not None:
        fields["base_model"] = base
    if run.changes is not None:
        fields |= {"model_name": _name(run), "eval_results": _results(run.changes)}
    return ModelCardData(
        license=LICENCE,
        library_name="transformers",
        pipeline_tag="text-generation",
        tags=["forge-arena", "scalable-oversight", "reinforcement-learning", str(run.preset["algorithm"])],
        **fields,
    )


def _results(changes: Changes) -> list[EvalResult]:
    result = changes.after
    return [
        EvalResult(
            task_type="text-classification",
            task_name="telling corrupted answers from clean ones",
            dataset_type="forge-arena",
            dataset_name=f"ForgeArena {result.suite}, {result.scorecard.episodes} episodes",
            dataset_config=result.suite,
            dataset_split=result.split.value,
            metric_type=HUB_NAMES.get(change.metric, change.metric),
            metric_name=change.name,
            metric_value=round(change.after.value, 4),
        )
        for change in changes.metrics
        if change.after.value is not None
    ]


def _name(run: Run) -> str:
    return f"forge-arena-{run.preset['name']}-{run.preset['algorithm']}"
