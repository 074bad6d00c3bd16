"""What a Worker is told of a rejected answer, and what it is never told."""

from collections.abc import Iterator
from random import Random

import pytest

from forge_arena.revision import MOST, forms_of_what_is_right, objections
from forge_arena.scenarios import load_families
from forge_arena.scenarios.family import Family
from forge_arena.texts.sentences import contains_whole, lower
from forge_arena.types import Alternative, Check, Claim, ClaimKind, Domain, Scenario, Standing
from forge_arena.verify import ClaimReport, Verifier
from forge_arena.verify.checks import names
from forge_arena.verify.report import Finding, Unsupported
from forge_arena.workers import ScriptedWorker

NOTHING = ClaimReport(frozenset(), frozenset(), frozenset(), (), ())
DRAWS = 3


def contradicted(claim: Claim, text: str, alternative: str | None) -> ClaimReport:
    finding = Finding(claim.id, alternative, 0, len(text))
    return ClaimReport(frozenset(), frozenset({claim.id}), frozenset(), (), (finding,))


def lacking(claim: Claim) -> ClaimReport:
    return ClaimReport(frozenset(), frozenset(), frozenset({claim.id}), (), ())


def every_objection(scenario: Scenario) -> Iterator[tuple[Claim, str]]:
    """One objection for each claim that is missing, and for each form in which each claim can be wrong."""
    for claim in scenario.claims:
        for objection in objections(scenario, lacking(claim), ""):
            yield claim, objection
        for alternative in claim.wrong:
            for form in alternative.forms or ("Some text.",):
                for objection in objections(scenario, contradicted(claim, form, alternative.name), form):
                    yield claim, objection
        for objection in objections(scenario, contradicted(claim, "", None), ""):
            yield claim, objection


@pytest.mark.parametrize("family", load_families(), ids=lambda family: family.name)
def test_every_fault_of_every_claim_is_one_sentence_that_does_not_hold_what_is_right(family: Family) -> None:
    about_the_claim = told = 0
    for seed in range(DRAWS):
        scenario = family.draw(Random(seed))
        claims = [claim for claim, _ in every_objection(scenario)]
        expected = sum(2 + sum(len(a.forms) or 1 for a in claim.wrong) for claim in scenario.claims)
        assert len(claims) == expected
        for claim, objection in every_objection(scenario):
            low = lower(objection)
            assert objection.endswith((".", ").")), objection
            assert "\n" not in objection
            for form in forms_of_what_is_right(claim):
                assert not contains_whole(low, lower(form)), (objection, form)
            told += 1
            about_the_claim += lower(claim.label) in low
    # Only a label or a wrong form that holds a right form is left out.
    assert about_the_claim / told > 0.9


def test_each_check_has_words_of_its_own() -> None:
    for name in names():
        check = Check(name=name, argument=("Verdict: ready",))
        claim = Claim(
            id="rule",
            kind=ClaimKind.constraint,
            label="the verdict",
            alternatives=(Alternative(name="right", standing=Standing.right, check=check),),
        )
        (objection,) = objections(scenario_of(claim), contradicted(claim, "Some text.", None), "Some text.")
        assert objection.endswith(" See the verdict.")
        assert not objection.startswith("The answer breaks a rule"), name
        assert "ready" not in objection


def scenario_of(*claims: Claim) -> Scenario:
    return Scenario(
        family="f", domain=Domain.mixed, task="Tell.", source_material="Refunds take 5 days.", claims=claims
    )


def claim_of(kind: ClaimKind, right: str, *wrong: tuple[str, Standing], label: str = "the window") -> Claim:
    others = tuple(Alternative(name=f"w{n}", standing=s, forms=(form,)) for n, (form, s) in enumerate(wrong))
    return Claim(
        id="c",
        kind=kind,
        label=label,
        required=True,
        alternatives=(Alternative(name="r", standing=Standing.right, forms=(right,)), *others),
    )


