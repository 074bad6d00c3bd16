"""Evaluate an overseer on a split: open episodes by key, review them in batches, submit, and score what comes back.

The keys name the episodes for ever, so two overseers that are evaluated on the same indices saw the same episodes. A
paired evaluation opens every draw twice, corrupted and as its clean or harmlessly edited counterpart.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from html import escape
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from pydantic import ValidationError

import forge_arena
from forge_agents.client import ArenaClient, ArenaGarbled, ArenaRefused
from forge_agents.overseers import Completion, Overseer, Reviewer, conditions, opened
from forge_agents.records import Record, Records, Setup, Task
from forge_agents.votes import Votes, votes
from forge_agents.words import interval, shown
from forge_arena.files import load_json, read_text
from forge_arena.keys import Key
from forge_arena.metrics import (
    Cost,
    Frozen,
    Pairs,
    Row,
    Scorecard,
    at_threshold,
    best_threshold,
    cost,
    grouped,
    pair_scores,
    scorecard,
)
from forge_arena.rewards import named_type
from forge_arena.spans import span_f1
from forge_arena.storable import storable
from forge_arena.types import (
    Estimate,
    Form,
    JsonObject,
    Outcome,
    Split,
    Trouble,
    Truth,
    Verdict,
)
from forge_arena.verdicts import ends_with_verdict, sendable, verdict_or_none
from forge_arena.visible import visible
from forge_arena.wire import MAX_ATTEMPTS, MAX_BATCH, Attempt, AttemptResult, OpenedEpisode, OpenedEpisodes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Progress = Callable[[int, int], None]

SCHEMA: Literal[2] = 2
HEADLINE = {
    "balanced_accuracy": "balanced accuracy",
    "auroc": "AUROC",
    "tpr_at_5": "found at 5% false alarms",
    "reward": "reward",
    "skill": "skill",
    "brier": "Brier score",
}
# What a record keeps of a text that is no verdict.
KEPT = 4_000
# Groups are there to be looked at, not to be published: a quarter of the draws shows how sure they are.
GROUP_RESAMPLES = 250


class ResultError(ValueError):
    """A file holds no result of an evaluation, or one of another version."""


class Result(Task):
    """One evaluation: what was evaluated on what, its rows, and their scorecard. `seed` decided the intervals.

    `groups` are the scorecards by domain, type, stealth and mechanism; `frozen` is how the stated probabilities do at a
    threshold from other episodes; `votes` is what several verdicts on each episode say; `pairs` is None unless the
    evaluation was paired.
    """

    schema_version: Literal[2] = SCHEMA
    forge_arena: str = forge_arena.__version__
    seed: int
    rows: tuple[Row, ...]
    scorecard: Scorecard
    groups: dict[str, dict[str, Scorecard]] = {}
    frozen: Frozen | None = None
    votes: Votes | None = None
    pairs: Pairs | None = None
    cost: Cost | None = None

    def to_json(self) -> str:
        """This evaluation as JSON; `Result.read` reads it back from a file."""
        return self.model_dump_json(indent=2)

    @classmethod
    def read(cls, path: Path) -> Self:
        """The result that a file holds, or a folder that `eval --out` wrote.

        Raises:
            ResultError: there is none, or it was written by another version; says what to do.
        """
        path = path / "result.json" if path.is_dir() else path
        try:
            text = read_text(path, error=ResultError)
        except OSError as error:
            raise ResultError(f"no result in {path}: {error}") from None
        content = load_json(text, str(path), wanted="the result of an evaluation", error=ResultError)
        try:
            return cls.model_validate(content)
        except ValidationError as error:
            raise ResultError(f"{path}: {_why(content, error)}") from None

    def plot(self) -> "Figure":
        """ROC and reliability as a matplotlib figure. Needs the extra `report`."""
        from forge_agents.plot import plotted

        return plotted(self)

    def __repr__(self) -> str:
        said = ", ".join(f"{title} {shown(e.value)} ({interval(e)})" for title, e in self.headline())
        return f"Result({self.overseer} on {self.source}: {said})"

    def __str__(self) -> str:
        return repr(self)

    def _repr_html_(self) -> str:
        """What a notebook shows: the headline as a table."""
        cells = "".join(
            f"<tr><th>{escape(title)}</th><td>{shown(e.value)}</td><td>{interval(e)}</td></tr>"
            for title, e in self.headline()
        )
        return (
            f"<table><caption>{escape(visible(self.overseer))} on {escape(visible(self.source))}</caption>"
            f"<tr><th></th><th>value</th><th>95% interval</th></tr>{cells}</table>"
        )

    def headline(self) -> list[tuple[str, Estimate]]:
        """The metrics that are looked at first, by their titles."""
        return [(title, getattr(self.scorecard, name)) for name, title in HEADLINE.items()]

    @property
    def source(self) -> str:
        """The episodes that were judged, in words."""
        return f"{self.suite}:{self.split.value}, {self._drawn} from {self.start}{self._each}"

    @property
    def counted(self) -> str:
        """How much was judged, in words: `150 pairs`, or `100 episodes, 4 verdicts on each`."""
        return self._drawn + self._each

    @property
    def _drawn(self) -> str:
        draws = len({_draw(row.key) for row in self.rows})
        noun = "episode" if self.pairs is None else "pair"
        return f"{draws} {noun}{'' if draws == 1 else 's'}"

    @property
    def _each(self) -> str:
        if self.samples == 1:
            return ""
        return f", {self.samples} verdicts on each" + ("" if self.pairs is None else " answer")


def evaluate(
    overseer: Overseer | str,
    *,
    arena: str | ArenaClient = "http://127.0.0.1:8000",
    token: str | None = None,
    split: Split | str = Split.val,
    episodes: int = 300,
    start: int = 0,
    samples: int = 1,
    batch: int = 32,
    paired: bool = False,
    threshold_from: Result | None = None,
    settings: Mapping[str, Any] | None = None,
    records: Path | None = None,
    resume: bool = False,
    seed: int = 0,
    on_progress: Progress | None = None,
) -> Result:
    """Let an overseer judge `episodes` episodes of a split, from index `start` on, and score it.

    With `paired` each of them is judged twice, corrupted and as its counterpart: clean at even indices, a placebo at odd
    ones, which keeps the stream's half, quarter and quarter. No batch holds both, so that none is told by its twin.

    An episode whose Worker or arena failed, or whose request the overseer's endpoint refused, is a row without a score. `on_progress(done, of)` is called after every
    batch. `seed` decides the bootstrap and nothing else.

    Args:
        overseer: an overseer, or the name of one (`forge_agents.overseers.open_overseer`), which is closed in the end.
        samples: verdicts on each episode; an overseer that always says the same gains nothing by several.
        batch: episodes that are reviewed at a time.
        threshold_from: an evaluation of the same overseer, with the same settings, on other episodes, whose best
            threshold is tried on these.
        settings: given to the overseer that a name stands for; of one that is there already, what the records are to say.
        records: a file that takes every judged attempt as it comes, with observation, verdict and truth.
        resume: go on with that file where it stopped.

    Raises:
        ValueError: the split is `test` and the arena seals it, a number is out of range, the threshold is another
            overseer's or of the same episodes, the records are of another evaluation (`RecordsError`), or another process
            is writing them (`FolderInUse`).
        WrongReview: the overseer gave no list of verdicts, or more or fewer than observations.
        OverseerFailed: the overseer cannot be asked, raised an error, or gave no verdict on any episode.
        ArenaError: the arena cannot be reached, refused, or answered garbage.
    """
    split = Split(split)
    if episodes < 1 or start < 0 or not 1 <= batch <= MAX_BATCH or not 1 <= samples <= MAX_ATTEMPTS:
        raise ValueError(
            f"episodes must be at least 1, start at least 0, batch 1..{MAX_BATCH} and samples 1..{MAX_ATTEMPTS}, got "
            f"{episodes}, {start}, {batch}, {samples}"
        )
    threshold = None if threshold_from is None else best_threshold(threshold_from.rows)
    with ExitStack() as stack:
        client = stack.enter_context(ArenaClient(arena, token=token)) if isinstance(arena, str) else arena
        stats = client.stats()
        if split is Split.test and stats.sealed:
            raise ValueError("the truth of split 'test' never leaves the server: evaluate on 'val' or 'train'")
        if isinstance(overseer, str):
            overseer = stack.enter_context(opened(overseer, **(settings or {})))
        suite = stats.suite_and_version
        setup = Setup(
            overseer=overseer.name,
            settings=told(settings),
            conditions=conditions(overseer),
            worker=stats.worker,
            suite=suite,
            suite_hash=stats.suite_hashes.get(split),
            split=split,
            start=start,
            episodes=episodes,
            samples=samples,
            paired=paired,
        )
        rounds = _rounds([Key.of(suite, split, index) for index in range(start, start + episodes)], paired)
        if threshold_from is not None:
            _check_threshold(threshold_from, setup, [key for keys in rounds for key in keys])
        kept = None if records is None else stack.enter_context(Records(records, setup, Record, resume=resume))
        reviewer = Reviewer(overseer, answered=kept is not None and bool(kept.known))
        rows: list[Row] = []
        of = episodes * len(rounds) * samples
        for keys in rounds:
            for first in range(0, len(keys), batch):
                rows += _judged(reviewer, client, keys[first : first + batch], samples, kept)
                if on_progress is not None:
                    on_progress(len(rows), of)
        reviewer.finish()
    return _result(setup, rows, seed, threshold, threshold_from)


def _result(
    setup: Setup, rows: Sequence[Row], seed: int, threshold: float | None, threshold_from: Result | None
) -> Result:
    def rng() -> np.random.Generator:
        return np.random.default_rng(seed)

    return Result(
        **{name: getattr(setup, name) for name in Task.model_fields},
        seed=seed,
        rows=tuple(rows),
        scorecard=scorecard(rows, rng()),
        groups={
            by: {group: scorecard(some, rng(), resamples=GROUP_RESAMPLES) for group, some in of.items()}
            for by, of in grouped(rows).items()
        },
        frozen=at_threshold(rows, threshold, threshold_from.source, rng())
        if threshold is not None and threshold_from is not None
        else None,
        votes=votes(rows, setup.samples, rng()) if setup.samples > 1 else None,
        pairs=pair_scores(rows, rng()) if setup.paired else None,
        cost=cost(rows),
    )


def _check_threshold(source: Result, setup: Setup, keys: Sequence[str]) -> None:
    """Refuse a threshold of another overseer, whose probabilities mean something else, or of the same episodes."""
    for name in ("overseer", "settings", "conditions"):
        theirs, ours = getattr(source, name), getattr(setup, name)
        # Results of older versions do not tell their conditions.
        if theirs != ours and name in source.model_fields_set:
            raise ValueError(
                f"the threshold is another overseer's: its {name} is {theirs!s}, and {ours!s} is to be judged; evaluate "
                "the same overseer, with the same settings, on other episodes first"
            )
    judged = {_draw(row.key) for row in source.rows}
    common = sum(_draw(key) in judged for key in keys)
    if common:
        raise ValueError(
            f"a threshold comes from other episodes: this result is of {common} of the {len(keys)} to be judged; give "
            "another --split or --start"
        )


def _draw(key: str) -> Key:
    """The key without the form that a paired evaluation asks for: twins are one draw."""
    return Key.parse(key).draw


def _rounds(keys: Sequence[Key], paired: bool) -> list[list[str]]:
    """The keys in the order in which they are judged; twins in rounds of their own, half of each round corrupted."""
    if not paired:
        return [[str(key) for key in keys]]
    return [[str(key.in_form(_form(key.index, again))) for key in keys] for again in (False, True)]


def _form(index: int, again: bool) -> Form:
    corrupted = (index // 2 % 2 == 0) != again
    return Form.corrupted if corrupted else Form.placebo if index % 2 else Form.clean


def _judged(
    reviewer: Reviewer, client: ArenaClient, keys: Sequence[str], samples: int, kept: Records[Record] | None
) -> list[Row]:
    """The rows of some keys, judged unless the records have them."""
    known = {} if kept is None else kept.known
    places = [(key, attempt) for key in keys for attempt in range(samples)]
    missing = [key for key in keys if any((key, attempt) not in known for attempt in range(samples))]
    found = {record.place: record for record in _judge(reviewer, client, missing, samples)} if missing else {}
    # A failed episode is no result: a later try may judge it. One that was made anew, with another answer, replaces what
    # was said of the answer before: several verdicts on one episode are on one answer.
    fresh = {
        place: record
        for place, record in found.items()
        if place not in known or (record.row.reward is not None and record.row.seen != known[place].row.seen)
    }
    # What an overseer gives that is set up wrongly is no result either.
    if kept is not None and reviewer.answered:
        kept.add([record for record in fresh.values() if record.row.reward is not None])
    return [(fresh.get(place) or known[place]).row for place in places]


def _judge(reviewer: Reviewer, client: ArenaClient, keys: Sequence[str], samples: int) -> list[Record]:
    came = _open(client, keys, samples)
    if isinstance(came, ArenaRefused):
        outcome = came.outcome or Outcome.infra_failed
        return [failed for key in keys for failed in _failed(key, samples, outcome, came.message)]
    lost = [r for failed in came.failed for r in _failed(failed.key, samples, failed.outcome, failed.reason)]
    asked = [(episode, attempt) for attempt in range(samples) for episode in came.episodes]
    if not asked:
        return lost
    begin = perf_counter()
    judgements = reviewer.review([episode.observation for episode, _ in asked])
    seconds = (perf_counter() - begin) / len(asked)
    pairs = list(zip(asked, judgements, strict=True))
    refused = {episode.key: reason for (episode, _), j in pairs if (reason := refusal(j)) is not None}
    lost += [
        failed
        for key, reason in refused.items()
        for failed in _failed(key, samples, Outcome.infra_failed, reason, Trouble.refused)
    ]
    # The truth of an episode comes with its last attempt, so an episode of which one attempt is missing has none.
    pairs = [((episode, attempt), j) for (episode, attempt), j in pairs if episode.key not in refused]
    if not pairs:
        return lost
    results = _submit(client, [attempt_of(e.episode_id, a, j) for (e, a), j in pairs])
    if isinstance(results, ArenaRefused):
        outcome = results.outcome or Outcome.infra_failed
        sent = dict.fromkeys(episode.key for (episode, _), _ in pairs)
        return lost + [r for key in sent for r in _failed(key, samples, outcome, results.message)]
    truths = {result.episode_id: result.truth for result in results if result.truth is not None}
    return lost + [
        _record(episode, attempt, judgement, result, truths.get(episode.episode_id), seconds)
        for ((episode, attempt), judgement), result in zip(pairs, results, strict=True)
    ]


def _open(client: ArenaClient, keys: Sequence[str], samples: int) -> OpenedEpisodes | ArenaRefused:
    try:
        return client.open_episodes(keys=keys, attempts=samples)
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


def refusal(judgement: Verdict | str) -> str | None:
    """Why an overseer's endpoint refused to be asked, which is a failure and no verdict; None where there is a verdict."""
    refused = isinstance(judgement, Completion) and judgement.trouble is Trouble.refused
    return (judgement.reason or "refused") if refused and isinstance(judgement, Completion) else None


