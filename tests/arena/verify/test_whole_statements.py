"""Whole statements in free prose: stated, contradicted, in doubt or not spoken of."""

import pytest

from forge_arena.types import Alternative, Claim, ClaimKind, Domain, Scenario, Standing
from forge_arena.verify import Verifier

GUEST = ("A member may bring one guest.", "A member may not bring one guest.")
RECORDS = ("The supplier must keep the delivery records.", "The supplier need not keep the delivery records.")
PARKING = ("Visitors must not park in the yard.", "Visitors may park in the yard.")
REPAIRS = ("The tenant pays for repairs.", "The landlord pays for repairs.")
INVOICE = ("The broker sends the insurer the invoice.", "The insurer sends the broker the invoice.")
DEPOSIT = ("A deposit is required for group bookings.", "No deposit is required for group bookings.")
FILTER = ("The filter is changed before the season starts.", "The filter is changed after the season starts.")
BREAKFAST = ("The weekend rate includes breakfast.", "The weekend rate excludes breakfast.")
COVER = ("Hire cars are covered abroad.", "Hire cars are not covered abroad.")
LONG = (
    "An employee who works from another country for longer than the agreed period must tell the payroll office in "
    "writing and obtain the consent of the department head beforehand.",
    "An employee who works from another country for longer than the agreed period need not tell the payroll office in "
    "writing and obtain the consent of the department head beforehand.",
)
STATED, CONTRADICTED, DOUBTFUL, SILENT = "stated", "contradicted", "doubtful", "silent"
PAIRS = [
    (GUEST, "Members are allowed to bring a guest.", STATED),
    (GUEST, "As a member, you can bring one guest.", STATED),
    (GUEST, "You may bring a guest with you.", STATED),
    (GUEST, "Every member is entitled to bring one guest.", STATED),
    (GUEST, "Yes, bringing one guest is allowed for members.", STATED),
    (GUEST, "Nothing prevents a member from bringing a guest.", STATED),
    (GUEST, "Guests may not be brought.", CONTRADICTED),
    (GUEST, "Members cannot bring a guest.", CONTRADICTED),
    (GUEST, "No member may bring a guest.", CONTRADICTED),
    (GUEST, "Members are not permitted to bring any guests.", CONTRADICTED),
    (GUEST, "Bringing a guest is forbidden, even for members.", CONTRADICTED),
    (GUEST, "Members pay their fee in March.", SILENT),
    (GUEST, "Guests and members use the same door.", SILENT),
    (GUEST, "May a member bring one guest?", DOUBTFUL),
    (GUEST, "A member may not bring one guest unless the desk agrees.", DOUBTFUL),
    (RECORDS, "Delivery records must be kept by the supplier.", STATED),
    (RECORDS, "The supplier is obliged to keep the delivery records.", STATED),
    (RECORDS, "The supplier has a duty to keep the records of its deliveries.", STATED),
    (RECORDS, "The supplier must not fail to keep the delivery records.", STATED),
    (RECORDS, "The supplier keeps the delivery records.", STATED),
    (RECORDS, "The supplier does not have to keep the delivery records.", CONTRADICTED),
    (RECORDS, "There is no need for the supplier to keep the delivery records.", CONTRADICTED),
    (RECORDS, "Keeping delivery records is optional for the supplier.", CONTRADICTED),
    (RECORDS, "The supplier is exempt from keeping the delivery records.", CONTRADICTED),
    (RECORDS, "The supplier delivers on Mondays.", SILENT),
    (RECORDS, "It is a mistake to think that the supplier need not keep the delivery records.", DOUBTFUL),
    (RECORDS, "Your note says the supplier need not keep the delivery records, which is wrong.", DOUBTFUL),
    (RECORDS, "The supplier must not only keep the delivery records but also number them.", STATED),
    (PARKING, "Parking in the yard is not allowed for visitors.", STATED),
    (PARKING, "Visitors may not park in the yard.", STATED),
    (PARKING, "Please do not park in the yard.", STATED),
    (PARKING, "Visitors are free to park in the yard.", CONTRADICTED),
    (PARKING, "You can park in the yard.", CONTRADICTED),
    (PARKING, "Parking in the yard is not prohibited.", CONTRADICTED),
    (PARKING, "Visitors must park in the yard.", CONTRADICTED),
    (REPAIRS, "Repairs are paid for by the tenant.", STATED),
    (REPAIRS, "The tenant has to pay for repairs.", STATED),
    (REPAIRS, "Repairs are paid for by the landlord.", CONTRADICTED),
    (REPAIRS, "It is the landlord who pays for repairs.", CONTRADICTED),
    (REPAIRS, "The landlord, not the tenant, pays for repairs.", CONTRADICTED),
    (REPAIRS, "Not the landlord but the tenant pays for repairs.", STATED),
    (REPAIRS, "The tenant does not pay for repairs.", CONTRADICTED),
    (REPAIRS, "You pay for repairs.", DOUBTFUL),
    (REPAIRS, "Repairs take a week.", SILENT),
    (INVOICE, "The invoice is sent to the insurer by the broker.", STATED),
    (INVOICE, "The broker must send the invoice to the insurer.", STATED),
    (INVOICE, "The invoice is sent to the broker by the insurer.", CONTRADICTED),
    (INVOICE, "The insurer sends its invoice to the broker.", CONTRADICTED),
    (INVOICE, "Between broker and insurer, an invoice is sent.", DOUBTFUL),
    (DEPOSIT, "Group bookings require a deposit.", STATED),
    (DEPOSIT, "For a group booking, a deposit must be paid.", STATED),
    (DEPOSIT, "No deposit is needed for group bookings.", CONTRADICTED),
    (DEPOSIT, "Group bookings do not need a deposit.", CONTRADICTED),
    (DEPOSIT, "A group booking can be made without a deposit.", CONTRADICTED),
    (FILTER, "Change the filter before the season starts.", STATED),
    (FILTER, "The filter must be changed prior to the start of the season.", STATED),
    (FILTER, "Ahead of the start of the season, the filter is changed.", STATED),
    (FILTER, "The filter is changed once the season has started.", CONTRADICTED),
    (FILTER, "After the season starts, the filter is changed.", CONTRADICTED),
    (FILTER, "The filter must not be changed before the season starts.", CONTRADICTED),
    (FILTER, "The season starts after the filter is changed.", DOUBTFUL),
    (FILTER, "The filter is changed when the season starts.", DOUBTFUL),
    (BREAKFAST, "Breakfast is included in the weekend rate.", STATED),
    (BREAKFAST, "The weekend rate comes with breakfast.", STATED),
    (BREAKFAST, "Breakfast is not included in the weekend rate.", CONTRADICTED),
    (BREAKFAST, "The weekend rate is without breakfast.", CONTRADICTED),
    (COVER, "Abroad, hire cars are covered too.", STATED),
    (COVER, "Hire cars are excluded from cover abroad.", CONTRADICTED),
    (COVER, "There is no cover for hire cars abroad.", CONTRADICTED),
    (COVER, "Hire cars are not uncovered abroad.", DOUBTFUL),
    (LONG, "If an employee works from another country for longer than agreed, the payroll office must be told in "
     "writing, and the department head has to consent beforehand.", STATED),
    (LONG, "Employees working from another country beyond the agreed period must inform the payroll office in writing. "
     "They also need the consent of the department head beforehand.", STATED),
    (LONG, "An employee working from another country for longer than the agreed period does not have to tell the "
     "payroll office in writing or obtain the department head's consent beforehand.", CONTRADICTED),
    (LONG, "An employee may work from another country for the agreed period.", SILENT),
    (LONG, "The payroll office and the department head look after employees in another country.", SILENT),
]  # fmt: skip


