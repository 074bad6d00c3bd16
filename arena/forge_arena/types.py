"""The nouns of the arena: frozen, strict, and the same on the wire, on disk and in memory.

Three groups, in the order in which an episode meets them. A *scenario* is what the Worker is asked and what a right
answer says; an *episode* is one answer to it, its hidden truth, and what the overseer sees; a *verdict* is what the
overseer says and what it earned.
"""

import hashlib
from enum import StrEnum, nonmember
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, create_model, model_validator

from forge_arena.additions import further_corruptions, further_domains, further_terms, usable
from forge_arena.storable import STORABLE, Text

MAX_EXPLANATION = 4_000
MAX_CORRECTION = 16_000
# MAX_COMPLETION does not count the thoughts before the verdict; MAX_RAW_COMPLETION limits a completion as it is sent.
MAX_COMPLETION = 32_000
MAX_RAW_COMPLETION = 500_000
MAX_STEP = 10_000


class Noun(BaseModel):
    """A value: equal by content, never changed after it was made, no unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


# A domain or corruption type that comes with the arena is written out because type checkers must know it. Every other
# one that `additions` finds is a member too. (Comments, because a docstring would become a part of the wire's schema.)
class Domain(StrEnum):
    customer_support = "customer_support"
    legal_summarisation = "legal_summarisation"
    code_review = "code_review"
    product_recommendation = "product_recommendation"
    mixed = "mixed"
    SHIPPED = nonmember(frozenset(name for name in vars() if not name.startswith("_")))
    vars().update(usable(further_domains, vars()))


class CorruptionType(StrEnum):
    factual_omission = "factual_omission"
    bias_injection = "bias_injection"
    temporal_shift = "temporal_shift"
    authority_fabrication = "authority_fabrication"
    instruction_override = "instruction_override"
    SHIPPED = nonmember(frozenset(name for name in vars() if not name.startswith("_")))
    vars().update(usable(further_corruptions, vars()))


class Mechanism(StrEnum):
    """Who corrupts: `rewrite` is the arena editing a clean answer, `prompt` the Worker under a hidden instruction."""

    rewrite = "rewrite"
    prompt = "prompt"


class Form(StrEnum):
    """What is done to the Worker's answer: nothing, a corruption, or a harmless edit of the same place and size."""

    clean = "clean"
    corrupted = "corrupted"
    placebo = "placebo"


class Placebo(StrEnum):
    """A harmless edit: other words for the same, another spelling of the same value, another order, or another
    statement that nobody asked for."""

    paraphrase = "paraphrase"
    respelling = "respelling"
    reordering = "reordering"
    substitution = "substitution"


class Awareness(StrEnum):
    """What a Worker that corrupts its own answer knows: nothing more, that an overseer reads it, or also by which rule
    the overseer is rewarded."""

    unaware = "unaware"
    overseen = "overseen"
    graded = "graded"


class Candour(StrEnum):
    """What a Worker that corrupts its own answer lets the overseer see of its thinking: all of it, nothing, or reasons
    made up for the answer."""

    faithful = "faithful"
    hidden = "hidden"
    rationalised = "rationalised"


# `public` draws the families of `test`. Its salt is published, so every machine makes the same episodes.
class Split(StrEnum):
    train = "train"
    val = "val"
    test = "test"
    public = "public"

    @property
    def home(self) -> "Split":
        """The split whose families this split draws."""
        return Split.test if self is Split.public else self


# The splits that families belong to.
HOMES = tuple(split for split in Split if split.home is split)


class Load(StrEnum):
    """How much a task asks of its Worker, from little to much; see `forge_arena.scenarios.loads`."""

    light = "light"
    normal = "normal"
    full = "full"


class View(StrEnum):
    """How much of an episode the overseer is shown at once: all of it (`full`), all but the Worker's reasoning (`no_reasoning`), or task and answer, and the source material by tools only (`answer_only`)."""

    full = "full"
    no_reasoning = "no_reasoning"
    answer_only = "answer_only"

    @property
    def hides(self) -> frozenset[str]:
        """The fields of an observation that the view leaves empty."""
        if self is View.full:
            return frozenset()
        return frozenset({"worker_reasoning"} | ({"source_material"} if self is View.answer_only else set()))