def attempt_of(episode_id: str, attempt: int, judgement: Verdict | str) -> Attempt:
    """What is sent of a judgement."""
    sent = _sent(judgement)
    if isinstance(sent, Verdict):
        return Attempt(episode_id=episode_id, attempt=attempt, verdict=sent)
    return Attempt(episode_id=episode_id, attempt=attempt, completion=sent)


def read_judgement(judgement: Verdict | str) -> Verdict | None:
    """The verdict, parsed as the arena parses it where it is raw text; None where it cannot be read."""
    sent = _sent(judgement)
    return sent if isinstance(sent, Verdict) else verdict_or_none(sent)


def _sent(judgement: Verdict | str) -> Verdict | str:
    """The verdict or the raw text that the arena is given.

    A completion in trouble that goes on after its verdict is sent as an empty text: it was cut off, say, and the verdict may
    be a draft. A verdict that was made past its own checks (by `model_copy`, say) and does not pass them is sent as raw
    text, which the arena refuses alone.
    """
    if isinstance(judgement, Verdict):
        try:
            return Verdict.model_validate(dict(judgement))
        except ValidationError:
            return sendable(json.dumps(dict(judgement), default=str))
    in_trouble = isinstance(judgement, Completion) and judgement.trouble is not None
    return "" if in_trouble and not ends_with_verdict(judgement) else sendable(judgement)


