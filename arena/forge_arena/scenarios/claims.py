"""Draw the claims of a scenario: what a right answer says of each, and what a wrong answer could say instead."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from random import Random

from forge_arena.errors import ScenarioError
from forge_arena.scenarios import template
from forge_arena.scenarios.slots import Drawn, Draws, draw_distinct
from forge_arena.scenarios.source_text import CHAPTERS, SECTIONS, WrittenSource, citation_forms, stands_alone_in
from forge_arena.scenarios.spec import ABSENT_PER_CLAIM, ClaimSpec, FamilySpec, OptionSpec, as_argument
from forge_arena.types import Alternative, Case, Check, Claim, ClaimKind, Load, Span, Standing

OTHERS_PER_CITATION = 4


@dataclass(frozen=True)
class Claims:
    """The claims of one family, ready to be drawn with the values of a draw."""

    spec: FamilySpec
    vocabulary: Mapping[str, tuple[str, ...]]
    load: Load

    def draw(self, name: str, required: bool, draws: Draws, source: WrittenSource, rng: Random) -> Claim:
        """Draw one claim with its alternatives, the right one first."""
        spec = self.spec.claims[name]
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
            label=draws.fill(spec.label, rng),
            about=spec.about,
            required=required,
            alternatives=alternatives,
            of=spec.of,
            subject=spec.subject,
            cases=tuple(
                Case(
                    call=draws.fill(case.call, rng),
                    returns=None if case.returns is None else draws.fill(case.returns, rng),
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
                and not any(stands_alone_in(source, form) for form in value.forms)
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
        right = draws.fill(self.spec.claims[spec.of or ""].right or "", rng)
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
        right = draws.fill(spec.right or "", rng)
        if right not in spec.options:
            raise ScenarioError(
                f"{self.spec.family}: claim {claim!r} has no option {right!r}; it has {', '.join(spec.options)}"
            )
        names = (right, *(name for name in spec.options if name != right))
        return tuple(
            self._finished_options.get((claim, name, name == right))
            or self._option(spec.options[name], name, name == right, draws, rng)
            for name in names
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

    def _option(self, option: OptionSpec, name: str, is_right: bool, draws: Draws, rng: Random) -> Alternative:
        check = None
        if option.check is not None:
            check = Check(name=option.check, argument=self._argument(option.argument, draws, rng))
        return Alternative(
            name=name,
            standing=Standing.right if is_right else Standing.unfit,
            forms=tuple(draws.fill(form, rng) for form in option.forms),
            check=check,
        )

    def _argument(
        self, argument: int | str | tuple[str, ...], draws: Draws, rng: Random
    ) -> int | str | tuple[str, ...]:
        if isinstance(argument, int):
            return argument
        if isinstance(argument, str):
            return as_argument(draws.fill(argument, rng))
        return tuple(draws.fill(item, rng) for item in argument)

    def _citations(self, spec: ClaimSpec, draws: Draws, source: WrittenSource, rng: Random) -> tuple[Alternative, ...]:
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
                    forms=citation_forms(source.cited_as, number),
                    stealth=stealth,
                )
                for stealth, number in _absent_numbers(source, rng)
            ]
        known = {form for forms in source.authorities.values() for form in forms}
        for number, text in enumerate(spec.fabricated):
            form = draws.fill(text, rng)
            if form not in known:
                alternatives.append(
                    Alternative(name=f"absent_{number}", standing=Standing.absent, forms=(form,), stealth=number % 2)
                )
        return tuple(alternatives)


def _texts_of(option: OptionSpec) -> tuple[str, ...]:
    """The templates of an option."""
    argument = option.argument
    return option.forms + (argument if isinstance(argument, tuple) else (str(argument),))


def _spans_in_force(spans: tuple[Span, ...], source: str, alternatives: tuple[Alternative, ...]) -> tuple[Span, ...]:
    """The marked passages, except those that state a former value and not the right one.

    Example: the print says 5 days, and the amendment says 3 days. The draw decides which of the two passages is in force.
    """
    former = tuple(form for a in alternatives if a.standing is Standing.superseded for form in a.forms)
    if not former:
        return spans
    right = tuple(form for a in alternatives if a.standing is Standing.right for form in a.forms)

    def states(span: Span, forms: tuple[str, ...]) -> bool:
        return any(stands_alone_in(span.of(source), form) for form in forms)

    return tuple(span for span in spans if states(span, right) or not states(span, former))


def _absent_numbers(source: WrittenSource, rng: Random) -> tuple[tuple[int, str], ...]:
    """(stealth, number) of two sections that do not exist: one near the numbers of the source, and one far from them.

    Both have the chapter of the source. An answer cites one chapter, so another chapter would show without the source.
    """
    numbers = [number.split(".") for number in source.numbers.values()]
    chapter, places = numbers[0][0], [int(number) for _, number in numbers]
    first, last = min(places), max(places)
    near = (first - 2, first - 1, last + 1, last + 2)
    near_number = near[rng.randrange(len(near))]
    # Where sections 8 to 12 stand, the far ones are 2 to 5 and 15 to 18, without those that no source has.
    far = [number for number in (*range(first - 6, first - 2), *range(last + 3, last + 7)) if number > 0]
    far = [number for number in far if number in SECTIONS] or far
    absent = [number for number in far if not stands_alone_in(source.text, f"{chapter}.{number}")] or far
    far_number = absent[(rng.randrange(len(CHAPTERS) - 1) + rng.randint(first, last)) % len(absent)]
    return (1, f"{chapter}.{near_number}"), (0, f"{chapter}.{far_number}")


def _distance(a: Drawn, b: Drawn) -> float:
    if a.day is not None and b.day is not None:
        return abs((a.day - b.day).days)
    if a.number is not None and b.number is not None:
        return abs(float(a.number - b.number))
    return sum(x != y for x, y in zip(a.forms[0], b.forms[0], strict=False))
