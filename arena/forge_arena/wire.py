"""The bodies of the REST API under `/v1`: what a client sends and what the server answers. Frozen in tests."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationError, ValidatorFunctionWrapHandler, WrapValidator, model_validator

from forge_arena.keys import MAX_INDEX, Filters
from forge_arena.storable import STORABLE, Text
from forge_arena.types import (
    MAX_RAW_COMPLETION,
    Components,
    CorruptionType,
    Estimate,
    Load,
    Noun,
    Observation,
    Outcome,
    Probe,
    Split,
    ToolUse,
    Truth,
    Unit,
    Verdict,
    View,
)

MAX_BATCH = 256
MAX_ATTEMPTS = 64
MAX_QUESTION = 2_000
MAX_CELLS = 20_000
MAX_FAMILY = 500
# What a client may call a stream of its own.
STREAM_NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
# What an overseer may be called on the leaderboard: shown on a page, and counted by.
OVERSEER_NAME = r"^[A-Za-z0-9][A-Za-z0-9 ._:/@+\-]{0,63}$"
# A training run that its trainer reports: the points of one report, the numbers of one point, and their names.
MAX_POINTS = 64
MAX_NUMBERS = 64
MAX_RUN_NAME = 100
MAX_NOTES = 2_000
MAX_TRAINING_STEP = 2**31 - 1
NUMBER_NAME = r"^[A-Za-z0-9][A-Za-z0-9 ._:/@+\-]{0,63}$"


class OpenEpisodes(Filters):
    """Ask for episodes, in one of three ways: `count` episodes of a split (optionally only those that match the
    filters), the ones named by `keys`, or `again` those that were opened before, by their ids.

    `count` goes on where the `stream` of that name stands, which is the token's own, or begins at index `start`. Without
    either, train goes on where the stream of all clients stands, and val and test begin at index 0. `form` asks for all of them as clean, corrupted or placebo, as
    `:FORM` at the end of a key does, so that an episode may be held against its twin; those of the sealed test split
    come only as they are drawn. `again` opens episodes of train as they were, for another epoch. `view` says how much of each is shown at
    once, by default what the server says. `submission` asks for the next `count` that it has not judged yet, and no others."""

    split: Split = Split.train
    count: int | None = Field(default=None, ge=1, le=MAX_BATCH)
    keys: tuple[str, ...] | None = Field(default=None, min_length=1, max_length=MAX_BATCH, fail_fast=True)
    again: tuple[str, ...] | None = Field(default=None, min_length=1, max_length=MAX_BATCH, fail_fast=True)
    start: int | None = Field(default=None, ge=0, lt=MAX_INDEX)
    stream: str | None = Field(default=None, pattern=STREAM_NAME)
    attempts: int = Field(default=1, ge=1, le=MAX_ATTEMPTS)
    view: View | None = None
    submission: str | None = Field(default=None, min_length=1, max_length=64)

    @property
    def filters(self) -> Filters:
        """The filters alone. In JSON they stand beside the other fields."""
        return Filters(**self.given())

    @property
    def begins_at(self) -> int | None:
        """The index at which `count` begins; None if a stream decides."""
        is_open = self.count is not None and self.start is None and self.stream is None
        return 0 if is_open and self.split is not Split.train else self.start

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
        if sum(way is not None for way in (self.count, self.keys, self.again)) != 1:
            raise ValueError("give either count or keys or again")
        if self.start is not None and self.stream is not None:
            raise ValueError("give either start or stream: a stream goes on where it stands")
        if self.count is None and (self.start is not None or self.stream is not None or self.given()):
            raise ValueError(
                f"{'keys' if self.again is None else 'again'} already say everything: leave out start, stream, domain, "
                "corruption, stealth, mechanism, awareness, candour and form"
            )
        return self


class OpenedEpisode(Noun):
    """`opening` is 1, and one more each time that the episode was opened `again`."""

    episode_id: str
    key: str
    observation: Observation
    attempts_left: int
    opening: int = 1


class FailedEpisode(Noun):
    """An episode that could not be opened; ask for the same key again later, unless the failure is `final`: then this
    Worker makes no episode of the key."""

    key: str
    outcome: Literal[Outcome.worker_failed, Outcome.infra_failed]
    reason: Text
    final: bool = False


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
    """What an attempt earned. `tool_uses` and `tool_cost` say what it used on the way; the reward does not count them."""

    episode_id: str
    attempt: int
    outcome: Outcome
    reward: Unit | None
    components: Components | None
    reason: str | None = None
    step: bool | None = None
    truth: Truth | None = None
    tool_uses: int = 0
    tool_cost: float = 0.0


class VerdictResults(Noun):
    results: tuple[AttemptResult, ...]


class AskProbe(Noun):
    question: Annotated[str, Field(min_length=1, max_length=MAX_QUESTION), STORABLE]


class ProbeAnswered(Noun):
    probe: Probe
    probes_left: int


class UseTool(Noun):
    """Use a tool for an attempt whose verdict is not given yet. The same arguments again get the same answer, and cost
    nothing."""

    attempt: int = Field(default=0, ge=0, lt=MAX_ATTEMPTS)
    arguments: dict[str, Any] = {}


class ToolAnswered(Noun):
    """What the tool says, as text for the overseer. If the tool could not be used, `ok` is false and `result` says what
    to do. `counted` is whether it was one of the attempt's uses."""

    name: str
    ok: bool
    result: str
    counted: bool
    cost: float
    tools_left: int


