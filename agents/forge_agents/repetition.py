"""Make an evaluation again from its result alone, and say what differs: the conditions, the verdicts, and the numbers.

The conditions come first, because numbers differ for a reason: another prompt, another secret, another version. If the
conditions are the same and the numbers are not, the overseer itself does not answer alike twice.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from forge_agents.client import ArenaClient
from forge_agents.evaluation import Progress, evaluate
from forge_agents.overseers import Overseer, runs_code
from forge_agents.overseers.addresses import WEBHOOK, address, host
from forge_agents.overseers.members import KEY_IN_ENVIRONMENT, single_overseers
from forge_agents.provenance import Provenance
from forge_agents.records import Task
from forge_agents.result import Result
from forge_agents.words import counted
from forge_arena.errors import ForgeArenaError
from forge_arena.hosts import is_loopback
from forge_arena.measures.scorecard import Row, graded_rows
from forge_arena.storable import Text
from forge_arena.types import Estimate, Noun, Split

# Each of the two has a date of its own, so the date is no condition.
_NO_CONDITIONS = {"ended"}


class NotRepeatable(ForgeArenaError, ValueError):
    """A result does not say how it was made."""


class Difference(Noun):
    """One thing that differs: its name, and its value in the first result and in the second."""

    name: str
    before: Text
    now: Text


class NumberDifference(Noun):
    """One number of the scorecard that differs. None is a number that is not defined."""

    name: str
    before: float | None
    now: float | None


class Repetition(Noun):
    """A result beside the same evaluation made again.

    Attributes:
        conditions: what differs in the task and the provenance. Empty if the second was made as the first was.
        numbers: the numbers of the scorecard that differ. Seconds are not among them.
        verdicts: the verdicts that both have, on answers that both saw.
        same_verdicts: those of them with the same detection, probability and named type.
        other_answers: verdicts under the same key on another answer.
        missing: verdicts that only one of the two has.
    """

    first: str
    second: str
    conditions: tuple[Difference, ...]
    numbers: tuple[NumberDifference, ...]
    verdicts: int
    same_verdicts: int
    other_answers: int
    missing: int

    @property
    def findings(self) -> list[str]:
        """What differs, in sentences.

        1 condition differs: arena.
        299 of 300 verdicts are the same.
        1 number of the scorecard differs.
        """
        sentences = [
            "Both were made under the same conditions."
            if not self.conditions
            else f"{_differ(len(self.conditions), 'condition')}: {', '.join(c.name for c in self.conditions)}."
        ]
        if self.verdicts:
            are = "is" if self.same_verdicts == 1 else "are"
            sentences.append(f"{self.same_verdicts} of {counted(self.verdicts, 'verdict')} {are} the same.")
        if self.other_answers:
            sentences.append(f"{_are(self.other_answers, 'verdict')} on another answer under the same key.")
        if self.missing:
            sentences.append(f"{_are(self.missing, 'verdict')} in one of the two only.")
        sentences.append(
            "All numbers are the same."
            if not self.numbers
            else f"{_differ(len(self.numbers), 'number', 'of the scorecard')}."
        )
        return sentences


def _are(count: int, noun: str) -> str:
    return f"{counted(count, noun)} {'is' if count == 1 else 'are'}"


def _differ(count: int, noun: str, *rest: str) -> str:
    return " ".join((counted(count, noun), *rest, "differs" if count == 1 else "differ"))


def recipe(result: Result) -> Provenance:
    """The provenance by which a result can be made again.

    Raises:
        NotRepeatable: an older version wrote the result, and it has none.
    """
    if result.provenance is None:
        raise NotRepeatable(
            "this result does not say how it was made, because an older version wrote it: evaluate without --repeat"
        )
    return result.provenance


def why_named(spec: str, settings: Mapping[str, Any], *, with_key: bool) -> str | None:
    """Why somebody who repeats a result must name its overseer, in words; None if nobody has to.

    Anybody may have written a result. So a name in it must not decide which code of this machine runs, nor to whom a
    key or a file of this machine is sent.

    Args:
        spec, settings: of the result.
        with_key: whether a key is given to the overseer.

    Raises:
        ValueError: the name cannot be read.
    """
    if runs_code(spec):
        return "it says which code is to be run"
    asked = single_overseers(spec)
    # A registered overseer may have its address in a setting.
    urls = [url for member, own in asked for url in (address(member), *_urls(own))] + _urls(settings)
    elsewhere = sorted({host(url) for url in urls if url is not None and not is_loopback(urlsplit(url).hostname)})
    has_variable = any(KEY_IN_ENVIRONMENT in own for _, own in asked)
    sends = with_key or has_variable or any(isinstance(value, Path) for value in settings.values())
    return f"a key or a file would be sent to {', '.join(elsewhere)}" if elsewhere and sends else None


def _urls(settings: Mapping[str, Any]) -> list[str | None]:
    """The settings that are addresses."""
    return [value for value in settings.values() if isinstance(value, str) and value.lower().startswith(WEBHOOK)]


def repeat(
    result: Result,
    overseer: Overseer,
    *,
    spec: str,
    settings: Mapping[str, Any],
    arena: str | ArenaClient,
    token: str | None = None,
    name: str | None = None,
    records: Path | None = None,
    resume: bool = False,
    on_progress: Progress | None = None,
) -> Result:
    """Evaluate an overseer on the episodes of a result, as often, in the same batches, with the same thresholds.

    Raises:
        NotRepeatable: an older version wrote the result.
        ValueError, ForgeArenaError: see `evaluate`.
    """
    made = recipe(result)
    return evaluate(
        overseer,
        arena=arena,
        token=token,
        split=result.split,
        episodes=made.episodes,
        start=result.start,
        samples=result.samples,
        batch=made.batch,
        paired=made.paired,
        view=result.view,
        tools=result.tools is not None,
        thresholds=result.frozen,
        prices=None if result.cost is None else result.cost.prices,
        name=name,
        spec=spec,
        settings=settings,
        records=records,
        resume=resume,
        seed=result.seed,
        on_progress=on_progress,
    )


def compare_repetition(first: Result, second: Result) -> Repetition:
    """What differs between a result and the same evaluation made again."""
    before, now = ({(row.key, row.attempt): row for row in graded_rows(result.rows)} for result in (first, second))
    common = before.keys() & now.keys()
    others = {place for place in common if before[place].seen != now[place].seen}
    return Repetition(
        first=_title_and_date(first),
        second=_title_and_date(second),
        conditions=tuple(_differences(_conditions(first), _conditions(second))),
        numbers=tuple(_number_differences(_numbers(first), _numbers(second))),
        verdicts=len(common) - len(others),
        same_verdicts=sum(_judgement(before[place]) == _judgement(now[place]) for place in common - others),
        other_answers=len(others),
        missing=len(before.keys() ^ now.keys()),
    )


def _title_and_date(result: Result) -> str:
    date = "" if result.provenance is None else f" of {result.provenance.ended}"
    return f"{result.title}{date}"


def _judgement(row: Row) -> tuple[object, ...]:
    return row.detection, row.p_corrupted, row.named_type


def _conditions(result: Result) -> dict[str, str]:
    """Everything that a result says of how it was made, by dotted names."""
    made = {} if result.provenance is None else result.provenance.model_dump(mode="json", exclude=_NO_CONDITIONS)
    # Whoever repeats an evaluation gives a key of their own, or needs none.
    made["left_out"] = [name for name in made.get("left_out", []) if name != "api_key"]
    task = {name: getattr(result, name) for name in Task.model_fields}
    conditions = dict(_flat({**task, "seed": result.seed, **made}))
    if result.split is not Split.test:
        # The secret salts the sealed test split alone.
        conditions = {name: value for name, value in conditions.items() if not name.endswith("secret_fingerprint")}
    return conditions


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value if isinstance(value, str) else json.dumps(value, default=str)


def _differences(before: Mapping[str, str], now: Mapping[str, str]) -> Iterator[Difference]:
    for name in sorted(before.keys() | now.keys()):
        was, is_now = before.get(name, "-"), now.get(name, "-")
        if was != is_now:
            yield Difference(name=name, before=was, now=is_now)


def _numbers(result: Result) -> dict[str, float | None]:
    card = result.scorecard
    values = {name: getattr(card, name) for name in type(card).model_fields}
    numbers = {name: value.value for name, value in values.items() if isinstance(value, Estimate)}
    return numbers | {name: value for name, value in values.items() if isinstance(value, int | float | None)}


def _number_differences(
    before: Mapping[str, float | None], now: Mapping[str, float | None]
) -> Iterator[NumberDifference]:
    for name in {**before, **now}:
        if before.get(name) != now.get(name):
            yield NumberDifference(name=name, before=before.get(name), now=now.get(name))
