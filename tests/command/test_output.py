"""What commands print and write, on terminals that lack characters, to pipes and disks that fail, and where nobody may
write."""

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from forge_arena.documents.playing import load_documents
from forge_arena.types import Components, Outcome
from forge_arena.wire import AttemptResult
from forge_command.console import PIPED_WIDTH, as_json, printer
from forge_command.demo import describe_reward

from ..command_line import EACH, ENVIRONMENT, Ended, called, command, parted, ran

# Root may write everywhere, unless this right is taken away.
WITHOUT_RIGHTS = ("setpriv", "--bounding-set=-dac_override") if os.geteuid() == 0 else ()
ROW = {
    "task": "Zoë („Wohnung 😀“) asks for the monthly rent and the notice period — answer her.",
    "source_material": "# Wohnung Zoë 😀\n\nThe flat lies on the third floor and is let to Zoë from the first day of"
    " the month on. Repairs are reported to the caretaker.\n\nMonthly rent: $1,250.00\n\nNotice period: 90 days\n",
    "domain": "customer_support",
    "id": "Zoë 😀 :bug:",
}
DATASET = {**ROW, "worker_output": "Die Miete beträgt $1,250.00.", "corrupted": False, "origin": "Zoë 😀"}
ENCODINGS: dict[str, dict[str, str]] = {
    "ascii": {"PYTHONIOENCODING": "ascii"},
    "latin-1": {"PYTHONIOENCODING": "latin-1"},
    "C": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
}
UTF_8 = {"PYTHONIOENCODING": "utf-8"}