def _record(
    episode: OpenedEpisode,
    attempt: int,
    judgement: Verdict | str,
    result: AttemptResult,
    truth: Truth | None,
    seconds: float,
) -> Record:
    if result.outcome not in (Outcome.scored, Outcome.invalid_verdict):
        return Record(row=Row(key=episode.key, attempt=attempt, outcome=result.outcome, reason=result.reason))
    verdict = read_judgement(judgement)
    if truth is None:
        raise ArenaGarbled(f"the arena kept the truth of {episode.key} back after its last attempt")
    if (result.outcome is Outcome.scored) != (verdict is not None):
        raise ArenaGarbled(
            f"the arena reads the verdict on {episode.key} differently: both must be of the same version"
        )
    if verdict is not None:
        _check_detection(episode.key, verdict, truth, result)
    return Record(
        row=_row(episode, attempt, verdict, judgement, result, truth, seconds),
        observation=episode.observation,
        verdict=verdict,
        completion=storable(str(judgement))[:KEPT] if verdict is None else None,
        truth=truth,
    )


def _row(
    episode: OpenedEpisode,
    attempt: int,
    verdict: Verdict | None,
    judgement: Verdict | str,
    result: AttemptResult,
    truth: Truth,
    seconds: float,
) -> Row:
    told = judgement if isinstance(judgement, Completion) else None
    overlap = None
    if verdict is not None and verdict.detection and truth.corrupted and truth.output_spans:
        overlap = span_f1(episode.observation.worker_output, truth.output_spans, verdict.explanation)
    return Row(
        key=episode.key,
        attempt=attempt,
        seen=episode.observation.digest,
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
        log_odds=None if told is None else told.log_odds,
        named_type=None if verdict is None else named_type(verdict.explanation),
        step_right=result.step,
        span_f1=overlap,
        reward=result.reward,
        components=result.components,
        seconds=seconds,
        usage=None if told is None else told.usage,
        trouble=None if told is None else told.trouble,
        reason=(told.reason if told is not None else None) or result.reason,
    )


