"""Prove a family: its statements say what they claim, its corruptions break what they name, and its rules are fair.

`forge-arena scenarios check` and the tests run this proof under each load of the family. An author runs it while writing.
"""

import asyncio
import re
from collections import Counter
from collections.abc import Callable, Iterator
from random import Random
from statistics import median

from forge_arena.corruptions import Injection, inject
from forge_arena.errors import CannotCorrupt, WorkerFailed
from forge_arena.placebos import edit_harmlessly
from forge_arena.scenarios import fairness
from forge_arena.scenarios.family import Family
from forge_arena.statements import Voice, alternative_or_right, fits, sentence
from forge_arena.types import VALUE_KINDS, Answer, Claim, ClaimKind, Load, Noun, Scenario, Standing, Statement
from forge_arena.verify import ClaimReport, Verifier
from forge_arena.verify.code import run_cases
from forge_arena.workers.scripted import ScriptedWorker

# Under a lighter load a source may have this share of the least words that its file wants.
LIGHTER = 0.3
# What is left of a sentence if a part of it was taken out and the rest does not fit together.
_DANGLING = (
    re.compile(r"(?:,|;|:|\b(?:and|or|but|with))\s*[.;!?](?=\s|$)"),
    re.compile(r"[,;]\s*[,;]"),
    re.compile(r"(?<=[.,;:])  (?=[^\W\d_])"),
    re.compile(r"[^\W\d_] [.,;](?=\s|$)"),
    re.compile(r"(?<!\.)\.\.(?!\.)(?=\s|$)"),
    re.compile(r"\n\n\n"),
    re.compile(r"(?<=[a-z]{3}\. )(?:the|and|it|is|in|with|for|at|of)\b"),
)
_SECTION = re.compile(r" \d+\.\d+$")
_CODE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


class Proof(Noun):
    """What a number of draws from a family showed.

    Attributes:
        load: how much the drawn tasks asked.
        answers: how many answers verified clean.
        rejected: how many did not.
        corrupted: for each type, how many of `answers * 4` injections succeeded.
        words: the words of a source, in the middle of the draws.
        facts: how many facts a source demanded, likewise.
        rules: how many rules a source laid down, likewise.
        problems: the faults, each with how often it was seen.
    """

    family: str
    load: Load
    draws: int
    answers: int
    rejected: int
    corrupted: dict[str, int]
    words: float
    facts: float
    rules: float
    problems: dict[str, int]


def prove(family: Family, draws: int = 20, seed: int = 0) -> Proof:
    """Draw `draws` scenarios, answer each, and corrupt each answer by every type at every stealth level."""
    problems = Counter(fairness.problems(family, draws, seed))
    corrupted: Counter[str] = Counter()
    placebos: Counter[tuple[str, bool]] = Counter()
    answers = rejected = 0
    scenarios: list[Scenario] = []
    for number in range(draws):
        rng = Random(f"{family.name}:{seed}:{number}")
        scenario = family.draw(rng)
        scenarios.append(scenario)
        verifier = Verifier(scenario)
        problems.update(_source_problems(scenario, family))
        problems.update(_left_out_problems(family, f"{family.name}:{seed}:{number}"))
        problems.update(_statement_problems(scenario, verifier))
        problems.update(_case_problems(scenario))
        try:
            answer = asyncio.run(ScriptedWorker().answer(scenario, rng))
        except WorkerFailed as error:
            problems[f"Worker: {error}"] += 1
            continue
        report = verifier.verify(answer.output)
        if report.clean:
            answers += 1
            injections = list(_corrupt(family, verifier, answer, rng))
            corrupted.update(injection.type for injection in injections)

            def reword(wording: int, number: int = number) -> Scenario:
                return family.draw(Random(f"{family.name}:{seed}:{number}"), wording)

            # One injection of each type is enough, because the placebos of the stealth levels are the same.
            for injection in {injection.type: injection for injection in injections}.values():
                placebos[injection.type, _has_placebo(verifier, injection, reword)] += 1
        else:
            rejected += 1
            problems[f"an answer that meant to be right breaks {sorted(report.broken)}"] += 1
    for type in sorted(family.corruptions):
        if corrupted[type] < answers * 2:
            problems[f"{type}: only {corrupted[type]} of {answers * 4} injections succeeded"] += 1
        if placebos[type, False] > placebos[type, True]:
            problems[f"{type}: {placebos[type, False]} answers have no harmless edit that looks like it"] += 1
    return Proof(
        family=family.name,
        load=family.load,
        draws=draws,
        answers=answers,
        rejected=rejected,
        corrupted=dict(corrupted),
        words=median(len(scenario.source_material.split()) for scenario in scenarios),
        facts=median(sum(_is_listed(claim, family) for claim in scenario.claims) for scenario in scenarios),
        rules=median(sum(c.kind is ClaimKind.constraint for c in scenario.claims) for scenario in scenarios),
        problems=dict(problems.most_common()),
    )


