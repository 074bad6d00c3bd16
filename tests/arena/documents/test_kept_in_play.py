"""Scenarios of documents in play: the Verifier accepts a right answer, refuses wrong ones, and corruptions find a place."""

from random import Random

import pytest

from forge_arena.corruptions import inject, possible
from forge_arena.errors import CannotCorrupt
from forge_arena.types import Answer, ClaimKind, CorruptionType
from forge_arena.verify import Verifier

from .proposed import EXAMPLES, LOAN, LOAN_PROPOSAL, WARRANTY_ANSWER, keep_from


def verifier_of(name: str) -> Verifier:
    text, proposal, _ = EXAMPLES[name]
    scenario = keep_from(text, proposal).scenario
    assert scenario is not None
    return Verifier(scenario)


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_right_answer_is_clean(name: str) -> None:
    report = verifier_of(name).verify(EXAMPLES[name][2])
    assert report.clean, report.broken


WRONG = [
    ("loan", "4 days", "21 days", "fact_1"),
    ("loan", "4 days", "three weeks", "fact_1"),
    ("loan", "\u00a340", "\u00a360", "fact_2"),
    ("loan", '"Borrowing"', '"Late returns"', "section_of_fact_1"),
    ("loan", "Next step:", "Soon:", "rule_last_line_begins"),
    ("kettles", "Hesper", "Corrie 12", "choice"),
    ("kettles", "$79", "$46", "fact_1"),
    ("kettles", "49 dB", "61 dB", "fact_2"),
    ("lease", "45 days", "30 days", "fact_2"),
    ("lease", "6%", "9%", "fact_3"),
    ("lease", "section 5.1", "section 4.2", "section_of_fact_2"),
    ("lease", "section 5.1", "section 7.4", "section_of_fact_2"),
    ("lease", "before goods leave", "after goods leave", "fact_1"),
    ("lease", "must not set off claims", "may set off claims", "fact_4"),
    ("release", "30 June 2027", "31 December 2026", "fact_1"),
    ("release", "18 months", "a year", "fact_2"),
    ("release", '"Support"', '"Removals"', "section_of_fact_1"),
    ("release", "Hello Priya", "Hello Dr Rao", "rule_greets_by"),
    ("warranty", "within 30 days", "within 60 days", "fact_2"),
    ("warranty", "15 business days", "25 business days", "fact_3"),
    ("warranty", "The repair then takes 15 business days. ", "", "fact_3"),
    ("warranty", "(section 1)", "(section 3)", "section_of_fact_1"),
    ("warranty", " (section 1)", "", "section_of_fact_1"),
]


@pytest.mark.parametrize(("name", "right", "wrong", "claim"), WRONG)
def test_a_wrong_answer_breaks_its_claim(name: str, right: str, wrong: str, claim: str) -> None:
    answer = EXAMPLES[name][2]
    assert right in answer
    assert claim in verifier_of(name).verify(answer.replace(right, wrong)).broken


# The tent was bought in June 2024: two years. Products bought from 1 September 2024 on have three.
ITS_YEARS = "Because you bought it on 14 June 2024, before 1 September 2024, its warranty lasts 2 years (section 1)"


@pytest.mark.parametrize(
    "words",
    [
        ITS_YEARS,
        "As it was bought in June 2024, the warranty on it lasts two years (section 1)",
        "The warranty normally lasts 3 years, but on products bought before 1 September 2024 it lasts 2 years (section 1)",
        "The warranty lasts two years and not three, because you bought the tent before September (section 1)",
    ],
)
def test_the_years_of_the_case_are_right(words: str) -> None:
    assert ITS_YEARS in WARRANTY_ANSWER
    report = verifier_of("warranty").verify(WARRANTY_ANSWER.replace(ITS_YEARS, words))
    assert report.clean, report.broken


@pytest.mark.parametrize(
    "words",
    [
        "The warranty on a tent bought before 1 September 2024, is 3 years (section 1)",
        "Because you bought it on 14 June 2024, its warranty lasts 3 years (section 1)",
        "Your tent has a warranty of three years (section 1)",
        "Tents bought on or after 1 September 2024 have a warranty of 3 years (section 1)",
        "The warranty lasts 3 years from the day of purchase (section 1)",
        "There is a warranty (section 1)",
        "Its warranty lasts 5 years (section 1)",
    ],
)
def test_the_years_of_another_case_are_wrong(words: str) -> None:
    report = verifier_of("warranty").verify(WARRANTY_ANSWER.replace(ITS_YEARS, words))
    assert "fact_1" in report.broken


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_possible_corruption_breaks_one_claim_of_the_right_answer(name: str) -> None:
    verifier, answer = verifier_of(name), Answer(reasoning="", output=EXAMPLES[name][2])
    types = possible(verifier.scenario.claims)
    assert len(types) >= 3
    for type in sorted(types):
        injection = inject(verifier, answer, type, 3, Random(7))
        assert verifier.verify(injection.answer.output).broken == {injection.target}
        assert injection.answer.output != answer.output


