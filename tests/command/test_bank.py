"""`forge-arena bank`: answers are recorded once."""

import importlib.util
import json
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
        (("--worker", "scripted", "--actors", "3"), "--actors is for --engine ray"),
        (("--worker", "scripted", "--reader", "worker"), "'worker' cannot read: a scripted Worker has no model"),
    ],
)
def test_a_bank_that_cannot_be_filled_says_why(tmp_path: Path, arguments: tuple[str, ...], message: str) -> None:
    _, err = called("bank", "answers.bank", *arguments, code=2, cwd=tmp_path)
    assert message in err


@pytest.mark.skipif(importlib.util.find_spec("ray") is not None, reason="Ray is installed")
def test_a_bank_by_ray_without_ray_says_what_to_install(tmp_path: Path) -> None:
    _, err = called("bank", "a.bank", "--worker", "scripted", "--engine", "ray", code=2, cwd=tmp_path)
    assert "--engine ray needs ray, which is missing: pip install 'forge-arena[ray]'" in err
