"""Sentences in somebody's own words are turned: grammatical, and with nothing that shows it."""

import pytest

from forge_arena.texts.fitting import Replacement
from forge_arena.texts.turning import is_turned
from forge_arena.texts.turns import opposites, turns

GUEST = ("A member may bring one guest.", "A member may not bring one guest.")
NO_GUEST = GUEST[::-1]
RECORDS = ("The supplier must keep records.", "The supplier need not keep records.")
NO_RECORDS = RECORDS[::-1]
PAYS = ("The tenant pays for repairs.", "The tenant does not pay for repairs.")
PAYS_NOT = PAYS[::-1]
REPAIRS = ("The tenant pays for repairs.", "The landlord pays for repairs.")
NOTICE = ("The club must notify members.", "Members must notify the club.")
INVOICE = ("We send you the invoice.", "You send us the invoice.")
FILTER = ("The filter is changed before the season starts.", "The filter is changed after the season starts.")
DESK = ("The desk is open until noon.", "The desk is open from noon.")
RATE = ("The rate includes breakfast.", "The rate excludes breakfast.")
JURY = ("The jury has at least three judges.", "The jury has at most three judges.")
FEE = ("The card has no annual fee.", "The card has an annual fee.")
OVEN = ("Never leave the oven alone.", "Always leave the oven alone.")
LIMIT = ("The account has unlimited transfers.", "The account has limited transfers.")

TURNS = [
    (GUEST, "You can bring a guest.", "You cannot bring a guest."),
    (OVEN, "The oven must never be left alone.", "The oven may be left alone."),
    (OVEN, "The oven is never left alone.", "The oven is always left alone."),
    (GUEST, "Members may bring some guests.", "Members may not bring any guests."),
    (GUEST, "Yes, members are allowed to bring a guest.", "No, members are not allowed to bring a guest."),
    (GUEST, "Each member has the right to bring a guest.", "Each member has no right to bring a guest."),
    (NO_GUEST, "No, you can't bring any guests.", "Yes, you can bring guests."),
    (NO_GUEST, "Members must not bring any guest.", "Members may bring a guest."),
    (NO_GUEST, "You may not bring a guest at any time.", "You may bring a guest at any time."),
    (NO_GUEST, "You may not bring a guest if any court is free.", "You may bring a guest if any court is free."),
    (RECORDS, "If a van is late, its records must be kept.", "If a van is late, its records need not be kept."),
    (NO_GUEST, "Nobody may bring a guest.", "Anybody may bring a guest."),
    (NO_GUEST, "No guest is allowed.", "A guest is allowed."),
    (NO_GUEST, "Guests aren't allowed.", "Guests are allowed."),
    (RECORDS, "Records have to be kept.", "Records do not have to be kept."),
    (RECORDS, "The supplier is also required to keep records.", "The supplier is also not required to keep records."),
    (RECORDS, "Keeping records is mandatory.", "Keeping records is optional."),
    (NO_RECORDS, "The supplier doesn't need to keep records.", "The supplier has to keep records."),
    (PAYS, "For repairs, the tenant pays.", "For repairs, the tenant does not pay."),
    (PAYS, "Tenants pay for repairs.", "Tenants do not pay for repairs."),
    (PAYS, "Repairs are paid for by the tenant.", "Repairs are not paid for by the tenant."),
    (PAYS_NOT, "The tenant doesn\u2019t carry the cost.", "The tenant carries the cost."),
    (REPAIRS, "Repairs are paid for by the tenants.", "Repairs are paid for by the landlords."),
    (REPAIRS, "A tenant has to pay for repairs.", "A landlord has to pay for repairs."),
    (REPAIRS, "The landlord, not the tenant, pays for repairs.", "The tenant, not the landlord, pays for repairs."),
    (NOTICE, "Members must be notified by the club.", "The club must be notified by members."),
    (INVOICE, "We will send you the invoice.", "You will send us the invoice."),
    (FILTER, "Change it prior to the start of the season.", "Change it after the start of the season."),
    (FILTER, "Before the season starts, it is changed.", "After the season starts, it is changed."),
    (DESK, "You find us there until noon.", "You find us there from noon."),
    (RATE, "Breakfast is included in the rate.", "Breakfast is excluded from the rate."),
    (RATE, "The rate comes with breakfast.", "The rate comes without breakfast."),
    (JURY, "No fewer than three judges sit on the jury.", "No more than three judges sit on the jury."),
    (FEE, "You pay no annual fee.", "You pay an annual fee."),
    (FEE, "There is no annual fee.", "There is an annual fee."),
    (LIMIT, "Transfers are unlimited.", "Transfers are limited."),
]  # fmt: skip
SEAMS = [
    (GUEST, "May a member bring one guest?"),
    (GUEST, "Fortunately, you may bring one guest."),
    (GUEST, "We are happy to say that members may bring one guest."),
    (NO_GUEST, "Although it is a pity, you may not bring a guest."),
    (GUEST, "Guests stand at the door."),
    (GUEST, "In May and June, members swim."),
    (GUEST, "You can only bring one guest."),
    (RECORDS, "If your records are old, keep them all the same."),
    (DESK, "The desk is not open until noon."),
    (NOTICE, "The club notifies members."),
]


def applied(sentence: str, edits: tuple[Replacement, ...]) -> str:
    text, at = "", 0
    for edit in edits:
        text, at = text + sentence[at : edit.start] + edit.text, edit.end
    return text + sentence[at:]


def all_turns(pair: tuple[str, str], sentence: str, carrier: str | None = None) -> list[str]:
    turned = is_turned(*pair)
    assert turned is not None
    return [applied(sentence, edits) for edits in turns(sentence, turned, carrier)]


@pytest.mark.parametrize(("pair", "sentence", "expected"), TURNS)
def test_a_sentence_in_other_words_is_turned(pair: tuple[str, str], sentence: str, expected: str) -> None:
    assert expected in all_turns(pair, sentence, "pay")


@pytest.mark.parametrize(("pair", "sentence"), SEAMS)
def test_a_sentence_that_would_show_the_turn_is_left_alone(pair: tuple[str, str], sentence: str) -> None:
    assert all_turns(pair, sentence) == []


@pytest.mark.parametrize(("pair", "sentence", "expected"), TURNS)
def test_a_turn_leaves_no_seam_in_the_letters(pair: tuple[str, str], sentence: str, expected: str) -> None:
    for text in all_turns(pair, sentence, "pay"):
        assert text != sentence
        assert "  " not in text
        assert text[0].isupper()
        assert text.endswith(".")


@pytest.mark.parametrize(
    ("statement", "opposite"),
    [
        ("A key is handed over before the lease starts.", "A key is handed over after the lease starts."),
        ("A member may bring one guest.", "A member may not bring one guest."),
        ("The supplier must keep records.", "The supplier need not keep records."),
        ("Fires are prohibited.", "Fires are allowed."),
        ("Hire cars are covered abroad.", "Hire cars are not covered abroad."),
        ("The club will not refund the fee.", "The club will refund the fee."),
    ],
)
def test_a_statement_has_an_opposite_of_its_own(statement: str, opposite: str) -> None:
    found = list(opposites(statement))
    assert opposite in [text for text, _ in found]
    assert all(is_turned(statement, text) == turned for text, turned in found)


@pytest.mark.parametrize("statement", ["The tenant pays for repairs.", "Trailing commas and brackets.", ""])
def test_a_plain_verb_has_no_opposite(statement: str) -> None:
    assert list(opposites(statement)) == []


def test_a_condition_is_not_turned() -> None:
    assert [text for text, _ in opposites("The club pays if the court is closed.")] == []