class Outcome(StrEnum):
    """What became of an attempt. Only `scored` and `invalid_verdict` carry a reward; a failure never does."""

    scored = "scored"
    invalid_verdict = "invalid_verdict"
    worker_failed = "worker_failed"
    infra_failed = "infra_failed"


class Trouble(StrEnum):
    """What went wrong where an overseer was asked for a verdict.

    `refused` is a request that its endpoint would not take for a reason of the endpoint's own: a failure, never a score.
    The others are the overseer's doing: the prompt is longer than its context (`too_long`), a content filter keeps the
    prompt or the answer back (`withheld`), the model declines (`declined`) or gives no answer, at most its reasoning
    (`no_answer`), its answer is cut off before the end (`cut`; a verdict may have been written before), or what came does
    not have the form of a verdict (`unusable`).
    """

    refused = "refused"
    too_long = "too_long"
    withheld = "withheld"
    declined = "declined"
    no_answer = "no_answer"
    cut = "cut"
    unusable = "unusable"


class Span(Noun):
    """Characters `start` to `end` (exclusive, in code points) of a text. Empty where something is missing."""

    start: int = Field(ge=0)
    end: int = Field(ge=0)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.end < self.start:
            raise ValueError(f"span must not end before it starts, got {self.start}..{self.end}")
        return self

    def of(self, text: str) -> str:
        return text[self.start : self.end]


class ClaimKind(StrEnum):
    """How `verify` recognises a claim in a text. The first seven are values and compare by value, not by spelling."""

    money = "money"
    percent = "percent"
    date = "date"
    duration = "duration"
    quantity = "quantity"
    identifier = "identifier"
    term = "term"
    citation = "citation"
    option = "option"
    constraint = "constraint"
    behaviour = "behaviour"


# The values that can be found in any text, without knowing which spellings to look for.
VALUE_KINDS = frozenset(
    {ClaimKind.money, ClaimKind.percent, ClaimKind.date, ClaimKind.duration, ClaimKind.quantity, ClaimKind.identifier}
)


class Standing(StrEnum):
    """Where an alternative stands in the source: what makes it right, or how plausible it is as a wrong one.

    `turned` is the statement of the source with its sense turned (`forge_arena.texts.turning`).
    """

    right = "right"
    superseded = "superseded"
    elsewhere = "elsewhere"
    absent = "absent"
    unfit = "unfit"
    turned = "turned"


class Check(Noun):
    """A constraint's test on an answer: the name of a registered check and its argument (see `forge_arena.verify.checks`)."""

    name: str
    argument: int | str | tuple[str, ...] = ()


class Case(Noun):
    """One call of the code under review and what it must do: `returns` (a Python literal) or `raises` (a class name)."""

    call: str
    returns: str | None = None
    raises: str | None = None


class Alternative(Noun):
    """One thing an answer could say about a claim.

    `forms` are its accepted spellings, the canonical one first. `stealth` is the level (0 loud .. 3 hard to see) at
    which a wrong alternative serves. `check` replaces `forms` for a constraint; for behaviour, `forms` are whole code
    blocks whose results on the claim's cases were proven when the family was tested.
    """

    name: str
    standing: Standing
    forms: tuple[str, ...] = ()
    stealth: int = Field(default=3, ge=0, le=3)
    check: Check | None = None


class Claim(Noun):
    """Something in an answer that code can check, and the alternatives among which only the source can decide.

    Attributes:
        label: the name of the claim in a sentence ("the case number").
        about: how a sentence that speaks of the claim is recognised: for each group, a word of the sentence begins with an
            entry of the group (lower case).
        of: the option claim on which this claim depends. Then each alternative has the name of an option, and the
            alternative of the option that the sentence speaks of is right.
        subject: the claim that a citation supports.
        source_spans: where the source states the right alternative.
    """

    id: str
    kind: ClaimKind
    label: str = ""
    about: tuple[tuple[str, ...], ...] = ()
    required: bool = False
    alternatives: tuple[Alternative, ...]
    of: str | None = None
    subject: str | None = None
    cases: tuple[Case, ...] = ()
    source_spans: tuple[Span, ...] = ()

    @property
    def right(self) -> Alternative:
        return self.alternatives[0]

    @property
    def wrong(self) -> tuple[Alternative, ...]:
        return self.alternatives[1:]

    def alternative(self, name: str) -> Alternative:
        for alternative in self.alternatives:
            if alternative.name == name:
                return alternative
        raise KeyError(f"claim {self.id!r} has no alternative {name!r}")


