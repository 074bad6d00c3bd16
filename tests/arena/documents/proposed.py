"""Documents of our own, what an author proposes for them, and right answers: shared by the tests of `documents`."""

from copy import deepcopy
from typing import Any

from forge_arena.documents.document import Document
from forge_arena.documents.keeping import Kept, keep
from forge_arena.documents.proposal import read_proposal
from forge_arena.documents.sections import stretches

WARRANTY = """\
# Warranty on tents and packs

## 1. How long the warranty lasts

The warranty lasts 3 years from the day of purchase. For products bought before 1 September 2024, the warranty lasts \
2 years.

## 2. What is covered

Seams, zips and poles are covered. Wear of the groundsheet is not covered.

## 3. How a claim is made

A claim must reach us within 30 days after the damage was found. A repair takes 15 business days; it took 25 business \
days until March 2024. The customer pays for the parcel to the workshop, and the workshop pays for the parcel back.
"""

WARRANTY_PROPOSAL: dict[str, Any] = {
    "domain": "customer_support",
    "task": "Ms Okafor bought a Ridge tent on 14 June 2024, and yesterday its zip broke. She asks what we do about it. "
    "Write the reply to her.",
    "facts": [
        {
            "label": "how long the warranty on her tent lasts",
            "statement": "The warranty on the tent of Ms Okafor lasts 2 years.",
            "quotation": "For products bought before 1 September 2024, the warranty lasts 2 years.",
            "value": "2 years",
            "required": True,
            "case": "bought before 1 September 2024",
            "decided_by": "For products bought before 1 September 2024",
            "other_values": [
                {
                    "value": "3 years",
                    "quotation": "The warranty lasts 3 years from the day of purchase.",
                    "case": "bought on or after 1 September 2024",
                    "former": False,
                }
            ],
            "section": "1",
        },
        {
            "label": "by when a claim must be made",
            "statement": "A claim must reach us within 30 days after the damage was found.",
            "quotation": "A claim must reach us within 30 days after the damage was found.",
            "value": "30 days",
            "required": True,
            "section": "3",
        },
        {
            "label": "how long a repair takes",
            "statement": "A repair takes 15 business days.",
            "quotation": "A repair takes 15 business days",
            "value": "15 business days",
            "required": True,
            "section": "3",
            "other_values": [
                {
                    "value": "25 business days",
                    "quotation": "it took 25 business days until March 2024",
                    "former": True,
                }
            ],
        },
        {
            "label": "who pays for the parcel to the workshop",
            "statement": "The customer pays for the parcel to the workshop.",
            "quotation": "The customer pays for the parcel to the workshop",
            "required": False,
            "opposite": "The workshop pays for the parcel to the customer.",
            "section": "3",
        },
    ],
    "rules": [
        {"rule": "greets_by", "argument": "Ms Okafor", "instead": "Ngozi"},
        {"rule": "signs_with", "argument": "The Workshop Desk", "instead": "The Sales Desk"},
        {"rule": "max_words", "argument": 150},
    ],
}
WARRANTY_ANSWER = """\
Dear Ms Okafor,

Thank you for writing about your Ridge tent. Because you bought it on 14 June 2024, before 1 September 2024, its \
warranty lasts 2 years (section 1), so the broken zip is covered.

Please let us have your claim within 30 days of finding the damage. The repair then takes 15 business days. As the \
customer you pay for the parcel to the workshop, and we pay for the way back.

The Workshop Desk"""

LOAN = """\
Equipment loans

Borrowing

Members of the makers' shed may borrow hand tools for 21 days. Power tools are lent for 4 days. A deposit of \u00a340 is \
taken for each power tool.

Late returns

A tool that comes back late costs \u00a33.50 for each day. After 6 late returns the member is barred for 12 months.

Damage

The member pays for damage caused by misuse. The shed pays for ordinary wear.
"""
LOAN_PROPOSAL: dict[str, Any] = {
    "domain": "customer_support",
    "task": "Jonas wants to borrow the band saw next week and asks how our lending works. Write him a short answer.",
    "facts": [
        {
            "label": "how long he can keep the saw",
            "statement": "Power tools such as the band saw are lent for 4 days.",
            "quotation": "Power tools are lent for 4 days.",
            "value": "4 days",
            "required": True,
            "other_values": [
                {
                    "value": "21 days",
                    "quotation": "may borrow hand tools for 21 days",
                    "case": "hand tools",
                }
            ],
            "section": "Borrowing",
        },
        {
            "label": "what deposit is taken",
            "statement": "A deposit of \u00a340 is taken for each power tool.",
            "quotation": "A deposit of \u00a340 is taken for each power tool.",
            "value": "\u00a340",
            "required": True,
            "section": "Borrowing",
        },
        {
            "label": "what a late return costs",
            "statement": "A tool that comes back late costs \u00a33.50 for each day.",
            "quotation": "A tool that comes back late costs \u00a33.50 for each day.",
            "value": "\u00a33.50",
            "required": True,
            "section": "Late returns",
        },
        {
            "label": "who pays for damage from misuse",
            "statement": "The member pays for damage caused by misuse.",
            "quotation": "The member pays for damage caused by misuse.",
            "required": True,
            "opposite": "The shed pays for damage caused by misuse.",
            "section": "Damage",
        },
    ],
    "rules": [
        {"rule": "bullets", "argument": 3},
        {"rule": "last_line_begins", "argument": "Next step:", "instead": "To do:"},
    ],
}
LOAN_ANSWER = """\
Hello Jonas, you are welcome to the band saw.

- It is a power tool, so you can keep the saw for 4 days (see the section "Borrowing").
- We take a deposit of \u00a340 for it.
- Bringing it back late costs \u00a33.50 for each day.
- The member pays for any damage caused by misuse.

Next step: tell us on which day you want to collect it."""

