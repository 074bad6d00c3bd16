"""A family: one scenario file, from which thousands of different scenarios are drawn.

The file is data: `spec` gives its form, `reading` refuses what does not fit together, and this module draws.
"""

import re
from collections.abc import Container, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from random import Random
from typing import TypeVar

from forge_arena.corruptions import possible
from forge_arena.errors import ScenarioError
from forge_arena.scenarios import template
from forge_arena.scenarios.loads import FEWEST_FACTS, Contents, Passages, draw_contents, facts_of, passages_of, rules_of
from forge_arena.scenarios.slots import Drawn, Draws, bound_value, draw, draw_distinct
from forge_arena.scenarios.spec import (
    ABSENT_PER_CLAIM,
    ClaimSpec,
    FamilySpec,
    OptionSpec,
    SectionSpec,
    StatementSpec,
    WordCount,
    wordings,
)
from forge_arena.statements import slots_of
from forge_arena.texts.sentences import enumeration, starts_of
from forge_arena.types import (
    Alternative,
    Authority,
    Case,
    Check,
    Claim,
    ClaimKind,
    CorruptionType,
    Domain,
    Load,
    Scenario,
    Span,
    Split,
    Standing,
    Statement,
)

T = TypeVar("T")

OTHERS_PER_CITATION = 4
CHAPTERS = range(2, 12)
HEADINGS = ("{n} {h}", "## {n} {h}", "{n}. {h}", "{w} {n}: {h}", "[{n}] {h}")
_GOES_ON = re.compile(r"\w|[.,]\d")


@dataclass(frozen=True, slots=True)
class Reading:
    """An answer that the words of a rule allow or forbid, if the source demands the option `option` of the claim `claim`."""

    claim: str
    option: str
    text: str
    allowed: bool


@dataclass(slots=True)
class _Source:
    """The source material of one draw, as far as it is written, and what it lets an answer cite.

    Attributes:
        cited_as: what a section is called: `section`, `clause`.
        authorities: the spellings of each authority and of each numbered section.
        supports: the claims that each of these supports.
        spans: the passages that state each claim.
        numbers: the number of each numbered section.
    """

    cited_as: str
    authorities: dict[str, tuple[str, ...]]
    supports: dict[str, set[str]]
    text: str = ""
    spans: dict[str, list[Span]] = field(default_factory=dict)
    numbers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _StatementInFile:
    """A statement of the file, read once for all draws.

    Attributes:
        claims: the claims that the statement or one of its wordings names.
        wordings: for each wording, the finished statement if every draw has the same one, otherwise the template of its
            text.
    """

    spec: StatementSpec
    claims: frozenset[str]
    wordings: "tuple[Statement | template.Nodes, ...]"

    @classmethod
    def of(cls, spec: StatementSpec, claims: Container[str]) -> "_StatementInFile":
        texts = wordings(spec.text)
        named = {*spec.says, *spec.when, *(name for text in texts for name, _ in slots_of(text))}
        return cls(
            spec,
            frozenset(name for name in named if name in claims),
            tuple(
                _statement(spec, text) if template.is_plain(nodes) else nodes
                for text, nodes in zip(texts, map(template.parse, texts), strict=True)
            ),
        )


@dataclass(frozen=True, slots=True)
class Trial:
    """A scenario with what its proof needs beside it.

    Attributes:
        readings: the readings of every option of its rules, with the same values.
        rules: the words of the file's rules, each with whether the source lays the rule down.
    """

    scenario: Scenario
    readings: tuple[Reading, ...]
    rules: tuple[tuple[str, bool], ...]


