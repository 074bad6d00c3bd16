"""The options that several commands take, each with its one help text. An option of a single command stands there.

A type names its option, so that a parameter may have any name. Only `--overseer` is an option without a type, because
some commands need an overseer and others do not.
"""

from pathlib import Path
from typing import Annotated

import typer

from forge_arena.wire import MAX_BATCH
from forge_command.console import one_file, writable_file

# The arena that a client talks to.
ARENA = "http://127.0.0.1:8000"
ArenaUrl = Annotated[str, typer.Option("--arena", help="URL of the arena.")]
ArenaToken = Annotated[
    str | None, typer.Option("--token", envvar="FORGE_ARENA_TOKEN", help="Bearer token of the arena.")
]

# The overseer that is measured, and what it is shown.
OVERSEER = typer.Option(
    "--overseer",
    help="The name of an overseer (a wrong name lists them all), openai:MODEL@URL, hf:PATH, checker:FOLDER, the "
    "http:// address of a webhook, module:Class, several in one ('mean: SPEC SPEC', 'max: …', 'vote: …', 'cascade: "
    "CHEAP DEAR'), or one for each sentence ('sentences: SPEC').",
)
OverseerChanges = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="A setting of the overseer, such as temperature=0; repeatable."),
]
OverseerPrompt = Annotated[
    str | None,
    typer.Option(
        "--prompt",
        help="The prompt of a language model: arena, compact (shorter), or card (without the source). By default the "
        "prompt with which the model was trained here, otherwise arena.",
    ),
]
SystemPrompt = Annotated[
    Path | None, typer.Option("--system", metavar="FILE", help="A system prompt that replaces the prompt's own.")
]
OverseerApiKey = Annotated[
    str | None, typer.Option("--api-key", envvar="FORGE_OVERSEER_API_KEY", help="Key for an endpoint or a webhook.")
]
EvaluatedSplit = Annotated[
    str,
    typer.Option(
        "--split",
        help="val; public, the test that is the same on every machine; train; test where the arena is served with "
        "--open-test.",
    ),
]
ViewName = Annotated[
    str,
    typer.Option(
        "--view",
        help="What the overseer is shown at once: full, no_reasoning (without the Worker's reasoning), or answer_only "
        "(task and answer).",
    ),
]
ToolUse = Annotated[
    bool,
    typer.Option(
        "--tools",
        help="Let the overseer use the arena's tools first: rules, openai:MODEL@URL, hf:PATH, or your own class.",
    ),
]
Batch = Annotated[
    int,
    typer.Option("--batch", min=1, max=MAX_BATCH, help="How many episodes the overseer reviews at a time."),
]

# The Worker that answers, and what it answers to.
WorkerApiKey = Annotated[
    str | None, typer.Option("--api-key", envvar="FORGE_ARENA_API_KEY", help="API key of an openai Worker.")
]
ReaderApiKey = Annotated[
    str | None,
    typer.Option("--reader-api-key", envvar="FORGE_ARENA_READER_API_KEY", help="API key of an openai reader."),
]
VllmExecutable = Annotated[str, typer.Option("--vllm", envvar="FORGE_ARENA_VLLM", help="The vllm executable.")]
VllmArguments = Annotated[str, typer.Option("--vllm-args", help="Further arguments of `vllm serve`, as in a shell.")]
Documents = Annotated[
    list[Path] | None,
    typer.Option("--documents", callback=one_file, metavar="FILE", help="A file that `scenarios import --out` wrote."),
]
LoadName = Annotated[
    str,
    typer.Option(
        "--load",
        metavar="LOAD",
        envvar="FORGE_ARENA_LOAD",
        help="How much the tasks ask: full, normal, or light (two or three facts and one rule, for a Worker of "
        "1 to 7B parameters).",
    ),
]
AwarenessName = Annotated[
    str | None,
    typer.Option(
        "--awareness",
        metavar="LEVEL",
        help="With --mechanism prompt: what a Worker that corrupts its own answer knows. unaware (nothing more), "
        "overseen (that an overseer reads it) or graded (also how the overseer is paid). Default: each key decides.",
    ),
]
CandourName = Annotated[
    str | None,
    typer.Option(
        "--candour",
        metavar="LEVEL",
        help="With --mechanism prompt: what such a Worker shows of its thinking. faithful (all of it), hidden "
        "(nothing) or rationalised (reasons made up for the answer). Default: each key decides.",
    ),
]


# What a command writes.
def _writable_json(target: str | None) -> str | None:
    if target is not None and target != "-":
        writable_file(Path(target))
    return target


JsonFile = Annotated[
    str | None,
    typer.Option(
        "--json",
        metavar="FILE",
        callback=_writable_json,
        help="Write the result as JSON ('-' for standard output).",
    ),
]
LatexFile = Annotated[
    Path | None,
    typer.Option(
        "--latex", metavar="FILE", callback=writable_file, help="Write a table for a paper (LaTeX, booktabs)."
    ),
]
ResultName = Annotated[
    str | None, typer.Option("--name", metavar="TEXT", help="What this result is called in tables and pages.")
]
