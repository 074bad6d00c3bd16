"""The judge: which claims a text makes, on the worked example of a refund reply."""

from random import Random

import pytest

from forge_arena.scenarios import load_families
from forge_arena.types import Alternative, Check, Claim, ClaimKind, Domain, Scenario, Standing
from forge_arena.verify import Verifier
from forge_arena.verify.verifier import REPORTS_KEPT

RIGHT, SUPERSEDED, ELSEWHERE, ABSENT, UNFIT, *_ = Standing


def value(claim: str, kind: ClaimKind, about: tuple[str, ...], *forms: str, required: bool = False) -> Claim:
    standings = (RIGHT, SUPERSEDED, ELSEWHERE)
    names = ("current", "superseded", "elsewhere")
    return Claim(
        id=claim,
        kind=kind,
        about=(about,),
        required=required,
        alternatives=tuple(
            Alternative(name=n, standing=s, forms=(f,)) for n, s, f in zip(names, standings, forms, strict=False)
        ),
    )


SCENARIO = Scenario(
    family="refund",
    domain=Domain.customer_support,
    task="Answer the customer.",
    source_material=(
        "3.2 Refunds take 5 to 7 business days; until September 2026 they took 10 to 14 business days.\n"
        "3.4 A gesture of goodwill is at most $25.00.\nCase R-58213, duplicate charge $89.99 of 14 November 2026."
    ),
    claims=(
        value("window", ClaimKind.duration, ("refund", "money"), "5 to 7 business days", "10 to 14 business days"),
        value("case", ClaimKind.identifier, ("case", "reference"), "R-58213", required=True),
        value("amount", ClaimKind.money, ("charge", "duplicate"), "$89.99"),
        Claim(
            id="remedy",
            kind=ClaimKind.option,
            about=(("offer", "issue", "arrang"),),
            alternatives=(
                Alternative(name="refund", standing=RIGHT, forms=("a refund", "the refund")),
                Alternative(name="voucher", standing=UNFIT, forms=("a voucher",)),
            ),
        ),
        Claim(
            id="source",
            kind=ClaimKind.citation,
            about=(("refund", "money"),),
            subject="window",
            alternatives=(
                Alternative(name="s32", standing=RIGHT, forms=("section 3.2", "§3.2")),
                Alternative(name="s34", standing=ELSEWHERE, forms=("section 3.4", "§3.4")),
            ),
        ),
        Claim(
            id="length",
            kind=ClaimKind.constraint,
            alternatives=(Alternative(name="short", standing=RIGHT, check=Check(name="max_words", argument=40)),),
        ),
    ),
)
CASE = "Your case is R-58213. "


def broken(text: str, *, with_case: bool = True) -> set[str]:
    return set(Verifier(SCENARIO).verify((CASE if with_case else "") + text).broken)


@pytest.mark.parametrize(
    "text",
    [
        "The money arrives within 5 to 7 business days.",
        "The money arrives within 5–7 working days (section 3.2).",
        "Refunds, formerly 10 to 14 business days, now take 5 to 7 business days.",
        "Refunds now take 5 to 7 business days (previously 10 to 14 business days).",
        "Until September 2026 refunds took 10 to 14 business days; now they take five to seven business days.",
        "The duplicate charge is 89.99 USD.",
        "We arrange a refund rather than a voucher.",
        "We are glad to offer a refund. §3.2 governs how the money is returned.",
        "As of 2026-11-14 the duplicate charge is known to us.",
    ],
)
def test_right_answers_in_many_spellings_are_clean(text: str) -> None:
    assert broken(text) == set()


@pytest.mark.parametrize(
    ("text", "claims"),
    [
        ("The money arrives within 10 to 14 business days.", {"window"}),
        ("The money arrives within 3 weeks.", {"window"}),
        ("Refunds, formerly 5 to 7 business days, now take 10 to 14 business days.", {"window"}),
        ("The duplicate charge is $98.99.", {"amount"}),
        ("The duplicate charge is $25.00.", {"amount"}),
        ("We arrange a voucher rather than a refund.", {"remedy"}),
        ("Under section 3.4 the money takes 5 to 7 business days.", {"source"}),
        ("Under section 9.9 the money takes 5 to 7 business days.", {"source"}),
        ("You will hear from us on 3 January 2031.", {"invented:3 January 2031"}),
        ("The shop keeps to ISO 9001.", {"invented:ISO 9001"}),
        (" ".join(["word"] * 40), {"length"}),
    ],
)
def test_wrong_answers_break_exactly_the_claim_they_are_wrong_about(text: str, claims: set[str]) -> None:
    assert broken(text) == claims