class Authority(Noun):
    """Something that may be cited (section, clause, statute, standard, test laboratory), and the claims that it supports."""

    forms: tuple[str, ...]
    supports: tuple[str, ...] = ()


class Statement(Noun):
    """A sentence for an answer or for its reasoning, with `{claim}` or `{claim.alternative}` as slots.

    Attributes:
        says: the claims that it states.
        when: the alternatives under which it makes sense: `{"remedy": "voucher"}`.
        part: where it belongs.
        topic: the subject of the paragraph to which it belongs. The topics stand in an answer in the order in which the
            statements first name them. Statements without a topic are set one after the other.
        rank: its usual place in its part, or in the paragraph of its topic, from 1 (early) to 9 (late).
    """

    text: str
    says: tuple[str, ...] = ()
    when: dict[str, str] = {}
    part: Literal["opening", "body", "closing", "reasoning", "probe"] = "body"
    topic: str = ""
    rank: int = Field(default=5, ge=1, le=9)


# Begins the id of each claim that was read from a document.
FACT = "fact_"


class Scenario(Noun):
    """A task, its source material, and the claims that a right answer makes."""

    family: str
    domain: Domain
    task: Text
    source_material: Text
    claims: tuple[Claim, ...]
    authorities: tuple[Authority, ...] = ()
    statements: tuple[Statement, ...] = ()

    @property
    def is_of_document(self) -> bool:
        """Whether its claims were read from a document of somebody's own. Then they are called "fact_1", "fact_2"."""
        return any(claim.id.startswith(FACT) for claim in self.claims)

    def claim(self, claim_id: str) -> Claim:
        for claim in self.claims:
            if claim.id == claim_id:
                return claim
        raise KeyError(f"scenario of family {self.family!r} has no claim {claim_id!r}")


class Answer(Noun):
    """What a Worker wrote: its chain of thought (may be empty) and its final output."""

    reasoning: Text
    output: Text


class Truth(Noun):
    """What is hidden from the overseer. Spans are in the output and in the source; empty tuples on a clean episode.

    For an omission the output span is where the statement is missing, or what stands in its place. `clean_output` is
    the clean twin; `placebo` names the harmless edit, if there was one, and `output_spans` are then its places. `step`
    is the first step of the reasoning (from 0, see `forge_arena.texts.reasoning`) that goes along with the corruption, -1
    where none does, None where nothing was corrupted. `awareness` and `candour` are set by the `prompt` mechanism.
    """

    corrupted: bool
    corruption_type: CorruptionType | None = None
    placebo: Placebo | None = None
    family: str
    mechanism: Mechanism | None = None
    stealth: int | None = None
    awareness: Awareness | None = None
    candour: Candour | None = None
    target: str | None = None
    output_spans: tuple[Span, ...] = ()
    source_spans: tuple[Span, ...] = ()
    step: int | None = Field(default=None, ge=-1)
    clean_output: str

    @property
    def form(self) -> Form:
        """Which of the three forms the answer is in."""
        if self.corrupted:
            return Form.corrupted
        return Form.clean if self.placebo is None else Form.placebo


class Probe(Noun):
    """A question that the overseer put to the Worker, and the Worker's answer."""

    question: Text
    answer: Text


class ToolUse(Noun):
    """One use of a tool before the verdict: what the overseer asked, and what it was told.

    `ok` is false if the tool could not do what it was asked; `result` then says why, and what to do. `cost` is what the
    use costs by the server's tool profile. The cost is reported beside the reward and is no part of it.
    """

    name: Text
    arguments: dict[str, Any]
    ok: bool
    result: Text
    cost: float = Field(default=0.0, ge=0.0, allow_inf_nan=False)


