"""Make the rows of an export: demonstrations, or pairs of a better and a worse text.

Demonstrations, and pairs without a model, need no torch.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import TYPE_CHECKING

from forge_agents.client import ArenaClient
from forge_agents.overseers.prompts import Prompt, prompt
from forge_agents.train.demonstrations import NOTHING, Demonstration, demonstrations, episodes_of, oracle_completion
from forge_agents.train.export.request import ExportRecord, Kind, Pairs
from forge_agents.train.rows import Row, completion_row, preference_row
from forge_arena.corruptions import omits
from forge_arena.keys import Key
from forge_arena.types import Form, Observation, Outcome, Span, Truth
from forge_arena.verdicts import parse_verdict
from forge_arena.wire import Attempt, AttemptResult

if TYPE_CHECKING:
    from forge_agents.models import Loaded
    from forge_agents.train.attempts import Group

# Episodes of a batch: few enough that an interruption loses little, and enough that there are few requests.
AT_A_TIME = 64
AT_A_TIME_BY_MODEL = 16
_WORD = re.compile(r"\S+")


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows of the episodes before index `end`."""

    end: int
    rows: list[Row]


def batches(record: ExportRecord, client: ArenaClient, first: int, arena: str, token: str | None) -> Iterator[Batch]:
    """The rows of an export from the episode `first` on, in batches."""
    request = record.wanted
    if request.model is not None:
        yield from _batches_by_model(record, client, first, arena, token)
        return
    for begin in range(first, request.end, AT_A_TIME):
        end = min(begin + AT_A_TIME, request.end)
        collected = _collect_demonstrations(record, client, begin, end)
        make_rows = _sft_rows if request.kind is Kind.sft else _rows_against_mistakes
        yield Batch(end, make_rows(client, collected, prompt(request.prompt)))


def _collect_demonstrations(record: ExportRecord, client: ArenaClient, begin: int, end: int) -> list[Demonstration]:
    request = record.wanted
    return list(
        demonstrations(
            client,
            suite=record.suite,
            split=request.split,
            start=begin,
            count=end - begin,
            checking=request.checking,
            seed=request.seed,
        )
    )


def _sft_rows(client: ArenaClient, collected: Sequence[Demonstration], ask: Prompt) -> list[Row]:
    scored = _score_texts(client, {d.key: (d.completion,) for d in collected})
    return [
        {
            **completion_row(d.observation, d.completion, ask),
            **_episode_columns(d.key, d.observation, d.truth),
            "style": d.style,
            "reward": scored[d.key][0].reward,
        }
        for d in collected
        if d.key in scored
    ]


def _rows_against_mistakes(client: ArenaClient, collected: Sequence[Demonstration], ask: Prompt) -> list[Row]:
    twins = _twins(client, [d.key for d in collected if not d.truth.corrupted])
    pairs = {}
    for d in collected:
        twin = twins.get(d.key)
        if twin is None and not d.truth.corrupted:
            continue
        wrong = plausible_mistake(
            d.observation, d.truth, twin[1] if twin else None, twin[0].worker_output if twin else ""
        )
        # As sure as the right verdict and in the same style, so that only what it says is preferred.
        confidence = parse_verdict(d.completion).confidence
        pairs[d.key] = (d.completion, oracle_completion(d.observation, wrong, d.style, confidence))
    scored = _score_texts(client, pairs)
    return [
        row
        for d in collected
        if d.key in scored
        for row in _pair_rows(d.key, d.observation, d.truth, pairs[d.key], [r.reward for r in scored[d.key]], ask)
    ]


def _twins(client: ArenaClient, keys: Sequence[str]) -> dict[str, tuple[Observation, Truth]]:
    """The corrupted form of each draw; draws whose corrupted form cannot be made are left out."""
    if not keys:
        return {}
    opened = episodes_of(client, [str(Key.parse(key).in_form(Form.corrupted)) for key in keys])
    results = client.submit([Attempt(episode_id=episode.episode_id, verdict=NOTHING) for episode in opened])
    return {
        str(Key.parse(episode.key).draw): (episode.observation, result.truth)
        for episode, result in zip(opened, results, strict=True)
        if result.truth is not None
    }


def _batches_by_model(
    record: ExportRecord, client: ArenaClient, first: int, arena: str, token: str | None
) -> Iterator[Batch]:
    # Here and not at the top, because they load torch.
    from forge_agents.models import load_model
    from forge_agents.train.attempts import attempts

    request = record.wanted
    ask = prompt(request.prompt)
    loaded: Loaded = load_model(str(request.model))
    while first < request.end:
        groups = list(
            attempts(
                loaded,
                client,
                url=arena,
                token=token,
                start=first,
                episodes=min(AT_A_TIME_BY_MODEL, request.end - first),
                samples=request.samples,
                temperature=request.temperature,
                max_tokens=request.max_tokens,
                split=request.split,
                ask=ask,
                seed=request.seed + first,
            )
        )
        end = max([first + 1, *(episode_index(group.key) + 1 for group in groups)])
        groups = [group for group in groups if group.truth is not None and episode_index(group.key) < request.end]
        if request.pairs is Pairs.teacher:
            teacher = {d.key: d for d in _collect_demonstrations(record, client, first, min(end, request.end))}
            yield Batch(end, _rows_against_worst(client, groups, teacher, ask))
        else:
            yield Batch(end, [row for group in groups for row in _rows_of_best_and_worst(group, ask)])
        first = end


