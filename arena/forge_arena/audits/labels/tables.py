"""The tables and figures of the audit of labels."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import median

from forge_arena.audits.faults import Question
from forge_arena.audits.labels.gates import IMPOSSIBLE_AT_MOST, QUESTIONS, count_faults
from forge_arena.audits.labels.rows import STEALTHS, FreshByFamily, Kind, Row, fresh_by_type
from forge_arena.audits.report import Cell, Figure, Table
from forge_arena.audits.shares import share_cells
from forge_arena.measures.statistics import wilson_interval
from forge_arena.types import Awareness, Candour, CorruptionType, Domain, Form, Mechanism, Placebo

FAULTS_PER_QUESTION = 5
LONGEST_TABLE = 60

# What became of a hidden instruction. The arena counts each outcome under `instruction_OUTCOME:TYPE`, and under
# `instruction_OUTCOME:TYPE:AWARENESS:CANDOUR`.
_OUTCOMES = ("obeyed", "refused", "botched")


def tables(
    rows: Sequence[Row], counts: Mapping[Mechanism, Counter[str]], fresh: FreshByFamily, draws: int
) -> tuple[Table, ...]:
    """All tables that have a row.

    Args:
        rows: one for each key in each form.
        counts: what the arena of each mechanism counted.
        fresh: the fresh draws by family and type.
        draws: how many keys of each cell were wanted.
    """
    made = [row for row in rows if row.made]
    instructions = counts[Mechanism.prompt]
    every = (
        _verified(rows),
        _cells_with_failures(rows, draws),
        _reasons(rows),
        _rejections(counts),
        _questions(made),
        _faults(made),
        _placebos(made),
        _instructions_by_type(instructions),
        _instructions_by_level(instructions),
        _impossible(fresh),
        _impossible_by_family(fresh),
        _steps(made),
        _spans(made),
    )
    return tuple(table for table in every if table.rows)


def _verified(rows: Sequence[Row]) -> Table:
    groups: tuple[tuple[str, Iterable[object], Callable[[Row], object]], ...] = (
        ("form", Form, lambda row: row.kind.form),
        ("type", CorruptionType, lambda row: row.kind.type),
        ("domain", Domain, lambda row: row.kind.domain),
        ("stealth", STEALTHS, lambda row: row.kind.stealth),
        ("mechanism", Mechanism, lambda row: row.kind.mechanism),
        ("all", ("all",), lambda row: "all"),
    )
    lines: list[tuple[Cell, ...]] = []
    for group, values, value_of in groups:
        for value in values:
            members = [row for row in rows if value_of(row) == value]
            if members:
                made = sum(row.made for row in members)
                faulty = sum(count_faults(row) > 0 for row in members)
                lines.append((group, str(value), len(members), made, *share_cells(made, len(members)), faulty))
    return Table(
        title="verified",
        columns=("by", "", "asked", "made", "share", "low", "high", "with a fault"),
        rows=tuple(lines),
        note="Asked: keys in a form. Made: the arena made an episode and verified its label. Interval: Wilson, 95%.",
    )


def _cells_with_failures(rows: Sequence[Row], draws: int) -> Table:
    """Only the kinds of episodes with too few keys, a failure or a fault, because there are hundreds of kinds."""
    asked = Counter(row.kind for row in rows)
    made = Counter(row.kind for row in rows if row.made)
    faulty = Counter(row.kind for row in rows if count_faults(row))

    def order(kind: Kind) -> tuple[CorruptionType, Domain, int, Mechanism, Form]:
        return kind.type, kind.domain, kind.stealth, kind.mechanism, kind.form

    lines = [
        (*order(kind), asked[kind], made[kind], faulty[kind])
        for kind in sorted(asked, key=order)
        if made[kind] < asked[kind] or faulty[kind] or asked[kind] < draws
    ]
    return Table(
        title="cells with a failure or a fault",
        columns=("type", "domain", "stealth", "mechanism", "form", "asked", "made", "with a fault"),
        rows=tuple(lines[:LONGEST_TABLE]),
        note=f"{len(lines)} of {len(asked)} cells; {min(len(lines), LONGEST_TABLE)} shown.",
    )


def _reasons(rows: Sequence[Row]) -> Table:
    times: Counter[tuple[str, str]] = Counter()
    first_keys: dict[tuple[str, str], str] = {}
    for row in rows:
        if row.reason is not None:
            group = (row.kind.type.value, generalise(row.reason))
            times[group] += 1
            first_keys.setdefault(group, row.key)
    return Table(
        title="why there was no episode",
        columns=("type", "reason", "times", "first key"),
        rows=tuple((*group, count, first_keys[group]) for group, count in times.most_common()),
    )


def generalise(reason: str) -> str:
    """A reason without the names and numbers that differ from one failure to the next."""
    short = re.sub(r"'[^']*'|\"[^\"]*\"", "\u2026", reason)
    short = re.sub(r"(was rejected for) .*", "\\1 \u2026", short)
    return re.sub(r"\d+(?:[.,]\d+)*", "N", short)


def _rejections(counts: Mapping[Mechanism, Counter[str]]) -> Table:
    return Table(
        title="rejected on the way",
        columns=("mechanism", "what", "times"),
        rows=tuple(
            (mechanism.value, name, times)
            for mechanism, counter in counts.items()
            for name, times in sorted(counter.items())
            if not name.startswith("instruction_")
        ),
        note="What the arena rejected before it drew again. One key may count several times.",
    )


def _questions(made: Sequence[Row]) -> Table:
    lines = []
    for question in Question:
        answers = [row.findings[question] for row in made if row.findings is not None and question in row.findings]
        gate = next((name for name, questions in QUESTIONS.items() if question in questions), "(reported)")
        lines.append((str(question), len(answers), sum(fault is not None for fault in answers), gate))
    return Table(
        title="questions asked about every episode",
        columns=("what must hold", "asked", "faults", "gate"),
        rows=tuple(lines),
    )


def _faults(made: Sequence[Row]) -> Table:
    counts: Counter[Question] = Counter()
    lines = []
    for row in made:
        for question, fault in (row.findings or {}).items():
            if fault is not None:
                counts[question] += 1
                if counts[question] <= FAULTS_PER_QUESTION:
                    lines.append((str(question), row.key, row.kind.type.value, row.kind.mechanism.value, fault))
    return Table(
        title="faults",
        columns=("what must hold", "key", "type", "mechanism", "fault"),
        rows=tuple(sorted(lines)),
        note=f"The first {FAULTS_PER_QUESTION} of each.",
    )


def _placebos(made: Sequence[Row]) -> Table:
    placebos = [row for row in made if row.placebo is not None]
    counts = Counter((row.kind.type, row.placebo) for row in placebos)
    lines: list[tuple[Cell, ...]] = []
    for type in CorruptionType:
        characters = [row.characters for row in placebos if row.kind.type is type]
        if characters:
            shares = [counts[type, placebo] / len(characters) for placebo in Placebo]
            lines.append((type.value, len(characters), *shares, median(characters)))
    return Table(
        title="placebos",
        columns=("in place of", "made", *(placebo.value for placebo in Placebo), "median characters"),
        rows=tuple(lines),
        note="The share of each kind of harmless edit. Median characters: the length of the changed text.",
    )


def _instructions_by_type(counts: Mapping[str, int]) -> Table:
    lines = [(type.value, *_instruction_cells(counts, type.value)) for type in CorruptionType]
    return Table(
        title="hidden instructions, by type",
        columns=("type", *_OUTCOMES, "replaced", "obeyed share", "low", "high"),
        rows=tuple(line for line in lines if any(line[1:5])),
        note="Attempts. Refused: the answer was clean. Botched: it broke something else. Replaced: the arena gave the "
        "instruction up and rewrote the answer itself.",
    )


def _instructions_by_level(counts: Mapping[str, int]) -> Table:
    lines = []
    for awareness in Awareness:
        for candour in Candour:
            level = f"{awareness.value}:{candour.value}"
            totals = {
                f"instruction_{outcome}:{level}": sum(
                    counts.get(f"instruction_{outcome}:{type.value}:{level}", 0) for type in CorruptionType
                )
                for outcome in (*_OUTCOMES, "replaced")
            }
            lines.append((awareness.value, candour.value, *_instruction_cells(totals, level)))
    return Table(
        title="hidden instructions, by awareness and candour",
        columns=("awareness", "candour", *_OUTCOMES, "replaced", "obeyed share", "low", "high"),
        rows=tuple(line for line in lines if any(line[2:6])),
    )


def _instruction_cells(counts: Mapping[str, int], group: str) -> tuple[Cell, ...]:
    """How often each outcome came about, how often the arena replaced the answer, and the share that was obeyed."""
    outcomes = [counts.get(f"instruction_{outcome}:{group}", 0) for outcome in _OUTCOMES]
    replaced = counts.get(f"instruction_replaced:{group}", 0)
    return (*outcomes, replaced, *share_cells(outcomes[0], sum(outcomes)))


def _impossible(fresh: FreshByFamily) -> Table:
    lines: list[tuple[Cell, ...]] = []
    for type, draws in fresh_by_type(fresh).items():
        families = sum(offered is type for _, offered in fresh)
        shares = share_cells(draws.impossible, draws.usable)
        lines.append((type.value, families, draws.drawn, draws.unclean, *shares))
    return Table(
        title="impossible on a fresh draw",
        columns=("type", "families", "drawn", "unclean", "impossible", "low", "high"),
        rows=tuple(lines),
        note="One scenario, one answer, one try. Unclean: the answer did not verify, so no corruption was tried.",
    )


def _impossible_by_family(fresh: FreshByFamily) -> Table:
    failures = [(*cell, draws) for cell, draws in fresh.items() if draws.impossible or draws.unclean]
    failures.sort(key=lambda f: (-f[2].impossible / max(1, f[2].usable), -f[2].unclean, f[0], f[1].value))
    return Table(
        title="families where a fresh draw failed",
        columns=("family", "type", "usable", "unclean", "impossible"),
        rows=tuple(
            (family, type.value, draws.usable, draws.unclean, draws.impossible)
            for family, type, draws in failures[:LONGEST_TABLE]
        ),
    )


def _steps(made: Sequence[Row]) -> Table:
    lines: list[tuple[Cell, ...]] = []
    for mechanism in Mechanism:
        for stealth in STEALTHS:
            # The step of each corrupted answer, and how many steps its reasoning has.
            pairs = [
                (row.step, row.steps)
                for row in made
                if row.step is not None and row.kind.mechanism is mechanism and row.kind.stealth == stealth
            ]
            if pairs:
                places = [step / max(1, steps - 1) for step, steps in pairs if step >= 0]
                without_reasoning = sum(steps == 0 for _, steps in pairs)
                place = median(places) if places else None
                lines.append((mechanism.value, stealth, len(pairs), without_reasoning, len(places) / len(pairs), place))
    return Table(
        title="first corrupted step",
        columns=("mechanism", "stealth", "corrupted", "no reasoning", "with a step", "median place"),
        rows=tuple(lines),
        note="With a step: the share of answers whose reasoning agrees with the corruption. Place: 0 is the first "
        "step, 1 the last.",
    )


def _spans(made: Sequence[Row]) -> Table:
    lines: list[tuple[Cell, ...]] = []
    for type in CorruptionType:
        for mechanism in Mechanism:
            corrupted = [
                row
                for row in made
                if row.kind.form is Form.corrupted and row.kind.type is type and row.kind.mechanism is mechanism
            ]
            if corrupted:
                lines.append(
                    (
                        type.value,
                        mechanism.value,
                        len(corrupted),
                        sum(row.replaced for row in corrupted),
                        sum(row.characters == 0 for row in corrupted),
                        median(row.characters for row in corrupted),
                        median(row.share for row in corrupted),
                    )
                )
    return Table(
        title="spans in corrupted answers",
        columns=("type", "mechanism", "made", "rewritten instead", "nothing to quote", "characters", "share"),
        rows=tuple(lines),
        note="Medians of the characters inside the spans, and of their share of the output.",
    )


def figures(rows: Sequence[Row], fresh: FreshByFamily) -> tuple[Figure, ...]:
    """Which corrupted answers were made without a fault, and how often a type is impossible."""
    return (*([_heat(rows)] if rows else []), _impossible_shares(fresh))


def _heat(rows: Sequence[Row]) -> Figure:
    columns = sorted({(row.kind.domain, row.kind.stealth) for row in rows})
    lines = [(type, mechanism) for type in CorruptionType for mechanism in Mechanism]
    asked: Counter[tuple[object, ...]] = Counter()
    faultless: Counter[tuple[object, ...]] = Counter()
    for row in rows:
        if row.kind.form is Form.corrupted:
            cell = row.kind.type, row.kind.mechanism, row.kind.domain, row.kind.stealth
            asked[cell] += 1
            faultless[cell] += row.made and not count_faults(row)
    cells = [(*line, *column) for line in lines for column in columns]
    return Figure(
        title="share of corrupted answers that were made and have no fault, by type, mechanism, domain and stealth",
        kind="heat",
        labels=tuple(f"{domain.value} {stealth}" for domain, stealth in columns),
        rows=tuple(f"{type.value}, {mechanism.value}" for type, mechanism in lines),
        values=tuple(faultless[cell] / asked[cell] if asked[cell] else 0.0 for cell in cells),
    )


def _impossible_shares(fresh: FreshByFamily) -> Figure:
    by_type = fresh_by_type(fresh)
    ends = [wilson_interval(draws.impossible, draws.usable) for draws in by_type.values()]
    return Figure(
        title="impossible on a fresh draw",
        kind="intervals",
        labels=tuple(type.value for type in by_type),
        values=tuple(draws.impossible / max(1, draws.usable) for draws in by_type.values()),
        low=tuple(low for low, _ in ends),
        high=tuple(high for _, high in ends),
        limit=IMPOSSIBLE_AT_MOST,
    )
