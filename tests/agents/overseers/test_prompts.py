"""How a model's folder names the prompt with which the model was trained."""

from pathlib import Path

import pytest

from forge_agents.overseers.prompts import TRAINED, note_prompt, trained_prompt


def test_a_folder_names_the_prompt_of_its_model(tmp_path: Path) -> None:
    assert trained_prompt(tmp_path) is None
    note_prompt(tmp_path, "compact")
    assert trained_prompt(tmp_path) == "compact"
    (tmp_path / TRAINED).write_text("{", encoding="utf-8")
    with pytest.raises(ValueError, match=r"forge_arena\.json"):
        trained_prompt(tmp_path)
