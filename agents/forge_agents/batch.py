"""Review one batch of episodes: open them by key, ask the overseer, submit its attempts, and record what came of each.

A failure is data. If the Worker, the arena or the overseer's endpoint fails on an episode, its rows carry the outcome
and the reason instead of a reward, and the evaluation goes on.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from time import perf_counter

from forge_agents.client import ArenaClient, ArenaGarbled, ArenaRefused
from forge_agents.client.errors import NO_EPISODE
from forge_agents.local import LocalArena
from forge_agents.overseers.base import Completion, Reply, ToolAccess
from forge_agents.overseers.replies import attempt_of, own_seconds, refusal_of, verdict_of
from forge_agents.overseers.reviewer import Reviewer
from forge_agents.records import AttemptRecord, Records, kept_text
from forge_arena.measures.rows import graded_row
from forge_arena.measures.scorecard import Row
from forge_arena.types import Outcome, Trouble, Truth, Verdict, View
from forge_arena.wire import Attempt, AttemptResult, OfferedTools, OpenedEpisode, OpenedEpisodes


@dataclass(frozen=True, slots=True)
class Terms:
    """On what terms episodes are reviewed: how many verdicts on each, in which view, and with which tools."""

    samples: int = 1
    view: View = View.full
    tools: OfferedTools | None = None


AnyArena = ArenaClient | LocalArena


def review_batch(
    reviewer: Reviewer, client: AnyArena, keys: Sequence[str], terms: Terms, records: Records[AttemptRecord] | None
) -> list[Row]:
    """The rows of some keys, `samples` for each, in the order of the keys.

    Only attempts that the records do not hold are reviewed. `records` takes every attempt that gets a reward.

    Raises:
        WrongReview, OverseerFailed: see `Reviewer.review`.
        ArenaError: the arena cannot be reached, refused, or answered garbage.
    """
    samples = terms.samples
    known = {} if records is None else records.known
    places = [(key, attempt) for key in keys for attempt in range(samples)]
    missing = [key for key in keys if any((key, attempt) not in known for attempt in range(samples))]
    reviewed = {record.place: record for record in _review(reviewer, client, missing, terms)} if missing else {}
    # A failed episode is no result, so a later try may review it. If an episode was made anew with another answer, its
    # verdicts replace those on the former answer, because all verdicts on one episode must be on one answer.
    fresh = {
        place: record
        for place, record in reviewed.items()
        if place not in known or (record.row.reward is not None and record.row.seen != known[place].row.seen)
    }
    # An overseer that is set up wrongly gives no result either, so nothing of it is kept.
    if records is not None and reviewer.answered:
        records.add([record for record in fresh.values() if record.row.reward is not None])
    return [(fresh.get(place) or known[place]).row for place in places]


def _review(reviewer: Reviewer, client: AnyArena, keys: Sequence[str], terms: Terms) -> list[AttemptRecord]:
    """Open episodes, let the overseer review each of them `samples` times, and submit the attempts."""
    samples = terms.samples
    opened = _open(client, keys, terms)
    if isinstance(opened, ArenaRefused):
        outcome = opened.outcome or Outcome.infra_failed
        final = opened.code == NO_EPISODE
        return [record for key in keys for record in _failures(key, samples, outcome, opened.message, final=final)]
    failures = [
        record
        for failed in opened.failed
        for record in _failures(failed.key, samples, failed.outcome, failed.reason, final=failed.final)
    ]
    places = [(episode, attempt) for attempt in range(samples) for episode in opened.episodes]
    if not places:
        return failures
    begin = perf_counter()
    tools = None
    if terms.tools is not None and isinstance(client, ArenaClient):
        tools = [tool_access(client, terms.tools, *place) for place in places]
    replies = reviewer.review([episode.observation for episode, _ in places], tools)
    seconds = (perf_counter() - begin) / len(places)
    reviews = list(zip(places, replies, strict=True))
    refused = {episode.key: reason for (episode, _), r in reviews if (reason := refusal_of(r)) is not None}
    failures += [
        record
        for key, reason in refused.items()
        for record in _failures(key, samples, Outcome.infra_failed, reason, Trouble.refused)
    ]
    # The truth of an episode comes with its last attempt. If one attempt is missing, the others have no truth.
    reviews = [((episode, attempt), reply) for (episode, attempt), reply in reviews if episode.key not in refused]
    if not reviews:
        return failures
    results = _submit(client, [attempt_of(episode.episode_id, n, reply) for (episode, n), reply in reviews])
    if isinstance(results, ArenaRefused):
        outcome = results.outcome or Outcome.infra_failed
        submitted = dict.fromkeys(episode.key for (episode, _), _ in reviews)
        return failures + [r for key in submitted for r in _failures(key, samples, outcome, results.message)]
    truths = {result.episode_id: result.truth for result in results if result.truth is not None}
    return failures + [
        _record(episode, attempt, reply, result, truths.get(episode.episode_id), seconds)
        for ((episode, attempt), reply), result in zip(reviews, results, strict=True)
    ]


def tool_access(client: ArenaClient, offered: OfferedTools, episode: OpenedEpisode, attempt: int) -> ToolAccess:
    """The tools of one attempt on an open episode."""
    return ToolAccess(offered, partial(client.use_tool, episode.episode_id, attempt=attempt))


def _open(client: AnyArena, keys: Sequence[str], terms: Terms) -> OpenedEpisodes | ArenaRefused:
    try:
        return client.open_episodes(keys=keys, attempts=terms.samples, view=terms.view)
    except ArenaRefused as refused:
        return _failure(refused)


def _submit(client: AnyArena, attempts: Sequence[Attempt]) -> tuple[AttemptResult, ...] | ArenaRefused:
    try:
        return client.submit(attempts)
    except ArenaRefused as refused:
        return _failure(refused)


def _failure(refused: ArenaRefused) -> ArenaRefused:
    """The refusal, if a failing Worker or arena is its reason. Otherwise the request was wrong, and it is raised."""
    if refused.outcome is None:
        raise refused
    return refused


def _failures(
    key: str,
    samples: int,
    outcome: Outcome,
    reason: str | None,
    trouble: Trouble | None = None,
    *,
    final: bool = False,
) -> list[AttemptRecord]:
    """The records of all attempts on an episode that failed."""
    failed = Row(key=key, outcome=outcome, trouble=trouble, reason=reason, final=final)
    rows = [failed.model_copy(update={"attempt": n}) for n in range(samples)]
    return [AttemptRecord(row=row) for row in rows]


def _record(
    episode: OpenedEpisode,
    attempt: int,
    reply: Reply,
    result: AttemptResult,
    truth: Truth | None,
    seconds: float,
) -> AttemptRecord:
    """The record of one graded attempt.

    Raises:
        ArenaGarbled: the arena's answer contradicts itself, or how this process reads the reply.
    """
    if result.outcome not in (Outcome.scored, Outcome.invalid_verdict):
        return AttemptRecord(row=Row(key=episode.key, attempt=attempt, outcome=result.outcome, reason=result.reason))
    verdict = verdict_of(reply)
    if truth is None:
        raise ArenaGarbled(f"the arena did not send the truth of {episode.key} with its last attempt")
    if (result.outcome is Outcome.scored) != (verdict is not None):
        raise ArenaGarbled(
            f"the arena reads the verdict on {episode.key} differently: both must be of the same version"
        )
    if verdict is not None:
        _check_detection(episode.key, verdict, truth, result)
    return AttemptRecord(
        row=_row(episode, verdict, reply, result, truth, seconds),
        observation=episode.observation,
        verdict=verdict,
        completion=kept_text(reply) if isinstance(reply, str) else None,
        thoughts=kept_text(reply.thoughts) if isinstance(reply, Completion) else None,
        truth=truth,
    )


def _check_detection(key: str, verdict: Verdict, truth: Truth, result: AttemptResult) -> None:
    # If truth and reward contradict each other, the scorecard would rest on another truth than the reward.
    right = verdict.detection == truth.corrupted
    if result.components is None or (result.components.detection == 1.0) != right:
        raise ArenaGarbled(f"the arena's truth of {key} contradicts the detection component that it gave")


def _row(
    episode: OpenedEpisode, verdict: Verdict | None, reply: Reply, result: AttemptResult, truth: Truth, seconds: float
) -> Row:
    """The row of one graded attempt. `seconds` is the time of the review, shared out over its batch."""
    row = graded_row(episode.key, episode.observation, truth, verdict, result)
    completion = reply if isinstance(reply, Completion) else Completion("")
    known_by_overseer = {
        "log_odds": completion.log_odds,
        "seconds": own_seconds(reply, seconds),
        "usage": completion.usage,
        "members": completion.members,
        "trouble": completion.trouble,
        "reason": completion.reason or result.reason,
    }
    # Made anew and not copied, because what an overseer says has to be checked.
    return Row(**{**dict(row), **known_by_overseer})
