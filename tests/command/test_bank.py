"""`forge-arena bank`: answers are recorded once."""

import importlib.util
import json
import sys
from pathlib import Path

import pytest

from ..command_line import called


def fill(file: Path, count: int) -> dict[str, int]:
    out, _ = called("bank", file, "--worker", "scripted", "--count", str(count), "--json", "-")
    result: dict[str, int] = json.loads(out)
    return result


def test_every_answer_is_recorded(tmp_path: Path) -> None:
    result = fill(tmp_path / "answers.bank", 12)
    assert (result["keys"], result["failed"]) == (12, 0)
    assert result["recorded"] == result["answers"] >= 12


def test_what_is_recorded_is_not_asked_again(tmp_path: Path) -> None:
    first = fill(tmp_path / "answers.bank", 12)
    again = fill(tmp_path / "answers.bank", 12)
    assert (again["recorded"], again["answers"]) == (0, first["answers"])


def test_more_keys_add_their_answers_alone(tmp_path: Path) -> None:
    first = fill(tmp_path / "answers.bank", 12)
    more = fill(tmp_path / "answers.bank", 15)
    assert 0 < more["recorded"] < first["recorded"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--worker", "psychic"), "unknown Worker 'psychic'"),
        (("--worker", "scripted", "--split", "vla"), "--split 'vla' is not known. Did you mean 'val'?"),
        (("--worker", "scripted", "--split", "test"), "the test split is salted: give the secret of the server"),
        (("--worker", "scripted", "--mechanism", "magic"), "--mechanism 'magic' is not known"),
        (("--worker", "scripted", "--candour", "hiden"), "--candour 'hiden' is not known. Did you mean 'hidden'?"),
        (("--worker", "scripted", "--awareness", "graded"), "give the mechanism prompt beside them"),
        (("--worker", "scripted", "--vllm-args", "'"), """--vllm-args "'": No closing quotation"""),
        (("--worker", "bank:none.bank", "--documents", "none.jsonl"), "there is no such file"),
        (("--worker", "scripted", "--documents", "none.jsonl"), "documents need a Worker that reads"),
        (("--worker", "bank:none.bank"), "no bank none.bank: fill it by `forge-arena bank`"),
        (("--worker", "scripted", "--actors", "3"), "--actors is for --engine ray"),
        (("--worker", "scripted", "--reader", "worker"), "'worker' cannot read: a scripted Worker has no model"),
    ],
)
def test_a_bank_that_cannot_be_filled_says_why(tmp_path: Path, arguments: tuple[str, ...], message: str) -> None:
    _, err = called("bank", "answers.bank", *arguments, code=2, cwd=tmp_path)
    assert message in err


WORKERS = """
from forge_arena.errors import WorkerFailed
from forge_arena.workers import ScriptedWorker

class Other(ScriptedWorker):
    name = "other"

class Down(ScriptedWorker):
    name = "down"

    async def answer(self, scenario, rng, hidden=None):
        raise WorkerFailed("the engine answered 500")
"""


@pytest.fixture
def workers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes the Workers `bank_workers:Other` and `bank_workers:Down`, which fails."""
    (tmp_path / "bank_workers.py").write_text(WORKERS)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "bank_workers", raising=False)


@pytest.mark.usefixtures("workers")
def test_a_filling_of_which_every_episode_failed_is_no_success(tmp_path: Path) -> None:
    out, err = called("bank", tmp_path / "a.bank", "--worker", "bank_workers:Down", "--count", "3", code=2)
    assert "failed: 3" in out
    assert "no episode could be made of 3 keys; the last failed because the engine answered 500" in err


@pytest.mark.usefixtures("workers")
def test_the_answers_of_two_workers_are_not_mixed(tmp_path: Path) -> None:
    fill(tmp_path / "answers.bank", 3)
    before = (tmp_path / "answers.bank").read_bytes()
    _, err = called("bank", tmp_path / "answers.bank", "--worker", "bank_workers:Other", "--count", "3", code=2)
    assert "answers.bank holds answers of scripted, and these would be of other: give another file" in err
    assert (tmp_path / "answers.bank").read_bytes() == before


@pytest.mark.skipif(importlib.util.find_spec("ray") is not None, reason="Ray is installed")
def test_a_bank_by_ray_without_ray_says_what_to_install(tmp_path: Path) -> None:
    _, err = called("bank", "a.bank", "--worker", "scripted", "--engine", "ray", code=2, cwd=tmp_path)
    assert "--engine ray needs ray, which is missing: pip install 'forge-arena[ray]'" in err
