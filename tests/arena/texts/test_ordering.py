"""Parts of a sentence change places, and no word changes."""

import pytest

from forge_arena.texts.ordering import reorderings


def in_other_order(text: str) -> set[str]:
    return {text[: part.start] + part.text + text[part.end :] for part in reorderings(text)}


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("The rent is £70, and the deposit is £90.", "The deposit is £90, and the rent is £70."),
        ("The gate opens at dawn; the lamps are lit by then.", None),
        (
            "It has a timeout of 5 seconds and a buffer of 9 rows.",
            "It has a buffer of 9 rows and a timeout of 5 seconds.",
        ),
        ("The rent is £70, and it is due on 3 May.", None),
        ("The rent is £70, and the deposit is £90, and the key is free.", None),
        ("The offer had lapsed; the sellers therefore keep £70.", None),
        ("The offer had lapsed; the buyers pay £70 after that.", None),
        ("If it rains, the rent is £70, and the deposit is £90.", None),
    ],
)
def test_only_parts_that_depend_on_nothing_change_places(text: str, wanted: str | None) -> None:
    assert in_other_order(text) == ({wanted} if wanted else set())
