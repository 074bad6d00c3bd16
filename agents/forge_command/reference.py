"""`forge-arena reference`: score every overseer that comes with the arena on the same episodes, and write the tables.

Each result is kept as it comes, so that an interrupted run goes on where it stopped.
"""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from pydantic import TypeAdapter

from forge_arena.errors import BadArgument
from forge_arena.files import read_json
from forge_arena.locks import lock_folder
from forge_arena.types import Split
from forge_command.child import running_server
from forge_command.console import JsonFile, deliver, fail, writable_file
from forge_command.progress import progress

if TYPE_CHECKING:  # These take seconds to import, and help texts and refusals do not need them.
    from forge_agents.datasets import DatasetResult, LabelledAnswer
    from forge_agents.result import Result
    from forge_arena.types import Estimate

EPILOG = """Example:

forge-arena reference --out reference --episodes 600 --page reference.md"""
HONEST = "honest"
DEGENERATE = "degenerate"
KINDS = ("surface", "words", "characters")
ARENA_COLUMNS = {
    "reward": "reward",
    "skill": "skill",
    "balanced_accuracy": "bal. acc.",
    "auroc": "AUROC",
    "brier": "Brier",
}
DATASET_COLUMNS = {"balanced_accuracy": "bal. acc.", "auroc": "AUROC", "brier": "Brier"}


@dataclass(frozen=True)
class Player:
    """An overseer that plays: its name, the spec by which it is opened, and what it does, in words for the tables."""

    name: str
    spec: str
    description: str
    group: str = HONEST
    settings: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Played:
    """The results of one player. `dataset` is None if no dataset was given."""

    player: Player
    result: "Result"
    dataset: "DatasetResult | None"


def reference(
    out: Annotated[
        Path,
        typer.Option(
            metavar="FOLDER", help="Folder that keeps every result. With the same folder the command goes on."
        ),
    ],
    episodes: Annotated[int, typer.Option(min=10, help="Episodes of val for each overseer.")] = 600,
    dataset: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Labelled answers for each overseer to review as well: JSONL.")
    ] = None,
    scenarios: Annotated[str | None, typer.Option(help="Another set of families, such as short, or a folder.")] = None,
    model: Annotated[
        list[Path] | None, typer.Option(metavar="FOLDER", help="A trained model that plays too; repeatable.")
    ] = None,
    degenerates: Annotated[bool, typer.Option(help="Whether the degenerate overseers play too.")] = True,
    only: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Only this overseer, as the tables name it; repeatable.")
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, help="How many overseers review at a time.")] = 2,
    page: Annotated[
        Path | None, typer.Option(metavar="FILE", callback=writable_file, help="Write the tables as Markdown.")
    ] = None,
    json: JsonFile = None,
) -> None:
    """Score every overseer that comes with the arena on the same episodes.

    These overseers are constants, chance, rules, classifiers and degenerates.

    Starts a server with the scripted Worker. You may stop the command and start it again: a verdict that is recorded is
    not asked for again.
    """
    answers = None if dataset is None else _answers(dataset)
    players = [*_honest(scenarios, model or ()), *(_degenerates() if degenerates else ())]
    if only:
        if unknown := sorted(set(only) - {player.name for player in players}):
            raise fail(f"nobody plays as {unknown[0]!r}: there are {', '.join(player.name for player in players)}")
        players = [player for player in players if player.name in only]
    arguments = () if scenarios is None else ("--scenarios", scenarios)
    with running_server(*arguments) as url, progress() as bar, ThreadPoolExecutor(jobs) as pool:
        task = bar.add_task("reference", total=len(players) * (episodes + len(answers or ())), unit="verdicts")

        def play(player: Player) -> Played:
            bar.update(task, description=f"reference: {player.name}")
            done = 0

            def show(now: int, _: int) -> None:
                nonlocal done
                bar.advance(task, now - done)
                done = now

            played = _play(player, url, out, episodes, answers, show)
            # Progress did not count the verdicts that were recorded already.
            bar.advance(task, episodes + len(answers or ()) - done)
            return played

        results = list(pool.map(play, players))
    text = "\n".join(_page(results))
    deliver(
        {
            played.player.name: {
                "arena": played.result.scorecard.model_dump(mode="json"),
                "dataset": None if played.dataset is None else played.dataset.scorecard.model_dump(mode="json"),
            }
            for played in results
        },
        json,
        lambda out: out.print(text, highlight=False, markup=False, soft_wrap=True),
        {} if page is None else {page: text},
    )


def _answers(dataset: Path) -> "Sequence[LabelledAnswer]":
    from forge_agents.datasets import load_dataset

    return load_dataset(dataset)


def _honest(scenarios: str | None, models: Iterable[Path]) -> list[Player]:
    trained: dict[str, Any] = {} if scenarios is None else {"scenarios": scenarios}
    return [
        Player("always_clean", "always_clean", "trusts everything, P = 0.5"),
        Player("always_corrupted", "always_corrupted", "flags everything, P = 0.5"),
        Player("random", "random", "a die"),
        Player("rules_without_source", "rules_without_source", "the rules without the source"),
        Player("rules", "rules", "checks values, citations and rules against the source"),
        *(
            Player(f"classifier_{kind}", "classifier", f"{kind}, beside the source", settings={"kind": kind, **trained})
            for kind in KINDS
        ),
        Player(
            "classifier_surface_without_source",
            "classifier",
            "surface, without the source",
            settings={"kind": "surface", "source": False, **trained},
        ),
        *(Player(f"model_{n}", f"hf:{path}", f"trained model {path.name}") for n, path in enumerate(models)),
    ]


