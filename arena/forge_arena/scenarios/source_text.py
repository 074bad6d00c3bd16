"""Write the source material of one draw: its sections in their order, their numbers, and what each passage states."""

import re
from collections.abc import Container
from dataclasses import dataclass, field
from random import Random

from forge_arena.scenarios import template
from forge_arena.scenarios.loads import Contents
from forge_arena.scenarios.slots import Draws, choose
from forge_arena.scenarios.spec import FamilySpec, SectionSpec, wordings
from forge_arena.texts.sentences import starts_of
from forge_arena.types import Load, Span

CHAPTERS = range(2, 12)
# The numbers that sections of the arena's sources have. Any other number would show without the source.
SECTIONS = range(3, 22)
HEADINGS = ("{n} {h}", "## {n} {h}", "{n}. {h}", "{w} {n}: {h}", "[{n}] {h}")
_GOES_ON = re.compile(r"\w|[.,]\d")


@dataclass(slots=True)
class WrittenSource:
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


def write_source(spec: FamilySpec, draws: Draws, contents: Contents, load: Load, rng: Random) -> WrittenSource:
    """Draw the order of the sections, number them, and write them one after the other."""
    authorities = {
        name: tuple(draws.fill(form, rng) for form in authority.forms) for name, authority in spec.authorities.items()
    }
    supports = {name: set(authority.supports) for name, authority in spec.authorities.items()}
    sections = _draw_sections(contents.sections, rng)
    source = WrittenSource(choose(spec.source.cited_as, rng), authorities, supports)
    chapter, number = rng.choice(CHAPTERS), rng.randint(2, 12)
    style = choose(HEADINGS, rng)
    for section in sections:
        if section.number:
            number += 1
            source.numbers[section.id] = f"{chapter}.{number}"
    _add_sections(source, spec, draws)
    source.text = draws.fill(spec.source.title, rng)
    for section in sections:
        heading = draws.fill(section.heading, rng)
        if section.id in source.numbers:
            styled = style.format(n=source.numbers[section.id], h=heading, w=source.cited_as.capitalize())
            # A number without a heading stands in the line of the text.
            source.text += f"\n\n{styled}\n" if heading else f"\n\n{styled.removeprefix('## ')}"
        else:
            source.text += f"\n\n{heading}\n" if heading else "\n\n"
        _write_body(source, section, draws, contents.in_play, rng)
    if load is not Load.full:
        _drop_absent_authorities(source, spec)
    return source


def _draw_sections(sections: tuple[SectionSpec, ...], rng: Random) -> list[SectionSpec]:
    """The sections that a draw has, in the order in which they stand."""
    drawn = [s for s in sections if s.chance == 1 or rng.random() < s.chance]
    first, middle, last = ([s for s in drawn if s.place == place] for place in ("first", "anywhere", "last"))
    rng.shuffle(middle)
    return first + middle + last


def _add_sections(source: WrittenSource, spec: FamilySpec, draws: Draws) -> None:
    """Make the numbered sections authorities, and let templates name the number and the citation of each section."""
    for section in spec.source.sections:
        draws.texts[f"{section.id}.number"] = ""
        draws.texts[f"{section.id}.cite"] = "the source"
    for name, number in source.numbers.items():
        source.authorities[name] = citation_forms(source.cited_as, number)
        source.supports[name] = set()
        draws.texts[f"{name}.number"] = number
        draws.texts[f"{name}.cite"] = source.authorities[name][0]


def _write_body(
    source: WrittenSource, section: SectionSpec, draws: Draws, in_play: Container[str], rng: Random
) -> None:
    """Add the text of a section to the source, and remember which claims its passages state."""
    body = template.parse(choose(wordings(section.text), rng).rstrip())
    text, marks = template.render_marked(body, draws.texts, rng, in_play, len(source.text))
    source.text += text
    for claim, span in marks:
        source.spans.setdefault(claim, []).append(span)
        if section.id in source.supports:
            source.supports[section.id].add(claim)


def _drop_absent_authorities(source: WrittenSource, spec: FamilySpec) -> None:
    """An authority whose passage was left out is no authority of this source."""
    text = source.text.casefold()
    for name in spec.authorities:
        if not any(stands_alone_in(text, form.casefold()) for form in source.authorities[name]):
            del source.authorities[name]


def citation_forms(word: str, number: str) -> tuple[str, ...]:
    """How an answer may write the number of a section."""
    forms = (f"{word} {number}", f"{word.capitalize()} {number}")
    return (*forms, f"§{number}") if word == "section" else forms


def stands_alone_in(text: str, form: str) -> bool:
    """Whether a text has a form that is no part of a longer word or number."""
    for at in starts_of(text, form):
        before, after = text[at - 1 : at] if at else "", text[at + len(form) : at + len(form) + 2]
        if not (before.isalnum() or before in ("_", ".", ",")) and not _GOES_ON.match(after):
            return True
    return False
