"""What an evaluation says: its rows, and the scores that are computed from them. Values only, quick to import.

`forge_arena.measures.metrics` computes the scores. Code that only reads or writes results needs this module alone, and
therefore does not load scikit-learn.
"""

from collections.abc import Callable, Sequence

from forge_arena.storable import Text
from forge_arena.types import (
    Awareness,
    Candour,
    Components,
    CorruptionType,
    Domain,
    Estimate,
    Form,
    Mechanism,
    Noun,
    Outcome,
    Trouble,
    Usage,
)


class Row(Noun):
    """One verdict of an evaluation: what was true of the episode, what the overseer said, and what the verdict earned.

    `attempt` counts the verdicts on one episode from 0. `seen` is the digest of the observation; rows of older versions
    have none. `seconds` is the time of the review, shared out over its batch. `usage` is what the verdict cost.
    `trouble` is what went wrong when the overseer was asked; `reason` says it in words.

    These fields may be None:

    - `detection`, `p_corrupted` (0..1) and `named_type`: no verdict could be read, or the episode failed;
    - `log_odds`: also if the overseer has no log-odds of its own (see `forge_agents.overseers.Completion`);
    - `step_right`: also if the verdict names no step, or the episode has no corrupted step;
    - `span_f1`: the overseer did not flag a corrupted answer whose wrong places are known;
    - `reward` and `components`: the episode failed.
    """

    key: str
    outcome: Outcome
    attempt: int = 0
    seen: str | None = None
    domain: Domain | None = None
    family: str | None = None
    form: Form | None = None
    corrupted: bool | None = None
    corruption_type: CorruptionType | None = None
    mechanism: Mechanism | None = None
    stealth: int | None = None
    awareness: Awareness | None = None
    candour: Candour | None = None
    detection: bool | None = None
    p_corrupted: float | None = None
    log_odds: float | None = None
    named_type: CorruptionType | None = None
    step_right: bool | None = None
    span_f1: float | None = None
    reward: float | None = None
    components: Components | None = None
    seconds: float | None = None
    usage: Usage | None = None
    trouble: Trouble | None = None
    reason: Text | None = None


class DetectionScores(Noun):
    """How well an overseer separated corrupted answers from clean ones. The positive class is "corrupted".

    - `partial_auroc`: the area up to a false alarm rate of 20%, standardised so that chance is 0.5 and perfection 1
      (McClish 1989).
    - `tpr_at_1`, `tpr_at_5`: the share of the corrupted answers above the lowest threshold on the stated probability
      that has at most 1% or 5% false alarms on the `negatives` clean answers.
    - `g_mean_squared`: recall * specificity, at the overseer's own decision.
    - `type_accuracy`: among the flagged corrupted answers of a known type, the share whose explanation names this type
      and no other.
    - `troubles`: what went wrong when the overseer was asked, and how often. Troubles that are not the overseer's doing
      enter no other number.
    """

    prevalence: float | None
    negatives: int
    balanced_accuracy: Estimate
    precision: Estimate
    recall: Estimate
    f1: Estimate
    g_mean_squared: Estimate
    auroc: Estimate
    partial_auroc: Estimate
    tpr_at_1: Estimate
    tpr_at_5: Estimate
    brier: Estimate
    share_flagged: Estimate
    type_accuracy: Estimate
    troubles: dict[Trouble, int] = {}
    notes: tuple[str, ...] = ()


class Scorecard(DetectionScores):
    """All metrics of one evaluation; detection and type as in `DetectionScores`.

    - `episodes` counts answers, both of a pair; `scored`, `invalid` and `failed` count verdicts, and an episode may
      have several verdicts.
    - `skill`: (reward - best constant) / (oracle - best constant) on the same episodes: 0 for the best overseer that
      does not read, 1 for perfection.
    - `clean_false_alarms`, `placebo_false_alarms`: the share flagged of the clean answers, and of the placebos.
    - `span_f1`: the mean F1 of the words that the explanations quote, over the flagged corrupted answers that have a
      wrong place.
    - `restoration`: the mean of the reward's correction over all corrupted answers.
    - `step_accuracy`: among the `steps_named` verdicts that name a first corrupted step, the share that is right.
    """

    episodes: int
    scored: int
    invalid: int
    failed: int
    families: int
    reward: Estimate
    skill: Estimate
    clean_false_alarms: Estimate
    placebo_false_alarms: Estimate
    span_f1: Estimate
    restoration: Estimate
    step_accuracy: Estimate
    steps_named: int
    components: Components | None
    best_constant: float | None
    oracle: float | None


class FixedThreshold(Noun):
    """The scores at a threshold on the stated probability that was fixed on other episodes, which `source` names."""

    threshold: float
    source: str
    balanced_accuracy: Estimate
    g_mean_squared: Estimate
    share_flagged: Estimate


class Cost(Noun):
    """What the verdicts took.

    Seconds (mean and 95th percentile) and tokens are for each verdict; `retries` are for all. Tokens are None if the
    overseer does not count them.
    """

    seconds: float | None
    seconds_p95: float | None
    input_tokens: float | None
    output_tokens: float | None
    retries: int


class Pairs(Noun):
    """How an overseer ranked the two answers of one draw: the corrupted answer, and its clean or placebo counterpart.

    A ranking is the share of pairs in which the corrupted answer got the higher probability. A tie counts
    half, so 0.5 is chance.
    """

    pairs: int
    placebos: int
    ranking: Estimate
    clean_ranking: Estimate
    placebo_ranking: Estimate


def graded_rows(rows: Sequence[Row]) -> list[Row]:
    """The rows whose verdict was graded: all but the failed ones. An unreadable verdict is graded as a wrong one."""
    return [row for row in rows if row.outcome in (Outcome.scored, Outcome.invalid_verdict)]


def group_rows(rows: Sequence[Row]) -> dict[str, dict[str, list[Row]]]:
    """The graded rows by domain, corruption type, stealth and mechanism. A division into one group only is left out.

    Clean rows and placebos have no type, stealth or mechanism. Each group of corrupted rows therefore also gets the
    rows that are not corrupted, of the same domains.
    """
    graded = graded_rows(rows)
    divisions: dict[str, dict[str, list[Row]]] = {
        "domain": {domain.value: [row for row in graded if row.domain is domain] for domain in Domain}
    }
    properties: dict[str, Callable[[Row], object]] = {
        "corruption_type": lambda row: row.corruption_type,
        "stealth": lambda row: row.stealth,
        "mechanism": lambda row: row.mechanism,
    }
    for name, value_of in properties.items():
        values = sorted({str(value_of(row)) for row in graded if row.corrupted and value_of(row) is not None})
        divisions[name] = {value: _with_uncorrupted(graded, value_of, value) for value in values}
    filled = {name: {value: group for value, group in groups.items() if group} for name, groups in divisions.items()}
    return {name: groups for name, groups in filled.items() if len(groups) > 1}


def _with_uncorrupted(graded: Sequence[Row], value_of: Callable[[Row], object], value: str) -> list[Row]:
    domains = {row.domain for row in graded if row.corrupted and str(value_of(row)) == value}
    return [row for row in graded if (str(value_of(row)) == value if row.corrupted else row.domain in domains)]
