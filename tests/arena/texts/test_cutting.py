"""Cuts: what a sentence says can go, and what is left reads as if it had never been there."""

import pytest

from forge_arena.texts.cutting import cuts


def left_over(text: str, words: str) -> set[str]:
    start = text.index(words)
    return {text[: cut.start] + cut.text + text[cut.end :] for cut in cuts(text, start, start + len(words))}


START = "We have read your letter with care. "
END = " The shop opens on weekdays."


@pytest.mark.parametrize(
    ("text", "words", "wanted"),
    [
        ("The sale was agreed on 4 July 2031.", "4 July 2031", "The sale was agreed."),
        ("The hall (built for 90 guests) is free.", "90 guests", "The hall is free."),
        ("The key, number K-77, is with the porter.", "K-77", "The key is with the porter."),
        ("Rule 5, written by Osei, asks for a list.", "Osei", "Rule 5 asks for a list."),
        ("The rent is £70 a week, with a deposit of £90.", "£90", "The rent is £70 a week."),
        ("The rent is £70, and the deposit is £90.", "£70", "The deposit is £90."),
        ("The rent is £70, and the deposit is £90.", "£90", "The rent is £70."),
        ("The tent weighs 3 kg and has 2 doors.", "3 kg", "The tent has 2 doors."),
        ("The tent weighs 3 kg and has 2 doors.", "2 doors", "The tent weighs 3 kg."),
        ("It comes with 2 pegs, 3 ropes and 1 bag.", "3 ropes", "It comes with 2 pegs and 1 bag."),
        ("It comes with 2 pegs, 3 ropes and 1 bag.", "1 bag", "It comes with 2 pegs and 3 ropes."),
        ("You confirm the booking within 9 days.", "9 days", "You confirm the booking."),
        ("We book it under account number QA-31.", "QA-31", "We book it."),
        ("The rent is £70, and loss of keys costs £9 (rule 4).", "£9", "The rent is £70 (rule 4)."),
        ("We lend this: 2 pegs, 3 ropes and 1 bag.", "2 pegs", "We lend this: 3 ropes and 1 bag."),
        (
            "The rent is due in May (section 31). It is paid here.",
            "section 31",
            "The rent is due in May. It is paid here.",
        ),
        ("The rent is due in May; this is laid down in annex K-31.", "K-31", "The rent is due in May."),
        (
            "It was agreed at the meeting on 4 July 2031 and holds.",
            "4 July 2031",
            "It was agreed at the meeting and holds.",
        ),
    ],
)
def test_the_smallest_unit_goes_and_the_rest_is_repaired(text: str, words: str, wanted: str) -> None:
    assert START + wanted + END in left_over(START + text + END, words)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("We have read it. The fee is £30. It covers the tent.", "£30"),
        ("We have read it. Two points remain open. The fee is £30. The tent is green.", "£30"),
        ("Fees\n\nThe fee is £30.\n\nThe tent is green.", "£30"),
        ("We have read it. A pass is valid for 9 days. The tent is green.", "for 9 days"),
        ("We have read it. If it rains for 9 days, the fee is £30, and that price holds. It is green.", "9 days"),
    ],
    ids=["leaned on", "announced", "under a heading", "no clause without it", "condition"],
)
def test_there_is_no_cut_where_a_seam_would_show(text: str, words: str) -> None:
    left = left_over(text, words)

    assert not any("A pass is valid." in text or "Fees\n\nThe tent" in text for text in left)
    assert not any(" It covers" in text and "£30" not in text for text in left)
    assert not any("Two points remain open. The tent" in text for text in left)
    assert not any(text.startswith("We have read it. It is green") for text in left)


def test_an_item_of_a_list_goes_with_its_line_and_a_clause_leaves_the_mark() -> None:
    text = "We sell:\n\n- a tent for £30\n- a lamp for £12\n- a rope at £4, and a peg is £1\n\nWrite to us."

    assert "We sell:\n\n- a tent for £30\n- a rope at £4, and a peg is £1\n\nWrite to us." in left_over(text, "£12")
    assert all("\n- " in left or "rope" not in left for left in left_over(text, "£4"))