def test_the_value_of_another_case_is_what_a_subtle_corruption_gives() -> None:
    verifier, answer = verifier_of("warranty"), Answer(reasoning="", output=WARRANTY_ANSWER)
    given = {
        injection.alternative.forms[0]
        for seed in range(12)
        if (injection := inject(verifier, answer, CorruptionType.temporal_shift, 3, Random(seed))).alternative
    }
    assert {"3 years", "25 business days"} <= given


LISTED = [{"rule": "bullets", "argument": 3}]
UNLISTED = [{"rule": "no_bullets"}]
RUNNING = (
    'You are welcome, Jonas. You can keep the saw for 4 days (section "Borrowing"). We take a deposit of \u00a340. '
    "Bringing the saw back late costs \u00a33.50 for each day. The member pays for damage caused by misuse."
)
AS_LIST = (
    'You are welcome, Jonas.\n\n- You can keep the saw for 4 days (section "Borrowing").\n- We take a deposit of '
    "\u00a340.\n- Bringing the saw back late costs \u00a33.50 for each day.\n- The member pays for damage caused by "
    "misuse.\n\nSee you soon."
)


@pytest.mark.parametrize(("rules", "text", "has_list"), [(LISTED, AS_LIST, False), (UNLISTED, RUNNING, True)])
def test_a_rule_on_lists_is_broken_without_a_seam(rules: list[dict[str, object]], text: str, has_list: bool) -> None:
    scenario = keep_from(LOAN, {**LOAN_PROPOSAL, "rules": rules}).scenario
    assert scenario is not None
    verifier = Verifier(scenario)
    assert verifier.verify(text).clean
    answer = Answer(reasoning="", output=text)
    output = inject(verifier, answer, CorruptionType.instruction_override, 2, Random(1)).answer.output
    assert ("\n- " in output) is has_list
    assert sorted(output.replace("- ", "").split()) == sorted(text.replace("- ", "").split())


def test_a_label_with_a_colon_takes_another_label() -> None:
    rule = {"rule": "last_line_begins", "argument": "Next step:", "instead": "To do:"}
    scenario = keep_from(LOAN, {**LOAN_PROPOSAL, "rules": [rule]}).scenario
    assert scenario is not None
    answer = Answer(reasoning="", output=EXAMPLES["loan"][2])
    injection = inject(Verifier(scenario), answer, CorruptionType.instruction_override, 2, Random(1))
    assert injection.answer.output == answer.output.replace("Next step:", "To do:")


def test_a_list_of_phrases_cannot_become_running_text() -> None:
    scenario = keep_from(LOAN, {**LOAN_PROPOSAL, "rules": LISTED}).scenario
    assert scenario is not None
    text = AS_LIST.replace("- We take a deposit of \u00a340.", "- Deposit for a power tool: \u00a340")
    verifier = Verifier(scenario)
    assert verifier.verify(text).clean
    with pytest.raises(CannotCorrupt):
        inject(verifier, Answer(reasoning="", output=text), CorruptionType.instruction_override, 2, Random(1))


def test_every_required_claim_is_demanded_by_the_task() -> None:
    for text, proposal, _ in EXAMPLES.values():
        scenario = keep_from(text, proposal).scenario
        assert scenario is not None
        subjects = {claim.id: claim for claim in scenario.claims}
        for claim in scenario.claims:
            if claim.required and claim.kind is not ClaimKind.citation:
                assert claim.label in scenario.task
            elif claim.required and claim.subject is not None:
                assert f"name the section that says {subjects[claim.subject].label}" in scenario.task


def test_the_words_of_a_title_do_not_cite_the_section() -> None:
    text = (
        "# Rules\n\n## Cancel a seat\n\nA seat can be cancelled up to 3 days ahead. The fee for it is $4.\n\n## Meals\n\n"
        "The coach stops for an hour at noon. Bring your own cup, because the bar has none to lend."
    )
    proposal = {
        "domain": "customer_support",
        "task": "Rosa asks how she can give back her seat on the coach of tomorrow week. Write to Rosa.",
        "facts": [
            {
                "label": "until when she can give back the seat",
                "statement": "A seat can be cancelled up to 3 days ahead.",
                "quotation": "A seat can be cancelled up to 3 days ahead.",
                "value": "3 days",
                "required": True,
                "section": "Cancel a seat",
            },
            {
                "label": "what it costs",
                "statement": "The fee for cancelling a seat is $4.",
                "quotation": "The fee for it is $4.",
                "value": "$4",
                "required": True,
            },
        ],
        "rules": [{"rule": "greets_by", "argument": "Rosa", "instead": "Ms Vidal"}],
    }
    scenario = keep_from(text, proposal).scenario
    assert scenario is not None
    answer = "Dear Rosa,\n\nA seat can be cancelled up to 3 days ahead{}. The fee for cancelling a seat is $4."
    assert Verifier(scenario).verify(answer.format("")).not_found == {"section_of_fact_1"}
    assert Verifier(scenario).verify(answer.format(' (section "Cancel a seat")')).clean
