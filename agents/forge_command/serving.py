"""`forge-arena serve`: run the HTTP server."""

from pathlib import Path
from typing import Annotated

import typer

from forge_arena.errors import WorkerFailed
from forge_command.console import extra, fail, one_file, one_of, say, words
from forge_command.options import AwarenessName, CandourName

EPILOG = """Examples:

forge-arena serve

forge-arena serve --scenarios short          (short sources: begin here to train a small model)

forge-arena serve --worker openai:MODEL@http://127.0.0.1:8001/v1 --store arena.db

forge-arena serve --worker openai:SMALL_MODEL@http://127.0.0.1:8001/v1 --load light

forge-arena serve --processes 4               (on four cores, behind one port)

forge-arena serve --host 0.0.0.0 --token TOKEN"""


def serve(
    host: Annotated[
        str | None,
        typer.Option(help="Address to bind. Default: 127.0.0.1. An address that is not loopback needs a token."),
    ] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port; 0 takes a free port. Default: 8000.")
    ] = None,
    processes: Annotated[
        int | None,
        typer.Option(
            "--processes",
            "--workers",
            min=1,
            help="Processes that serve behind the one port, on the one store: one for each core. "
            "All of them ask the same --worker. Default: 1.",
        ),
    ] = None,
    root_path: Annotated[
        str | None, typer.Option(help="The path under which a proxy serves the arena, such as /arena.")
    ] = None,
    store: Annotated[
        str | None, typer.Option(help="The store: an SQLite file, or the URL of a Postgres. Default: forge-arena.db.")
    ] = None,
    worker: Annotated[
        str | None,
        typer.Option(
            help="Who answers: scripted (default), openai:MODEL@URL, vllm:MODEL, bank:FILE or bank:FILE+OTHER; "
            "your own by the name of its entry point or as module:Class."
        ),
    ] = None,
    documents: Annotated[
        list[Path] | None,
        typer.Option(
            callback=one_file,
            metavar="FILE",
            help="Play documents of your own: a file that `scenarios import --out` wrote.",
        ),
    ] = None,
    scenarios: Annotated[
        str | None,
        typer.Option(
            help="Play another set of families: one shipped with the arena (short, whose sources have 50 words: begin "
            "there to train a small model), or a folder."
        ),
    ] = None,
    load: Annotated[
        str | None,
        typer.Option(
            metavar="LOAD",
            help="How much the tasks ask: full (default), normal, or light, for a Worker of 1 to 7B parameters. A "
            "lighter load is a suite of its own: keys read forge-light:5:train:17.",
        ),
    ] = None,
    reward_profile: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FILE",
            help="By which weights verdicts are paid: standard (default), detection, or a JSON file of your own. "
            "Evaluations and the leaderboard always use the standard weights.",
        ),
    ] = None,
    token: Annotated[
        list[str] | None,
        typer.Option(
            help="One token that opens the server, as [ROLE:]TOKEN or as `forge-arena token` prints it; repeatable."
        ),
    ] = None,
    rate: Annotated[
        float | None, typer.Option(help="Requests a second for each token except an admin's. Default: no limit.")
    ] = None,
    mechanism: Annotated[str | None, typer.Option(help="Corrupt only by rewrite or only by prompt.")] = None,
    awareness: AwarenessName = None,
    candour: CandourName = None,
    revisions: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="How often the Worker is told what is wrong with an answer and writes it again. Default: 2; 0: never.",
        ),
    ] = None,
    reader: Annotated[
        str | None,
        typer.Option(
            help="A model that helps to read answers: it points and vetoes, and code approves. openai:MODEL@URL, "
            "vllm:MODEL, bank:FILE, or worker for the Worker's own model. Default: none."
        ),
    ] = None,
    view: Annotated[
        str | None,
        typer.Option(
            help="What an episode shows at once unless a client asks otherwise: full (default), no_reasoning, or "
            "answer_only, where the source is looked up with tools."
        ),
    ] = None,
    tool_profile: Annotated[
        str | None,
        typer.Option(
            metavar="PROFILE",
            help="Which tools an overseer may use, how often, and at what cost: default, none, or a JSON file.",
        ),
    ] = None,
    vllm: Annotated[str | None, typer.Option(help="The vllm executable for a vllm Worker.")] = None,
    vllm_args: Annotated[str | None, typer.Option(help="Further arguments of `vllm serve`, as in a shell.")] = None,
    open_test: Annotated[
        bool, typer.Option("--open-test", help="Give out the truth of split test: for experiments of your own only.")
    ] = False,
    log_level: Annotated[str | None, typer.Option(help="debug, info, warning or error. Default: info.")] = None,
) -> None:
    """Serve episodes over HTTP until interrupted. Prints the URL once it is ready.

    Every option can also be set in the environment, as FORGE_ARENA_PORT and so on. Two have other names there:
    FORGE_ARENA_TOKENS is a list of tokens with commas, and FORGE_ARENA_SEALED=false is --open-test. FORGE_ARENA_API_KEY
    is the key for an openai Worker, and FORGE_ARENA_READER_API_KEY the key for an openai reader.
    """
    with extra("server", "the server"):
        from forge_server.process import serve as run
        from forge_server.settings import Settings, SettingsError, logs_as_json
    try:
        settings = Settings.from_environment(
            host=host,
            port=port,
            processes=processes,
            root_path=root_path,
            store=store,
            worker=worker,
            documents=documents[0] if documents else None,
            scenarios=scenarios,
            load=load,
            reward_profile=reward_profile,
            tokens=tuple(token) if token else None,
            rate=rate,
            mechanism=mechanism,
            awareness=awareness,
            candour=candour,
            revisions=revisions,
            reader=reader,
            view=view,
            tool_profile=tool_profile,
            vllm=vllm,
            vllm_args=words("--vllm-args", vllm_args) if vllm_args else None,
            sealed=False if open_test else None,
            log_level=log_level,
        )
        run(settings)
    except SettingsError as error:
        raise _not_started(str(error), logs_as_json()) from None
    except WorkerFailed as failure:
        raise _not_started(f"the Worker did not start: {failure.reason}", logs_as_json()) from None


def _not_started(reason: str, as_json: bool) -> typer.Exit:
    """Say why a server did not start, in the form of its log. Returns the exit for the caller to raise."""
    from forge_server import logs

    if not as_json:
        return fail(reason)
    logs.configure("error", as_json=True)
    logs.log.error("not_started", reason=reason)
    return typer.Exit(2)


def token(
    role: Annotated[
        str, typer.Option(help="player, trainer (may also set the curriculum and report training runs) or admin.")
    ] = "player",
) -> None:
    """Make a bearer token: one line for the client, and one for the server, which needs only the hash of the token."""
    with extra("server", "a token"):
        from forge_server.access import Role, new_token
    secret, hashed = new_token(Role(one_of("--role", role, Role)))
    say(f"for the client, shown only now (--token, FORGE_ARENA_TOKEN):     {secret}")
    say(f"for the server (serve --token, FORGE_ARENA_TOKENS):              {hashed}")
