"""Other words in a demonstration, the same throughout it, and what makes it right untouched."""

import re
from pathlib import Path
from random import Random

import pytest

torch = pytest.importorskip("torch")

from forge_agents.models import load_tokenizer  # noqa: E402
from forge_agents.train.demonstrations import Demonstration  # noqa: E402
from forge_agents.train.renaming import KEPT, Renaming  # noqa: E402
from forge_agents.train.tiny.exchange import Exchange  # noqa: E402
from forge_arena.verdicts import observation_text, parse_verdict  # noqa: E402

LETTERS = re.compile(r"[A-Za-z]+")
WORD = re.compile(r"[A-Za-z][a-z]+")
NUMBER = re.compile(r"\d[\d.,-]*")


@pytest.fixture(scope="module")
def renaming(shown: list[Demonstration]) -> Renaming:
    return Renaming.learn(shown)


def whole(one: Demonstration) -> str:
    return f"{observation_text(one.observation)}\n{one.completion}"


def pairs(one: Demonstration, other: Demonstration) -> list[tuple[str, str]]:
    """Every word of a demonstration with what stands in its place in the other."""
    both = zip(LETTERS.findall(whole(one)), LETTERS.findall(whole(other)), strict=True)
    return [(old, new) for old, new in both if WORD.fullmatch(old)]


def test_numbers_stay_and_words_of_all_families_stay(shown: list[Demonstration], renaming: Renaming) -> None:
    assert renaming.kept >= KEPT
    for one in shown[:40]:
        other = renaming.rename(one, Random(one.key))
        assert NUMBER.findall(whole(other)) == NUMBER.findall(whole(one))
        for old, new in pairs(one, other):
            assert (old == new) or old.lower() not in renaming.kept


def test_a_word_stands_for_the_same_word_throughout_a_demonstration(
    shown: list[Demonstration], renaming: Renaming
) -> None:
    changed = 0
    for one in shown[:40]:
        other = renaming.rename(one, Random(one.key))
        names: dict[str, str] = {}
        for old, new in pairs(one, other):
            assert names.setdefault(old.lower(), new.lower()) == new.lower()
            assert old[0].isupper() == new[0].isupper()
        assert len(set(names.values())) == len(names)
        changed += any(old != new for old, new in names.items())
    assert changed == 40


def test_the_verdict_still_reads_and_says_the_same(shown: list[Demonstration], renaming: Renaming) -> None:
    for one in shown:
        other = renaming.rename(one, Random(one.key))
        before, after = parse_verdict(one.completion), parse_verdict(other.completion)
        assert (after.detection, after.confidence) == (before.detection, before.confidence)
        if one.truth.corruption_type is not None:
            assert after.explanation.startswith(one.truth.corruption_type.value)
        assert bool(after.correction) == bool(before.correction)
        assert (other.truth, other.key, other.style) == (one.truth, one.key, one.style)


def test_what_the_verdict_quotes_still_stands_in_the_answer_or_the_source(
    shown: list[Demonstration], renaming: Renaming
) -> None:
    for one in shown:
        other = renaming.rename(one, Random(one.key))
        for quote in re.findall(r'"([^"]+)"', parse_verdict(other.completion).explanation):
            assert quote in other.observation.worker_output or quote in other.observation.source_material


def test_the_same_die_gives_the_same_names_and_another_one_others(
    shown: list[Demonstration], renaming: Renaming
) -> None:
    one = shown[0]
    assert renaming.rename(one, Random(1)) == renaming.rename(one, Random(1))
    assert renaming.rename(one, Random(1)) != renaming.rename(one, Random(2))


def test_exchanged_tokens_are_a_permutation_that_keeps_a_word_one_word(untaught: Path) -> None:
    tokenizer = load_tokenizer(untaught)
    kept = (" = ok", " true", " $5")
    (drawn,) = Exchange(tokenizer, kept, 0).draw(1, 1.0)
    assert sorted(drawn.tolist()) == list(range(len(tokenizer)))
    vocabulary = tokenizer.get_vocab()
    name = {number: token for token, number in vocabulary.items()}
    changed = 0
    for token, number in vocabulary.items():
        other = name[int(drawn[number])]
        if token in kept or not token.removeprefix("Ġ").isalpha():
            assert other == token
        else:
            assert other.startswith("Ġ") == token.startswith("Ġ")
            if "Ġ" + token in vocabulary and token.isascii():
                assert name[int(drawn[vocabulary["Ġ" + token]])] == "Ġ" + other
        changed += other != token
    assert changed > 50


def test_tokens_are_exchanged_in_a_share_of_the_texts_and_differently_in_each(untaught: Path) -> None:
    tokenizer = load_tokenizer(untaught)
    drawn = Exchange(tokenizer, (), 0).draw(200, 0.25)
    itself = (drawn == torch.arange(len(tokenizer))).all(1)
    assert 0.6 < float(itself.float().mean()) < 0.9
    others = {tuple(row) for row in drawn[~itself].tolist()}
    assert len(others) == int((~itself).sum())
    assert torch.equal(drawn, Exchange(tokenizer, (), 0).draw(200, 0.25))
