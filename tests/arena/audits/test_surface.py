"""Surface statistics: each counts what its name says, and two texts are compared by value, not by spelling."""

import numpy as np
import pytest

from forge_arena.audits.surface import RELATION, SURFACE, relation, surface


def of(text: str) -> dict[str, float]:
    return dict(zip(SURFACE, surface([text])[0], strict=True))


def beside(text: str, other: str) -> dict[str, float]:
    return dict(zip(RELATION, relation([text], [other])[0], strict=True))


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("characters", "Four", 4),
        ("words", "It's a short one.", 4),
        ("sentences", "One is here. Two is there.", 2),
        ("lines", "a\nb\n\nc", 4),
        ("paragraphs", "a\n\nb", 2),
        ("code_blocks", "```\nx = 1\n```", 1),
        ("digits", "12 and 3", 3),
        ("numbers", "1,200 and 7", 2),
        ("round_numbers", "40 and 7", 0.5),
        ("year_first", "In 1998 and in 2004.", 1998),
        ("year_last", "In 1998 and in 2004.", 2004),
        ("years", "It costs $2000 in 2004.", 1),
        ("money_values", "It is $5.00 or $6.00.", 2),
        ("date_values", "By 3 May 2026.", 1),
        ("duration_values", "Within 5 business days.", 1),
        ("citation_values", "Under section 3.2.", 1),
        ("citation_starts", "No citation here.", 1.5),
        ("superlatives", "The quickest and the most honest request.", 3),
        ("comparatives", "More is not better.", 2),
        ("hedges", "Perhaps it may.", 2),
        ("negations", "It isn't, and cannot be.", 2),
        ("past", "It was formerly so.", 2),
        ("quotes", 'The "old" one.', 2),
        ("bullets", "- one\n- two\n3. three", 3),
        ("exclamations", "Yes! Yes!", 2),
        ("shouted", "The ISO norm", 1),
        ("doubled_words", "the the end", 1),
        ("double_spaces", "one  two", 1),
        ("bigram_most", "the fee and the fee", 2),
        ("values_repeated", "$5.00 means $5.", 1),
        ("openings_repeated", "The fee is due. The end is near.", 1),
        ("type_token_ratio", "a b a b", 0.5),
    ],
)  # fmt: skip
def test_a_statistic_counts_what_its_name_says(name: str, text: str, value: float) -> None:
    assert of(text)[name] == pytest.approx(value)


@pytest.mark.parametrize(
    ("name", "text", "other", "value"),
    [
        ("money_new", "It is $5.", "It was $4.", 1),
        ("money_new", "It is $5.00.", "It is $5.", 0),
        ("money_unsaid", "Nothing to pay.", "It is $5.", 1),
        ("date_new", "On 2026-05-03.", "On 3 May 2026.", 0),
        ("citation_new", "See section 3.4.", "Section 3.2 says it.", 1),
        ("numbers_new", "1,200", "1200", 0),
        ("names_new", "we asked Castillo", "nobody was asked", 1),
        ("words_shared", "one two", "two three", 0.5),
        ("words_jaccard", "one two", "two three", 1 / 3),
        ("bigrams_shared", "one two three", "two three four", 0.5),
        ("length_ratio", "one two", "one two three four", 0.5),
        ("sentence_least_covered", "The fee is due. Cats purr.", "The fee is due.", 0.0),
    ],
)  # fmt: skip
def test_a_relation_counts_what_its_name_says(name: str, text: str, other: str, value: float) -> None:
    assert beside(text, other)[name] == pytest.approx(value)


@pytest.mark.parametrize("text", ["", " ", "\n\n", "```", "9" * 400, "\u0663", "a" * 20_000])
def test_any_text_has_finite_statistics(text: str) -> None:
    assert np.isfinite(surface([text])).all()
    assert np.isfinite(relation([text, "other"], ["other", text])).all()


def test_the_names_are_those_of_the_columns_and_none_is_twice() -> None:
    assert surface([]).shape == (0, len(set(SURFACE)))
    assert relation([], []).shape == (0, len(set(RELATION)))


def test_a_text_without_its_other_is_refused() -> None:
    with pytest.raises(ValueError, match="got 2 texts and 1 others"):
        relation(["a", "b"], ["c"])