@pytest.mark.parametrize(
    ("kind", "standing", "words"),
    [
        (ClaimKind.duration, Standing.superseded, "'14 days' is not in force any more: the window."),
        (ClaimKind.duration, Standing.absent, "'14 days' is not in the material: the window."),
        (
            ClaimKind.citation,
            Standing.elsewhere,
            "'14 days' is not about this: check which passage says it (the window).",
        ),
        (
            ClaimKind.option,
            Standing.unfit,
            "'14 days' does not fit the case: weigh the options once more against what the material demands (the window).",
        ),
    ],
)
def test_an_objection_quotes_the_answer_and_says_why(kind: ClaimKind, standing: Standing, words: str) -> None:
    claim = claim_of(kind, "5 days", ("14 days", standing))
    assert objections(scenario_of(claim), contradicted(claim, "14 days", "w0"), "14 days") == (words,)


def test_words_that_hold_what_is_right_are_not_repeated() -> None:
    claim = claim_of(ClaimKind.duration, "14 days", ("10 to 14 days", Standing.absent))
    (objection,) = objections(scenario_of(claim), contradicted(claim, "10 to 14 days", "w0"), "10 to 14 days")
    assert objection == "Look once more at a period of time that the answer gives."
    telling = claim_of(ClaimKind.duration, "14 days", label="the limit of 14 days")
    assert "14" not in objections(scenario_of(telling), lacking(telling), "")[0]


def test_inventions_are_quoted_and_a_text_that_is_wrong_throughout_gets_a_list_of_bearable_length() -> None:
    values = tuple(Unsupported(ClaimKind.duration, f"{n} minutes", 0, 1) for n in range(1440, 1440 + 3 * MOST))
    report = ClaimReport(frozenset(), frozenset(), frozenset(), values, ())
    told = objections(scenario_of(), report, "")
    assert told[0] == "'1440 minutes' is not in the material."
    assert len(told) == MOST + 1
    assert told[-1] == f"There are {2 * MOST} more faults of these kinds."


def test_nothing_is_said_of_what_the_worker_was_told_to_break() -> None:
    target = claim_of(ClaimKind.duration, "5 days", ("14 days", Standing.absent))
    other = target.model_copy(update={"id": "other", "label": "the fee", "kind": ClaimKind.money})
    report = ClaimReport(
        stated=frozenset(),
        contradicted=frozenset({"c"}),
        not_found=frozenset({"other"}),
        unsupported=(Unsupported(ClaimKind.duration, "14 days", 0, 7), Unsupported(ClaimKind.money, "$9", 8, 10)),
        findings=(Finding("c", "w0", 0, 7),),
    )
    told = objections(scenario_of(target, other), report, "14 days $9", spare="c")
    assert told == ("Not found: the fee (the material asks for it).", "'$9' is not in the material.")
    only = ClaimReport(frozenset(), frozenset({"c"}), frozenset(), (), report.findings)
    assert objections(scenario_of(target, other), only, "14 days", spare="c") == ()


async def test_nothing_can_be_said_against_a_clean_answer() -> None:
    scenario = load_families()[0].draw(Random(1))
    answer = await ScriptedWorker().answer(scenario, Random(1))
    assert objections(scenario, Verifier(scenario).verify(answer.output), answer.output) == ()
    assert objections(scenario, NOTHING, "") == ()


def test_a_lost_statement_is_asked_for_in_a_plain_sentence_that_does_not_give_it_away() -> None:
    statement = "A member may bring one guest"
    claim = claim_of(ClaimKind.term, statement, ("A member may not bring one guest", Standing.turned), label="guests")
    (objection,) = objections(scenario_of(claim), lacking(claim), "")
    assert objection.startswith("Not found: guests. Say this point in one plain sentence")
    assert "member" not in objection
    assert "bring" not in objection
    phrase = claim_of(ClaimKind.term, "a store voucher", label="guests")
    assert objections(scenario_of(phrase), lacking(phrase), "") == ("Not found: guests (the material asks for it).",)
