"""What is found of additions without importing them. That they work is shown by tests/e2e/test_adding.py."""

from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path

import pytest

from forge_arena import additions
from forge_arena.additions import CORRUPTIONS, BadAddition, further_corruptions, further_domains
from forge_arena.corruptions import registry
from forge_arena.plans import suite_with_additions
from forge_arena.scenarios import SUITE, find_set, load_families
from forge_arena.texts.number_words import number_word
from forge_arena.types import CorruptionType, Domain


@pytest.fixture
def points(monkeypatch: pytest.MonkeyPatch) -> list[EntryPoint]:
    """The entry points that packages register; a test adds its own."""
    points: list[EntryPoint] = []
    monkeypatch.setattr(additions, "_select", lambda: lambda group: EntryPoints(points).select(group=group))
    additions.registered.cache_clear()
    monkeypatch.setattr(additions, "registered", additions.registered.__wrapped__)
    return points


def test_the_shipped_files_are_the_shipped_members() -> None:
    assert set(further_corruptions(())) == set(CorruptionType)
    assert set(further_domains(())) == set(Domain) - {Domain.mixed}
    assert further_corruptions(CorruptionType) == further_domains(Domain) == {}
    assert list(registry()) == sorted(CorruptionType)


def test_two_packages_cannot_register_one_name(points: list[EntryPoint]) -> None:
    points += [EntryPoint("mine", "a:corruption", CORRUPTIONS), EntryPoint("mine", "b:corruption", CORRUPTIONS)]
    with pytest.raises(BadAddition, match="two packages register 'mine': a:corruption and b:corruption"):
        further_corruptions(())


def test_a_package_that_is_found_twice_is_one(points: list[EntryPoint]) -> None:
    points += [EntryPoint("mine", "a:corruption", CORRUPTIONS)] * 2
    assert list(further_corruptions(CorruptionType)) == ["mine"]


@pytest.mark.parametrize("name", ["title", "other", "Mine", "my-own", "2nd", ""])
def test_a_name_that_would_mislead_is_refused(points: list[EntryPoint], name: str) -> None:
    points.append(EntryPoint(name, "a:corruption", CORRUPTIONS))
    with pytest.raises(BadAddition, match="cannot be a name"):
        further_corruptions(CorruptionType)


def test_a_folder_that_holds_folders_is_no_domain(tmp_path: Path) -> None:
    assert "short" not in further_domains(())
    assert additions.family_files(additions.scenario_folder() / "short") == []


@pytest.mark.parametrize("suite", [SUITE, "short", "forge+hedging"])
def test_a_suite_without_additions_keeps_its_name(suite: str) -> None:
    assert suite_with_additions(suite, load_families()) == suite
    assert suite_with_additions(suite, load_families(find_set("short"))) == suite


@pytest.mark.parametrize(
    ("number", "word"), [(0, "zero"), (5, "five"), (19, "nineteen"), (20, "twenty"), (42, "forty-two"), (100, "100")]
)
def test_a_number_in_words(number: int, word: str) -> None:
    assert number_word(number) == word
