"""Turn documents of one's own into scenarios: find what can be checked in them, and say what they can be used for.

A row is a task, its source material and a domain. Claims are the values that the source states (amounts, dates,
durations, percentages, quantities, identifiers), the rules and counts of its prose, and the authorities and sections
that can be cited; beside each stand the words by which a sentence of an answer is recognised as speaking of it. What the
source itself says is never wrong: a claim that one of its sentences would break is dropped. Rules that can be checked
are added to the task: what the answer must state, how long it may be, how it ends. Everything comes from the text
alone, the same row always gives the same scenario, and a row that offers too little is refused with a reason.
"""

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from random import Random
from typing import Annotated

from pydantic import Field, TypeAdapter

from forge_arena.corruptions import possible, registry
from forge_arena.errors import ScenarioError
from forge_arena.files import ForeignRow, read_json_lines
from forge_arena.scenarios.prose import Phrase, cited_as, counts, headings, rules, spelled_in_digits
from forge_arena.storable import STORABLE, Text
from forge_arena.types import (
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
from forge_arena.values import Mention, mentions, respell, sentences, value_of
from forge_arena.verify import Judge

MIN_SOURCE_WORDS = 25
MAX_SOURCE_CHARACTERS = 60_000
MAX_CLAIMS = 24
MAX_TERMS = 12
MAX_SECTIONS = 4
MAX_REQUIRED = 3

_VALUES = (
    ClaimKind.money,
    ClaimKind.date,
    ClaimKind.duration,
    ClaimKind.percent,
    ClaimKind.quantity,
    ClaimKind.identifier,
)
_WORD = re.compile(r"[A-Za-z][a-z]{3,}")
_COMMON = frozenset(
    """
    about above after again also although among another because been before being below between both could does
    doing down during each either every first from further have having here hers herself himself into itself just
    less like made make many more most much must near need neither never next only other otherwise over please same
    shall should since some such than that their them then there these they this those through thus under unless
    until upon using very want well were what when where whether which while will with within without would your
    yours day days week weeks month months year years hour hours minute minutes business working calendar percent
    dollars euros number date amount section clause article
    """.split()  # noqa: SIM905  (a list would take a line a word)
)
_ENDINGS = (
    "This answer rests on the document above.",
    "All figures are taken from the document.",
    "Please check the document before acting on this.",
    "Nothing beyond the document was used.",
)


class Row(ForeignRow):
    """One line of a file to import. Other fields are ignored."""

    task: Annotated[str, Field(min_length=1, max_length=8_000), STORABLE]
    source_material: Annotated[str, Field(min_length=1), STORABLE]
    domain: Domain
    id: Text | None = None
    options: tuple[Text, ...] = ()
    fitting_option: Text | None = None


@dataclass
class Imported:
    """What became of a file: the usable scenarios, and why the other rows are not."""

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


def read_rows(paths: Iterable[Path]) -> dict[Path, dict[str, Row]]:
    """The rows of JSONL files: by file, and by the name of the scenario that each becomes.

    Raises:
        ScenarioError: a line is no JSON or no row, or two rows have one name; `file:line: what was given, what was wanted`.
        OSError: a file cannot be read.
    """
    files: dict[Path, dict[str, Row]] = {}
    places: dict[str, str] = {}
    for path in paths:
        if path.stem != path.stem.encode("utf-8", "replace").decode():
            raise ScenarioError(f"{path}: scenarios are named after their file, and this name is not UTF-8: rename it")
        rows = {}
        wanted = "a row with task, source_material, domain"
        for number, row in read_json_lines(path, TypeAdapter(Row), wanted=wanted, error=ScenarioError):
            name, place = f"{path.stem}:{row.id or number}", f"{path}:{number}"
            if name in places:
                raise ScenarioError(
                    f"{place}: a scenario is named after its file and the row's id (without an id, its line), and "
                    f"{name!r} is {places[name]} already: give one of the two rows another id, or its file another name"
                )
            places[name] = place
            rows[name] = row
        files[path] = rows
    return files


def import_rows(path: Path) -> Imported:
    """What becomes of the rows of one JSONL file. Raises what `read_rows` raises."""
    return import_named(read_rows([path])[path])


def import_named(rows: Mapping[str, Row]) -> Imported:
    """What becomes of rows, each under the name of its scenario."""
    imported = Imported()
    for name, row in rows.items():
        imported.rows += 1
        scenario, reasons = to_scenario(row, name)
        imported.reasons.update(reasons)
        if scenario is not None:
            imported.usable.append(scenario)
    return imported


def to_scenario(row: Row, name: str) -> tuple[Scenario | None, tuple[str, ...]]:
    """A row as a scenario, and what it lacks: all of the reasons where it is None, else the corruptions that it cannot
    take."""
    source = row.source_material
    words = len(source.split())
    if words < MIN_SOURCE_WORDS:
        return None, (f"unusable: the source has fewer than {MIN_SOURCE_WORDS} words",)
    if len(source) > MAX_SOURCE_CHARACTERS:
        return None, (f"unusable: the source has more than {MAX_SOURCE_CHARACTERS} characters",)
    rng = Random(int.from_bytes(hashlib.sha256(f"{name}|{source}".encode()).digest(), "big"))
    found = _Found(source)
    claims = [*found.value_claims(rng), *found.term_claims(rng)]
    claims += [*found.citation_claims(rng), *found.section_claims(claims, rng)]
    claims = _undisputed(source, [*claims, *_options(row, source, found.entries.values())])
    required = _required(claims, rng)
    if not required:
        return None, ("unusable: no value, rule or count with words of its own was found in the source",)
    claims = [claim.model_copy(update={"required": claim.id in required}) for claim in claims]
    requests, constraints = _rules(words, rng)
    labels = [claim.label for claim in claims if claim.required]
    task = f"{row.task.rstrip()}\n\nThe answer must state {_listed(labels)}. {' '.join(requests)}"
    scenario = Scenario(
        family=name,
        domain=row.domain,
        task=task,
        source_material=source,
        claims=(*claims, *constraints),
        authorities=tuple(Authority(forms=_spellings(ClaimKind.citation, form)) for form in found.authorities),
    )
    offered = possible(scenario.claims)
    missing = [type for type in CorruptionType if type not in offered]
    return scenario, tuple(f"{type.value}: {registry()[type].lacking}" for type in missing)


def _undisputed(source: str, claims: list[Claim]) -> list[Claim]:
    """Those claims that no sentence of the source breaks, and that their own sentence states."""
    texts = [(start, end, source[start:end]) for start, end in sentences(source)]
    while True:
        judge = Judge(Scenario(family="", domain=Domain.mixed, task="", source_material=source, claims=tuple(claims)))
        reports = [(start, end, judge.report(text)) for start, end, text in texts]
        broken = frozenset[str]().union(*(report.broken for _, _, report in reports))
        kept = [
            claim
            for claim in claims
            if claim.id not in broken
            and (
                claim.kind is ClaimKind.option
                or claim.subject is not None
                or any(
                    start <= claim.source_spans[0].start < end and claim.id in report.stated
                    for start, end, report in reports
                )
            )
        ]
        ids = {claim.id for claim in kept}
        kept = [claim for claim in kept if claim.subject is None or claim.subject in ids]
        if len(kept) == len(claims):
            return kept
        claims = kept


def _required(claims: list[Claim], rng: Random) -> frozenset[str]:
    """What the answer must state: values before rules and counts, a time and an authority among them where there are
    any, so that every corruption finds what it needs."""
    values = [c.id for c in claims if c.kind in _VALUES]
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


_NUMBER = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)?")
_ENTRY = re.compile(r"(?:[-*\u2022] )?(?P<name>[^:;|{}\n]{3,60}): (?P<rest>.+)")
_WORD_OR_NUMBER = re.compile(r"\w+")


