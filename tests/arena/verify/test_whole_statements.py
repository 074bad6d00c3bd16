"""Whole statements in free prose: stated, contradicted, in doubt or not spoken of."""

from time import perf_counter

import pytest

from forge_arena.texts.verbs import root
from forge_arena.types import Alternative, Claim, ClaimKind, Domain, Scenario, Standing
from forge_arena.verify import Verifier
from forge_arena.verify.whole_statements import is_whole_statement
from forge_arena.verify.whole_statements.words import is_content

GUEST = ("A member may bring one guest.", "A member may not bring one guest.")
RECORDS = ("The supplier must keep the delivery records.", "The supplier need not keep the delivery records.")
PARKING = ("Visitors must not park in the yard.", "Visitors may park in the yard.")
REPAIRS = ("The tenant pays for repairs.", "The landlord pays for repairs.")
INVOICE = ("The broker sends the insurer the invoice.", "The insurer sends the broker the invoice.")
DEPOSIT = ("A deposit is required for group bookings.", "No deposit is required for group bookings.")
FILTER = ("The filter is changed before the season starts.", "The filter is changed after the season starts.")
BREAKFAST = ("The weekend rate includes breakfast.", "The weekend rate excludes breakfast.")
COVER = ("Hire cars are covered abroad.", "Hire cars are not covered abroad.")
LATE = (
    "Entries sent in after 40 days are not listed or judged.",
    "Entries sent in after 40 days are listed or judged.",
)
SPEAKING = (
    "A guest may not speak during the speaking time of members.",
    "A guest may speak during the speaking time of members.",
)
SPOKEN = ("Kim may not speak during the speaking time.", "Kim may speak during the speaking time.")
SIGNED = (
    "If the warden signs the form, no deposit is charged.",
    "If the warden signs the form, a deposit is charged.",
)
GROUPS = ("No deposit is charged for group bookings.", "A deposit is charged for group bookings.")
SUBMISSION = (
    "The submission of each party to the court is irrevocable.",
    "The submission of each party to the court is revocable.",
)
WITHDRAWALS = ("Withdrawals are unlimited.", "Withdrawals are limited.")
BANKER = (
    "A dedicated banker is available with the savings account.",
    "A dedicated banker is not available with the savings account.",
)
USE = (
    "The recipient must use the samples solely for the tests.",
    "The recipient need not use the samples solely for the tests.",
)
FACTS = (
    "The clerk must confirm the facts before a sum is offered.",
    "The clerk must confirm the facts after a sum is offered.",
)
REVIEW = (
    "A customer should review recent payments for errors.",
    "A customer need not review recent payments for errors.",
)
LONG = (
    "An employee who works from another country for longer than the agreed period must tell the payroll office in "
    "writing and obtain the consent of the department head beforehand.",
    "An employee who works from another country for longer than the agreed period need not tell the payroll office in "
    "writing and obtain the consent of the department head beforehand.",
)
STATED, CONTRADICTED, DOUBTFUL, SILENT = "stated", "contradicted", "doubtful", "silent"
UNPAID = (
    "A rower who has not returned all keys is not entitled to borrow a boat on Sunday",
    "A rower who has not returned all keys is entitled to borrow a boat on Sunday",
)
BADGE = (
    "The blue badge is required because Nora is paid by her trainer",
    "The blue badge is not required because Nora is paid by her trainer",
)
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
    (SUBMISSION, "The submission to the court is irrevocable, so neither party can take it back.", STATED),
    (SUBMISSION, "Each party's submission to the court is not irrevocable.", CONTRADICTED),
    (SUBMISSION, "The parties' submission to the court is revocable.", CONTRADICTED),
    (SUBMISSION, "The submission of a party to the court is not revocable.", STATED),
    (WITHDRAWALS, "Your withdrawals are unlimited, so take out what you need.", STATED),
    (WITHDRAWALS, "The withdrawals are limited.", CONTRADICTED),
    (BANKER, "The savings account comes with no transfer fees and a dedicated banker.", STATED),
    (BANKER, "The savings account has no transfer fees and no dedicated banker.", CONTRADICTED),
    (BANKER, "The savings account has no transfer fees or dedicated banker.", CONTRADICTED),
    (FACTS, "We always confirm the facts before we offer a sum, and we have not looked into your case yet.", STATED),
    (REVIEW, "Please review your recent payments for errors and dispute any charge you did not make.", STATED),
    (REVIEW, "In the app you do not need to review your recent payments for errors.", CONTRADICTED),
    (USE, "The recipient may use the samples only for the tests.", STATED),
    (USE, "The recipient may use the samples for other things than the tests.", DOUBTFUL),
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
    # The label of a list and the subject of a relative clause assert nothing by themselves.
    (UNPAID, "- **Keys:** rowers who have not returned all keys are not entitled to borrow a boat.", STATED),
    (UNPAID, "Keys: rowers who have not returned all keys are entitled to borrow a boat.", CONTRADICTED),
    # "Since" gives a reason here, and no order.
    (BADGE, "Since your trainer pays you, the blue badge is required.", STATED),
    (BADGE, "Since your trainer pays you, the blue badge is not required.", CONTRADICTED),
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
    (FILTER, "The season starts after the filter is changed.", STATED),
    (FILTER, "The filter is changed when the season starts.", DOUBTFUL),
    (BREAKFAST, "Breakfast is included in the weekend rate.", STATED),
    (BREAKFAST, "The weekend rate comes with breakfast.", STATED),
    (BREAKFAST, "Breakfast is not included in the weekend rate.", CONTRADICTED),
    (BREAKFAST, "The weekend rate is without breakfast.", CONTRADICTED),
    # "During" is as small a word as "in". A word of the subject is not the verb.
    (SPEAKING, "Guests may not speak in the speaking time of members.", STATED),
    (SPEAKING, "Guests may speak in the speaking time of members.", CONTRADICTED),
    (SPOKEN, "He may not speak in the speaking time.", STATED),
    (SPOKEN, "He may speak in the speaking time.", CONTRADICTED),
    (SPOKEN, "He may not smoke in the speaking time.", SILENT),
    (SPEAKING, "Guests may not smoke in the speaking time of members.", SILENT),
    # What would have been follows from a rule with a condition, and from no other rule.
    (SIGNED, "Had the warden signed the form, no deposit would have been charged.", STATED),
    (SIGNED, "If the warden had signed the form, you would not have been charged a deposit.", STATED),
    (SIGNED, "Had the warden signed the form, a deposit would have been charged.", CONTRADICTED),
    (SIGNED, "Had the warden refused the form, no deposit would have been charged.", DOUBTFUL),
    (SIGNED, "If the warden refuses the form, no deposit is charged.", DOUBTFUL),
    (SIGNED, "Had you come earlier, no deposit would have been charged.", SILENT),
    (SIGNED, "The warden had signed the form, and no deposit would have been charged.", DOUBTFUL),
    (GROUPS, "Had you asked, no deposit would have been charged for group bookings.", DOUBTFUL),
    (LATE, "Entries sent in later than that are neither listed nor judged.", STATED),
    (LATE, "Entries sent in after 40 days are neither judged nor listed.", STATED),
    (LATE, "Entries sent in after 40 days are listed and judged.", CONTRADICTED),
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