def test_a_required_claim_that_is_missing_is_broken() -> None:
    assert broken("The money arrives within 5 to 7 business days.", with_case=False) == {"case"}


def test_another_case_number_is_a_wrong_case_number() -> None:
    assert broken("Your case is R-58214.", with_case=False) == {"case"}


def test_findings_point_at_what_was_said() -> None:
    text = CASE + "The money arrives within 10 to 14 business days."
    finding = Verifier(SCENARIO).verify(text).of("window")[0]
    assert text[finding.start : finding.end] == "10 to 14 business days"
    assert finding.alternative == "superseded"


def test_what_was_judged_before_does_not_colour_what_comes_after() -> None:
    verifier = Verifier(SCENARIO)
    wrong, right = CASE + "The money takes 3 weeks.", CASE + "The money takes 5 to 7 business days."
    assert [verifier.verify(t).clean for t in (right, wrong, right, wrong)] == [True, False, True, False]


def behaviour() -> Scenario:
    from forge_arena.types import Case

    return Scenario(
        family="mean",
        domain=Domain.code_review,
        task="Review.",
        source_material="mean([]) must be 0.",
        claims=(
            Claim(
                id="fix",
                kind=ClaimKind.behaviour,
                alternatives=(
                    Alternative(
                        name="guarded", standing=RIGHT, forms=("def mean(x):\n    return sum(x) / len(x) if x else 0",)
                    ),
                    Alternative(name="bare", standing=UNFIT, forms=("def mean(x):\n    return sum(x) / len(x)",)),
                ),
                cases=(Case(call="mean([])", returns="0"), Case(call="mean([1, 2])", returns="1.5")),
            ),
        ),
    )


@pytest.mark.parametrize(
    ("code", "clean"),
    [
        ("def mean(x):\n    return sum(x) / len(x) if x else 0", True),
        ("def mean(x):\n    return sum(x) / len(x)", False),
        ("def mean(values):\n    if not values:\n        return 0\n    return sum(values) / len(values)", True),
        ("def mean(x):\n    return 0", False),
        ("def mean(x:\n", False),
    ],
)
def test_code_is_judged_by_what_it_does(code: str, clean: bool) -> None:
    assert Verifier(behaviour()).verify(f"Use this:\n\n```python\n{code}\n```\n").clean is clean


def test_code_in_a_list_item_is_read_as_it_would_stand_in_a_file() -> None:
    scenario = next(f for f in load_families() if f.name == "windowed_mean").draw(Random(7))
    (fix,) = [claim for claim in scenario.claims if claim.kind is ClaimKind.behaviour]
    code = f"import math\n\n\n{fix.right.forms[0].strip()}\n\n\nPI = math.pi"
    block = "\n".join(f"   {line}" if line else "" for line in f"```python\n{code}\n```".split("\n"))
    (finding,) = Verifier(scenario).verify(f"1. The fix:\n\n{block}\n").of(fix.id)
    assert finding.alternative == fix.right.name


def test_an_act_may_be_cited_without_its_article() -> None:
    family = next(f for f in load_families() if f.name == "credit_statute")
    for seed in range(40):
        scenario = family.draw(Random(seed))
        for claim in scenario.claims:
            if claim.kind is ClaimKind.citation and claim.right.forms[0].startswith("the "):
                bare = claim.right.forms[0].removeprefix("the ")
                about = " ".join(group[0] for group in claim.about)
                report = Verifier(scenario).verify(f"On {about} see {bare}.")
                assert claim.id in report.stated
                return
    raise AssertionError("no draw cites an act")


def test_the_last_reports_are_kept_and_no_others() -> None:
    verifier = Verifier(SCENARIO)
    texts = [f"Your case is R-58213. Remark {number}." for number in range(REPORTS_KEPT + 1)]
    reports = [verifier.verify(text) for text in texts]

    assert all(verifier.verify(text) is report for text, report in zip(texts[1:], reports[1:], strict=True))
    assert verifier.verify(texts[0]) is not reports[0]
    assert verifier.verify(texts[0]) == reports[0]
