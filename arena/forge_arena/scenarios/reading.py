"""Read a scenario file, and refuse what does not fit: the message says where, what was given, and what was wanted."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import yaml
from pydantic import ValidationError

from forge_arena.errors import ScenarioError
from forge_arena.files import YAML_LOADER, parse_yaml, read_text
from forge_arena.scenarios import template
from forge_arena.scenarios.family import Family
from forge_arena.scenarios.loads import ALL_RULES, rules_of
from forge_arena.scenarios.slots import SlotSpec
from forge_arena.scenarios.spec import ClaimSpec, FamilySpec, as_argument, wordings
from forge_arena.statements import slots_of
from forge_arena.texts.words import SMALL_WORDS
from forge_arena.types import VALUE_KINDS, Check, ClaimKind
from forge_arena.verify.checks import names as checks
from forge_arena.verify.checks import refusal

Location: TypeAlias = tuple[str | int, ...]
Problem: TypeAlias = tuple[Location, str]

# The slots that a draw writes itself: what the source demands, and the rules that it lays down.
_WRITTEN_SLOTS = frozenset({"required", "rules"})


def load_family(path: Path, vocabulary: Mapping[str, Mapping[str, tuple[str, ...]]]) -> Family:
    """Read and check one scenario file.

    Raises:
        ScenarioError: `file:line: what is wrong, what was given, what was wanted`, for the first thing that is wrong.
    """
    text = read_text(path, error=ScenarioError)
    content = parse_yaml(text, str(path), error=ScenarioError)
    try:
        spec = FamilySpec.model_validate(content)
    except ValidationError as error:
        # A misspelt field is both unknown and missing. The unknown name says more.
        first = min(error.errors(include_url=False), key=lambda e: e["type"] != "extra_forbidden")
        where = ".".join(str(part) for part in first["loc"])
        given = f", got {first['input']!r:.80}" if first["type"] != "missing" else ""
        raise ScenarioError(f"{path}:{_line(text, first['loc'])}: {where}: {first['msg']}{given}") from None
    family = Family(spec, vocabulary.get(spec.split, {}))
    for location, problem in _problems(family):
        raise ScenarioError(f"{path}:{_line(text, location)}: {problem}")
    return family


def _problems(family: Family) -> Iterator[Problem]:
    """What does not fit together in a well-formed file."""
    spec = family.spec
    sections = {section.id for section in spec.source.sections}
    drawn: set[str] = set()
    for name, slot in spec.slots.items():
        yield from _slot_problems(name, slot, family, drawn)
        drawn |= {name} | {f"{name}.{n}" for n in range(2, slot.draws + 1)}
    for name in sorted(_WRITTEN_SLOTS & drawn):
        yield ("slots", name), f"a slot must not be named {name!r}: the arena writes the text of this name"
    slots = drawn | _WRITTEN_SLOTS | {f"{section}.{part}" for section in sections for part in ("number", "cite")}
    marked: set[str] = set()
    ids: set[str] = set()
    for place, section in enumerate(spec.source.sections):
        if section.id in ids:
            yield ("source", "sections", place), f"two sections have the id {section.id!r}: each needs one of its own"
        ids.add(section.id)
        for text in (section.heading, *wordings(section.text)):
            yield from _text_problems(("source", "sections", place), text, slots)
            for problem in _condition_problems(text, spec):
                yield ("source", "sections", place), problem
            marked |= template.marks_of(template.parse(text))
    for unknown in sorted(marked - set(spec.claims)):
        yield ("source",), f"a passage is marked <<{unknown}: …>> but there is no claim {unknown!r}"
    for both in sorted(sections & set(spec.authorities)):
        yield ("authorities", both), f"a section and an authority must not share the name {both!r}"
    for name, authority in spec.authorities.items():
        for form in authority.forms:
            yield from _text_problems(("authorities", name), form, drawn)
        for unknown in sorted(set(authority.supports) - set(spec.claims)):
            yield ("authorities", name), f"supports {unknown!r}, but there is no such claim"
    yield from _text_problems(("source", "title"), spec.source.title, slots)
    for text in wordings(spec.task):
        yield from _text_problems(("task",), text, slots)
    yield from _statement_problems(spec, slots)
    yield from _rule_problems(spec, slots)
    for name, claim in spec.claims.items():
        # A label is written into the source before any section has its number.
        yield from _text_problems(("claims", name), claim.label, drawn)
        for text in _texts_of_claim(claim):
            yield from _text_problems(("claims", name), text, slots)
    for name, claim in spec.claims.items():
        for problem in _claim_problems(name, claim, spec, slots, sections, marked):
            yield ("claims", name), problem
        for problem in _option_problems(claim):
            yield ("claims", name), problem


def _slot_problems(name: str, slot: SlotSpec, family: Family, drawn: set[str]) -> Iterator[Problem]:
    """What does not fit in a slot, if the slots in `drawn` are drawn before it."""
    where = ("slots", name)
    later = set(family.spec.slots) - drawn
    for text in slot.texts:
        yield from _text_problems(where, text, drawn | later)
        for early in sorted(template.slots_of(template.parse(text)) & later):
            yield where, f"slot {early!r} is drawn later; slots are drawn in file order, so move it up"
    for other in slot.unlike:
        if other not in drawn:
            yield where, f"unlike names {other!r}, which is no slot that is drawn before {name!r}; move it up"
    if slot.words is not None and slot.words not in family.vocabulary:
        yield where, f"no words {slot.words!r} in vocabulary.yaml for split {family.spec.split}"


def _texts_of_claim(claim: ClaimSpec) -> Iterator[str]:
    """The templates of a claim but its label."""
    yield from (claim.right or "", *claim.fabricated)
    for case in claim.cases:
        yield from (case.call, case.returns or "")
    for option in claim.options.values():
        yield from option.forms
        yield from (text for text in (*option.allows, *option.forbids) if isinstance(text, str))
        if not isinstance(option.argument, int):
            yield from (option.argument,) if isinstance(option.argument, str) else option.argument


def _option_problems(claim: ClaimSpec) -> Iterator[str]:
    """What does not fit in the options of a claim, as far as it is the same in every draw."""
    for name, option in claim.options.items():
        if option.check is None:
            if not option.forms:
                yield f"option {name!r} needs forms, or a check"
            continue
        argument = as_argument(option.argument) if isinstance(option.argument, str) else option.argument
        texts = argument if isinstance(argument, tuple) else (str(argument),)
        is_final = all(template.is_plain(template.parse(text)) for text in texts)
        why = refusal(Check(name=option.check, argument=argument))
        if why is not None and (is_final or option.check not in checks()):
            yield f"option {name!r}: {why}"


def _text_problems(where: Location, text: str, slots: set[str]) -> Iterator[Problem]:
    try:
        unknown = template.slots_of(template.parse(text)) - slots
    except ValueError as error:
        yield where, str(error)
        return
    for name in sorted(unknown):
        yield where, f"unknown slot ${{{name}}}; slots are {', '.join(sorted(slots))}"


def _condition_problems(text: str, spec: FamilySpec) -> Iterator[str]:
    nodes = template.parse(text)
    for unknown in sorted(template.conditions_of(nodes) - {*spec.claims, ALL_RULES, template.ASIDES}):
        yield f"a passage depends on {unknown!r}, which is neither a claim nor {ALL_RULES!r}"
    # A rule's own words must go when the rule is not asked.
    for name in rules_of(spec):
        for slot, claims in template.slots_under(nodes):
            if slot in _words_of_rule(name, spec) and not claims & {name, ALL_RULES}:
                yield (
                    f"${{{slot}}} lays down the rule {name!r} also under a load that does not ask for the rule; "
                    f"write it as $<{ALL_RULES}: ... ||${{rules}}>"
                )


def _words_of_rule(name: str, spec: FamilySpec) -> set[str]:
    """The slots that hold the words of a rule: those in its `rule` that depend on which of its options is right."""
    claim = spec.claims[name]
    deciding = template.slots_of(template.parse(claim.right or ""))
    return {
        slot
        for slot in template.slots_of(template.parse(claim.rule or ""))
        if slot in spec.slots and spec.slots[slot].map in deciding
    }


def _rule_problems(spec: FamilySpec, slots: set[str]) -> Iterator[Problem]:
    """What hinders a draw from laying down some of the rules and not others."""
    rules = rules_of(spec)
    for name, claim in spec.claims.items():
        where = ("claims", name)
        if claim.rule is not None:
            yield from _text_problems(where, claim.rule, slots)
            if template.has_choices(template.parse(claim.rule)):
                yield where, "rule must have one wording, without $[...|...]"
        if claim.habit is not None:
            yield from _text_problems(where, claim.habit, slots)
        if name not in rules and (claim.rule is not None or claim.habit is not None):
            yield where, f"only a constraint has a rule and a habit, not a claim of kind {claim.kind}"
    for name in sorted({ALL_RULES, template.ASIDES} & set(spec.claims)):
        yield ("claims", name), f"a claim must not be named {name!r}: templates have another use for the name"
    lays_down_rules = any(
        all("rules" in template.slots_of(template.parse(text)) for text in wordings(section.text))
        for section in spec.source.sections
    )
    if any(spec.claims[name].rule is not None for name in rules) and not lays_down_rules:
        yield ("source",), "no section has ${rules} in each of its wordings, so the rules would stand nowhere"


def _statement_problems(spec: FamilySpec, slots: set[str]) -> Iterator[Problem]:
    for place, statement in enumerate(spec.statements):
        where = ("statements", place)
        for unknown in sorted({*statement.says, *statement.when} - set(spec.claims)):
            yield where, f"unknown claim {unknown!r}; claims are {', '.join(spec.claims)}"
        for claim, option in statement.when.items():
            if claim in spec.claims and option not in spec.claims[claim].options:
                yield where, f"claim {claim!r} has no option {option!r}"
        for text in wordings(statement.text):
            yield from _text_problems(where, text, slots)
            for problem in _value_problems(text, spec):
                yield where, problem


def _value_problems(text: str, spec: FamilySpec) -> Iterator[str]:
    """The claims that a statement names and that the file lacks, and the alternatives that no draw can have.

    In the place of such an alternative a draw would state the right one.
    """
    filled_before = template.slots_of(template.parse(text))
    for name, alternative in slots_of(text):
        claim = spec.claims.get(name)
        if claim is None and name not in filled_before:
            yield f"the statement names {{{name}}}, but there is no claim {name!r}"
        names = None if claim is None else claim.alternative_names()
        if alternative is not None and names is not None and alternative not in names:
            yield f"claim {name!r} has no alternative {alternative!r}; it has {', '.join(sorted(names))}"


def _claim_problems(
    name: str, claim: ClaimSpec, spec: FamilySpec, slots: set[str], sections: set[str], marked: set[str]
) -> Iterator[str]:
    for slot in (claim.slot, claim.superseded, *claim.elsewhere, *claim.values.values()):
        if slot is not None and slot not in slots:
            yield f"unknown slot {slot!r}"
    if claim.kind is ClaimKind.citation:
        if claim.authority not in sections | set(spec.authorities):
            yield f"a citation needs an authority: a section or one of authorities, got {claim.authority!r}"
        for section in spec.source.sections:
            if section.id == claim.authority and (not section.number or section.chance < 1):
                yield f"section {section.id!r} is cited: it needs a number, and no chance of being left out"
        if claim.subject not in spec.claims:
            yield f"a citation needs a subject among the claims, got {claim.subject!r}"
    elif claim.options:
        if claim.right is None:
            yield "a claim with options needs right: the name of the fitting one"
    elif claim.values:
        if claim.of not in spec.claims:
            yield f"values by option need of: an option claim, got {claim.of!r}"
    elif claim.slot is None:
        yield "a claim needs a slot, options, values or an authority"
    if claim.required == "task" and claim.kind not in (ClaimKind.option, ClaimKind.behaviour):
        yield "required: task is for options and code; any other fact that is demanded stands in ${required}"
    for stem in (stem for stems in claim.about for stem in stems):
        if " " in stem:
            yield f"about holds beginnings of single words, got {stem!r}"
        elif len(claim.about) == 1 and stem in SMALL_WORDS:
            yield f"about holds words that tell of what a sentence speaks, and {stem!r} stands in any sentence"
    if claim.required != "never" and not claim.label:
        yield "a claim that can be required needs a label, such as 'the case number'"
    if claim.kind in VALUE_KINDS and not claim.about:
        yield "a value claim needs about: the words that tell what the value is of"
    if claim.kind not in (ClaimKind.constraint, ClaimKind.citation) and name not in marked and not claim.of:
        yield f"no passage of the source is marked <<{name}: …>>"
    if claim.kind is not ClaimKind.constraint and not any(name in s.says for s in spec.statements):
        yield "no statement says this claim"


def _line(text: str, location: tuple[Any, ...]) -> int:
    """The line of a place in a YAML text, counted from 1; of the nearest enclosing node that exists."""
    node = yaml.compose(text, Loader=YAML_LOADER)
    line = 1
    for part in location:
        if isinstance(node, yaml.MappingNode):
            found = next(((k, v) for k, v in node.value if k.value == str(part)), None)
            if found is None:
                break
            line, node = found[0].start_mark.line + 1, found[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line + 1
        else:
            break
    return line
