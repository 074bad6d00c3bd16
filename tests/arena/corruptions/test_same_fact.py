"""A value that an answer gives twice: only the mentions of one fact change, and no fact goes with another one."""

from random import Random

import pytest

from forge_arena.corruptions import inject
from forge_arena.corruptions.draft import Edit, draft_of
from forge_arena.corruptions.prose import leave_out, optional_cuts, restate_freely
from forge_arena.corruptions.same_fact import cuts_beside, mentions_of
from forge_arena.errors import CannotCorrupt
from forge_arena.types import Alternative, Answer, Claim, ClaimKind, CorruptionType, Domain, Scenario, Span, Standing
from forge_arena.verify import Verifier

SOURCE = (
    "## 2 Tools\n\nThe longest loan of a tool is 3 weeks. The warden of the shed hands tools out.\n\n"
    "## 5 Repairs\n\nA broken tool that is reported later than 3 weeks is mended at the cost of the borrower. "
    "The workshop mends saws on 4 days of each month."
)
TASK = "Tell a new neighbour how the tool shed works. State the longest loan and name the section for it."


def _at(words: str) -> tuple[Span, ...]:
    start = SOURCE.index(words)
    return (Span(start=start, end=start + len(words)),)


def _right(*forms: str) -> Alternative:
    return Alternative(name="stated", standing=Standing.right, forms=forms)


LOAN = Claim(
    id="loan",
    kind=ClaimKind.duration,
    label="the longest loan of a tool",
    about=(("longest", "loan"),),
    required=True,
    alternatives=(
        _right("3 weeks"),
        Alternative(name="far", standing=Standing.absent, forms=("11 weeks",), stealth=0),
    ),
    source_spans=_at("The longest loan of a tool is 3 weeks"),
)
WARDEN = Claim(
    id="warden",
    kind=ClaimKind.term,
    label="who hands tools out",
    about=(("hand", "warden"),),
    alternatives=(_right("warden of the shed"),),
    source_spans=_at("The warden of the shed hands tools out"),
)
SECTION = Claim(
    id="section",
    kind=ClaimKind.citation,
    label="the section on the longest loan",
    about=(("longest", "loan"),),
    subject="loan",
    required=True,
    alternatives=(_right("section 2", "Section 2"),),
    source_spans=_at("## 2 Tools"),
)
SHED = Scenario(
    family="shed",
    domain=Domain.customer_support,
    task=TASK,
    source_material=SOURCE,
    claims=(LOAN, WARDEN, SECTION),
)

OPENING = "Welcome to the street. A few words on our shed."
FIRST = "Whoever reports a broken tool later than 3 weeks pays for mending it."
SECOND = (
    "Take what you need for the day. The longest loan is 3 weeks (section 2), and the warden of the shed hands it out."
)
END = "Please sweep the floor when you leave. We look forward to meeting you."
ANSWER = f"{OPENING} {FIRST}\n\n{SECOND} {END}\n\nThe neighbours"


def test_the_verifier_finds_the_claim_at_both_mentions_and_only_one_speaks_of_it() -> None:
    draft = draft_of(Verifier(SHED), ANSWER, Random(0))

    assert draft.report.clean
    assert len(draft.report.of("loan")) == 2
    mentions = mentions_of(draft, LOAN)
    assert [finding.start for finding in mentions.same] == [ANSWER.index("3 weeks (section 2)")]
    assert [finding.start for finding in mentions.other] == [ANSWER.index("3 weeks pays")]


def test_a_value_changes_where_it_is_given_for_the_claim_and_nowhere_else() -> None:
    injection = inject(Verifier(SHED), Answer(reasoning="", output=ANSWER), CorruptionType.temporal_shift, 0, Random(0))

    assert injection.answer.output == ANSWER.replace("loan is 3 weeks", "loan is 11 weeks")
    assert [span.of(injection.answer.output) for span in injection.spans] == ["11 weeks"]


def test_a_value_is_not_changed_if_nobody_can_tell_for_what_a_further_mention_gives_it() -> None:
    # "The 3 weeks" are those of the sentence before, and the sentence says something else of them.
    answer = ANSWER.replace(END, f"Broken after the 3 weeks, a tool is mended at your cost. {END}")
    draft = draft_of(Verifier(SHED), answer, Random(0))

    assert draft.report.clean
    assert restate_freely(draft, LOAN, LOAN.wrong[0]) is None


