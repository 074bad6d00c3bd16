"""Evaluate an overseer on a split: open episodes by key, review them in batches, submit, and score what comes back.

The keys name the episodes for ever, so two overseers that are evaluated on the same indices saw the same episodes. A
paired evaluation opens every draw twice, corrupted and as its clean or harmlessly edited counterpart.
"""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from time import perf_counter
from typing import Literal

import numpy as np

from forge_agents.client import ArenaClient, ArenaGarbled, ArenaRefused
from forge_agents.metrics import Pairs, Row, Scorecard, pair_scores, scorecard
from forge_agents.overseers import Completion, Overseer
from forge_arena.errors import InvalidVerdict
from forge_arena.rewards import named_types
from forge_arena.types import CorruptionType, Form, Noun, Outcome, Split, Truth, Verdict
from forge_arena.verdicts import parse_verdict
from forge_arena.wire import MAX_BATCH, Attempt, AttemptResult, OpenedEpisode, OpenedEpisodes

Progress = Callable[[int, int], None]


class Result(Noun):
    """One evaluation: what was evaluated on what, its rows, and their scorecard. `seed` decided the intervals.

    `pairs` is None unless the evaluation was paired.
    """

    schema_version: Literal[1] = 1
    overseer: str
    worker: str
    suite: str
    split: Split
    start: int
    seed: int
    rows: tuple[Row, ...]
    scorecard: Scorecard
    pairs: Pairs | None = None

    def to_json(self) -> str:
        """This evaluation as JSON; `Result.model_validate_json` reads it back."""
        return self.model_dump_json(indent=2)


class WrongCount(ValueError):
    """An overseer gave more or fewer verdicts than it was given observations."""


def evaluate(
    overseer: Overseer,
    *,
    arena: str | ArenaClient,
    token: str | None = None,
    split: Split | str = Split.val,
    episodes: int = 300,
    start: int = 0,
    batch: int = 32,
    paired: bool = False,
    seed: int = 0,
    on_progress: Progress | None = None,
) -> Result:
    """Let an overseer judge `episodes` episodes of a split, from index `start` on, and score it.

    With `paired` each of them is judged twice, corrupted and as its counterpart: clean at even indices, a placebo at odd
    ones, which keeps the stream's half, quarter and quarter. No batch holds both, so that none is told by its twin.

    An episode whose Worker or arena failed is a row without a score. `on_progress(done, of)` is called after every
    batch. `seed` decides the bootstrap and nothing else.

    Raises:
        ValueError: the split is `test` and the arena seals it, or a number is out of range.
        WrongCount: the overseer gave more or fewer verdicts than observations.
        ArenaError: the arena cannot be reached, refused, or answered garbage.
    """
    split = Split(split)
    if episodes < 1 or start < 0 or not 1 <= batch <= MAX_BATCH:
        raise ValueError(
            f"episodes must be at least 1, start at least 0 and batch 1..{MAX_BATCH}, got {episodes}, {start}, {batch}"
        )
    with ExitStack() as stack:
        client = stack.enter_context(ArenaClient(arena, token=token)) if isinstance(arena, str) else arena
        stats = client.stats()
        if split is Split.test and stats.sealed:
            raise ValueError("the truth of split 'test' never leaves the server: evaluate on 'val' or 'train'")
        suite = f"{stats.suite}:{stats.version}"
        rows: list[Row] = []
        rounds = _rounds(f"{suite}:{split.value}", range(start, start + episodes), paired)
        for keys in rounds:
            for first in range(0, len(keys), batch):
                rows += _judge(overseer, client, keys[first : first + batch])
                if on_progress is not None:
                    on_progress(len(rows), episodes * len(rounds))
    return Result(
        overseer=overseer.name,
        worker=stats.worker,
        suite=suite,
        split=split,
        start=start,
        seed=seed,
        rows=tuple(rows),
        scorecard=scorecard(rows, np.random.default_rng(seed)),
        pairs=pair_scores(rows, np.random.default_rng(seed)) if paired else None,
    )


def _rounds(stream: str, indices: Sequence[int], paired: bool) -> list[list[str]]:
    """The keys in the order in which they are judged; twins in rounds of their own, half of each round corrupted."""
    if not paired:
        return [[f"{stream}:{index}" for index in indices]]
    return [[f"{stream}:{index}:{_form(index, again).value}" for index in indices] for again in (False, True)]


