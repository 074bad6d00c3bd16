"""A task of another case than the one to which the document gives a value."""

import pytest

from forge_arena.documents.cases import contradicts, speaks_of_another


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
