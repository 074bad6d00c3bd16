"""Train with several seeds, and compare the results with controls on the same held-out episodes.

`forge-arena train demo` and `forge-arena train small` are comparisons. Each stage leaves its result in the folder, and
a stage whose result is there is not done again. So a comparison continues where it was stopped, also after `kill -9`.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter
from rich.console import Console

from forge_arena.files import read_json, write_whole
from forge_command.tables import format_difference, format_mean, parts_table, training_table, votes_table
from forge_command.training_runs import folder_of, train_all

if TYPE_CHECKING:
    from forge_agents.result import Result
    from forge_agents.train.journal import Journal
    from forge_agents.train.online import ArenaAddress
    from forge_agents.train.presets import Preset
    from forge_agents.train.progress import Reporter
    from forge_arena.types import Estimate

CONSTANTS = ("always_clean", "always_corrupted")
# Runs that may have several seeds.
RUNS = ("grpo", "shuffled")
# The episodes that are answered several times.
SAMPLED = 32
# What the trained models are also compared with: what they would have gained without rewards that mean something.
AGAINST = ("checking", "checking moved", "moved", "shuffled", "supervised")
LABELS = {
    "untouched": "untouched model",
    "untouched opened": "untouched model, made to answer",
    "start": "warm start",
    "grpo": "GRPO",
    "moved": "warm start, threshold moved",
    "checking": "warm start, made to check",
    "checking moved": "made to check, threshold moved",
    "shuffled": "GRPO, shuffled rewards",
    "supervised": "supervised, same time",
}


@dataclass(frozen=True)
class Played:
    """What came of a comparison.

    Attributes:
        results: every greedy result on the same episodes, by name.
        sampled: the same of several verdicts on each episode, at the temperature of training; empty if none were asked
            for.
        seconds: how long each run learned.
    """

    results: "dict[str, Result]"
    sampled: "dict[str, Result]"
    seconds: dict[str, float]


@dataclass(frozen=True)
class Comparison:
    """What is compared.

    The model that the runs start from is evaluated as it is and made to check before it decides, and both also with
    the threshold that is best on val.

    Attributes:
        preset: of the runs and of the evaluations.
        seeds: runs of the preset's algorithm, each with another seed.
        shuffled: runs of the same whose rewards are shuffled within each batch, each with another seed.
        of_untouched: evaluations of the preset's own model, by name, each with settings of `LocalModel`.
        samples: verdicts at the preset's temperature on each of the first episodes, at most `SAMPLED`, of the start and
            of each run of the preset's algorithm. Training rewards samples, and a greedy answer may hide what it
            changed. 0 for none.
    """

    preset: "Preset"
    seeds: int
    shuffled: int
    of_untouched: Mapping[str, Mapping[str, Any]]
    samples: int = 0

    def play(self, arena: "ArenaAddress", out: Path, reporter: "Reporter") -> Played:
        """Do every stage whose result is not in the folder `out`, and return all results.

        Raises:
            FolderInUse: `out` holds a comparison of another preset.
        """
        stages = _Stages(self.preset, arena, out, _begin(self.preset, arena, out, reporter), reporter)
        untouched = str(self.preset.model)
        results = {name: stages.evaluate(name, untouched, **given) for name, given in self.of_untouched.items()}
        start = stages.make_start()
        results |= stages.evaluate_start(start)
        grpo = {f"grpo {seed}": [f"seed={seed}"] for seed in range(self.seeds)}
        runs = grpo | {f"shuffled {seed}": [f"seed={seed}", "shuffled_rewards=true"] for seed in range(self.shuffled)}
        seconds = stages.train(runs, start)
        # The supervised run learns as long as a run of the preset's algorithm does.
        limit = sum(seconds[name] for name in grpo) / self.seeds
        supervised = {"supervised": ["algorithm=sft", f"wall_seconds={max(limit, 1.0):.0f}"]}
        seconds |= stages.train(supervised, start)
        results |= {name: stages.read_trained(name) for name in (*runs, *supervised)}
        results |= {name: _constant(name, self.preset, arena) for name in CONSTANTS}
        sampled = stages.sample(self.samples, {"start": start} | {name: stages.model_of(name) for name in grpo})
        return Played(results, sampled, seconds)


def _begin(preset: "Preset", arena: "ArenaAddress", out: Path, reporter: "Reporter") -> "Journal":
    """The journal of the comparison, in which its preset, arena and suite are noted."""
    from forge_agents.client import ArenaClient
    from forge_agents.train.journal import Journal
    from forge_arena.types import Split

    journal = Journal(out, reporter.say)
    with ArenaClient(arena.url, token=arena.token) as client:
        stats = client.stats()
    suite_hash = stats.suite_hashes.get(Split(preset.held_out.split))
    journal.begin(preset, arena=arena.url, suite=stats.suite_and_version, suite_hash=suite_hash)
    return journal


@dataclass(frozen=True)
class _Stages:
    """The stages of a comparison. Each leaves its result in the folder `out`, and does nothing if it is there."""

    preset: "Preset"
    arena: "ArenaAddress"
    out: Path
    journal: "Journal"
    reporter: "Reporter"

    def evaluate(self, name: str, model: str, preset: "Preset | None" = None, **settings: Any) -> "Result":
        """A model's result on the held-out episodes of a preset, by default those of the comparison."""
        from forge_agents.train.pipeline import evaluate_once

        path = self.out / f"{name.replace(' ', '-')}.json"
        return evaluate_once(
            preset or self.preset,
            model,
            self.arena,
            path,
            self.journal,
            step=0,
            phase=name,
            reporter=self.reporter,
            **settings,
        )

    def make_start(self) -> Path:
        """The folder of the model that all runs start from."""
        from forge_agents.client import ArenaClient
        from forge_agents.train.warm_start import starting_model

        start = self.out / "start"
        if not (start / "done").is_file():
            with ArenaClient(self.arena.url, token=self.arena.token, patience=self.preset.patience) as client:
                starting_model(self.preset, client, start, self.reporter)
            (start / "done").touch()
        _say_share_that_checks(self.preset, self.arena, start, self.reporter)
        return start

    def evaluate_start(self, start: Path) -> "dict[str, Result]":
        """The results of the start as it is and made to check, and of both with the threshold that is best on val."""
        from forge_agents.train.demonstrations import THINK

        as_it_is = self._with_moved_threshold("start", start, file="before", on_val="val", moved="moved")
        return as_it_is | self._with_moved_threshold(
            "checking", start, file="checking", on_val="val checking", moved="checking moved", opening=THINK
        )

    def _with_moved_threshold(
        self, name: str, start: Path, *, file: str, on_val: str, moved: str, **given: Any
    ) -> "dict[str, Result]":
        """The start's result under `name`, and under `moved` that with the threshold that is best on val.

        `file` and `on_val` name what the two evaluations leave in the folder. No threshold is moved if val has none.
        """
        from forge_agents.compare import best_log_odds_threshold

        results = {name: self.evaluate(file, str(start), **given)}
        held_out = self.preset.held_out.model_copy(update={"split": "val"})
        rows = self.evaluate(on_val, str(start), self.preset.model_copy(update={"held_out": held_out}), **given).rows
        try:
            threshold = best_log_odds_threshold(rows)
        except ValueError as error:
            self.reporter.say(f"{LABELS[name]}: not evaluated with another threshold: {error}")
            return results
        return results | {moved: self.evaluate(moved, str(start), **given, threshold=threshold)}

    def train(self, runs: dict[str, list[str]], start: Path) -> dict[str, float]:
        """Train each run with its changes of the preset. Returns the seconds that each learned."""
        before = self.out / "before.json"
        return train_all(runs, self.preset, self.arena, self.out, start=start, before=before, reporter=self.reporter)

    def model_of(self, run: str) -> Path:
        return folder_of(self.out, run) / "model"

    def read_trained(self, run: str) -> "Result":
        """The result of a run's model after training."""
        from forge_agents.result import Result

        return Result.read(folder_of(self.out, run) / "after.json")

    def sample(self, samples: int, models: Mapping[str, Path]) -> "dict[str, Result]":
        """The results of several verdicts on each episode, by model; none if `samples` is 0."""
        if not samples:
            return {}
        preset = _sampling(self.preset, samples)
        return {name: self.evaluate(f"sampled {name}", str(model), preset) for name, model in models.items()}