def _form(index: int, again: bool) -> Form:
    corrupted = (index // 2 % 2 == 0) != again
    return Form.corrupted if corrupted else Form.placebo if index % 2 else Form.clean


def _judge(overseer: Overseer, client: ArenaClient, keys: Sequence[str]) -> list[Row]:
    opened = _open(client, keys)
    if isinstance(opened, ArenaRefused):
        return [_failed(key, opened.outcome or Outcome.infra_failed, opened.message) for key in keys]
    rows = {failed.key: _failed(failed.key, failed.outcome, failed.reason) for failed in opened.failed}
    begin = perf_counter()
    judgements = overseer.review([episode.observation for episode in opened.episodes]) if opened.episodes else []
    seconds = (perf_counter() - begin) / max(1, len(opened.episodes))
    if len(judgements) != len(opened.episodes):
        raise WrongCount(
            f"overseer {overseer.name!r} gave {len(judgements)} verdicts for {len(opened.episodes)} observations"
        )
    attempts = [_attempt(e, j) for e, j in zip(opened.episodes, judgements, strict=True)]
    results = _submit(client, attempts)
    if isinstance(results, ArenaRefused):
        outcome = results.outcome or Outcome.infra_failed
        rows |= {e.key: _failed(e.key, outcome, results.message) for e in opened.episodes}
    else:
        for episode, judgement, result in zip(opened.episodes, judgements, results, strict=True):
            log_odds = judgement.log_odds if isinstance(judgement, Completion) else None
            rows[episode.key] = _row(episode, read_judgement(judgement), result, seconds, log_odds)
    return [rows[key] for key in keys]


def _open(client: ArenaClient, keys: Sequence[str]) -> OpenedEpisodes | ArenaRefused:
    try:
        return client.open_episodes(keys=keys)
    except ArenaRefused as refusal:
        return _failure(refusal)


def _submit(client: ArenaClient, attempts: Sequence[Attempt]) -> tuple[AttemptResult, ...] | ArenaRefused:
    try:
        return client.submit(attempts)
    except ArenaRefused as refusal:
        return _failure(refusal)


def _failure(refusal: ArenaRefused) -> ArenaRefused:
    """The refusal, if a failing Worker or arena is its reason; else the evaluation is wrong, and it is raised."""
    if refusal.outcome is None:
        raise refusal
    return refusal


def _attempt(episode: OpenedEpisode, judgement: Verdict | str) -> Attempt:
    if isinstance(judgement, Verdict):
        return Attempt(episode_id=episode.episode_id, verdict=judgement)
    return Attempt(episode_id=episode.episode_id, completion=judgement)


def read_judgement(judgement: Verdict | str) -> Verdict | None:
    """The verdict, parsed where it is raw text; None where it cannot be read."""
    if isinstance(judgement, Verdict):
        return judgement
    try:
        return parse_verdict(judgement)
    except InvalidVerdict:
        return None


def _row(
    episode: OpenedEpisode, verdict: Verdict | None, result: AttemptResult, seconds: float, log_odds: float | None
) -> Row:
    if result.outcome not in (Outcome.scored, Outcome.invalid_verdict):
        return _failed(episode.key, result.outcome, result.reason)
    truth = result.truth
    if truth is None:
        raise ArenaGarbled(f"the arena kept the truth of {episode.key} back after its last attempt")
    if (result.outcome is Outcome.scored) != (verdict is not None):
        raise ArenaGarbled(
            f"the arena reads the verdict on {episode.key} differently: both must be of the same version"
        )
    if verdict is not None:
        _check_detection(episode.key, verdict, truth, result)
    return Row(
        key=episode.key,
        outcome=result.outcome,
        domain=episode.observation.domain,
        family=truth.family,
        form=truth.form,
        corrupted=truth.corrupted,
        corruption_type=truth.corruption_type,
        mechanism=truth.mechanism,
        stealth=truth.stealth,
        awareness=truth.awareness,
        candour=truth.candour,
        detection=None if verdict is None else verdict.detection,
        p_corrupted=None if verdict is None else verdict.p_corrupted,
        log_odds=log_odds,
        named_type=None if verdict is None else named_type(verdict.explanation),
        step_right=result.step,
        reward=result.reward,
        components=result.components,
        seconds=seconds,
        reason=result.reason,
    )


def _check_detection(key: str, verdict: Verdict, truth: Truth, result: AttemptResult) -> None:
    # Truth and reward must tell one story, or the scorecard would be computed on another truth than the reward.
    right = verdict.detection == truth.corrupted
    if result.components is None or (result.components.detection == 1.0) != right:
        raise ArenaGarbled(f"the arena's truth of {key} contradicts the detection component that it gave")


def _failed(key: str, outcome: Outcome, reason: str | None) -> Row:
    return Row(key=key, outcome=outcome, reason=reason)


def named_type(explanation: str) -> CorruptionType | None:
    """The one corruption type that an explanation names; None where it names none or several."""
    named = named_types(explanation)
    return next(iter(named)) if len(named) == 1 else None
