"""Quotations are found to the letter, spacing, quotation marks, dashes and emphasis apart."""

import pytest

from forge_arena.documents.quotations import locate, places

TEXT = "The **late fee** is $30.50.\nIt isn\u2019t due \u2013 ever \u2013 on \u201cquiet\u201d  days; see 2.5 and 12,000 rooms."


@pytest.mark.parametrize(
    ("quotation", "found"),
    [
        ("The late fee is $30.50.", "The **late fee** is $30.50"),
        ("It isn't due - ever - on", "It isn\u2019t due \u2013 ever \u2013 on"),
        ('on "quiet" days', "on \u201cquiet\u201d  days"),
        ("$30.50. It isn't due", "$30.50.\nIt isn\u2019t due"),
        ("see 2.5,", "see 2.5"),
    ],
)
def test_found(quotation: str, found: str) -> None:
    span = locate(TEXT, quotation)
    assert span is not None
    assert span.of(TEXT) == found


@pytest.mark.parametrize(
    "quotation",
    ["the late fee is", "The fee", "late f", "$30", "2", "2,000", "000 rooms", "5", "", "...", "is \u2026 due"],
)
def test_not_found(quotation: str) -> None:
    assert locate(TEXT, quotation) is None


def test_all_places_come_in_order() -> None:
    text = "Fee: $5.\nRate: 2%.\nFee: $5."
    assert [span.start for span in places(text, "Fee: $5")] == [0, 19]


def test_emphasis_of_either_sign_is_seen_through_and_a_name_keeps_its_underscores() -> None:
    text = "Keep _at most_ **4** jars in `cold_store`."
    span = locate(text, "at most 4 jars in cold_store")
    assert span is not None
    assert span.of(text) == "at most_ **4** jars in `cold_store"
    assert locate(text, "4 jars in coldstore") is None
