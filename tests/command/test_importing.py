"""`forge-arena scenarios import`: documents become scenarios, with an author behind a real endpoint or without one."""

import asyncio
import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from forge_arena.documents.playing import load_documents

from ..arena.documents.proposed import EXAMPLES
from ..brain import Brain, completion, refusal, running_brain
from ..command_line import ENVIRONMENT, called, command, ran

PRICES = """\
# Harbour Storage price list

Valid from 1 March 2026. Units are on Dock Road and may be visited at any time.

Monthly fee: $64

Notice period: 14 days
"""


@pytest.fixture
def brain() -> Iterator[Brain]:
    with running_brain() as brain:
        yield brain


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of documents of our own, one in a folder of its own."""
    texts = tmp_path / "texts"
    (texts / "shop").mkdir(parents=True)
    for name, (text, *_) in EXAMPLES.items():
        (texts / ("shop" if name == "kettles" else "") / f"{name}.md").write_text(text, encoding="utf-8")
    return texts


def is_ping(body: dict[str, Any]) -> bool:
    return body["max_tokens"] == 1


async def propose(body: dict[str, Any]) -> Any:
    """The proposal of an author for each of our documents; prose for any other."""
    if is_ping(body):
        return completion("yes")
    question = body["messages"][1]["content"]
    name = next((name for name, (text, *_) in EXAMPLES.items() if text.strip() in question), None)
    return completion("I cannot say." if name is None else json.dumps(EXAMPLES[name][1]))


def asked(brain: Brain) -> int:
    return sum(not is_ping(body) for body in brain.seen)


def author(brain: Brain) -> tuple[str, str]:
    return "--author", f"openai:author@{brain.url}"


def test_a_folder_becomes_scenarios_that_can_be_served(brain: Brain, folder: Path, tmp_path: Path) -> None:
    brain.reactions = [propose]
    out, err = called(
        "scenarios", "import", folder, *author(brain), "--out", "docs.jsonl", "--json", "report.json", cwd=tmp_path
    )
    families = load_documents(tmp_path / "docs.jsonl")
    assert len(families) == len(EXAMPLES)
    report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert (report["documents"], report["scenarios"], report["missing"]) == (5, 5, 0)
    assert report["author"]["name"] == "openai:author"
    assert report["author"]["requests"] == len(brain.seen)
    assert "5 of 5 parts" in out
    assert "asking the author: 5 of 5 parts" in err
    assert all(body["temperature"] == 0 for body in brain.seen)


def test_the_key_of_the_author_is_sent_to_the_author(brain: Brain, folder: Path, tmp_path: Path) -> None:
    brain.reactions = [propose]
    key = ("--author-api-key", "sk-of-the-author")
    out, err = called("scenarios", "import", folder, *author(brain), *key, "--out", "docs.jsonl", cwd=tmp_path)
    assert all(headers["authorization"] == "Bearer sk-of-the-author" for headers in brain.headers)
    assert "sk-of" not in out + err + (tmp_path / "docs.jsonl.author").read_text()


def test_a_second_run_asks_nothing_and_needs_no_author_that_is_up(brain: Brain, folder: Path, tmp_path: Path) -> None:
    brain.reactions = [propose]
    called("scenarios", "import", folder, *author(brain), "--out", "docs.jsonl", cwd=tmp_path)
    first, requests = (tmp_path / "docs.jsonl").read_bytes(), len(brain.seen)
    brain.reactions = [refusal(401, "gone")]
    _, err = called("scenarios", "import", folder, *author(brain), "--out", "docs.jsonl", cwd=tmp_path)
    assert (tmp_path / "docs.jsonl").read_bytes() == first
    assert len(brain.seen) == requests
    assert "from the record: 5 of 5 parts" in err


def test_the_record_of_a_run_is_an_author(brain: Brain, folder: Path, tmp_path: Path) -> None:
    brain.reactions = [propose]
    called("scenarios", "import", folder, *author(brain), "--out", "docs.jsonl", cwd=tmp_path)
    recorded = ("--author", "bank:docs.jsonl.author")
    called("scenarios", "import", folder, *recorded, "--out", "again.jsonl", cwd=tmp_path)
    assert (tmp_path / "again.jsonl").read_bytes() == (tmp_path / "docs.jsonl").read_bytes()
    assert not (tmp_path / "again.jsonl.author").exists()
    (folder / "prices.md").write_text(PRICES, encoding="utf-8")
    _, err = called("scenarios", "import", folder, *recorded, "--out", "again.jsonl", cwd=tmp_path, code=2)
    assert "holds no reply for 1 part, and 5 of 6 parts are done: name a model with --author" in err


def test_renaming_a_file_changes_no_scenario(brain: Brain, folder: Path, tmp_path: Path) -> None:
    brain.reactions = [propose]
    called("scenarios", "import", folder / "loan.md", *author(brain), "--out", "a.jsonl", cwd=tmp_path)
    (folder / "loan.md").rename(folder / "lending rules (old).txt")
    called("scenarios", "import", folder / "lending rules (old).txt", *author(brain), "--out", "b.jsonl", cwd=tmp_path)
    assert (tmp_path / "a.jsonl").read_bytes() == (tmp_path / "b.jsonl").read_bytes()


def test_what_an_author_does_wrong_is_counted_by_reason(brain: Brain, folder: Path, tmp_path: Path) -> None:
    async def badly(body: dict[str, Any]) -> Any:
        question = body["messages"][1]["content"]
        if is_ping(body) or len(body["messages"]) > 2:
            return completion("Sorry.")
        if EXAMPLES["loan"][0].strip() in question:
            return completion("The deposit is forty pounds, I think.")
        if EXAMPLES["lease"][0].strip() in question:
            return completion('{"facts": [', "length")
        if EXAMPLES["release"][0].strip() in question:
            return completion("")
        name = "kettles" if EXAMPLES["kettles"][0].strip() in question else "warranty"
        proposal = json.loads(json.dumps(EXAMPLES[name][1]))
        proposal["facts"][2]["quotation"] = "The makers swear to all of it."
        proposal["facts"] += [proposal["facts"][0]] * 2
        return completion(json.dumps(proposal))

    brain.reactions = [badly]
    out, _ = called("scenarios", "import", folder, *author(brain), "--out", "d.jsonl", "--json", "r.json", cwd=tmp_path)
    report = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))
    assert report["scenarios"] == 2
    assert report["replies"] == {
        "proposal": 2,
        "no_json": 3,
        "cut": 1,
        "no_reply": 1,
        "asked_again": 2,
        "kept_after_asking_again": 0,
    }
    assert report["dropped"]["the document does not hold the quotation \u201c\u2026\u201d"] == 2
    assert report["dropped"]["the label says the same as \u201c\u2026\u201d"] == 4
    assert re.search(r"dropped: the label says the same as \u201c\u2026\u201d; for example \S+\.md: fact \d \(", out)
    assert "Every dropped part stands in the report of --json, and beside its document on the page of --review." in out
    assert "3 replies without JSON, 1 cut off, 1 empty, declined or withheld" in " ".join(
        re.sub("[│ \n]+", " ", out).split()
    )


def started(folder: Path, tmp_path: Path, brain: Brain, *more: str) -> subprocess.Popen[str]:
    arguments = ("scenarios", "import", str(folder), *author(brain), "--out", "docs.jsonl", "--concurrency", "1", *more)
    return subprocess.Popen(
        command(*arguments), cwd=tmp_path, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def wait_for(recorded: int, journal: Path) -> None:
    until = time.monotonic() + 60
    # The first line is the header.
    while not journal.exists() or journal.read_bytes().count(b"\n") < recorded + 1:
        assert time.monotonic() < until
        time.sleep(0.02)


@pytest.fixture
def slow(brain: Brain) -> Brain:
    async def slowly(body: dict[str, Any]) -> Any:
        await asyncio.sleep(0.0 if is_ping(body) else 0.5)
        return await propose(body)

    brain.reactions = [slowly]
    return brain


def test_a_run_that_was_killed_goes_on_and_asks_nothing_again(slow: Brain, folder: Path, tmp_path: Path) -> None:
    running = started(folder, tmp_path, slow)
    wait_for(2, tmp_path / "docs.jsonl.author")
    os.kill(running.pid, signal.SIGKILL)
    running.communicate(timeout=30)
    before = asked(slow)
    assert not (tmp_path / "docs.jsonl").exists()
    _, err = called("scenarios", "import", folder, *author(slow), "--out", "docs.jsonl", cwd=tmp_path)
    assert re.search(r"from the record: [23] of 5 parts", err)
    # What was in flight when the run was killed is asked again, and nothing else.
    assert asked(slow) <= 5 + 1
    assert before <= 3
    assert len(load_documents(tmp_path / "docs.jsonl")) == len(EXAMPLES)


def test_an_interruption_loses_nothing_and_says_how_to_go_on(slow: Brain, folder: Path, tmp_path: Path) -> None:
    running = started(folder, tmp_path, slow)
    wait_for(2, tmp_path / "docs.jsonl.author")
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=30)
    assert running.returncode == 2
    assert "Traceback" not in err
    assert re.search(
        r"error: interrupted; [23] of 5 parts are done, and the author's replies are in docs.jsonl.author", err
    )
    assert "Run the same command to go on: nothing is asked again" in err
    assert len(load_documents(tmp_path / "docs.jsonl")) in (2, 3)


def test_an_author_that_dies_half_way_costs_only_what_is_not_done(brain: Brain, folder: Path, tmp_path: Path) -> None:
    async def twice(body: dict[str, Any]) -> Any:
        return await propose(body) if asked(brain) <= 2 else refusal(403, "your credit is used up")

    brain.reactions = [twice]
    one = ("--concurrency", "1")
    _, err = called("scenarios", "import", folder, *author(brain), "--out", "d.jsonl", *one, cwd=tmp_path, code=2)
    assert "2 failures in a row, the last: " in err
    assert "2 of 5 parts are done, and the author's replies are in d.jsonl.author" in err
    assert len(load_documents(tmp_path / "d.jsonl")) == 2
    brain.reactions = [propose]
    before = asked(brain)
    called("scenarios", "import", folder, *author(brain), "--out", "d.jsonl", *one, cwd=tmp_path)
    assert asked(brain) - before == 3
    assert len(load_documents(tmp_path / "d.jsonl")) == 5


def test_one_document_without_a_reply_fails_the_run_and_not_the_others(
    brain: Brain, folder: Path, tmp_path: Path
) -> None:
    async def but_one(body: dict[str, Any]) -> Any:
        is_lease = EXAMPLES["lease"][0].strip() in str(body["messages"][1]["content"])
        return refusal(403, "we do not read contracts") if is_lease else await propose(body)

    brain.reactions = [but_one]
    out, err = called("scenarios", "import", folder, *author(brain), "--out", "d.jsonl", cwd=tmp_path, code=2)
    assert "the author gave no reply for 1 part, the last: " in err
    assert "no reply: " in out
    assert len(load_documents(tmp_path / "d.jsonl")) == 4


def test_an_author_that_is_not_there_is_refused_at_once(folder: Path, tmp_path: Path) -> None:
    with running_brain() as gone:
        spec = f"openai:author@{gone.url}"
    began = time.monotonic()
    _, err = called(
        "scenarios", "import", folder, "--author", f"{spec}#timeout=1", "--out", "d.jsonl", cwd=tmp_path, code=2
    )
    assert "error: the author did not start: no connection to" in err
    assert not (tmp_path / "d.jsonl").exists()
    assert time.monotonic() - began < 60


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (("--author", "scripted"), "'scripted' cannot be an author: a scripted Worker has no model"),
        (("--author", "opnai"), "unknown Worker 'opnai'. Did you mean 'openai'?"),
        (("--leave-out", "none.txt"), "none.txt"),
        (("--review", "no/page.html"), "there is no folder no"),
    ],
)
def test_bad_options_are_refused_before_the_work(
    folder: Path, tmp_path: Path, given: tuple[str, str], message: str
) -> None:
    _, err = called("scenarios", "import", folder, *given, "--out", "d.jsonl", cwd=tmp_path, code=2)
    assert message in err


def test_a_path_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    _, err = called("scenarios", "import", tmp_path / "none", "--out", tmp_path / "d.jsonl", code=2)
    assert f"error: {tmp_path}/none: there is no such file or folder" in err


def test_two_runs_at_once_do_not_write_one_record(slow: Brain, folder: Path, tmp_path: Path) -> None:
    running = started(folder, tmp_path, slow)
    wait_for(1, tmp_path / "docs.jsonl.author")
    _, err = called("scenarios", "import", folder, *author(slow), "--out", "docs.jsonl", cwd=tmp_path, code=2)
    assert "another process is writing to docs.jsonl.author" in err
    running.communicate(timeout=60)
    assert running.returncode == 0


def test_without_an_author_plain_labels_are_imported_and_the_rest_is_refused_with_what_to_do(
    folder: Path, tmp_path: Path
) -> None:
    (folder / "prices.md").write_text(PRICES, encoding="utf-8")
    out, _ = called("scenarios", "import", folder, "--out", "d.jsonl", "--json", "r.json", cwd=tmp_path)
    report = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))
    assert report["author"] is None
    documents = {row["document"].rpartition("/")[2] for row in report["of_each"]}
    assert "prices.md" in documents
    assert all("--author" in row["reason"] for row in report["no_scenario"])
    assert "name a model that may read the document with --author" in out
    assert not (tmp_path / "d.jsonl.author").exists()


def test_the_console_counts_files_and_names_them_and_says_what_was_lost(folder: Path, tmp_path: Path) -> None:
    tide = "The tide was low and the boats lay in the mud beside the old pier, which nobody had mended for years. "
    for number in range(7):
        words = f"Note {number} of the harbour. {tide * 2}" + f"Boat{number} was there. " * 30
        (folder / f"note-{number}.md").write_text(words, encoding="utf-8")
    long = "".join(f"## Chapter {n}\n\n{(tide + f'Word{n}. ') * 40}\n\n" for n in range(4))
    (folder / "a-book.md").write_text(f"# Book\n\n{long}", encoding="utf-8")
    (folder / "prices.md").write_text(PRICES, encoding="utf-8")
    out, _ = called("scenarios", "import", folder, "--out", "d.jsonl", cwd=tmp_path)
    (line,) = [line for line in out.splitlines() if line.startswith("no scenario: ") and "a-book.md" in line]
    assert re.match(
        r"no scenario: \S+a-book\.md \(\d parts\), \S+, \S+, \S+, \S+ and \d+ more \(--json names all\): ", line
    )
    assert "no values are labelled in it" in line
    assert "cannot take authority_fabrication: " in out
    assert "prices.md: " in out


def test_a_run_that_makes_no_scenario_does_not_succeed(tmp_path: Path) -> None:
    (tmp_path / "tide.md").write_text("The tide was low and the boats lay in the mud. " * 5, encoding="utf-8")
    _, err = called("scenarios", "import", tmp_path, "--out", tmp_path / "d.jsonl", code=1)
    assert "no scenario could be made; the reasons stand above" in err
    (tmp_path / "d.jsonl").write_text("what was imported before", encoding="utf-8")
    _, err = called("scenarios", "import", tmp_path / "tide.md", "--out", tmp_path / "d.jsonl", code=1)
    assert f"{tmp_path / 'd.jsonl'} stays as it was" in " ".join(err.split())
    assert (tmp_path / "d.jsonl").read_text(encoding="utf-8") == "what was imported before"


def test_the_review_page_and_its_list(brain: Brain, folder: Path, tmp_path: Path) -> None:
    brain.reactions = [propose]
    both = (*author(brain), "--out", "docs.jsonl", "--review", "look.html")
    called("scenarios", "import", folder, *both, cwd=tmp_path)
    html = (tmp_path / "look.html").read_text(encoding="utf-8")
    ids = re.findall(r'data-id="([^"]+)"', html)
    assert len(ids) == 5
    (tmp_path / "left-out.txt").write_text(f"# Not these.\n\n{ids[1]}\r\n{ids[3]}\nno-such:id\n", encoding="utf-8")
    before = asked(brain)
    out, err = called("scenarios", "import", folder, *both, "--leave-out", "left-out.txt", cwd=tmp_path)
    assert "2 by --leave-out" in out
    assert "--leave-out names 'no-such:id', and no scenario of these documents has that id" in err
    assert len(load_documents(tmp_path / "docs.jsonl")) == 3
    assert asked(brain) == before
    assert (tmp_path / "look.html").read_text(encoding="utf-8").count("checked>") == 2


def test_what_a_run_writes_into_the_folder_is_no_document_of_the_next_run(folder: Path) -> None:
    (folder / "prices.md").write_text(PRICES, encoding="utf-8")
    into = ("--out", "d.jsonl", "--review", "look.html", "--json", "report.jsonl")
    for _ in range(2):
        called("scenarios", "import", ".", *into, cwd=folder)
        report = json.loads((folder / "report.jsonl").read_text(encoding="utf-8"))
        assert (report["documents"], report["refused"]) == (6, [])


def test_the_report_goes_to_standard_output_alone(folder: Path, tmp_path: Path) -> None:
    (folder / "prices.md").write_text(PRICES, encoding="utf-8")
    out, err = called("scenarios", "import", folder, "--out", "d.jsonl", "--json", "-", cwd=tmp_path)
    assert json.loads(out)["scenarios"] >= 1
    assert "documents" in err


def test_where_there_is_no_terminal_lines_say_how_far_the_run_is_and_what_is_left(
    slow: Brain, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("forge_command.progress.FIRST", 0.2)
    monkeypatch.setattr("forge_command.progress.EVERY", 0.2)
    one = ("--concurrency", "1")
    _, err = called("scenarios", "import", folder, *author(slow), "--out", "docs.jsonl", *one, cwd=tmp_path)
    assert re.search(
        r"asking the author: [1-4] of 5 parts, 0:00:\d\d so far, about 0:00:\d\d left, [1-4] scenarios so far", err
    )
    assert "asking the author: 5 of 5 parts" in err


def test_the_help_teaches_the_way() -> None:
    out, _ = ran("scenarios", "import", "--help")
    text = " ".join(out.split())
    for words in ("--author", "--review", "--leave-out", "openai:MODEL@URL", "docs.jsonl.author", "serve --worker"):
        assert words in text
