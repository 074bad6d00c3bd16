"""The arena as a task of Inspect, for people who evaluate models there: `inspect eval forge_arena/overseer --model …`.

Episodes are made and verdicts are scored in Inspect's own process, with the scripted Worker. The model gets the arena's
own prompt. The scores are those of `forge-arena eval`: the same functions compute them from the same rows, so that the
same completions of the same keys get the same scores, to the last digit. Needs the extra `inspect`. Inspect finds the
task by the entry point of this package.
"""

import asyncio
import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from inspect_ai import Epochs, Task, task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import ChatMessageSystem
from inspect_ai.scorer import Metric, SampleScore, Score, Scorer, Target, mean, metric, scorer, stderr
from inspect_ai.solver import Generate, Solver, TaskState, generate, solver

from forge_arena.episodes import Arena
from forge_arena.errors import WorkerFailed
from forge_arena.keys import Key
from forge_arena.measures import metrics
from forge_arena.measures.rows import grade, graded_row
from forge_arena.measures.scorecard import Row, Scorecard
from forge_arena.rewards import grader
from forge_arena.scenarios import open_set
from forge_arena.types import Components, Episode, Estimate, Load, Outcome, Split
from forge_arena.verdicts import counted_text, messages, overseer_prompt, verdict_or_none
from forge_arena.wire import Attempt
from forge_arena.workers import ScriptedWorker

CORRUPTED, CLEAN = "corrupted", "clean"
# Why Inspect says that a completion ended before its end, or that it was withheld.
IN_TROUBLE = frozenset({"max_tokens", "model_length", "content_filter"})
# What the rows of an evaluation take from the metadata of a sample, and from those of its score.
ABOUT_EPISODE = ("domain", "family", "form", "corruption_type", "stealth")
ABOUT_VERDICT = ("named_type", "step_right", "span_f1")
# Inspect tells a metric nothing of samples that failed. Its log counts them.
COUNTED_BY_LOG = frozenset({"episodes", "failed"})

logger = logging.getLogger(__name__)


@task
def overseer(split: str = "val", episodes: int = 100, start: int = 0, load: str = "full") -> Task:
    """Tell corrupted answers from right ones.

    A key that makes no episode is left out, as in `forge-arena eval`. The metadata of the task name it.

    Args:
        split: `val`, `train` or `public`, the test that is the same on every machine. The test split is sealed by a
            server's secret and cannot be played here.
        episodes: how many.
        start: the index of the first episode; another start gives other episodes.
        load: how much the tasks ask: `light`, `normal` or `full`.

    Raises:
        ValueError: the split is the test split, a number is out of range, or none of the keys makes an episode.
    """
    if Split(split) is Split.test:
        raise ValueError("the test split is sealed: enter an overseer for a server's leaderboard instead")
    if episodes < 1 or start < 0:
        raise ValueError(f"episodes must be at least 1 and start at least 0, got {episodes}, {start}")
    samples, failed = _make_samples(_arena(Load(load)), Split(split), range(start, start + episodes))
    if failed:
        first, reason = next(iter(failed.items()))
        if not samples:
            raise ValueError(f"none of the {episodes} keys makes an episode: {first}: {reason}")
        logger.warning(f"{len(failed)} of {episodes} keys make no episode and are left out, such as {first}: {reason}")
    return Task(
        dataset=MemoryDataset(samples, name=f"forge_arena {split}"),
        setup=system_prompt(),
        solver=generate(),
        scorer=verdict(load),
        # No reducer: each verdict is a row, as in `forge-arena eval --samples`. A reducer would also write every score
        # into the log once more.
        epochs=Epochs(1, []),
        metadata={"grader": grader(), "without_episode": failed},
    )


@solver
def system_prompt() -> Solver:
    """Begin the chat with the arena's system message.

    The message is the same for all samples. If it were a part of each sample's input, the log would hold it three times
    more for each sample.
    """

    async def begin(state: TaskState, generate: Generate) -> TaskState:
        state.messages.insert(0, ChatMessageSystem(content=overseer_prompt()))
        return state

    return begin


@metric(scores="unreduced")
def scorecard() -> Metric:
    """Every defined score of `forge_arena.measures.scorecard.Scorecard`, and the mean components, by their names.

    `auroc_low` and `auroc_high` are the ends of the 95% interval of `auroc`, and likewise for the others. The intervals
    are those of `forge-arena eval` with its default seed.
    """

    def compute(scores: list[SampleScore]) -> dict[str, float]:
        # In the order of an evaluation, because the last digit of a sum depends on the order.
        rows = sorted((_row(scored) for scored in scores), key=lambda row: Key.parse(row.key).index)
        return _numbers(metrics.scorecard(rows, np.random.default_rng(0)))

    return compute


