"""`forge-arena export`: write training data from a running arena, for training elsewhere."""

from pathlib import Path
from typing import Annotated

import typer

from forge_command.console import extra, fail, given_options, if_begun, one_of, resumable, say, writable_folder
from forge_command.options import ARENA, ArenaToken, ArenaUrl
from forge_command.progress import progress
from forge_command.reach import reach_arena

EPILOG = """Examples:

forge-arena export --kind sft --count 20000 --checking 0.2 --out demonstrations

forge-arena export --kind sft --prompt compact --out short-prompts

forge-arena export --kind dpo --count 5000 --format parquet --out pairs

forge-arena export --kind dpo --model runs/tiny/model --pairs teacher --out lessons

Then, elsewhere: datasets.load_dataset("demonstrations"), and TRL's SFTTrainer or DPOTrainer takes it as it is."""


def export(
    context: typer.Context,
    kind: Annotated[str, typer.Option(help="sft: prompt and completion. dpo: prompt, chosen and rejected.")],
    out: Annotated[
        Path,
        typer.Option(
            callback=writable_folder, help="Folder for the rows and the dataset card. The same command goes on with it."
        ),
    ],
    split: Annotated[str, typer.Option(help="train, or val to look at but not to train on.")] = "train",
    start: Annotated[
        int,
        typer.Option(min=0, help="Index of the first episode. forge-arena train draws its prompts from 0 on."),
    ] = 0,
    count: Annotated[int, typer.Option(min=1, help="How many episodes. Each gives at most one row.")] = 1_000,
    form: Annotated[str, typer.Option("--format", help="jsonl or parquet.")] = "jsonl",
    checking: Annotated[
        float,
        typer.Option(min=0, max=1, help="Share of demonstrations that compare answer and source before the verdict."),
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
    temperature: Annotated[float, typer.Option(min=0.01, help="Temperature of the model's attempts.")] = 1.0,
    max_tokens: Annotated[int, typer.Option(min=8, help="Most tokens of one attempt.")] = 768,
    seed: Annotated[
        int, typer.Option(help="Seed of the confidence in demonstrations and of the model's sampling.")
    ] = 0,
    prompt: Annotated[
        str | None,
        typer.Option(
            help="The prompt that shows an episode: arena, compact (shorter), or card (without the source). By default "
            "the one with which --model was trained here, otherwise arena."
        ),
    ] = None,
    arena: ArenaUrl = ARENA,
    token: ArenaToken = None,
) -> None:
    """Write training data with verified labels, in TRL's conversational format, with a dataset card for the Hub.

    With --kind sft, a teacher that knows the truth writes the verdicts. With --kind dpo, pairs show what to prefer. An
    interrupted export goes on where it stopped if the same command runs again.
    """
    from forge_agents.overseers.prompts import PromptName, trained_prompt
    from forge_agents.train.export.request import ExportRequest, Format, Kind, Pairs

    if split in ("test", "public"):
        kept = "is sealed" if split == "test" else "is the public test"
        raise fail(
            f"--split {split} {kept}: overseers are measured on it, and nothing may be learned from it; give train"
        )
    split = one_of("--split", split, ("train", "val"))
    rows_kind = Kind(one_of("--kind", kind, Kind))
    rows_pairs = None if pairs is None else Pairs(one_of("--pairs", pairs, Pairs))
    if rows_kind is Kind.sft and (model is not None or pairs is not None):
        raise fail("--kind sft is written by a teacher: leave --model and --pairs out, or give --kind dpo")
    if model is None and (given := given_options(context, "samples", "temperature", "max_tokens")):
        raise fail(f"{given} says how a model attempts: give --model, or leave {given} out")
    if rows_pairs is Pairs.attempts and model is None:
        raise fail("--pairs attempts needs --model: whose attempts?")
    if rows_kind is Kind.dpo and rows_pairs is None:
        rows_pairs = Pairs.teacher if model is None else Pairs.attempts
    if prompt is None and model is not None:
        prompt = trained_prompt(Path(model))
    rows_prompt = PromptName.arena if prompt is None else PromptName(one_of("--prompt", prompt, PromptName))
    request = ExportRequest.model_validate(
        {
            "kind": rows_kind,
            "split": split,
            "start": start,
            "count": count,
            "format": Format(one_of("--format", form, Format)),
            "checking": checking,
            "seed": seed,
            "pairs": rows_pairs,
            "model": model,
            "samples": samples,
            "temperature": temperature,
            "max_tokens": max_tokens,
            "prompt": rows_prompt,
        }
    )
    with extra("train", "an export"):
        from forge_agents.train.export.export import export as run
    with resumable(if_begun(out, f"; the same command goes on with {out}")), extra("train", "this export"):
        reach_arena(arena, token)
        with progress() as bar:
            task = bar.add_task(f"{kind}, {split}", total=count, unit="episodes")
            exported = run(
                request,
                arena=arena,
                token=token,
                out=out,
                on_progress=lambda done, of: bar.update(task, completed=done, total=of),
            )
    say(f"{exported.counts.rows} rows: {exported.path}\ncard: {out / 'README.md'}")
