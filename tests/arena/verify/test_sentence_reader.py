"""The reader of sentences: the worked example of the module, and the rules that the example shows."""

import pytest

from forge_arena.verify import Verifier
from forge_arena.verify.sentence_reader import SentenceReader

from .test_verifier import CASE, SCENARIO

EXAMPLE = "Refunds, formerly 10 to 14 business days, now take 5 to 7 business days (section 3.4)."


def read(sentence: str) -> list[tuple[str, tuple[str, ...], str, bool]]:
    """(claim, alternatives, words, past) of each reading."""
    readings = SentenceReader(SCENARIO).read(sentence).readings
    return [(r.claim, r.alternatives, sentence[r.start : r.end], r.past) for r in readings]


def test_the_worked_example_is_read_as_the_docstring_says() -> None:
    assert read(EXAMPLE) == [
        ("window", ("superseded",), "10 to 14 business days", True),
        ("window", ("current",), "5 to 7 business days", False),
        ("source", ("s34",), "section 3.4", False),
    ]
    report = Verifier(SCENARIO).verify(CASE + EXAMPLE)
    assert report.broken == {"source"}
    assert "window" in report.stated


def test_a_sentence_about_nothing_has_no_reading_and_keeps_its_values_unassigned() -> None:
    read_sentence = SentenceReader(SCENARIO).read("The shop opens on 3 January 2031.")
    assert read_sentence.readings == ()
    assert [(m.start, m.end) for m in read_sentence.unassigned] == [(18, 32)]


@pytest.mark.parametrize(
    ("sentence", "readings"),
    [
        # A value that no alternative knows is read for the claim that the sentence is about.
        ("The money takes 3 weeks.", [("window", (), "3 weeks", False)]),
        # A claim is stated once: the second unknown value of its kind belongs to no claim.
        ("The money takes 3 weeks or 4 months.", [("window", (), "3 weeks", False)]),
        # A value that is spoken of as past and that no alternative knows says nothing of the claim.
        ("The money, formerly 3 weeks, comes.", []),
        # A rejected option is read as past, and the other one as chosen; two options are no single option.
        (
            "We issue a refund rather than a voucher.",
            [("remedy", ("refund",), "a refund", False), ("remedy", ("voucher",), "a voucher", True)],
        ),
        # A citation is known by its number, whatever the passage is called.
        ("The money is due (3.2).", [("source", ("s32",), "3.2", False)]),
        # A citation that no alternative knows is read for a claim that has no citation yet.
        ("The money is due under section 9.9.", [("source", (), "section 9.9", False)]),
        # Code is read as a whole text, never as a sentence.
        ("```\nrefund = 'section 3.4'\n```", []),
    ],
)
def test_what_a_sentence_says_of_claims(sentence: str, readings: list[tuple[str, tuple[str, ...], str, bool]]) -> None:
    assert read(sentence) == readings