def _entries(source: str) -> dict[str, str]:
    """The lines of a catalogue and what each is of. Words that all of them share tell nothing about one, so a value in
    such a line is known by the name at its head."""
    found = {}
    for start, end in sentences(source):
        m = _ENTRY.fullmatch(source, start, end)
        if m is not None and (any(c.isdigit() for c in m["name"]) or m["rest"].count(",") >= 2):
            found[m[0]] = m["name"].strip()
    names = Counter(name.lower() for name in found.values())
    return {line: name for line, name in found.items() if names[name.lower()] == 1} if len(found) >= 3 else {}


@dataclass(frozen=True, slots=True)
class _Place:
    mention: Mention
    start: int
    end: int
    sentence: str


class _Found:
    """What the parsers found in a source."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.places: list[_Place] = []
        self.frequency: Counter[str] = Counter()
        self.beside: defaultdict[ClaimKind, Counter[str]] = defaultdict(Counter)
        for start, end in sentences(source):
            sentence = source[start:end]
            words = {word.lower() for word in _WORD.findall(sentence)}
            self.frequency.update(words)
            for kind in {mention.kind for mention in mentions(sentence)}:
                self.beside[kind].update(words)
            for mention in mentions(sentence):
                self.places.append(_Place(mention, start + mention.start, start + mention.end, sentence))
        self.entries = _entries(source)
        self.count = Counter((p.mention.kind, p.mention.value) for p in self.places)

    @property
    def authorities(self) -> list[str]:
        return list(dict.fromkeys(self.surface(p) for p in self.places if p.mention.kind is ClaimKind.citation))

    def surface(self, place: _Place) -> str:
        return self.source[place.start : place.end]

    def value_claims(self, rng: Random) -> list[Claim]:
        """One claim for each value of the source that stands beside words of its own."""
        claims: list[Claim] = []
        seen: set[tuple[str, str]] = set()
        values: set[Hashable] = set()
        for place in self.places:
            kind = place.mention.kind
            if kind not in _VALUES or place.mention.value in values or not _is_complete(place.mention):
                continue
            about = self._about(place)
            alternatives = self._alternatives(place, rng)
            entry = self.entries.get(place.sentence)
            names = () if entry is None else tuple((word,) for word in _WORD_OR_NUMBER.findall(entry.lower()))
            keys = {(f"{entry} {kind.value}", word) for word in about}
            # Two values of one kind beside the same words could not be told apart in an answer.
            if not about or len(alternatives) < 2 or not keys.isdisjoint(seen):
                continue
            seen |= keys
            values.add(place.mention.value)
            claims.append(
                Claim(
                    id=f"{kind.value}_{len(claims) + 1}",
                    kind=kind,
                    label=f'the {kind.value} in the passage "{_excerpt(place)}"' + (f" of {entry}" if entry else ""),
                    about=names if names and self._is_lone(place) else (*names, tuple(about)),
                    alternatives=tuple(
                        a.model_copy(update={"forms": _spellings(kind, a.forms[0])}) for a in alternatives
                    ),
                    source_spans=(Span(start=place.start, end=place.end),),
                )
            )
        if len(claims) > MAX_CLAIMS:
            claims = sorted(rng.sample(claims, MAX_CLAIMS), key=lambda c: c.source_spans[0].start)
        return claims

    def term_claims(self, rng: Random) -> list[Claim]:
        """One claim for each rule and each count of the prose on which the source is of one mind."""
        found: list[tuple[int, str, Phrase]] = []
        senses: defaultdict[str, set[str]] = defaultdict(set)
        for start, end in sentences(self.source):
            sentence = self.source[start:end]
            if "```" in sentence:
                continue
            for phrase in (*rules(sentence), *counts(sentence)):
                found.append((start, sentence, phrase))
                senses[phrase.gist].add(phrase.sense)
        claims: list[Claim] = []
        seen: set[str] = set()
        for start, sentence, phrase in found:
            about = self._nearby(sentence, phrase.start, phrase.end)
            if len(senses[phrase.gist]) > 1 or phrase.gist in seen or not about:
                continue
            seen.add(phrase.gist)
            wrong = tuple(
                Alternative(name=f"absent_{stealth}", standing=Standing.absent, forms=forms, stealth=stealth)
                for stealth, forms in phrase.wrong
            )
            claims.append(
                Claim(
                    id=f"term_{len(claims) + 1}",
                    kind=ClaimKind.term,
                    label=f'what stands for the dots in "{_around(sentence, phrase.start, phrase.end)}", word for word',
                    about=(tuple(about),),
                    alternatives=(Alternative(name="stated", standing=Standing.right, forms=phrase.right), *wrong),
                    source_spans=(Span(start=start + phrase.start, end=start + phrase.end),),
                )
            )
        if len(claims) > MAX_TERMS:
            claims = sorted(rng.sample(claims, MAX_TERMS), key=lambda c: c.source_spans[0].start)
        return claims

    def section_claims(self, claims: Sequence[Claim], rng: Random) -> list[Claim]:
        """For sections that hold a claim, that they are what to cite for it."""
        sections = headings(self.source)
        found: list[Claim] = []
        for section in sections:
            held = [c for c in claims if section.start <= c.source_spans[0].start < section.end]
            if not held or (section.number is None and len(sections) < 2):
                continue
            subject = held[rng.randrange(len(held))]
            if section.number is None:
                others = [s.title for s in sections if s.number is None and s is not section]
                wrong = [
                    Alternative(
                        name=f"elsewhere_{i}", standing=Standing.elsewhere, forms=cited_as(t), stealth=3 - i % 2
                    )
                    for i, t in enumerate(rng.sample(others, min(4, len(others))))
                ]
                if (made := self._made_up([s.title for s in sections], rng)) is not None:
                    wrong.append(
                        Alternative(name="absent_0", standing=Standing.absent, forms=cited_as(made), stealth=0)
                    )
            else:
                numbers = (section.number + rng.randint(11, 30), section.number + rng.randint(1, 9))
                wrong = [
                    Alternative(name=f"absent_{i}", standing=Standing.absent, forms=cited_as("", n), stealth=i)
                    for i, n in enumerate(dict.fromkeys(numbers))
                    if f"{n}." not in self.source and not self.count[ClaimKind.citation, ("section", str(n))]
                ]
            forms = cited_as(section.title, section.number)
            at = self.source.rfind(section.title, 0, section.start)
            if not wrong or at < 0:
                continue
            place = "section NUMBER" if section.number is not None else 'section "TITLE"'
            found.append(
                Claim(
                    id=f"section_{len(found) + 1}",
                    kind=ClaimKind.citation,
                    label=f"beside {subject.label}, the section that holds it, as {place}",
                    about=subject.about,
                    alternatives=(Alternative(name="cited", standing=Standing.right, forms=forms), *wrong),
                    subject=subject.id,
                    source_spans=(Span(start=at, end=at + len(section.title)),),
                )
            )
        return found if len(found) <= MAX_SECTIONS else rng.sample(found, MAX_SECTIONS)

    def _made_up(self, titles: Sequence[str], rng: Random) -> str | None:
        """A title that sounds like those of the document and is none of them."""
        ends = [title.split()[-1].strip("?!").lower() for title in titles]
        ends = sorted({end for end in ends if end.isalpha() and len(end) > 3})
        if not ends:
            return None
        end = ends[rng.randrange(len(ends))]
        made = f"{rng.choice(('Further', 'Special', 'Interim', 'Additional', 'Revised', 'General'))} {end}"
        return None if made.lower() in self.source.lower() else made

    def _nearby(self, sentence: str, start: int, end: int) -> list[str]:
        """The words beside a phrase, those after it first."""
        places = sorted((m.start() < start, abs(m.start() - start), m[0].lower()) for m in _words_beside(sentence)
                        if m.end() <= start or m.start() >= end)  # fmt: skip
        near = dict.fromkeys(word for _, _, word in places if word not in _COMMON)
        return [_stem(word) for word in list(near)[:4]]

    def citation_claims(self, rng: Random) -> list[Claim]:
        """One claim for each authority of the source that stands beside words of its own."""
        found: list[Claim] = []
        seen: set[str] = set()
        names = self.authorities
        for place in self.places:
            if place.mention.kind is not ClaimKind.citation:
                continue
            about = self._about(place)
            if not about or about[0] in seen:
                continue
            seen.update(about)
            right = self.surface(place)
            others = [n for n in names if value_of(ClaimKind.citation, n) != place.mention.value]
            rng.shuffle(others)
            wrong = [
                Alternative(
                    name=f"elsewhere_{i}",
                    standing=Standing.elsewhere,
                    forms=_spellings(place.mention.kind, n),
                    stealth=3 - i % 2,
                )
                for i, n in enumerate(others[:4])
            ]
            wrong += [
                Alternative(
                    name=f"absent_{i}", standing=Standing.absent, forms=_spellings(place.mention.kind, n), stealth=i
                )
                for i, n in enumerate(_renumbered(right, set(names), rng))
            ]
            if wrong:
                found.append(
                    Claim(
                        id=f"citation_{len(found) + 1}",
                        kind=ClaimKind.citation,
                        label=f'the authority in the passage "{_excerpt(place)}"',
                        about=(tuple(about),),
                        alternatives=(
                            Alternative(
                                name="cited", standing=Standing.right, forms=_spellings(place.mention.kind, right)
                            ),
                            *wrong,
                        ),
                        source_spans=(Span(start=place.start, end=place.end),),
                    )
                )
        return found[:MAX_CLAIMS]

    def _is_lone(self, place: _Place) -> bool:
        """Whether its sentence has no other value of the kind."""
        return sum(p.sentence == place.sentence and p.mention.kind is place.mention.kind for p in self.places) == 1

    def _about(self, place: _Place) -> list[str]:
        """The words of a value's sentence that say what it is of: rare in the document, beside no other value of the
        kind, near the value."""
        at = place.mention.start
        words = [(abs(m.start() - at), m[0].lower()) for m in _words_beside(place.sentence)]
        near = [w for _, w in sorted(words) if w not in _COMMON]
        if (entry := self.entries.get(place.sentence)) is not None:
            return [_stem(w) for w in near if w not in entry.lower()][:2]
        beside = self.beside[place.mention.kind]
        rare = [w for w in dict.fromkeys(near) if self.frequency[w] <= 3 and beside[w] == 1]
        return [_stem(word) for word in rare[:4]]

    def _alternatives(self, place: _Place, rng: Random) -> list[Alternative]:
        """The right value, others of its kind in the document, and shifted ones that stand nowhere in it."""
        surface, kind = self.surface(place), place.mention.kind
        found = [Alternative(name="stated", standing=Standing.right, forms=(surface,))]
        taken = {place.mention.value}
        others = [p for p in self.places if p.mention.kind is kind and _comparable(p.mention, place.mention)]
        rng.shuffle(others)
        for other in others:
            if other.mention.value not in taken and len(found) < 3:
                taken.add(other.mention.value)
                text = respell(self.surface(other), surface, kind)
                found.append(
                    Alternative(
                        name=f"elsewhere_{len(found)}",
                        standing=Standing.elsewhere,
                        forms=(text,),
                        stealth=4 - len(found),
                    )
                )
        for stealth, text in _shifted(kind, place.mention, surface, rng):
            value = value_of(kind, text)
            if value is not None and value not in taken and not self.count[kind, value]:
                taken.add(value)
                found.append(
                    Alternative(name=f"absent_{stealth}", standing=Standing.absent, forms=(text,), stealth=stealth)
                )
        return found


def _spellings(kind: ClaimKind, surface: str) -> tuple[str, ...]:
    """The spellings of what is known by its letters, its own first: "#R-12" is "R-12", "Sec. 3" is "section 3"."""
    forms = [surface]
    if kind is ClaimKind.identifier:
        bare = re.sub(r"^(?:#|v(?=\d)|version )", "", surface, flags=re.IGNORECASE)
        if re.fullmatch(r"\d+(?:\.\d+)*", bare):
            forms += [f"v{bare}", f"version {bare}", *((bare,) if "." in bare else ())]
        else:
            forms += [bare, f"#{bare}"]
    if kind is ClaimKind.citation:
        numbered = re.fullmatch(r"(?i:sections?|sec\.|§§?) ?(\d.*)", surface)
        if numbered is not None:
            forms += [f"{word}{numbered[1]}" for word in ("section ", "sec. ", "§ ", "§")]
        forms += [surface.replace(" v. ", " v "), surface.replace(" v ", " v. ")]
    first: dict[str, str] = {}
    for form in forms:
        first.setdefault(form.lower(), form)
    return tuple(first.values())


def _is_complete(mention: Mention) -> bool:
    """Dates without a year, and day-month orders that cannot be told, are no claims."""
    if mention.kind is not ClaimKind.date:
        return True
    value = mention.value
    return isinstance(value, tuple) and len(value) == 3 and value[0] is not None


def _comparable(a: Mention, b: Mention) -> bool:
    """Whether two values of a kind could be mistaken for each other: same unit or currency."""
    if isinstance(a.value, tuple) and isinstance(b.value, tuple) and a.kind is not ClaimKind.date:
        return bool(a.value[-1] == b.value[-1])
    return True


def _shifted(kind: ClaimKind, mention: Mention, surface: str, rng: Random) -> Iterator[tuple[int, str]]:
    """(stealth, wrong value): far away at 0, near at 1, in the spelling of the right one."""
    value = mention.value
    if kind is ClaimKind.date and isinstance(value, tuple) and len(value) == 3:
        year, month, day = value
        for stealth, years, days in ((0, rng.choice((-9, -7, -5)), 0), (1, rng.choice((-1, 1)), rng.randint(5, 40))):
            if day is None:
                yield stealth, surface.replace(str(year), str(year + years))
                continue
            try:
                moved = date(year + years, month, min(day, 28)) + timedelta(days=days)
            except (ValueError, OverflowError):
                continue
            yield stealth, respell(moved.isoformat(), surface, kind)
        return
    surface = spelled_in_digits(surface)
    for stealth, factors in ((0, ("3", "4", "0.25")), (1, ("1.5", "2", "0.5"))):
        # Scaled down and rounded, the ends of a range could change places.
        is_range = len(_NUMBER.findall(surface)) > 1
        factor = Decimal(rng.choice([f for f in factors if not (is_range and f.startswith("0"))]))
        text = _NUMBER.sub(partial(_scaled, factor=factor), surface)
        if re.match(r"1 [a-z ]*[a-rt-z]$", surface):
            text += "s"
        if text != surface:
            yield stealth, text
    if kind is ClaimKind.identifier:
        digits = [i for i, c in enumerate(surface) if c.isdigit()]
        if digits:
            at = rng.choice(digits)
            yield 1, surface[:at] + str((int(surface[at]) + rng.randint(1, 9)) % 10) + surface[at + 1 :]


def _scaled(match: re.Match[str], factor: Decimal) -> str:
    number = match[0]
    value = Decimal(number.replace(",", ""))
    places = max(0, -int(value.as_tuple().exponent))
    scaled = (value * factor).quantize(Decimal(1).scaleb(-places))
    if scaled in (value, 0, 1):
        scaled = value + Decimal(1).scaleb(-places)
    return f"{scaled:,}" if "," in number else f"{scaled}"


def _renumbered(citation: str, known: set[str], rng: Random) -> list[str]:
    """Citations of the same form with numbers that the document does not have."""
    numbers = list(re.finditer(r"\d+", citation))
    if not numbers:
        return []
    last = numbers[-1]
    found = []
    for step in (rng.randint(11, 30), rng.randint(1, 9)):
        text = f"{citation[: last.start()]}{int(last[0]) + step}{citation[last.end() :]}"
        if text not in known:
            found.append(text)
    return found


def _options(row: Row, source: str, entries: Iterable[str]) -> list[Claim]:
    """The choice among the row's options, or among the lines of the catalogue; only where the row says which one fits."""
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


