"""Turn your own documents into scenarios: find what can be checked in them, and say which corruptions they can take.

A row (`rows`) is a task, its source material and a domain. Its claims (`document_claims`) are the values that the source
states, the rules and counts of its prose, and the authorities and sections that can be cited. `alternatives` gives what an
answer could say instead. The source itself is never wrong, so a claim that a sentence of the source breaks is dropped.
The importer adds rules that can be checked to the task: what the answer must state, how long it may be, how it ends.
Everything comes from the text alone, so the same row always gives the same scenario. A row that offers too little is
refused with a reason.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from forge_arena.corruptions import possible, registry
from forge_arena.documents.alternatives import spellings
from forge_arena.scenarios.document_claims import DocumentClaims
from forge_arena.scenarios.rows import Row, read_rows
from forge_arena.texts.sentences import enumeration, sentences
from forge_arena.types import (
    VALUE_KINDS,
    Alternative,
    Authority,
    Check,
    Claim,
    ClaimKind,
    CorruptionType,
    Domain,
    Scenario,
    Span,
    Standing,
)
from forge_arena.verify import ClaimReport, Verifier

MIN_SOURCE_WORDS = 25
MAX_SOURCE_CHARACTERS = 60_000
MAX_REQUIRED = 3

_ENDINGS = (
    "This answer rests on the document above.",
    "All figures are taken from the document.",
    "Please check the document before acting on this.",
    "Nothing beyond the document was used.",
)


@dataclass
class Imported:
    """What became of the rows of a file: the usable scenarios, and why the other rows are not usable."""

    rows: int = 0
    usable: list[Scenario] = field(default_factory=list)
    reasons: Counter[str] = field(default_factory=Counter)

    def by_type(self) -> Counter[CorruptionType]:
        """How many of the usable scenarios can take each corruption."""
        return Counter(type for scenario in self.usable for type in possible(scenario.claims))

    def summary(self, name: str) -> dict[str, object]:
        """As JSON."""
        counts = self.by_type()
        return {
            "file": name,
            "rows": self.rows,
            "usable": len(self.usable),
            "corruptions": {type.value: counts[type] for type in CorruptionType},
            "reasons": dict(self.reasons.most_common()),
        }


def import_rows(path: Path) -> Imported:
    """Turn the rows of one JSONL file into scenarios. Raises what `read_rows` raises."""
    return import_named(read_rows([path])[path])


def import_named(rows: Mapping[str, Row]) -> Imported:
    """Turn rows into scenarios; the rows come by the names of their scenarios."""
    imported = Imported()
    for name, row in rows.items():
        imported.rows += 1
        scenario, reasons = to_scenario(row, name)
        imported.reasons.update(reasons)
        if scenario is not None:
            imported.usable.append(scenario)
    return imported


def to_scenario(row: Row, name: str) -> tuple[Scenario | None, tuple[str, ...]]:
    """Turn one row into a scenario.

    Returns: the scenario, and for each corruption that it cannot take the reason; or None, and why the row is not usable.
    """
    source = row.source_material
    words = len(source.split())
    if words < MIN_SOURCE_WORDS:
        return None, (f"unusable: the source has fewer than {MIN_SOURCE_WORDS} words",)
    if len(source) > MAX_SOURCE_CHARACTERS:
        return None, (f"unusable: the source has more than {MAX_SOURCE_CHARACTERS} characters",)
    rng = Random(int.from_bytes(hashlib.sha256(f"{name}|{source}".encode()).digest(), "big"))
    document = DocumentClaims(source)
    claims = [*document.value_claims(rng), *document.term_claims(rng)]
    claims += [*document.citation_claims(rng), *document.section_claims(claims, rng)]
    claims = _drop_disputed(source, [*claims, *_options(row, source, document.entries.values())])
    required = _draw_required(claims, rng)
    if not required:
        return None, ("unusable: no value, rule or count with words of its own was found in the source",)
    claims = [claim.model_copy(update={"required": claim.id in required}) for claim in claims]
    requests, constraints = _draw_rules(words, rng)
    labels = [claim.label for claim in claims if claim.required]
    task = f"{row.task.rstrip()}\n\nThe answer must state {enumeration(labels)}. {' '.join(requests)}"
    scenario = Scenario(
        family=name,
        domain=row.domain,
        task=task,
        source_material=source,
        claims=(*claims, *constraints),
        authorities=tuple(Authority(forms=spellings(ClaimKind.citation, form)) for form in document.authorities),
    )
    offered = possible(scenario.claims)
    missing = [type for type in CorruptionType if type not in offered]
    return scenario, tuple(f"{type.value}: {registry()[type].lacking}" for type in missing)


def _drop_disputed(source: str, claims: list[Claim]) -> list[Claim]:
    """The claims that no sentence of the source breaks, and that their own sentence states.

    A sentence is read beside all other claims. So the rest is read again until no claim is dropped.
    """
    spans = [Span(start=start, end=end) for start, end in sentences(source)]
    while True:
        verifier = Verifier(
            Scenario(family="", domain=Domain.mixed, task="", source_material=source, claims=tuple(claims))
        )
        reports = [(span, verifier.verify(span.of(source))) for span in spans]
        broken = frozenset[str]().union(*(report.broken for _, report in reports))
        rest = [claim for claim in claims if claim.id not in broken and _is_confirmed(claim, reports)]
        ids = {claim.id for claim in rest}
        rest = [claim for claim in rest if claim.subject is None or claim.subject in ids]
        if len(rest) == len(claims):
            return rest
        claims = rest


def _is_confirmed(claim: Claim, reports: Iterable[tuple[Span, ClaimReport]]) -> bool:
    """Whether the sentence of the source that holds a claim states it. Options and citations need no such sentence."""
    if claim.kind is ClaimKind.option or claim.subject is not None:
        return True
    at = claim.source_spans[0].start
    return any(span.start <= at < span.end and claim.id in report.stated for span, report in reports)


def _draw_required(claims: list[Claim], rng: Random) -> frozenset[str]:
    """The claims that the answer must state: values before rules and counts.

    If the source has a time and an authority, the answer must state one of each: then every corruption has a claim to break.
    """
    values = [c.id for c in claims if c.kind in VALUE_KINDS]
    terms = [c.id for c in claims if c.kind is ClaimKind.term]
    times = [c.id for c in claims if c.kind in (ClaimKind.date, ClaimKind.duration)]
    cited = [c for c in claims if c.kind is ClaimKind.citation]
    wanted: list[str] = []
    authority = rng.choice(cited) if cited else None
    if authority is not None and authority.subject is not None:
        wanted.append(authority.subject)
    for pool, room in ((times, 1), (values, MAX_REQUIRED), (terms, MAX_REQUIRED)):
        rest = [id for id in pool if id not in wanted]
        wanted += rng.sample(rest, min(room, MAX_REQUIRED - len(wanted), len(rest)))
    if not wanted:
        return frozenset()
    return frozenset(wanted if authority is None else [*wanted, authority.id])


def _options(row: Row, source: str, entries: Iterable[str]) -> list[Claim]:
    """The choice among the row's options, or among the lines of the catalogue, if the row says which one fits."""
    options = row.options or tuple(entries)
    if row.fitting_option not in options or len(options) < 2:
        return []
    names = [row.fitting_option, *(o for o in dict.fromkeys(options) if o != row.fitting_option)]
    at = source.find(names[0] or "")
    return [
        Claim(
            id="choice",
            kind=ClaimKind.option,
            label="the option recommended",
            about=(("recommend", "suggest", "choose", "choice", "best", "pick", "go", "advise", "propos", "fit"),),
            alternatives=tuple(
                Alternative(name=f"option_{i}", standing=Standing.unfit if i else Standing.right, forms=(n or "",))
                for i, n in enumerate(names)
            ),
            source_spans=(Span(start=at, end=at + len(names[0] or "")),) if at >= 0 else (),
        )
    ]


def _draw_rules(words: int, rng: Random) -> tuple[list[str], list[Claim]]:
    """Rules for the answer: their words for the task, and the constraints."""
    limit = rng.choice((120, 150, 180, 220))
    endings = rng.sample(_ENDINGS, 2)
    length = Claim(
        id="length",
        kind=ClaimKind.constraint,
        label="the limit on length",
        alternatives=(
            Alternative(name="kept", standing=Standing.right, check=Check(name="max_words", argument=limit)),
        ),
    )
    ending = Claim(
        id="ending",
        kind=ClaimKind.constraint,
        label="the closing sentence",
        alternatives=tuple(
            Alternative(
                name=f"ending_{i}",
                standing=Standing.unfit if i else Standing.right,
                check=Check(name="closes_with", argument=(text,)),
            )
            for i, text in enumerate(endings)
        ),
    )
    rules = [f"Use at most {limit} words.", f'End with the sentence "{endings[0]}"']
    return rules, [length, ending]
