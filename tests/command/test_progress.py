"""The line that says how far a command is, where there is no terminal."""

import re

from rich.progress import Progress

from forge_agents.overseers.constants import AlwaysClean
from forge_agents.pace import Pace
from forge_command.overseer import following
from forge_command.progress import Lines, line


def test_a_line_says_what_is_done_and_what_is_left() -> None:
    now = [0.0]
    bars = Progress(get_time=lambda: now[0], disable=True, speed_estimate_period=900)
    task = bars.add_task("rules", total=600, unit="verdicts")
    now[0] = 90.0
    assert line(bars.tasks[0]) == "rules: 0 of 600 verdicts, 0:01:30 so far"
    now[0] = 100.0
    bars.update(task, completed=60)
    assert line(bars.tasks[0]) == "rules: 60 of 600 verdicts, 0:01:40 so far, about 0:15:00 left"
    now[0] = 200.0
    bars.update(task, completed=120, note="reward 0.4")
    assert line(bars.tasks[0]) == "rules: 120 of 600 verdicts, 0:03:20 so far, about 0:13:20 left, reward 0.4"
    now[0] = 4000.0
    bars.update(task, completed=600)
    assert line(bars.tasks[0]) == "rules: 600 of 600 verdicts, 1:06:40 so far, reward 0.4"


def test_the_steps_of_a_batch_that_come_at_once_are_not_taken_for_its_speed() -> None:
    now = [0.0]
    bars = Progress(get_time=lambda: now[0], disable=True, speed_estimate_period=900)
    task = bars.add_task("checker", total=96)
    now[0] = 200.0
    for _ in range(32):
        now[0] += 0.01
        bars.advance(task)
    assert line(bars.tasks[0]).endswith("about 0:06:41 left")


def test_what_was_done_before_a_task_began_does_not_shorten_what_is_left() -> None:
    now = [0.0]
    bars = Progress(get_time=lambda: now[0], disable=True, speed_estimate_period=900)
    task = bars.add_task("resumed", total=100, completed=90)
    for at in (60.0, 120.0):
        now[0] = at
        bars.advance(task)
    assert line(bars.tasks[0]).endswith("about 0:08:00 left")


def test_a_line_of_a_task_without_an_end_says_what_is_done() -> None:
    now = [0.0]
    bars = Progress(get_time=lambda: now[0], disable=True)
    bars.add_task("labels", total=None, completed=3)
    now[0] = 5.0
    assert line(bars.tasks[0]) == "labels: 3, 0:00:05 so far"


def test_steps_that_are_tracked_are_counted_as_they_are_done() -> None:
    with Lines() as bar:
        counted = [line(bar.tasks[0]) for _ in bar.track(range(3), description="checking")]
        counted.append(line(bar.tasks[0]))
    assert [text.partition(",")[0] for text in counted] == [f"checking: {done} of 3" for done in range(4)]


class Writer:
    """An overseer that knows its pace."""

    name = "writer"

    def __init__(self) -> None:
        self.pace = Pace()


def test_a_task_moves_within_a_batch_and_says_the_pace_of_an_overseer_that_knows_it() -> None:
    bars = Progress(disable=True)
    task = bars.add_task("writer", total=100, unit="verdicts")
    writer = Writer()
    show = following(bars, task, writer)
    writer.pace.add_tokens(64)
    assert "tokens/s" in line(bars.tasks[0])
    writer.pace.add_answers(3)
    assert bars.tasks[0].completed == 3
    # A batch of which two were known before.
    show(32, 100)
    writer.pace.add_answers(1)
    assert bars.tasks[0].completed == 33
    assert re.search(r"writer: 33 of 100 verdicts, .*, \d+ tokens/s$", line(bars.tasks[0]))


def test_a_task_of_an_overseer_without_a_pace_moves_by_batches() -> None:
    bars = Progress(disable=True)
    task = bars.add_task("rules", total=100)
    following(bars, task, AlwaysClean())(32, 100)
    assert (bars.tasks[0].completed, bars.tasks[0].fields) == (32, {})
