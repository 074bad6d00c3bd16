"""A sentence clause by clause: what is asserted, and who acts."""

import pytest

from forge_arena.texts.clauses import agents, clauses, is_asserted, is_passive


@pytest.mark.parametrize(
    ("sentence", "asserted"),
    [
        ("If the desk agrees, a member may bring a guest.", ["a member may bring a guest."]),
        ("A member who has paid may bring a guest.", ["A member", "may bring a guest."]),
        ("Keys hang here and guests may not be brought.", ["Keys hang here and guests may not be brought."]),
        ("You may visit, but guests must not be brought.", ["You may visit", "but guests must not be brought."]),
        ("Whoever comes later than that is not let in.", ["Whoever comes later than that is not let in."]),
        ("The tickets that were sold before that are valid.", ["The tickets", "are valid."]),
        ("Unless the law asks for it, we delete the data.", ["we delete the data."]),
    ],
)
def test_a_sentence_is_cut_into_clauses(sentence: str, asserted: list[str]) -> None:
    assert [clause.text.strip() for clause in clauses(sentence) if not clause.subordinate] == asserted


@pytest.mark.parametrize("sentence", ["May I park?", "You asked whether I may park.", "It is wrong that I may park."])
def test_questions_and_reports_assert_nothing(sentence: str) -> None:
    assert not is_asserted(sentence)


def test_what_a_statement_says_itself_reports_nothing() -> None:
    assert not is_asserted("False claims are refused.")
    assert is_asserted("False claims are refused.", "False claims are refused.")


@pytest.mark.parametrize(
    ("clause", "acting"),
    [
        ("the tenant pays the landlord", {"the tenant"}),
        ("the landlord is paid by the tenant", {"the tenant"}),
        ("it is the landlord who pays the tenant", {"the landlord"}),
        ("the tenant asks the landlord to pay", set()),
        ("payment is the tenant's duty", {"the tenant"}),
        ("the landlord is responsible", {"the landlord"}),
        ("between tenant and landlord, money is paid", set()),
    ],
)
def test_the_party_that_acts_is_found(clause: str, acting: set[str]) -> None:
    assert agents(clause, ("the tenant", "the landlord"), "pay") == acting


def test_a_passive_is_known_by_its_participle() -> None:
    assert is_passive("guests aren't brought", "bring")
    assert not is_passive("members are bringing guests", "bring")
    assert not is_passive("members bring guests", "bring")