def _degenerates() -> list[Player]:
    from forge_arena.audits.degenerates import degenerates

    return [
        Player(
            f"degenerate_{player.name}", "degenerate", player.tries, group=DEGENERATE, settings={"plays": player.name}
        )
        for player in degenerates()
    ]


def _play(
    player: Player,
    url: str,
    out: Path,
    episodes: int,
    answers: "Sequence[LabelledAnswer] | None",
    on_progress: Callable[[int, int], None],
) -> Played:
    with lock_folder(out / player.name):
        return _play_in(player, url, out / player.name, episodes, answers, on_progress)


def _play_in(
    player: Player,
    url: str,
    folder: Path,
    episodes: int,
    answers: "Sequence[LabelledAnswer] | None",
    on_progress: Callable[[int, int], None],
) -> Played:
    from forge_agents.datasets import DatasetResult, evaluate_dataset
    from forge_agents.evaluation import evaluate
    from forge_agents.overseers import use_overseer
    from forge_agents.result import Result

    result_file, dataset_file = folder / "result.json", folder / "dataset.json"
    result = Result.read(result_file) if result_file.exists() else None
    dataset_result = read_json(dataset_file, TypeAdapter(DatasetResult)) if dataset_file.exists() else None
    if result is not None:
        _check_result(result_file, result, player, url, episodes)
    if dataset_result is not None and answers is not None:
        _check_dataset(dataset_file, dataset_result, answers)
    if result is not None and (dataset_result is not None or answers is None):
        return Played(player, result, dataset_result if answers is not None else None)
    with use_overseer(player.spec, **player.settings) as overseer:
        if result is None:
            records = folder / "records.jsonl"
            result = evaluate(
                overseer,
                arena=url,
                split=Split.val,
                episodes=episodes,
                settings=player.settings,
                records=records,
                resume=True,
                on_progress=on_progress,
            )
            result_file.write_text(result.to_json(), encoding="utf-8")
        if answers is not None and dataset_result is None:
            dataset_result = evaluate_dataset(
                overseer,
                answers,
                name="dataset",
                settings=player.settings,
                records=folder / "dataset-records.jsonl",
                resume=True,
                on_progress=lambda done, of: on_progress(episodes + done, episodes + of),
            )
            dataset_file.write_text(dataset_result.to_json(), encoding="utf-8")
    return Played(player, result, dataset_result)


def _check_result(path: Path, result: "Result", player: Player, url: str, episodes: int) -> None:
    """Refuse a result of an earlier run that this run would not have made."""
    from forge_agents.client import ArenaClient

    with ArenaClient(url) as client:
        stats = client.stats()
    wanted: dict[str, Any] = {
        "suite": stats.suite_and_version,
        "suite_hash": stats.suite_hashes[Split.val],
        "settings": player.settings,
        "number of episodes": episodes,
    }
    kept: dict[str, Any] = {
        "suite": result.suite,
        "suite_hash": result.suite_hash,
        "settings": result.settings,
        "number of episodes": result.scorecard.episodes,
    }
    if player.spec.startswith("hf:"):
        from forge_agents.models import weights_digest

        wanted |= {"overseer": player.spec, "weights": weights_digest(Path(player.spec.removeprefix("hf:")))}
        kept |= {"overseer": result.overseer, "weights": result.conditions.get("weights")}
    for name, value in wanted.items():
        if kept[name] != value:
            raise BadArgument(
                f"{path} is of another run: its {name} is {kept[name]!s}, not {value!s}; take another --out"
            )


def _check_dataset(path: Path, dataset_result: "DatasetResult", answers: "Sequence[LabelledAnswer]") -> None:
    from forge_agents.datasets import dataset_digest

    if dataset_result.digest != dataset_digest(answers):
        raise BadArgument(f"{path} is of another dataset, or of an older version: take another --out")


def _page(results: Sequence[Played]) -> list[str]:
    first = results[0].result
    lines = [f"{first.scorecard.episodes} episodes of {first.suite}:{first.split.value}, {first.worker} Worker."]
    if honest := [played for played in results if played.player.group == HONEST]:
        lines += ["", *_table(honest), ""]
    rest = sorted(
        (played for played in results if played.player.group == DEGENERATE),
        key=lambda played: -(played.result.scorecard.reward.value or 0.0),
    )
    if rest:
        lines += ["The degenerates, best paid first:", "", *_table(rest), ""]
    return lines


def _table(results: Sequence[Played]) -> list[str]:
    with_dataset = results[0].dataset is not None
    columns = ["overseer", "what it does", *ARENA_COLUMNS.values(), "unreadable"]
    columns += [f"{name}, dataset" for name in DATASET_COLUMNS.values()] if with_dataset else []
    rows = [columns, ["---"] * len(columns)]
    for played in results:
        card = played.result.scorecard
        cells = [f"`{played.player.name.removeprefix('degenerate_')}`", played.player.description]
        cells += [_cell(getattr(card, name)) for name in ARENA_COLUMNS]
        cells.append(str(card.invalid))
        if played.dataset is not None:
            cells += [_cell(getattr(played.dataset.scorecard, name)) for name in DATASET_COLUMNS]
        rows.append(cells)
    return [f"| {' | '.join(cell.replace('|', '/') for cell in row)} |" for row in rows]


def _cell(estimate: "Estimate") -> str:
    if estimate.value is None:
        return "-"
    if estimate.low is None or estimate.high is None or estimate.low == estimate.high:
        return f"{estimate.value:.3f}"
    return f"{estimate.value:.3f} ({estimate.low:.2f}/{estimate.high:.2f})"
