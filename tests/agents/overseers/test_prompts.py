"""The prompts by name: what each shows and leaves out, and how a model's folder names its own."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from forge_agents.overseers import prompts
from forge_agents.overseers.prompts import (
    SAMPLE,
    PromptName,
    card_text,
    compact_system,
    note_prompt,
    prompt,
    prompt_digest,
    trained_prompt,
)
from forge_arena.corruptions import registry
from forge_arena.types import CorruptionType
from forge_arena.verdicts import messages, observation_text, overseer_prompt


def test_the_default_is_the_arenas_prompt() -> None:
    assert prompt()(SAMPLE) == messages(SAMPLE)


def test_the_compact_prompt_says_what_each_type_is_in_less_than_half_of_the_words() -> None:
    system = compact_system()
    for type, corruption in registry().items():
        assert f"- {type.value}: {corruption.gist}\n" in system
    for field in ("detection", "explanation", "correction", "confidence"):
        assert f'"{field}"' in system
    assert len(system) < len(overseer_prompt()) / 2


def test_a_type_without_a_gist_has_its_prompt_line_in_the_compact_prompt(monkeypatch: pytest.MonkeyPatch) -> None:
    @dataclass
    class Added:
        prompt_line: str = "an amount is doubled."
        gist: str = ""

    known = {**registry(), CorruptionType.temporal_shift: Added()}
    monkeypatch.setattr(prompts, "registry", lambda: known)
    assert "- temporal_shift: an amount is doubled.\n" in compact_system.__wrapped__()


def test_the_compact_prompt_shows_everything_but_the_reasoning() -> None:
    system, user = prompt("compact")(SAMPLE)
    assert (system["role"], system["content"], user["role"]) == ("system", compact_system(), "user")
    assert user["content"] == observation_text(SAMPLE).replace("Worker reasoning:\nreasoning\n\n", "")


def test_a_system_message_replaces_that_of_every_prompt() -> None:
    texts = {"arena": observation_text(SAMPLE), "compact": observation_text(SAMPLE, reasoning=False)}
    texts["card"] = card_text(SAMPLE)
    for name in PromptName:
        assert [part["content"] for part in prompt(name, system="Judge.")(SAMPLE)] == ["Judge.", texts[name]]


def test_every_prompt_has_another_digest() -> None:
    asked = [*(prompt(name) for name in PromptName), *(prompt(name, system="Judge.") for name in PromptName)]
    assert len({prompt_digest(ask) for ask in asked}) == len(asked)


def test_an_unknown_prompt_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(ValueError, match=r"no prompt is called 'compct'\. Did you mean 'compact'"):
        prompt("compct")


def test_a_folder_names_the_prompt_of_its_model(tmp_path: Path) -> None:
    assert trained_prompt(tmp_path) is None
    note_prompt(tmp_path, "compact")
    assert trained_prompt(tmp_path) == "compact"
    (tmp_path / prompts.TRAINED).write_text("{", encoding="utf-8")
    with pytest.raises(ValueError, match=r"forge_arena\.json"):
        trained_prompt(tmp_path)
