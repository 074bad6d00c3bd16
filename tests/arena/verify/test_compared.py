"""Of which option a place in a sentence with several options speaks."""

import re

import pytest

from forge_arena.verify.compared import option_at


@pytest.mark.parametrize(
    ("sentence", "options"),
    [
        (
            "we would choose it rather than the halden, which is dearer at £8390 and costs £860 a year, against £445 for the tessaro.",
            ["halden", "halden", "tessaro"],
        ),
        ("we would choose it rather than the halden; it costs £6370.", [None]),
        ("the tessaro costs £6370 and the halden £8390.", ["tessaro", "halden"]),
        ("unlike the halden, the tessaro costs £6370 and needs £445 a year.", ["tessaro", "tessaro"]),
        ("the tessaro is cheaper than the halden, and it costs £6370.", ["tessaro"]),
        ("it costs £6370.", [None]),
    ],
)
def test_an_option_is_spoken_of_from_clause_to_clause(sentence: str, options: list[str | None]) -> None:
    places = [(*match.span(), match[0]) for match in re.finditer("halden|tessaro", sentence)]
    assert [option_at(sentence, places, match.start()) for match in re.finditer("£", sentence)] == options
