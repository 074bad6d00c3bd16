"""`forge-arena export`: training data from a running arena, for those who train elsewhere."""

from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated

import typer

from forge_arena.locks import FolderInUse
from forge_command.app import fail, given_options, say
from forge_command.progress import progress

EPILOG = """Examples:

forge-arena export --kind sft --count 20000 --checking 0.2 --out demonstrations

forge-arena export --kind dpo --count 5000 --format parquet --out pairs

forge-arena export --kind dpo --model runs/tiny/model --pairs teacher --out lessons

Then, elsewhere: datasets.load_dataset("demonstrations"), and TRL's SFTTrainer or DPOTrainer takes it as it is."""


def export(
    context: typer.Context,
    kind: Annotated[str, typer.Option(help="sft: prompt and completion. dpo: prompt, chosen and rejected.")],
    out: Annotated[Path, typer.Option(help="Folder for rows and dataset card. The same again goes on with it.")],
    split: Annotated[str, typer.Option(help="train; val to look at only, not to train on.")] = "train",
    start: Annotated[
        int,
        typer.Option(min=0, help="Index of the first episode. forge-arena train draws its prompts from 0 on."),
    ] = 0,
    count: Annotated[int, typer.Option(min=1, help="Episodes, each of which gives a row at most.")] = 1_000,
    form: Annotated[str, typer.Option("--format", help="jsonl or parquet.")] = "jsonl",
    checking: Annotated[
        float,
        typer.Option(min=0, max=1, help="Share of demonstrations that compare answer and source before they judge."),
    ] = 0.0,
    pairs: Annotated[
        str | None,
        typer.Option(
            help="With dpo. attempts: the model's best against its worst. teacher: a right verdict against the model's "
            "worst or, without --model, against a plausible mistake. Default: attempts with --model, else teacher."
        ),
    ] = None,
    model: Annotated[str | None, typer.Option(help="With dpo: folder or Hub name of a model that attempts.")] = None,
    samples: Annotated[int, typer.Option(min=2, max=64, help="Attempts of the model on each episode.")] = 8,
    temperature: Annotated[float, typer.Option(min=0.01, help="Of the model's attempts.")] = 1.0,
    max_tokens: Annotated[int, typer.Option(min=8, help="Of one attempt.")] = 768,
    seed: Annotated[int, typer.Option(help="Decides how sure demonstrations are, and what the model samples.")] = 0,
    arena: Annotated[str, typer.Option(help="URL of the arena.")] = "http://127.0.0.1:8000",
    token: Annotated[str | None, typer.Option(envvar="FORGE_ARENA_TOKEN", help="Bearer token.")] = None,
) -> None:
    """Write training data with verified labels, in TRL's conversational format, with a dataset card for the Hub.

    A teacher who knows the truth shows how to judge (sft), or what to prefer is shown in pairs (dpo). An export that was
    interrupted goes on where it was when it is asked for again.
    """
    try:
        from forge_agents.client import ArenaClient, ArenaError, BadArenaURL
        from forge_agents.train.export.export import export as run
        from forge_agents.train.export.request import ExportError, ExportRequest, Format, Kind, Pairs
    except ModuleNotFoundError as error:
        raise fail(f"an export needs {error.name}: pip install 'forge-arena[train]'") from None
    if split == "test":
        raise fail(
            "--split test is sealed: overseers are measured on it, and nothing may be learned from it; give train"
        )
    split = _one_of("--split", split, ("train", "val"))
    wanted_kind = Kind(_one_of("--kind", kind, Kind))
    wanted_pairs = None if pairs is None else Pairs(_one_of("--pairs", pairs, Pairs))
    if wanted_kind is Kind.sft and (model is not None or pairs is not None):
        raise fail("--kind sft is written by a teacher: leave --model and --pairs out, or give --kind dpo")
    if model is None and (given := given_options(context, "samples", "temperature", "max_tokens")):
        raise fail(f"{given} says how a model attempts: give --model, or leave it out")
    if wanted_pairs is Pairs.attempts and model is None:
        raise fail("--pairs attempts needs --model: whose attempts?")
    if wanted_kind is Kind.dpo and wanted_pairs is None:
        wanted_pairs = Pairs.teacher if model is None else Pairs.attempts
    wanted = ExportRequest.model_validate(
        {
            "kind": wanted_kind,
            "split": split,
            "start": start,
            "count": count,
            "format": Format(_one_of("--format", form, Format)),
            "checking": checking,
            "seed": seed,
            "pairs": wanted_pairs,
            "model": model,
            "samples": samples,
            "temperature": temperature,
            "max_tokens": max_tokens,
        }
    )
    try:
        # An arena that is not there should be told at once; one that goes away later is waited for.
        with ArenaClient(arena, token=token, patience=2) as client:
            client.stats()
        with progress() as bar:
            task = bar.add_task(f"{kind}, {split}", total=count, unit="episodes")
            made = run(
                wanted,
                arena=arena,
                token=token,
                out=out,
                on_progress=lambda done, of: bar.update(task, completed=done, total=of),
            )
    except ModuleNotFoundError as error:
        raise fail(f"this export needs {error.name}: pip install 'forge-arena[train]'") from None
    except KeyboardInterrupt:
        raise fail(f"interrupted; the same command goes on with {out}") from None
    except (ExportError, FolderInUse, ArenaError, BadArenaURL, OSError) as error:
        raise fail(str(error)) from None
    except ValueError as error:
        if model is None:
            raise
        raise fail(str(error)) from None
    say(f"{made.counts.rows} rows: {made.path}\ncard: {out / 'README.md'}")


def _one_of(option: str, given: str, known: Iterable[str]) -> str:
    names = [str(name) for name in known]
    if given in names:
        return given
    close = get_close_matches(given, names, n=1, cutoff=0.3)
    guess = f" Did you mean {close[0]}?" if close else ""
    raise fail(f"{option} {given!r} is not known.{guess} There are {', '.join(names)}")
