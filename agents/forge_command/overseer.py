"""The overseer that a command line names: read its settings, and open it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich.markup import escape
from rich.progress import Progress, TaskID

from forge_arena.files import parse_yaml
from forge_arena.secrecy import public_address
from forge_command.console import fail

if TYPE_CHECKING:
    from forge_agents.overseers import Overseer
    from forge_agents.pace import Pace


def overseer_settings(
    changes: list[str] | None, prompt: str | None, system: Path | None, api_key: str | None
) -> dict[str, Any]:
    """The settings of an overseer: those of `--set KEY=VALUE`, read as YAML, and those with an option of their own."""
    settings: dict[str, Any] = {}
    for change in changes or []:
        name, equals, value = change.partition("=")
        if not equals or not name.isidentifier():
            raise fail(f"--set takes KEY=VALUE, got {change!r}")
        settings[name] = _value(name, value)
    options = {"prompt": prompt, "system": system, "api_key": api_key}
    given = {name: value for name, value in options.items() if value is not None}
    for name in ("prompt", "system"):
        if name in given and name in settings:
            raise fail(f"--{name} and --set {name}=… give the same setting twice: give one of them")
    return settings | given


def _value(name: str, text: str) -> Any:
    def refuse(reason: str) -> typer.Exit:
        from forge_agents.overseers.settings import quoted

        why = reason.partition("not YAML: ")[2] or reason
        return fail(f"--set {name}: {text!r} is no YAML ({why}): give a text in quotation marks, {quoted(name, text)}")

    return parse_yaml(text, name, error=refuse)


def following(bar: Progress, task: TaskID, overseer: "Overseer") -> Callable[[int, int], None]:
    """A function that shows how many verdicts are done.

    A batch of a model may take minutes. So an overseer that knows its pace (`Pace`) moves the task within a batch, and
    its pace is the note of the task.
    """
    pace: Pace | None = getattr(overseer, "pace", None)
    if pace is None:
        return lambda done, of: bar.update(task, completed=done, total=of)
    bar.update(task, note=pace)
    return pace.follow(lambda done: bar.update(task, completed=done))


@contextmanager
def opening(bar: Progress, name: str, settings: dict[str, Any]) -> "Iterator[Overseer]":
    """The overseer, opened while the progress says so: a model may load, or a classifier learn, for minutes."""
    from forge_agents.overseers import use_overseer

    task = bar.add_task(f"opening {escape(public_address(name))}", total=1)
    with use_overseer(name, **settings) as overseer:
        bar.update(task, completed=1, visible=False)
        yield overseer