# By statement and opposite: sentences as people write answers, and sentences that are meant to mislead.
FURTHER = [
    (
        (
            "Refunds are not available for digital gift cards.",
            "Refunds are available for digital gift cards.",
        ),
        [
            ("Unfortunately, digital gift cards can't be refunded.", STATED),
            ("We do not offer refunds on digital gift cards.", STATED),
            ("Digital gift cards are non-refundable.", STATED),
            ("You can get a refund for a digital gift card.", CONTRADICTED),
            ("Refunds are available for digital gift cards, too.", CONTRADICTED),
            ("Digital gift cards are sent by email.", SILENT),
            ("If your digital gift card was refunded by mistake, tell us.", DOUBTFUL),
        ],
    ),
    (
        (
            "The contractor must give written notice before leaving the site.",
            "The contractor must give written notice after leaving the site.",
        ),
        [
            ("Before leaving the site, the contractor has to give written notice.", STATED),
            ("Written notice is required from the contractor prior to leaving the site.", STATED),
            ("The contractor may leave the site only after giving written notice.", DOUBTFUL),
            ("The contractor gives written notice after it has left the site.", CONTRADICTED),
            ("Once the contractor has left the site, written notice must be given.", CONTRADICTED),
            ("The contractor need not give written notice before leaving the site.", CONTRADICTED),
            ("Written notice must be given by the contractor.", DOUBTFUL),
        ],
    ),
    (
        (
            "The bank reimburses the customer for fraudulent transfers.",
            "The customer reimburses the bank for fraudulent transfers.",
        ),
        [
            ("Customers are reimbursed by the bank for fraudulent transfers.", STATED),
            ("For fraudulent transfers, the bank will reimburse the customer.", STATED),
            ("The customer must reimburse the bank for fraudulent transfers.", CONTRADICTED),
            ("The bank is reimbursed by the customer for fraudulent transfers.", CONTRADICTED),
            ("Fraudulent transfers are reimbursed.", DOUBTFUL),
            ("The bank does not reimburse the customer for fraudulent transfers.", CONTRADICTED),
        ],
    ),
    (
        (
            "Employees may carry over unused leave into the next year.",
            "Employees may not carry over unused leave into the next year.",
        ),
        [
            ("Unused leave can be carried over into the next year.", STATED),
            ("Yes, employees are permitted to carry unused leave over to the next year.", STATED),
            ("You are entitled to carry over unused leave to the following year.", STATED),
            ("Employees lose unused leave at the end of the year.", SILENT),
            ("Unused leave cannot be carried over into the next year.", CONTRADICTED),
            ("Carrying over unused leave into the next year isn't allowed.", CONTRADICTED),
            ("Employees must carry over unused leave into the next year.", DOUBTFUL),
            ("It is not the case that employees may not carry over unused leave into the next year.", DOUBTFUL),
            ("Nobody may carry over unused leave into the next year.", CONTRADICTED),
        ],
    ),
    (
        (
            "A visitor needs a badge to enter the laboratory.",
            "A visitor does not need a badge to enter the laboratory.",
        ),
        [
            ("To enter the laboratory, visitors must have a badge.", STATED),
            ("A badge is required for a visitor to enter the laboratory.", STATED),
            ("Visitors may enter the laboratory without a badge.", CONTRADICTED),
            ("No badge is needed to enter the laboratory.", CONTRADICTED),
            ("Visitors cannot enter the laboratory without a badge.", STATED),
            ("A visitor's badge is blue.", SILENT),
        ],
    ),
    (
        (
            "The service may be cancelled only if the customer gives a reason.",
            "The service may be cancelled even if the customer gives a reason.",
        ),
        [
            ("The service can be cancelled only when the customer gives a reason.", STATED),
            ("The service may be cancelled even if the customer gives a reason.", CONTRADICTED),
        ],
    ),
    (
        (
            "The warranty covers water damage.",
            "The warranty does not cover water damage.",
        ),
        [
            ("Water damage is covered by the warranty.", STATED),
            ("Water damage isn't covered under the warranty.", CONTRADICTED),
            ("The warranty excludes water damage.", CONTRADICTED),
            ("Water damage falls under the warranty.", SILENT),
            ("The warranty runs for two years.", SILENT),
        ],
    ),
    (
        (
            "Personal data is deleted within the agreed period unless the law requires longer storage.",
            "Personal data is kept within the agreed period unless the law requires longer storage.",
        ),
        [
            ("Personal data is deleted within the agreed period unless longer storage is required by law.", STATED),
            ("Unless the law requires longer storage, we delete personal data within the agreed period.", STATED),
        ],
    ),
    (
        (
            "The agent should not transfer the user to a human agent.",
            "The agent should transfer the user to a human agent.",
        ),
        [
            ("Agents should avoid transferring the user to a human agent.", STATED),
            ("The agent must not transfer users to a human agent.", STATED),
            ("The agent must transfer the user to a human agent.", CONTRADICTED),
            ("The user should be transferred to a human agent.", CONTRADICTED),
            ("The user should never be transferred to a human agent.", STATED),
        ],
    ),
    (
        (
            "Passengers must collect lost items in person.",
            "Passengers need not collect lost items in person.",
        ),
        [
            ("Lost items have to be picked up in person.", SILENT),
            ("You need to collect a lost item in person; we do not post items.", STATED),
            ("You must come in person to collect it.", SILENT),
            ("Passengers don't have to collect lost items in person.", CONTRADICTED),
            ("A friend may collect lost items for the passenger.", DOUBTFUL),
            ("Lost items are collected by staff every evening.", SILENT),
        ],
    ),
    (
        (
            "Late orders are shipped with express delivery at no charge.",
            "Late orders are not shipped with express delivery at no charge.",
        ),
        [
            ("If an order is late, it is shipped with express delivery at no charge.", STATED),
            ("Late orders go out by express delivery, and there is no charge.", SILENT),
            ("Late orders are not shipped by express delivery.", CONTRADICTED),
            ("There is no charge for late orders.", SILENT),
        ],
    ),
    (
        (
            "The licensee may sublicense the software to affiliates.",
            "The licensee may not sublicense the software to affiliates.",
        ),
        [
            ("Sublicensing to affiliates is permitted.", STATED),
            ("The licensee has the right to sublicense the software to its affiliates.", STATED),
            ("The licensee has no right to sublicense the software to affiliates.", CONTRADICTED),
            ("The licensee is prohibited from sublicensing the software to affiliates.", CONTRADICTED),
            ("The licensee may not sublicense the software to anyone except its affiliates.", DOUBTFUL),
            ("The licensee may not sublicense the software to third parties, but may do so to affiliates.", DOUBTFUL),
            ("Affiliates may use the software.", SILENT),
            ("The licensee cannot be stopped from sublicensing the software to affiliates.", DOUBTFUL),
        ],
    ),
    (
        (
            "The parcel is handed over after the recipient shows an identity card.",
            "The parcel is handed over before the recipient shows an identity card.",
        ),
        [
            ("The recipient shows an identity card and then the parcel is handed over.", STATED),
            ("The parcel is only handed over once the recipient has shown an identity card.", STATED),
            ("The parcel is not handed over until the recipient shows an identity card.", STATED),
            ("The parcel is handed over before the recipient shows an identity card.", CONTRADICTED),
            ("Before the recipient shows an identity card, the parcel is handed over.", CONTRADICTED),
            ("The recipient must show an identity card before the parcel is handed over.", STATED),
            ("After the parcel is handed over, the recipient shows an identity card.", DOUBTFUL),
        ],
    ),
    (
        (
            "The school lends the pupil a laptop.",
            "The pupil lends the school a laptop.",
        ),
        [
            ("A laptop is lent to the pupil by the school.", STATED),
            ("The pupil gets a laptop on loan from the school.", SILENT),
            ("Pupils lend the school a laptop.", CONTRADICTED),
            ("The school will lend each pupil a laptop.", STATED),
            ("A laptop is lent to the school by the pupil.", CONTRADICTED),
        ],
    ),
    (
        (
            "Parents are responsible for lost books.",
            "Teachers are responsible for lost books.",
        ),
        [
            ("Responsibility for lost books lies with the parents.", STATED),
            ("Lost books are the parents' responsibility.", STATED),
            ("Lost books are the teachers' responsibility.", DOUBTFUL),
            ("The teachers are responsible for lost books.", CONTRADICTED),
            ("Parents are not responsible for lost books.", CONTRADICTED),
            ("Parents return books in June.", SILENT),
        ],
    ),
    (
        (
            "The monthly fee includes the use of the sauna.",
            "The monthly fee excludes the use of the sauna.",
        ),
        [
            ("Use of the sauna is included in the monthly fee.", STATED),
            ("The monthly fee does not include the use of the sauna.", CONTRADICTED),
            ("Sauna use is not part of the monthly fee.", DOUBTFUL),
            ("The use of the sauna is covered by the monthly fee.", DOUBTFUL),
            ("The sauna is open daily.", SILENT),
        ],
    ),
    (
        (
            "Trainees cannot take leave during the first month.",
            "Trainees can take leave during the first month.",
        ),
        [
            ("During the first month, trainees can't take any leave.", STATED),
            ("No leave may be taken by trainees during the first month.", STATED),
            ("Trainees are able to take leave during the first month.", CONTRADICTED),
            ("Leave during the first month is possible for trainees.", CONTRADICTED),
            ("Trainees cannot take leave without notice.", SILENT),
            ("You asked if trainees can take leave during the first month: they cannot.", DOUBTFUL),
            ("Some people think trainees can take leave during the first month.", DOUBTFUL),
        ],
    ),
    (
        (
            "Team members may share a company card only with written approval from finance.",
            "Team members may share a company card even without written approval from finance.",
        ),
        [
            ("A company card may be shared among team members only with finance's written approval.", STATED),
            ("You must not share your company card unless finance has approved it in writing.", DOUBTFUL),
            ("Company cards are blue.", SILENT),
        ],
    ),
    (
        (
            "The borrower must repay the loan before the end of the term.",
            "The borrower must repay the loan after the end of the term.",
        ),
        [
            ("The loan has to be repaid before the term ends.", STATED),
            ("The borrower needs to repay the loan by the end of the term.", STATED),
            ("You repay the loan after the end of the term.", CONTRADICTED),
            ("Repayment of the loan before the end of the term is not required.", CONTRADICTED),
            ("The borrower can repay the loan at any time before the end of the term.", DOUBTFUL),
            ("The term of the loan ends in May.", SILENT),
            ("The loan must be repaid no later than the end of the term.", STATED),
        ],
    ),
    (
        (
            "Pets are not allowed in the dining room.",
            "Pets are allowed in the dining room.",
        ),
        [
            ("Please leave your pet outside the dining room.", DOUBTFUL),
            ("You may not bring pets into the dining room.", STATED),
            ("No pets in the dining room, please.", STATED),
            ("Pets are welcome in the dining room.", CONTRADICTED),
            ("Yes, pets may enter the dining room.", CONTRADICTED),
            ("Pets must stay out of the dining room.", DOUBTFUL),
            ("The dining room, where pets are not allowed, opens at six.", STATED),
            ("Pets are allowed in the garden but not in the dining room.", DOUBTFUL),
            ("Pets are allowed everywhere except the dining room.", DOUBTFUL),
        ],
    ),
    (
        (
            "The seller bears the cost of return shipping.",
            "The buyer bears the cost of return shipping.",
        ),
        [
            ("Return shipping costs are borne by the seller.", STATED),
            ("You, the buyer, bear the cost of return shipping.", CONTRADICTED),
            ("The buyer does not bear the cost of return shipping; the seller does.", DOUBTFUL),
            ("Return shipping is at the buyer's expense.", SILENT),
            ("The seller bears no cost of return shipping.", CONTRADICTED),
            ("The seller will bear the cost of return shipping.", STATED),
        ],
    ),
    (
        (
            "A security deposit is refundable.",
            "A security deposit is not refundable.",
        ),
        [
            ("Your security deposit can be refunded.", STATED),
            ("The security deposit is non-refundable.", CONTRADICTED),
            ("The security deposit isn't refundable.", CONTRADICTED),
            ("Is the security deposit refundable?", DOUBTFUL),
            ("The security deposit is due at signing.", SILENT),
        ],
    ),
    (
        (
            "Staff need not wear the badge outside the building.",
            "Staff must wear the badge outside the building.",
        ),
        [
            ("Outside the building, staff do not have to wear the badge.", STATED),
            ("Outside the building, you're not required to wear your badge.", STATED),
            ("Staff must wear the badge outside the building.", CONTRADICTED),
            ("Wearing the badge outside the building is mandatory.", CONTRADICTED),
            ("Staff must not wear the badge outside the building.", DOUBTFUL),
            ("Staff must wear the badge inside the building.", DOUBTFUL),
        ],
    ),
    (
        (
            "The committee may extend the deadline if the applicant is ill.",
            "The committee may not extend the deadline if the applicant is ill.",
        ),
        [
            ("If the applicant is ill, the committee can extend the deadline.", STATED),
            ("The deadline may be extended by the committee in case of illness.", STATED),
            ("Illness of the applicant does not allow the committee to extend the deadline.", CONTRADICTED),
            ("The committee cannot extend the deadline, even if the applicant is ill.", DOUBTFUL),
            ("The committee may not extend the deadline if the applicant is on holiday.", DOUBTFUL),
            ("An ill applicant must tell the committee.", SILENT),
        ],
    ),
    (
        (
            "Remote workers must encrypt their laptops.",
            "Remote workers need not encrypt their laptops.",
        ),
        [
            ("If you work remotely, your laptop has to be encrypted.", STATED),
            ("Laptops of remote workers must be encrypted at all times.", STATED),
            ("Encryption of the laptop is required for remote workers.", STATED),
            ("Remote workers are not required to encrypt their laptops.", CONTRADICTED),
            ("There's no obligation for remote workers to encrypt laptops.", CONTRADICTED),
            ("Remote workers can encrypt their laptops.", DOUBTFUL),
            ("Remote workers may choose not to encrypt their laptops.", CONTRADICTED),
            ("Office workers need not encrypt their laptops.", SILENT),
            ("Remote workers receive a laptop.", SILENT),
        ],
    ),
    (
        (
            "The museum is closed to the public on Mondays.",
            "The museum is not closed to the public on Mondays.",
        ),
        [
            ("On Mondays the museum is closed to the public.", STATED),
            ("The museum is open to the public on Mondays.", SILENT),
            ("The museum isn't closed on Mondays.", CONTRADICTED),
            ("Mondays are quiet at the museum.", SILENT),
        ],
    ),
    (
        (
            "Claims are reviewed before payment is released.",
            "Claims are reviewed after payment is released.",
        ),
        [
            ("We review claims before we release payment.", STATED),
            ("Payment is only released after claims are reviewed.", STATED),
            ("Claims are reviewed following release of payment.", CONTRADICTED),
            ("Claims are reviewed prior to the release of payment.", STATED),
            ("Claims get reviewed once payment has been released.", CONTRADICTED),
            ("Claims are reviewed by two people.", SILENT),
        ],
    ),
    (
        (
            "The employer insures the intern against accidents.",
            "The intern insures the employer against accidents.",
        ),
        [
            ("Interns are insured against accidents by the employer.", STATED),
            ("The employer takes out insurance for the intern against accidents.", STATED),
            ("The intern has to insure the employer against accidents.", CONTRADICTED),
            ("The intern is insured against accidents.", DOUBTFUL),
            ("Accidents must be reported to the employer by the intern.", DOUBTFUL),
            ("The employer doesn't insure the intern against accidents.", CONTRADICTED),
        ],
    ),
    (
        (
            "Meals are served with a drink.",
            "Meals are served without a drink.",
        ),
        [
            ("A drink is served with meals.", STATED),
            ("Every meal is served with a drink.", STATED),
            ("Meals come without a drink.", DOUBTFUL),
            ("Meals are not served with a drink.", CONTRADICTED),
            ("Meals are served at noon.", DOUBTFUL),
        ],
    ),
    (
        (
            "Subscribers can pause the subscription at any time, and they keep all saved articles while the subscription is paused.",
            "Subscribers cannot pause the subscription at any time, and they keep all saved articles while the subscription is paused.",
        ),
        [
            ("You can pause your subscription whenever you like; saved articles are kept while it is paused.", STATED),
            ("Subscribers cannot pause the subscription at any time. They lose saved articles.", DOUBTFUL),
            ("Saved articles can be read offline by subscribers.", SILENT),
            ("The subscription can be cancelled at any time by subscribers.", SILENT),
        ],
    ),
    (
        GUEST,
        [
            ("- **Guests:** a member may bring one guest (section 2).", STATED),
            ("**A member may bring one guest.**", STATED),
            ("> A member may bring one guest.", STATED),
            ("```\nA member may not bring one guest.\n```", SILENT),
            ("Members may not only bring a guest but also a dog.", STATED),
            ("It is not forbidden for a member to bring a guest.", STATED),
            ("No member is prohibited from bringing a guest.", STATED),
            ("A member may never not bring a guest.", DOUBTFUL),
            ('The flyer says "a member may not bring one guest", but that is out of date.', DOUBTFUL),
            ("The old rule was that members could not bring a guest; now a member may bring one guest.", STATED),
            ("Members may bring a guest, and guests may not bring their dogs.", STATED),
            ("A member may bring one guest. Guests must not stay after ten.", STATED),
            ("A member may bring one guest. A member may not bring one guest.", CONTRADICTED),
            ("A member may bring two guests.", DOUBTFUL),
            ("Bring one guest as a member? Yes, you may.", DOUBTFUL),
            ("Only a member may bring a guest.", STATED),
            ("A member might bring one guest.", STATED),
            ("A member was allowed to bring one guest until March.", DOUBTFUL),
            ("Members are no longer allowed to bring a guest.", CONTRADICTED),
            ("Should members be allowed to bring a guest?", DOUBTFUL),
            ("I wish members could bring a guest.", DOUBTFUL),
            ("Ms Roe may not bring a guest.", SILENT),
            ("Non-members may not bring a guest.", SILENT),
            ("Except for members, nobody may bring a guest.", DOUBTFUL),
            ("A guest may bring one member.", DOUBTFUL),
            ("Unless the club is full, a member may bring one guest.", STATED),
            ("A member must not fail to bring one guest.", DOUBTFUL),
            ("We can't say that a member may bring one guest.", DOUBTFUL),
            ("I doubt that a member may bring one guest.", DOUBTFUL),
            ("Neither members nor staff may bring a guest.", CONTRADICTED),
            ("Few members may bring a guest.", STATED),
            ("Hardly any member may bring a guest.", DOUBTFUL),
        ],
    ),
    (
        REPAIRS,
        [
            ("The tenant pays for repairs, not the landlord.", STATED),
            ("Not the tenant but the landlord pays for repairs.", CONTRADICTED),
            ("The tenant, rather than the landlord, pays for repairs.", STATED),
            ("The landlord says the tenant pays for repairs.", STATED),
            ("The landlord sends the bill for repairs, which the tenant pays.", STATED),
            ("The landlord may ask the tenant to pay for repairs.", DOUBTFUL),
            ("The tenant asks the landlord to pay for repairs.", DOUBTFUL),
            ("Both the tenant and the landlord pay for repairs.", DOUBTFUL),
            ("Who pays for repairs? The tenant.", DOUBTFUL),
            ("The tenant need not pay for repairs.", CONTRADICTED),
            ("The tenant's landlord pays for repairs.", CONTRADICTED),
            ("Repairs are at the landlord's expense; the tenant pays nothing.", DOUBTFUL),
        ],
    ),
    (
        FILTER,
        [
            ("The filter is not changed before the season starts but afterwards.", CONTRADICTED),
            ("Not after but before the season starts, the filter is changed.", STATED),
            ("The filter is changed before the season starts, not after.", STATED),
            ("The filter is changed at least a week before the season starts.", STATED),
            ("The filter was changed before the season started.", STATED),
        ],
    ),
]


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


