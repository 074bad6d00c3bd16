"""A right value that an answer gives in another sense than the source, or in the place of another value."""

import pytest

from forge_arena.types import Alternative, Claim, ClaimKind, Domain, Scenario, Span, Standing
from forge_arena.verify import Verifier

SOURCE = """# Boat hire at Lake Ullern

A canoe is booked at least 3 weeks before the trip. Booking opens on 4 March 2027 and closes on 20 May 2027.

A canoe costs NZD$48 a day. A rowing boat costs NZD$65 a day. The deposit is 15% of the price in 2027.

Children below the age of 14 wear a vest. A trip lasts 6 hours or less. The last boat leaves 40 minutes before sunset.

- First breach of the rules: warning of 24 hours.
- Second breach of the rules: a fine of $90.
- Third breach of the rules: a fine of $210.

| Boathouse | Phone |
|---|---|
| North pier | Ingrid |
| South pier | Marcus Vold |

Bookings are confirmed by the harbour office. Pump 7 was removed from the slipway. The keys are kept for 9 months.

Unused tickets may be handed back within 45 days. Claims below 70 cents are not recorded. A non-refundable booking fee of $12
is charged. Oars that are not claimed within 4 weeks are sold."""


def fact(number: int, kind: ClaimKind, label: str, about: str, right: str, passage: str, *wrong: str) -> Claim:
    start = SOURCE.index(passage)
    alternatives = [Alternative(name="stated", standing=Standing.right, forms=(right,))]
    for place, form in enumerate(wrong, start=1):
        alternatives.append(Alternative(name=f"elsewhere_{place}", standing=Standing.elsewhere, forms=(form,)))
    return Claim(
        id=f"fact_{number}",
        kind=kind,
        label=label,
        about=(tuple(about.split()),),
        required=True,
        alternatives=tuple(alternatives),
        source_spans=(Span(start=start, end=start + len(passage)),),
    )


FACTS = {
    "lead": fact(
        1, ClaimKind.duration, "how long before the trip a canoe is booked", "canoe book trip", "3 weeks",
        "A canoe is booked at least 3 weeks before the trip",
    ),
    "closing": fact(
        2, ClaimKind.date, "when booking closes", "booking close", "20 May 2027",
        "Booking opens on 4 March 2027 and closes on 20 May 2027", "4 March 2027",
    ),
    "canoe": fact(
        3, ClaimKind.money, "the price of a canoe", "canoe price cost", "$48", "A canoe costs NZD$48 a day", "$65",
    ),
    "deposit": fact(
        4, ClaimKind.percent, "the deposit in 2027", "deposit", "15%", "The deposit is 15% of the price in 2027",
    ),
    "age": fact(
        5, ClaimKind.term, "the age below which a vest is worn", "age vest child", "14",
        "Children below the age of 14 wear a vest",
    ),
    "trip": fact(6, ClaimKind.duration, "how long a trip lasts", "trip last", "6 hours", "A trip lasts 6 hours or less"),
    "sunset": fact(
        7, ClaimKind.duration, "how long before sunset the last boat leaves", "boat sunset", "40 minutes",
        "The last boat leaves 40 minutes before sunset",
    ),
    "third": fact(
        8, ClaimKind.money, "the fine for a third breach", "third fine breach", "$210",
        "Third breach of the rules: a fine of $210", "$90",
    ),
    "pier": fact(
        9, ClaimKind.term, "whom to call at the north pier", "north pier call", "Ingrid", "| North pier | Ingrid |",
        "Marcus Vold",
    ),
    "office": fact(
        10, ClaimKind.term, "who confirms bookings", "confirm booking", "harbour office",
        "Bookings are confirmed by the harbour office",
    ),
    "pump": fact(
        11, ClaimKind.term, "which pump was removed", "pump slipway remov", "Pump 7",
        "Pump 7 was removed from the slipway",
    ),
    "keys": fact(12, ClaimKind.duration, "how long keys are kept", "key kept", "9 months", "The keys are kept for 9 months"),
    "tickets": fact(
        13, ClaimKind.duration, "how long tickets may be handed back", "ticket", "45 days",
        "Unused tickets may be handed back within 45 days",
    ),
    "claims": fact(
        14, ClaimKind.money, "below what sum a claim is not recorded", "claim record", "70 cents",
        "Claims below 70 cents are not recorded",
    ),
    "fee": fact(15, ClaimKind.money, "the booking fee", "booking fee", "$12", "A non-refundable booking fee of $12"),
    "oars": fact(
        16, ClaimKind.duration, "after what time oars are sold", "oar", "4 weeks",
        "Oars that are not claimed within 4 weeks are sold",
    ),
}  # fmt: skip


def scenario(*names: str) -> Scenario:
    return Scenario(
        family="document-boats",
        domain=Domain.customer_support,
        task="Write to Mr Lund, who wants to hire a boat.",
        source_material=SOURCE,
        claims=tuple(FACTS[name] for name in names),
    )


