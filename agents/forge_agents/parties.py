"""Open the two parties of an evaluation, an arena and an overseer, and refuse those that do not go together."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from forge_agents.batch import AnyArena
from forge_agents.client import PATIENCE, ArenaClient
from forge_agents.local import LocalArena
from forge_agents.overseers import (
    Overseer,
    OverseerWithTools,
    conditions,
    settings_with_tools,
    use_overseer,
    wants_tools,
)
from forge_agents.provenance import Provenance, provenance
from forge_agents.records import Task, settings_without_secrets
from forge_arena.errors import BadArgument
from forge_arena.types import Split, View
from forge_arena.wire import OfferedTools, Stats


@dataclass(frozen=True, slots=True)
class Parties:
    """An arena and an overseer that are open.

    Attributes:
        stats: what the arena said of itself when it was opened.
        offered: the arena's tools; None if the overseer is to use none.
        address: the arena's URL; None if a program handed its client over.
        spec: the name by which the overseer was opened, if it is known.
        settings: with which it was opened.
    """

    client: AnyArena
    stats: Stats
    overseer: Overseer
    offered: OfferedTools | None
    address: str | None
    spec: str | None
    settings: Mapping[str, Any] | None

    def task(self, split: Split, start: int, view: View, *, samples: int = 1) -> Task:
        """What the overseer is to do."""
        return Task(
            overseer=self.overseer.name,
            settings=settings_without_secrets(self.settings),
            conditions=conditions(self.overseer),
            worker=self.stats.worker,
            suite=self.stats.suite_and_version,
            suite_hash=self.stats.suite_hashes.get(split),
            split=split,
            start=start,
            samples=samples,
            view=view,
            tools=None if self.offered is None else self.offered.profile,
        )

    def provenance(self, *, episodes: int, paired: bool, batch: int) -> Provenance:
        """Where the result of an evaluation that ends now comes from."""
        return provenance(
            self.overseer,
            spec=self.spec,
            settings=self.settings,
            arena=self.address,
            stats=self.stats,
            episodes=episodes,
            paired=paired,
            batch=batch,
        )


@contextmanager
def open_parties(
    overseer: Overseer | str,
    arena: str | AnyArena,
    *,
    token: str | None,
    split: Split,
    tools: bool,
    spec: str | None,
    settings: Mapping[str, Any] | None,
    patience: float = PATIENCE,
) -> Iterator[Parties]:
    """An arena and an overseer, open until the block ends. What was handed over open stays open.

    `patience` is that of the client of an arena that is given by URL.

    Raises:
        BadArgument: the arena seals the split, so that nothing can be scored; or the overseer uses no tools, or the
            arena offers none.
        ArenaError: the arena cannot be reached, refused, or answered garbage.
        NoSuchOverseer, OverseerFailed: the overseer cannot be opened.
    """
    with ExitStack() as stack:
        client = (
            stack.enter_context(ArenaClient(arena, token=token, patience=patience)) if isinstance(arena, str) else arena
        )
        stats = client.stats()
        if split is Split.test and stats.sealed:
            raise BadArgument(
                "the truth of split 'test' never leaves the server: evaluate on 'val', 'public' or 'train'"
            )
        if isinstance(overseer, str):
            spec = overseer
            settings = settings_with_tools(overseer, settings) if tools else settings
            overseer = stack.enter_context(use_overseer(overseer, **(settings or {})))
        tools = tools or wants_tools(overseer)
        if tools and not isinstance(overseer, OverseerWithTools):
            raise BadArgument(
                f"overseer {overseer.name!r} uses no tools: leave tools out, or give it a method "
                "review_with_tools(observations, tools)"
            )
        offered = None
        if tools:
            if isinstance(client, LocalArena):
                raise BadArgument(
                    "an arena in this process has no tools: start a server (forge-arena serve), or leave tools out"
                )
            offered = client.tools()
        address = arena if isinstance(arena, str) else None
        yield Parties(client, stats, overseer, offered, address, spec, settings)