class Observation(Noun):
    """All that an overseer sees of an episode. What the view hides is an empty text."""

    task: Text
    source_material: Text
    worker_reasoning: Text
    worker_output: Text
    domain: Domain
    probes: tuple[Probe, ...] = ()
    probes_left: int = Field(default=0, ge=0)
    view: View = View.full
    tool_uses: tuple[ToolUse, ...] = ()
    tools_left: int = Field(default=0, ge=0)

    @property
    def digest(self) -> str:
        """Names what was seen. A key alone does not: another Worker, mechanism or secret makes another answer of it."""
        # Not what is left, the view and the tools: they are the server's setting, and no part of the episode.
        without = {"probes_left", "view", "tool_uses", "tools_left"}
        return hashlib.sha256(self.model_dump_json(exclude=without).encode()).hexdigest()[:16]

    def in_view(self, view: View) -> Self:
        """What is left of the observation in a view."""
        return self.model_copy(update={**dict.fromkeys(view.hides, ""), "view": view}) if view.hides else self


class Episode(Noun):
    """One observation, its hidden truth, and the scenario by which a correction is verified. Never leaves the server whole."""

    key: str
    scenario: Scenario
    observation: Observation
    truth: Truth
    worker: str


# With NaN every comparison is false, and JSON has no NaN.
Finite = Annotated[float, Field(allow_inf_nan=False)]
Unit = Annotated[float, Field(ge=0.0, le=1.0, allow_inf_nan=False)]
Amount = Annotated[float, Field(ge=0.0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0)]


class Verdict(Noun):
    """An overseer's judgement. `confidence` is confidence in the detection, whichever way it went.

    `step` may name the first corrupted step of the reasoning, from 0, or -1 for none. It is reported, not rewarded.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        json_schema_extra={
            "examples": [
                {
                    "detection": True,
                    "explanation": 'temporal_shift: the answer says "within 10 to 14 business days", the policy 5 to 7.',
                    "correction": "Your refund of $89.99 (case R-58213) arrives within 5 to 7 business days.",
                    "confidence": 0.9,
                }
            ]
        },
    )

    detection: bool
    explanation: Annotated[str, Field(max_length=MAX_EXPLANATION), STORABLE]
    correction: Annotated[str, Field(max_length=MAX_CORRECTION), STORABLE]
    confidence: Unit
    step: int | None = Field(default=None, ge=-1, le=MAX_STEP)

    @property
    def p_corrupted(self) -> float:
        """The stated probability, 0..1, that the answer is corrupted."""
        return self.confidence if self.detection else 1.0 - self.confidence


C = TypeVar("C", bound=Noun)


def _with_further_terms(components: type[C]) -> type[C]:
    """The components with a field for each term of the reward that a package adds."""
    added = usable(further_terms, components.model_fields)
    if not added:
        return components
    fields: dict[str, Any] = dict.fromkeys(added, (Unit, ...))
    doc = f"The four parts of a reward and {', '.join(added)}, each 0..1, before their weights."
    return create_model(components.__name__, __base__=components, __doc__=doc, __module__=__name__, **fields)


@_with_further_terms
class Components(Noun):
    """The four parts of a reward, each 0..1, before their weights."""

    detection: Unit
    explanation: Unit
    correction: Unit
    calibration: Unit


class Score(Noun):
    """A reward in 0..1 and the components that it is the weighted sum of. `step` is whether the named first corrupted
    step is the right one; None where none was named, or where there was none to name."""

    reward: Unit
    components: Components
    step: bool | None = None


JsonObject = dict[str, Any]


class Usage(Noun):
    """What one completion cost: tokens in and out, None where nobody counted, the tries that failed before it, and the
    seconds of its own request from the first try to the answer, None where several requests share them."""

    input_tokens: Count | None = None
    output_tokens: Count | None = None
    retries: Count = 0
    seconds: Amount | None = None


class MemberReview(Noun):
    """What one member of an overseer that asks several overseers said of an answer, and what that cost.

    `p_corrupted` is None if no verdict could be read from what it wrote. `usage` is None if nobody counted.
    """

    p_corrupted: Unit | None
    usage: Usage | None = None


# The ends of an interval that are as near as this differ by rounding alone.
NO_WIDTH = 1e-9


class Estimate(Noun):
    """A value with its 95% interval; None where it is not defined on these rows (`notes` says why)."""

    value: Finite | None
    low: Finite | None = None
    high: Finite | None = None

    @property
    def has_interval(self) -> bool:
        """Whether the interval says something. One without width does not: the value is the same in every draw."""
        return self.low is not None and self.high is not None and self.high - self.low > NO_WIDTH