def ran_on_terminal(
    *arguments: str | Path,
    encoding: str = "utf-8",
    columns: int = 200,
    code: int = 0,
    cwd: Path | None = None,
    stdout: Any = subprocess.PIPE,
    before: tuple[str, ...] = (),
    script: str | None = None,
) -> tuple[str, str]:
    """Run the command, or a script that calls it, in a process of its own and return what it printed.

    Every byte must be of the terminal's encoding.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("FORGE_ARENA_", "LC_", "LANG"))}
    done = subprocess.run(
        [*before, *(command(*arguments) if script is None else [sys.executable, "-c", script, *map(str, arguments)])],
        stdout=stdout,
        stderr=subprocess.PIPE,
        timeout=120,
        cwd=cwd,
        env={**kept, "COLUMNS": str(columns), "NO_COLOR": "1", "TERM": "dumb", **ENCODINGS.get(encoding, UTF_8)},
        check=False,
    )
    spoken = "ascii" if encoding == "C" else encoding
    out, err = ((text or b"").decode(spoken) for text in (done.stdout, done.stderr))
    assert "Traceback" not in err
    assert done.returncode == code, f"exit {done.returncode}\n{out}\n{err}"
    return out, " ".join(re.sub(r"[│╭╮╰╯─|]|[+-]{2,}", " ", err).split())


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps(ROW) + "\n", encoding="utf-8")
    return path


def ran_each(*commands: str, **settings: Any) -> list[Ended]:
    """Run the commands one after the other in one process; `settings` are those of `ran_on_terminal`."""
    ends = parted(*ran_on_terminal(*commands, script=EACH, **settings))
    assert len(ends) == len(commands)
    return ends


@dataclass(frozen=True, slots=True)
class OnTerminal:
    """What the commands said on a terminal of one encoding, and the file to which they imported documents."""

    prints: list[Ended]
    imports: Ended
    target: Path
    evaluates: Ended


PRINTING = {"--help": 0, "scenarios list": 0, "train presets phase1": 0, "scenarios show no_such_fämily": 2}


@pytest.fixture(scope="module", params=ENCODINGS)
def on_terminal(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> OnTerminal:
    folder = tmp_path_factory.mktemp("terminal")
    for name, row in (("rows", ROW), ("dataset", DATASET)):
        (folder / f"{name}.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")
    *prints, imports, evaluates = ran_each(
        *PRINTING,
        "scenarios import rows.jsonl --out documents.jsonl",
        "eval --overseer always_clean --dataset dataset.jsonl --json -",
        encoding=request.param,
        columns=40,
        cwd=folder,
    )
    return OnTerminal(prints, imports, folder / "documents.jsonl", evaluates)


def test_every_terminal_can_show_what_commands_print(on_terminal: OnTerminal) -> None:
    assert [ended.code for ended in on_terminal.prints] == list(PRINTING.values())
    assert all(ended.out for ended in on_terminal.prints[:3])
    assert "error: no family" in on_terminal.prints[3].err


def test_an_import_is_written_and_shown_on_every_terminal(on_terminal: OnTerminal) -> None:
    assert on_terminal.imports.code == 0
    assert "1 of 1 parts" in on_terminal.imports.out
    (document,) = load_documents(on_terminal.target)
    assert document.name.startswith("wohnung-zoe-")
    assert document.scenarios[0].task.startswith(ROW["task"])


def test_json_on_standard_output_is_json_in_every_encoding(on_terminal: OnTerminal) -> None:
    assert on_terminal.evaluates.code == 0
    assert json.loads(on_terminal.evaluates.out)["rows"][0]["id"] == ROW["id"]
    assert "always_clean on dataset.jsonl" in on_terminal.evaluates.err


def test_json_with_half_a_character_is_written_with_escapes() -> None:
    assert json.loads(as_json({"file": "a\udce9"}).encode()) == {"file": "a\udce9"}


def test_what_looks_like_the_name_of_an_emoji_is_printed_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("about: 'see :bug: 7'\nmodel: m\n", encoding="utf-8")
    assert ":bug:" in called("train", "presets", path)[0]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full, the disk that is always full")
def test_a_terminal_that_fails_loses_no_file(tmp_path: Path, rows: Path) -> None:
    target = tmp_path / "documents.jsonl"
    with open("/dev/full", "w") as full:
        _, err = ran_on_terminal("scenarios", "import", rows, "--out", target, stdout=full, code=2)
    assert "error: [Errno 28] No space left on device" in err
    assert len(load_documents(target)) == 1


def test_a_reader_that_left_loses_no_file(tmp_path: Path, rows: Path) -> None:
    read, written = os.pipe()
    os.close(read)
    target = tmp_path / "documents.jsonl"
    ran_on_terminal("scenarios", "import", rows, "--out", target, stdout=written, code=1)
    os.close(written)
    assert len(load_documents(target)) == 1


KEPT = {"records.jsonl", "report.html", "result.json"}


def test_a_reader_that_left_loses_no_page_of_an_evaluation_and_none_of_its_repetition(
    arena: str, tmp_path: Path
) -> None:
    asked = ("--overseer", "rules", "--arena", arena, "--episodes", "4")
    for folder, evaluation in (("first", asked), ("again", ("--repeat", tmp_path / "first"))):
        read, written = os.pipe()
        os.close(read)
        ran_on_terminal("eval", *evaluation, "--out", tmp_path / folder, stdout=written, code=1)
        os.close(written)
        assert {path.name for path in (tmp_path / folder).iterdir()} == KEPT


def test_messages_that_nobody_reads_end_nothing() -> None:
    read, written = os.pipe()
    os.close(read)
    script = "from forge_command.console import console, say\nconsole.print(1)\nsay('2', err=True)\nsay('the result')"
    done = subprocess.run(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=written, text=True, timeout=120, check=False
    )
    os.close(written)
    assert (done.returncode, done.stdout) == (0, "the result\n")


def test_a_closed_standard_output_is_no_defect() -> None:
    script = ["sh", "-c", '"$@" >&-', "sh", *command("token", "--role", "trainer")]
    done = subprocess.run(script, stderr=subprocess.PIPE, text=True, timeout=120, env=ENVIRONMENT, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full, the disk that is always full")
def test_what_could_not_be_written_is_shown_nevertheless(rows: Path) -> None:
    out, err = called("scenarios", "import", rows, "--out", "/dev/full", code=2)
    assert "error: /dev/full could not be written: No space left on device" in err
    assert "1 of 1 parts" in out


@pytest.mark.parametrize(
    "command",
    [
        *("eval --overseer rules --json locked/a", "scenarios import none.jsonl --out locked/a"),
        *("audit exploits --html locked/a", "audit labels --export locked/a"),
        *("audit regrade --database none.db --export locked/a", "reference --out y --page locked/a"),
    ],
)
def test_a_file_that_may_not_be_written_is_refused_before_the_work(
    tmp_path: Path, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "locked").mkdir()
    # Root may write everywhere, so the answer of the system is played here; below a process asks the system itself.
    monkeypatch.setattr(os, "access", lambda path, mode: str(path) != "locked")
    _, err = called(*command.split(), cwd=tmp_path, code=2)
    assert "locked/a may not be written: give another place" in err


@pytest.mark.parametrize(
    "command",
    [
        *("eval --overseer rules", "attack --overseer rules", "audit labels --marks m --key k", "reference"),
        *("export", "train run", "train pipeline", "train sweep --vary a=b --start model", "train demo"),
        *("train small --model model", "train checker --model model"),
    ],
)
def test_a_file_in_the_place_of_a_folder_is_refused_before_the_work(tmp_path: Path, command: str) -> None:
    (tmp_path / "a").touch()
    _, err = called(*command.split(), "--out", "a", cwd=tmp_path, code=2)
    assert "a is a file, and this takes a folder" in err


LOCKED = {
    "scenarios list --json locked/a": "locked/a may not be written: give another place",
    "eval --overseer rules --dataset rows.jsonl --out locked/run": "locked/run may not be written: give another place",
    "bank locked/x.bank --worker scripted": "error: locked/x.bank: Permission denied",
}


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Ended]:
    """How each command ended that would write into a folder that the system locks."""
    if WITHOUT_RIGHTS and shutil.which("setpriv") is None:
        pytest.skip("root, without setpriv")
    folder = tmp_path_factory.mktemp("rights")
    (folder / "locked").mkdir(mode=0o555)
    (folder / "rows.jsonl").write_text(json.dumps(DATASET) + "\n", encoding="utf-8")
    return dict(zip(LOCKED, ran_each(*LOCKED, cwd=folder, before=WITHOUT_RIGHTS), strict=True))


@pytest.mark.parametrize("command", LOCKED)
def test_a_place_that_the_system_locks_is_refused_before_the_work(locked: dict[str, Ended], command: str) -> None:
    assert locked[command].code == 2
    assert re.search(LOCKED[command], locked[command].err)


@pytest.mark.parametrize(("target", "message"), [(".", "is a folder"), ("none/a.json", "there is no folder none")])
def test_a_place_that_is_none_is_refused_before_the_work(tmp_path: Path, target: str, message: str) -> None:
    _, err = called("scenarios", "list", "--json", target, cwd=tmp_path, code=2)
    assert message in err


@pytest.mark.parametrize("command", ["serve", "bank x.bank --worker scripted", "audit labels"])
def test_a_second_file_of_documents_is_refused(tmp_path: Path, command: str) -> None:
    asked = (*command.split(), "--documents", "a.jsonl", "--documents", "b.jsonl")
    _, err = called(*asked, cwd=tmp_path, code=2)
    assert "takes one file, got a.jsonl, b.jsonl: import all documents by one `forge-arena scenarios import`" in err


def test_a_scenario_that_stands_twice_is_not_served(tmp_path: Path, rows: Path) -> None:
    target, doubled = tmp_path / "documents.jsonl", tmp_path / "doubled.jsonl"
    called("scenarios", "import", rows, "--out", target)
    doubled.write_bytes(target.read_bytes() * 2)
    _, err = ran("serve", "--port", "0", "--worker", "bank:a.bank", "--documents", doubled, cwd=tmp_path, code=2)
    assert "doubled.jsonl:2: this scenario of 'wohnung-zoe-" in err


def test_a_reward_is_printed_without_the_digits_that_only_a_computer_sees() -> None:
    parts = Components(detection=0.0, explanation=0.1 + 0.2, correction=1.0, calibration=0.2775)
    result = AttemptResult(episode_id="e", attempt=0, outcome=Outcome.scored, reward=0.1 * 0.2775, components=parts)
    assert describe_reward(result) == "0.028: detection 0.000, explanation 0.300, correction 1.000, calibration 0.278"


def test_a_pipe_gets_tables_in_which_names_stay_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    assert printer().width == PIPED_WIDTH
    monkeypatch.setenv("COLUMNS", "90")
    assert printer().width == 90
