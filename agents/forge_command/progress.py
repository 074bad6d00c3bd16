"""Say how far a long command is, on standard error: bars on a terminal, and elsewhere a line every few seconds.

A log file, a pipe, a batch system and a CI job are no terminals: without lines they would show nothing for minutes.
"""

import threading
from typing import Any

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
)
from rich.text import Text

from forge_command.console import console

# Seconds until the first line, which comes soon because a silent command looks hung, and between two lines.
FIRST, EVERY = 2.0, 15.0
SO_FAR = "so far"
# Seconds over which speed is measured. One batch of a model may take minutes.
MEASURED_OVER = 900.0


def progress(*columns: ProgressColumn) -> Progress:
    """Show tasks while the block runs, each with the time that is left. `columns` are the columns of the bars.

    A task may have the fields `unit`, which its line counts, and `note`, which ends its line. A note is anything that
    has a text; the text may change while the task goes on.
    """
    bars = columns or (
        TextColumn("{task.description:>22}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeLeftColumn(),
        NoteColumn(),
    )
    shown = Progress if console.is_terminal else Lines
    return shown(*bars, console=console, speed_estimate_period=MEASURED_OVER)


class TimeLeftColumn(ProgressColumn):
    """The time that a task still takes, as its line says it."""

    def render(self, task: Task) -> Text:
        left = _seconds_left(task)
        return Text("" if left is None else clock(left), style="progress.remaining")


class NoteColumn(ProgressColumn):
    """The note of a task, if the task has one."""

    def render(self, task: Task) -> Text:
        return Text(str(task.fields.get("note") or ""), style="dim")


class Lines(Progress):
    """Progress where there is no terminal: a thread prints lines for the tasks that go on, and one when a task is done.

    It is a thread because one step of a task may take minutes.
    """

    def __init__(self, *columns: ProgressColumn, **settings: Any) -> None:
        # Without a refresh of its own, `track` counts each step as it is done.
        super().__init__(*columns, **settings, disable=True, auto_refresh=False)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._speak, name="progress", daemon=True)
        self._reported_done: set[int] = set()

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        if not self._ended.is_set():
            self._ended.set()
            self._thread.join()
            self._say(only_begun=True)

    def _speak(self) -> None:
        wait = FIRST
        while not self._ended.wait(wait):
            self._say()
            wait = EVERY

    def _say(self, *, only_begun: bool = False) -> None:
        for task in self.tasks:
            if task.visible and task.id not in self._reported_done and (task.completed or not only_begun):
                self.console.print(line(task), markup=False, highlight=False, soft_wrap=True)
            if task.finished:
                self._reported_done.add(task.id)


def line(task: Task) -> str:
    """A task in words: `rules: 64 of 600 verdicts, 0:00:31 so far, about 0:04:20 left`."""
    unit, note = (str(task.fields.get(name) or "") for name in ("unit", "note"))
    of = "" if task.total is None else f" of {task.total:.0f}"
    parts = [f"{task.completed:.0f}{of}{f' {unit}' if unit else ''}", f"{clock(task.elapsed or 0.0)} {SO_FAR}"]
    if (left := _seconds_left(task)) is not None:
        parts.append(f"about {clock(left)} left")
    return f"{task.description.strip()}: {', '.join([*parts, *([note] if note else [])])}"


def clock(seconds: float) -> str:
    """Hours, minutes and seconds, as 0:04:20."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}"


def _seconds_left(task: Task) -> float | None:
    """The seconds that a task still takes; None if nothing is done yet, or everything."""
    if task.finished or not task.total or not task.completed:
        return None
    by_average = (task.elapsed or 0.0) * (task.total - task.completed) / task.completed
    # rich measures speed between steps. The steps of one batch all come at its end, and would seem to take no time.
    return max(by_average, task.time_remaining or 0.0)