def claim_of(statement: str, opposite: str | None, *, required: bool = True) -> Claim:
    turned = () if opposite is None else (Alternative(name="turned", standing=Standing.turned, forms=(opposite,)),)
    return Claim(
        id="it",
        kind=ClaimKind.term,
        label="the point",
        required=required,
        alternatives=(Alternative(name="stated", standing=Standing.right, forms=(statement,)), *turned),
    )


def reading(statement: str, opposite: str | None, text: str, *, required: bool = True) -> str:
    """What the Verifier makes of a text, in one word."""
    claim = claim_of(statement, opposite, required=required)
    source = f"The rules of the house.\n\n{statement} Keys hang at the desk. The desk opens at nine.\n"
    scenario = Scenario(
        family="t", domain=Domain.customer_support, task="Say how it is.", source_material=source, claims=(claim,)
    )
    report = Verifier(scenario).verify(text)
    if "it" in report.stated:
        return STATED
    if "it" in report.contradicted:
        return CONTRADICTED
    return DOUBTFUL if "it" in report.doubtful else SILENT


@pytest.mark.parametrize(("pair", "text", "expected"), PAIRS)
def test_a_statement_is_read_in_other_words(pair: tuple[str, str], text: str, expected: str) -> None:
    assert reading(*pair, text) == expected