def _rules(words: int, rng: Random) -> tuple[list[str], list[Claim]]:
    """Rules for the answer, in words and as constraints."""
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


def _excerpt(place: _Place) -> str:
    return _around(place.sentence, place.mention.start, place.mention.end)


def _around(sentence: str, start: int, end: int) -> str:
    """The words around a phrase, itself left out, so that a label does not give it away."""
    others = [m for m in mentions(sentence) if m.end <= start or m.start >= end]
    before, after = sentence[:start], sentence[end:]
    for m in reversed(others):
        if m.start >= end:
            after = f"{after[: m.start - end]}(\u2026){after[m.end - end :]}"
        else:
            before = f"{before[: m.start]}(\u2026){before[m.end :]}"
    return " ".join([*before.split()[-6:], "…", *after.split()[:6]]).replace('"', "'")


def _words_beside(sentence: str) -> Iterator[re.Match[str]]:
    """The words of a sentence that are no part of a value."""
    values = mentions(sentence)
    for m in _WORD.finditer(sentence):
        if not any(v.start < m.end() and m.start() < v.end for v in values):
            yield m


def _stem(word: str) -> str:
    return word[:-1] if word.endswith("s") and len(word) > 4 else word


def _listed(items: list[str]) -> str:
    return items[0] if len(items) == 1 else ", ".join(items[:-1]) + " and " + items[-1]