def _rows_of_best_and_worst(group: "Group", ask: Prompt) -> list[Row]:
    assert group.truth is not None
    ends = (group.best, group.worst)
    texts = (group.completions[group.best], group.completions[group.worst])
    return _pair_rows(group.key, group.observation, group.truth, texts, [group.rewards[end] for end in ends], ask)


def _rows_against_worst(
    client: ArenaClient, groups: Sequence["Group"], teacher: Mapping[str, Demonstration], ask: Prompt
) -> list[Row]:
    scored = _score_texts(
        client, {group.key: (teacher[group.key].completion,) for group in groups if group.key in teacher}
    )
    rows = []
    for group in groups:
        if group.key in scored:
            right = teacher[group.key]
            texts = (right.completion, group.completions[group.worst])
            rewards = [scored[group.key][0].reward, group.rewards[group.worst]]
            rows += _pair_rows(group.key, right.observation, right.truth, texts, rewards, ask)
    return rows


def _score_texts(client: ArenaClient, texts: Mapping[str, tuple[str, ...]]) -> dict[str, list[AttemptResult]]:
    """Let the arena score texts on fresh episodes of these keys, equally many on each. Failed episodes are left out."""
    if not texts:
        return {}
    attempts = len(next(iter(texts.values())))
    opened = episodes_of(client, list(texts), attempts=attempts)
    results = client.submit(
        [
            Attempt(episode_id=episode.episode_id, attempt=number, completion=text)
            for episode in opened
            for number, text in enumerate(texts[episode.key])
        ]
    )
    results_of = {}
    for number, episode in enumerate(opened):
        mine = list(results[number * attempts : (number + 1) * attempts])
        if all(result.outcome in (Outcome.scored, Outcome.invalid_verdict) for result in mine):
            results_of[episode.key] = mine
    return results_of


def _pair_rows(
    key: str, seen: Observation, truth: Truth, texts: tuple[str, str], rewards: Sequence[float | None], ask: Prompt
) -> list[Row]:
    """The row of a pair; no row if the preferred text did not earn more."""
    chosen, rejected = (0.0 if reward is None else reward for reward in rewards)
    if chosen <= rejected:
        return []
    return [
        {
            **preference_row(seen, *texts, ask),
            **_episode_columns(key, seen, truth),
            "chosen_reward": chosen,
            "rejected_reward": rejected,
        }
    ]


def _episode_columns(key: str, seen: Observation, truth: Truth) -> Row:
    return {
        "key": key,
        "family": truth.family,
        "domain": seen.domain.value,
        "form": truth.form.value,
        "corruption_type": None if truth.corruption_type is None else truth.corruption_type.value,
        "stealth": truth.stealth,
    }


def episode_index(key: str) -> int:
    """The index in a key, `suite:version:split:index`."""
    return Key.parse(key).index


def plausible_mistake(seen: Observation, truth: Truth, twin: Truth | None, twin_output: str) -> Truth:
    """A false truth, from which an oracle writes a plausible mistake.

    A corrupted answer counts as clean. A right answer counts as corrupted: somebody who believes the wrong words of its
    corrupted twin names the twin's type of corruption, quotes the words in which the two differ, and "corrects" the
    answer to the twin's words. The mistake quotes and repairs as a right verdict does, so only the source distinguishes
    them.
    """
    if truth.corrupted or twin is None or twin.corruption_type is None:
        return Truth(corrupted=False, family=truth.family, clean_output=seen.worker_output)
    missing = omits(twin.corruption_type)
    return Truth(
        corrupted=True,
        corruption_type=twin.corruption_type,
        family=truth.family,
        output_spans=() if missing else differing_spans(seen.worker_output, twin_output),
        source_spans=twin.source_spans,
        # This answer has what the twin lacks, so the "repair" changes nothing.
        clean_output=seen.worker_output if missing else twin_output,
    )


def differing_spans(text: str, other: str) -> tuple[Span, ...]:
    """The spans of `text` whose words differ from `other`; the words on both sides of a gap, if `text` lacks words."""
    words = list(_WORD.finditer(text))
    spans = []
    matcher = SequenceMatcher(None, [word[0] for word in words], _WORD.findall(other), autojunk=False)
    for tag, first, end, _, _ in matcher.get_opcodes():
        if tag == "equal" or not words:
            continue
        if first == end:
            first, end = max(0, first - 1), min(len(words), end + 1)
        spans.append(Span(start=words[first].start(), end=words[end - 1].end()))
    return tuple(spans)
