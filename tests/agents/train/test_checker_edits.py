"""The edits that make wrong and harmless sentences, and the renaming of a pair."""

from collections.abc import Sequence
from random import Random

import pytest

from forge_agents.train.checker.edits import HARMLESS, WRONG, Edit, Maker, Material, learn_followers
from forge_agents.train.checker.renaming import lexicon_of, rename
from forge_arena.texts.values import mentions
from forge_arena.types import Span

SENTENCES = (
    "The tenant must pay the landlord $250.00 before 3 March 2027 under rule 4.2.",
    "Ms Whitlock sent the parcel to Mr Okafor within 5 days, and the depot keeps it for 9 days.",
    "Every guest of the club may bring one friend to the garden after the meeting.",
    "The report of Dana Reed says that the pump (the larger one) is more costly than the valve.",
    "A refund takes 12 business days, and a claim needs the signature of the treasurer.",
)
SOURCE = (
    *SENTENCES,
    "Until March 2026 the deposit was $95.50, which clause 7.3 allowed.",
    "The warden of Greenhill gives the keys to members of the committee for 3 weeks.",
)
FOREIGN = (
    "The library lends maps to visitors; a deposit is asked for.",
    "Boilers are checked each spring, for safety.",
)


def material(text: str) -> Material:
    elsewhere = [sentence for sentence in SOURCE if sentence != text]
    return Material(text, elsewhere, FOREIGN, learn_followers([*SOURCE, *FOREIGN]))


def made(maker: Maker, tries: int = 30) -> list[tuple[str, Edit]]:
    edits = []
    for text in SENTENCES:
        for seed in range(tries):
            edit = maker(text, material(text), Random(seed))
            if edit is not None and edit.text != text:
                edits.append((text, edit))
    return edits


@pytest.mark.parametrize("maker", WRONG, ids=lambda maker: maker.__name__)
def test_a_wrong_edit_marks_what_it_changed_and_nothing_else(maker: Maker) -> None:
    edits = made(maker)
    assert edits
    for text, edit in edits:
        assert edit.spans
        for span in edit.spans:
            assert span.of(edit.text).strip()
            assert span.end <= len(edit.text)
        kept = _outside(edit.text, edit.spans)
        assert all(word in text.lower() or word in _JOINING for word in kept.lower().replace(".", " ").split())


@pytest.mark.parametrize("maker", HARMLESS, ids=lambda maker: maker.__name__)
def test_a_harmless_edit_marks_nothing_and_keeps_the_values(maker: Maker) -> None:
    for text, edit in made(maker):
        assert edit.spans == ()
        assert edit.type is None
        if edit.name not in ("remark", "joined", "shortened"):
            assert {m.value for m in mentions(edit.text)} >= {m.value for m in mentions(text)}


def test_the_same_seed_makes_the_same_edit() -> None:
    for maker in (*WRONG, *HARMLESS):
        first, second = (maker(SENTENCES[0], material(SENTENCES[0]), Random(7)) for _ in range(2))
        assert first == second


def test_most_wrong_edits_take_their_words_from_the_source() -> None:
    words = {word.strip(".,();").lower() for sentence in SOURCE for word in sentence.split()}
    of_source = []
    for maker in WRONG:
        edits = made(maker, 8)
        known = [w.strip(".,();").lower() in words for _, e in edits for s in e.spans for w in s.of(e.text).split()]
        of_source.append(sum(known) / len(known) > 0.7)
    assert sum(of_source) >= len(WRONG) / 2


def test_a_pair_is_renamed_alike_on_both_sides() -> None:
    text, beside = (
        "We owe Ms Whitlock 250 dollars for pumps.",
        ("Whitlock gets 250 dollars for a pump.", "Nobody else does."),
    )
    start = text.index("250")
    for seed in range(20):
        renamed, passages, spans = rename(
            text, beside, [Span(start=start, end=start + 3)], ("meadow", "harbour"), Random(seed)
        )
        name, number = renamed.split()[3], spans[0].of(renamed)
        assert passages[0].startswith(f"{name} gets {number} ")
        assert passages[0].split()[-1].strip(".s") == renamed.split()[-1].strip(".s")
        assert passages[1] == "Nobody else does."


def test_words_that_decide_are_not_renamed() -> None:
    text = "It must not be paid before May, at least never within 5 days."
    for seed in range(20):
        renamed, _, _ = rename(text, (), (), ("meadow",), Random(seed))
        assert renamed.replace("meadowed", "paid").replace("meadow", "paid") == text


def test_the_lexicon_holds_whole_plain_words() -> None:
    assert lexicon_of(["meadow", "##ing", "Harbour", "must", "ox", "café", "harbour"]) == ("harbour", "meadow")


_JOINING = frozenset(["and", ";", "because", "so", "that", "under", "this", "is", ",", "which", "the"]) | {",", ", and"}


def _outside(text: str, spans: Sequence[Span]) -> str:
    parts, at = [], 0
    for span in sorted(spans, key=lambda span: span.start):
        parts.append(text[at : span.start])
        at = span.end
    return " ".join([*parts, text[at:]]).translate(str.maketrans(",;()", "    "))
