from forge_arena.tools.passages import LONG, passages


def test_a_paragraph_is_a_passage_with_its_heading() -> None:
    assert passages("A guide\n\n1 Fees\nThe fee is £5.\n\n\n2 Days\nIt takes 3 days.\n") == (
        "A guide",
        "1 Fees\nThe fee is £5.",
        "2 Days\nIt takes 3 days.",
    )


def test_a_fenced_block_is_never_cut() -> None:
    code = "```python\na = 1\n\nb = 2\n```"
    assert passages(f"Intro\n{code}\n\nEnd") == (f"Intro\n{code}", "End")


def test_a_long_paragraph_is_cut_between_sentences() -> None:
    sentence = "This sentence has exactly seven words here."
    parts = passages(" ".join([sentence] * 40))
    assert len(parts) == 3
    assert all(len(part.split()) <= LONG for part in parts)
    assert all(part.strip().endswith("here.") for part in parts)
    assert " ".join(part.strip() for part in parts) == " ".join([sentence] * 40)


def test_an_empty_source_has_no_passage() -> None:
    assert passages(" \n\n") == ()
