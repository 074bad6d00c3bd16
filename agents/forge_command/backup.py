"""`forge-arena backup`: copy an SQLite store while its server goes on."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from forge_command.console import fail, say, writable_file

PREFIX = "sqlite:///"
# SQLite says so of a file that is no database, and of a database without the tables of a store.
NO_STORE = (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR)
WANTED = "give the file that `forge-arena serve --store` writes"
EPILOG = """Example:

forge-arena backup copy.db --store forge-arena.db

forge-arena serve --store copy.db"""


def backup(
    file: Annotated[
        Path, typer.Argument(callback=writable_file, help="The copy to make; the file must not exist yet.")
    ],
    store: Annotated[
        str, typer.Option(envvar="FORGE_ARENA_STORE", help="The store, as given to serve.")
    ] = "forge-arena.db",
) -> None:
    """Copy a store as it is at one moment, even while a server writes to it. To restore: serve --store COPY.

    Postgres has its own tool: pg_dump --format=custom, and pg_restore.
    """
    if "://" in store and not store.startswith(PREFIX):
        raise fail("only an SQLite store is copied here; for Postgres: pg_dump --format=custom DATABASE > FILE")
    path = Path(store.removeprefix(PREFIX))
    if path.is_dir():
        raise fail(f"{path} is a folder, and a store is a file: {WANTED}")
    if not path.is_file():
        raise fail(f"there is no store at {path}: {WANTED}")
    if file.exists():
        raise fail(f"{file} exists already, and nothing is overwritten: give another name")
    unfinished = file.with_name(file.name + ".unfinished")
    try:
        with (
            closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as source,
            closing(sqlite3.connect(unfinished)) as copy,
        ):
            # All pages in one step. In WAL mode a reader blocks no writer, and sees the store at one moment.
            source.backup(copy)
            checked = copy.execute("PRAGMA integrity_check").fetchone()[0]
            episodes = copy.execute("SELECT count(*) FROM episodes").fetchone()[0]
            verdicts = copy.execute("SELECT count(*) FROM verdicts").fetchone()[0]
    except sqlite3.Error as error:
        unfinished.unlink(missing_ok=True)
        if getattr(error, "sqlite_errorcode", None) in NO_STORE:
            raise fail(f"{path} is no store of an arena ({error}): {WANTED}") from None
        raise fail(f"{path} could not be copied: {error}") from None
    if checked != "ok":
        raise fail(f"the copy {unfinished} is damaged: {checked}")
    unfinished.rename(file)
    say(f"{file}: {episodes} episodes, {verdicts} verdicts")
