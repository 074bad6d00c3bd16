"""`forge-arena bank`: record a Worker's answers, so that episodes need no Worker later."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from forge_command.app import JsonFile, fail, write_json
from forge_command.evaluation import progress

# So many failures in a row for each answer in flight, and the Worker is taken to be down for good.
HOPELESS = 3


def bank(
    file: Annotated[Path, typer.Argument(help="The bank to fill; made if it is not there.")],
    worker: Annotated[str, typer.Option(help="Who answers: openai:MODEL@URL, vllm:MODEL, scripted.")],
    split: Annotated[str, typer.Option(help="train, val or test.")] = "train",
    count: Annotated[int, typer.Option(min=1, help="How many episodes, from index --start on.")] = 1000,
    start: Annotated[int, typer.Option(min=0)] = 0,
    mechanism: Annotated[str | None, typer.Option(help="prompt also records corrupted answers.")] = None,
    secret: Annotated[str | None, typer.Option(envvar="FORGE_ARENA_SECRET", help="The server's, for test.")] = None,
    api_key: Annotated[str | None, typer.Option(envvar="FORGE_ARENA_API_KEY", help="For an openai Worker.")] = None,
    vllm: Annotated[str, typer.Option(envvar="FORGE_ARENA_VLLM", help="The vllm executable.")] = "vllm",
    documents: Annotated[Path | None, typer.Option(help="A file that `scenarios import --out` wrote.")] = None,
    concurrency: Annotated[int, typer.Option(min=1, help="Answers in flight at a time.")] = 16,
    json: JsonFile = None,
) -> None:
    """Record what a Worker answers to the scenarios of a stretch of keys.

    Break it off and start it again as you like: what is recorded is not asked again. Serve from it with
    `forge-arena serve --worker bank:FILE`.
    """
    from forge_arena.episodes import SUITE, Arena
    from forge_arena.errors import ForgeArenaError, WorkerFailed
    from forge_arena.scenarios.documents import load_documents, suite_of
    from forge_arena.types import Mechanism, Split
    from forge_arena.workers import open_worker
    from forge_arena.workers.bank import Bank, BankWorker

    async def fill() -> dict[str, int | str]:
        recorded = Bank(file)
        before = len(recorded)
        sources = load_documents(documents) if documents else None
        arena = Arena(
            BankWorker(recorded, open_worker(worker, api_key=api_key, vllm_executable=vllm)),
            secret=secret,
            mechanism=Mechanism(mechanism) if mechanism else None,
            sources=sources,
            suite=suite_of(sources) if sources else SUITE,
        )
        failed: list[str] = []
        in_a_row = 0
        keys = iter(arena.keys(Split(split), start, count)[0])
        with progress() as bar:
            task = bar.add_task(file.name, total=count)

            async def work() -> None:
                nonlocal in_a_row
                for key in keys:
                    try:
                        await arena.make(key)
                        in_a_row = 0
                    except WorkerFailed as error:
                        failed.append(error.reason)
                        in_a_row += 1
                        if in_a_row >= HOPELESS * concurrency:
                            raise WorkerFailed(f"{in_a_row} failures in a row, the last: {error.reason}") from None
                    bar.advance(task)
                    # A key that is recorded already is made without waiting for anything.
                    await asyncio.sleep(0)

            await arena.worker.start()
            try:
                await asyncio.gather(*(work() for _ in range(concurrency)))
            finally:
                after = len(recorded)
                await arena.worker.aclose()
        return {
            "bank": str(file),
            "keys": count,
            "recorded": after - before,
            "answers": after,
            "failed": len(failed),
            "last_failure": failed[-1] if failed else "",
            **arena.counts,
        }

    try:
        result = asyncio.run(fill())
    except (ForgeArenaError, ValueError, OSError) as error:
        raise fail(str(error)) from None
    except KeyboardInterrupt:
        raise fail("broken off; everything answered so far is recorded, run the same command to go on") from None
    if json != "-":
        for name, value in result.items():
            typer.echo(f"{name}: {value}")
    write_json(result, json)
