"""Write the report of a run: one page, from nothing but the records in the run's folder.

If a record is missing, the page leaves its part out. So an unfinished run has a report, too.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self, TypeAlias

from markupsafe import Markup
from pydantic import TypeAdapter

from forge_agents.batch import tool_access
from forge_agents.client import ArenaClient
from forge_agents.drawing import reliability
from forge_agents.overseers.prompts import prompt
from forge_agents.pages import Piece, fill, pieces
from forge_agents.plot import bins
from forge_agents.result import Result
from forge_agents.train.changes import Changes, load_changes, load_result
from forge_agents.train.figures import Line, Panel
from forge_agents.train.journal import OBJECT, lines
from forge_agents.train.presets import Preset
from forge_agents.trl.rewards import COMPONENTS
from forge_agents.words import format_difference, format_number, interval, setting
from forge_arena.errors import BadArgument
from forge_arena.files import read_json, write_whole
from forge_arena.measures.paired import mean_metrics
from forge_arena.types import CorruptionType, Form, Noun, Observation, Outcome, Truth, Verdict
from forge_arena.verdicts import sendable, verdict_or_none
from forge_arena.wire import Attempt, DifficultyCell, OpenedEpisode

if TYPE_CHECKING:
    from forge_agents.train.online import ArenaAddress

Points: TypeAlias = list[tuple[float, float]]

UNIT = (0.0, 1.0)
STEALTH = range(4)


class ExampleAttempt(Noun):
    """The completion of a model on the episode of an example, and its reward. With tools, `turns` are the earlier turns
    and what the tools said."""

    completion: str
    turns: str = ""
    outcome: Outcome
    reward: float | None

    @property
    def verdict(self) -> Verdict | None:
        return verdict_or_none(self.completion)


class Example(Noun):
    """One held-out episode with what the model wrote before and after training."""

    key: str
    observation: Observation
    truth: Truth
    before: ExampleAttempt
    after: ExampleAttempt

    @property
    def answer(self) -> list[Piece]:
        """The answer in pieces, each with whether it was corrupted."""
        return pieces(self.observation.worker_output, self.truth.output_spans if self.truth.corrupted else ())

    @property
    def source(self) -> list[Piece]:
        """The source in pieces, each with whether the answer contradicts it."""
        return pieces(self.observation.source_material, self.truth.source_spans if self.truth.corrupted else ())


Examples = TypeAdapter(tuple[Example, ...])


def examples(folder: Path, preset: Preset, *, before: str | Path, arena: "ArenaAddress") -> tuple[Example, ...]:
    """The completions of two models on a few held-out episodes: the model `before` training, and `folder / "model"`.

    They are read from `folder / "examples.json"`, or made and written there if there is no such file. The episodes are
    the first of every corruption type and the first clean one of the run's evaluation, so no episode is chosen for
    its verdict.

    Raises:
        ArenaError: the arena cannot be reached, or refuses.
        ModelError: a model cannot be loaded.
    """
    path = folder / "examples.json"
    if path.is_file():
        return read_json(path, Examples)
    evaluation = load_result(folder / "before.json")
    keys = example_keys(evaluation) if evaluation is not None else []
    if not keys:
        return ()
    with ArenaClient(arena.url, token=arena.token, patience=preset.patience) as client:
        opened = client.open_episodes(keys=keys, attempts=2, view=preset.view if preset.tools else None).episodes
        written = [
            _write_completions(preset, model, client, opened, side)
            for side, model in enumerate((before, folder / "model"))
        ]
        results = client.submit(
            [
                Attempt(episode_id=episode.episode_id, attempt=side, completion=texts[number].text)
                for side, texts in enumerate(written)
                for number, episode in enumerate(opened)
            ]
        )
    shown = []
    for number, episode in enumerate(opened):
        of_episode = [results[number], results[number + len(opened)]]
        truth = of_episode[1].truth
        if truth is None:
            continue
        before_and_after = [
            ExampleAttempt(
                completion=texts[number].text, turns=texts[number].turns, outcome=result.outcome, reward=result.reward
            )
            for texts, result in zip(written, of_episode, strict=True)
        ]
        first, second = before_and_after
        shown.append(Example(key=episode.key, observation=episode.observation, truth=truth, before=first, after=second))
    write_whole(path, f"{Examples.dump_json(tuple(shown), indent=1).decode()}\n")
    return tuple(shown)


def example_keys(result: Result) -> list[str]:
    """The keys of the first evaluated episode of every corruption type, and of the first clean one."""
    first: dict[CorruptionType | None, str] = {}
    for row in result.rows:
        if row.form in (Form.clean, Form.corrupted):
            first.setdefault(row.corruption_type, row.key)
    return [first[kind] for kind in (*CorruptionType, None) if kind in first]


def write_report(folder: Path) -> Path:
    """Write `folder / "report.html"` and return its path.

    Raises:
        ValueError: the folder holds no run, or a record of it is damaged.
    """
    run = Run.load(folder)
    page = fill(
        "train/report.html.jinja",
        run=run,
        format_number=format_number,
        format_difference=format_difference,
        interval=interval,
        figure=_FigureNumbers(),
        stealth=STEALTH,
    )
    path = folder / "report.html"
    path.write_text(page, encoding="utf-8")
    return path


@dataclass(frozen=True, slots=True)
class Run:
    """The records of a run, in the form in which its page shows them."""

    folder: Path
    record: Mapping[str, Any]
    log: Sequence[Mapping[str, Any]]
    measured: Sequence[Mapping[str, Any]]
    before: Result | None
    after: Result | None
    changes: Changes | None
    cells: tuple[DifficultyCell, ...]
    examples: tuple[Example, ...]

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read the records in a folder. Raises ValueError if it holds no run, or if a record is damaged."""
        if not (folder / "run.json").is_file():
            missing = "run.json" if folder.is_dir() else "the folder itself"
            raise BadArgument(f"{folder} holds no run: {missing} is missing; forge-arena train run --out makes one")
        try:
            record = read_json(folder / "run.json", OBJECT)
            cells = _read_if_there(folder / "calibration.json", TypeAdapter(tuple[DifficultyCell, ...]))
            shown_examples = _read_if_there(folder / "examples.json", Examples)
            log, measured = lines(folder, "log.jsonl"), lines(folder, "held_out.jsonl")
        except ValueError as error:
            raise BadArgument(f"{folder} holds a damaged record: {error}") from None
        before, after = (load_result(folder / name) for name in ("before.json", "after.json"))
        return cls(folder, record, log, measured, before, after, load_changes(folder), cells, shown_examples)

    @property
    def preset(self) -> Mapping[str, Any]:
        """The preset as the run recorded it. An older run may have fewer settings."""
        preset: Mapping[str, Any] = self.record["preset"]
        return preset

    @property
    def origin(self) -> str:
        """The model that was trained, in words."""
        if (scratch := self.preset.get("scratch")) is not None:
            return f"a model from scratch (width {scratch['hidden']}, {scratch['layers']} layers)"
        return str(self.preset.get("model"))

    def facts(self) -> dict[str, str]:
        """The model, the algorithm, the arena and the times of the run, in words."""
        preset, result = self.preset, self.after or self.before
        groups = preset["batch"] // preset["generations"]
        facts = {
            "model": self.origin,
            "algorithm": f"{preset['algorithm']}, preset {preset['name']}",
            "steps": f"{preset['steps']} of {preset['batch']} completions ({groups} episodes, {preset['generations']} "
            f"attempts each){', in each of two phases' if self.cells else ''}",
            "arena": f"suite {self.record['suite']}" + (f", Worker {result.worker}" if result else ""),
        }
        if result is not None:
            card = result.scorecard
            facts["held out"] = f"{card.episodes} episodes of {card.families} families, split {result.split.value}"
        facts["seed"] = str(preset["seed"])
        facts["begun"] = _begin_times(self.record["begun"])
        if (spent := sum(line.get("step_time", 0.0) for line in self.log)) > 0:
            facts["time in steps"] = f"{spent / 3600:.1f} hours" if spent >= 3600 else f"{spent / 60:.1f} minutes"
        facts["code"] = str(self.record.get("revision") or "not from a checkout")
        facts["versions"] = ", ".join(f"{name} {version}" for name, version in self.record["versions"].items())
        return facts

    def settings(self) -> list[tuple[str, str, str]]:
        """Every setting, its value, and why it departs from the published model card."""
        departures = self.preset.get("departures", {})
        names = [name for name in self.preset if name not in ("name", "about", "departures")]
        return [(name, setting(self.preset[name]), departures.get(name, "")) for name in names]

    def phases(self) -> list[tuple[str, float]]:
        """The phases, and the step of the whole run at which each begins."""
        last: dict[str, float] = {}
        for line in sorted((*self.log, *self.measured), key=lambda line: str(line["phase"])):
            last[line["phase"]] = max(last.get(line["phase"], 0.0), line["step"])
        begins, at = [], 0.0
        for phase, steps in last.items():
            begins.append((phase, at))
            at += steps
        return begins

    def curves(self) -> list[Panel]:
        """The numbers of the training steps, a panel for each."""
        metrics = [
            ("Reward", "reward", None),
            *[(f"{name.capitalize()} (part of the reward)", f"rewards/{name}/mean", UNIT) for name in COMPONENTS],
            ("KL to the starting policy", "kl", None),
            ("Share flagged", "verdicts/flagged", UNIT),
            ("Stated confidence and its spread", "verdicts/confidence", None),
            ("Share unreadable", "verdicts/invalid", UNIT),
            ("Completion length, tokens", "completions/mean_length", None),
            ("Tool uses in a rollout", "tools/uses", None),
            ("Cost of the tools in a rollout", "tools/cost", None),
            ("Groups with one reward for all", "frac_reward_zero_std", UNIT),
            ("Entropy, nats per token", "entropy", None),
        ]
        panels = []
        for title, name, limits in metrics:
            points = self._points(self.log, name)
            if len(points) > 1:
                spread = [y for _, y in self._points(self.log, "verdicts/confidence_std")]
                spread = spread if name == "verdicts/confidence" and len(spread) == len(points) else []
                panels.append(Panel(title, (Line("", points, spread),), limits, tuple(self.phases())))
        return panels

    def held_out_curves(self) -> list[Panel]:
        """The held-out measurements over the steps, with the intervals of the first and the last evaluation."""
        metrics = [
            ("Reward", {"reward": ""}),
            ("Balanced accuracy", {"balanced_accuracy": ""}),
            ("AUROC", {"auroc": "stated confidence", "auroc_log_odds": "log-odds"}),
            ("Brier score", {"brier": ""}),
        ]
        panels = []
        for title, names in metrics:
            curves = [
                Line(label, points, noisy=False, ends=self._ends(name))
                for name, label in names.items()
                if len(points := self._points(self.measured, name)) > 1
            ]
            if curves:
                panels.append(Panel(title, tuple(curves), phases=tuple(self.phases())))
        return panels

    def reliability(self) -> list[tuple[str, str]]:
        """A title and a figure for each evaluation with readable verdicts."""
        sides = (("before training", self.before), ("after training", self.after))
        tenths = [
            (title, bins(result.rows), title.startswith("after")) for title, result in sides if result is not None
        ]
        return [
            (title, reliability(points, 900 + after, second=not after)) for title, points, after in tenths if points
        ]

    def zones(self) -> dict[str, int]:
        """How many cells phase 2 found too hard, learnable and too easy."""
        # Here and not at the top, because it loads torch, which the report of one phase does not need.
        from forge_agents.train.calibrate import count_zones

        settings = self.preset["calibration"]
        return count_zones(self.cells, settings["low"], settings["high"])

    def difficulty(self) -> dict[str, list[tuple[float, int] | None]]:
        """For each type, by stealth: the pass rate and the number of its episodes; None if none was tried."""
        table: dict[str, list[tuple[float, int] | None]] = {}
        by_type: dict[CorruptionType, dict[int, list[DifficultyCell]]] = defaultdict(lambda: defaultdict(list))
        for cell in self.cells:
            by_type[cell.corruption_type][cell.stealth].append(cell)
        for kind in CorruptionType:
            if kind in by_type:
                table[kind.value] = [_pool(by_type[kind][stealth]) for stealth in STEALTH]
        return table

    def _points(self, records: Sequence[Mapping[str, Any]], name: str) -> Points:
        begins = dict(self.phases())
        return [(begins[line["phase"]] + line["step"], line[name]) for line in records if line.get(name) is not None]

    def _ends(self, name: str) -> Any:
        if self.before is None or self.after is None:
            return None
        return tuple(mean_metrics([result.rows])[name] for result in (self.before, self.after))


