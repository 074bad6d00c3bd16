"""`forge-arena train checker`: train an encoder that checks answers sentence by sentence."""

from pathlib import Path
from typing import Annotated

import typer

from forge_command.console import extra, if_begun, resumable, say, writable_folder
from forge_command.options import ARENA, ArenaToken
from forge_command.training import Changes, Resume, hints, reporting

EPILOG = """Examples:

forge-arena train checker --model all-MiniLM-L6-v2 --arena http://127.0.0.1:8000 --out checker

forge-arena train checker --model all-MiniLM-L6-v2 --arena URL --arena OTHER_URL --set epochs=2 --out checker

Then: forge-arena eval --overseer checker:checker --arena http://127.0.0.1:8000"""


def checker(
    model: Annotated[
        str,
        typer.Option(
            envvar="FORGE_ARENA_ENCODER",
            help="Folder of all-MiniLM-L6-v2 or another BERT-like encoder, or its name on the Hub.",
        ),
    ],
    out: Annotated[Path, typer.Option("--out", callback=writable_folder, help="Folder of the checker.")],
    arena: Annotated[
        list[str] | None,
        typer.Option("--arena", help="URL of an arena; repeatable, for instance the full families and the short ones."),
    ] = None,
    token: ArenaToken = None,
    change: Changes = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Every stage with a few episodes, to see that it works.")
    ] = False,
    resume: Resume = False,
) -> None:
    """Train a checker: an encoder that reads an answer sentence by sentence beside the passages of the source.

    It is trained on sentences of the arena's answers and sources, right, wrong and edited, from the train split. Its
    confidence is calibrated on the val split. With all-MiniLM-L6-v2 this takes 10 to 30 minutes on two idle cores.
    """
    from forge_agents.train.checker.settings import settings_of

    settings = settings_of(change or [], quick=quick)
    with extra("train", "training"):
        from forge_agents.train import quiet
        from forge_agents.train.checker.run import Address, run

    quiet()
    arenas = [Address(url=url, token=token) for url in arena or [ARENA]]
    with (
        resumable(if_begun(out, f"; what was done is in {out}: go on with --resume")),
        hints(),
        reporting() as reporter,
    ):
        card = run(model, arenas, out, settings, reporter, resume=resume)
    say(f"checker:{out}\nmodel card: {card}")