@pytest.mark.parametrize(
    ("pair", "text", "expected"), [(pair, text, expected) for pair, texts in FURTHER for text, expected in texts]
)
def test_a_statement_is_read_in_further_words(pair: tuple[str, str], text: str, expected: str) -> None:
    assert reading(*pair, text) == expected


@pytest.mark.parametrize(
    "pair",
    [
        *(GUEST, RECORDS, PARKING, REPAIRS, INVOICE, DEPOSIT, FILTER, BREAKFAST, COVER, LONG),
        *(SUBMISSION, WITHDRAWALS, BANKER, USE),
    ],
)
def test_a_statement_is_stated_by_itself_and_contradicted_by_its_opposite(pair: tuple[str, str]) -> None:
    for statement, opposite in (pair, pair[::-1]):
        assert reading(statement, opposite, statement) == STATED
        assert reading(statement, opposite, opposite) == CONTRADICTED
        assert reading(statement, opposite, f"According to section 3, {statement[0].lower()}{statement[1:]}") == STATED


def test_a_statement_without_an_opposite_is_contradicted_by_its_denial() -> None:
    assert reading(GUEST[0], None, "Members may bring a guest.") == STATED
    assert reading(GUEST[0], None, "Members may not bring a guest.") == CONTRADICTED
    assert reading(GUEST[0], None, "May members bring a guest?") == DOUBTFUL