def test_a_value_in_two_columns_of_one_row_is_not_changed_in_one_of_them() -> None:
    source = "| plan | tools | ladders |\n| --- | --- | --- |\n| Street plan | 3 weeks | 3 weeks |\n\n" + SOURCE.split(
        "\n\n", 2
    )[2].replace("3 weeks", "a while")
    row = "| Street plan | 3 weeks | 3 weeks |"
    start = source.index(row)
    loan = LOAN.model_copy(update={"source_spans": (Span(start=start, end=start + len(row)),)})
    scenario = SHED.model_copy(update={"source_material": source, "claims": (loan,)})
    answer = f"{OPENING}\n\nThe longest loan is 3 weeks for tools and 3 weeks for ladders. {END}"
    draft = draft_of(Verifier(scenario), answer, Random(0))

    assert draft.report.clean
    assert restate_freely(draft, loan, loan.wrong[0]) is None


def test_a_value_that_the_source_gives_once_changes_at_each_mention() -> None:
    scenario = SHED.model_copy(update={"source_material": SOURCE.replace("later than 3 weeks", "late")})
    answer = f"{OPENING}\n\n{SECOND} Mark the longest loan of 3 weeks in your diary. {END}"
    draft = draft_of(Verifier(scenario), answer, Random(0))

    assert draft.report.clean
    edits = restate_freely(draft, LOAN, LOAN.wrong[0])
    assert edits is not None
    assert len(edits) == 2


@pytest.mark.parametrize("seed", range(8))
def test_a_placebo_never_cuts_the_sentence_that_states_a_required_claim(seed: int) -> None:
    # The sentence of the warden can go as a whole. The first sentence has its value, and says nothing of a loan.
    answer = ANSWER.replace(
        SECOND, "Section 2 is about the longest loan. By the warden of the shed, a tool is lent for 3 weeks."
    )
    draft = draft_of(Verifier(SHED), answer, Random(seed))

    assert draft.report.clean
    for claim, edits in optional_cuts(draft, Random(seed)):
        assert claim.id == "warden"
        assert all("lent for 3 weeks" not in answer[edit.start : edit.end] for edit in edits)


@pytest.mark.parametrize("seed", range(8))
def test_an_omission_takes_no_second_required_claim_along(seed: int) -> None:
    # The section stands in a clause of its own, which also states the loan.
    answer = ANSWER.replace(
        SECOND,
        "Take what you need for the day. At most a loan runs for 3 weeks, see section 2. The warden is glad to help.",
    )
    verifier = Verifier(SHED)
    assert verifier.verify(answer).clean
    draft = draft_of(verifier, answer, Random(seed))

    edits = leave_out(draft, SECTION, Random(seed))
    assert edits is None or all("3 weeks" not in answer[edit.start : edit.end] for edit in edits)
    for edit in edits or ():
        assert "section 2" in answer[edit.start : edit.end]


def test_an_omission_is_refused_where_the_value_would_still_stand_for_something_else() -> None:
    verifier = Verifier(SHED)
    for seed in range(8):
        try:
            injection = inject(
                verifier, Answer(reasoning="", output=ANSWER), CorruptionType.factual_omission, 0, Random(seed)
            )
        except CannotCorrupt:
            continue
        assert injection.target == "section"
        assert "loan is 3 weeks" in injection.answer.output


def test_no_edit_may_cut_what_states_a_required_claim_that_is_not_its_target() -> None:
    draft = draft_of(Verifier(SHED), ANSWER, Random(0))
    loan = ANSWER.index("The longest loan is 3 weeks")
    section = ANSWER.index(" (section 2)")
    of_loan = Edit(loan, section, "")

    assert cuts_beside(draft, [of_loan], None)
    assert cuts_beside(draft, [of_loan], "section")
    assert not cuts_beside(draft, [of_loan], "loan")
    assert not cuts_beside(draft, [Edit(ANSWER.index(FIRST), ANSWER.index(FIRST) + len(FIRST), "")], None)
