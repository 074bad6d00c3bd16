"""All values of a kind in another spelling, and both ends of a range alike."""

import pytest

from forge_arena.texts.spellers import SPELLERS, writes_alike
from forge_arena.types import ClaimKind


def spelled_otherwise(text: str, kind: ClaimKind) -> set[str]:
    made = set()
    for speller in SPELLERS:
        others = list(speller.spellings(text))
        if speller.kind is kind and others:
            parts, at = "", 0
            for other in others:
                parts, at = parts + text[at : other.start] + other.text, other.end
            made.add(parts + text[at:])
    return made


@pytest.mark.parametrize(
    ("kind", "one", "another"),
    [
        (ClaimKind.duration, "Soak it for 6 hours.", "Soak it for six hours."),
        (ClaimKind.duration, "Soak it for 4 to 6 hours.", "Soak it for four to six hours."),
        (ClaimKind.duration, "Allow 2 weeks to 3 months.", "Allow two weeks to three months."),
        (ClaimKind.duration, "Between 2 and 5 working days pass.", "Between two and five working days pass."),
        (ClaimKind.date, "It ends on 5 March 2031.", "It ends on March 5, 2031."),
        (ClaimKind.percent, "It takes 5 to 10% of it.", "It takes 5 to 10 percent of it."),
        (ClaimKind.citation, "It is so (section 3).", "It is so (Section 3)."),
    ],
)
def test_each_spelling_gives_the_other(kind: ClaimKind, one: str, another: str) -> None:
    assert another in spelled_otherwise(one, kind)
    assert one in spelled_otherwise(another, kind)


@pytest.mark.parametrize(
    "text",
    [
        "Soak it for 1 to 2 hours.",
        "Soak it for one to two hours.",
        "Soak it for 4-6 hours.",
        "Soak it for 4\u20136 hours.",
        "Soak it for 10 to 45 minutes.",
        "Allow 2 weeks to 90 days.",
        "Take it for 3, 20 or 8 days.",
        "It is a 6-day trip.",
    ],
)
def test_half_of_a_range_is_never_spelled_otherwise(text: str) -> None:
    assert spelled_otherwise(text, ClaimKind.duration) == set()


@pytest.mark.parametrize(
    "text", ["It runs from 5 to 9 May 2031.", "It runs 5\u20139 May 2031.", "On 3rd and 9 May 2031."]
)
def test_the_end_of_a_range_of_days_stays(text: str) -> None:
    assert spelled_otherwise(text, ClaimKind.date) == set()


@pytest.mark.parametrize(
    ("kind", "text", "source", "wanted"),
    [
        (ClaimKind.percent, "It takes 10% of it.", "It took 8% then.", False),
        (ClaimKind.percent, "It takes 10% of it.", "It took 8 percent then.", True),
        (ClaimKind.date, "It ends on March 5, 2031.", "It began on April 4, 2030.", False),
        (ClaimKind.date, "It ends on March 5, 2031.", "It began on 4 April 2030.", True),
        (ClaimKind.citation, "It is so (section 3).", "It is so in section 2.", False),
        (ClaimKind.citation, "It is so (section 3).", "As in Section 2, it is so.", True),
    ],
)
def test_a_text_that_spells_a_value_so_has_the_habit(kind: ClaimKind, text: str, source: str, wanted: bool) -> None:
    writers = [speller for speller in SPELLERS if speller.kind is kind and list(speller.spellings(text))]
    assert [writes_alike(writer, source) for writer in writers] == [wanted]
