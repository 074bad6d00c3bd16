"""Report a run to its arena while it learns, so that its curves stand on the arena's page Runs.

A thread of its own sends what the journal writes. A report that fails is tried again later, and never stops or slows
the run: the records in the run's folder are the authority, and a resumed run reports all of them again.
"""

import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from math import ceil
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Any

from forge_agents.client import ArenaClient, ArenaError, ArenaGarbled, ArenaRefused
from forge_agents.train.journal import OBJECT, Journal, lines
from forge_agents.train.online import ArenaAddress
from forge_agents.train.presets import Preset
from forge_arena.files import read_json
from forge_arena.wire import MAX_NOTES, MAX_NUMBERS, MAX_POINTS, MAX_RUN_NAME, NUMBER_NAME, RunPoint

TRACKER = "arena"
# The phase of a step whose own phase has a name that the arena does not take.
UNNAMED = "unnamed"
# Seconds between two reports, after a report that failed, for one request, and for the last report at the end of a run.
PAUSE, PAUSE_AFTER_FAILURE, TIMEOUT, LAST = 3.0, 30.0, 20.0, 10.0
# A run with more steps than this reports every second step, or every third, and so on.
MOST_STEPS = 5_000
# What a later report may still do: the arena is busy, or was not there.
_PASSING = frozenset({408, 429, 500, 502, 503, 504})
_NAME = re.compile(NUMBER_NAME)


class RunReport:
    """Sends the points of one run from a thread. `close` it.

    Arguments:
        arena: that takes the report.
        name: of the run, for people. `notes` say more.
        request: names the run for ever: the same one goes on with the same curves.
        say: is called with a message for a person, once when reports begin to fail.
        every: report the training steps that this number divides.
    """

    def __init__(
        self, arena: ArenaAddress, *, name: str, notes: str, request: str, say: Callable[[str], None], every: int = 1
    ) -> None:
        self._arena, self._name, self._notes, self._request = arena, name, notes, request
        self._say, self._every = say, every
        self._lock = Lock()
        self._waiting: dict[tuple[str, str, int], RunPoint] = {}
        self._closing = Event()
        self._failing = False
        self._thread = Thread(target=self._send_all, name="forge-run-report", daemon=True)
        self._thread.start()

    def add(self, kind: str, phase: str, step: int, values: Mapping[str, Any]) -> None:
        """Report these values soon. Those that are no finite numbers are left out. Does not wait for the arena."""
        if kind == "train" and step % self._every:
            return
        numbers = {
            name: float(value)
            for name, value in values.items()
            # False also for NaN, for infinity, and for an integer that is larger than every float.
            if _NAME.fullmatch(name) and isinstance(value, int | float) and abs(value) <= sys.float_info.max
        }
        if not numbers:
            return
        phase = phase if _NAME.fullmatch(phase) else UNNAMED
        point = RunPoint.model_validate(
            {"kind": kind, "phase": phase, "step": step, "numbers": dict(list(numbers.items())[:MAX_NUMBERS])}
        )
        with self._lock:
            self._waiting[kind, phase, step] = point

    def close(self) -> None:
        """Send what is left, for at most `LAST` seconds."""
        self._closing.set()
        self._thread.join(LAST)

    def _send_all(self) -> None:
        with ArenaClient(self._arena.url, token=self._arena.token, timeout=TIMEOUT, patience=0.0) as client:
            run_id: str | None = None
            while True:
                last = self._closing.wait(PAUSE_AFTER_FAILURE if self._failing else PAUSE)
                try:
                    if run_id is None:
                        run_id = client.begin_run(self._name, notes=self._notes, request=self._request).run_id
                    self._send_waiting(client, run_id)
                except ArenaError as error:
                    if not self._goes_on_after(error):
                        return
                if last:
                    return

    def _send_waiting(self, client: ArenaClient, run_id: str) -> None:
        while True:
            with self._lock:
                some = list(self._waiting.items())[:MAX_POINTS]
            if not some:
                break
            client.report(run_id, [point for _, point in some])
            self._failing = False
            with self._lock:
                for place, point in some:
                    # A newer point of the same step stays.
                    if self._waiting.get(place) is point:
                        del self._waiting[place]

    def _goes_on_after(self, error: ArenaError) -> bool:
        """Whether a later report may succeed. Says once that reports fail, and why."""
        final = isinstance(error, ArenaGarbled) or (isinstance(error, ArenaRefused) and error.status not in _PASSING)
        if final:
            self._say(f"the run is no longer reported to the arena, and goes on: {error}")
        elif not self._failing:
            self._say(f"the arena takes no report of the run; training goes on, and a later report is tried: {error}")
        self._failing = True
        return not final


@contextmanager
def report_run(preset: Preset, arena: ArenaAddress, journal: Journal) -> Iterator[None]:
    """Report what the journal writes until the block ends, if the preset's `trackers` say so.

    What the journal holds already is reported first, so that a resumed run has all of its curves.
    """
    if TRACKER not in preset.trackers:
        yield
        return
    report = RunReport(
        arena,
        name=(journal.folder.resolve().name or preset.name)[:MAX_RUN_NAME],
        notes=describe(preset)[:MAX_NOTES],
        request=read_json(journal.folder / "run.json", OBJECT)["report"],
        say=journal.say,
        every=max(1, ceil(preset.steps / MOST_STEPS)),
    )
    for kind, name in (("train", "log.jsonl"), ("held_out", "held_out.jsonl")):
        for line in lines(journal.folder, name):
            report.add(kind, line["phase"], line["step"], {k: v for k, v in line.items() if k not in ("phase", "step")})
    journal.listener = report.add
    try:
        yield
    finally:
        journal.listener = None
        report.close()


def describe(preset: Preset) -> str:
    """The settings of a run that a reader of its curves asks for first."""
    model = "a model from scratch" if preset.model is None else Path(preset.model).name
    control = ", control: shuffled rewards" if preset.shuffled_rewards else ""
    return (
        f"{preset.algorithm} of {model}, preset {preset.name}: {preset.steps} steps of {preset.batch} completions, "
        f"{preset.generations} on an episode, learning rate {preset.learning_rate:g}, beta {preset.beta:g}, seed "
        f"{preset.seed}{control}"
    )
