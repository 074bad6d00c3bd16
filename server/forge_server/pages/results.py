"""What a person has earned on one split, as the result of an evaluation: the human baseline.

The file is an ordinary result (`forge_agents.result.Result`), so `forge-arena compare` holds people against models, on
the episodes that both reviewed.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np

import forge_arena
from forge_arena.keys import Key
from forge_arena.measures.metrics import cost, scorecard
from forge_arena.measures.scorecard import Cost, Row, Scorecard
from forge_arena.types import JsonObject, Noun, Split
from forge_server.evaluated import evaluated_rows
from forge_server.rows import StoredEpisode


class PersonsResult(Noun):
    """The fields of a result that a person's has. A test checks that `forge-arena compare` takes it."""

    schema_version: Literal[2] = 2
    forge_arena: str = forge_arena.__version__
    overseer: str
    conditions: JsonObject
    worker: str
    suite: str
    suite_hash: str
    split: Split
    start: int
    seed: int = 0
    rows: tuple[Row, ...]
    scorecard: Scorecard
    cost: Cost


def persons_result(
    episodes: Sequence[StoredEpisode],
    *,
    overseer: str,
    left: int,
    worker: str,
    suite: str,
    suite_hash: str,
    split: Split,
) -> PersonsResult:
    """The result of a person on finished episodes of one split, which are played once each.

    `left` counts the episodes that the person opened and gave no verdict on: leaving the hard ones out would be seen.
    The seconds of a verdict are those since its episode was opened.
    """
    took = {stored.key: max(0.0, stored.verdicts[0].created - stored.created) for stored in episodes}
    rows = tuple(row.model_copy(update={"seconds": took[row.key]}) for row in evaluated_rows(episodes))
    return PersonsResult(
        overseer=overseer,
        conditions={"by": "a person on the page Play", "left_without_a_verdict": left},
        worker=worker,
        suite=suite,
        suite_hash=suite_hash,
        split=split,
        start=min(Key.parse(row.key).index for row in rows),
        rows=rows,
        scorecard=scorecard(rows, np.random.default_rng(0)),
        cost=cost(rows),
    )
