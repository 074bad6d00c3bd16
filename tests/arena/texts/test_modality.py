"""What a clause allows, demands, bans, exempts, asserts or denies."""

import pytest

from forge_arena.texts.modality import Modality, are_opposed, modality, signs

MAY, MUST, BAN, EXEMPT, YES, NO = Modality


@pytest.mark.parametrize(
    ("clause", "expected"),
    [
        ("A member may bring a guest", MAY),
        ("members are entitled to bring a guest", MAY),
        ("nothing prevents a member from bringing a guest", MAY),
        ("parking is not prohibited", MAY),
        ("you must keep the receipt", MUST),
        ("the tenant is to pay the fee", MUST),
        ("you must not fail to keep the receipt", MUST),
        ("you must not only keep the receipt", MUST),
        ("nobody is allowed to park", BAN),
        ("members may bring no guest", BAN),
        ("no person shall smoke", BAN),
        ("you aren\u2019t allowed to park", BAN),
        ("you are required not to park", BAN),
        ("you may choose not to pay", EXEMPT),
        ("no deposit is required", EXEMPT),
        ("she doesn't have to pay", EXEMPT),
        ("there is no need to pay", EXEMPT),
        ("the supplier shall not be required to pay", EXEMPT),
        ("the tenant pays", YES),
        ("in May 2020 the tenant pays", YES),
        ("it lasts no longer than a week", YES),
        ("delivery is at no charge", YES),
        ("authorised staff pays", YES),
        ("hire cars are not covered", NO),
        ("neither the owner nor the tenant pays", NO),
        ("the deposit is non-refundable", NO),
        ("the tenant fails to pay", NO),
        ("you cannot be stopped from parking", None),
        ("staff must be allowed to park", None),
        ("nobody never pays", None),
    ],
)
def test_the_signs_of_a_clause_say_what_the_clause_does(clause: str, expected: Modality | None) -> None:
    assert modality(list(signs(clause))) is expected


def test_signs_know_their_places() -> None:
    clause = "Members are not allowed to park here."
    assert [(clause[sign.start : sign.end], sign.signs) for sign in signs(clause)] == [("are not allowed to", "NP")]


def test_a_weaker_assertion_is_not_opposed() -> None:
    assert are_opposed(MAY, BAN)
    assert are_opposed(EXEMPT, MUST)
    for one, other in ((YES, MUST), (YES, MAY), (NO, BAN), (NO, EXEMPT), (MAY, MAY)):
        assert not are_opposed(one, other)
