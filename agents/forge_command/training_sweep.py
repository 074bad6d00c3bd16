"""`forge-arena train sweep`: compare runs that differ in one setting, with several seeds each."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from forge_arena.locks import lock_folder
from forge_command.console import as_json, deliver, extra, fail, writable_folder
from forge_command.options import ARENA, ArenaToken, ArenaUrl, JsonFile
from forge_command.tables import format_difference, format_mean, training_table
from forge_command.training import Changes, PresetName, reporting
from forge_command.training_runs import folder_of, train_all

EPILOG = """Example:

forge-arena train sweep --vary algorithm=grpo,rft --start runs/start --out sweeps/algorithm"""


def sweep(
    vary: Annotated[
        str, typer.Option(metavar="KEY=A,B,...", help="The setting and its values, such as algorithm=grpo,grpo-ps,dpo.")
    ],
    start: Annotated[Path, typer.Option(help="Folder of the model that every run starts from.")],
    out: Annotated[Path, typer.Option(callback=writable_folder, help="Folder for the runs, sweep.json and sweep.png.")],
    preset: PresetName = "tiny",
    seeds: Annotated[int, typer.Option(min=1, help="Runs of each value.")] = 3,
    arena: ArenaUrl = ARENA,
    token: ArenaToken = None,
    change: Changes = None,
    json: JsonFile = None,
) -> None:
    """Compare values of one setting: the same start, the same episodes and budget, held-out curves with bands.

    With algorithm=online-rft,rft,grpo,grpo-ps it redraws DeepSeekMath's figure 5 on this arena; with
    scale_rewards=none,group,batch it shows what the normalisation does to the stated confidence. Set held_out.every to
    have points on the way. A stopped sweep goes on if it is called again.
    """
    from forge_agents.train.presets import load_preset

    key, equals, listed = vary.partition("=")
    values = [value.strip() for value in listed.split(",") if value.strip()]
    if not equals or not values:
        raise fail(f"--vary reads key=a,b,..., got {vary!r}")
    settings = load_preset(preset, change or [])
    for value in values:
        load_preset(preset, [*(change or []), f"{key}={value}"])
    with extra("train", "training"):
        from forge_agents.train import quiet
        from forge_agents.train.journal import Journal
        from forge_agents.train.online import ArenaAddress
        from forge_agents.train.pipeline import evaluate_once
        from forge_agents.train.sweep import draw, gains

    quiet()
    place = ArenaAddress(arena, token)
    with lock_folder(out), reporting() as reporter:
        before = evaluate_once(
            settings,
            str(start),
            place,
            out / "before.json",
            Journal(out, reporter.say),
            step=0,
            phase="start",
            reporter=reporter,
        )
        planned = {f"{value} {seed}": [f"{key}={value}", f"seed={seed}"] for seed in range(seeds) for value in values}
        train_all(planned, settings, place, out, start=start, before=out / "before.json", reporter=reporter)
    runs = {value: [folder_of(out, f"{value} {seed}") for seed in range(seeds)] for value in values}
    means, changes = gains(runs, before)
    draw(runs, before, out / "sweep.png")
    plain: dict[str, Any] = {
        "vary": key,
        "seeds": seeds,
        "means": {value: {m: e.model_dump() for m, e in row.items()} for value, row in means.items()},
        "differences from the start": {
            value: {m: e.model_dump() for m, e in row.items()} for value, row in changes.items()
        },
    }

    def show(to: Console) -> None:
        to.print(training_table(f"{key}, mean of {seeds} seeds", means, format_mean))
        to.print(training_table("less the start (95% over families)", changes, format_difference))
        to.print(f"curves: {out / 'sweep.png'}", highlight=False, markup=False)

    deliver(plain, json, show, {out / "sweep.json": as_json(plain)})