class RecordedToolUse(ToolUse):
    """A use of a tool, and the attempt that it belongs to."""

    attempt: int


class OfferedTool(Noun):
    """A tool that an overseer may use: `arguments` is their JSON schema, `uses` how often one attempt may use the tool,
    and `cost` what a use costs."""

    name: str
    description: str
    arguments: dict[str, Any]
    uses: int
    cost: float


class OfferedTools(Noun):
    """The tools of this server, under a profile; one attempt has at most `uses` in all. A probe has a budget of its own
    (`probes_left`), which the attempts of an episode share."""

    profile: str
    uses: int
    tools: tuple[OfferedTool, ...]


class EpisodeState(Noun):
    """What anyone who holds the id may know: no truth, unless every attempt was made and the split is not sealed."""

    episode_id: str
    key: str
    status: Literal["open", "finished", "expired"]
    observation: Observation
    attempts: int
    attempts_left: int
    opening: int = 1
    results: tuple[AttemptResult, ...]
    tool_uses: tuple[RecordedToolUse, ...] = ()


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


class BeginRun(Noun):
    """Report a training run from now on, under a name for people. The same `request`, which is any text of the client's
    own, gets the same run again: a trainer that was stopped goes on with its curves."""

    name: Annotated[str, Field(min_length=1, max_length=MAX_RUN_NAME, pattern=r"\S"), STORABLE]
    notes: Annotated[str, Field(max_length=MAX_NOTES), STORABLE] = ""
    request: str | None = Field(default=None, pattern=r"^[A-Za-z0-9_-]{1,64}$")


def _check_numbers(value: Any, check: ValidatorFunctionWrapHandler) -> Any:
    try:
        return check(value)
    except ValidationError:
        # Pydantic's own message has the name of the wrong number, and a refusal never repeats what was sent.
        raise ValueError(
            f"need 1 to {MAX_NUMBERS} finite numbers, each under a name of up to 64 letters, digits, spaces and ._:/@+-"
        ) from None


class RunPoint(Noun):
    """The numbers of one training step, or (`held_out`) of one measurement on episodes that are never trained on.

    `phase` parts a run whose steps begin again. The names of the numbers are free; the page knows those of TRL and of
    this project's trainer."""

    kind: Literal["train", "held_out"] = "train"
    phase: str = Field(default="train", pattern=NUMBER_NAME)
    step: int = Field(ge=0, le=MAX_TRAINING_STEP)
    numbers: Annotated[
        dict[Annotated[str, Field(pattern=NUMBER_NAME)], Annotated[float, Field(allow_inf_nan=False)]],
        Field(min_length=1, max_length=MAX_NUMBERS),
        WrapValidator(_check_numbers),
    ]


class ReportPoints(Noun):
    """Points of a run. A point whose kind, phase and step were reported before replaces the former one."""

    points: tuple[RunPoint, ...] = Field(min_length=1, max_length=MAX_POINTS, fail_fast=True)


class Run(Noun):
    """A training run as it was reported: when it began, when its last report came, and how many points the server has."""

    run_id: str
    name: str
    notes: str
    begun: str
    reported: str | None
    points: int


class OwnRuns(Noun):
    """Runs of the token that asks, the newest first."""

    runs: tuple[Run, ...]


class LeaderboardEntry(Noun):
    """What a submission earned, computed by the server from the verdicts that it stored, with 95% intervals. Scores come
    in steps of 0.005, because the digits of an exact score could tell labels of the sealed split."""

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


