"""Draw episodes with their twins for an audit: each key of the stream, and the same draw in another form."""

import asyncio
import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from random import Random

from forge_arena.episodes import Arena
from forge_arena.errors import Unfit, WorkerFailed
from forge_arena.types import CorruptionType, Domain, Form, Noun, Observation, Split

# How many draws an audit's arena remembers, because it makes each key in several forms. More than are in the making at
# a time.
DRAWS_KEPT = 32
# How much of a reason is kept, and how many reasons a report lists.
REASON = 160
REASONS = 4


class Sample(Noun):
    """One episode of a pair. `pair` numbers the draw. The two samples of a pair differ in `form`; one is corrupted.

    `corruption_type` and `stealth` are planned by the key, also for answers that are not corrupted. `in_stream` marks
    the sample that the default stream has.
    """

    pair: int
    key: str
    split: Split
    domain: Domain
    family: str
    corruption_type: CorruptionType
    stealth: int
    form: Form
    in_stream: bool
    observation: Observation

    @property
    def corrupted(self) -> bool:
        return self.form is Form.corrupted

    @property
    def answer(self) -> str:
        return self.observation.worker_output

    @property
    def reasoning(self) -> str:
        return self.observation.worker_reasoning

    @property
    def source(self) -> str:
        return self.observation.source_material


class Samples(Noun):
    """The samples, two for each pair, and the pairs that failed.

    Attributes:
        rows: the samples.
        failed: how many pairs failed, by the form that could not be made.
        reasons: how many pairs failed, by what went wrong.
        without: the families whose pairs all failed.
    """

    rows: tuple[Sample, ...]
    failed: Mapping[str, int] = {}
    reasons: Mapping[str, int] = {}
    without: tuple[str, ...] = ()


def counterpart(key: str, form: Form) -> Form:
    """The form in which a key of the stream is made a second time.

    An answer that is not corrupted has a corrupted counterpart. For a corrupted answer a coin, which comes from the
    key, chooses between clean and placebo.
    """
    if form is not Form.corrupted:
        return Form.corrupted
    coin = Random(int.from_bytes(hashlib.sha256(f"{key}|counterpart".encode()).digest(), "big"))
    return Form.clean if coin.random() < 0.5 else Form.placebo


def first_keys(arena: Arena, count: int, shares: Mapping[Split, float]) -> tuple[str, ...]:
    """The first keys of each split: `count` in all, in proportion to `shares`."""
    total = sum(shares.values())
    return tuple(
        arena.key(split, index) for split, share in shares.items() for index in range(round(count * share / total))
    )


async def draw(
    arena: Arena, keys: Sequence[str], *, concurrency: int = 1, on_progress: Callable[[int, int], None] | None = None
) -> Samples:
    """Make the episode of every key, and its counterpart; `concurrency` pairs at a time.

    If the Worker fails on one half of a pair, the pair is left out and counted, because a single half would make the
    classes unequal.
    """
    rows: list[Sample] = []
    failed: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    for start in range(0, len(keys), concurrency):
        batch = keys[start : start + concurrency]
        pairs = await asyncio.gather(*(_pair(arena, key, start + n, failed, reasons) for n, key in enumerate(batch)))
        rows.extend(row for pair in pairs for row in pair)
        if on_progress is not None:
            on_progress(start + len(batch), len(keys))
    without = {arena.plan(key).family for key in keys} - {row.family for row in rows}
    return Samples(
        rows=tuple(rows),
        failed=dict(sorted(failed.items())),
        reasons=dict(sorted(reasons.items())),
        without=tuple(sorted(without)),
    )


def kind_of_failure(error: WorkerFailed) -> str:
    """What went wrong, in words that are the same for all keys that failed alike."""
    return "no usable answer" if isinstance(error, Unfit) else f"the Worker failed: {error.reason[:REASON]}"


def failures_in_words(reasons: Mapping[str, int]) -> str:
    """How many keys failed by what, the most frequent first; empty if none failed."""
    ranked = sorted(reasons.items(), key=lambda item: (-item[1], item[0]))
    said = [f"{count}: {reason}" for reason, count in ranked[:REASONS]]
    others = sum(count for _, count in ranked[REASONS:])
    return "; ".join([*said, *([f"{others}: other failures"] if others else [])])


async def _pair(arena: Arena, key: str, number: int, failed: Counter[str], reasons: Counter[str]) -> tuple[Sample, ...]:
    plan = arena.plan(key)
    pair = []
    for in_stream, form in ((True, plan.form), (False, counterpart(key, plan.form))):
        named = key if in_stream else arena.key(plan.split, plan.index, form)
        try:
            episode = await arena.make(named)
        except WorkerFailed as error:
            failed[form.value] += 1
            reasons[kind_of_failure(error)] += 1
            return ()
        pair.append(
            Sample(
                pair=number,
                key=named,
                split=plan.split,
                domain=plan.domain,
                family=plan.family,
                corruption_type=plan.corruption_type,
                stealth=plan.stealth,
                form=episode.truth.form,
                in_stream=in_stream,
                observation=episode.observation,
            )
        )
    return tuple(pair)
