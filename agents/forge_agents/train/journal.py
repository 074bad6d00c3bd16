"""Write the records of a training run, line by line, and watch for a run that goes wrong.

The folder of a run:

    run.json          the preset, the arena, the code's revision, versions
    log.jsonl         one line per step: reward, each component, KL, what the verdicts look like
    held_out.jsonl    one line per measurement on episodes that are never trained on
    before.json after.json    the evaluations at either end, as `forge-arena eval --json` writes them
    model/            the trained model; start/ holds the model from which reinforcement began
"""

import json
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from statistics import fmean
from typing import Any, Protocol
from uuid import uuid4

from pydantic import TypeAdapter, ValidationError

from forge_agents.compare import auroc_of_log_odds
from forge_agents.result import Result
from forge_agents.train.presets import Preset
from forge_arena.errors import FileError
from forge_arena.files import numbered_lines, parse_json, read_json, write_whole
from forge_arena.locks import FolderInUse
from forge_arena.software import installed, revision

OBJECT = TypeAdapter(dict[str, Any])
# The settings that may change when a run is resumed: how long it goes on, and how it is run and watched.
MAY_CHANGE = frozenset(
    {
        *("name", "about", "departures", "steps", "wall_seconds", "save_every", "keep_checkpoints", "patience"),
        *("trackers", "device_batch", "recompute", "share_prompts", "vllm", "autocast"),
    }
)
VERSIONS = ("forge-arena", "torch", "transformers", "trl", "peft", "accelerate")


class Listener(Protocol):
    """Hears what a journal writes. `kind` is `train` or `held_out`."""

    def __call__(self, kind: str, phase: str, step: int, values: Mapping[str, Any]) -> None: ...


