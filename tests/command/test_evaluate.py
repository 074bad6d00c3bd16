"""`forge-arena eval` on an arena, `report`, `compare`: refusals, a folder that goes on, two at once, progress."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from forge_agents.client import ArenaClient
from forge_command import attack, evaluate, export, progress

from ..command_line import ENVIRONMENT, called, command, without_frames
from ..server_process import running, serving

# Reviews as many batches as the file `reviews` beside it allows, and then waits until the file allows more.
SLOW = """
import time
from pathlib import Path
from forge_arena.types import Verdict

ALLOWED = Path(__file__).with_name("reviews")

class Slow:
    name = "slow"
    reviews = 0

    def review(self, observations):
        while self.reviews >= int(ALLOWED.read_text()):
            time.sleep(0.05)
        self.reviews += 1
        time.sleep(0.1)
        return [Verdict(detection=False, explanation="", correction="", confidence=0.5)] * len(observations)
"""
MANY = 1_000


@pytest.fixture(scope="module")
def kept(arena: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an evaluation of the overseer `rules` on twenty episodes of train."""
    folder = tmp_path_factory.mktemp("kept") / "rules"
    out, _ = called(*on_train(arena, "rules"), "--out", folder)
    assert str(folder / "report.html") in out
    return folder


def on_train(arena: str, overseer: str) -> tuple[str, ...]:
    return ("eval", "--arena", arena, "--episodes", "20", "--split", "train", "--overseer", overseer)


@pytest.fixture
def slow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Makes the overseer `slow_overseer:Slow`, and says how many batches it reviews before it waits."""
    (tmp_path / "slow_overseer.py").write_text(SLOW)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]))
    # Each test has a folder of its own, and so a module of its own.
    monkeypatch.delitem(sys.modules, "slow_overseer", raising=False)

    def allow(reviews: int) -> None:
        (tmp_path / "reviews.new").write_text(str(reviews))
        (tmp_path / "reviews.new").rename(tmp_path / "reviews")

    allow(MANY)
    return allow


def slowly(*arguments: str | Path) -> tuple[str | Path, ...]:
    """The command line of an evaluation of the slow overseer."""
    return ("eval", "--overseer", "slow_overseer:Slow", *arguments)


def evaluating(*arguments: str | Path) -> "subprocess.Popen[str]":
    """The evaluation of the slow overseer as a process, with its output in pipes, which are no terminals."""
    environment = {**ENVIRONMENT, "PYTHONPATH": os.environ["PYTHONPATH"]}
    return subprocess.Popen(
        command(*slowly(*arguments)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    )


NO_FOLDERS = {
    "file": "is a file, and this takes a folder",
    "file/folder": "is a file, and no folder can be made in it",
    "full": "result.json is a folder, and this takes a file",
}


@pytest.mark.parametrize("place", NO_FOLDERS)
@pytest.mark.parametrize("name", ["eval --overseer nobody", "attack --overseer nobody"])
def test_a_folder_that_cannot_take_a_result_is_refused_before_the_work_begins(
    name: str, place: str, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "full" / "result.json").mkdir(parents=True)
    _, err = called(*name.split(), "--out", tmp_path / place, code=2)
    assert NO_FOLDERS[place] in err


@pytest.mark.parametrize("name", ["eval --overseer rules", "attack --overseer rules", "leaderboard --mine"])
def test_an_arena_that_wants_a_token_says_how_to_give_it(name: str, tmp_path: Path) -> None:
    store = f"sqlite:///{tmp_path}/arena.db"
    with running(*serving(store=store, tokens=["player:a-token-for-a-test"], log_level="error")) as url:
        _, err = called(*name.split(), "--arena", url, code=2)
    assert "this server needs a token" in err
    assert "give the arena's token by --token or FORGE_ARENA_TOKEN" in err


REFUSING = """
from forge_agents.overseers import Completion
from forge_arena.types import Trouble, Verdict