def _corrupt(family: Family, verifier: Verifier, answer: Answer, rng: Random) -> Iterator[Injection]:
    """Each injection that succeeds, over all types and stealth levels."""
    for type in sorted(family.corruptions):
        for stealth in range(4):
            try:
                yield inject(verifier, answer, type, stealth, rng)
            except CannotCorrupt:
                continue


def _has_placebo(verifier: Verifier, injection: Injection, reword: Callable[[int], Scenario]) -> bool:
    try:
        edit_harmlessly(verifier, injection.clean, injection.type, injection.target, Random(0), reword)
    except CannotCorrupt:
        return False
    return True


def _source_problems(scenario: Scenario, family: Family) -> Iterator[str]:
    words = len(scenario.source_material.split())
    low, high = family.spec.source.words
    if family.load is not Load.full:
        low = round(low * LIGHTER)
    if not low <= words <= high:
        yield f"the source has {words} words, wanted {low} to {high}"
    for claim in scenario.claims:
        if not claim.source_spans and claim.of is None and claim.kind is not ClaimKind.constraint:
            yield f"{claim.id}: no passage of this draw's source states it (is it only in a section with chance?)"


def _is_listed(claim: Claim, family: Family) -> bool:
    """Whether the source names the claim among the facts that it demands."""
    return claim.required and family.spec.claims[claim.id].required != "task"


def _left_out_problems(family: Family, seed: str) -> Iterator[str]:
    """What does not fit because a lighter load left something out: of the rules, the demands or the language."""
    if family.load is Load.full:
        return
    trial = family.draw_trial(Random(seed))
    scenario = trial.scenario
    source = " ".join(scenario.source_material.split()).casefold()
    for words, asked in trial.rules:
        if (" ".join(words.split()).casefold().rstrip(".") in source) != asked:
            yield f"a rule is {'not ' if asked else ''}laid down and {'' if asked else 'not '}asked: {words!r:.120}"
    for claim in scenario.claims:
        if _is_listed(claim, family) and claim.label.casefold() not in source:
            yield f"{claim.id}: required, and the source does not ask for {claim.label!r}"
        yield from _standing_problems(claim, source)
    prose = _CODE.sub("(code)", scenario.source_material)
    for pattern in _DANGLING:
        for match in pattern.finditer(prose):
            around = prose[max(match.start() - 40, 0) : match.end() + 20]
            yield f"the source reads as if something were missing: {around!r}"


def _standing_problems(claim: Claim, source: str) -> Iterator[str]:
    """The alternatives that a source is said to hold, and does not hold."""
    for alternative in claim.alternatives:
        in_source = alternative.standing in (Standing.right, Standing.superseded, Standing.elsewhere)
        if claim.kind in (*VALUE_KINDS, ClaimKind.citation) and in_source:
            # The source heads a section with its number alone.
            forms = [form.rpartition(" ")[2] if _SECTION.search(form) else form for form in alternative.forms]
            if not any(form.casefold() in source for form in forms):
                yield f"{claim.id}: {alternative.standing.value} {alternative.forms[0]!r} does not stand in the source"


