"""Write the model card of a checker in the Hub's format: what it is, what it was trained on, what was measured."""

from collections import Counter
from pathlib import Path

from huggingface_hub import EvalResult, ModelCard, ModelCardData
from pydantic import TypeAdapter

from forge_agents.overseers.checker.evidence import Calibration
from forge_agents.overseers.checker.overseer import CALIBRATION
from forge_agents.pages import fill
from forge_agents.train.card import LICENCE
from forge_agents.train.checker.calibrating import Val, read_val
from forge_agents.train.checker.pairs import LabelledPair
from forge_agents.train.journal import OBJECT
from forge_agents.words import format_number, interval, setting
from forge_arena.errors import BadArgument
from forge_arena.files import read_json, read_json_lines


def write_card(folder: Path) -> Path:
    """Write `folder / "README.md"` and return its path.

    Raises:
        BadArgument: a record of the run is damaged.
        OSError: a record of the run is missing.
    """
    run = read_json(folder / "run.json", OBJECT)
    val = read_val(folder)
    pairs = [pair for _, pair in read_json_lines(folder / "pairs.jsonl", TypeAdapter(LabelledPair), error=BadArgument)]
    card = ModelCard(
        fill(
            "train/checker/card.md.jinja",
            data=_data(str(run["model"]), [str(suite) for suite in run["suites"]], val).to_yaml(),
            run=run,
            settings={name: setting(value) for name, value in run["settings"].items()},
            kinds=sorted(Counter((pair.kind, pair.wrong) for pair in pairs).items()),
            families=len({pair.family for pair in pairs}),
            made=len(pairs),
            measured=val.measured,
            calibration=read_json(folder / CALIBRATION, TypeAdapter(Calibration)),
            licence=LICENCE,
            format_number=format_number,
            interval=interval,
        )
    )
    path = folder / "README.md"
    card.save(path)
    return path


def _data(model: str, suites: list[str], val: Val) -> ModelCardData:
    return ModelCardData(
        license=LICENCE,
        library_name="transformers",
        pipeline_tag="text-classification",
        base_model=model,
        tags=["forge-arena", "scalable-oversight", "cross-encoder"],
        model_name="forge-arena-checker",
        eval_results=[
            EvalResult(
                task_type="text-classification",
                task_name="telling corrupted answers from clean ones",
                dataset_type="forge-arena",
                dataset_name=f"ForgeArena {' and '.join(suites)}, {val.measured.episodes} episodes",
                dataset_split="val",
                metric_type=metric_type,
                metric_name=name,
                metric_value=round(estimate.value, 4),
            )
            for metric_type, name, estimate in (
                ("roc_auc", "AUROC", val.measured.auroc),
                ("brier_score", "Brier", val.measured.brier),
            )
            if estimate.value is not None
        ],
    )
