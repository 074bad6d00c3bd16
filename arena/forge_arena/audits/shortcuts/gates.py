"""The limits that no attack without the source may break, and the anchor that shows that the attacks are serious."""

from collections.abc import Mapping, Sequence

from forge_arena.audits.deciding import FEWEST_TO_FAIL, gate_by_interval, is_decided, untested_gate
from forge_arena.audits.report import Gate
from forge_arena.audits.shortcuts.attacks import Attack, Finding
from forge_arena.measures.statistics import BoundedEstimate

# The limit of AUROC and of twin-ranking, and the limit of the upper end of AUROC's interval.
POINT = 0.55
UPPER = 0.58
# How far above the best attack without the source the best attack with the source must be.
ABOVE = 0.05


def _name_of(attack: Attack) -> str:
    return f"{attack.scope}, {attack.input}, {attack.holdout}"


def _gated_by_name(findings: Sequence[Finding]) -> dict[str, list[Finding]]:
    """The findings that have a gate, by the gate's type, input and holdout."""
    by_name: dict[str, list[Finding]] = {}
    for finding in findings:
        if finding.attack.gated:
            by_name.setdefault(_name_of(finding.attack), []).append(finding)
    return by_name


def shortcut_gates(findings: Sequence[Finding], quick: bool) -> list[Gate]:
    """For every type, input without the source and holdout: the classifier that comes nearest to breaking the limit."""
    gates = []
    for name, group in _gated_by_name(findings).items():
        ranked = [(finding.twins, finding) for finding in group if finding.twins is not None]
        if quick:
            gates.append(_worst(f"{name}: AUROC begins at most at", POINT, [(f.auroc.low, f) for f in group]))
            if ranked:
                lows = [(twins.low, f) for twins, f in ranked]
                gates.append(_worst(f"{name}: twin-ranking begins at most at", POINT, lows))
            continue
        gates.append(_worst(f"{name}: AUROC", POINT, [(f.auroc.value, f) for f in group]))
        gates.append(_worst(f"{name}: AUROC ends at most at", UPPER, [(f.auroc.high, f) for f in group]))
        if ranked:
            gates.append(_worst(f"{name}: twin-ranking", POINT, [(twins.value, f) for twins, f in ranked]))
    return gates


def interval_gates(findings: Sequence[Finding], untested: Mapping[Attack, int]) -> list[Gate]:
    """The same bounds for a few dozen documents, decided by whole intervals (see `forge_arena.audits.deciding`).

    A gate fails if an interval begins above the limit, and holds if all intervals end below the upper limit.

    Args:
        findings: what the attacks found.
        untested: the attacks that could not be tested, each with the number of families that it had.
    """
    gates = []
    tested = _gated_by_name(findings)
    for name, group in tested.items():
        gates.append(_decide(f"{name}: AUROC", [(f.auroc, f) for f in group]))
        ranked = [(finding.twins, finding) for finding in group if finding.twins is not None]
        if ranked:
            gates.append(_decide(f"{name}: twin-ranking", ranked))
    without = {_name_of(attack): families for attack, families in untested.items() if attack.gated}
    gates += [
        untested_gate(name, families, "not tested: too few samples to train on, or to tell apart")
        for name, families in without.items()
        if name not in tested
    ]
    return gates


def _decide(name: str, values: Sequence[tuple[BoundedEstimate, Finding]]) -> Gate:
    """The gate of a group of attacks: a failing one if there is any, otherwise the one whose interval ends highest."""
    ranked = sorted(values, key=lambda pair: -pair[0].high)
    gates = [
        gate_by_interval(
            name,
            interval.value,
            interval.low,
            interval.high,
            families=finding.families,
            holds_below=UPPER,
            fails_above=POINT,
            by=f"{finding.attack.classifier} on {finding.rows} episodes",
        )
        for interval, finding in ranked
    ]
    return next((gate for gate in gates if gate.state == "failed"), gates[0])


def anchor_gate(findings: Sequence[Finding], by_overseer: Sequence[Finding], *, may_stay_open: bool = False) -> Gate:
    """The best attack that sees the source must be clearly better than chance, and than every attack that does not.

    If the gate may stay open, it fails only where the interval of the best attack ends below what is wanted, and rests
    on enough families.
    """
    # On all types together, because the easiest type alone would make any anchor look high.
    whole = [f for f in (*findings, *by_overseer) if f.attack.type is None and not f.attack.loud]
    best = max((f for f in whole if f.attack.sees_source), key=lambda f: f.auroc.value)
    shortcut = max(f.auroc.value for f in whole if f.attack.gated)
    above_chance = best.auroc.low > POINT
    limit = max(shortcut + ABOVE, POINT)
    enough = not may_stay_open or is_decided(best.families)
    holds = above_chance and best.auroc.value >= shortcut + ABOVE and enough
    return Gate(
        name="with the source: AUROC at least",
        value=best.auroc.value,
        limit=limit,
        passed=holds,
        open=may_stay_open and not holds and (best.auroc.high >= limit or not enough),
        detail=f"best is {best.attack.classifier} on {best.attack.input}, {best.attack.holdout}, interval "
        f"from {best.auroc.low:.3f} to {best.auroc.high:.3f}; best without the source {shortcut:.3f}"
        + ("" if above_chance else f"; its interval begins at or below {POINT}"),
    )


def select_for_diagnosis(findings: Sequence[Finding], quick: bool, *, by_interval: bool = False) -> list[Finding]:
    """The findings that break a gate. If words break it too, characters are left out: words are more readable.

    By interval, as in a quick audit, a finding breaks a gate if its interval begins above the limit. Such a finding
    needs the families that a failure needs.
    """
    broken = [f for f in findings if f.attack.gated and _breaks(f, quick or by_interval)]
    if by_interval:
        broken = [f for f in broken if f.families >= FEWEST_TO_FAIL]
    by_words = {(f.attack.scope, f.attack.input, f.attack.holdout) for f in broken if f.attack.classifier == "words"}
    return [
        f
        for f in broken
        if f.attack.classifier != "characters" or (f.attack.scope, f.attack.input, f.attack.holdout) not in by_words
    ]


def _worst(name: str, limit: float, values: Sequence[tuple[float, Finding]]) -> Gate:
    value, finding = max(values, key=lambda pair: pair[0])
    return Gate(
        name=name,
        value=value,
        limit=limit,
        passed=value <= limit,
        detail=f"by {finding.attack.classifier}, {finding.rows} episodes",
    )


def _breaks(finding: Finding, quick: bool) -> bool:
    twins = finding.twins
    if quick:
        return finding.auroc.low > POINT or (twins is not None and twins.low > POINT)
    return finding.auroc.value > POINT or finding.auroc.high > UPPER or (twins is not None and twins.value > POINT)
