"""The limits that no attack without the source may break, and the anchor that shows that the attacks are serious."""

from collections.abc import Sequence

from forge_arena.audits.report import Gate
from forge_arena.audits.shortcuts.attacks import Finding, Holdout

# The limit of AUROC and of twin-ranking, and the limit of the upper end of AUROC's interval.
POINT = 0.55
UPPER = 0.58
# How far above the best attack without the source the best attack with the source must be.
ABOVE = 0.05


def shortcut_gates(findings: Sequence[Finding], quick: bool) -> list[Gate]:
    """For every type, input without the source and holdout: the classifier that comes nearest to breaking the limit."""
    cells: dict[tuple[str, str, Holdout], list[Finding]] = {}
    for finding in findings:
        attack = finding.attack
        if attack.gated:
            cells.setdefault((attack.scope, attack.input, attack.holdout), []).append(finding)
    gates = []
    for (scope, input, holdout), group in cells.items():
        name = f"{scope}, {input}, {holdout}"
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


def anchor_gate(findings: Sequence[Finding], by_overseer: Sequence[Finding]) -> Gate:
    """The best attack that sees the source must be clearly better than chance, and than every attack that does not."""
    # On all types together, because the easiest type alone would make any anchor look high.
    whole = [f for f in (*findings, *by_overseer) if f.attack.type is None and not f.attack.loud]
    best = max((f for f in whole if f.attack.sees_source), key=lambda f: f.auroc.value)
    shortcut = max(f.auroc.value for f in whole if f.attack.gated)
    above_chance = best.auroc.low > POINT
    return Gate(
        name="with the source: AUROC at least",
        value=best.auroc.value,
        limit=max(shortcut + ABOVE, POINT),
        passed=above_chance and best.auroc.value >= shortcut + ABOVE,
        detail=f"best is {best.attack.classifier} on {best.attack.input}, {best.attack.holdout}, interval "
        f"from {best.auroc.low:.3f}; best without the source {shortcut:.3f}"
        + ("" if above_chance else f"; its interval begins at or below {POINT}"),
    )


def select_for_diagnosis(findings: Sequence[Finding], quick: bool) -> list[Finding]:
    """The findings that break a gate. If words break it too, characters are left out: words are more readable."""
    broken = [f for f in findings if f.attack.gated and _breaks(f, quick)]
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
