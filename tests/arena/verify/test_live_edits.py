"""Right and wrong edits of real answers, written once the rules of `closer` stood: how many of each kind are accepted."""

import json
from pathlib import Path

import pytest

from forge_arena.types import Scenario
from forge_arena.verify import Verifier
from forge_arena.workers.prompts import split_reasoning

REAL = Path(__file__).parents[3].parent / "shared" / "data" / "live_answers_dev.jsonl"
# Before the rules: 36 of 38 right ones, and 38 of 38 wrong ones. When the edits were first read: 36 and 20.
FEWEST_RIGHT, MOST_WRONG = 36, 11

# (answer, old words, new words)
RIGHT = [
    ("backport_shortener-0", "RFC 29, signed by Callahan, wants", "RFC 29 (Callahan's signature is under it) wants"),
    ("booking_minutes-1", "PR 2130, moved by Ashworth, asks", "PR 2130, which Ashworth put forward, asks"),
    (
        "duplicate_charge-0",
        "Processing takes 4 to 6 business days, counted from the confirmation (section 9.7).",
        "You will see it after four to six business days from the confirmation (section 9.7).",
    ),
    (
        "duplicate_charge-0",
        "The one of $393.70 on 27 August 2026 is a duplicate",
        "What was a duplicate is the one of $393.70 on 27 August 2026, not the other one",
    ),
    (
        "parcel_missing-1",
        "the depot keeps the parcel for 6 days before it travels back to us",
        "it waits at the depot for 6 days and then comes back to us",
    ),
    ("parcel_missing-1", "The postage you paid was £7.95.", "You paid £7.95 in postage."),
    (
        "parcel_missing-1",
        "the delay credit of £22 goes onto your account; it is not paid out",
        "we put a delay credit of £22 on your account, which cannot be paid out",
    ),
    (
        "train_delay-1",
        "We send the money within 10 days of this decision (7.14)",
        "The money is sent no later than 10 days from this decision (7.14)",
    ),
    ("train_delay-1", "up to €16 and leaving out alcohol", "up to €16, but not alcohol"),
    (
        "credit_statute-0",
        "Lending without a licence is an offence with a fine of up to £1,400",
        "Whoever lends without a licence may be fined up to £1,400",
    ),
    ("credit_statute-0", "which for this agreement is £34,500 (section 8.11)", "£34,500 in this case (8.11)"),
    (
        "earn_out_letters-1",
        "The earn-out runs for a Measuring Period of 15 months.",
        "The earn-out is measured over 15 months.",
    ),
    (
        "earn_out_letters-1",
        "delay in payment costs 7% a year (paragraph 10.12)",
        "late payment costs 7% per annum (10.12)",
    ),
    (
        "market_bylaw-0",
        "No stall may stand nearer to a doorway than 9 metres (9.16)",
        "A stall has to keep at least 9 metres from any doorway (9.16)",
    ),
    (
        "market_bylaw-0",
        "Anyone else who trades without one faces a fine of £1,040.",
        "For everybody else, trading without one is fined £1,040.",
    ),
    (
        "market_bylaw-0",
        "and after that we decide within 20 working days (9.18)",
        "and we then have 20 working days to decide (9.18)",
    ),
    (
        "market_bylaw-0",
        "A trader who gives up early gets 48% back (9.14).",
        "If a trader gives up early, 48% is returned (9.14).",
    ),
    (
        "order_of_precedence-1",
        "Bluebell Books has 45 days to pay an invoice.",
        "An invoice must be paid no later than 45 days.",
    ),
    (
        "order_of_precedence-1",
        "Brightrow answers a critical fault within 4 hours.",
        "A critical fault gets an answer from Brightrow in at most 4 hours.",
    ),
    (
        "order_of_precedence-1",
        "Brightrow must report a security incident within 12 hours of learning of it.",
        "Once Brightrow learns of a security incident, it has 12 hours to report it.",
    ),
    (
        "order_of_precedence-1",
        "Neither side pays more than $835,000 in a contract year",
        "Liability is limited to $835,000 per contract year for both",
    ),
    ("order_of_precedence-1", "The initial period is 18 months", "The first period is a year and a half, 18 months"),
    ("broadband_advice-0", "as a new customer you may step back for 7 days", "new customers have 7 days to step back"),
    ("broadband_advice-0", "A technician must come within 3 days", "You wait no longer than 3 days for a technician"),
    (
        "hearing_protection-1",
        "Instruction of a new wearer lasts 50 minutes",
        "A new wearer is instructed for 50 minutes",
    ),
    ("ledger_plans-0", "Balance & Sons moves the books for $600", "For moving the books Balance & Sons charges $600"),
    ("ledger_plans-0", "The books are kept for 12 years.", "We keep the books for twelve years."),
    (
        "office_espresso-1",
        "The shortest term is 24 months, with a notice of 6 weeks.",
        "You rent it for 24 months or longer and give 6 weeks' notice.",
    ),
    ("office_espresso-1", "Binding offer until 9 September 2026", "We are bound by this offer up to 9 September 2026"),
    (
        "office_espresso-1",
        "The filter is due every 3 months",
        "The filter is due once a quarter, that is every 3 months",
    ),
    (
        "roaming_bill-0",
        "You have 45 days from the date of a bill to query it",
        "A bill can be queried for 45 days from its date",
    ),
    (
        "roaming_bill-0",
        "Itemised records are kept for 15 months",
        "We hold itemised records for 15 months, and no longer",
    ),
    ("roaming_bill-0", "a call from there costs £1.90 a minute", "each minute of a call from there is £1.90"),
    (
        "warranty_claim-0",
        "spare parts are kept in stock for 6 years after a model ends",
        "spare parts can be had for 6 years once a model has ended",
    ),
    (
        "warranty_claim-0",
        "and the warranty lasts 36 months from the purchase",
        "and the warranty lasts three years from the purchase",
    ),
    (
        "warranty_claim-0",
        "The workshop found a leaking door seal",
        "According to the workshop, a leaking door seal is to blame",
    ),
    (
        "lease_variation-0",
        "The exception to this cap is insurance premiums, which are charged at cost and are not limited",
        "Only insurance premiums escape this cap: they are charged at cost",
    ),
    ("retry_schedule-0", "was settled on 30 May 2025 in issue 9750", "has been settled since 30 May 2025 (issue 9750)"),
]
WRONG = [
    ("backport_shortener-0", "signed by Callahan, wants", "signed by Callahan or somebody of the release desk, wants"),
    ("booking_minutes-1", "moved by Ashworth, asks", "moved not by Ashworth but by the desk, asks"),
    (
        "duplicate_charge-0",
        "Processing takes 4 to 6 business days, counted from the confirmation (section 9.7).",
        "Processing takes at least 4 to 6 business days, counted from the day of your letter (section 9.7).",
    ),
    (
        "duplicate_charge-0",
        "The one of $393.70 on 27 August 2026 is a duplicate, and this was confirmed on 5 September 2026.",
        "The one of $393.70 on 27 August 2026 is perhaps a duplicate, and this was confirmed on 5 September 2026.",
    ),
    (
        "parcel_missing-1",
        "the depot keeps the parcel for 6 days before",
        "the depot keeps the parcel for 6 days, or 10 if you ask, before",
    ),
    ("parcel_missing-1", "The postage you paid was £7.95.", "The postage you paid was probably £7.95."),
    (
        "parcel_missing-1",
        "the delay credit of £22 goes onto your account",
        "a delay credit of £22 a week goes onto your account",
    ),
    (
        "train_delay-1",
        "We send the money within 10 days of this decision (7.14)",
        "We send the money not before 10 days after this decision (7.14)",
    ),
    (
        "train_delay-1",
        "We send the money within 10 days of this decision (7.14)",
        "We send the money within 10 days of this decision (7.44)",
    ),
    (
        "credit_statute-0",
        "Loans between relatives are exempt from the Act",
        "Loans between relatives or friends are exempt from the Act",
    ),
    ("credit_statute-0", "with a fine of up to £1,400", "with a fine of at least £1,400"),
    (
        "credit_statute-0",
        "which for this agreement is £34,500 (section 8.11)",
        "which for this agreement may well be £34,500 (section 8.11)",
    ),
    (
        "earn_out_letters-1",
        "The earn-out runs for a Measuring Period of 15 months.",
        "The earn-out does not run for a Measuring Period of 15 months.",
    ),
    ("earn_out_letters-1", "delay in payment costs 7% a year", "delay in payment costs 7% a month"),
    (
        "market_bylaw-0",
        "Neighbours have 28 days to comment, and after that we decide within 20 working days (9.18).",
        "Neighbours have 20 working days to comment, and after that we decide within 28 days (9.18).",
    ),
    (
        "market_bylaw-0",
        "No stall may stand nearer to a doorway than 9 metres (9.16)",
        "No stall may stand further from a doorway than 9 metres (9.16)",
    ),
    (
        "market_bylaw-0",
        "A trader who gives up early gets 48% back (9.14).",
        "The council keeps 48% if a trader gives up early (9.14).",
    ),
    ("market_bylaw-0", "faces a fine of £1,040", "faces a fine of £1,040 or none at all"),
    (
        "market_bylaw-0",
        "You apply by letter to our markets desk.",
        "You apply by letter to our markets desk or by telephone.",
    ),
    (
        "order_of_precedence-1",
        "Bluebell Books has 45 days to pay an invoice.",
        "Bluebell Books has 45 days to pay an invoice, whatever the invoice says, or 60 days in some cases.",
    ),
    (
        "order_of_precedence-1",
        "Brightrow answers a critical fault within 4 hours.",
        "Brightrow answers a critical fault after no less than 4 hours.",
    ),
    (
        "order_of_precedence-1",
        "The one exception is loss of personal data, which has no limit",
        "Loss of personal data is limited as well",
    ),
    (
        "order_of_precedence-1",
        "A security tester may check compliance once a year",
        "A security tester or the customer's auditor may check compliance once a year",
    ),
    (
        "order_of_precedence-1",
        "Neither side pays more than $835,000 in a contract year",
        "Neither side pays less than $835,000 in a contract year",
    ),
    (
        "broadband_advice-0",
        "as a new customer you may step back for 7 days",
        "as a new customer you may not step back for 7 days",
    ),
    (
        "broadband_advice-0",
        "The download figure is 491 Mbps, as measured for bulletin HM-625 of the Line Survey, and the upload figure is 71 Mbps.",
        "The download figure is 71 Mbps, as measured for bulletin HM-625 of the Line Survey, and the upload figure is 491 Mbps.",
    ),
    (
        "hearing_protection-1",
        "Instruction of a new wearer lasts 50 minutes",
        "Instruction of all new wearers together lasts 50 minutes",
    ),
    ("ledger_plans-0", "with 25 seats and", "with up to 25 seats, I believe, and"),
    (
        "ledger_plans-0",
        "The books are kept for 12 years.",
        "The books are kept for 12 years at most, or deleted at once if the club wishes.",
    ),
    (
        "office_espresso-1",
        "The shortest term is 24 months, with a notice of 6 weeks.",
        "The longest term is 24 months, with a notice of 6 weeks.",
    ),
    ("office_espresso-1", "is warm after 9 minutes", "is warm after 9 minutes, or so the maker supposes, perhaps"),
    ("office_espresso-1", "It makes 96 cups an hour", "It makes 96 cups a day"),
    (
        "roaming_bill-0",
        "You have 45 days from the date of a bill to query it",
        "You have 45 days from the end of your contract to query a bill",
    ),
    ("roaming_bill-0", "a call from there costs £1.90 a minute", "a call from there costs £1.90 all in all"),
    ("roaming_bill-0", "Itemised records are kept for 15 months", "Itemised records are deleted for 15 months"),
    (
        "warranty_claim-0",
        "spare parts are kept in stock for 6 years after a model ends",
        "spare parts are kept in stock until 6 years before a model ends",
    ),
    (
        "warranty_claim-0",
        "The workshop found a leaking door seal",
        "The workshop does not know whether it is a leaking door seal",
    ),
    (
        "lease_variation-0",
        "The exception to this cap is insurance premiums",
        "The exception to this cap is insurance premiums or whatever the landlord names",
    ),
]


def accepted(edits: list[tuple[str, str, str]]) -> list[str]:
    """The new words of the edits after which the answer is clean."""
    rows = {row["id"]: row for row in map(json.loads, REAL.read_text(encoding="utf-8").splitlines())}
    clean = []
    for answer, old, new in edits:
        text = split_reasoning(rows[answer]["content"]).output
        assert old in text
        if Verifier(Scenario.model_validate(rows[answer]["scenario"])).verify(text.replace(old, new)).clean:
            clean.append(new)
    return clean


@pytest.mark.shared
@pytest.mark.skipif(not REAL.exists(), reason="the live answers lie beside the repository")
def test_right_edits_are_accepted() -> None:
    assert len(accepted(RIGHT)) >= FEWEST_RIGHT


@pytest.mark.shared
@pytest.mark.skipif(not REAL.exists(), reason="the live answers lie beside the repository")
def test_most_wrong_edits_are_refused() -> None:
    passed = accepted(WRONG)
    assert len(passed) <= MOST_WRONG, passed
