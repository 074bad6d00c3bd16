"""What the task asks in its own words is not left out of an answer without harm."""

import pytest

from forge_arena.corruptions.asked_for import may_be_asked_for
from forge_arena.types import Alternative, Claim, ClaimKind, Domain, Scenario, Standing

LIST = "The answer should state how long the pool is open."
POOL = Claim(
    id="fact_1",
    kind=ClaimKind.duration,
    label="how long the pool is open",
    alternatives=(Alternative(name="right", standing=Standing.right, forms=("6 hours",)),),
)


def scenario(task: str) -> Scenario:
    return Scenario(
        family="pool",
        domain=Domain.customer_support,
        task=f"{task}\n\n{LIST}",
        source_material="The pool is open for 6 hours.",
        claims=(POOL,),
    )


@pytest.mark.parametrize(
    ("task", "text"),
    [
        ("Mr Ode asks whether his ticket can go to a friend, and how.", "Just change the name on it."),
        ("Tell Mr Ode what he has to do for a refund.", "The form must have his signature."),
        ("Mr Ode asks what he has to pay for the lost key.", "No further charge is made."),
        ("Mr Ode asks until when he can come.", "You can come until 3 May 2031."),
        ("Mr Ode asks whether a friend can come along.", "A friend can use the pool with you."),
    ],
)
def test_an_answer_to_a_question_of_the_task_is_asked_for(task: str, text: str) -> None:
    assert may_be_asked_for(scenario(task), text)


@pytest.mark.parametrize(
    ("task", "text"),
    [
        ("Mr Ode asks whether his ticket can go to a friend.", "The pool was built by his town."),
        ("Mr Ode asks what he has to pay for the lost key.", "The water is warm in May."),
        ("Mr Ode asks how long a swim lasts.", "The lamps are switched off for a week."),
        ("Answer Mr Ode on the lost key.", "The pool is open for 6 hours."),
    ],
)
def test_what_answers_no_question_may_go(task: str, text: str) -> None:
    assert not may_be_asked_for(scenario(task), text)
