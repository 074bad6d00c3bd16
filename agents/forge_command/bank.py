"""`forge-arena bank`: record a Worker's answers, so that episodes need no Worker later."""

import asyncio
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from forge_agents.words import counted
from forge_arena.types import Awareness, Candour, Mechanism, Split
from forge_command.console import deliver, extra, fail, given_options, load_named, one_of, words
from forge_command.options import (
    AwarenessName,
    CandourName,
    Documents,
    JsonFile,
    LoadName,
    ReaderApiKey,
    VllmArguments,
    VllmExecutable,
    WorkerApiKey,
)
from forge_command.progress import progress

EPILOG = """Examples:

forge-arena bank answers.bank --worker openai:MODEL@http://127.0.0.1:8001/v1 --count 5000

forge-arena serve --worker bank:answers.bank"""


class Engine(StrEnum):
    local = "local"
    ray = "ray"


def bank(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="The bank to fill. It is made if it does not exist.")],
    worker: Annotated[str, typer.Option(help="The Worker that answers: openai:MODEL@URL, vllm:MODEL, scripted.")],
    split: Annotated[str, typer.Option(help="train, val, test or public.")] = "train",
    count: Annotated[int, typer.Option(min=1, help="How many episodes, from index --start on.")] = 1000,
    start: Annotated[int, typer.Option(min=0, help="Index of the first episode.")] = 0,
    mechanism: Annotated[
        str | None,
        typer.Option(help="rewrite or prompt; prompt also records corrupted answers. Default: the arena's own."),
    ] = None,
    awareness: AwarenessName = None,
    candour: CandourName = None,
    revisions: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="How often the Worker is told what is wrong with an answer and writes it again. Default: 2. Serve the "
            "bank with the same number or a higher one.",
        ),
    ] = None,
    reader: Annotated[
        str | None,
        typer.Option(
            help="A model that helps to read answers: openai:MODEL@URL, vllm:MODEL, or worker for the Worker's own "
            "model. Its replies are recorded too: in FILE, or in FILE.reader if it is another model. Default: none."
        ),
    ] = None,
    reader_api_key: ReaderApiKey = None,
    secret: Annotated[
        str | None, typer.Option(envvar="FORGE_ARENA_SECRET", help="The secret of the server, for split test.")
    ] = None,
    api_key: WorkerApiKey = None,
    vllm: VllmExecutable = "vllm",
    vllm_args: VllmArguments = "",
    documents: Documents = None,
    load: LoadName = "full",
    concurrency: Annotated[int, typer.Option(min=1, help="How many answers each Worker writes at a time.")] = 16,
    engine: Annotated[
        Engine,
        typer.Option(help="local: one Worker, asked from this process. ray: --actors Workers at once, by Ray Data."),
    ] = Engine.local,
    actors: Annotated[int, typer.Option(min=1, help="ray: how many processes fill, each with a Worker.")] = 2,
    gpus: Annotated[
        float, typer.Option(min=0, help="ray: GPUs for each; 1 for vllm:MODEL, or its tensor parallel size.")
    ] = 0,
    ray_address: Annotated[
        str | None, typer.Option(envvar="RAY_ADDRESS", help="ray: a running cluster; by default Ray starts one here.")
    ] = None,
    json: JsonFile = None,
) -> None:
    """Record what a Worker answers to the scenarios of a range of keys.

    You may stop the command and start it again: what is recorded is not asked again. Serve the answers with
    `forge-arena serve --worker bank:FILE`. A bank holds the answers of one Worker, and another Worker is refused.

    The load must be that of the server: other loads have other keys and other scenarios.

    With `--engine ray` (needs the extra `ray`) several actors share the keys. Every actor opens a Worker of its own
    (vllm: an engine for each actor; openai: all actors ask the same endpoint) and records into FILE.d/. Finished
    ranges are merged into FILE, so all machines must see both places. The bank is the same as without Ray. Use Ray if
    one Worker takes too long; docs/scale.md says when that is.
    """
    if engine is Engine.local and (given := given_options(context, "actors", "gpus", "ray_address")):
        raise fail(f"{given} is for --engine ray: give --engine ray, or leave {given} out")
    wanted_split = Split(one_of("--split", split, Split))
    wanted_mechanism = Mechanism(one_of("--mechanism", mechanism, Mechanism)) if mechanism else None
    wanted_awareness = Awareness(one_of("--awareness", awareness, Awareness)) if awareness else None
    wanted_candour = Candour(one_of("--candour", candour, Candour)) if candour else None
    wanted_load = load_named(load)
    from forge_arena.asking import REVISIONS
    from forge_arena.banking import Filling, FillingResult, fill_here
    from forge_arena.workers.registry import check_reads_documents

    if documents:
        check_reads_documents(worker)

    filling = Filling(
        worker=worker,
        split=wanted_split,
        start=start,
        count=count,
        mechanism=wanted_mechanism,
        awareness=wanted_awareness,
        candour=wanted_candour,
        revisions=REVISIONS if revisions is None else revisions,
        reader=reader,
        reader_api_key=reader_api_key,
        documents=documents[0].absolute() if documents else None,
        load=wanted_load,
        secret=secret,
        api_key=api_key,
        vllm=vllm,
        vllm_args=words("--vllm-args", vllm_args),
        concurrency=concurrency,
    )

    def run() -> FillingResult:
        with progress() as bar:
            task = bar.add_task(file.name, total=count, unit="episodes")
            if engine is Engine.local:
                return asyncio.run(fill_here(filling, file, lambda: bar.advance(task)))
            from forge_arena.banking_ray import fill_with_ray

            with extra("ray", "--engine ray"):
                return fill_with_ray(
                    filling, file, lambda keys: bar.advance(task, keys), actors=actors, gpus=gpus, address=ray_address
                )

    try:
        filled = run()
    except KeyboardInterrupt:
        raise fail("interrupted; every answer so far is recorded: run the same command to go on") from None
    result = {
        "bank": str(file),
        "keys": filled.keys,
        "recorded": filled.recorded,
        "answers": filled.answers,
        "failed": filled.failed,
        "last_failure": filled.last_failure,
        **filled.counts,
    }
    lines = "\n".join(f"{name}: {value}" for name, value in result.items())
    deliver(result, json, lambda out: out.print(lines, highlight=False, markup=False, soft_wrap=True))
    if filled.failed == filled.keys:
        raise fail(
            f"no episode could be made of {counted(filled.keys, 'key')}; the last failed because {filled.last_failure}"
        )