def _say_share_that_checks(preset: "Preset", arena: "ArenaAddress", start: Path, reporter: "Reporter") -> None:
    """Say how many of the start's samples check before they decide, if its demonstrations show both ways."""
    if preset.warm_start is None or not any(0 < stage.checking < 1 for stage in preset.warm_start.stages):
        return
    from forge_agents.client import ArenaClient
    from forge_agents.train.warm_start import share_that_checks

    known = start / "share_that_checks.json"
    if not known.is_file():
        with ArenaClient(arena.url, token=arena.token, patience=preset.patience) as client:
            write_whole(known, json.dumps(share_that_checks(preset, str(start), client)))
    share = read_json(known, TypeAdapter(float))
    reporter.say(
        f"of the start's samples, {share:.0%} check before they decide; GRPO can only choose among its samples"
    )


def _sampling(preset: "Preset", samples: int) -> "Preset":
    """The preset with several verdicts on each held-out episode, at the temperature of training."""
    held_out = preset.held_out.model_copy(
        update={
            "episodes": min(SAMPLED, preset.held_out.episodes),
            "temperature": preset.temperature,
            "samples": samples,
        }
    )
    return preset.model_copy(update={"held_out": held_out})


def _constant(name: str, preset: "Preset", arena: "ArenaAddress") -> "Result":
    from forge_agents.evaluation import evaluate
    from forge_agents.overseers import open_overseer

    settings = preset.held_out
    return evaluate(
        open_overseer(name), arena=arena.url, token=arena.token, split=settings.split, episodes=settings.episodes
    )


