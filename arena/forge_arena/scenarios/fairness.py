"""Prove that the rules of a family are fair: a check takes what its rule's words allow, and needs nothing unsaid.

A family's author writes, for each option of a rule, answers that the rule's words allow and answers that they forbid.
The check of the option must take the former and refuse the latter. The readings must be other words than the scripted
Worker's, because its sentences were written to fit the check. Whatever name a check needs must stand in the task or in
the source, because a Worker sees nothing else.
"""

import re
from collections.abc import Iterator
from random import Random

from forge_arena.checks import violation
from forge_arena.scenarios.family import Family, Reading
from forge_arena.types import Claim, ClaimKind, Scenario
from forge_arena.verify import Judge

ALLOWED_AT_LEAST = 3
FORBIDDEN_AT_LEAST = 2
# A statement of fewer words, such as a greeting, may stand in any answer.
OWN_WORDS = 5

_WORD = re.compile(r"\w+")


def missing_readings(family: Family) -> list[str]:
    """The options of rules, and the right code, for which the file has too few readings."""
    found = []
    for name, claim in family.spec.claims.items():
        for option, spec in claim.options.items():
            is_code = claim.kind is ClaimKind.behaviour and option == claim.right
            if claim.kind is not ClaimKind.constraint and not is_code:
                continue
            for kind, readings, least in (
                ("allows", spec.allows, ALLOWED_AT_LEAST),
                ("forbids", spec.forbids, FORBIDDEN_AT_LEAST),
            ):
                if len(readings) < least:
                    found.append(f"{name}.{option}: {kind} has {len(readings)} readings, wanted at least {least}")
    return found


def misread(scenario: Scenario, readings: tuple[Reading, ...]) -> list[str]:
    """The readings that a check takes wrongly: allowed by the rule and refused, or forbidden and taken."""
    judge = Judge(scenario)
    found = []
    for reading in readings:
        claim = scenario.claim(reading.claim)
        if _takes(judge, claim, reading) != reading.allowed:
            wrong = "allowed by the rule and refused" if reading.allowed else "forbidden by the rule and taken"
            found.append(f"{claim.id}.{reading.option}: {wrong}: {reading.text!r:.160}")
    return found


def borrowed(scenario: Scenario, readings: tuple[Reading, ...]) -> list[str]:
    """The readings that hold a sentence of the scripted Worker."""
    sentences = [words for s in scenario.statements if len(words := _words(s.text)) >= OWN_WORDS]
    found = []
    for reading in readings:
        words = f" {' '.join(_words(reading.text))} "
        if any(f" {' '.join(sentence)} " in words for sentence in sentences):
            found.append(f"{reading.claim}.{reading.option}: the scripted Worker's own words: {reading.text!r:.160}")
    return found


def unsaid_names(scenario: Scenario) -> list[str]:
    """The rules that need words which stand neither in the task nor in the source."""
    seen = set(_words(f"{scenario.task}\n{scenario.source_material}"))
    found = []
    for claim in scenario.claims:
        check = claim.right.check
        if check is None or isinstance(check.argument, int):
            continue
        arguments = (check.argument,) if isinstance(check.argument, str) else check.argument
        unsaid = [sorted(set(_words(argument)) - seen) for argument in arguments]
        if unsaid and all(unsaid):
            found.append(f"{claim.id}: {check.name} needs {', '.join(unsaid[0])}, which task and source do not say")
    return found


def problems(family: Family, draws: int, seed: int = 0) -> Iterator[str]:
    """What is unfair in so many draws of a family, each as often as it was seen."""
    yield from missing_readings(family)
    for number in range(draws):
        scenario, readings = family.draw_with_readings(Random(f"{family.name}:fairness:{seed}:{number}"))
        yield from misread(scenario, readings)
        yield from borrowed(scenario, readings)
        yield from unsaid_names(scenario)


def _takes(judge: Judge, claim: Claim, reading: Reading) -> bool:
    option = next(a for a in claim.alternatives if a.name == reading.option)
    if option.check is not None:
        return violation(option.check, reading.text) is None
    findings = judge.report(reading.text).of(claim.id)
    return bool(findings) and all(finding.alternative == reading.option for finding in findings)


def _words(text: str) -> list[str]:
    return [word.casefold() for word in _WORD.findall(text)]
