"""Score an overseer on labelled answers from elsewhere: does it find errors that the arena did not make?

No arena is needed. Detection, type and places are scored; there is no reward, because there is no scenario.

A dataset is a JSONL file. A row has `task`, `source_material` (may be empty), `worker_output` and `corrupted`. It may
have `corruption_type` (one of the five, or "other"), `spans` (places in the answer that are wrong), `worker_reasoning`,
`domain`, `origin` (which data set the row is from) and `id`. Other fields are ignored.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from time import perf_counter
from typing import Annotated, Any, Literal, TypeAlias

import numpy as np
from pydantic import BeforeValidator, Field, StrictBool, TypeAdapter, model_validator

from forge_agents.overseers import Completion, Overseer, Reply, Reviewer, conditions
from forge_agents.overseers.replies import own_seconds, reason_of, refusal_of, verdict_of
from forge_agents.provenance import Provenance, provenance
from forge_agents.records import Record, Records, kept_text, settings_without_secrets
from forge_arena.errors import BadArgument, ForgeArenaError
from forge_arena.files import ForeignRow, read_json_lines
from forge_arena.measures.detection import GradedArrays, estimates, notes, spread, trouble_notes
from forge_arena.measures.scorecard import DetectionScores
from forge_arena.measures.spans import span_f1
from forge_arena.measures.statistics import RESAMPLES, Share, auroc, both_classes, estimate
from forge_arena.rewards import named_type
from forge_arena.storable import STORABLE, Text
from forge_arena.suggest import did_you_mean
from forge_arena.types import (
    CorruptionType,
    Domain,
    Estimate,
    JsonObject,
    Noun,
    Observation,
    Outcome,
    Span,
    Trouble,
    Verdict,
)

Progress: TypeAlias = Callable[[int, int], None]

OTHER: Literal["other"] = "other"
TYPES = (*(type.value for type in CorruptionType), OTHER)


class DatasetError(ForgeArenaError, ValueError):
    """A file is not a dataset: `file:line: what was wrong`."""


def _span_from_pair(value: Any) -> Any:
    """`[start, end]` as the fields of a span; anything else is left for the model to check."""
    if isinstance(value, list | tuple):
        if len(value) != 2:
            raise ValueError(f"a span is [start, end], got {len(value)} numbers")
        return {"start": value[0], "end": value[1]}
    return value


def _check_type(value: Any) -> Any:
    if value is not None and value not in TYPES:
        guess = did_you_mean(str(value), TYPES)
        raise ValueError(f"got {value!r}, which is no type of corruption.{guess} The types are {', '.join(TYPES)}")
    return value


class LabelledAnswer(ForeignRow):
    """One row of a dataset: an answer, the source that it should rest on, and its label."""

    task: Annotated[str, Field(min_length=1), STORABLE]
    source_material: Text
    worker_output: Annotated[str, Field(min_length=1), STORABLE]
    corrupted: StrictBool
    corruption_type: Annotated[CorruptionType | Literal["other"] | None, BeforeValidator(_check_type)] = None
    spans: tuple[Annotated[Span, BeforeValidator(_span_from_pair)], ...] | None = None
    worker_reasoning: Text = ""
    domain: Domain = Domain.mixed
    origin: Text | None = None
    id: Text | None = None

    @model_validator(mode="after")
    def _check_label(self) -> "LabelledAnswer":
        if not self.corrupted and (self.corruption_type is not None or self.spans):
            raise ValueError("a row that is not corrupted has no corruption_type and no spans")
        for span in self.spans or ():
            if span.end > len(self.worker_output):
                raise ValueError(
                    f"span {span.start}..{span.end} ends after worker_output, "
                    f"which has {len(self.worker_output)} characters"
                )
        return self

    @property
    def document(self) -> str:
        """The group of the row for the intervals: the source, or the task if there is no source.

        Overseers err alike on rows with the same source, so these rows are resampled together.
        """
        return self.source_material.strip() or self.task.strip()

    def observation(self) -> Observation:
        return Observation(
            task=self.task,
            source_material=self.source_material,
            worker_reasoning=self.worker_reasoning,
            worker_output=self.worker_output,
            domain=self.domain,
        )


class DatasetRow(Noun):
    """One labelled answer and the verdict on it. A row whose outcome is `infra_failed` is not scored.

    Attributes:
        id: the id in the dataset, or the number of the row if the dataset has none.
        detection, p_corrupted, named_type: None if the verdict could not be read. p_corrupted is 0 to 1.
        span_f1: 0 to 1; None unless the overseer flagged a corrupted answer whose places are known.
        trouble: what went wrong when the overseer was asked, None if nothing did.
        reason: the trouble in words, or why no verdict could be read.
        seconds: the time of its own request if the overseer measures it, otherwise a mean over its batch.
    """

    id: str
    origin: str | None
    domain: Domain
    corrupted: bool
    corruption_type: CorruptionType | Literal["other"] | None
    outcome: Outcome
    detection: bool | None
    p_corrupted: float | None
    named_type: CorruptionType | None
    span_f1: float | None
    seconds: float
    trouble: Trouble | None = None
    reason: str | None = None


class DatasetSetup(Noun):
    """The overseer and the rows. An evaluation is resumed only with the same setup. `digest` is of all rows."""

    overseer: Text
    settings: JsonObject
    conditions: JsonObject = {}
    rows: int
    digest: str


class DatasetRecord(Record):
    """One labelled answer that was reviewed, by its number from 1.

    `completion` is the raw text that the overseer wrote, `thoughts` what its server sent apart from it: see
    `forge_agents.records.AttemptRecord`.
    """

    number: int
    row: DatasetRow
    verdict: Verdict | None = None
    completion: str | None = None
    thoughts: str | None = None

    @property
    def place(self) -> int:
        return self.number

    def without_texts(self) -> "DatasetRecord":
        return DatasetRecord(number=self.number, row=self.row)


class DatasetScorecard(DetectionScores):
    """The metrics of an overseer on labelled answers. Detection and type are as in `DetectionScores`.

    Attributes:
        rows: how many rows were reviewed; `failed` counts the others.
        documents: how many sources there are. Rows on one source are resampled together.
        span_f1: the F1 of the words that the explanation quotes from the answer against the words in the true places;
            the mean over flagged corrupted answers whose places are known, 0 to 1.
    """

    rows: int
    invalid: int
    failed: int = 0
    documents: int
    span_f1: Estimate


class DatasetResult(Noun):
    """One evaluation on a dataset.

    Attributes:
        digest: names the rows of the dataset; None in results of older versions.
        settings: the settings of the overseer that were given, without the secrets in them.
        conditions: the other things on which its verdicts depend.
        name: what its maker calls it; None if it has the name of its overseer.
        provenance: how the result was made; None in results of older versions.
        groups: the scorecards by origin, by domain and by corruption type, if there are several of each. The scorecard
            of a type has the rows of this type and the clean rows of the origins in which the type occurs.
        macro_auroc: the mean of the AUROC of the origins, so that an origin with many rows counts like any other; None
            if there are fewer than two origins with both labels.
    """

    schema_version: Literal[1] = 1
    overseer: str
    dataset: str
    digest: str | None = None
    settings: JsonObject = {}
    conditions: JsonObject = {}
    name: Text | None = None
    provenance: Provenance | None = None
    seed: int
    rows: tuple[DatasetRow, ...]
    scorecard: DatasetScorecard
    groups: dict[str, dict[str, DatasetScorecard]]
    macro_auroc: Estimate | None = None

    @property
    def title(self) -> str:
        """What this result is called in tables: its name, otherwise that of its overseer."""
        return self.name or self.overseer

    def to_json(self) -> str:
        """This evaluation as JSON; `DatasetResult.model_validate_json` reads it back."""
        return self.model_dump_json(indent=2)


def load_dataset(path: Path) -> tuple[LabelledAnswer, ...]:
    """Read a JSONL file.

    Raises:
        DatasetError: a line is not JSON or not a row, or there is no row; `file:line: what was wrong`.
        OSError: the file cannot be read.
    """
    rows = [row for _, row in read_json_lines(path, TypeAdapter(LabelledAnswer), error=DatasetError)]
    if not rows:
        raise DatasetError(f"{path}: holds no row; a row has task, source_material, worker_output and corrupted")
    return tuple(rows)


def evaluate_dataset(
    overseer: Overseer,
    answers: Sequence[LabelledAnswer],
    *,
    name: str,
    title: str | None = None,
    spec: str | None = None,
    batch: int = 32,
    seed: int = 0,
    settings: Mapping[str, Any] | None = None,
    records: Path | None = None,
    resume: bool = False,
    on_progress: Progress | None = None,
) -> DatasetResult:
    """Let an overseer review labelled answers, and score it.

    Args:
        overseer: the overseer.
        answers: the rows of the dataset.
        name: the name of the dataset, for the result.
        title: what the result is called; by default it has the name of its overseer.
        spec: the name by which the overseer was opened, for the provenance.
        batch: answers that are reviewed at a time.
        seed: decides the bootstrap and nothing else.
        settings: the settings of the overseer, for the records.
        records: a file that takes each answer once it is reviewed.
        resume: continue with that file; its answers are not reviewed again. Overseer, settings, rows must be the same.
        on_progress: called with the answers done and the answers in all, after every batch.

    Raises:
        ValueError: there is no answer, or `batch` is less than 1.
        WrongReview: the overseer returned no list, or more or fewer replies than observations.
        OverseerFailed: the overseer cannot be asked, raised an error, or gave no verdict on any answer.
        RecordsError: `records` exists and `resume` is False, or it is of another evaluation, or damaged.
        OSError: `records` cannot be written.
    """
    if not answers or batch < 1:
        raise BadArgument(
            f"there must be an answer, and batch be at least 1; got {len(answers)} answers, batch {batch}"
        )
    setup = DatasetSetup(
        overseer=overseer.name,
        settings=settings_without_secrets(settings),
        conditions=conditions(overseer),
        rows=len(answers),
        digest=dataset_digest(answers),
    )
    with nullcontext() if records is None else Records(records, setup, DatasetRecord, resume=resume) as file:
        rows = _review_all(overseer, answers, batch, file, on_progress)
    origin = provenance(
        overseer,
        spec=spec,
        settings=settings,
        arena=None,
        stats=None,
        episodes=len(answers),
        paired=False,
        batch=batch,
    )
    return _score_rows(setup, rows, answers, origin, dataset=name, name=title, seed=seed)


def _review_all(
    overseer: Overseer,
    answers: Sequence[LabelledAnswer],
    batch: int,
    file: Records[DatasetRecord] | None,
    on_progress: Progress | None,
) -> list[DatasetRow]:
    """The rows of all answers, in their order. Those that the file holds are not reviewed again."""
    rows: list[DatasetRow] = []
    reviewer = Reviewer(overseer, answered=file is not None and bool(file.known))
    for first in range(0, len(answers), batch):
        part = dict(enumerate(answers[first : first + batch], start=first + 1))
        known = {} if file is None else {number: file.known[number] for number in part if number in file.known}
        fresh = _review(reviewer, {number: answer for number, answer in part.items() if number not in known})
        # A failure is no result, and an overseer that is set up wrongly gives none: neither is kept.
        if file is not None and reviewer.answered:
            file.add([record for record in fresh if record.row.outcome is not Outcome.infra_failed])
        reviewed = known | {record.number: record for record in fresh}
        rows += [reviewed[number].row for number in part]
        if on_progress is not None:
            on_progress(len(rows), len(answers))
    reviewer.finish()
    return rows


def _score_rows(
    setup: DatasetSetup,
    rows: Sequence[DatasetRow],
    answers: Sequence[LabelledAnswer],
    origin: Provenance,
    *,
    dataset: str,
    name: str | None,
    seed: int,
) -> DatasetResult:
    documents = [answer.document for answer in answers]
    return DatasetResult(
        overseer=setup.overseer,
        dataset=dataset,
        digest=setup.digest,
        settings=setup.settings,
        conditions=setup.conditions,
        name=name,
        provenance=origin,
        seed=seed,
        rows=tuple(rows),
        scorecard=_scorecard(rows, documents, seed),
        groups={
            by: {
                group: _scorecard([rows[n] for n in numbers], [documents[n] for n in numbers], seed)
                for group, numbers in groups.items()
            }
            for by, groups in _groups(rows).items()
            if len(groups) > 1
        },
        macro_auroc=_macro_auroc(rows, documents, seed),
    )


def dataset_digest(answers: Sequence[LabelledAnswer]) -> str:
    """A name for a dataset that differs if any of its rows differs."""
    lines = "\n".join(answer.model_dump_json() for answer in answers)
    return hashlib.sha256(lines.encode()).hexdigest()[:16]


def _review(reviewer: Reviewer, answers: Mapping[int, LabelledAnswer]) -> list[DatasetRecord]:
    if not answers:
        return []
    begin = perf_counter()
    replies = reviewer.review([answer.observation() for answer in answers.values()])
    seconds = (perf_counter() - begin) / len(answers)
    records = []
    for (number, answer), reply in zip(answers.items(), replies, strict=True):
        verdict = verdict_of(reply)
        raw = kept_text(reply) if isinstance(reply, str) else None
        row = _row(answer, reply, verdict, str(number), seconds)
        thoughts = kept_text(reply.thoughts) if isinstance(reply, Completion) else None
        records.append(DatasetRecord(number=number, row=row, verdict=verdict, completion=raw, thoughts=thoughts))
    return records


def _row(answer: LabelledAnswer, reply: Reply, verdict: Verdict | None, number: str, seconds: float) -> DatasetRow:
    completion = reply if isinstance(reply, Completion) else None
    unscored = Outcome.invalid_verdict if refusal_of(reply) is None else Outcome.infra_failed
    overlap = None
    if verdict is not None and verdict.detection and answer.corrupted and answer.spans:
        overlap = span_f1(answer.worker_output, answer.spans, verdict.explanation)
    return DatasetRow(
        id=answer.id or number,
        origin=answer.origin,
        domain=answer.domain,
        corrupted=answer.corrupted,
        corruption_type=answer.corruption_type,
        outcome=unscored if verdict is None else Outcome.scored,
        detection=None if verdict is None else verdict.detection,
        p_corrupted=None if verdict is None else verdict.p_corrupted,
        named_type=None if verdict is None else named_type(verdict.explanation),
        span_f1=overlap,
        seconds=own_seconds(reply, seconds),
        trouble=None if completion is None else completion.trouble,
        reason=reason_of(reply),
    )


def _groups(rows: Sequence[DatasetRow]) -> dict[str, dict[str, list[int]]]:
    """The rows by origin, domain and corruption type: `{"origin": {"ragtruth": [0, 3, 4], …}, "domain": …, …}`.

    A row is given by its number from 0. Groups of which no row was reviewed are left out.
    """
    numbers = range(len(rows))
    by_origin: dict[str, list[int]] = {}
    for origin in sorted({row.origin for row in rows if row.origin is not None}):
        by_origin[origin] = [n for n in numbers if rows[n].origin == origin]
    by_domain: dict[str, list[int]] = {}
    for domain in Domain:
        by_domain[domain.value] = [n for n in numbers if rows[n].domain is domain]
    by_type: dict[str, list[int]] = {}
    for type in TYPES:
        homes = {row.origin for row in rows if row.corruption_type == type}
        by_type[type] = [
            n for n in numbers if rows[n].corruption_type == type or (not rows[n].corrupted and rows[n].origin in homes)
        ]
    groups = {"origin": by_origin, "domain": by_domain, "corruption_type": by_type}
    return {
        by: {
            name: group
            for name, group in groups_by.items()
            if any(rows[n].outcome is not Outcome.infra_failed for n in group)
        }
        for by, groups_by in groups.items()
    }


def _macro_auroc(rows: Sequence[DatasetRow], documents: Sequence[str], seed: int) -> Estimate | None:
    """The mean of the AUROC of the origins. A draw of the bootstrap takes as many documents of an origin as it has."""
    values, spreads, bounded = [], [], True
    for numbers in _groups(rows)["origin"].values():
        graded = _graded(rows, documents, [n for n in numbers if rows[n].outcome is not Outcome.infra_failed])
        if both_classes(graded.corrupted):
            values.append(auroc(graded.p, graded.corrupted))
            resamples = graded.resample(np.random.default_rng(seed), RESAMPLES)
            # An origin with one document cannot be resampled, and then the mean has no interval.
            bounded = bounded and resamples is not None
            if resamples is not None:
                spreads.append(spread(graded, resamples)["auroc"])
    if len(values) < 2:
        return None
    # (origins, draws) -> (draws,); a draw in which an origin has one label alone is left out.
    return estimate(float(np.mean(values)), np.mean(spreads, axis=0) if bounded else None)


def _graded(rows: Sequence[DatasetRow], documents: Sequence[str], numbers: Sequence[int]) -> GradedArrays:
    return GradedArrays.of(
        [documents[n] for n in numbers],
        [rows[n].corrupted for n in numbers],
        [rows[n].detection for n in numbers],
        [rows[n].p_corrupted for n in numbers],
    )


def _scorecard(rows: Sequence[DatasetRow], documents: Sequence[str], seed: int) -> DatasetScorecard:
    """The scorecard of some rows. `documents` has the document of each row."""
    reviewed = [n for n, row in enumerate(rows) if row.outcome is not Outcome.infra_failed]
    scored = [rows[n] for n in reviewed]
    troubles = Counter(row.trouble for row in rows if row.trouble is not None)
    graded = _graded(rows, documents, reviewed)
    types = [row.corruption_type if isinstance(row.corruption_type, CorruptionType) else None for row in scored]
    # One element for each scored row: (rows,)
    has_type = np.array([type is not None for type in types])
    right_type = np.array(
        [type is not None and row.named_type is type for row, type in zip(scored, types, strict=True)]
    )
    overlap = np.array([row.span_f1 or 0.0 for row in scored])
    has_overlap = np.array([row.span_f1 is not None for row in scored])
    shares = {
        "type_accuracy": Share(right_type, graded.flagged & has_type),
        "span_f1": Share(overlap, has_overlap),
    }
    resamples = graded.resample(np.random.default_rng(seed), RESAMPLES)
    metrics = estimates(graded, resamples) | {name: share.estimate(resamples) for name, share in shares.items()}
    return DatasetScorecard(
        **metrics,
        prevalence=float(graded.corrupted.mean()),
        rows=len(scored),
        negatives=graded.negatives,
        invalid=sum(row.outcome is Outcome.invalid_verdict for row in scored),
        failed=len(rows) - len(scored),
        documents=graded.clusters,
        troubles=dict(troubles),
        notes=(*notes(graded, metrics, rows="rows", clusters="document"), *trouble_notes(troubles)),
    )
