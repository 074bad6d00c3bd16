"""Prove a family before anyone trusts it: its statements say what they claim, its corruptions break what they name,
its rules are fair.

`forge-arena scenarios check` and the tests run this; an author runs it while writing.
"""

import asyncio
from collections import Counter
from random import Random

from forge_arena.code import run_cases
from forge_arena.corruptions import inject
from forge_arena.errors import CannotCorrupt, WorkerFailed
from forge_arena.scenarios import fairness
from forge_arena.scenarios.family import Family
from forge_arena.statements import Voice, alternative_or_right, fits, sentence
from forge_arena.types import Claim, ClaimKind, Noun, Scenario, Statement
from forge_arena.verify import Verifier
from forge_arena.workers.scripted import ScriptedWorker


class Proof(Noun):
    """What drawing from a family showed. `problems` are faults with how often each was seen; `corrupted` counts, per
    type, how many of the `answers` could take it; `rejected` answers did not verify clean."""

    family: str
    draws: int
    answers: int
    rejected: int
    corrupted: dict[str, int]
    problems: dict[str, int]


def prove(family: Family, draws: int = 20, seed: int = 0) -> Proof:
    """Draw `draws` scenarios, answer each, corrupt each answer by every type at every stealth level."""
    problems: Counter[str] = Counter()
    corrupted: Counter[str] = Counter()
    answers = rejected = 0
    worker = ScriptedWorker()
    problems.update(fairness.problems(family, draws, seed))
    for number in range(draws):
        rng = Random(f"{family.name}:{seed}:{number}")
        scenario = family.draw(rng)
        verifier = Verifier(scenario)
        problems.update(_source_problems(scenario, family.spec.source.words))
        problems.update(_statement_problems(scenario, verifier))
        problems.update(_case_problems(scenario))
        try:
            answer = asyncio.run(worker.answer(scenario, rng))
        except WorkerFailed as error:
            problems[f"Worker: {error}"] += 1
            continue
        report = verifier.verify(answer.output)
        if not report.clean:
            rejected += 1
            problems[f"an answer that meant to be right breaks {sorted(report.broken)}"] += 1
            continue
        answers += 1
        for type in sorted(family.corruptions):
            for stealth in range(4):
                try:
                    inject(verifier, answer, type, stealth, rng)
                    corrupted[type] += 1
                except CannotCorrupt:
                    pass
    for type in sorted(family.corruptions):
        if corrupted[type] < answers * 2:
            problems[f"{type}: only {corrupted[type]} of {answers * 4} injections succeeded"] += 1
    return Proof(
        family=family.name,
        draws=draws,
        answers=answers,
        rejected=rejected,
        corrupted=dict(corrupted),
        problems=dict(problems.most_common()),
    )


def _source_problems(scenario: Scenario, wanted: tuple[int, int]) -> list[str]:
    words = len(scenario.source_material.split())
    low, high = wanted
    found = [] if low <= words <= high else [f"the source has {words} words, wanted {low} to {high}"]
    for claim in scenario.claims:
        if not claim.source_spans and claim.of is None and claim.kind is not ClaimKind.constraint:
            found.append(
                f"{claim.id}: no passage of this draw's source states it (is it only in a section with chance?)"
            )
    return found


def _statement_problems(scenario: Scenario, verifier: Verifier) -> list[str]:
    found: list[str] = []
    for statement in scenario.statements:
        options = [Voice(statement.when, dict.fromkeys(ClaimKind, form)) for form in range(2)]
        for voice in options:
            found.extend(_says_problems(scenario, verifier, statement, voice))
    return found


def _says_problems(scenario: Scenario, verifier: Verifier, statement: Statement, voice: Voice) -> list[str]:
    claims = [scenario.claim(c) for c in statement.says]
    valued = [c for c in claims if c.kind is not ClaimKind.constraint]
    if not fits(statement, scenario, voice):
        return []
    text = sentence(statement, scenario, voice)
    made = {f.claim: f.alternative for f in verifier.verify(text).findings if _is_spoken(scenario.claim(f.claim))}
    found = []
    for claim in valued:
        wanted = voice.alternative(claim)
        if claim.id not in made:
            found.append(f"{claim.id}: not recognised in {statement.part} {text!r}")
        elif made[claim.id] != wanted:
            found.append(f"{claim.id}: read as {made[claim.id]!r}, not {wanted!r}, in {text!r}")
    shared = {form for claim in valued for form in claim.right.forms}
    for other in sorted(set(made) - set(statement.says)):
        # Two values may be drawn equal; then a sentence that says one says the other too.
        if not shared.isdisjoint(scenario.claim(other).right.forms):
            continue
        found.append(f"{other}: also read as {made[other]!r} in {text!r}, which does not say it")
    found += [f"{b} in {text!r}" for b in verifier.verify(text).broken if b.startswith("invented:")]
    for claim in valued:
        found.extend(_wrong_problems(scenario, verifier, statement, voice, claim))
    return found


def _wrong_problems(
    scenario: Scenario, verifier: Verifier, statement: Statement, voice: Voice, claim: Claim
) -> list[str]:
    """A statement about a value, said wrongly, must be read as exactly that wrong thing."""
    if claim.of is not None or claim.kind in (ClaimKind.behaviour, ClaimKind.option):
        return []
    found = []
    for alternative in claim.wrong:
        wrong = Voice({**voice.choice, claim.id: alternative.name}, voice.spelling)
        text = sentence(statement, scenario, wrong)
        read = {f.claim: f.alternative for f in verifier.verify(text).findings if _is_spoken(scenario.claim(f.claim))}
        right = {c: alternative_or_right(scenario.claim(c), voice.alternative(scenario.claim(c))).name for c in read}
        broken = {c for c in read if read[c] != right[c]}
        if broken != {claim.id}:
            found.append(f"{claim.id} said as {alternative.name!r} breaks {sorted(broken)} in {text!r}")
    return found


def _is_spoken(claim: Claim) -> bool:
    return claim.kind is not ClaimKind.constraint


def _case_problems(scenario: Scenario) -> list[str]:
    found = []
    for claim in scenario.claims:
        if claim.kind is not ClaimKind.behaviour:
            continue
        for alternative in claim.alternatives:
            for form in alternative.forms:
                passed = all(result.ok for result in run_cases(form, claim.cases))
                if passed != (alternative.name == claim.right.name):
                    said = "pass" if passed else "fail"
                    found.append(f"{claim.id}: the code of {alternative.name!r} must not {said} the cases")
    return found