class Edition(Noun):
    """What else of an arena a result depends on: the version and git revision of its code, the grader, the load of the
    tasks (none where documents are played), how often a Worker revises, how many questions an episode allows, and the
    fingerprint of the secret that salts the sealed test split."""

    forge_arena: str
    revision: str | None = None
    grader: str
    load: Load | None = None
    revisions: int
    probes: int
    secret_fingerprint: str


class Stats(Noun):
    """What this server has done since its store was made, and what it has at hand. `mean_reward` leaves out verdicts on a
    sealed split, or it would tell their labels. It also leaves out the `reopened` episodes, those that were opened again:
    their truth was known. `reward_profile` is the name of the weights by which this server pays.

    `curriculum` is the revision of the one that the train stream follows, if any; `sealed` is whether the truth of the
    test split stays here. `making` counts, since the server started, what happened on the way to episodes: answers
    asked for, those rejected because they did not verify clean and for which kinds of claims, and per corruption type the
    hidden instructions that the Worker obeyed, refused or botched and those that a rewrite replaced. `suite_hashes` names,
    for each split, what is judged and how: scenarios, Worker, mechanism, grader and, of the test split, the secret. Verdicts
    under another hash are of other episodes. `edition` says what else a result depends on.
    """

    suite: str
    version: str
    worker: str
    episodes: dict[Literal["open", "finished", "expired", "deleted"], int]
    verdicts: dict[Outcome, int]
    mean_reward: Unit | None
    reopened: int = 0
    reward_profile: str = "standard"
    stock: int
    curriculum: int | None = None
    sealed: bool = True
    making: dict[str, int] = {}
    suite_hashes: dict[Split, str] = {}
    edition: Edition | None = None
    uptime_seconds: float

    @property
    def suite_and_version(self) -> str:
        """The first two parts of every key of this server."""
        return f"{self.suite}:{self.version}"


class PromptLine(Noun):
    """One line of an entry of a list: its label, directly followed by the value of a field of the entry, as JSON if it is
    no text."""

    field: Literal["question", "answer", "name", "arguments", "result"]
    label: str


class PromptSection(Noun):
    """One section of the user message: the heading, a line break, and the value of a field of the observation.

    `if_empty` stands in the place of an empty value; null leaves the section out. `if_hidden` is the same for a value
    that the view of the observation hides. The value of a list is, for each of its entries, the lines of `each`, joined
    by line breaks.
    """

    field: Literal["task", "source_material", "worker_reasoning", "worker_output", "probes", "tool_uses"]
    heading: str
    if_empty: str | None = ""
    if_hidden: str | None = None
    each: tuple[PromptLine, ...] = ()


class PromptForm(Noun):
    """A prompt in its parts: the system message, and the sections of the user message, joined by an empty line.

    `digest` differs if a word of the prompt differs.
    """

    digest: str
    system: str
    sections: tuple[PromptSection, ...]


class RewardTerm(Noun):
    """One component of the reward: its share `weight`, and what it pays for, in words.

    `field` is the field of the verdict that earns it. A verdict that is right about the answer with confidence 1, and has
    no texts, earns `cleared` on a right answer and `flagged` on a corrupted one. Naming the right type earns `named` more.
    """

    name: str
    weight: Unit
    pays_for: str
    field: Literal["detection", "explanation", "correction", "confidence"]
    cleared: Unit
    flagged: Unit
    named: Unit


class RewardRule(Noun):
    """The reward is the sum of `weight` times component over the `terms`. `profile` is the name of the weights, and
    `grader` the version that computes the reward, as it is recorded with each verdict."""

    profile: str
    grader: str
    terms: tuple[RewardTerm, ...]

    @property
    def weights(self) -> dict[str, float]:
        """The weight of each component, by name."""
        return {term.name: term.weight for term in self.terms}


class Prompts(Noun):
    """All that is needed to ask a model for a verdict: the prompts by name, and what the reward pays for."""

    prompts: dict[str, PromptForm]
    reward: RewardRule


class Health(Noun):
    """`ready` once an episode can be had; until then `reason` says what is being waited for. `status` is the same in the
    words of OpenEnv."""

    ready: bool
    reason: str | None = None
    status: Literal["healthy", "unhealthy"]


class ErrorDetail(Noun):
    """`code` is stable and for programs, `message` says what to do. Never contains a value that was
    sent."""

    code: str
    message: str
    outcome: Outcome | None = None


class ErrorBody(Noun):
    error: ErrorDetail
