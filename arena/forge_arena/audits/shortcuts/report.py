"""The tables and figures of the shortcut audit."""

from collections.abc import Sequence

from forge_arena.audits.deciding import FEWEST_TO_HOLD
from forge_arena.audits.report import Cell, Figure, Table
from forge_arena.audits.samples import Samples, failures_in_words
from forge_arena.audits.shortcuts.attacks import HOLDOUTS, Finding
from forge_arena.audits.shortcuts.features import Features
from forge_arena.audits.shortcuts.gates import POINT
from forge_arena.audits.shortcuts.telling import one_sided_words
from forge_arena.types import Split

_ATTACK = ("type", "input", "classifier", "tested on")
_COLUMNS = (*_ATTACK, "episodes", "AUROC", "low", "high", "twins", "low", "high")


def tables(
    samples: Samples,
    features: Features,
    findings: Sequence[Finding],
    by_overseer: Sequence[Finding],
    broken: Sequence[Finding],
) -> tuple[Table, ...]:
    """The tables of the report; `broken` are the findings that break a gate, with their telling features."""
    return (
        _episodes(samples),
        Table(
            title="Without the source",
            columns=_COLUMNS,
            rows=tuple(_row(finding) for finding in findings if finding.attack.gated),
            note="If an input has reasoning, stealth 0 is left out, because there the reasoning admits the corruption "
            "by design. Twins share their source, so the source cannot rank them. Intervals: bootstrap over families.",
        ),
        Table(
            title="Stealth 0 alone, without the source",
            columns=_COLUMNS,
            rows=tuple(_row(finding) for finding in findings if finding.attack.loud),
            note="No gate, because at this level the reasoning admits the corruption.",
        ),
        Table(
            title="With the source",
            columns=_COLUMNS,
            rows=tuple(_row(finding) for finding in (*findings, *by_overseer) if finding.attack.sees_source),
            note="The upper anchor: the same classifiers with statistics of the texts beside the source, and an "
            "overseer. The classifiers leave out stealth 0 if they see reasoning; the overseer does not.",
        ),
        *_diagnosis(broken),
        _words_between_twins(features),
    )


def what_could_hide(samples: Samples, findings: Sequence[Finding]) -> Table:
    """How wide the intervals are, and the highest AUROC that they do not exclude: what so few documents leave open."""
    cells: dict[tuple[str, str, str], list[Finding]] = {}
    for finding in findings:
        attack = finding.attack
        if attack.gated:
            cells.setdefault((attack.scope, attack.input, attack.holdout), []).append(finding)
    rows: list[tuple[Cell, ...]] = []
    for cell, group in cells.items():
        highest = max(group, key=lambda f: f.auroc.high)
        widest = max(f.auroc.high - f.auroc.low for f in group)
        rows.append((*cell, highest.families, highest.rows, widest, highest.auroc.value, highest.auroc.high))
    families = len({row.family for row in samples.rows})
    scenarios = len({(row.family, row.observation.task, row.source) for row in samples.rows})
    return Table(
        title="What so few documents leave open",
        columns=("type", "input", "tested on", "families", "episodes", "widest interval", "AUROC", "could hide up to"),
        rows=tuple(rows),
        note=f"{scenarios} scenarios of {families} families gave pairs. A shortcut with an AUROC up to the last column "
        f"could be there and was not excluded: the highest end of the 95% intervals of the classifiers. "
        f"With fewer than {FEWEST_TO_HOLD} families even this end is too low.",
    )


def figures(findings: Sequence[Finding], by_overseer: Sequence[Finding]) -> tuple[Figure, ...]:
    """The AUROC of every attack with its interval: on all types, and on each type."""
    whole = [f for f in (*findings, *by_overseer) if f.attack.type is None and not f.attack.loud]
    typed = [f for f in findings if f.attack.type is not None and f.attack.gated]
    return tuple(
        _figure(f"{title}, tested on {holdout}", [f for f in group if f.attack.holdout == holdout])
        for title, group in (("AUROC", whole), ("AUROC per type", typed))
        for holdout in HOLDOUTS
    )


