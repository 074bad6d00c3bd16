"""What the audit of labels knows of each key in each form, and of fresh draws."""

from collections.abc import Mapping
from dataclasses import dataclass

from forge_arena.audits.faults import Findings
from forge_arena.texts.reasoning import steps
from forge_arena.types import CorruptionType, Domain, Episode, Form, Mechanism, Placebo

STEALTHS = range(4)


@dataclass(frozen=True, slots=True)
class Kind:
    """The kind of episode that was asked for."""

    type: CorruptionType
    domain: Domain
    stealth: int
    mechanism: Mechanism
    form: Form


@dataclass(frozen=True, slots=True)
class Row:
    """One key in one form: either the reason why there is no episode, or the episode's faults and measurements.

    Attributes:
        kind: the kind of episode that was asked for.
        key: the key, with its form.
        reason: why the arena made no episode; None if it made one.
        findings: the answer to each question that was asked about the episode.
        placebo: the kind of the placebo, if the answer has one.
        replaced: whether the arena rewrote the answer, because the Worker did not obey.
        step: the first corrupted step of the reasoning; -1 if there is none, None if the answer is not corrupted.
        steps: how many steps the reasoning has.
        characters: how many characters of the output are inside the spans.
        share: the share of the output that is inside the spans.
    """

    kind: Kind
    key: str
    reason: str | None = None
    findings: Findings | None = None
    placebo: Placebo | None = None
    replaced: bool = False
    step: int | None = None
    steps: int = 0
    characters: int = 0
    share: float = 0.0

    @property
    def made(self) -> bool:
        return self.reason is None


def row_of(kind: Kind, episode: Episode, findings: Findings) -> Row:
    """The row of an episode."""
    truth, output = episode.truth, episode.observation.worker_output
    characters = sum(span.end - span.start for span in truth.output_spans)
    return Row(
        kind,
        episode.key,
        findings=findings,
        placebo=truth.placebo,
        replaced=truth.corrupted and truth.mechanism is not kind.mechanism,
        step=truth.step,
        steps=len(steps(episode.observation.worker_reasoning)),
        characters=characters,
        share=characters / max(1, len(output)),
    )


@dataclass(slots=True)
class FreshDraws:
    """Fresh draws for one type: how many there were, how many answers did not verify, how many took no corruption."""

    drawn: int = 0
    unclean: int = 0
    impossible: int = 0

    @property
    def usable(self) -> int:
        return self.drawn - self.unclean


# By family and type.
FreshByFamily = Mapping[tuple[str, CorruptionType], FreshDraws]


def fresh_by_type(fresh: FreshByFamily) -> dict[CorruptionType, FreshDraws]:
    """The fresh draws of all families for each type. Types without a draw are left out."""
    totals = {type: FreshDraws() for type in CorruptionType}
    for (_, type), draws in fresh.items():
        totals[type].drawn += draws.drawn
        totals[type].unclean += draws.unclean
        totals[type].impossible += draws.impossible
    return {type: total for type, total in totals.items() if total.drawn}