KETTLES = """\
Kettles in stock

| Kettle | Price | Capacity | Noise | Base |
| --- | --- | --- | --- | --- |
| Corrie 12 | $34 | 1.2 litres | 61 dB | cordless |
| Corrie 17 | $46 | 1.7 litres | 68 dB | cordless |
| Hesper | $79 | 1.5 litres | 49 dB | cordless |

The Hesper is the only kettle below 50 dB. The Corrie 12 is loud at 61 dB. The Corrie 17 is louder still, at 68 dB. All \
kettles have a guarantee of 24 months.
"""
KETTLES_PROPOSAL: dict[str, Any] = {
    "domain": "product_recommendation",
    "task": "A customer works at night beside a sleeping child and wants a kettle that is as quiet as possible. "
    "Recommend one.",
    "facts": [
        {
            "label": "the price of the recommended kettle",
            "statement": "The recommended kettle costs $79.",
            "quotation": "| Hesper | $79 | 1.5 litres | 49 dB | cordless |",
            "value": "$79",
            "required": True,
        },
        {
            "label": "how loud the recommended kettle is",
            "statement": "The recommended kettle makes a noise of 49 dB.",
            "quotation": "| Hesper | $79 | 1.5 litres | 49 dB | cordless |",
            "value": "49 dB",
            "required": True,
        },
        {
            "label": "how long the guarantee runs",
            "statement": "The kettle has a guarantee of 24 months.",
            "quotation": "All kettles have a guarantee of 24 months.",
            "value": "24 months",
            "required": True,
        },
    ],
    "choice": {
        "label": "which kettle suits the customer",
        "options": [
            {"name": "Hesper", "fits": True, "because": "The Hesper is the only kettle below 50 dB."},
            {"name": "Corrie 12", "fits": False, "because": "The Corrie 12 is loud at 61 dB."},
            {"name": "Corrie 17", "fits": False, "because": "The Corrie 17 is louder still, at 68 dB."},
        ],
    },
    "rules": [
        {"rule": "opens_with", "argument": "Our pick:", "instead": "We suggest:"},
        {"rule": "no_bullets"},
    ],
}
KETTLES_ANSWER = """\
Our pick: the Hesper.

We recommend the Hesper to you. The kettle costs $79, and at 49 dB you can boil water beside a sleeping child. The \
guarantee runs for 24 months."""