class _FigureNumbers:
    """Numbers the figures of a page, because the ids of all figures on a page must differ."""

    def __init__(self) -> None:
        self._drawn = 0

    def __call__(self, panel: Panel | str) -> Markup:
        self._drawn += 1
        return Markup(panel if isinstance(panel, str) else panel.svg(self._drawn))  # noqa: S704


class _Written(NamedTuple):
    """What a model wrote on the episode of an example."""

    text: str
    turns: str = ""


def _write_completions(
    preset: Preset, model: str | Path, client: ArenaClient, opened: Sequence[OpenedEpisode], attempt: int
) -> list[_Written]:
    # Here and not at the top, because reading a report must not need torch.
    from forge_agents.models import load_model
    from forge_agents.overseers.local import LocalModel
    from forge_agents.writing import write

    loaded = load_model(model, dtype=preset.dtype)
    settings: dict[str, Any] = {
        "max_tokens": preset.max_completion,
        "temperature": preset.held_out.temperature,
        "batch": preset.held_out.batch,
    }
    seen = [episode.observation for episode in opened]
    if preset.tools:
        offered = client.tools()
        replies = LocalModel(loaded, tools=True, **settings).review_with_tools(
            seen, [tool_access(client, offered, episode, attempt) for episode in opened]
        )
        return [_Written(sendable(reply), reply.thoughts or "") for reply in replies]
    ask = prompt(preset.prompt)
    generations = write(loaded, [ask(observation) for observation in seen], **settings)
    return [_Written(sendable(generation.text)) for generation in generations]


def _read_if_there(path: Path, kind: TypeAdapter[tuple[Any, ...]]) -> tuple[Any, ...]:
    return read_json(path, kind) if path.is_file() else ()


def _pool(cells: Sequence[DifficultyCell]) -> tuple[float, int] | None:
    episodes = sum(cell.episodes for cell in cells)
    return (sum(cell.pass_rate * cell.episodes for cell in cells) / episodes, episodes) if episodes else None


def _begin_times(begun: Sequence[str]) -> str:
    first, *again = (time.replace("T", " ").removesuffix("+00:00") + " UTC" for time in begun)
    return first + (f", resumed {', '.join(again)}" if again else "")
