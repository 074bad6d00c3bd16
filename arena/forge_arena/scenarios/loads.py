"""How much a task asks, its load: which facts, rules and passages of a family's file are in play in one draw.

Under the load `full` everything in the file is in play. Under a lighter load the source demands fewer facts and asks for
fewer rules of form, and what the source then need not say is left out of it, together with the claims that stand there.
"""

import math
from collections import defaultdict
from collections.abc import Container, Iterable, Mapping, Set
from dataclasses import dataclass
from random import Random

from forge_arena.scenarios import template
from forge_arena.scenarios.spec import ClaimSpec, FamilySpec, SectionSpec, wordings
from forge_arena.types import ClaimKind, Load

# The name that stands for "this draw asks for all the rules of the file" where a condition names its claims.
ALL_RULES = "rules"

# How many claims that can be cited the source states at least, if the file has so many.
CITABLE = 2


@dataclass(frozen=True, slots=True)
class Portion:
    """What a lighter load takes of a file.

    Attributes:
        facts: the least and the most facts that the source demands.
        rules: the most rules that the source lays down.
        stated: the share of the file's facts that the source states at least.
        dated: how many facts with a former value the source states at least, if the file has so many.
        asides: whether the source has the asides of the file.
    """

    facts: tuple[int, int]
    rules: int
    stated: float
    dated: int
    asides: bool


PORTIONS = {
    Load.light: Portion(facts=(2, 3), rules=1, stated=0.35, dated=1, asides=False),
    Load.normal: Portion(facts=(3, 5), rules=2, stated=0.7, dated=2, asides=True),
}

# A file with fewer facts cannot be drawn lighter. A light task asks for up to three, and something true must be able to
# take the place of each.
FEWEST_FACTS = 2 * PORTIONS[Load.light].facts[1]


@dataclass(frozen=True, slots=True)
class Contents:
    """What one draw has of its family's file.

    Attributes:
        required: the claims that the source demands of an answer.
        rules: the rules that the source lays down.
        in_play: the claims of the scenario. It holds `ALL_RULES` if no rule of the file is missing.
        sections: the sections that can stand; a section with a chance may still be left out.
    """

    required: tuple[str, ...]
    rules: tuple[str, ...]
    in_play: Container[str]
    sections: tuple[SectionSpec, ...]


@dataclass(frozen=True, slots=True)
class Passages:
    """Where a file speaks of its claims.

    Attributes:
        homes: the sections that state each claim. A claim can only be in play if all of them stand.
        fixed: the claims that each section states whenever it stands.
        ties: the other claims without which a passage of the claim does not stand; they come into play together.
        marks: all claims that each section states.
        demanding: the sections that say which facts and rules the source demands.
        unmarked: the properties of options that no passage is marked for. They stand where the options stand.
    """

    homes: Mapping[str, frozenset[str]]
    fixed: Mapping[str, frozenset[str]]
    ties: Mapping[str, frozenset[str]]
    marks: Mapping[str, frozenset[str]]
    demanding: frozenset[str]
    unmarked: frozenset[str]


def passages_of(spec: FamilySpec) -> Passages:
    homes: defaultdict[str, set[str]] = defaultdict(set)
    fixed: defaultdict[str, set[str]] = defaultdict(set)
    ties: defaultdict[str, set[str]] = defaultdict(set)
    marks: defaultdict[str, set[str]] = defaultdict(set)
    conditional: set[str] = set()
    demanding: set[str] = set()
    for section in spec.source.sections:
        for text in wordings(section.text):
            nodes = template.parse(text.rstrip())
            conditional |= template.conditions_of(nodes)
            if {"required", "rules"} & template.slots_of(nodes):
                demanding.add(section.id)
            for claim, conditions in template.marks_under(nodes):
                homes[claim].add(section.id)
                marks[section.id].add(claim)
                # A citation is in play with its subject, wherever the cited passage is marked.
                if spec.claims[claim].kind is ClaimKind.citation:
                    continue
                if not conditions:
                    fixed[section.id].add(claim)
                elif claim not in conditions:
                    for other in conditions:
                        ties[claim].add(other)
                        ties[other].add(claim)
    for name, claim_spec in spec.claims.items():
        if claim_spec.authority is not None and claim_spec.authority not in spec.authorities:
            homes[name].add(claim_spec.authority)
    properties = {name for name, claim_spec in spec.claims.items() if claim_spec.of is not None}
    return Passages(
        homes=_freeze(homes),
        fixed=_freeze(fixed),
        ties=_freeze(ties),
        marks=_freeze(marks),
        demanding=frozenset(demanding),
        unmarked=frozenset(properties - homes.keys() - conditional),
    )


def _freeze(sets: Mapping[str, set[str]]) -> dict[str, frozenset[str]]:
    return {name: frozenset(names) for name, names in sets.items()}


def draw_contents(spec: FamilySpec, passages: Passages, load: Load, rng: Random) -> Contents:
    """Draw which facts the source demands, and under a lighter load also which rules, claims and sections there are."""
    if load is Load.full:
        required = tuple(_draw_required(spec, rng))
        return Contents(required, tuple(rules_of(spec)), template.EVERY_CLAIM, spec.source.sections)
    portion = PORTIONS[load]
    rules = [name for name in rules_of(spec) if _has(load, spec.claims[name].load)]
    asked = sorted(rng.sample(rules, min(portion.rules, len(rules))), key=rules.index)
    count = rng.randint(*portion.facts)
    # About twice as many facts as are demanded must stand in the source. Otherwise an answer often states all of them, and
    # nothing true is left to put in the place of an omitted fact.
    least = max(math.ceil(portion.stated * len(facts_of(spec))), 2 * count + 3)
    in_play = _draw_facts(spec, passages, load, least, rng)
    required = tuple(_draw_demand(spec, [fact for fact in facts_of(spec) if fact in in_play], count, rng))
    sections = tuple(section for section in spec.source.sections if _stands(section, passages, in_play, load))
    in_play |= set(asked)
    if portion.asides:
        in_play.add(template.ASIDES)
    if len(asked) == len(rules_of(spec)):
        in_play.add(ALL_RULES)
    return Contents(required, tuple(asked), frozenset(in_play), sections)


