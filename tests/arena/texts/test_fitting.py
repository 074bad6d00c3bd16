"""A phrase takes the place of another phrase only where it fits."""

import pytest

from forge_arena.texts.fitting import Replacement, article, replacement, with_article, with_genitive


@pytest.mark.parametrize(
    ("text", "place", "old", "new", "wanted"),
    [
        (
            "It goes to the town council.",
            "town council",
            "before the town council",
            "before the mayor",
            "to the mayor.",
        ),
        ("You get a rug from us.", "a rug", "a rug", "an old lamp", "You get an old lamp from us."),
        ("You get a new rug.", "new rug", "a new rug", "an old lamp", "You get an old lamp."),
        ("It is written with a loop.", "a loop", "a loop", "`map`", "It is written with `map`."),
        ("It is paid in cash (4.2).", "in cash", "in cash", "by cheque", "It is paid by cheque (4.2)."),
        (
            "It asks for the slow sieve.",
            "slow sieve",
            "a slow sieve",
            "a test and a sum",
            "It asks for a test and a sum.",
        ),
        ("It is for a list.", "list", "a list", "a generator and `sum`", "It is for a generator and `sum`."),
        ("It is for `mean` and speed.", "`mean`", "`mean`", "a plain loop", "It is for a plain loop and speed."),
        ("It is a desk that is run by us.", "desk that is run by us", "a desk run by us", "a van", "It is a van."),
    ],
)
def test_a_phrase_that_fits_is_exchanged(text: str, place: str, old: str, new: str, wanted: str) -> None:
    start = text.index(place)

    fit = replacement(text, start, start + len(place), [old], [new])

    assert fit is not None
    assert (text[: fit.start] + fit.text + text[fit.end :]).endswith(wanted)


@pytest.mark.parametrize(
    ("text", "place", "old", "new"),
    [
        ("It is paid as a voucher.", "a voucher", "a voucher", "bank transfer"),
        ("It is heard by the council.", "council", "before the council", "at the gate"),
        ("It is signed for with the porter.", "porter", "by the porter", "on loan"),
        ("A lamp is enough.", "A lamp", "a lamp", "two lamps"),
        ("We move you to a smaller room.", "a smaller room", "a smaller room", "a transfer to a friend"),
        ("The board looks after repairs.", "board looks after repairs", "at the board's cost", "at your cost"),
    ],
)
def test_a_phrase_that_does_not_fit_is_refused(text: str, place: str, old: str, new: str) -> None:
    start = text.index(place)

    assert replacement(text, start, start + len(place), [old], [new]) is None


def test_the_article_follows_the_new_word() -> None:
    text = "There is a 6-day search."
    start = text.index("6-day")

    fit = replacement(text, start, start + 5, ["6-day"], ["8-day"])

    assert fit is not None
    fit = with_article(text, fit)
    assert text[: fit.start] + fit.text + text[fit.end :] == "There is an 8-day search."


@pytest.mark.parametrize(
    ("phrase", "wanted"),
    [
        ("8 days", "an"),
        ("18 days", "an"),
        ("80 days", "an"),
        ("1 day", "a"),
        ("user", "a"),
        ("old rug", "an"),
        ("rug", "a"),
    ],
)
def test_the_article_is_chosen_by_sound(phrase: str, wanted: str) -> None:
    assert article(phrase) == wanted


@pytest.mark.parametrize(
    ("text", "old", "new", "wanted"),
    [
        ("Give one month's notice.", "one month", "two months", "Give two months' notice."),
        ("Give two months\u2019 notice.", "two months", "one month", "Give one month\u2019s notice."),
        ("Give one month's notice.", "one month", "one year", "Give one year's notice."),
        ("It lasts 'two months'.", "two months", "one month", "It lasts 'one month'."),
    ],
)
def test_a_genitive_goes_with_its_phrase(text: str, old: str, new: str, wanted: str) -> None:
    start = text.index(old)
    fit = with_genitive(text, Replacement(start, start + len(old), new))
    assert text[: fit.start] + fit.text + text[fit.end :] == wanted
