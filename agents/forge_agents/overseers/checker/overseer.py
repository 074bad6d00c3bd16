"""The overseer `checker:FOLDER`: an encoder's reading of each sentence, as one verdict.

Needs the extra `train`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter

from forge_agents.models import ModelError, weights_digest
from forge_agents.overseers.checker.encoder import TYPES, Encoder, Read
from forge_agents.overseers.checker.evidence import SUMS, UNCALIBRATED, Calibration, Signs, bounded, strength
from forge_agents.overseers.checker.reading import Pair, Question, pairs
from forge_agents.overseers.consistency import strongest_of_each_reader
from forge_agents.overseers.consistency.objections import Objection
from forge_agents.overseers.consistency.observation import ParsedObservation
from forge_agents.pace import Pace
from forge_arena.files import read_json
from forge_arena.types import MAX_EXPLANATION, CorruptionType, JsonObject, Observation, Verdict

CALIBRATION = "calibration.json"
# The longest quotation in an explanation, in characters.
QUOTE = 240
NOTHING_WRONG = "Every sentence was compared with the source, and the source bears them out."


@dataclass(frozen=True, slots=True)
class Finding:
    """What was read of one answer: each pair with its reading, and the objections of the overseer `rules`."""

    read: tuple[tuple[Pair, Read], ...]
    objections: tuple[Objection, ...]

    def odds(self, question: Question) -> list[float]:
        """The log-odds of each pair of a question: of the sentence, and for support also of its worst token."""
        return [odds_of(pair, read) for pair, read in self.read if pair.question is question]

    def signs(self, sum: str) -> Signs:
        support, demand = self.odds(Question.support), self.odds(Question.demand)
        return Signs(
            support=SUMS[sum](support) if support else None,
            demand=max(demand) if demand else None,
            rules=strength(self.objections),
        )


def odds_of(pair: Pair, read: Read) -> float:
    """The log-odds that a pair is wrong. A sentence is wrong if one of its words is, so both heads are asked."""
    if pair.question is Question.demand:
        return bounded(read.logit)
    return bounded((read.logit + read.highest) / 2)


class Checker:
    """Reads each sentence of an answer beside the passages of its source.

    Args:
        folder: what `forge-arena train checker` wrote, or the folder of any BERT-like encoder: its heads then know
            nothing, which is the baseline.
        rules: whether the readers of the overseer `rules` are asked too. They compare values, citations and limits of
            words exactly, which an encoder cannot.
        sign: the only sign that counts, for comparison: support, demand or rules. By default all of them count.
        device: by default a GPU if there is one.
        name: for records and reports; `checker:` and the folder if empty.

    Raises:
        ModelError: the folder holds no encoder, or its calibration cannot be read.
    """

    def __init__(
        self, folder: str, *, rules: bool = True, sign: str | None = None, device: str | None = None, name: str = ""
    ) -> None:
        self.name = name or f"checker:{folder}"
        self.encoder = Encoder.of(folder, device=device)
        path = Path(folder) / CALIBRATION
        self.calibration = read_json(path, TypeAdapter(Calibration)) if path.is_file() else UNCALIBRATED
        if self.calibration.sum not in SUMS:
            raise ModelError(f"{path}: sum must be one of {', '.join(SUMS)}, got {self.calibration.sum!r}")
        if self.calibration.weights.keys() != Signs.model_fields.keys():
            raise ModelError(
                f"{path} weighs the signs {', '.join(self.calibration.weights)}, and this version has the signs "
                f"{', '.join(Signs.model_fields)}: delete it, and go on with the training by --resume"
            )
        if sign is not None:
            self.calibration = self.calibration.only(sign)
        self.pace = Pace()
        self._rules = rules
        self._weights = weights_digest(Path(folder))

    @property
    def conditions(self) -> JsonObject:
        """The weights and the calibration: see `forge_agents.overseers.conditions`."""
        return {"weights": self._weights, "calibration": self.calibration.model_dump(mode="json"), "rules": self._rules}

    def review(self, observations: Sequence[Observation]) -> list[Verdict]:
        verdicts = []
        for observation, finding in zip(observations, self.read(observations), strict=True):
            verdicts.append(self._verdict(observation, finding))
            self.pace.add_answers(1)
        return verdicts

    def read(
        self, observations: Sequence[Observation], on_progress: Callable[[int, int], None] | None = None
    ) -> list[Finding]:
        """What the encoder reads in each answer. Progress is in pairs."""
        asked = [pairs(observation) for observation in observations]
        flat = [pair for of_answer in asked for pair in of_answer]
        reads: dict[int, Read] = {}
        for number, read in self.encoder.read(flat):
            reads[number] = read
            self.pace.add_tokens(len(read.tokens))
            if on_progress is not None:
                on_progress(len(reads), len(flat))
        numbers = iter(range(len(flat)))
        return [
            Finding(
                tuple((pair, reads[next(numbers)]) for pair in of_answer),
                tuple(strongest_of_each_reader(ParsedObservation.of(observation)) if self._rules else ()),
            )
            for observation, of_answer in zip(observations, asked, strict=True)
        ]

    def _verdict(self, observation: Observation, finding: Finding) -> Verdict:
        p = self.calibration.p_corrupted(finding.signs(self.calibration.sum))
        if p <= 0.5:
            return Verdict(detection=False, explanation=NOTHING_WRONG, correction="", confidence=1.0 - p)
        explanation, correction = self._explain(observation, finding)
        return Verdict(detection=True, explanation=explanation[:MAX_EXPLANATION], correction=correction, confidence=p)

    def _explain(self, observation: Observation, finding: Finding) -> tuple[str, str]:
        """What is wrong in words, and the answer without it, if there is more than the wrong sentence."""
        worth = self.calibration
        strongest: tuple[float, str, str] = (float("-inf"), "The answer as a whole is unlike right answers.", "")
        for pair, read in finding.read:
            name = pair.question.value
            weight = worth.weights[name] * (odds_of(pair, read) - worth.means[name]) / worth.scales[name]
            if weight > strongest[0]:
                strongest = (weight, *_words_for(observation, pair, read))
        for objection in finding.objections:
            weight = worth.weights["rules"] * (strength([objection]) - worth.means["rules"]) / worth.scales["rules"]
            if weight > strongest[0]:
                said = f'{objection.type.value}: "{_quoted(objection.quote)}": {objection.why}. '
                strongest = (weight, f"{said}Compare: {_quoted(objection.against)}", objection.repair or "")
        return strongest[1:]


def _words_for(observation: Observation, pair: Pair, read: Read) -> tuple[str, str]:
    if pair.question is Question.demand:
        return f'{CorruptionType.factual_omission.value}: the answer does not state "{_quoted(pair.piece.text)}"', ""
    type = TYPES[max(range(len(TYPES)), key=read.types.__getitem__)]
    wrong = _quoted(wrong_words(pair.piece.text, read))
    compare = f' The source says: "{_quoted(pair.best)}"' if pair.best else " Nothing in the source speaks of this."
    output = observation.worker_output
    rest = (output[: pair.piece.start].rstrip(" ") + output[pair.piece.end :]).strip()
    return f'{type.value}: "{wrong}" is not borne out.{compare}', rest


def wrong_words(text: str, read: Read) -> str:
    """The words from the first to the last token that is wrong more likely than not; otherwise the whole text."""
    wrong = [(start, end) for start, end, odds in read.tokens if odds > 0]
    if not wrong:
        return text
    start, end = wrong[0][0], wrong[-1][1]
    while start > 0 and not text[start - 1].isspace():
        start -= 1
    while end < len(text) and not text[end].isspace():
        end += 1
    return text[start:end].strip(" .,;:")


def _quoted(text: str) -> str:
    # Double quotes inside a quotation would end it early.
    return text.replace('"', "'")[:QUOTE]
