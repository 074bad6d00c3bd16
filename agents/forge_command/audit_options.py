"""The options that several audits take, and how to open what the options name."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from forge_arena.types import Split
from forge_command.console import load_named, one_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from forge_arena.scenarios import Source
    from forge_arena.workers import Worker

WorkerSpec = Annotated[
    str, typer.Option(help="The Worker that answers: scripted, openai:MODEL@URL, vllm:MODEL, bank:FILE.")
]
Revisions = Annotated[
    int | None, typer.Option(min=0, help="How often the Worker may write an answer again. Default: 2.")
]
Quick = Annotated[bool, typer.Option("--quick", help="Fewer draws: under three minutes, with wider intervals.")]


def open_drawn(
    worker: str, documents: list[Path] | None, load: str, api_key: str | None, vllm: str
) -> tuple["Worker", "Sequence[Source]", str]:
    """The Worker, what an arena draws from, and the suite in its keys."""
    from forge_arena.collector import make_rounds_rarer
    from forge_arena.documents.playing import open_sources
    from forge_arena.workers import open_worker
    from forge_arena.workers.registry import check_reads_documents

    make_rounds_rarer()
    if documents:
        check_reads_documents(worker)
    who = open_worker(worker, api_key=api_key, vllm_executable=vllm)
    sources, suite = open_sources(documents=documents[0] if documents else None, load=load_named(load))
    return who, sources, suite


def splits_named(names: list[str] | None) -> tuple[Split, ...]:
    """The splits that a command line names, each once; empty where it names none."""
    return tuple(Split(one_of("--split", name, Split)) for name in dict.fromkeys(names or ()))