def is_stated(name: str, text: str) -> bool:
    return FACTS[name].id in Verifier(scenario(*FACTS)).verify(text).stated


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("lead", "A canoe has to be booked 3 weeks before the trip or earlier."),
        ("lead", "Book the canoe no later than 3 weeks before the trip."),
        ("lead", "Canoes cannot be booked less than 3 weeks before the trip."),
        ("lead", "A canoe that is booked less than 3 weeks before the trip is refused."),
        ("closing", "Booking is open until 20 May 2027."),
        ("closing", "You can book from 4 March 2027; booking closes on 20 May 2027."),
        ("canoe", "A canoe costs NZ$48 a day."),
        ("canoe", "You pay $48 for the canoe and $65 for a rowing boat, per day."),
        ("deposit", "In 2027 the deposit is 15%."),
        ("age", "Children have to wear a vest if they are younger than 14."),
        ("age", "Nobody of the age of 14 or above needs a vest."),
        ("trip", "A trip may not last longer than 6 hours."),
        ("sunset", "The last boat leaves 40 minutes before the sun sets, at sunset there is none."),
        ("third", "A second breach costs $90, a third one $210."),
        ("third", "For the third breach the fine is $210 (the second would have been $90)."),
        ("third", "| First | warning |\n| Second | $90 |\n| Third breach | $210 |"),
        ("pier", "At the north pier call Ingrid, at the south pier Marcus Vold."),
        ("office", "The harbour office confirms bookings; I cannot do it myself."),
        ("office", "The confirmation comes from the harbour office."),
        ("pump", "Pump 7 is gone from the slipway."),
        ("keys", "The keys are kept for 9 months and never longer."),
        ("tickets", "You can hand the unused tickets back within 45 days."),
        ("claims", "We do not record claims below 70 cents."),
        ("fee", "The booking fee of $12 is not refunded."),
        ("oars", "Oars have to be claimed within 4 weeks."),
    ],
)
def test_a_right_value_in_other_words_stays_stated(name: str, text: str) -> None:
    assert is_stated(name, text)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("lead", "A canoe has to be booked at most 3 weeks before the trip."),
        ("lead", "A canoe need not be booked 3 weeks before the trip."),
        ("lead", "A canoe is booked within 3 weeks after the trip."),
        ("closing", "Booking opens on 20 May 2027."),
        ("closing", "Booking closes on 4 March 2027 and opens on 20 May 2027."),
        ("canoe", "A canoe costs AUD$48 a day."),
        ("canoe", "A canoe costs 48 US dollars a day."),
        ("canoe", "A canoe costs NZD$48 each week."),
        ("canoe", "A canoe costs NZD$48 or NZD$65."),
        ("canoe", "A canoe costs NZD$65 a day and a rowing boat NZD$48."),
        ("canoe", "A canoe costs less than NZD$48."),
        ("deposit", "In 2026 the deposit was 15%."),
        ("age", "Children above the age of 14 wear a vest."),
        ("age", "Children below the age of 14 do not wear a vest."),
        ("trip", "A trip lasts at least 6 hours."),
        ("sunset", "The last boat leaves 40 minutes after sunset."),
        ("third", "For the third breach the fine is $90 (the second would have been $210)."),
        ("third", "| First | warning |\n| Second breach | $210 |\n| Third breach | $90 |"),
        ("pier", "At the north pier call Marcus Vold, at the south pier Ingrid."),
        ("office", "Bookings are not confirmed by the harbour office."),
        ("office", "Bookings are confirmed by the coastguard or harbour office."),
        ("pump", "Pump 7 was added to the slipway."),
        ("keys", "The keys are not kept for 9 months."),
        ("tickets", "You may not hand the unused tickets back within 45 days."),
        ("tickets", "Unused tickets cannot be given back within 45 days."),
        ("claims", "Claims below 70 cents are recorded."),
        ("claims", "We record claims below 70 cents."),
        ("keys", "The keys are kept for more than 9 months."),
        ("keys", "The keys are destroyed after 9 months or 14 months."),
    ],
)  # fmt: skip
def test_a_right_value_in_another_sense_is_not_stated(name: str, text: str) -> None:
    assert not is_stated(name, text)


def test_exchanged_values_contradict_both_facts() -> None:
    report = Verifier(scenario("canoe", "pier")).verify("A canoe costs NZD$65 a day and a rowing boat NZD$48.")
    assert report.contradicted == {FACTS["canoe"].id}


def test_a_value_in_another_sense_is_in_doubt_and_contradicts_nothing() -> None:
    report = Verifier(scenario("lead")).verify("A canoe has to be booked at most 3 weeks before the trip.")
    assert report.doubtful == report.not_found == {FACTS["lead"].id}
    assert not report.contradicted


def test_only_what_is_written_of_a_document_is_read_so_closely() -> None:
    own = scenario("keys")
    claim = own.claims[0].model_copy(update={"id": "keys"})
    family = own.model_copy(update={"claims": (claim,)})
    assert own.is_of_document
    assert not family.is_of_document
    assert "keys" in Verifier(family).verify("The keys are kept for more than 9 months.").stated