def test_a_statement_that_is_not_required_is_contradicted_too() -> None:
    assert reading(*GUEST, "Members may not bring a guest.", required=False) == CONTRADICTED
    assert reading(*GUEST, "The desk opens at nine.", required=False) == SILENT


def test_what_the_source_says_to_the_letter_contradicts_nothing() -> None:
    rule = "A member may not bring one guest on the day of the tournament."
    source = f"A member may bring one guest.\n\n{rule}\n"
    claim = claim_of(*GUEST)
    scenario = Scenario(
        family="t", domain=Domain.customer_support, task="Say how it is.", source_material=source, claims=(claim,)
    )
    assert not Verifier(scenario).verify(f"A member may bring one guest. {rule}").contradicted
    assert Verifier(scenario).verify("A member may not bring one guest.").contradicted == {"it"}


def test_a_sentence_of_the_source_is_in_doubt_and_contradicts_nothing() -> None:
    rule = "Guests may not be brought."
    scenario = Scenario(
        family="t", domain=Domain.customer_support, task="Say how it is.", claims=(claim_of(*GUEST),),
        source_material=f"A member may bring one guest.\n\nTournaments\n{rule}\n",
    )  # fmt: skip
    assert Verifier(scenario).verify(rule).doubtful == {"it"}
    assert Verifier(scenario).verify(f"Sorry: {rule}").contradicted == {"it"}


