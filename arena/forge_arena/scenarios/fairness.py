"""Prove that a family is fair: a check takes what its rule's words allow, needs nothing unsaid, and code is read by
what the code does.

A family's author writes, for each option of a rule, answers that the rule's words allow and answers that they forbid.
The check of the option must take the former and refuse the latter. The readings must be other words than the scripted
Worker's, because its sentences were written to fit the check. Whatever name a check needs must stand in the task or in
the source, because a Worker sees nothing else. For code no readings are written: the known right code is laid out anew,
and stands behind a quotation of the code under review and before an example of a call.
"""

import ast
import re
from collections.abc import Iterator
from random import Random

from forge_arena.checks import violation
from forge_arena.scenarios.family import Family, Reading
from forge_arena.types import Claim, ClaimKind, Scenario
from forge_arena.verify import Verifier

ALLOWED_AT_LEAST = 3
FORBIDDEN_AT_LEAST = 2
# A statement of fewer words, such as a greeting, may stand in any answer.
OWN_WORDS = 6

_WORD = re.compile(r"\w+")


def missing_readings(family: Family) -> list[str]:
    """The options of rules for which the file has too few readings."""
    found = []
    for name, claim in family.spec.claims.items():
        for option, spec in claim.options.items() if claim.kind is ClaimKind.constraint else ():
            for kind, readings, least in (
                ("allows", spec.allows, ALLOWED_AT_LEAST),
                ("forbids", spec.forbids, FORBIDDEN_AT_LEAST),
            ):
                if len(readings) < least:
                    found.append(f"{name}.{option}: {kind} has {len(readings)} readings, wanted at least {least}")
    return found


def code_readings(scenario: Scenario) -> tuple[Reading, ...]:
    """Answers whose code does what the cases ask, and answers whose code does not."""
    found = []
    for claim in scenario.claims:
        if claim.kind is not ClaimKind.behaviour or not claim.wrong:
            continue
        right, wrong = claim.right.forms[0], claim.wrong[0].forms[0]
        again = ast.unparse(ast.parse(right))
        quotation, call = (
            f"The code under review:\n{_fenced(wrong)}",
            f"It is called so:\n{_fenced(claim.cases[0].call)}",
        )
        for allowed, text in (
            (True, _fenced(f"# Put right.\n{again}")),
            (True, f"{quotation}\nIt should be:\n{_fenced(right)}"),
            (True, f"{_fenced(right)}\n{call}"),
            (False, _fenced(ast.unparse(ast.parse(wrong)))),
            (False, f"{quotation}\n{call}"),
            (False, call),
        ):
            found.append(Reading(claim.id, claim.right.name, text, allowed))
    return tuple(found)


def misread(scenario: Scenario, readings: tuple[Reading, ...]) -> list[str]:
    """The readings that a check takes wrongly: allowed by the rule and refused, or forbidden and taken."""
    verifier = Verifier(scenario)
    found = []
    for reading in readings:
        claim = scenario.claim(reading.claim)
        if _takes(verifier, claim, reading) != reading.allowed:
            wrong = "allowed by the rule and refused" if reading.allowed else "forbidden by the rule and taken"
            found.append(f"{claim.id}.{reading.option}: {wrong}: {reading.text!r:.160}")
    return found


def borrowed_readings(scenario: Scenario, readings: tuple[Reading, ...]) -> list[str]:
    """The readings that hold a sentence of the scripted Worker."""
    sentences = [words for s in scenario.statements if len(words := _words(s.text)) >= OWN_WORDS]
    found = []
    for reading in readings:
        text = f" {' '.join(_words(reading.text))} "
        if any(f" {' '.join(sentence)} " in text for sentence in sentences):
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
        yield from misread(scenario, (*readings, *code_readings(scenario)))
        yield from borrowed_readings(scenario, readings)
        yield from unsaid_names(scenario)


def _fenced(code: str) -> str:
    return f"```python\n{code.strip()}\n```"


def _takes(verifier: Verifier, claim: Claim, reading: Reading) -> bool:
    option = claim.alternative(reading.option)
    if option.check is not None:
        return violation(option.check, reading.text) is None
    findings = verifier.verify(reading.text).of(claim.id)
    return bool(findings) and all(finding.alternative == reading.option for finding in findings)


def _words(text: str) -> list[str]:
    return [word.casefold() for word in _WORD.findall(text)]