@dataclass(frozen=True)
class Family:
    """A checked scenario file, ready to draw from.

    Attributes:
        load: how much its tasks ask.
    """

    spec: FamilySpec
    vocabulary: Mapping[str, tuple[str, ...]] = field(repr=False)
    load: Load = Load.full

    @property
    def name(self) -> str:
        return self.spec.family

    @property
    def domain(self) -> Domain:
        return self.spec.domain

    @property
    def split(self) -> Split:
        return self.spec.split

    @cached_property
    def corruptions(self) -> frozenset[CorruptionType]:
        """The corruption types that this family's claims make possible."""
        return possible(claim.outline(name) for name, claim in self.spec.claims.items())

    @cached_property
    def _passages(self) -> Passages:
        return passages_of(self.spec)

    @cached_property
    def _statements(self) -> tuple[_StatementInFile, ...]:
        return tuple(_StatementInFile.of(spec, self.spec.claims) for spec in self.spec.statements)

    def has(self, load: Load) -> bool:
        """Whether the family can be drawn under a load."""
        return load is Load.full or self._why_only_full is None

    @cached_property
    def _why_only_full(self) -> str | None:
        """What in the file keeps a lighter load from being drawn; None if nothing does."""
        wordless = [name for name in rules_of(self.spec) if self.spec.claims[name].rule is None]
        if wordless:
            return f"its constraint {wordless[0]!r} has no `rule`, the words that lay it down"
        count = len(facts_of(self.spec))
        return None if count >= FEWEST_FACTS else f"its file has {count} facts to ask for, fewer than {FEWEST_FACTS}"

    def at(self, load: Load) -> "Family":
        """The family under another load.

        Raises:
            ScenarioError: the file cannot be drawn under the load. The message says why.
        """
        if not self.has(load):
            raise ScenarioError(
                f"family {self.name!r} has no load {load.value!r}, only 'full': {self._why_only_full} "
                "(see scenarios/README.md)"
            )
        return replace(self, load=load)

    # Kept, because every server needs the specimens of all families before it is ready.
    @cached_property
    def specimen(self) -> str:
        return self.draw(Random(self.name)).model_dump_json()

    def draw(self, rng: Random, wording: int = 0) -> Scenario:
        """Draw a scenario. The same state of `rng` gives the same scenario, byte for byte.

        Another `wording` says the same in other sentences: only the texts of its statements differ.
        """
        return self._draw(rng, wording)[0]

    def draw_with_readings(self, rng: Random) -> tuple[Scenario, tuple[Reading, ...]]:
        """Draw a scenario, and with the same values the readings of every option of its rules."""
        trial = self.draw_trial(rng)
        return trial.scenario, trial.readings

    def draw_trial(self, rng: Random) -> Trial:
        """Draw a scenario with what its proof needs."""
        scenario, draws, contents = self._draw(rng, 0)
        readings = tuple(
            Reading(name, option, self._reading(reading, draws, rng), allowed)
            for name, claim in self.spec.claims.items()
            if name in contents.in_play
            for option, spec in claim.options.items()
            for allowed, readings in ((True, spec.allows), (False, spec.forbids))
            for reading in readings
        )
        rules = tuple(
            (self._text(claim.rule, draws, rng), name in contents.rules)
            for name in rules_of(self.spec)
            if (claim := self.spec.claims[name]).rule is not None
        )
        return Trial(scenario, readings, rules)

    def _reading(self, reading: str | WordCount, draws: Draws, rng: Random) -> str:
        if isinstance(reading, WordCount):
            return " ".join(["word"] * int(bound_value(reading.words, draws)))
        return self._text(reading, draws, rng)

    def _draw(self, rng: Random, wording: int) -> tuple[Scenario, Draws, Contents]:
        spec = self.spec
        draws = self._draw_slots(rng)
        contents = draw_contents(spec, self._passages, self.load, rng)
        labels = [self._text(spec.claims[c].label, draws, rng) for c in contents.required]
        rng.shuffle(labels)
        draws.texts["required"] = enumeration(labels)
        draws.texts["rules"] = self._rules(contents.rules, draws, rng)
        source = self._draw_source(draws, contents, rng)
        claims = tuple(
            self._claim(name, claim, name in contents.required or claim.required == "task", draws, source, rng)
            for name, claim in spec.claims.items()
            if name in contents.in_play
        )
        task = self._text(_choose(wordings(spec.task), rng), draws, rng)
        scenario = Scenario(
            family=spec.family,
            domain=spec.domain,
            task=task,
            source_material=source.text,
            claims=claims,
            authorities=tuple(
                Authority(
                    forms=forms,
                    supports=tuple(sorted(c for c in source.supports.get(name, ()) if c in contents.in_play)),
                )
                for name, forms in source.authorities.items()
            ),
            statements=self._word_statements(draws, contents.in_play, Random(rng.getrandbits(64) + wording)),
        )
        return scenario, draws, contents

    def _rules(self, rules: tuple[str, ...], draws: Draws, rng: Random) -> str:
        """The rules that a source lays down, each as a sentence."""
        return " ".join(_as_sentence(self._text(self.spec.claims[name].rule or "", draws, rng)) for name in rules)

    def _word_statements(self, draws: Draws, in_play: Container[str], rng: Random) -> tuple[Statement, ...]:
        """The statements that speak of nothing that this draw left out, or only follow a habit of their kind of text."""
        worded = []
        for statement in self._statements:
            out_of_play = [claim for claim in statement.claims if claim not in in_play]
            if not all(self._is_habit(claim, statement.spec, draws) for claim in out_of_play):
                continue
            wording = _choose(statement.wordings, rng)
            if not isinstance(wording, Statement):
                wording = _statement(statement.spec, template.render(wording, draws.texts, rng))
            worded.append(_without_claims(wording, out_of_play) if out_of_play else wording)
        return tuple(worded)

    def _is_habit(self, name: str, statement: StatementSpec, draws: Draws) -> bool:
        """Whether a statement follows the option that answers follow even if no rule asks for it."""
        habit = self.spec.claims[name].habit
        if habit is None:
            return False
        return statement.when.get(name) == template.render(template.parse(habit), draws.texts, Random(0))

    def _text(self, text: str, draws: Draws, rng: Random) -> str:
        return template.render(template.parse(text), draws.texts, rng)

    def _draw_slots(self, rng: Random) -> Draws:
        draws = Draws({}, {})
        for name, slot in self.spec.slots.items():
            first = draw(slot, draws, self.vocabulary, rng)
            draws.add(name, first)
            if slot.draws > 1:
                more = draw_distinct(slot, slot.draws - 1, (first,), draws, self.vocabulary, rng)
                if len(more) < slot.draws - 1:
                    raise ScenarioError(f"{self.name}: slot {name!r} has fewer than {slot.draws} different values")
                for number, value in enumerate(more, start=2):
                    draws.add(f"{name}.{number}", value)
        return draws

    def _draw_source(self, draws: Draws, contents: Contents, rng: Random) -> _Source:
        """Draw the order of the sections, number them, and write them one after the other."""
        authorities = {
            name: tuple(self._text(form, draws, rng) for form in authority.forms)
            for name, authority in self.spec.authorities.items()
        }
        supports = {name: set(authority.supports) for name, authority in self.spec.authorities.items()}
        sections = _draw_sections(contents.sections, rng)
        source = _Source(_choose(self.spec.source.cited_as, rng), authorities, supports)
        chapter, number = rng.choice(CHAPTERS), rng.randint(2, 12)
        style = _choose(HEADINGS, rng)
        for section in sections:
            if section.number:
                number += 1
                source.numbers[section.id] = f"{chapter}.{number}"
        self._add_sections(source, draws)
        source.text = self._text(self.spec.source.title, draws, rng)
        for section in sections:
            heading = self._text(section.heading, draws, rng)
            if section.id in source.numbers:
                styled = style.format(n=source.numbers[section.id], h=heading, w=source.cited_as.capitalize())
                # A number without a heading stands in the line of the text.
                source.text += f"\n\n{styled}\n" if heading else f"\n\n{styled.removeprefix('## ')}"
            else:
                source.text += f"\n\n{heading}\n" if heading else "\n\n"
            self._write_body(source, section, draws, contents.in_play, rng)
        if self.load is not Load.full:
            self._drop_absent_authorities(source)
        return source

    def _drop_absent_authorities(self, source: _Source) -> None:
        """An authority whose passage was left out is no authority of this source."""
        text = source.text.casefold()
        for name in self.spec.authorities:
            if not any(_stands_alone_in(text, form.casefold()) for form in source.authorities[name]):
                del source.authorities[name]

    def _add_sections(self, source: _Source, draws: Draws) -> None:
        """Make the numbered sections authorities, and let templates name the number and the citation of each section."""
        for section in self.spec.source.sections:
            draws.texts[f"{section.id}.number"] = ""
            draws.texts[f"{section.id}.cite"] = "the source"
        for name, number in source.numbers.items():
            source.authorities[name] = _citation_forms(source.cited_as, number)
            source.supports[name] = set()
            draws.texts[f"{name}.number"] = number
            draws.texts[f"{name}.cite"] = source.authorities[name][0]

    def _write_body(
        self, source: _Source, section: SectionSpec, draws: Draws, in_play: Container[str], rng: Random
    ) -> None:
        """Add the text of a section to the source, and remember which claims its passages state."""
        body = template.parse(_choose(wordings(section.text), rng).rstrip())
        text, marks = template.render_marked(body, draws.texts, rng, in_play, len(source.text))
        source.text += text
        for claim, span in marks:
            source.spans.setdefault(claim, []).append(span)
            if section.id in source.supports:
                source.supports[section.id].add(claim)

    def _claim(self, name: str, spec: ClaimSpec, required: bool, draws: Draws, source: _Source, rng: Random) -> Claim:
        if spec.kind is ClaimKind.citation:
            alternatives = self._citations(spec, draws, source, rng)
        elif spec.values:
            alternatives = self._values_by_option(spec, draws, rng)
        elif spec.options:
            alternatives = self._options(name, spec, draws, rng)
        else:
            alternatives = self._values(spec, draws, source.text, rng)
        spans = source.spans.get(name) or source.spans.get(spec.subject or "", [])
        return Claim(
            id=name,
            kind=spec.kind,
            label=self._text(spec.label, draws, rng),
            about=spec.about,
            required=required,
            alternatives=alternatives,
            of=spec.of,
            subject=spec.subject,
            cases=tuple(
                Case(
                    call=self._text(case.call, draws, rng),
                    returns=None if case.returns is None else self._text(case.returns, draws, rng),
                    raises=case.raises,
                )
                for case in spec.cases
            ),
            source_spans=_spans_in_force(tuple(spans), source.text, alternatives),
        )

    def _values(self, spec: ClaimSpec, draws: Draws, source: str, rng: Random) -> tuple[Alternative, ...]:
        slot = spec.slot or ""
        right = draws.drawn[slot]
        taken = {right.forms[0]}
        alternatives = [Alternative(name="current", standing=Standing.right, forms=right.forms)]

        def add(name: str, standing: Standing, value: Drawn, stealth: int) -> None:
            # Under a lighter load the passage with another value may have been left out.
            left_out = (
                self.load is not Load.full
                and standing is not Standing.absent
                and not any(_stands_alone_in(source, form) for form in value.forms)
            )
            if value.forms[0] not in taken and not left_out:
                taken.add(value.forms[0])
                alternatives.append(Alternative(name=name, standing=standing, forms=value.forms, stealth=stealth))

        if spec.superseded is not None:
            add("superseded", Standing.superseded, draws.drawn[spec.superseded], 3)
        for number, other in enumerate(spec.elsewhere, start=1):
            add(f"elsewhere_{number}", Standing.elsewhere, draws.drawn[other], 2)
        known = tuple(draws.drawn[s] for s in (slot, spec.superseded, *spec.elsewhere) if s is not None)
        fresh = draw_distinct(
            self.spec.slots[slot.partition(".")[0]], ABSENT_PER_CLAIM, known, draws, self.vocabulary, rng
        )
        fresh.sort(key=lambda value: _distance(right, value), reverse=True)
        for stealth, value in enumerate(fresh):
            add(f"absent_{stealth}", Standing.absent, value, stealth)
        return tuple(alternatives)

    def _values_by_option(self, spec: ClaimSpec, draws: Draws, rng: Random) -> tuple[Alternative, ...]:
        right = self._text(self.spec.claims[spec.of or ""].right or "", draws, rng)
        names = [right, *(name for name in spec.values if name != right)]
        return tuple(
            Alternative(
                name=name,
                standing=Standing.right if name == right else Standing.elsewhere,
                forms=draws.drawn[spec.values[name]].forms,
            )
            for name in names
        )

    def _options(self, claim: str, spec: ClaimSpec, draws: Draws, rng: Random) -> tuple[Alternative, ...]:
        right = self._text(spec.right or "", draws, rng)
        if right not in spec.options:
            raise ScenarioError(
                f"{self.name}: claim {claim!r} has no option {right!r}; it has {', '.join(spec.options)}"
            )
        names = (right, *(name for name in spec.options if name != right))
        return tuple(
            self._finished_options.get((claim, name, name == right))
            or self._option(spec.options[name], name, name == right, draws, rng)
            for name in names
        )

    def _option(self, option: OptionSpec, name: str, is_right: bool, draws: Draws, rng: Random) -> Alternative:
        check = None
        if option.check is not None:
            check = Check(name=option.check, argument=self._argument(option.argument, draws, rng))
        return Alternative(
            name=name,
            standing=Standing.right if is_right else Standing.unfit,
            forms=tuple(self._text(form, draws, rng) for form in option.forms),
            check=check,
        )

    @cached_property
    def _finished_options(self) -> dict[tuple[str, str, bool], Alternative]:
        """By claim, name, and whether it is the right one: the options that every draw has in the same words."""
        return {
            (claim, name, is_right): self._option(option, name, is_right, Draws({}, {}), Random(0))
            for claim, spec in self.spec.claims.items()
            for name, option in spec.options.items()
            if all(template.is_plain(template.parse(text)) for text in _texts_of(option))
            for is_right in (True, False)
        }

    def _argument(
        self, argument: int | str | tuple[str, ...], draws: Draws, rng: Random
    ) -> int | str | tuple[str, ...]:
        if isinstance(argument, int):
            return argument
        if isinstance(argument, str):
            text = self._text(argument, draws, rng)
            return int(text) if text.isdigit() else text
        return tuple(self._text(item, draws, rng) for item in argument)

    def _citations(self, spec: ClaimSpec, draws: Draws, source: _Source, rng: Random) -> tuple[Alternative, ...]:
        """The right authority, others of its kind in the source, then sections and authorities that do not exist."""
        right = spec.authority or ""
        is_section = right not in self.spec.authorities
        others = [
            name for name in source.authorities if name != right and (name not in self.spec.authorities) == is_section
        ]
        rng.shuffle(others)
        alternatives = [Alternative(name=right, standing=Standing.right, forms=source.authorities[right])]
        alternatives += [
            Alternative(
                name=name, standing=Standing.elsewhere, forms=source.authorities[name], stealth=2 if place % 2 else 3
            )
            for place, name in enumerate(others[:OTHERS_PER_CITATION])
        ]
        if is_section:
            alternatives += [
                Alternative(
                    name=f"absent_{stealth}",
                    standing=Standing.absent,
                    forms=_citation_forms(source.cited_as, number),
                    stealth=stealth,
                )
                for stealth, number in _absent_numbers(source.numbers, rng)
            ]
        known = {form for forms in source.authorities.values() for form in forms}
        for number, text in enumerate(spec.fabricated):
            form = self._text(text, draws, rng)
            if form not in known:
                alternatives.append(
                    Alternative(name=f"absent_{number}", standing=Standing.absent, forms=(form,), stealth=number % 2)
                )
        return tuple(alternatives)


