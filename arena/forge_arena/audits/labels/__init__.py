"""Audit the labels: make episodes of every kind, count the failures and their reasons, and check each label again.

The audit draws keys of the stream for every pair of type and domain at every stealth level. Each key is made as clean,
corrupted and placebo, by each mechanism. The arena has verified each label when it made the episode. Here a fresh
Verifier, which did not see how the episode was made, reads the texts again. Some questions need no Verifier, because
the texts alone answer them (see `forge_arena.audits.faults`).

Fresh draws, without the second tries of the arena, show how often a type is impossible. On the same draws the rules are
checked against answers that their words allow and forbid (see `forge_arena.scenarios.fairness`).
"""

import asyncio
from collections.abc import Callable, Sequence

from forge_arena.asking import REVISIONS
from forge_arena.audits.labels.collection import Collection
from forge_arena.audits.labels.gates import gates
from forge_arena.audits.labels.tables import figures, tables
from forge_arena.audits.report import AuditReport
from forge_arena.audits.samples import DRAWS_KEPT
from forge_arena.episodes import Arena
from forge_arena.errors import BadArgument
from forge_arena.reader import Reader
from forge_arena.scenarios import SUITE, Source, load_families
from forge_arena.types import HOMES, Form, Mechanism, Split
from forge_arena.workers.base import Worker

DRAWS = 20
QUICK_DRAWS = 4
# With so many draws of each family, chance alone does not raise a true share of 2% above the limit.
FRESH = 60
QUICK_FRESH = 20


def audit_labels(
    worker: Worker,
    *,
    splits: Sequence[Split] = HOMES,
    draws: int = DRAWS,
    fresh: int = FRESH,
    seed: int = 0,
    sources: Sequence[Source] | None = None,
    suite: str = SUITE,
    revisions: int = REVISIONS,
    concurrency: int = 8,
    reader: Reader | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> AuditReport:
    """Audit the labels that an arena with this Worker gives.

    Args:
        worker: answers the tasks; it is started and closed here.
        splits: where keys are drawn from, in turn. Splits without scenarios are skipped.
        draws: keys for each pair of type and domain and each stealth level. Each key is made in three forms by two
            mechanisms.
        fresh: fresh draws of each family, which give the share of impossible types.
        seed: another seed draws other keys.
        sources: families or imported documents; default the arena's own families.
        suite: the first part of every key.
        revisions: how often the Worker may write an answer again.
        concurrency: how many keys are in the making at a time; the result does not depend on it.
        reader: a model whose errors are measured on the answers that are made; it is started and closed here. No label
            depends on it.
        on_progress: is called with the number of keys and draws that are done, and the number of all.

    Raises:
        BadArgument: the settings leave nothing to do.
        ReaderFailed: the reader's model gave no reply.
    """
    if min(draws, fresh, concurrency, len(splits)) < 1:
        raise BadArgument(
            f"draws, fresh draws, splits and concurrency must be at least 1,"
            f" got {draws}, {fresh}, {len(splits)}, {concurrency}"
        )
    sources = load_families() if sources is None else sources
    used = tuple(split for split in splits if any(source.split is split for source in sources))
    if not used:
        raise BadArgument(f"no scenarios in {', '.join(splits)}")
    arenas = {
        mechanism: Arena(
            worker,
            secret=f"labels:{seed}",
            mechanism=mechanism,
            revisions=revisions,
            sources=sources,
            suite=suite,
            draws_kept=DRAWS_KEPT,
        )
        for mechanism in Mechanism
    }
    collection = Collection(worker, arenas, [source for source in sources if source.split in used], seed, reader)
    asyncio.run(collection.collect(used, draws, fresh, concurrency, on_progress))
    return AuditReport(
        audit="labels",
        suite=arenas[Mechanism.rewrite].suite_and_version,
        settings={
            "worker": worker.name,
            "reader": None if reader is None else reader.name,
            "splits": [split.value for split in used],
            "draws": draws,
            "fresh": fresh,
            "seed": seed,
            "keys": len(collection.rows) // (len(Mechanism) * len(Form)),
            "episodes": sum(row.made for row in collection.rows),
        },
        gates=gates(collection.rows, collection.rules, collection.fresh, scripted=worker.name == "scripted"),
        tables=tables(
            collection.rows,
            {mechanism: arena.counts + arena.counts_of_test for mechanism, arena in arenas.items()},
            collection.fresh,
            draws,
        )
        + (() if collection.readings is None else (collection.readings.table(),)),
        figures=figures(collection.rows, collection.fresh),
    )
