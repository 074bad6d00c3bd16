"""Families and splits: by what documents say, whatever their names and their order."""

import time
from dataclasses import replace
from random import Random

import pytest

from forge_arena.documents.document import Document
from forge_arena.documents.splits import places, split_of
from forge_arena.types import Split

WORDS = [
    f"{a}{b}"
    for a in ("ten", "pol", "mar", "sil", "dor", "kan")
    for b in ("t", "ic", "ket", "ver", "mer", "al", "ow", "ish")
]


def text(seed: int, count: int = 300) -> str:
    rng = Random(seed)
    return " ".join(rng.choice(WORDS) for _ in range(count))


def documents(*texts: str) -> list[Document]:
    return [Document(f"{number}.md", content) for number, content in enumerate(texts)]


def families(*texts: str) -> list[str]:
    return [place.family for place in places(documents(*texts))]


def test_other_documents_are_other_families() -> None:
    assert len(set(families(*map(text, range(20))))) == 20


def test_cases_of_one_policy_are_one_family() -> None:
    policy = text(1, 400)
    cases = [f"{policy}\n\nCASE\n\n{text(seed, 80)}" for seed in range(10, 14)]
    assert len(set(families(*cases))) == 1


def test_a_part_of_a_document_is_of_its_family() -> None:
    long = text(1, 2_000)
    part = " ".join(long.split()[500:700])
    assert len(set(families(long, part, text(2)))) == 2


def test_versions_with_other_values_are_one_family() -> None:
    words = text(1).split()
    changed = [word if at % 15 else "changed" for at, word in enumerate(words)]
    assert len(set(families(" ".join(words), " ".join(changed)))) == 1


def test_documents_that_share_a_third_are_two_families() -> None:
    shared = text(1, 100)
    assert len(set(families(f"{shared} {text(2, 200)}", f"{shared} {text(3, 200)}"))) == 2


def test_two_that_are_like_a_third_are_one_family() -> None:
    first, second = text(1), text(2)
    assert len(set(families(first, second))) == 2
    assert len(set(families(first, second, f"{first} {second}"))) == 1


def test_the_name_of_a_file_and_the_order_play_no_part() -> None:
    many = documents(*map(text, range(8)), f"{text(1)} more", f"# Tents\n\n{text(3)}")
    found = dict(zip((d.text for d in many), places(many), strict=True))
    turned = [replace(d, name=f"other/{d.name}") for d in reversed(many)]
    assert dict(zip((d.text for d in turned), places(turned), strict=True)) == found


def test_spaces_and_line_ends_play_no_part() -> None:
    assert families(f"# Tents\n\n{text(1)}") == families("# Tents\n" + text(1).replace(" ", "\n"))


def test_a_family_is_named_after_its_title_and_content() -> None:
    (family,) = families(f"# Tents \u2014 caf\u00e9 & Co.!\n\n{text(1)}")
    title, _, digest = family.rpartition("-")
    assert title == "tents-cafe-co"
    assert len(digest) == 12


def test_the_split_hangs_on_the_digest_alone() -> None:
    assert split_of("tents-0123456789ab") == split_of("the-old-tents-0123456789ab")
    drawn = [split_of(f"tents-{number:012x}") for number in range(2_000)]
    shares = {split: drawn.count(split) / len(drawn) for split in Split}
    assert shares[Split.train] == pytest.approx(0.70, abs=0.04)
    assert shares[Split.val] == pytest.approx(0.15, abs=0.03)
    assert shares[Split.test] == pytest.approx(0.15, abs=0.03)


def test_no_documents_have_no_places() -> None:
    assert places([]) == ()


def test_tiny_documents() -> None:
    assert len(set(families("one", "two", "one"))) == 2


@pytest.mark.slow
def test_five_thousand_documents_with_the_same_boilerplate_take_seconds() -> None:
    boilerplate = text(0, 120)
    many = documents(*(f"{text(seed, 300)} {boilerplate}" for seed in range(1, 5_001)))
    begun = time.thread_time()
    found = places(many)
    assert time.thread_time() - begun < 30
    assert len(set(found)) == 5_000