def _texts_of(option: OptionSpec) -> tuple[str, ...]:
    """The templates of an option."""
    argument = option.argument
    return option.forms + (argument if isinstance(argument, tuple) else (str(argument),))


def _statement(spec: StatementSpec, text: str) -> Statement:
    return Statement(text=text, says=spec.says, when=spec.when, part=spec.part, topic=spec.topic, rank=spec.rank)


def _without_claims(statement: Statement, claims: Container[str]) -> Statement:
    """A statement that does not say that it states these claims, or that it depends on them."""
    return statement.model_copy(
        update={
            "says": tuple(claim for claim in statement.says if claim not in claims),
            "when": {claim: option for claim, option in statement.when.items() if claim not in claims},
        }
    )


def _draw_sections(sections: tuple[SectionSpec, ...], rng: Random) -> list[SectionSpec]:
    """The sections that a draw has, in the order in which they stand."""
    drawn = [s for s in sections if s.chance == 1 or rng.random() < s.chance]
    first, middle, last = ([s for s in drawn if s.place == place] for place in ("first", "anywhere", "last"))
    rng.shuffle(middle)
    return first + middle + last


def _as_sentence(text: str) -> str:
    """A rule with a capital letter and a full stop."""
    end = "" if text.endswith((".", "!", "?", '."', '?"')) else "."
    return f"{text[:1].upper()}{text[1:]}{end}"