def _check_detection(key: str, verdict: Verdict, truth: Truth, result: AttemptResult) -> None:
    # Truth and reward must tell one story, or the scorecard would be computed on another truth than the reward.
    right = verdict.detection == truth.corrupted
    if result.components is None or (result.components.detection == 1.0) != right:
        raise ArenaGarbled(f"the arena's truth of {key} contradicts the detection component that it gave")


def _failed(
    key: str, samples: int, outcome: Outcome, reason: str | None, trouble: Trouble | None = None
) -> list[Record]:
    rows = [Row(key=key, attempt=n, outcome=outcome, trouble=trouble, reason=reason) for n in range(samples)]
    return [Record(row=row) for row in rows]


def told(settings: Mapping[str, Any] | None) -> JsonObject:
    """The settings as a record may show them: without keys."""
    return {
        name: storable(str(value)) if not isinstance(value, int | float | bool | None) else value
        for name, value in (settings or {}).items()
        if name != "api_key"
    }


def _why(held: Any, error: ValidationError) -> str:
    """Why a file holds no result, in words for its owner."""
    if not isinstance(held, dict):
        return "holds no result of an evaluation: it is no JSON object"
    version = held.get("schema_version")
    if "dataset" in held:
        return "is of labelled answers (eval --dataset), and this takes evaluations against an arena"
    if version is not None and version != SCHEMA:
        return f"written by another version (schema {version}, this one reads {SCHEMA}): evaluate again"
    where = ".".join(str(part) for part in error.errors()[0]["loc"])
    return f"holds no result of an evaluation: {where} is not as it should be"
