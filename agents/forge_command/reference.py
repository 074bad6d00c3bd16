"""`forge-arena reference`: score every overseer that comes with the arena on the same episodes, and write the tables.

Each result is kept as it comes, so that an interrupted run goes on where it stopped.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Annotated, Any

import typer
from pydantic import TypeAdapter

from forge_arena.errors import BadArgument
from forge_arena.files import read_json, write_whole
from forge_arena.locks import lock_folder
from forge_arena.types import CorruptionType, Load, Split
from forge_command.child import running_server
from forge_command.console import deliver, fail, if_begun, load_named, resumable, writable_file, writable_folder
from forge_command.options import JsonFile, LoadName
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
# What a verdict takes depends on the machine, so it has no interval.
SECONDS = "seconds"
DATASET_COLUMNS = {"balanced_accuracy": "bal. acc.", "auroc": "AUROC", "brier": "Brier"}


class _Stopped(Exception):
    """Ends the play of one overseer, because the command was stopped."""


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
            metavar="FOLDER",
            callback=writable_folder,
            help="Folder that keeps every result. With the same folder the command goes on.",
        ),
    ],
    episodes: Annotated[int, typer.Option(min=10, help="Episodes for each overseer.")] = 600,
    split: Annotated[
        str, typer.Option(help="`val`, or `public`: the test that is the same on every machine.")
    ] = Split.val.value,
    dataset: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Labelled answers for each overseer to review as well: JSONL.")
    ] = None,
    scenarios: Annotated[str | None, typer.Option(help="Another set of families, such as short, or a folder.")] = None,
    load: LoadName = "full",
    model: Annotated[
        list[Path] | None, typer.Option(metavar="FOLDER", help="A trained model that plays too; repeatable.")
    ] = None,
    also: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="RESULT", help="A result of `forge-arena eval` on the same episodes, for the tables; repeatable."
        ),
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
    if split not in (Split.val, Split.public):
        raise fail(f"--split takes val or public, got {split!r}")
    known_split = Split(split)
    answers = None if dataset is None else _answers(dataset)
    players = [*_honest(scenarios, load_named(load), model or ()), *(_degenerates() if degenerates else ())]
    if only:
        if unknown := sorted(set(only) - {player.name for player in players}):
            raise fail(f"nobody plays as {unknown[0]!r}: there are {', '.join(player.name for player in players)}")
        players = [player for player in players if player.name in only]
    others = [(path, _read_result(path)) for path in also or ()]
    _refuse_equal_names([*(player.name for player in players), *(result.title for _, result in others)])
    arguments = [] if scenarios is None else ["--scenarios", scenarios]
    if load != Load.full:
        arguments += ["--load", load]
    stopped = Event()
    with (
        resumable(if_begun(out, f"; every verdict so far is in {out}: go on by the same command")),
        running_server(*arguments) as url,
        progress() as bar,
        ThreadPoolExecutor(jobs) as pool,
    ):
        task = bar.add_task("reference", total=len(players) * (episodes + len(answers or ())), unit="verdicts")

        def play(player: Player) -> Played:
            bar.update(task, description=f"reference: {player.name}")
            done = 0

            def show(now: int, _: int) -> None:
                nonlocal done
                if stopped.is_set():
                    raise _Stopped
                bar.advance(task, now - done)
                done = now

            played = _play(player, url, out, known_split, episodes, answers, show)
            # Progress did not count the verdicts that were recorded already.
            bar.advance(task, episodes + len(answers or ()) - done)
            return played

        further = [_further(path, result, url, known_split, episodes) for path, result in others]
        try:
            results = [*pool.map(play, players), *further]
        except BaseException:
            # Those who play would otherwise play to the end before the pool closes.
            stopped.set()
            raise
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


def _honest(scenarios: str | None, load: Load, models: Iterable[Path]) -> list[Player]:
    trained: dict[str, Any] = {} if scenarios is None else {"scenarios": scenarios}
    if load is not Load.full:
        trained["load"] = load.value
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
    split: Split,
    episodes: int,
    answers: "Sequence[LabelledAnswer] | None",
    on_progress: Callable[[int, int], None],
) -> Played:
    with lock_folder(out / player.name):
        return _play_in(player, url, out / player.name, split, episodes, answers, on_progress)


def _play_in(
    player: Player,
    url: str,
    folder: Path,
    split: Split,
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
        _check_result(result_file, result, player, url, split, episodes)
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
                split=split,
                episodes=episodes,
                settings=player.settings,
                records=records,
                resume=True,
                on_progress=on_progress,
            )
            write_whole(result_file, result.to_json())
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
            write_whole(dataset_file, dataset_result.to_json())
    return Played(player, result, dataset_result)


def _read_result(path: Path) -> "Result":
    from forge_agents.result import Result

    return Result.read(path)


def _refuse_equal_names(names: Sequence[str]) -> None:
    """Refuse a name that two results would have, because one of the two would be lost."""
    for name, count in Counter(names).items():
        if count > 1:
            raise BadArgument(
                f"{count} results would be called {name!r}: evaluate with another --name, or leave one out by --only"
            )


def _further(path: Path, result: "Result", url: str, split: Split, episodes: int) -> Played:
    """The result of another evaluation, for the tables."""
    how = f"evaluate on the same episodes: --split {split.value} --episodes {episodes}"
    _refuse_others(path, _wanted(url, split, episodes), _kept(result), how)
    return Played(Player(result.title, result.overseer, result.overseer), result, None)


def _check_result(path: Path, result: "Result", player: Player, url: str, split: Split, episodes: int) -> None:
    """Refuse a result of an earlier run that this run would not have made."""
    wanted = _wanted(url, split, episodes) | {"settings": player.settings}
    kept = _kept(result) | {"settings": result.settings}
    if player.spec.startswith("hf:"):
        from forge_agents.models import weights_digest

        wanted |= {"overseer": player.spec, "weights": weights_digest(Path(player.spec.removeprefix("hf:")))}
        kept |= {"overseer": result.overseer, "weights": result.conditions.get("weights")}
    _refuse_others(path, wanted, kept, "take another --out")


def _wanted(url: str, split: Split, episodes: int) -> dict[str, Any]:
    """What the results of this run have in common."""
    from forge_agents.client import ArenaClient

    with ArenaClient(url) as client:
        stats = client.stats()
    return {
        "suite": stats.suite_and_version,
        "split": split.value,
        "suite_hash": stats.suite_hashes[split],
        "first episode": 0,
        "number of episodes": episodes,
    }


def _kept(result: "Result") -> dict[str, Any]:
    return {
        "suite": result.suite,
        "split": result.split.value,
        "suite_hash": result.suite_hash,
        "first episode": result.start,
        "number of episodes": result.scorecard.episodes,
    }


def _refuse_others(path: Path, wanted: dict[str, Any], kept: dict[str, Any], how: str) -> None:
    """Refuse a result that is not as it is wanted. `how` says what to do."""
    for name, value in wanted.items():
        if kept[name] != value:
            raise BadArgument(f"{path} is of another run: its {name} is {kept[name]!s}, not {value!s}; {how}")


def _check_dataset(path: Path, dataset_result: "DatasetResult", answers: "Sequence[LabelledAnswer]") -> None:
    from forge_agents.datasets import dataset_digest

    if dataset_result.digest != dataset_digest(answers):
        raise BadArgument(f"{path} is of another dataset, or of an older version: take another --out")


def _page(results: Sequence[Played]) -> list[str]:
    first = results[0].result
    lines = [f"{first.scorecard.episodes} episodes of {first.suite}:{first.split.value}, {first.worker} Worker."]
    if honest := [played for played in results if played.player.group == HONEST]:
        lines += ["", *_table(honest), "", "The share of the corrupted answers that is found, by type:", ""]
        lines += [*_table_of_types(honest), ""]
    rest = sorted(
        (played for played in results if played.player.group == DEGENERATE),
        key=lambda played: -(played.result.scorecard.reward.value or 0.0),
    )
    if rest:
        lines += ["The degenerates, best paid first:", "", *_table(rest), ""]
    return lines


def _table(results: Sequence[Played]) -> list[str]:
    with_dataset = any(played.dataset is not None for played in results)
    columns = ["overseer", "what it does", "view", *ARENA_COLUMNS.values(), "unreadable", SECONDS]
    columns += [f"{name}, dataset" for name in DATASET_COLUMNS.values()] if with_dataset else []
    rows = []
    for played in results:
        card, cost = played.result.scorecard, played.result.cost
        shown = played.result.view.value + ("" if played.result.tools is None else ", with tools")
        cells = [_name(played), played.player.description, shown]
        cells += [_cell(getattr(card, name)) for name in ARENA_COLUMNS]
        cells += [str(card.invalid), "-" if cost is None or cost.seconds is None else f"{cost.seconds:.2g}"]
        if with_dataset:
            on_dataset = None if played.dataset is None else played.dataset.scorecard
            cells += ["-" if on_dataset is None else _cell(getattr(on_dataset, name)) for name in DATASET_COLUMNS]
        rows.append(cells)
    return _markdown(columns, rows)


def _table_of_types(results: Sequence[Played]) -> list[str]:
    types = [type.value for type in CorruptionType]
    rows = []
    for played in results:
        cards = played.result.groups.get("corruption_type", {})
        rows.append([_name(played), *(_cell(cards[type].recall) if type in cards else "-" for type in types)])
    return _markdown(["overseer", *types], rows)


def _name(played: Played) -> str:
    return f"`{played.player.name.removeprefix('degenerate_')}`"


def _markdown(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [columns, ["---"] * len(columns), *rows]
    return [f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines]


def _cell(estimate: "Estimate") -> str:
    if estimate.value is None:
        return "-"
    if estimate.low is None or estimate.high is None or estimate.low == estimate.high:
        return f"{estimate.value:.3f}"
    return f"{estimate.value:.3f} ({estimate.low:.2f}/{estimate.high:.2f})"