class Journal:
    """Appends to the records of one run. A resumed run appends to the same files.

    `say(message)` is called with warnings that a person should read now. The `listener`, if there is one, hears each
    line of the steps and of the measurements.
    """

    def __init__(self, folder: Path, say: Callable[[str], None]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.say = say
        self.listener: Listener | None = None

    def begin(self, preset: Preset, *, arena: str, suite: str, suite_hash: str | None = None) -> None:
        """Write down what is run and when it began; for a resumed run, also when it was resumed.

        Raises:
            FolderInUse: the folder holds a run of another preset or suite.
        """
        path = self.folder / "run.json"
        known = read_json(path, OBJECT) if path.is_file() else {"begun": []}
        if "preset" in known:
            check_same_run(self.folder, preset, suite)
            if known.get("suite_hash", suite_hash) != suite_hash:
                self.say(
                    "the arena is not the one that this run was begun with (another mechanism, Worker, secret, set of "
                    "families or code): its numbers before and after are not on the same episodes"
                )
        known |= {
            "preset": preset.model_dump(mode="json"),
            "arena": arena,
            "suite": suite,
            "suite_hash": suite_hash,
            "revision": revision(),
            "versions": installed(VERSIONS),
            # Names the run to the arena that it is reported to.
            "report": known.get("report") or uuid4().hex,
            "begun": [*known["begun"], datetime.now(UTC).isoformat(timespec="seconds")],
        }
        write_whole(path, json.dumps(known, indent=2) + "\n")

    def log(self, phase: str, step: int, values: Mapping[str, Any]) -> None:
        numbers = {name: value for name, value in values.items() if isinstance(value, int | float)}
        self._append("log.jsonl", {"phase": phase, "step": step, **numbers})
        if self.listener is not None:
            self.listener("train", phase, step, numbers)

    def log_held_out(self, phase: str, step: int, result: Result) -> dict[str, float | None]:
        """Write a measurement down; returns the point values."""
        card = result.scorecard
        values: dict[str, float | None] = {
            "reward": card.reward.value,
            "balanced_accuracy": card.balanced_accuracy.value,
            "auroc": card.auroc.value,
            "auroc_log_odds": auroc_of_log_odds(result.rows) if card.scored else None,
            "brier": card.brier.value,
            "f1": card.f1.value,
            "share_flagged": card.share_flagged.value,
            "skill": card.skill.value,
            "type_accuracy": card.type_accuracy.value,
            "invalid": card.invalid / max(1, card.scored + card.invalid + card.failed),
        }
        if card.components is not None:
            values |= {f"components/{name}": value for name, value in card.components.model_dump().items()}
        self._append("held_out.jsonl", {"phase": phase, "step": step, **values})
        if self.listener is not None:
            self.listener("held_out", phase, step, values)
        return values

    def _append(self, name: str, line: Mapping[str, Any]) -> None:
        path = self.folder / name
        torn = path.is_file() and not path.read_bytes().endswith(b"\n")
        with path.open("a", encoding="utf-8") as file:
            file.write("\n" * torn + json.dumps(line) + "\n")


def check_same_run(folder: Path, preset: Preset, suite: str | None = None) -> None:
    """Check that a folder holds a run of this preset. Settings in `MAY_CHANGE` may differ.

    Raises:
        FolderInUse: the folder holds another run, whose numbers would not be comparable.
    """
    known = read_json(folder / "run.json", OBJECT)
    now = preset.model_dump(mode="json") | {"suite": suite or known["suite"]}
    try:
        # A setting that an older version did not have was at its default.
        was = Preset.model_validate(known["preset"]).model_dump(mode="json") | {"suite": known["suite"]}
    except ValidationError:
        raise FolderInUse(
            f"{folder} holds a run of another version, whose preset this version cannot read: give another --out"
        ) from None
    for name in sorted(now.keys() - MAY_CHANGE):
        if was[name] != now[name]:
            raise FolderInUse(
                f"{folder} holds another run: its {name} is {was[name]!s}, not {now[name]!s}; ask for the same, or "
                "give another --out"
            )


def lines(folder: Path, name: str) -> list[dict[str, Any]]:
    """The lines of a record, one for each phase and step. A resumed run repeats some steps; the last line counts.

    A line that a full disk or a power cut tore is skipped.
    """
    path = folder / name
    if not path.is_file():
        return []
    readable = []
    for number, line in numbered_lines(path):
        with suppress(FileError):
            readable.append(parse_json(line, OBJECT, f"{path}:{number}"))
    return list({(line["phase"], line["step"]): line for line in readable}.values())


class Watch:
    """Looks at the last `window` steps for the ways in which reinforcement of an overseer goes wrong.

    Each warning comes once while its trouble lasts, and again if the trouble comes back.
    """

    def __init__(self, window: int = 10) -> None:
        self._window = window
        self._seen: deque[Mapping[str, float]] = deque(maxlen=window)
        self._rewards: list[tuple[float, float]] = []
        self._warned: set[str] = set()

    def add_step(self, values: Mapping[str, Any]) -> list[str]:
        """Take the numbers of a step; returns the new warnings."""
        self._seen.append({name: float(value) for name, value in values.items() if isinstance(value, int | float)})
        if len(self._seen) < self._window:
            return []
        return self._news(dict(self._troubles()))

    def add_held_out(self, reward: float | None) -> list[str]:
        """Take the reward of a measurement on held-out episodes; returns the new warnings."""
        train = self._mean("reward")
        if reward is None or train is None:
            return []
        self._rewards.append((train, reward))
        (train_first, held_first), (train_last, held_last) = self._rewards[0], self._rewards[-1]
        trouble = {}
        if train_last - train_first > 0.03 and held_last - held_first < -0.02:
            trouble["overfit"] = (
                f"the training reward rose by {train_last - train_first:.2f} while the held-out one fell by "
                f"{held_first - held_last:.2f}: the policy learns the training families and not the task; stop here, "
                "raise beta, or train on more families"
            )
        return self._news(trouble, only={"overfit"})

    def _troubles(self) -> Iterator[tuple[str, str]]:
        flat = self._mean("frac_reward_zero_std")
        if flat is not None and flat > 0.9:
            yield (
                "flat",
                (
                    f"{flat:.0%} of the groups had one reward for all attempts: there is nothing to learn from; raise "
                    "the temperature, or train on episodes that are neither too easy nor too hard "
                    "(forge-arena train calibrate)"
                ),
            )
        flagged = self._mean("verdicts/flagged")
        if flagged is not None and not 0.03 < flagged < 0.97:
            word = "corrupted" if flagged > 0.5 else "clean"
            yield (
                "one label",
                (
                    f"{max(flagged, 1 - flagged):.0%} of the verdicts say {word!r}: the policy collapses to one label, "
                    "and no group holds a better one; raise beta or the temperature, or begin from a better warm start"
                ),
            )
        spread = self._mean("verdicts/confidence_std")
        if spread is not None and spread < 0.01:
            yield (
                "one confidence",
                (
                    "every verdict states the same confidence: its AUROC is then the balanced accuracy, and "
                    "calibration cannot be learned; begin from demonstrations that differ in confidence"
                ),
            )
        invalid = self._mean("verdicts/invalid")
        if invalid is not None and invalid > 0.5:
            yield (
                "invalid",
                (f"{invalid:.0%} of the verdicts cannot be read: begin from a warm start, or allow longer completions"),
            )
        failed = self._mean("verdicts/failed")
        if failed is not None and failed > 0.2:
            yield "failed", f"{failed:.0%} of the attempts failed in the arena and taught nothing: look at its log"
        cut = self._mean("completions/clipped_ratio")
        if cut is not None and cut > 0.2:
            # `verdicts/cut` counts the completions among these that went on after a verdict.
            yield "cut", f"{cut:.0%} of the completions were cut off: raise max_completion"

    def _mean(self, name: str) -> float | None:
        values = [numbers[name] for numbers in self._seen if name in numbers]
        return fmean(values) if values else None

    def _news(self, troubles: Mapping[str, str], only: set[str] | None = None) -> list[str]:
        fresh = [warning for name, warning in troubles.items() if name not in self._warned]
        watched = only if only is not None else {name for name in self._warned if name != "overfit"}
        self._warned = (self._warned - (watched - troubles.keys())) | troubles.keys()
        return fresh
