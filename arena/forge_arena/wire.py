"""The bodies of the REST API under `/v1`: what a client sends and what the server answers. Frozen in tests."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from forge_arena.keys import MAX_INDEX, Filters
from forge_arena.storable import STORABLE, Text
from forge_arena.types import (
    MAX_RAW_COMPLETION,
    Components,
    CorruptionType,
    Estimate,
    Noun,
    Observation,
    Outcome,
    Probe,
    Split,
    Truth,
    Unit,
    Verdict,
)

MAX_BATCH = 256
MAX_ATTEMPTS = 64
MAX_QUESTION = 2_000
MAX_CELLS = 20_000
MAX_FAMILY = 500
# What an overseer may be called on the leaderboard: shown on a page, and counted by.
OVERSEER_NAME = r"^[A-Za-z0-9][A-Za-z0-9 ._:/@+\-]{0,63}$"


class OpenEpisodes(Filters):
    """Ask for episodes: `count` from the stream of a split (optionally from index `start` on, optionally only those
    that match the filters), or the ones named by `keys`. `form` asks for all of them as clean, corrupted or placebo, as
    `:FORM` at the end of a key does, so that an episode may be held against its twin; those of the sealed test split
    come only as they are drawn. `submission` asks for the next `count` that it has not judged yet, and no others."""

    split: Split = Split.train
    count: int | None = Field(default=None, ge=1, le=MAX_BATCH)
    keys: tuple[str, ...] | None = Field(default=None, min_length=1, max_length=MAX_BATCH, fail_fast=True)
    start: int | None = Field(default=None, ge=0, lt=MAX_INDEX)
    attempts: int = Field(default=1, ge=1, le=MAX_ATTEMPTS)
    submission: str | None = Field(default=None, min_length=1, max_length=64)

    @property
    def filters(self) -> Filters:
        """The filters alone. In JSON they stand beside the other fields."""
        return Filters(**self.given())

    @model_validator(mode="after")
    def _nothing_beside_a_submission(self) -> Self:
        # By value: a client may send what is the default anyway.
        if self.submission is not None and self != OpenEpisodes.model_construct(
            submission=self.submission, count=self.count
        ):
            raise ValueError("a submission decides its episodes: give count beside it, and nothing else")
        return self

    @model_validator(mode="after")
    def _count_or_keys(self) -> Self:
        if (self.count is None) == (self.keys is None):
            raise ValueError("give either count or keys")
        if self.keys is not None and (self.start is not None or self.given()):
            raise ValueError(
                "keys already say everything: leave out start, domain, corruption, stealth, mechanism and form"
            )
        return self


class OpenedEpisode(Noun):
    episode_id: str
    key: str
    observation: Observation
    attempts_left: int


class FailedEpisode(Noun):
    """An episode that could not be opened; ask for the same key again later."""

    key: str
    outcome: Literal[Outcome.worker_failed, Outcome.infra_failed]
    reason: Text


class OpenedEpisodes(Noun):
    episodes: tuple[OpenedEpisode, ...]
    failed: tuple[FailedEpisode, ...] = ()


class Attempt(Noun):
    """One verdict on an episode, as four fields or as the raw text of a model that the server parses.

    The server leaves the thoughts at the beginning of a long text out."""

    episode_id: str = Field(min_length=1, max_length=64)
    attempt: int = Field(default=0, ge=0, lt=MAX_ATTEMPTS)
    verdict: Verdict | None = None
    completion: Annotated[str, Field(max_length=MAX_RAW_COMPLETION), STORABLE] | None = None

    @model_validator(mode="after")
    def _verdict_or_completion(self) -> Self:
        if (self.verdict is None) == (self.completion is None):
            raise ValueError("give either verdict or completion")
        return self


class SubmitVerdicts(Noun):
    # Without fail_fast a body of a million wrong entries costs seconds of error objects before it is refused.
    verdicts: tuple[Attempt, ...] = Field(min_length=1, max_length=MAX_BATCH, fail_fast=True)


class AttemptResult(Noun):
    episode_id: str
    attempt: int
    outcome: Outcome
    reward: Unit | None
    components: Components | None
    reason: str | None = None
    step: bool | None = None
    truth: Truth | None = None


class VerdictResults(Noun):
    results: tuple[AttemptResult, ...]


class AskProbe(Noun):
    question: Annotated[str, Field(min_length=1, max_length=MAX_QUESTION), STORABLE]


class ProbeAnswered(Noun):
    probe: Probe
    probes_left: int


class EpisodeState(Noun):
    """What anyone who holds the id may know: no truth, unless every attempt was made and the split is not sealed."""

    episode_id: str
    key: str
    status: Literal["open", "finished", "expired"]
    observation: Observation
    attempts: int
    attempts_left: int
    results: tuple[AttemptResult, ...]


class DifficultyCell(Noun):
    """How hard one cell was for an overseer: the share of its `episodes` that counted as solved."""

    family: str = Field(min_length=1, max_length=MAX_FAMILY)
    corruption_type: CorruptionType
    stealth: int = Field(ge=0, le=3)
    episodes: int = Field(ge=1, lt=2**53)
    pass_rate: Unit


class Curriculum(Noun):
    """The measured difficulty that the train stream is to follow. A cell stays if its pass rate is from `low` to `high`
    or if nobody measured it; above `high` the next harder stealth stays in its place."""

    cells: tuple[DifficultyCell, ...] = Field(min_length=1, max_length=MAX_CELLS, fail_fast=True)
    low: Unit = 0.20
    high: Unit = 0.85

    @model_validator(mode="after")
    def _in_order_and_once(self) -> Self:
        if self.low > self.high:
            raise ValueError("low must not be above high")
        first: dict[tuple[str, CorruptionType, int], int] = {}
        for position, cell in enumerate(self.cells):
            before = first.setdefault((cell.family, cell.corruption_type, cell.stealth), position)
            if before != position:
                raise ValueError(f"cells[{position}] measures the same cell as cells[{before}]: give each cell once")
        return self


class CurriculumState(Noun):
    """The curriculum in force, in numbers of cells of the train split: `kept` is what the stream may hold, measured or
    not. `revision` grows with every change, so that two answers with the same one are about the same stream."""

    revision: int
    low: float
    high: float
    measured: int
    kept: int
    too_easy: int
    too_hard: int


class OpenSubmission(Noun):
    """Enter an overseer for the leaderboard, by the name under which it is to stand there. The same `request`, which is
    any text of the client's own, gets the same entry again: whoever lost the answer can ask once more."""

    overseer: str = Field(pattern=OVERSEER_NAME)
    request: str | None = Field(default=None, pattern=r"^[A-Za-z0-9_-]{1,64}$")


