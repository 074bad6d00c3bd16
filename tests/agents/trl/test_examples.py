"""The two examples do what they say: each trains a model against a running arena, and leaves it in a folder."""

import importlib.util
import os
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("trl")

from ..train.conftest import Served

EXAMPLES = Path(__file__).parents[3] / "agents" / "examples"

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("name", ["trl_single_turn", "trl_tools"])
def test_an_example_trains_a_model(
    name: str, short: Served, pupil: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(os.environ, "TRL_EXPERIMENTAL_SILENCE", "1")
    monkeypatch.chdir(tmp_path)
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    example.main(str(pupil), url=short.url, episodes=2, steps=1)
    (trained,) = tmp_path.glob("trl-*/model.safetensors")
    assert trained.stat().st_size > 0
    assert trained.read_bytes() != (pupil / "model.safetensors").read_bytes()
