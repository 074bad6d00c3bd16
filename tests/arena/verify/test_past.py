"""What a sentence speaks of as past: named as former, replaced, or giving way to something else."""

import pytest

from forge_arena.verify.past import PAST, is_marked


@pytest.mark.parametrize(
    ("sentence", "past"),
    [
        ("formerly old.call, now new.call", True),
        ("old.call has to become new.call", True),
        ("`old.call` should be replaced by `new.call`", True),
        ("`old.call` gives way to `new.call`", True),
        ("old.call -> new.call", True),
        ("old.call was swapped for new.call", True),
        ("please replace old.call with new.call", True),
        ("new.call replaces old.call", True),
        ("new.call has to become old.call", False),
        ("replace new.call with old.call", False),
        ("use old.call for this", False),
        ("old.call becomes", False),
        ("old.call is not to become slower", False),
    ],
)
def test_a_name_that_gives_way_is_past(sentence: str, past: bool) -> None:
    start = sentence.index("old.call")
    assert is_marked(sentence, start, start + len("old.call"), PAST) is past
