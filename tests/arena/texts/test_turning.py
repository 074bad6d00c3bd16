"""Statements that are turned, statements that are not, and sentences in somebody's own words that are turned."""

import pytest

from forge_arena.texts.turning import Sense, is_turned

TURNED = [
    ("A member may bring one guest.", "A member may not bring one guest.", Sense.duty),
    ("Members are allowed to bring a guest.", "Members are not allowed to bring a guest.", Sense.duty),
    ("The supplier must keep the records.", "The supplier need not keep the records.", Sense.duty),
    ("The supplier shall keep the records.", "The supplier shall not keep the records.", Sense.duty),
    ("The lessee has to insure the car.", "The lessee does not have to insure the car.", Sense.duty),
    ("Visitors must not park in the yard.", "Visitors may park in the yard.", Sense.duty),
    ("Visitors cannot park in the yard.", "Visitors can park in the yard.", Sense.duty),
    ("Smoking is prohibited on the balcony.", "Smoking is allowed on the balcony.", Sense.duty),
    ("A deposit is required.", "No deposit is required.", Sense.duty),
    ("A written report is mandatory.", "A written report is optional.", Sense.duty),
    ("Hire cars are covered abroad.", "Hire cars are not covered abroad.", Sense.duty),
    ("The pump does not need oil.", "The pump needs oil.", Sense.duty),
    ("The council pays the costs.", "The council does not pay the costs.", Sense.duty),
    ("The landlord may enter at any time.", "The landlord must enter at any time.", Sense.duty),
    ("Nobody may open the cabinet.", "Anybody may open the cabinet.", Sense.duty),
    ("The warranty is transferable.", "The warranty is non-transferable.", Sense.duty),
    ("The filter is changed before the season starts.", "The filter is changed after the season starts.", Sense.time),
    ("The fee is due prior to delivery.", "The fee is due after delivery.", Sense.time),
    ("Notice counts following receipt.", "Notice counts before receipt.", Sense.time),
    ("The desk is open until noon.", "The desk is open from noon.", Sense.time),
    ("Tests run no later than the release.", "Tests run no earlier than the release.", Sense.time),
    ("The jury has at least three judges.", "The jury has at most three judges.", Sense.bound),
    ("The crate holds more than the shelf.", "The crate holds less than the shelf.", Sense.bound),
    ("The price is given including tax.", "The price is given excluding tax.", Sense.bound),
    ("The price includes breakfast.", "The price excludes breakfast.", Sense.bound),
    ("Tickets are sold with a seat.", "Tickets are sold without a seat.", Sense.bound),
    ("A swap is made only if the seal is whole.", "A swap is made even if the seal is whole.", Sense.bound),
    ("The order stands unless the client objects.", "The order stands if the client objects.", Sense.bound),
]
EXCHANGED = [
    ("The tenant pays the landlord.", "The landlord pays the tenant.", {"tenant", "landlord"}),
    ("The tenant pays the landlord.", "The tenant is paid by the landlord.", {"tenant", "landlord"}),
    ("The club must notify members by post.", "Members must notify the club by post.", {"club", "members"}),
    ("We send you the invoice.", "You send us the invoice.", {"we", "you"}),
    ("The works council is informed by the board.", "The board is informed by the works council.",
     {"works council", "board"}),
    ("The tenant pays for repairs.", "The landlord pays for repairs.", {"tenant", "landlord"}),
    ("The buyer is responsible for the return.", "The seller is responsible for the return.", {"buyer", "seller"}),
    ("Repairs are paid for by the tenant.", "Repairs are paid for by the owner.", {"tenant", "owner"}),
]  # fmt: skip
NOT_TURNED = [
    ("A member may bring one guest.", "A member may bring one guest."),
    ("A member may bring one guest.", "A member can bring one guest."),
    ("A member may bring one guest.", "A member may not bring two guests."),
    ("A member may bring one guest.", "A member may bring one dog."),
    ("The tenant pays for repairs.", "The tenant must pay for repairs."),
    ("The tenant pays for repairs.", "The tenant pays for cleaning."),
    ("The tenant does not pay for repairs.", "The tenant need not pay for repairs."),
    ("The supplier must keep the records.", "The supplier need not keep the records after the end of the contract."),
    ("The fee is due before delivery.", "The fee is due before payment."),
    ("The fee is due before delivery.", "The fee is due prior to delivery."),
    ("The fee is due before delivery.", "The fee is not due after delivery."),
    ("Guests who have paid may not stay.", "Guests who have not paid may stay."),
    ("The window is blue.", "The door is blue."),
    ("The supplier must not fail to keep records.", "The supplier must keep records."),
    ("A swap is made only if the seal is whole.", "A swap is made if the seal is broken."),
    ("The tenant pays the landlord.", "The landlord is paid by the tenant."),
    ("The works council is informed by the board.", "The board informs the works council."),
    ("The jury has at least three judges.", "The jury has at least four judges."),
    ("The jury has at least three judges.", "The jury has not less than three judges."),
    ("Members may bring a guest.", "Something else is said entirely."),
    ("Members may bring a guest.", ""),
]


@pytest.mark.parametrize(("statement", "other", "sense"), TURNED)
def test_a_statement_with_its_sense_turned_is_known_in_both_directions(
    statement: str, other: str, sense: Sense
) -> None:
    for one, another in ((statement, other), (other, statement)):
        turned = is_turned(one, another)
        assert turned is not None, (one, another)
        assert turned.sense is sense


@pytest.mark.parametrize(("statement", "other", "names"), EXCHANGED)
def test_two_parties_that_change_places_are_named(statement: str, other: str, names: set[str]) -> None:
    for one, another in ((statement, other), (other, statement)):
        turned = is_turned(one, another)
        assert turned is not None, (one, another)
        assert turned.sense is Sense.party
        assert {name.lower().removeprefix("the ") for name in turned.parties} == names


@pytest.mark.parametrize(("statement", "other"), NOT_TURNED)
def test_a_statement_that_changes_something_else_is_not_turned(statement: str, other: str) -> None:
    assert is_turned(statement, other) is None
    assert is_turned(other, statement) is None
