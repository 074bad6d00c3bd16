"""A task of another case than the one to which the document gives a value."""

import pytest

from forge_arena.documents.cases import contradicts, denies, speaks_of_another


@pytest.mark.parametrize(
    ("task", "passage"),
    [
        ("She bought it on 3 October 2024.", "bought before 1 September 2024"),
        ("He ordered in March 2023.", "orders made after 1 May 2023"),
        ("The parcel weighs 12 kg.", "parcels of up to 10 kg"),
        ("The claim is for $900.", "claims of more than $1,000"),
        ("They ordered 3 licences.", "for 5 licences or more"),
        ("He has worked here for 8 months.", "employees with at least 2 years"),
    ],
)
def test_a_value_of_the_task_is_out_of_bounds(task: str, passage: str) -> None:
    assert contradicts(task, passage)


@pytest.mark.parametrize(
    ("task", "passage"),
    [
        ("She bought it on 14 June 2024.", "bought before 1 September 2024"),
        ("She bought it on 14 June 2024 and writes on 3 October 2024.", "bought before 1 September 2024"),
        ("She bought it in June.", "bought before 1 September 2024"),
        ("The parcel weighs 8 kg.", "parcels of up to 10 kg"),
        ("The parcel costs $12.", "parcels of up to 10 kg"),
        ("The claim is for \u20ac900.", "claims of more than $1,000"),
        ("The booking is of September 2024.", "booked on or after 30 September 2024"),
        ("The parcel weighs 12 kg.", "a parcel of 10 kg"),
    ],
)
def test_nothing_can_be_said_against_it(task: str, passage: str) -> None:
    assert not contradicts(task, passage)


def test_a_task_speaks_of_another_case() -> None:
    assert speaks_of_another("Mira is on the Premium plan.", "Basic plan", "Premium plan")
    assert not speaks_of_another("Mira is on the Basic plan.", "Basic plan", "Premium plan")
    assert not speaks_of_another("Mira moves from Basic to Premium.", "Basic plan", "Premium plan")
    assert not speaks_of_another("Mira has a plan.", "Basic plan", "Premium plan")
    assert not speaks_of_another("Mira is on the Premium plan.", "", "Premium plan")


@pytest.mark.parametrize(
    "task",
    [
        "Mira is not on the Premium plan.",
        "Mira isn't a Premium customer and asks for her money back.",
        "Mira has no Premium plan.",
        "Mira has never had the Premium plan.",
        "Mira has a non-Premium plan.",
        "It is not a case of the Premium plan.",
        "Mira, who does not belong to the Premium customers, asks for it.",
        "Mira took the small plan rather than Premium.",
        "Mira would like her money back; she is no Premium customer.",
    ],
)
def test_a_task_that_denies_a_case_does_not_speak_of_it(task: str) -> None:
    assert not speaks_of_another(task, "Basic plan", "Premium plan")


@pytest.mark.parametrize(
    "task",
    [
        "Mira is on the Premium plan and has not paid.",
        "Mira has not got her order as a Premium customer.",
        "Mira does not pay, because she is on the Premium plan.",
        "Mira does not know that she is on the Premium plan.",
        "Mira is not only on the Premium plan.",
        "Mira is not sure what Premium means.",
        "Nobody says that Mira is not on the Premium plan.",
        "Mira would pay more if she were not on the Premium plan.",
        "Mira asks whether she is not on the Premium plan.",
        "Is Mira not on the Premium plan?",
        "Without her knowledge Mira was put on the Premium plan.",
        "Mira has not paid (Premium plan).",
        # Who leaves a case was in it.
        "Mira leaves the Premium plan, so that she is no longer a Premium customer.",
    ],
)
def test_another_denial_leaves_the_case_as_it_is(task: str) -> None:
    assert speaks_of_another(task, "Basic plan", "Premium plan")


def test_a_denied_case_is_not_the_own_case_of_a_task() -> None:
    assert speaks_of_another("Mira is not on the Basic plan, she has Premium.", "Basic plan", "Premium plan")
    assert denies("Mira is not on the Basic plan.", "Basic plan", ["Premium plan"])
    assert not denies("Mira is on the Basic plan.", "Basic plan", ["Premium plan"])
    assert not denies("Mira has not paid.", "Basic plan", ["Premium plan"])
    assert not denies("Mira is not on the Basic plan.", "not on the Basic plan", ["Basic plan"])
