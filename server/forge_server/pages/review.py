"""What a finished episode teaches: the truth in its texts, the twin beside the answer, and why each component paid."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

from forge_arena import rewards
from forge_arena.corruptions import omits
from forge_arena.types import Components, Observation, Span, Truth, Verdict

# A word or a sign with the spaces behind it.
_TOKEN = re.compile(r"(?:\w+|[^\w\s])\s*|\s+")
# Words that are compared one by one. Longer differences are shown as a whole.
MOST_COMPARED = 2_000
# A word for a component on a scale of three.
GOOD, MIDDLING = 0.75, 0.35


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a text. `kind` says how the page shows it."""

    kind: Literal["same", "marked", "missing", "removed", "added"]
    text: str


@dataclass(frozen=True, slots=True)
class Earned:
    """One component of a reward: its weight, its value, and why in a sentence."""

    name: str
    weight: float
    value: float
    why: str

    @property
    def level(self) -> str:
        return "good" if self.value >= GOOD else "middling" if self.value >= MIDDLING else "poor"


def mark(text: str, spans: Sequence[Span]) -> list[Part]:
    """The text with its spans marked. An empty span is a place where something is missing."""
    parts: list[Part] = []
    at = 0
    for span in sorted(spans, key=lambda span: (span.start, span.end)):
        start = max(at, span.start)
        parts.append(Part("same", text[at:start]))
        words = text[start : span.end]
        parts.append(Part("marked", words) if words else Part("missing", ""))
        at = max(at, span.end)
    parts.append(Part("same", text[at:]))
    return [part for part in parts if part.text or part.kind == "missing"]


def difference(before: str, after: str) -> list[Part]:
    """How `before` becomes `after`, word by word."""
    ours, theirs = _TOKEN.findall(before), _TOKEN.findall(after)
    # Twins differ in one place. Cutting off what both share at the ends keeps the comparison, whose time grows with the
    # square of the length, short.
    head = _shared(ours, theirs)
    ours, theirs, parts = ours[head:], theirs[head:], [Part("same", "".join(ours[:head]))]
    tail = _shared(ours[::-1], theirs[::-1])
    middle, end = (ours[: len(ours) - tail], theirs[: len(theirs) - tail]), "".join(ours[len(ours) - tail :])
    for change, a, b, c, d in _opcodes(*middle):
        if change == "equal":
            parts.append(Part("same", "".join(middle[0][a:b])))
            continue
        parts += [Part("removed", "".join(middle[0][a:b])), Part("added", "".join(middle[1][c:d]))]
    return [part for part in (*parts, Part("same", end)) if part.text]


def _opcodes(ours: list[str], theirs: list[str]) -> list[tuple[str, int, int, int, int]]:
    if max(len(ours), len(theirs)) > MOST_COMPARED:
        return [("replace", 0, len(ours), 0, len(theirs))]
    # Without autojunk, which takes frequent words of a long text for noise.
    return list(SequenceMatcher(None, ours, theirs, autojunk=False).get_opcodes())


def _shared(ours: list[str], theirs: list[str]) -> int:
    """How many words two texts share at their beginning."""
    pairs = zip(ours, theirs, strict=False)
    return next((n for n, (a, b) in enumerate(pairs) if a != b), min(len(ours), len(theirs)))


def explain_reward(
    observation: Observation,
    truth: Truth | None,
    verdict: Verdict | None,
    components: Components | None,
    paid: Mapping[str, float],
) -> list[Earned]:
    """Each component with its weight of those that are `paid`, and a sentence.

    Nothing if the truth, the verdict or the reward is not known.

    A component that a package adds has only its rule as a sentence.
    """
    if truth is None or verdict is None or components is None:
        return []
    sentences = {
        "detection": _detection(truth, verdict),
        "explanation": _explanation(observation, truth, verdict, components.explanation),
        "correction": _correction(observation, truth, verdict, components.correction),
        "calibration": _calibration(truth, verdict),
    }
    return [
        Earned(
            term.name,
            paid[term.name],
            getattr(components, term.name),
            sentences.get(term.name, f"This pays for {term.pays_for}."),
        )
        for term in rewards.terms()
    ]


def _detection(truth: Truth, verdict: Verdict) -> str:
    was = "corrupted" if truth.corrupted else "right"
    said = "corrupted" if verdict.detection else "right"
    return f"The answer was {was}, and the verdict says so." if was == said else f"The answer was {was}, not {said}."


def _explanation(observation: Observation, truth: Truth, verdict: Verdict, earned: float) -> str:
    if verdict.detection != truth.corrupted:
        return "A wrong detection earns nothing here."
    named = rewards.named_types(verdict.explanation)
    if not truth.corrupted:
        if named:
            return "The answer is right, but the explanation accuses it by naming a type of corruption."
        return f"There is nothing to explain in a right answer: that pays {rewards.NEUTRAL:g}."
    right = named == {truth.corruption_type}
    return f"{_type(truth, len(named), right)} {_evidence(observation, truth, verdict, right, earned)}"


def _type(truth: Truth, named: int, right: bool) -> str:
    if right:
        return "The type is right."
    if named == 0:
        return f"No type is named: it was {truth.corruption_type}."
    return f"{'The type is wrong' if named == 1 else 'Several types are named'}: it was {truth.corruption_type}."


def _evidence(observation: Observation, truth: Truth, verdict: Verdict, right: bool, earned: float) -> str:
    wrong = [] if omits(truth.corruption_type) else [span.of(observation.worker_output) for span in truth.output_spans]
    missing = [span.of(observation.source_material) for span in truth.source_spans]
    if not any(map(str.isalnum, "".join([*wrong, *missing]))):
        return "There were no words to quote."
    evidence = (earned - rewards.TYPE_SHARE * right) / (1.0 - rewards.TYPE_SHARE)
    if not any(rewards.quotes_in(verdict.explanation)):
        return "Nothing is quoted, so there is no evidence."
    if evidence <= 0.0:
        return "The quotations do not point at the wrong place."
    if evidence >= 0.995:
        return "The quotations are exactly the words that count."
    return f"The quotations point at the place, with a quality of {evidence:.2f}: fewer other words would pay more."


def _correction(observation: Observation, truth: Truth, verdict: Verdict, earned: float) -> str:
    if verdict.detection != truth.corrupted:
        return "A wrong detection earns nothing here."
    repaired = verdict.correction.strip()
    unchanged = not repaired or repaired == observation.worker_output.strip()
    if not truth.corrupted:
        if unchanged:
            return f"There is nothing to repair in a right answer: that pays {rewards.NEUTRAL:g}."
        return "The answer is right, but the verdict rewrites it."
    if unchanged:
        return "There is no repair."
    if earned == 0.0:
        return "The repaired answer still has the fault."
    if earned >= 0.995:
        return "The repair puts the fault right and leaves the rest alone."
    return "The repair helps. It would pay more with the fault wholly put right and everything else left alone."


def _calibration(truth: Truth, verdict: Verdict) -> str:
    stated, was = verdict.p_corrupted, float(truth.corrupted)
    earned = 1.0 - (stated - was) ** 2
    return (
        f"The verdict gives a probability of {stated:.2f} that the answer is corrupted, and the truth is {was:.0f}: "
        f"1 \u2212 ({stated:.2f} \u2212 {was:.0f})\u00b2 = {earned:.2f}."
    )
