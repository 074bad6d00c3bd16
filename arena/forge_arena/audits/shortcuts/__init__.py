"""Can corrupted answers be found without reading the source? Simple classifiers try; the audit fails if they succeed.

Three classifiers (words, character n-grams, surface statistics) see one input each: the answer, the reasoning, both, or
the source alone. They are trained on the episodes of the stream and on their twins. This makes a stronger attack than
the stream alone, because everything that twins share cancels out. They are tested on both twins as well, of which one
is in the stream. Otherwise every number would also depend on which draws happened to be corrupted. The source is tested
on the stream alone, because twins share it. A classifier is never tested on a family that it was trained on:

- `families`: five folds over the families of all splits;
- `splits`: trained on the families of the train split, tested on those of the test split.

The audit reports two numbers, each with a 95% interval by a bootstrap that draws whole families: AUROC, and
twin-ranking, which is the share of pairs whose corrupted half gets the higher score (a tie counts half). An AUROC below
0.5 on unseen families is chance. An attacker could not exploit it, because they would have to know in which families to
flip the score. So the gates only set an upper bound.

Reasoning at stealth 0 gives the corruption away by design. If an input has reasoning, these episodes are left out of
training and gates, and reported separately.

Imported documents are few, and each is a family. Their gates are decided by whole intervals, and stay open where an
interval decides nothing (see `forge_arena.audits.deciding`).

The upper anchor shows that the attack is a serious one: with statistics that compare the answer with its source, the
classifiers, or an overseer by rules, must do clearly better.
"""

from collections.abc import Callable, Sequence
from typing import Any

from forge_arena.audits.report import AuditReport, Gate
from forge_arena.audits.samples import Sample, Samples, failures_in_words
from forge_arena.audits.shortcuts.attacks import (
    Attack,
    Finding,
    Overseer,
    families_within,
    findings_of_overseer,
    list_attacks,
    run_attack,
    try_attack,
)
from forge_arena.audits.shortcuts.features import FOLDS, Features
from forge_arena.audits.shortcuts.gates import (
    POINT,
    UPPER,
    anchor_gate,
    interval_gates,
    select_for_diagnosis,
    shortcut_gates,
)
from forge_arena.audits.shortcuts.report import figures, tables, what_could_hide
from forge_arena.errors import BadArgument
from forge_arena.types import Split

# With so many draws and no shortcut, the interval of one type on the test families ends below the upper limit.
EPISODES = 8_000
QUICK_EPISODES = 1_500
# Of imported documents: five types at four stealth levels make twenty kinds of pairs, of which these are a part.
EPISODES_PER_SCENARIO = 10
QUICK_EPISODES_PER_SCENARIO = 3
# The numbers of `splits` rest on the families of the test split alone, so half of the draws are for that split.
SHARES = {Split.train: 0.4, Split.val: 0.1, Split.test: 0.5}


def audit_shortcuts(
    samples: Samples,
    *,
    suite: str,
    seed: int = 0,
    quick: bool = False,
    by_interval: bool = False,
    overseer: Overseer | None = None,
    settings: dict[str, Any] | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> AuditReport:
    """Look for shortcuts in samples.

    Args:
        samples: see `samples.draw`; families of the train and of the test split are needed, unless by interval.
        suite: the suite of the samples' keys.
        seed: decides folds, trees and the bootstrap.
        quick: one classifier only for each type; and gates for a small sample, which fail if an interval begins above
            the limit, and not if the value is above it.
        by_interval: gates for the few families of imported documents: a whole interval decides a gate, or the gate
            stays open. What cannot be tested is an open gate too, and two families suffice.
        overseer: gives P(corrupted) for observations with their source, for the upper anchor.
        settings: what else the report says about the origin of the samples.
        on_progress: is called with the number of attacks that are done and the number of all attacks.

    Raises:
        ValueError: the samples are of fewer than `FOLDS` families (two by interval), or have none of the train or the
            test split (no matter by interval), or the overseer does not give one number for each observation.
    """
    import sklearn.ensemble
    import sklearn.linear_model  # noqa: F401
    from threadpoolctl import threadpool_limits

    if by_interval:
        _check_few(samples)
    else:
        _check(samples.rows)
    features = Features(samples.rows, seed)
    by_overseer = findings_of_overseer(overseer, features) if overseer is not None else []
    attacks = list_attacks(quick)
    findings = []
    untested: dict[Attack, int] = {}
    # On a busy machine, threads wait for each other up to twenty times as long as one thread takes for everything. The
    # limit reaches only libraries that are imported already.
    with threadpool_limits(1):
        for number, attack in enumerate(attacks):
            finding = try_attack(attack, features)
            if finding is not None:
                findings.append(finding)
            elif by_interval:
                untested[attack] = families_within(attack, features)
            else:
                raise BadArgument(f"too few samples for an attack on {attack.scope} by {attack.input}")
            if on_progress is not None:
                on_progress(number + 1, len(attacks))
        broken = [
            run_attack(f.attack, features, explain=True)
            for f in select_for_diagnosis(findings, quick, by_interval=by_interval)
        ]
    gates = interval_gates(findings, untested) if by_interval else shortcut_gates(findings, quick)
    shown = tables(samples, features, findings, by_overseer, broken)
    return AuditReport(
        audit="shortcuts",
        suite=suite,
        settings={
            **(settings or {}),
            "episodes": len(samples.rows) // 2,
            "seed": seed,
            "quick": quick,
            "by_interval": by_interval,
            "families": len(features.families),
            "point_limit": POINT,
            "upper_limit": UPPER,
        },
        gates=(*gates, *_anchor(findings, by_overseer, by_interval)),
        tables=(what_could_hide(samples, findings), *shown) if by_interval else shown,
        figures=figures(findings, by_overseer),
    )


def _anchor(findings: Sequence[Finding], by_overseer: Sequence[Finding], by_interval: bool) -> list[Gate]:
    """The gate of the anchor; none if nothing was tested, of which there is a gate already."""
    whole = [finding for finding in findings if finding.attack.type is None and not finding.attack.loud]
    if by_interval and not (
        any(f.attack.gated for f in whole) and any(f.attack.sees_source for f in (*whole, *by_overseer))
    ):
        return []
    return [anchor_gate(findings, by_overseer, may_stay_open=by_interval)]


def _check_few(samples: Samples) -> None:
    families = {row.family for row in samples.rows}
    if len(families) < 2:
        lost = failures_in_words(samples.reasons)
        raise BadArgument(
            "a classifier is tested on a family that it has not seen, so samples of at least 2 families are needed, "
            f"got {len(families)}" + (f"; pairs left out: {lost}" if lost else "")
        )


def _check(rows: Sequence[Sample]) -> None:
    families = {(row.split, row.family) for row in rows}
    for split in (Split.train, Split.test):
        if not any(of is split for of, _ in families):
            raise BadArgument(f"the audit needs samples of the {split.value} split, got none")
    if len(families) < FOLDS:
        raise BadArgument(f"the audit needs samples of at least {FOLDS} families, got {len(families)}")