def test_a_denial_in_a_relative_clause_denies_nothing_else() -> None:
    pair = ("A member who has not paid may bring a guest.", "A member who has not paid may not bring a guest.")
    assert reading(*pair, "As you know, members who have not paid are allowed to bring a guest.") == STATED
    assert reading(*pair, "As you know, members who have not paid are not allowed to bring a guest.") == CONTRADICTED


@pytest.mark.parametrize("word", ["during", "since", "because", "every", "its", "very"])
def test_a_small_word_is_small_by_its_root_too(word: str) -> None:
    assert not is_content(root(word))


def test_a_claim_that_is_a_phrase_is_no_whole_statement() -> None:
    phrase = claim_of("a store voucher", None)
    assert not is_whole_statement(phrase)
    for sentence in ("A voucher is given.", "A voucher is given", "Visitors must not park in the yard"):
        assert is_whole_statement(claim_of(sentence, None))
    assert not is_whole_statement(phrase.model_copy(update={"kind": ClaimKind.identifier}))


def test_a_long_text_is_read_in_no_time() -> None:
    claim = claim_of(*RECORDS)
    scenario = Scenario(family="t", domain=Domain.customer_support, task="t", source_material="Keys.", claims=(claim,))
    verifier = Verifier(scenario)
    for text in (
        "no not never " * 5_000,
        "who that which, " * 5_000,
        "The supplier may not keep the records, " * 1_000,
    ):
        start = perf_counter()
        verifier.verify(text)
        assert perf_counter() - start < 5
