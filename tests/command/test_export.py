"""`forge-arena export` as its users run it: a process of its own against a real server."""

import json
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("huggingface_hub")

from ..command_line import ENVIRONMENT, called, command, without_frames
from ..server_process import running, serving


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    store = f"sqlite:///{tmp_path_factory.mktemp('arena')}/arena.db"
    with running(*serving(store=store, scenarios="short", log_level="error")) as url:
        yield url


def export(*arguments: str | Path, code: int = 0) -> tuple[str, str]:
    return called("export", *arguments, code=code)


def test_help_teaches_what_can_be_had_and_how_to_use_it() -> None:
    out, _ = export("--help")
    for told in ("--kind", "--checking", "--pairs", "--model", "--format", "load_dataset", "interrupted", "SFTTrainer"):
        assert told in out


def test_rows_and_card_are_written_and_where_is_said(url: str, tmp_path: Path) -> None:
    out, err = export("--kind", "sft", "--count", "6", "--checking", "0.5", "--arena", url, "--out", tmp_path / "sft")
    assert out.splitlines()[0] == f"6 rows: {tmp_path / 'sft' / 'train.jsonl'}"
    assert "sft, train: 6 of 6 episodes" in err
    rows = [json.loads(line) for line in (tmp_path / "sft" / "train.jsonl").read_text("utf-8").splitlines()]
    assert len(rows) == 6
    assert (tmp_path / "sft" / "README.md").read_text("utf-8").startswith("---\n")


def test_pairs_without_a_model_are_a_teachers(url: str, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    asked = ("--kind", "dpo", "--count", "4", "--format", "parquet", "--arena", url, "--out", tmp_path / "dpo")
    assert "4 rows" in export(*asked)[0]
    assert json.loads((tmp_path / "dpo" / "export.json").read_text("utf-8"))["wanted"]["pairs"] == "teacher"
    assert (tmp_path / "dpo" / "train.parquet").is_file()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--kind", "stf"), "--kind 'stf' is not known. Did you mean 'sft'? There are sft, dpo"),
        (("--kind", "sft", "--format", "parket"), "Did you mean 'parquet'?"),
        (("--kind", "sft", "--split", "test"), "--split test is sealed"),
        (("--kind", "sft", "--split", "vla"), "Did you mean 'val'? There are train, val"),
        (("--kind", "dpo", "--pairs", "attempts"), "--pairs attempts needs --model"),
        (("--kind", "dpo", "--pairs", "techer"), "Did you mean 'teacher'?"),
        (("--kind", "sft", "--model", "m"), "--kind sft is written by a teacher"),
        (("--kind", "sft", "--arena", "http://127.0.0.1:1"), "is it running there?"),
        (("--kind", "sft", "--arena", "localhost"), "arena URL must be like"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_written(
    tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    _, err = export(*arguments, "--out", tmp_path / "out", code=2)
    assert message in err
    assert not (tmp_path / "out").exists()


def test_a_model_that_is_not_there_is_named(url: str, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    asked = ("--kind", "dpo", "--model", tmp_path / "nowhere", "--arena", url, "--out", tmp_path / "out")
    assert "no tokenizer in" in export(*asked, code=2)[1]


def test_another_export_in_the_folder_is_refused(url: str, tmp_path: Path) -> None:
    export("--kind", "sft", "--count", "2", "--arena", url, "--out", tmp_path / "out")
    _, err = export("--kind", "dpo", "--count", "2", "--arena", url, "--out", tmp_path / "out", code=2)
    assert "holds an export with kind 'sft', not 'dpo': give another --out" in err


@pytest.mark.slow
@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_export_goes_on_without_doubles(url: str, tmp_path: Path, by: signal.Signals) -> None:
    asked = ("--kind", "sft", "--count", "150", "--arena", url, "--out", tmp_path / "out")
    path = tmp_path / "out" / "train.jsonl"
    with subprocess.Popen(
        command("export", *asked), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT
    ) as run:
        end = time.monotonic() + 120
        while not (path.is_file() and path.stat().st_size) and time.monotonic() < end:
            time.sleep(0.02)
        run.send_signal(by)
        _, err = run.communicate(timeout=60)
    if by is signal.SIGINT:
        assert run.returncode == 2
        assert "interrupted; the same command goes on" in without_frames(err)
    assert not (tmp_path / "out" / "README.md").exists()
    export(*asked)
    keys = [json.loads(line)["key"] for line in path.read_text("utf-8").splitlines()]
    assert keys == [f"short:5:train:{index}" for index in range(150)]
    assert (tmp_path / "out" / "README.md").is_file()