def _statement_problems(scenario: Scenario, verifier: Verifier) -> Iterator[str]:
    """Each statement, in two spellings, must be read as stating what it says and nothing else."""
    for statement in scenario.statements:
        for spelling in range(2):
            voice = Voice(statement.when, dict.fromkeys(ClaimKind, spelling))
            if fits(statement, scenario, voice):
                yield from _sentence_problems(scenario, verifier, statement, voice)
                for claim in _values_of(scenario, statement):
                    yield from _wrong_problems(scenario, verifier, statement, voice, claim)


def _sentence_problems(scenario: Scenario, verifier: Verifier, statement: Statement, voice: Voice) -> Iterator[str]:
    text = sentence(statement, scenario, voice)
    report = verifier.verify(text)
    alternatives = _alternatives_in(scenario, report)
    claims = _values_of(scenario, statement)
    for claim in claims:
        wanted = voice.alternative(claim)
        if claim.id not in alternatives:
            yield f"{claim.id}: not recognised in {statement.part} {text!r}"
        elif alternatives[claim.id] != wanted:
            yield f"{claim.id}: read as {alternatives[claim.id]!r}, not {wanted!r}, in {text!r}"
    forms = {form for claim in claims for form in claim.right.forms}
    for other in sorted(set(alternatives) - set(statement.says)):
        # Two values may be drawn equal; then a sentence that says one says the other too.
        if forms.isdisjoint(scenario.claim(other).right.forms):
            yield f"{other}: also read as {alternatives[other]!r} in {text!r}, which does not say it"
    for value in report.unsupported:
        yield f"invented: {value.words} in {text!r}"


def _wrong_problems(
    scenario: Scenario, verifier: Verifier, statement: Statement, voice: Voice, claim: Claim
) -> Iterator[str]:
    """A statement about a value, said wrongly, must be read as exactly that wrong thing."""
    if claim.of is not None or claim.kind in (ClaimKind.behaviour, ClaimKind.option):
        return
    beside = {form for other in statement.says if other != claim.id for form in scenario.claim(other).right.forms}
    for alternative in claim.wrong:
        if not beside.isdisjoint((*alternative.forms, *claim.right.forms)):
            # The draw gave two claims of the sentence one value. No reader can then tell which of them is said wrongly.
            continue
        wrong = Voice({**voice.choice, claim.id: alternative.name}, voice.spelling)
        text = sentence(statement, scenario, wrong)
        broken = {
            claim_id
            for claim_id, name in _alternatives_in(scenario, verifier.verify(text)).items()
            if name != _wanted(scenario.claim(claim_id), voice)
        }
        if broken != {claim.id}:
            yield f"{claim.id} said as {alternative.name!r} breaks {sorted(broken)} in {text!r}"


def _wanted(claim: Claim, voice: Voice) -> str:
    return alternative_or_right(claim, voice.alternative(claim)).name


def _values_of(scenario: Scenario, statement: Statement) -> list[Claim]:
    """The claims that a statement states, without rules."""
    claims = (scenario.claim(claim_id) for claim_id in statement.says)
    return [claim for claim in claims if claim.kind is not ClaimKind.constraint]


def _alternatives_in(scenario: Scenario, report: ClaimReport) -> dict[str, str | None]:
    """The alternative that a text states of each claim, without rules."""
    return {
        finding.claim: finding.alternative
        for finding in report.findings
        if scenario.claim(finding.claim).kind is not ClaimKind.constraint
    }


def _case_problems(scenario: Scenario) -> Iterator[str]:
    """The right code must pass its cases, and wrong code must fail them."""
    for claim in scenario.claims:
        if claim.kind is not ClaimKind.behaviour:
            continue
        for alternative in claim.alternatives:
            for form in alternative.forms:
                passed = all(result.ok for result in run_cases(form, claim.cases))
                if passed != (alternative.name == claim.right.name):
                    result = "pass" if passed else "fail"
                    yield f"{claim.id}: the code of {alternative.name!r} must not {result} the cases"
