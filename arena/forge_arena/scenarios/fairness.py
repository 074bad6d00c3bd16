"""Prove that a family is fair: checks allow what the words of a rule allow, and need nothing that nobody said.

For each option of a rule, the author of a family writes *readings*: answers that the words of the rule allow, and answers
that they forbid. The check of the option must accept the first and refuse the second. The readings must not repeat the
sentences of the scripted Worker, because these sentences were written to fit the check. A name that a check needs must be in
the task or in the source, because a Worker sees nothing else.

Example: for the rule "Do not name the doctor", an allowed reading is "Our doctor will call you.", and a forbidden reading is
"Dr. Roe will call you."

Nobody writes readings for code. They are made from the right code: laid out anew, behind a quotation of the code under
review, and before an example of a call.
"""

import ast
import re
from collections.abc import Iterator
from random import Random

from forge_arena.scenarios.family import Family, Reading
from forge_arena.types import Claim, ClaimKind, Scenario
from forge_arena.verify import Verifier
from forge_arena.verify.checks import violation

ALLOWED_AT_LEAST = 3
FORBIDDEN_AT_LEAST = 2
# Any answer may have a statement of fewer words, such as a greeting.
OWN_WORDS = 6

_WORD = re.compile(r"\w+")


def missing_readings(family: Family) -> list[str]:
    """The options of rules for which the file has too few readings."""
    problems = []
    for name, claim in family.spec.claims.items():
        if claim.kind is not ClaimKind.constraint:
            continue
        for option, spec in claim.options.items():
            for kind, count, least in (
                ("allows", len(spec.allows), ALLOWED_AT_LEAST),
                ("forbids", len(spec.forbids), FORBIDDEN_AT_LEAST),
            ):
                if count < least:
                    problems.append(f"{name}.{option}: {kind} has {count} readings, wanted at least {least}")
    return problems


def code_readings(scenario: Scenario) -> tuple[Reading, ...]:
    """Answers whose code does what the cases ask, and answers whose code does not."""
    return tuple(
        Reading(claim.id, claim.right.name, text, allowed)
        for claim in scenario.claims
        if claim.kind is ClaimKind.behaviour and claim.wrong
        for allowed, text in _code_answers(claim)
    )


def _code_answers(claim: Claim) -> Iterator[tuple[bool, str]]:
    """(whether the answer is right, the answer), in every layout."""
    right, wrong = claim.right.forms[0], claim.wrong[0].forms[0]
    quotation = f"The code under review:\n{_fence(wrong)}"
    call = f"It is called so:\n{_fence(claim.cases[0].call)}"
    yield True, _fence(f"# Put right.\n{_lay_out_anew(right)}")
    yield True, f"{quotation}\nIt should be:\n{_fence(right)}"
    yield True, f"{_fence(right)}\n{call}"
    yield False, _fence(_lay_out_anew(wrong))
    yield False, f"{quotation}\n{call}"
    yield False, call


def misreadings(scenario: Scenario, readings: tuple[Reading, ...]) -> list[str]:
    """The readings that a check takes wrongly: allowed by the rule and refused, or forbidden and taken."""
    verifier = Verifier(scenario)
    problems = []
    for reading in readings:
        claim = scenario.claim(reading.claim)
        if _accepts(verifier, claim, reading) != reading.allowed:
            fault = "allowed by the rule and refused" if reading.allowed else "forbidden by the rule and taken"
            problems.append(f"{claim.id}.{reading.option}: {fault}: {reading.text!r:.160}")
    return problems


def borrowed_readings(scenario: Scenario, readings: tuple[Reading, ...]) -> list[str]:
    """The readings that repeat a sentence of the scripted Worker."""
    sentences = [words for statement in scenario.statements if len(words := _words(statement.text)) >= OWN_WORDS]
    problems = []
    for reading in readings:
        text = f" {' '.join(_words(reading.text))} "
        if any(f" {' '.join(sentence)} " in text for sentence in sentences):
            problems.append(f"{reading.claim}.{reading.option}: the scripted Worker's own words: {reading.text!r:.160}")
    return problems


def unsaid_names(scenario: Scenario) -> list[str]:
    """The rules that need words which neither the task nor the source has."""
    seen = set(_words(f"{scenario.task}\n{scenario.source_material}"))
    problems = []
    for claim in scenario.claims:
        check = claim.right.check
        if check is None or isinstance(check.argument, int):
            continue
        arguments = (check.argument,) if isinstance(check.argument, str) else check.argument
        unsaid = [sorted(set(_words(argument)) - seen) for argument in arguments]
        if unsaid and all(unsaid):
            problems.append(f"{claim.id}: {check.name} needs {', '.join(unsaid[0])}, which task and source do not say")
    return problems


def problems(family: Family, draws: int, seed: int = 0) -> Iterator[str]:
    """The faults in so many draws of a family, each as often as it occurs."""
    yield from missing_readings(family)
    for number in range(draws):
        scenario, readings = family.draw_with_readings(Random(f"{family.name}:fairness:{seed}:{number}"))
        yield from misreadings(scenario, (*readings, *code_readings(scenario)))
        yield from borrowed_readings(scenario, readings)
        yield from unsaid_names(scenario)


def _lay_out_anew(code: str) -> str:
    return ast.unparse(ast.parse(code))


def _fence(code: str) -> str:
    return f"```python\n{code.strip()}\n```"


def _accepts(verifier: Verifier, claim: Claim, reading: Reading) -> bool:
    option = claim.alternative(reading.option)
    if option.check is not None:
        return violation(option.check, reading.text) is None
    findings = verifier.verify(reading.text).of(claim.id)
    return bool(findings) and all(finding.alternative == reading.option for finding in findings)


def _words(text: str) -> list[str]:
    return [word.casefold() for word in _WORD.findall(text)]
