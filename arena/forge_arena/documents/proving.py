"""Prove the claims of a document with the Verifier: a statement is read as right, and its wrong twins as wrong.

What the Verifier cannot read in the author's own sentence it will not read in a Worker's. Such a claim, or such a wrong
alternative, is dropped. A sentence is read beside all claims, so everything is read again until nothing is dropped.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from forge_arena.documents.choices import CHOICE_ID
from forge_arena.documents.facts import Dropped, KeptFact
from forge_arena.documents.values import COMPARABLE_STEALTH, holds_value, places_of
from forge_arena.texts.respell import rewrite
from forge_arena.texts.sentences import lower
from forge_arena.types import VALUE_KINDS, Alternative, Claim, ClaimKind, Scenario, Standing
from forge_arena.verify import Verifier


@dataclass(frozen=True, slots=True)
class Proven:
    """The facts that the Verifier reads as they are meant, and what was dropped."""

    facts: tuple[KeptFact, ...]
    dropped: tuple[Dropped, ...]


def prove(scenario: Scenario, facts: Sequence[KeptFact]) -> Proven:
    """The facts of which the statement and its wrong twins are read as they are meant.

    Args:
        scenario: the task and the source, with the claims that are no facts: a choice and citations. Not with rules,
            because a single sentence keeps no rule on a whole answer.
    """
    kept = list(facts)
    dropped: list[Dropped] = []
    while kept:
        verifier = Verifier(_with_facts(scenario, kept))
        problems = [problem for fact in kept if (problem := _problem(verifier, fact, kept)) is not None]
        if not problems:
            proven = [_with_proven_alternatives(verifier, fact, dropped) for fact in kept]
            unproven = [fact for fact in proven if fact.claim.kind is not ClaimKind.term and not fact.claim.wrong]
            if unproven:
                dropped += [_no_wrong_left(fact) for fact in unproven]
                kept = [fact for fact in proven if fact not in unproven]
                continue
            if all(old.claim == new.claim for old, new in zip(kept, proven, strict=True)):
                break
            kept = proven
            continue
        spared = _without_values_of_others(verifier, kept, dropped)
        if spared is not None:
            kept = spared
            continue
        # One at a time, because a claim that goes may have been what spoiled the others. Optional ones go first.
        worst, reason = min(problems, key=lambda problem: (problem[0].claim.required, -kept.index(problem[0])))
        dropped.append(Dropped(_name(worst), reason))
        kept.remove(worst)
    return Proven(tuple(kept), tuple(dropped))


def prove_citations(
    scenario: Scenario, facts: Sequence[KeptFact], citations: Sequence[Claim]
) -> tuple[list[Claim], list[Dropped]]:
    """The citations that are read as they are meant behind the statement of their fact, and what was dropped."""
    statements = {fact.claim.id: _bare(fact.statement) for fact in facts}
    kept = list(citations)
    dropped: list[Dropped] = []
    while True:
        base = _with_facts(scenario, facts)
        verifier = Verifier(base.model_copy(update={"claims": (*base.claims, *kept)}))
        proven: list[Claim] = []
        for claim in kept:
            statement = statements[claim.subject or ""]
            report = verifier.verify(f"{statement} ({claim.right.forms[0]}).")
            wrong = [a for a in claim.wrong if _is_cited_wrongly(verifier, claim, f"{statement} ({a.forms[0]}).")]
            if claim.id not in report.stated or report.contradicted - {CHOICE_ID}:
                dropped.append(Dropped(claim.label, "behind the statement its citation is not read as right"))
            elif not wrong:
                dropped.append(Dropped(claim.label, "no other section behind the statement is read as wrong"))
            else:
                proven.append(claim.model_copy(update={"alternatives": (claim.right, *wrong)}))
        if proven == kept:
            return kept, dropped
        kept = proven


def _is_cited_wrongly(verifier: Verifier, claim: Claim, text: str) -> bool:
    report = verifier.verify(text)
    return report.contradicted - {CHOICE_ID} == {claim.id} and not report.unsupported


def together(scenario: Scenario, facts: Sequence[KeptFact]) -> frozenset[str]:
    """The facts that are read otherwise if the statements of all facts stand in one text.

    The text may well be a copy of a short source. That is nothing against the facts.
    """
    report = Verifier(_with_facts(scenario, facts)).verify(" ".join(fact.statement for fact in facts))
    return frozenset(fact.claim.id for fact in facts) - report.stated


def _with_facts(scenario: Scenario, facts: Sequence[KeptFact]) -> Scenario:
    ids = {fact.claim.id for fact in facts}
    others = tuple(c for c in scenario.claims if c.subject is None or c.subject in ids)
    return scenario.model_copy(update={"claims": (*(fact.claim for fact in facts), *others)})


def _problem(verifier: Verifier, fact: KeptFact, facts: Sequence[KeptFact]) -> tuple[KeptFact, str] | None:
    report = verifier.verify(fact.statement)
    claim = fact.claim
    if claim.id not in report.stated:
        return fact, "its own statement is not read as stating it"
    # A statement that names one option alone seems to choose it. In an answer the choice stands beside it.
    others = [other for other in facts if other is not fact and other.claim.id in report.contradicted]
    if claim.id in report.contradicted:
        return fact, "its own statement is read as contradicting it"
    if others:
        # Of two facts that are read against each other the one goes that is worth less and read with less certainty.
        worst = min((fact, *others), key=_worth)
        if worst is fact:
            return fact, f"its statement is read as contradicting \u201c{others[0].claim.label}\u201d"
        return worst, f"the statement of \u201c{claim.label}\u201d is read as contradicting it"
    if report.unsupported:
        words = ", ".join(value.words for value in report.unsupported)
        return fact, f"its statement gives {words}, which neither the document nor the task does"
    return _confusion(verifier, fact, facts)


def _without_values_of_others(
    verifier: Verifier, facts: Sequence[KeptFact], dropped: list[Dropped]
) -> list[KeptFact] | None:
    """The facts without the wrong values that the statement of another fact gives rightly for something else.

    "Skates that come back after 9 days are cleaned at $4" would otherwise contradict the 20 days of a loan, only
    because 9 days were taken from there as a wrong value. A fact is worth more than one of several wrong values. What
    an author named as the value of another case stays.

    Returns: None if there is no such value.
    """
    for fact in facts:
        for finding in verifier.verify(fact.statement).findings:
            other = next((other for other in facts if other is not fact and other.claim.id == finding.claim), None)
            if other is None or finding.alternative is None:
                continue
            wrong = other.claim.alternative(finding.alternative)
            if wrong.standing is not Standing.elsewhere or wrong.stealth != COMPARABLE_STEALTH:
                continue
            reason = f"the statement of \u201c{fact.claim.label}\u201d gives it for something else"
            dropped.append(Dropped(f"{_name(other)}: wrong value {wrong.forms[0]}", reason))
            rest = tuple(alternative for alternative in other.claim.alternatives if alternative is not wrong)
            spared = replace(other, claim=other.claim.model_copy(update={"alternatives": rest}))
            return [spared if fact is other else fact for fact in facts]
    return None


def _worth(fact: KeptFact) -> tuple[bool, bool]:
    return fact.claim.required, fact.value is not None


def _confusion(verifier: Verifier, fact: KeptFact, facts: Sequence[KeptFact]) -> tuple[KeptFact, str] | None:
    """A fact without a number that the statement of another fact is read as stating: one of the two must go."""
    if fact.claim.kind is not ClaimKind.term:
        return None
    for other in facts:
        if other is fact or (fact.value is not None and holds_value(other.statement, fact.value)):
            continue
        if fact.claim.id in verifier.verify(other.statement).stated:
            if fact.claim.required and not other.claim.required:
                return other, f"its statement is read as stating \u201c{fact.claim.label}\u201d"
            return fact, f"the statement of \u201c{other.claim.label}\u201d is read as stating it"
    return None


def _with_proven_alternatives(verifier: Verifier, fact: KeptFact, dropped: list[Dropped]) -> KeptFact:
    """The fact with those of its wrong alternatives that are read as wrong where they stand in its statement."""
    claim = fact.claim
    proven: list[Alternative] = []
    for alternative in claim.wrong:
        texts = list(_with_alternative(fact, alternative))
        if texts and all(_is_read_as_wrong(verifier, claim, text) for text in texts):
            proven.append(alternative)
        else:
            reason = "in the statement it is not read as wrong" if texts else "it cannot take the place of the value"
            dropped.append(Dropped(f"{_name(fact)}: wrong value {alternative.forms[0]}", reason))
    return replace(fact, claim=claim.model_copy(update={"alternatives": (claim.right, *proven)}))


def _is_read_as_wrong(verifier: Verifier, claim: Claim, text: str) -> bool:
    report = verifier.verify(text)
    return report.contradicted - {CHOICE_ID} == {claim.id} and not report.unsupported


def _with_alternative(fact: KeptFact, alternative: Alternative) -> Iterator[str]:
    """The statement with a wrong alternative in the place of the right one."""
    if fact.value is None:
        yield f"{alternative.forms[0]}."
        return
    places = list(places_of(fact.statement, fact.value))
    if not places:
        return
    text = fact.statement
    for span in sorted({(span.start, span.end) for span in places}, reverse=True):
        surface = text[slice(*span)]
        new = alternative.forms[0]
        if fact.value.kind in VALUE_KINDS and lower(surface) != lower(fact.value.surface):
            new = rewrite(fact.value.surface, new, surface, fact.value.kind) or new
        text = f"{text[: span[0]]}{new}{text[span[1] :]}"
    yield text


def _bare(statement: str) -> str:
    return statement.rstrip(".")


def _no_wrong_left(fact: KeptFact) -> Dropped:
    return Dropped(_name(fact), "no wrong value in its place is read as wrong")


def _name(fact: KeptFact) -> str:
    return f"fact {fact.claim.id.removeprefix('fact_')} ({fact.claim.label})"
