"""A letter says "you" of the person whom it greets, and means the statements about that person."""

import pytest

from forge_arena.types import Alternative, Claim, ClaimKind, Domain, Scenario, Standing
from forge_arena.verify import Verifier
from forge_arena.verify.whole_statements.addressed import is_reader, names_of_reader, said_to

TASK = "Our tenant Grace Adeyemi wants to send the old stove back to us. She asks who is liable. Write her a letter."
LIABLE = (
    "Ms Adeyemi is liable for damage to the stove on its way to us.",
    "We are liable for damage to the stove on its way to Ms Adeyemi.",
)
ROLE = ("The tenant pays for the transport of the stove.", "The landlord pays for the transport of the stove.")


def verifier(pair: tuple[str, str], task: str = TASK) -> Verifier:
    right, wrong = pair
    claim = Claim(
        id="who",
        kind=ClaimKind.term,
        label="who is liable",
        required=True,
        alternatives=(
            Alternative(name="stated", standing=Standing.right, forms=(right.rstrip("."),)),
            Alternative(name="turned", standing=Standing.turned, forms=(wrong.rstrip("."),), stealth=2),
        ),
    )
    source = (
        "1. The stove is handed over clean.\n\n2. Tenants are liable for damage to returned goods on their way to us, and "
        "pay for the transport.\n\n3. The landlord sweeps the flue and pays for the sweeping every year."
    )
    scenario = Scenario(
        family="stoves", domain=Domain.legal_summarisation, task=task, source_material=source, claims=(claim,)
    )
    return Verifier(scenario)


@pytest.mark.parametrize(
    "greeting", ["Dear Ms Adeyemi,", "Hello Grace,", "Dear Grace Adeyemi:", "Good morning, Ms Adeyemi,"]
)
def test_you_is_the_person_whom_the_letter_greets(greeting: str) -> None:
    report = verifier(LIABLE).verify(f"{greeting}\n\nYou are liable for damage to the stove on its way to us.")
    assert report.clean
    turned = verifier(LIABLE).verify(f"{greeting}\n\nWe are liable for damage to the stove on its way to you.")
    assert turned.contradicted == {"who"}


@pytest.mark.parametrize(
    "text",
    [
        # A memo to a colleague, and a letter to somebody else.
        "You are liable for damage to the stove on its way to us.",
        "Dear Mr Lund,\n\nYou are liable for damage to the stove on its way to us.",
        "Dear colleague,\n\nYou are liable for damage to the stove on its way to us.",
        # To the right person, something else.
        "Dear Ms Adeyemi,\n\nAre you liable for damage to the stove on its way to us?",
        "Dear Ms Adeyemi,\n\nYou are not liable for damage to the stove on its way to us.",
        "Dear Ms Adeyemi,\n\nThe carrier is liable for damage to the stove on its way to us.",
        "Dear Ms Adeyemi,\n\nYou clean the stove before you send it to us.",
    ],
)
def test_what_does_not_say_it_to_that_person_states_nothing(text: str) -> None:
    assert "who" not in verifier(LIABLE).verify(text).stated


@pytest.mark.parametrize("task", [TASK, TASK.replace("Our tenant Grace Adeyemi", "Grace Adeyemi, a tenant of ours,")])
def test_the_task_may_give_the_reader_a_role(task: str) -> None:
    paid = "You pay for the transport of the stove."
    assert verifier(ROLE, task).verify(f"Dear Ms Adeyemi,\n\n{paid}").clean
    assert not verifier(ROLE, task).verify(f"Dear Mr Lund,\n\n{paid}").clean
    stranger = task.replace("tenant", "neighbour")
    assert not verifier(ROLE, stranger).verify(f"Dear Ms Adeyemi,\n\n{paid}").clean


def test_two_persons_of_one_name_are_kept_apart() -> None:
    task = "Grace Adeyemi writes for her son Tunde Adeyemi. Write her a letter."
    readers = names_of_reader("Dear Ms Adeyemi,\n\nThank you.", task)
    assert readers == {"adeyemi"}
    assert is_reader("Ms Adeyemi", readers, task)
    assert not is_reader("Tunde Adeyemi", readers, task)
    assert not is_reader("Tunde", readers, task)
    assert is_reader("Grace", names_of_reader("Dear Grace Adeyemi,", task), task)


def test_a_statement_as_it_is_said_to_a_person() -> None:
    assert said_to("The tenant's deposit is paid back if the tenant asks.", "the tenant") == (
        "Your deposit is paid back if you asks."
    )