class Refusing:
    name = "refusing"
    reviewed = 0

    def review(self, observations):
        Refusing.reviewed += len(observations)
        replies = [Completion("", trouble=Trouble.refused, reason="no more credit") for _ in observations]
        return replies if Refusing.reviewed > 1 else [Verdict(detection=True, explanation="", correction="", confidence=0.9)]
"""


def test_what_failed_is_said_and_only_a_folder_with_verdicts_is_named_to_go_on_with(
    arena: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "refusing_overseer.py").write_text(REFUSING)
    monkeypatch.syspath_prepend(tmp_path)
    task = ("eval", "--overseer", "refusing_overseer:Refusing", "--arena", arena, "--out", tmp_path / "kept")
    out, _ = called(*task, "--episodes", "3", "--batch", "1")
    assert "what failed: no more credit (2)" in out
    _, err = called(*task[:-1], tmp_path / "nothing", "--episodes", "8", code=2)
    assert "gave no verdict on any of the first 8 episodes, and is not scored: no more credit" in err
    assert "--resume" not in err


def test_a_wrong_overseer_is_refused_with_a_guess() -> None:
    _, err = called("eval", "--overseer", "always_claen", code=2)
    assert "no overseer is called 'always_claen'. Did you mean 'always_clean'?" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--overseer", "random", "--set", "sed=3"), "overseer 'random' has no setting 'sed'. Did you mean 'seed'?"),
        (("--overseer", "rules", "--set", "seed"), "--set takes KEY=VALUE, got 'seed'"),
        (("--overseer", "rules", "--set", "seed=["), "--set seed: '[' is no YAML ("),
        (
            ("--overseer", "rules", "--set", 'opening={"detection":'),
            'give a text in quotation marks, --set \'opening="{\\"detection\\":"\'',
        ),
        (
            ("--overseer", "random", "--set", "seed=x"),
            "'random': setting seed: Input should be a valid integer, got 'x'",
        ),
        (("--overseer", "always_clean", "--set", "confidence=7"), "'always_clean': confidence must be 0..1, got 7"),
        (("--overseer", "rules", "--split", "vla"), "--split 'vla' is not known. Did you mean 'val'?"),
        (("--overseer", "rules", "--samples", "1000"), "less than or equal to 64"),
        (("--overseer", "rules", "--resume"), "--resume goes on with the evaluation in a folder: name it by --out"),
        (("--overseer", "rules", "--arena", "localhost"), "arena URL must be like http"),
        (("--overseer", "rules", "--arena", "http://127.0.0.1:1"), "is it running there?"),
        (
            ("--overseer", "rules", "--threshold-from", "none"),
            "no result in none: No such file or directory; wanted the result of an evaluation: the folder that eval --out",
        ),
        (("--overseer", "rules", "--dataset", "/"), "/ is a folder, and this takes a file"),
        (("--split", "val"), "--overseer names the overseer to be scored"),
        (("--repeat", "none"), "no result in none"),
        (("--repeat", "none", "--resume"), "--resume goes on with the evaluation in a folder: name it by --out"),
        (("--overseer", "rules", "--new-entry"), "give --submit NAME too, or leave --new-entry out"),
        (("--overseer", "rules", "--audit-budget", "0.2"), "give --threshold-from RESULT, or leave --audit-budget out"),
        (
            ("--overseer", "rules", "--threshold-from", "none", "--audit-budget", "0"),
            "--audit-budget is a share above 0 and at most 1",
        ),
        (("--overseer", "rules", "--price", "2"), "--price takes READ/WRITTEN"),
        (("--overseer", "rules", "--price", "a=1/-2"), "got 'a=1/-2'"),
        (("--overseer", "rules", "--price", "1/2", "--price", "3/4"), "--price gives the price twice"),
        (("--overseer", "mean: rules", "--arena", "http://127.0.0.1:1"), "mean needs two members or more"),
        (("--overseer", "rules", "--submit", "me", "--submission", "1"), "give one of them"),
        (("--overseer", "rules", "--submit", "né"), "a name has at most 64 letters"),
        (("--overseer", "rules", "--submission", "1", "--new-entry"), "--new-entry spends another entry"),
        (
            ("--overseer", "openai:m@http://127.0.0.1:9/v1", "--prompt", "card", "--set", "prompt=arena"),
            "setting twice",
        ),
    ],
)
def test_what_cannot_be_evaluated_is_refused(tmp_path: Path, arguments: tuple[str, ...], message: str) -> None:
    _, err = called("eval", *arguments, code=2, cwd=tmp_path)
    assert message in err
    assert not list(tmp_path.iterdir())


def test_the_sealed_split_is_refused(arena: str) -> None:
    _, err = called("eval", "--overseer", "rules", "--arena", arena, "--split", "test", code=2)
    assert "the truth of split 'test' never leaves the server" in err


IGNORED = (
    *("--split", "val", "--episodes", "20", "--start", "5", "--samples", "2", "--paired"),
    *("--threshold-from", "r.json", "--out", "kept", "--resume"),
)


@pytest.mark.parametrize("given", [IGNORED, ("--out", "kept"), ("--paired",)])
def test_a_submission_with_options_that_it_would_ignore_spends_no_entry(arena: str, given: tuple[str, ...]) -> None:
    name = f"spent by {len(given)}"
    _, err = called("eval", "--overseer", "rules", "--arena", arena, "--submit", name, *given, code=2)
    assert f"leave out {', '.join(word for word in given if word.startswith('--'))}; nothing was spent" in err
    with ArenaClient(arena) as client:
        assert client.enter(name).entry == 1


def test_a_result_that_could_not_be_written_is_refused_before_anything_is_judged(arena: str, tmp_path: Path) -> None:
    target = tmp_path / "none" / "result.json"
    with ArenaClient(arena) as client:
        before = client.stats().verdicts
        _, err = called("eval", "--overseer", "rules", "--arena", arena, "--json", target, code=2)
        assert "there is no folder" in err
        assert client.stats().verdicts == before


def test_a_folder_keeps_result_records_and_report(kept: Path) -> None:
    assert {path.name for path in kept.iterdir()} == {"result.json", "records.jsonl", "report.html"}


def test_an_evaluation_in_a_folder_is_not_begun_anew(arena: str, kept: Path) -> None:
    _, err = called(*on_train(arena, "rules"), "--out", kept, code=2)
    assert "holds an evaluation already: continue it by --resume" in err


def test_an_evaluation_that_is_done_goes_on_with_what_it_has(arena: str, kept: Path) -> None:
    before = (kept / "records.jsonl").read_bytes()
    called(*on_train(arena, "rules"), "--out", kept, "--resume")
    assert (kept / "records.jsonl").read_bytes() == before


def test_a_report_is_written_anew(kept: Path) -> None:
    (kept / "report.html").unlink()
    assert str(kept / "report.html") in called("report", kept)[0]
    assert (kept / "report.html").is_file()


def test_a_report_of_a_folder_without_a_result_is_refused(tmp_path: Path) -> None:
    assert "no result in" in called("report", tmp_path, code=2)[1]


def test_a_report_of_a_file_is_refused(kept: Path) -> None:
    _, err = called("report", kept / "result.json", code=2)
    assert "is a file, and a report takes the folder that eval --out wrote" in err


def test_two_evaluations_are_compared(arena: str, kept: Path, tmp_path: Path) -> None:
    shown, _ = called(*on_train(arena, "random"), "--set", "seed=3", "--out", tmp_path / "random")
    words = " ".join(shown.split())
    assert "by family" in words
    assert "families that differ as much as these, a difference from a fixed value (such as chance) is found" in words
    out, _ = called("compare", kept, tmp_path / "random")
    assert "random against rules: 20 verdicts" in out
    assert "differences were looked at" in out


def test_one_result_is_not_compared(kept: Path) -> None:
    assert "comparing takes two results or more" in called("compare", kept, code=2)[1]


def test_a_comparison_with_a_result_that_is_not_there_is_refused(kept: Path, tmp_path: Path) -> None:
    assert "no result in" in called("compare", kept, tmp_path / "none", code=2)[1]


def test_pairs_are_ranked(arena: str) -> None:
    out, err = called("eval", "--overseer", "rules", "--arena", arena, "--paired", "--episodes", "10", "--json", "-")
    result = json.loads(out)
    assert len(result["rows"]) == 20
    assert result["pairs"]["pairs"] == 10 - result["scorecard"]["failed"]
    assert result["pairs"]["placebos"] <= 5
    assert "10 pairs, split val" in err
    assert "ranked above its clean twin" in err
    assert "flagged, of the placebos" in err


def test_several_verdicts_are_counted_as_what_they_are(arena: str) -> None:
    asked = ("eval", "--overseer", "prior", "--arena", arena, "--episodes", "5", "--samples", "4", "--json", "-")
    assert "5 episodes, 4 verdicts on each, split val" in called(*asked)[1]


def wait_for_records(records: Path, count: int) -> None:
    until = time.monotonic() + 60
    while not (records.exists() and records.read_bytes().count(b"\n") >= count):
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.05)


def test_two_at_once_in_one_folder_are_not_both_paid_and_a_killed_one_goes_on(
    arena: str, slow: Callable[[int], None], tmp_path: Path
) -> None:
    asked = ("--arena", arena, "--episodes", "6", "--batch", "1", "--out", tmp_path / "kept")
    records = tmp_path / "kept" / "records.jsonl"
    slow(3)
    with evaluating(*asked) as first:
        wait_for_records(records, 2)
        for again in ([], ["--resume"]):
            _, err = called(*slowly(*asked, *again), code=2)
            assert f"another process is at work in {tmp_path / 'kept'}: wait until it ends" in err
        first.send_signal(signal.SIGKILL)
        first.communicate()
    assert 1 <= records.read_bytes().count(b"\n") - 1 < 6
    slow(MANY)
    called(*slowly(*asked, "--resume"))
    assert records.read_bytes().count(b"\n") - 1 == 6


def test_an_interrupted_evaluation_says_how_to_go_on(arena: str, slow: Callable[[int], None], tmp_path: Path) -> None:
    slow(3)
    with evaluating("--arena", arena, "--episodes", "6", "--batch", "1", "--out", tmp_path / "kept") as process:
        wait_for_records(tmp_path / "kept" / "records.jsonl", 2)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 2
    message = f"error: interrupted; every verdict so far is in {tmp_path / 'kept'}: go on with --resume"
    assert message in without_frames(err)


@pytest.mark.parametrize(
    "command", [(evaluate, "eval --overseer rules"), (attack, "attack --overseer rules"), (export, "export --kind sft")]
)
def test_an_interruption_before_anything_is_recorded_names_no_folder_to_go_on_with(
    command: tuple[ModuleType, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    module, words = command
    monkeypatch.setattr(module, "reach_arena", interrupt)
    _, err = called(*words.split(), "--out", tmp_path / "kept", code=2)
    assert "error: interrupted" in err
    assert "kept" not in err


def test_how_far_it_is_and_how_long_it_takes_is_said_where_there_is_no_terminal(
    arena: str, slow: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "FIRST", 0.2)
    monkeypatch.setattr(progress, "EVERY", 0.2)
    _, err = called(*slowly("--arena", arena, "--episodes", "2", "--samples", "2", "--paired", "--batch", "1"))
    assert re.search(r"slow_overseer:Slow: \d of 8 verdicts, 0:00:\d\d so far", err)
    assert re.search(r"so far, about 0:00:\d\d left", err)
    assert "slow_overseer:Slow: 8 of 8 verdicts" in err