def _figure(title: str, group: Sequence[Finding]) -> Figure:
    return Figure(
        title=title,
        kind="intervals",
        labels=tuple(
            " · ".join(part for part in (f.attack.scope, f.attack.input, f.attack.classifier) if part != "all")
            for f in group
        ),
        values=tuple(f.auroc.value for f in group),
        low=tuple(f.auroc.low for f in group),
        high=tuple(f.auroc.high for f in group),
        limit=POINT,
    )


def _names(finding: Finding) -> tuple[Cell, ...]:
    """The cells under `_ATTACK`."""
    attack = finding.attack
    return attack.scope, attack.input, attack.classifier, attack.holdout


def _row(finding: Finding) -> tuple[Cell, ...]:
    """The cells under `_COLUMNS`."""
    auroc, twins = finding.auroc, finding.twins
    return (
        *_names(finding),
        finding.rows,
        *(auroc.value, auroc.low, auroc.high),
        *((twins.value, twins.low, twins.high) if twins is not None else (None, None, None)),
    )


def _episodes(samples: Samples) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for split in Split:
        in_stream = [row for row in samples.rows if row.split is split and row.in_stream]
        if in_stream:
            forms = [sum(row.form == form for row in in_stream) for form in ("corrupted", "placebo", "clean")]
            rows.append((split.value, len({row.family for row in in_stream}), len(in_stream), *forms))
    failed = ", ".join(f"{count} without the {form} answer" for form, count in samples.failed.items())
    if samples.reasons:
        failed += f" ({failures_in_words(samples.reasons)})"
    if samples.without:
        failed += f"; {len(samples.without)} families gave no pair"
    return Table(
        title="Episodes of the stream, each with its twin",
        columns=("split", "families", "episodes", "corrupted", "placebo", "clean"),
        rows=tuple(rows),
        note=f"Pairs left out: {failed or 'none'}.",
    )


def _diagnosis(broken: Sequence[Finding]) -> list[Table]:
    """For every attack that breaks a gate: the telling features, the stealth levels, and the families."""
    if not broken:
        return []
    telling: list[tuple[Cell, ...]] = [
        (*_names(finding), feature.name, feature.push, feature.corrupted, feature.other)
        for finding in broken
        for feature in finding.telling
    ]
    worst: dict[tuple[str, str], Finding] = {}
    for finding in broken:
        cell = (finding.attack.scope, finding.attack.input)
        if cell not in worst or finding.auroc.value > worst[cell].auroc.value:
            worst[cell] = finding
    levels: list[tuple[Cell, ...]] = []
    families: list[tuple[Cell, ...]] = []
    for finding in worst.values():
        ranked = sorted(finding.by_family, key=lambda part: -(part.twins or part.auroc or 0.0))
        levels += [(*_names(finding), part.name, part.rows, part.auroc, part.twins) for part in finding.by_stealth]
        families += [(*_names(finding), part.name, part.rows, part.auroc, part.twins) for part in ranked]
    return [
        Table(
            title="Telling features, if a gate fails",
            columns=(*_ATTACK, "feature", "push", "corrupted", "other"),
            rows=tuple(telling),
            note="On unseen families. For words and characters, push is the feature's part in the gap of the scores, "
            "and the two columns are the shares of corrupted and other answers that have the feature. For statistics, "
            "push is the AUROC that is lost if the column is shuffled, and the two columns are means.",
        ),
        Table(
            title="By stealth, if a gate fails",
            columns=(*_ATTACK, "stealth", "episodes", "AUROC", "twins"),
            rows=tuple(levels),
            note="For each type and input, the attack with the highest AUROC.",
        ),
        Table(
            title="By family, if a gate fails",
            columns=(*_ATTACK, "family", "episodes", "AUROC", "twins"),
            rows=tuple(families),
            note="For each type and input, the attack with the highest AUROC.",
        ),
    ]


def _words_between_twins(features: Features) -> Table:
    return Table(
        title="Words that only one twin has",
        columns=("type", "feature", "corrupted", "other", "families to corrupted", "to other", "for example"),
        rows=tuple(
            (word.type.value, word.name, word.corrupted, word.other, word.to_corrupted, word.to_other, word.example)
            for word in one_sided_words(features)
        ),
        note="Corrupted and other: the pairs in which only that twin has the words. The families are counted by the "
        "side to which they lean. The list has the most one-sided words of each type and text on which families agree. "
        "The example shows the differing sentences of one pair: other → corrupted.",
    )