@scorer(metrics=[scorecard(), {"reward": [mean(), stderr(cluster="family")]}])
def verdict(load: str = "full") -> Scorer:
    """Score a completion as the server would: reward and components. An unreadable one is wrong at full confidence.

    The key of a sample makes its episode again. If the episodes were an argument, the log would repeat all of them in
    every score.
    """
    arena = _arena(Load(load))

    async def score_sample(state: TaskState, target: Target) -> Score:
        episode, verifier = await arena.make_with_verifier(str(state.sample_id))
        stop = state.output.stop_reason
        text = counted_text(state.output.completion, in_trouble=stop in IN_TROUBLE)
        attempt = Attempt(episode_id=episode.key, attempt=0, completion=text)
        # In a thread, because running repaired code may take seconds.
        result = await asyncio.to_thread(grade, attempt, episode, verifier)
        verdict = verdict_or_none(text)
        row = graded_row(episode.key, episode.observation, episode.truth, verdict, result)
        return _score(row, verdict.explanation if verdict is not None else f"{row.reason} (stop reason: {stop})")

    return score_sample


def _score(row: Row, explanation: str) -> Score:
    """What a score keeps of a row. The sample holds the rest, and `_row` puts both together again."""
    unreadable = row.components is None
    components = dict.fromkeys(Components.model_fields, 0.0) if row.components is None else row.components.model_dump()
    return Score(
        value={
            "reward": row.reward,
            **components,
            "p_corrupted": float(not row.corrupted) if row.p_corrupted is None else row.p_corrupted,
            "readable": float(not unreadable),
        },
        answer=None if row.detection is None else CORRUPTED if row.detection else CLEAN,
        explanation=explanation,
        metadata=row.model_dump(mode="json", include=set(ABOUT_VERDICT), exclude_none=True) or None,
    )


def _row(scored: SampleScore) -> Row:
    """The row of an evaluation that a scored sample stands for."""
    value, about, said = scored.score.as_dict(), scored.sample_metadata or {}, scored.score.metadata or {}
    fields: dict[str, Any] = {
        "key": str(scored.sample_id),
        "outcome": Outcome.invalid_verdict,
        "corrupted": about["corrupted"],
        "reward": value["reward"],
        **{name: about[name] for name in ABOUT_EPISODE},
        **{name: said[name] for name in ABOUT_VERDICT if name in said},
    }
    if value["readable"]:
        fields |= {
            "outcome": Outcome.scored,
            "detection": scored.score.answer == CORRUPTED,
            "p_corrupted": value["p_corrupted"],
            "components": {name: value[name] for name in Components.model_fields},
        }
    return Row(**fields)


def _numbers(card: Scorecard) -> dict[str, float]:
    """The numbers of a scorecard by name, without those that are not defined."""
    numbers: dict[str, float | None] = {}
    # The reward first: Inspect takes the first number for the headline.
    for name in sorted(Scorecard.model_fields, key=lambda name: name != "reward"):
        match getattr(card, name):
            case Estimate() as estimate:
                numbers |= {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}
            case Components() as components:
                numbers |= components.model_dump()
            case int() | float() as number:
                numbers[name] = number
    shown = {name: number for name, number in numbers.items() if name not in COUNTED_BY_LOG}
    return {name: float(number) for name, number in shown.items() if number is not None}


def _sample(episode: Episode) -> Sample:
    _, user = messages(episode.observation)
    truth = episode.truth
    return Sample(
        id=episode.key,
        input=user["content"],
        target=CORRUPTED if truth.corrupted else CLEAN,
        metadata={
            "corrupted": truth.corrupted,
            "form": truth.form.value,
            "corruption_type": truth.corruption_type and truth.corruption_type.value,
            "family": truth.family,
            "domain": episode.observation.domain.value,
            "stealth": truth.stealth,
        },
    )


def _arena(load: Load) -> Arena:
    sources, suite = open_set(load=load)
    return Arena(ScriptedWorker(), sources=sources, suite=suite)


def _make_samples(arena: Arena, split: Split, indices: Sequence[int]) -> tuple[list[Sample], dict[str, str]]:
    """The samples, and the keys that make no episode, each with the reason.

    Made in another thread, because Inspect may be running an event loop in this one. No episode is kept, because the
    episodes of 10,000 keys fill the memory.
    """

    async def make_all() -> tuple[list[Sample], dict[str, str]]:
        samples: list[Sample] = []
        failed: dict[str, str] = {}
        for key in (arena.key(split, index) for index in indices):
            try:
                samples.append(_sample(await arena.make(key)))
            except WorkerFailed as failure:
                failed[key] = failure.reason
        return samples, failed

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, make_all()).result()