LEASE = """\
SUPPLY AGREEMENT

Section 4. Delivery

4.1 The Supplier must notify the Buyer before goods leave the warehouse. Notice may be given by email.

4.2 The Buyer may refuse goods that arrive more than 10 business days late. Goods are at the risk of the Supplier until \
they are unloaded.

Section 5. Payment

5.1 Invoices fall due 45 days after receipt. Late sums bear interest at 6% a year.

5.2 The Buyer must not set off claims against an invoice.
"""
LEASE_PROPOSAL: dict[str, Any] = {
    "domain": "legal_summarisation",
    "task": "Our purchasing manager has to brief her team on the delivery and payment terms. Write a memo of what the "
    "agreement lays down.",
    "facts": [
        {
            "label": "when the Supplier has to notify the Buyer",
            "statement": "The Supplier must notify the Buyer before goods leave the warehouse.",
            "quotation": "The Supplier must notify the Buyer before goods leave the warehouse.",
            "required": True,
            "section": "4.1",
            "opposite": "The Supplier must notify the Buyer after goods leave the warehouse.",
        },
        {
            "label": "when invoices fall due",
            "statement": "Invoices fall due 45 days after receipt.",
            "quotation": "Invoices fall due 45 days after receipt.",
            "value": "45 days",
            "required": True,
            "section": "5.1",
        },
        {
            "label": "what interest late sums bear",
            "statement": "Late sums bear interest at 6% a year.",
            "quotation": "Late sums bear interest at 6% a year.",
            "value": "6%",
            "required": True,
            "section": "5.1",
        },
        {
            "label": "whether claims can be set off against an invoice",
            "statement": "The Buyer must not set off claims against an invoice.",
            "quotation": "The Buyer must not set off claims against an invoice.",
            "required": True,
            "section": "5.2",
            "opposite": "The Buyer may set off claims against an invoice.",
        },
    ],
    "rules": [{"rule": "opens_with", "argument": "In short:", "instead": "Summary:"}, {"rule": "first_person_plural"}],
}
LEASE_ANSWER = """\
In short: our duties are few.

The Supplier must notify the Buyer before goods leave the warehouse. Invoices fall due 45 days after receipt \
(section 5.1). Late sums bear interest at 6% a year. The Buyer must not set off claims against an invoice. We advise to read clause 4.2 as well."""

RELEASE = """\
# Release policy of the Lumen library

## Support

Version 8 is supported until 30 June 2027. It used to be supported until 31 December 2026.

## Removals

A function that is to be removed warns for 18 months. The function `fold_all` goes on 15 January 2028. Removals must be \
announced on the mailing list.

## Style of notes

Release notes are written in the first person plural.
"""
RELEASE_PROPOSAL: dict[str, Any] = {
    "domain": "code_review",
    "task": "Priya plans next year's upgrades and asks what our release policy means for her team. Brief her.",
    "facts": [
        {
            "label": "until when version 8 is supported",
            "statement": "Version 8 is supported until 30 June 2027.",
            "quotation": "Version 8 is supported until 30 June 2027.",
            "value": "30 June 2027",
            "required": True,
            "section": "Support",
            "other_values": [
                {
                    "value": "31 December 2026",
                    "quotation": "It used to be supported until 31 December 2026.",
                    "former": True,
                }
            ],
        },
        {
            "label": "how long a function warns before it is removed",
            "statement": "A function that is to be removed warns for 18 months.",
            "quotation": "A function that is to be removed warns for 18 months.",
            "value": "18 months",
            "required": True,
            "section": "Removals",
        },
        {
            "label": "where removals are announced",
            "statement": "Removals must be announced on the mailing list.",
            "quotation": "Removals must be announced on the mailing list.",
            "value": "mailing list",
            "required": False,
            "section": "Removals",
        },
    ],
    "rules": [
        {
            "rule": "first_person_plural",
            "quotation": "Release notes are written in the first person plural.",
        },
        {"rule": "greets_by", "argument": "Priya", "instead": "Dr Rao"},
    ],
}
RELEASE_ANSWER = """\
Hello Priya,

We support version 8 until 30 June 2027, as the section "Support" says. Before we remove a function, it warns for 18 \
months, so there is time to move."""

EXAMPLES = {
    "warranty": (WARRANTY, WARRANTY_PROPOSAL, WARRANTY_ANSWER),
    "loan": (LOAN, LOAN_PROPOSAL, LOAN_ANSWER),
    "kettles": (KETTLES, KETTLES_PROPOSAL, KETTLES_ANSWER),
    "lease": (LEASE, LEASE_PROPOSAL, LEASE_ANSWER),
    "release": (RELEASE, RELEASE_PROPOSAL, RELEASE_ANSWER),
}


def keep_from(text: str, proposal: object, *, task: str | None = None) -> Kept:
    """What is kept of a proposal for a document of one stretch."""
    (stretch,) = stretches(Document("example.md", text, task=task))
    read, problems = read_proposal(proposal)
    assert read is not None, problems
    return keep(stretch, read)


def with_fact(number: int, proposal: dict[str, Any] = WARRANTY_PROPOSAL, **changes: object) -> dict[str, Any]:
    """The proposal with another fact in the place of one of its facts."""
    changed = deepcopy(proposal)
    changed["facts"][number] = {**changed["facts"][number], **changes}
    return changed


def with_rules(*rules: dict[str, Any], proposal: dict[str, Any] = WARRANTY_PROPOSAL) -> dict[str, Any]:
    return {**deepcopy(proposal), "rules": list(rules)}


def reasons_of(kept: Kept, what: str) -> list[str]:
    """Why the parts whose names begin so were dropped."""
    return [part.reason for part in kept.dropped if part.what.startswith(what)]
