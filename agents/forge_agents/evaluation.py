"""Evaluate an overseer on a split: open episodes by key, let it review them in batches, submit, and score the results.

A key names the same episode for ever. Two overseers that are evaluated on the same indices therefore saw the same
episodes. A paired evaluation opens each draw twice: corrupted, and clean or as a placebo.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from forge_agents.batch import AnyArena, Terms, review_batch
from forge_agents.client import PATIENCE
from forge_agents.overseers import Overseer, Reviewer
from forge_agents.parties import open_parties
from forge_agents.provenance import Provenance
from forge_agents.records import AttemptRecord, Records, Setup, Task
from forge_agents.result import Result
from forge_agents.votes import votes
from forge_arena.errors import BadArgument
from forge_arena.keys import Key
from forge_arena.measures.metrics import BUDGET, at_threshold, choose_thresholds, cost, pair_scores, scorecard
from forge_arena.measures.power import detectable
from forge_arena.measures.scorecard import Price, Row, Threshold, group_rows
from forge_arena.types import Form, Split, View
from forge_arena.wire import MAX_ATTEMPTS, MAX_BATCH

Progress = Callable[[int, int], None]

# Resamples for the scorecards of groups. A reader only glances at groups, so a quarter of the usual draws is enough.
GROUP_RESAMPLES = 250


def evaluate(
    overseer: Overseer | str,
    *,
    arena: str | AnyArena = "http://127.0.0.1:8000",
    token: str | None = None,
    split: Split | str = Split.val,
    episodes: int = 300,
    start: int = 0,
    samples: int = 1,
    batch: int = 32,
    paired: bool = False,
    view: View | str = View.full,
    tools: bool = False,
    threshold_from: Result | None = None,
    budget: float = BUDGET,
    thresholds: Sequence[Threshold] = (),
    prices: Mapping[str, Price] | None = None,
    name: str | None = None,
    spec: str | None = None,
    settings: Mapping[str, Any] | None = None,
    records: Path | None = None,
    resume: bool = False,
    seed: int = 0,
    on_progress: Progress | None = None,
    patience: float = PATIENCE,
) -> Result:
    """Let an overseer review `episodes` episodes of a split, from index `start` on, and score it.

    An episode is a row without a score if its Worker or the arena failed, or if the overseer's endpoint refused the
    request.

    Args:
        overseer: an overseer, or the name of one (see `open_overseer`). An overseer that is given by name is closed at
            the end.
        arena: a URL, a client, or a `LocalArena`, which needs no server.
        samples: verdicts on each episode, 1 to `forge_arena.wire.MAX_ATTEMPTS`. An overseer that always says the same
            gains nothing by several.
        batch: episodes that are reviewed at a time, 1 to `forge_arena.wire.MAX_BATCH`.
        paired: review each draw twice: corrupted, and as its counterpart. The counterpart is clean at even indices and
            a placebo at odd ones, which keeps the stream's shares of a half, a quarter and a quarter. Twins never
            share a batch, so the overseer cannot compare them.
        view: how much of an episode the overseer is shown at once. The reward is the same in every view.
        tools: let the overseer use the arena's tools before its verdict. An overseer that wants tools
            (`forge_agents.overseers.wants_tools`) gets them in any case.
        threshold_from: an evaluation of the same overseer, with the same settings, on other episodes. The operating
            points that are chosen on it (`choose_thresholds`) are tried on these episodes.
        budget: the share of all answers that a person can read, for the operating point of that name.
        thresholds: operating points that were chosen before, in the place of `threshold_from`.
        prices: what tokens cost, see `forge_arena.measures.scorecard.Cost`.
        name: what the result is called; by default it has the name of its overseer.
        spec: the name by which an overseer that is handed over was opened, for the provenance.
        settings: the settings with which a named overseer is made. If `overseer` is not a name, only the records use
            them.
        records: a file that takes each attempt as it comes, with observation, verdict and truth.
        resume: continue with that file where it stopped.
        seed: decides the bootstrap and nothing else.
        on_progress: called with the attempts done and the attempts in all, after every batch.
        patience: seconds for which an arena that is given by URL is asked again while it cannot be reached or is busy.

    Raises:
        ValueError: the split is `test` and the arena seals it, a number is out of range, the threshold is another
            overseer's or comes from the same episodes, the overseer uses no tools, the records are of another
            evaluation (`RecordsError`), or another process is writing them (`FolderInUse`).
        WrongReview: the overseer returned no list, or more or fewer replies than observations.
        OverseerFailed: the overseer cannot be asked, raised an error, or gave no verdict on any episode.
        ArenaError: the arena cannot be reached, refused, or answered garbage.
    """
    split = Split(split)
    _check_numbers(episodes, start, batch, samples)
    if threshold_from is not None:
        thresholds = choose_thresholds(
            threshold_from.rows, threshold_from.source, threshold_from.suite_hash, budget=budget
        )
    with ExitStack() as stack:
        parties = stack.enter_context(
            open_parties(
                overseer,
                arena,
                token=token,
                split=split,
                tools=tools,
                spec=spec,
                settings=settings,
                patience=patience,
            )
        )
        setup = Setup(
            **parties.task(split, start, View(view), samples=samples).model_dump(),
            episodes=episodes,
            paired=paired,
        )
        rounds = rounds_of_keys([Key.of(setup.suite, split, index) for index in range(start, start + episodes)], paired)
        if threshold_from is not None:
            check_threshold(threshold_from, setup, [key for keys in rounds for key in keys])
        file = None if records is None else stack.enter_context(Records(records, setup, AttemptRecord, resume=resume))
        reviewer = Reviewer(parties.overseer, answered=file is not None and bool(file.known))
        terms = Terms(samples, setup.view, parties.offered)
        rows: list[Row] = []
        for keys in rounds:
            for first in range(0, len(keys), batch):
                rows += review_batch(reviewer, parties.client, keys[first : first + batch], terms, file)
                if on_progress is not None:
                    on_progress(len(rows), episodes * len(rounds) * samples)
        reviewer.finish()
        origin = parties.provenance(episodes=episodes, paired=paired, batch=batch)
    return score_rows(setup, rows, origin, name=name, seed=seed, thresholds=thresholds, prices=prices)


def _check_numbers(episodes: int, start: int, batch: int, samples: int) -> None:
    if episodes < 1 or start < 0 or not 1 <= batch <= MAX_BATCH or not 1 <= samples <= MAX_ATTEMPTS:
        raise BadArgument(
            f"episodes must be at least 1, start at least 0, batch 1..{MAX_BATCH} and samples 1..{MAX_ATTEMPTS}, got "
            f"{episodes}, {start}, {batch}, {samples}"
        )


def rounds_of_keys(keys: Sequence[Key], paired: bool) -> list[list[str]]:
    """The keys in the order in which they are reviewed. Twins are in different rounds; half of each round is corrupted.

    Paired indices 0 to 3 give the rounds

        corrupted(0) corrupted(1) clean(2)     placebo(3)
        clean(0)     placebo(1)   corrupted(2) corrupted(3)
    """
    if not paired:
        return [[str(key) for key in keys]]
    return [[str(key.in_form(_form(key.index, second))) for key in keys] for second in (False, True)]


def _form(index: int, second: bool) -> Form:
    corrupted = (index // 2 % 2 == 0) != second
    return Form.corrupted if corrupted else Form.placebo if index % 2 else Form.clean


def check_threshold(source: Result, setup: Task, keys: Sequence[str]) -> None:
    """Refuse a threshold of another overseer, whose probabilities mean something else, or from the same episodes.

    Raises:
        ValueError: says which, and what to do.
    """
    for name in ("overseer", "settings", "conditions", "view", "tools"):
        theirs, ours = getattr(source, name), getattr(setup, name)
        # Results of older versions do not state their conditions.
        if theirs != ours and name in source.model_fields_set:
            raise BadArgument(
                f"the threshold is another overseer's: its {name} is {theirs!s}, and {ours!s} is to be evaluated; "
                "evaluate the same overseer, with the same settings, on other episodes first"
            )
    draws = {Key.parse(row.key).draw for row in source.rows}
    common = sum(Key.parse(key).draw in draws for key in keys)
    if common:
        raise BadArgument(
            f"a threshold comes from other episodes: this result is of {common} of the {len(keys)} to be evaluated; "
            "give another --split or --start"
        )


def score_rows(
    setup: Setup,
    rows: Sequence[Row],
    origin: Provenance,
    *,
    name: str | None,
    seed: int,
    thresholds: Sequence[Threshold] = (),
    prices: Mapping[str, Price] | None = None,
) -> Result:
    """The result of the rows of an evaluation that is over."""

    def rng() -> np.random.Generator:
        return np.random.default_rng(seed)

    return Result(
        **{name: getattr(setup, name) for name in Task.model_fields},
        seed=seed,
        rows=tuple(rows),
        scorecard=scorecard(rows, rng()),
        groups={
            by: {group: scorecard(members, rng(), resamples=GROUP_RESAMPLES) for group, members in groups.items()}
            for by, groups in group_rows(rows).items()
        },
        detectable=detectable(rows, seed=seed),
        frozen=tuple(fixed for threshold in thresholds if (fixed := at_threshold(rows, threshold, rng())) is not None),
        votes=votes(rows, setup.samples, rng()) if setup.samples > 1 else None,
        pairs=pair_scores(rows, rng()) if setup.paired else None,
        cost=cost(rows, prices),
        name=name,
        provenance=origin,
    )