def summarise(results: "dict[str, Result]") -> dict[str, Any]:
    """Means over seeds, and differences with intervals over families.

    The runs are compared with the start, and the trained ones also with the controls of `AGAINST`.
    """
    from forge_arena.measures.paired import differences, mean_metrics

    groups = _groups(results)
    rows = {name: [results[member].rows for member in members] for name, members in groups.items()}
    means = {name: mean_metrics(members) for name, members in rows.items()}
    means |= {name: mean_metrics([results[name].rows]) for group in RUNS for name in groups.get(group, ())}

    def less(name: str, other: str) -> "dict[str, Estimate]":
        return differences(list(product(rows[other], rows[name])))

    of_start = {name: less(name, "start") for name in groups if name != "start"}
    of_controls = {name: less("grpo", name) for name in AGAINST if name in groups}
    return {
        "means": means,
        "differences": of_start,
        "controls": of_controls,
        "json": {
            "means": _plain(means),
            "differences from the start": _plain(of_start),
            "GRPO less its controls": _plain(of_controls),
            "readable": {name: result.scorecard.scored for name, result in results.items()},
            "components": {
                name: None if result.scorecard.components is None else result.scorecard.components.model_dump()
                for name, result in results.items()
            },
            "episodes": len(results["start"].rows),
            "families": results["start"].scorecard.families,
        },
    }


def summarise_sampled(sampled: "dict[str, Result]") -> dict[str, Any]:
    """As `summarise`, of several verdicts on each episode, with the scores of their votes."""
    summary = summarise(sampled)
    votes = {name: None if r.votes is None else r.votes.model_dump(mode="json") for name, r in sampled.items()}
    return summary | {"json": summary["json"] | {"votes": votes}}


def _groups(names: Iterable[str]) -> dict[str, list[str]]:
    """The seeds of a run by the name that they have in common; anything else is a group of its own."""
    groups: dict[str, list[str]] = {}
    for name in names:
        stem = name.partition(" ")[0]
        groups.setdefault(stem if stem in RUNS else name, []).append(name)
    return groups


def _plain(tables: "dict[str, dict[str, Estimate]]") -> dict[str, Any]:
    return {name: {metric: e.model_dump() for metric, e in row.items()} for name, row in tables.items()}


def _labels(names: Iterable[str]) -> dict[str, str]:
    """The names in words; a mean says of how many seeds it is."""
    counts = {name: len(members) for name, members in _groups(names).items()}
    several = [name for name in RUNS if counts.get(name, 0) > 1]
    return LABELS | {name: f"{LABELS[name]}, mean of {counts[name]} seeds" for name in several}


def show(results: "dict[str, Result]", summary: dict[str, Any], out: Console) -> None:
    """Print the tables of a comparison."""
    card, labels = results["start"].scorecard, _labels(results)
    means = {labels.get(name, name): row for name, row in summary["means"].items()}
    title = f"{card.episodes} episodes of {card.families} {results['start'].split.value} families"
    out.print(training_table(title, means, format_mean))
    out.print(parts_table({labels.get(name, name): result for name, result in results.items()}))
    changes = {LABELS[name]: row for name, row in summary["differences"].items() if name in LABELS}
    out.print(training_table("less the warm start (95% over families)", changes, format_difference))
    gains = {f"less {LABELS[name]}": row for name, row in summary["controls"].items()}
    out.print(training_table("GRPO less its controls (95% over families)", gains, format_difference))


def show_sampled(sampled: "dict[str, Result]", summary: dict[str, Any], temperature: float, out: Console) -> None:
    """Print the tables of several verdicts on each episode."""
    start, labels = sampled["start"], _labels(sampled)
    count = f"{start.samples} verdicts on each of {start.scorecard.episodes} episodes"
    means = {labels.get(name, name): row for name, row in summary["means"].items()}
    out.print(training_table(f"sampled at temperature {temperature:g}: {count}", means, format_mean))
    changes = {labels[name]: row for name, row in summary["differences"].items()}
    out.print(training_table("sampled, less the warm start (95% over families)", changes, format_difference))
    out.print(votes_table({labels.get(name, name): result for name, result in sampled.items()}))