def test_a_label_goes_with_its_sentence() -> None:
    text = "Here it is.\n\nPrices. The fee is £30.\n\n**Time.** We open on 3 May.\n\nThe door is green.\n\nBye now."

    assert left_over(text, "£30") == {text.replace("\n\nPrices. The fee is £30.", "")}
    assert left_over(text, "3 May") == {text.replace("\n\n**Time.** We open on 3 May.", "")}


@pytest.mark.parametrize(
    ("text", "words", "never"),
    [
        ("The gate is here, the lamp is there, and the key is 3 cm long.", "3 cm", "the lamp is there."),
        ("Two dates matter. Bookings close on 3 May, and a letter will do.", "3 May", "matter. A letter"),
        ("The fee is £30. On the same day the lamp is lit.", "£30", "care. On the same"),
        ("You bought the lamp on 3 May 2031, and it shines.", "3 May 2031", "bought the lamp, and"),
        ("The hire started on 3 May 2031.", "3 May 2031", "started. The shop"),
        ("Cover for form-a ends on 3 May 2031.", "3 May 2031", "ends. The shop"),
        ("The cover ends on 3 May 2031.", "3 May 2031", "ends. The shop"),
        ("The log puts the fault in build Q-7.", "Q-7", "puts the fault. The"),
        ("Keys are changed within 9 days.", "9 days", "are changed. The"),
        ("The limits are a row of 9 cm and a height of 4 cm.", "4 cm", "are a row of 9 cm. The"),
        ("The loss is told within 9 days, and a letter is enough.", "9 days", "care. A letter is enough"),
        ("A crate on the cart may hold at most 9 jars, and no lid is needed.", "9 jars", "may hold, and"),
        ("A crate on the cart carries at most 9 jars.", "9 jars", "carries. The shop"),
        ("The rent is due in May; this is laid down in annex K-31.", "K-31", "this is laid down. The"),
        ("As written in annex K-31, the rent is due in May.", "K-31", "As written, the"),
        ("All jars should be returned within 9 days; see the rules.", "9 days", "returned; see"),
        (
            "On the wait: cards arrive within 5 days, letters within 9 days, and parcels within 12 days.",
            "5 days",
            "On the wait: letters",
        ),
        ("The fee is £30 for two crates. Further crates stay in the yard.", "£30", "care. Further crates"),
        ("The fee is £30 for two crates. For the rest you pay nothing.", "£30", "care. For the rest"),
        ("**The rent is £70, and the fee is £9**.", "£70", "fee is £9**."),
    ],
)
def test_what_is_left_is_whole_without_what_went(text: str, words: str, never: str) -> None:
    assert not any(never in left for left in left_over(START + text + END, words))


@pytest.mark.parametrize(
    ("text", "words", "torso"),
    [
        ("Urgent faults are answered within 4 hours.", "4 hours", "are answered."),
        ("The invoices have to be paid within 14 days.", "14 days", "be paid."),
        ("We will have this booked within 4 days.", "4 days", "have this booked."),
        ("Your policy comes up for renewal on 14 August 2031.", "14 August 2031", "comes up."),
        ("Nights earn £5, and rosters stay in the archive for 18 months.", "18 months", "rosters stay."),
        ("The motion (no. 15, moved by Osei) wants one list.", "Osei", "moved)"),
        (
            "The train was 74 minutes late. We pay 20% for a delay of that length.",
            "74 minutes",
            "The train was late. We pay 20% for a delay of that length.",
        ),
        (
            "The train was 74 minutes late.\n\nWe pay 20% for a delay of that length.",
            "74 minutes",
            "The train was late.",
        ),
        (
            "On the branch: it carries 4 panels, the soak lasts 9 days, and the share is 29%.",
            "29%",
            "panels, the soak lasts 9 days.",
        ),
        (
            "We look for it, and the search takes 9 days. If the search finds nothing, you get a card.",
            "9 days",
            "We look for it. If the search finds nothing",
        ),
    ],
)
def test_what_says_nothing_without_its_figure_is_not_left(text: str, words: str, torso: str) -> None:
    assert not any(torso in left for left in left_over(START + text + END, words))


def test_code_is_never_cut() -> None:
    text = "Use this:\n\n```python\nwait(30)\n```\n\nThat is all."

    assert left_over(text, "30") == set()