def rules_of(spec: FamilySpec) -> list[str]:
    """The constraints of a file, in its order."""
    return [name for name, claim in spec.claims.items() if claim.kind is ClaimKind.constraint]


def facts_of(spec: FamilySpec) -> list[str]:
    """The claims that a source can demand in `${required}`."""
    return [name for name, claim in spec.claims.items() if claim.required in ("sometimes", "always")]


def _draw_required(spec: FamilySpec, rng: Random) -> list[str]:
    always = [name for name, claim in spec.claims.items() if claim.required == "always"]
    sometimes = [name for name, claim in spec.claims.items() if claim.required == "sometimes"]
    if not sometimes:
        return always
    share = rng.randint(1, max(1, (2 * len(sometimes) + 2) // 3))
    return always + rng.sample(sometimes, min(share, len(sometimes)))


def _draw_demand(spec: FamilySpec, facts: list[str], count: int, rng: Random) -> list[str]:
    """The facts that are demanded: those that always are, one with a former value, and any others."""
    demanded = [fact for fact in facts if spec.claims[fact].required == "always"]
    others = [fact for fact in facts if fact not in demanded]
    rng.shuffle(others)
    dated = [fact for fact in others if spec.claims[fact].superseded is not None]
    for fact in (*dated[:1], *others):
        if len(demanded) < count and fact not in demanded:
            demanded.append(fact)
    return demanded


def _draw_facts(spec: FamilySpec, passages: Passages, load: Load, least: int, rng: Random) -> set[str]:
    """Claims that are in play together: at least so many facts, among them former values and claims that can be cited."""
    core = {name for name, claim in spec.claims.items() if _is_core(claim, load)} | passages.unmarked
    in_play = _complete(spec, passages, load, core)
    facts = [fact for fact in facts_of(spec) if _can_be_stated(spec, passages, load, fact)]
    rng.shuffle(facts)
    citable = {claim.subject for claim in spec.claims.values() if claim.kind is ClaimKind.citation and claim.subject}
    dated = [fact for fact in facts if spec.claims[fact].superseded is not None]

    def add(candidates: Iterable[str], counted: Set[str], wanted: int) -> None:
        """Put candidates into play until so many of the counted claims are in play."""
        nonlocal in_play
        for candidate in candidates:
            if len(counted & in_play) >= wanted:
                return
            in_play = _complete(spec, passages, load, in_play | {candidate})

    # First what is both, because it costs the fewest words.
    add([fact for fact in dated if fact in citable], set(dated) & citable, 1)
    add([fact for fact in facts if fact in citable], citable, CITABLE)
    add(dated, set(dated), PORTIONS[load].dated)
    add(facts, set(facts), least)
    return in_play


def _is_core(claim: ClaimSpec, load: Load) -> bool:
    """Whether a task cannot be done without this claim: what the task decides or writes, and what it always demands."""
    return _has(load, claim.load) and (
        claim.kind in (ClaimKind.option, ClaimKind.behaviour) or claim.required == "always"
    )


def _complete(spec: FamilySpec, passages: Passages, load: Load, claims: set[str]) -> set[str]:
    """These claims, and all others that the source states if it states these."""
    claims = set(claims)
    while True:
        sections = {home for claim in claims for home in passages.homes.get(claim, ())}
        sections |= {section.id for section in spec.source.sections if _always_stands(section, spec, passages, load)}
        more = {claim for section in sections for claim in passages.fixed.get(section, ())}
        more |= {tied for claim in claims for tied in passages.ties.get(claim, ())}
        more |= {
            name for name, claim in spec.claims.items() if claim.kind is ClaimKind.citation and claim.subject in claims
        }
        if more <= claims:
            return claims
        claims |= more


def _always_stands(section: SectionSpec, spec: FamilySpec, passages: Passages, load: Load) -> bool:
    """Whether a section stands under a load because of what it is; others stand for the claims that they state."""
    if section.load is not None:
        return _has(load, section.load)
    # Without what is said of the options there is nothing to decide by.
    tells_of_options = any(spec.claims[claim].of is not None for claim in passages.marks.get(section.id, ()))
    return tells_of_options or section.id in passages.demanding


def _can_be_stated(spec: FamilySpec, passages: Passages, load: Load, fact: str) -> bool:
    """Whether a fact can come into play under a load, and all sections that state it can stand."""
    left_out = {s.id for s in spec.source.sections if s.load is not None and not _has(load, s.load)}
    return _has(load, spec.claims[fact].load) and left_out.isdisjoint(passages.homes.get(fact, ()))


def _stands(section: SectionSpec, passages: Passages, in_play: Container[str], load: Load) -> bool:
    if section.load is not None:
        return _has(load, section.load)
    marks = passages.marks.get(section.id)
    if marks and section.id not in passages.demanding:
        return any(claim in in_play for claim in marks)
    return section.chance == 1 or load is not Load.light


def _has(load: Load, least: Load) -> bool:
    """Whether a load has what every load from `least` on has."""
    order = list(Load)
    return order.index(load) >= order.index(least)