def _spans_in_force(spans: tuple[Span, ...], source: str, alternatives: tuple[Alternative, ...]) -> tuple[Span, ...]:
    """The marked passages, except those that state a former value and not the right one.

    Example: the print says 5 days, and the amendment says 3 days. The draw decides which of the two passages is in force.
    """
    former = tuple(form for a in alternatives if a.standing is Standing.superseded for form in a.forms)
    if not former:
        return spans
    right = tuple(form for a in alternatives if a.standing is Standing.right for form in a.forms)

    def states(span: Span, forms: tuple[str, ...]) -> bool:
        return any(_stands_alone_in(span.of(source), form) for form in forms)

    return tuple(span for span in spans if states(span, right) or not states(span, former))


def _stands_alone_in(text: str, form: str) -> bool:
    """Whether a text has a form that is no part of a longer word or number."""
    for at in starts_of(text, form):
        before, after = text[at - 1 : at] if at else "", text[at + len(form) : at + len(form) + 2]
        if not (before.isalnum() or before in ("_", ".", ",")) and not _GOES_ON.match(after):
            return True
    return False


def _absent_numbers(sections: Mapping[str, str], rng: Random) -> tuple[tuple[int, str], ...]:
    """(stealth, number) of two sections that do not exist: near the numbers of the source, and in another chapter."""
    numbers = [number.split(".") for number in sections.values()]
    chapter, places = int(numbers[0][0]), [int(number) for _, number in numbers]
    first, last = min(places), max(places)
    near = (first - 2, first - 1, last + 1, last + 2)
    far = [other for other in CHAPTERS if other != chapter]
    return (
        (1, f"{chapter}.{near[rng.randrange(len(near))]}"),
        (0, f"{far[rng.randrange(len(far))]}.{rng.randint(first, last)}"),
    )


def _citation_forms(word: str, number: str) -> tuple[str, ...]:
    forms = (f"{word} {number}", f"{word.capitalize()} {number}")
    return (*forms, f"§{number}") if word == "section" else forms


def _choose(items: tuple[T, ...], rng: Random) -> T:
    return items[int(rng.random() * len(items))]


def _distance(a: Drawn, b: Drawn) -> float:
    if a.day is not None and b.day is not None:
        return abs((a.day - b.day).days)
    if a.number is not None and b.number is not None:
        return abs(float(a.number - b.number))
    return sum(x != y for x, y in zip(a.forms[0], b.forms[0], strict=False))