class Submission(Noun):
    """One entry for the leaderboard: the same `episodes` of the sealed test split for everyone, each judged once.

    It stands on the leaderboard once all of them are `judged`. It is the name's entry number `entry`, of at most
    `budget`; `overseer` is the name as it was spelled first. `suite_hash` names what is judged: scenarios, version, grader and the server's secret.
    """

    submission_id: str
    overseer: str
    episodes: int
    judged: int
    entry: int
    budget: int
    suite_hash: str


class OwnSubmissions(Noun):
    """Entries of the token that asks, the newest first."""

    submissions: tuple[Submission, ...]


class LeaderboardEntry(Noun):
    """What a submission earned, computed by the server from the verdicts that it stored, with 95% intervals."""

    overseer: str
    entry: int
    submitted: str
    invalid: int
    balanced_accuracy: Estimate
    auroc: Estimate
    tpr_at_5: Estimate
    brier: Estimate
    reward: Estimate
    skill: Estimate


class Leaderboard(Noun):
    """All finished submissions on one suite, the best balanced accuracy first."""

    suite: str
    suite_hash: str
    worker: str
    episodes: int
    budget: int
    entries: tuple[LeaderboardEntry, ...]


class Stats(Noun):
    """What this server has done since its store was made, and what it has at hand. `mean_reward` leaves out verdicts on a
    sealed split, or it would tell their labels.

    `curriculum` is the revision of the one that the train stream follows, if any; `sealed` is whether the truth of the
    test split stays here. `making` counts, since the server started, what happened on the way to episodes: answers
    asked for, those rejected because they did not verify clean and for which kinds of claims, and per corruption type the
    hidden instructions that the Worker obeyed, refused or botched and those that a rewrite replaced. `suite_hashes` names,
    for each split, what is judged and how: scenarios, Worker, mechanism, grader and, of the test split, the secret. Verdicts
    under another hash are of other episodes.
    """

    suite: str
    version: str
    worker: str
    episodes: dict[Literal["open", "finished", "expired", "deleted"], int]
    verdicts: dict[Outcome, int]
    mean_reward: Unit | None
    stock: int
    curriculum: int | None = None
    sealed: bool = True
    making: dict[str, int] = {}
    suite_hashes: dict[Split, str] = {}
    uptime_seconds: float

    @property
    def suite_and_version(self) -> str:
        """The first two parts of every key of this server."""
        return f"{self.suite}:{self.version}"


class Health(Noun):
    """`ready` once an episode can be had; until then `reason` says what is being waited for. `status` is the same in the
    words of OpenEnv."""

    ready: bool
    reason: str | None = None
    status: Literal["healthy", "unhealthy"]


class ErrorDetail(Noun):
    """`code` is stable and for programs, `message` says what to do. Never contains what was sent."""

    code: str
    message: str
    outcome: Outcome | None = None


class ErrorBody(Noun):
    error: ErrorDetail
