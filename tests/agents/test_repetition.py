"""A result says how it was made, can be made again from its own file, and the second says what differs."""

import json
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from forge_agents.client import ArenaClient
from forge_agents.evaluation import evaluate
from forge_agents.overseers import names, open_overseer
from forge_agents.records import LONGEST_KEPT, kept_text, read_records
from forge_agents.repetition import (
    Difference,
    NotRepeatable,
    NumberDifference,
    Repetition,
    compare_repetition,
    recipe,
    why_named,
)
from forge_agents.report import EvaluationReport
from forge_agents.result import Result
from forge_arena.types import Split

from ..brain import Brain, completion
from ..command_line import called

TOKEN = "a-token-for-tests"
VERDICT = '{"detection": true, "explanation": "ok", "correction": "", "confidence": 0.7}'


@pytest.fixture
def answering(brain: Brain) -> Brain:
    brain.reactions = [
        completion(f"<think>Why not.</think>{VERDICT}", usage={"prompt_tokens": 100, "completion_tokens": 20})
    ]
    return brain


@pytest.fixture
def kept(arena_url: str, answering: Brain, tmp_path: Path) -> Path:
    """The folder of an evaluation of a model at an endpoint on eight public test episodes."""
    system = tmp_path / "system.txt"
    system.write_text("Find what is wrong.")
    called(
        *("eval", "--overseer", f"openai:brain@{answering.url}", "--arena", arena_url, "--token", TOKEN),
        *("--split", "public", "--episodes", "8", "--batch", "4", "--system", system, "--set", "temperature=0.5"),
        *("--price", "1/10", "--name", "a brain", "--out", tmp_path / "kept", "--api-key", "a-key-for-tests"),
    )
    return tmp_path / "kept"


def test_a_result_says_how_it_was_made_and_holds_no_secret(kept: Path, answering: Brain, arena_url: str) -> None:
    result = Result.read(kept)
    made = result.provenance
    assert made is not None
    assert (result.title, result.split.value, result.scorecard.scored) == ("a brain", "public", 8)
    assert made.spec == f"openai:brain@{answering.url}"
    assert made.arena == arena_url
    assert (made.episodes, made.paired, made.batch) == (8, False, 4)
    assert made.settings["temperature"] == 0.5
    assert (made.settings["max_tokens"], made.settings["seed"], made.settings["timeout"]) == (1024, 0, 120.0)
    assert (made.details["endpoint"], made.details["model"]) == (answering.url, "brain")
    system, user = made.details["prompt"]["messages"]
    assert system == {"role": "system", "content": "Find what is wrong."}
    assert "{source_material}" in user["content"]
    assert made.details["prompt"]["digest"] == result.conditions["prompt"]
    edition = made.edition
    assert edition is not None
    assert (edition.load, edition.grader, len(edition.secret_fingerprint)) == ("full", "3", 16)
    assert made.software.packages.keys() >= {"numpy", "openai"}
    assert result.cost is not None
    assert result.cost.by_request
    assert result.cost.money == pytest.approx((100 * 1 + 20 * 10) / 1_000_000)
    text = (kept / "result.json").read_text()
    for secret in ("a-key-for-tests", TOKEN):
        assert secret not in text


def test_the_records_keep_what_the_model_wrote_with_its_thoughts(kept: Path) -> None:
    records = list(read_records(kept / "records.jsonl")[1])
    assert {record.completion for record in records} == {f"<think>Why not.</think>{VERDICT}"}
    assert all(record.verdict is not None for record in records)


def test_the_page_shows_prompt_provenance_and_definitions(kept: Path) -> None:
    page = (kept / "report.html").read_text()
    for words in ("a brain", "Find what is wrong.", "{source_material}", "grader 3", "McClish 1989", "What it wrote"):
        assert words in page


def test_a_repetition_under_the_same_conditions_says_so(kept: Path, tmp_path: Path) -> None:
    out, _ = called(
        *("eval", "--repeat", kept, "--token", TOKEN, "--out", tmp_path / "again", "--json", tmp_path / "r.json")
    )
    assert "Both were made under the same conditions." in out
    assert "8 of 8 verdicts are the same." in out
    assert "All numbers are the same." in out
    again = Result.read(tmp_path / "again")
    assert [row.key for row in again.rows] == [row.key for row in Result.read(kept).rows]
    assert json.loads((tmp_path / "r.json").read_text())["same_verdicts"] == 8


def test_a_repetition_on_an_arena_that_is_not_there_is_refused_at_once(kept: Path) -> None:
    begin = monotonic()
    _, err = called("eval", "--repeat", kept, "--arena", "http://127.0.0.1:9", code=2)
    assert "no answer from the arena at http://127.0.0.1:9" in err
    # A client usually waits a minute for an arena that does not answer.
    assert monotonic() - begin < 30


def test_a_repetition_says_which_conditions_and_numbers_differ(kept: Path, answering: Brain) -> None:
    (kept.parent / "system.txt").write_text("Find everything that is wrong.")
    answering.reactions = [completion(VERDICT.replace("0.7", "0.9"))]
    out, _ = called("eval", "--repeat", kept, "--token", TOKEN)
    assert "conditions.prompt" in out
    assert "details.prompt.digest" in out
    assert "Find everything that is wrong." in out
    assert "0 of 8 verdicts are the same." in out
    assert "brier" in out


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (("--split", "val"), "--repeat takes everything from the result: leave out --split"),
        (("--set", "seed=1", "--price", "1/2"), "leave out --set, --price"),
    ],
)
def test_what_stands_in_the_result_is_not_given_again(kept: Path, given: tuple[str, ...], message: str) -> None:
    _, err = called("eval", "--repeat", kept, *given, code=2)
    assert message in err


def test_what_a_program_handed_over_has_to_be_named(client: ArenaClient, tmp_path: Path) -> None:
    result = evaluate("rules", arena=client, split="train", episodes=4)
    (tmp_path / "result.json").write_text(result.to_json())
    _, err = called("eval", "--repeat", tmp_path, code=2)
    assert "does not name its arena: name it by --arena" in err
    with pytest.raises(NotRepeatable, match="an older version wrote it"):
        recipe(result.model_copy(update={"provenance": None}))


def test_verdicts_on_another_answer_are_counted_apart(client: ArenaClient) -> None:
    result = evaluate("rules", arena=client, split="train", episodes=4)
    first, *others = result.rows
    other = result.model_copy(update={"rows": (first.model_copy(update={"seen": "another"}), *others[:-1])})
    found = compare_repetition(result, other)
    assert (found.verdicts, found.same_verdicts, found.other_answers, found.missing) == (2, 2, 1, 1)


EVIL = "https://evil.example/v1"


@pytest.mark.parametrize(
    ("spec", "settings", "with_key", "why"),
    [
        ("os:system", {"command": "true"}, False, "which code is to be run"),
        ("mean: rules 'max: random os:system#command=true'", {}, False, "which code is to be run"),
        (f"openai:m@{EVIL}", {}, True, "would be sent to evil.example"),
        (f"openai:m@{EVIL}", {"system": Path("/etc/passwd")}, False, "would be sent to evil.example"),
        (f"mean: rules openai:m@{EVIL}#api_key_env=HOME", {}, False, "would be sent to evil.example"),
        (f"{EVIL}/hook", {}, True, "would be sent to evil.example"),
        # What stands before the @ is the name of a model, whatever it looks like.
        (f"openai:http://localhost/m@{EVIL}", {}, True, "would be sent to evil.example"),
        # A member is read as a shell reads it, so quotation marks and backslashes hide nothing.
        ("mean: rules openai:m@h\\ttps://evil.example/v1", {}, True, "would be sent to evil.example"),
        ("mean: rules 'openai:m@ht''tps://evil.example/v1#api\\_key_env=HOME'", {}, True, "to evil.example"),
        ("max: rules openai:m@h\\ttps://evil.example/v1#api\\_key_env=HOME", {}, False, "to evil.example"),
        ("a_registered_one", {"url": EVIL}, True, "would be sent to evil.example"),
        (f"openai:m@{EVIL}", {}, False, None),
        ("openai:m@http://127.0.0.1:9/v1", {"system": Path("/etc/passwd")}, True, None),
        ("cascade: rules hf:model#device=cpu", {}, True, None),
    ],
)
def test_a_result_of_anybody_decides_neither_what_runs_nor_who_gets_a_key(
    spec: str, settings: dict[str, object], with_key: bool, why: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("forge_agents.overseers.registry.names", lambda: (*names(), "a_registered_one"))
    said = why_named(spec, settings, with_key=with_key)
    assert said is None if why is None else said is not None and why in said


def test_a_result_that_names_code_or_wants_a_token_is_not_repeated_by_itself(
    client: ArenaClient, tmp_path: Path
) -> None:
    result = evaluate("rules", arena=client, split="train", episodes=2)
    made = recipe(result)
    (tmp_path / "victim").touch()
    settings = {"path": str(tmp_path / "victim")}
    evil = made.model_copy(update={"spec": "os:remove", "settings": settings, "arena": "https://evil.example"})
    (tmp_path / "result.json").write_text(result.model_copy(update={"provenance": evil}).to_json())
    _, err = called("eval", "--repeat", tmp_path, code=2)
    assert "if you trust it, because it says which code is to be run: --overseer os:remove" in err
    _, err = called("eval", "--repeat", tmp_path, "--overseer", "rules", "--token", TOKEN, code=2)
    assert "name the arena of this result yourself if your token is for it: --arena https://evil.example" in err
    assert (tmp_path / "victim").is_file()


def test_no_secret_of_the_settings_stands_in_a_result(client: ArenaClient, tmp_path: Path) -> None:
    result = evaluate(
        open_overseer("rules"),
        arena=client,
        split="train",
        episodes=2,
        records=tmp_path / "records.jsonl",
        spec="https://me:hunter2@host/hook?key=hunter2",
        settings={"headers": {"X-Org": "hunter2"}, "body": {"hf_token": "hunter2", "n": 1}, "at": "http://u:hunter2@h"},
    )
    assert result.settings == {"body": {"n": 1}, "at": "http://h"}
    assert recipe(result).left_out == ("headers", "body.hf_token")
    assert "hunter2" not in result.to_json() + (tmp_path / "records.jsonl").read_text()


SAMPLING = {"stop_token_ids": [2, 7], "eos_token": "</s>", "max_tokens": 64, "skip_special_tokens": True}


def test_a_result_holds_every_setting_of_sampling(client: ArenaClient) -> None:
    result = evaluate(open_overseer("rules"), arena=client, split="train", episodes=2, settings=SAMPLING)
    assert result.settings == recipe(result).settings == SAMPLING
    assert recipe(result).left_out == ()


def test_a_setting_that_a_result_lacks_is_a_condition_of_its_repetition_but_a_key_is_none(client: ArenaClient) -> None:
    def evaluated(**settings: str) -> Result:
        return evaluate(open_overseer("rules"), arena=client, split="train", episodes=2, settings=settings)

    doubtful, with_key, neither = evaluated(token_map="a:b"), evaluated(api_key="hunter2"), evaluated()
    assert [(d.name, d.before, d.now) for d in compare_repetition(doubtful, neither).conditions] == [
        ("left_out", '["token_map"]', "[]")
    ]
    assert compare_repetition(with_key, neither).conditions == ()
    assert "settings left out" not in EvaluationReport(neither, ()).facts()
    assert EvaluationReport(doubtful, ()).facts()["settings left out"] == "token_map"


def repetition(**parts: Any) -> Repetition:
    nothing = {"conditions": (), "numbers": (), "verdicts": 0, "same_verdicts": 0, "other_answers": 0, "missing": 0}
    return Repetition(first="a", second="b", **{**nothing, **parts})


@pytest.mark.parametrize(
    ("parts", "finding"),
    [
        ({"conditions": (Difference(name="arena", before="x", now="y"),)}, "1 condition differs: arena."),
        (
            {"conditions": tuple(Difference(name=name, before="x", now="y") for name in ("arena", "spec"))},
            "2 conditions differ: arena, spec.",
        ),
        ({"verdicts": 1, "same_verdicts": 1}, "1 of 1 verdict is the same."),
        ({"verdicts": 2, "same_verdicts": 1}, "1 of 2 verdicts is the same."),
        ({"verdicts": 2}, "0 of 2 verdicts are the same."),
        ({"other_answers": 1}, "1 verdict is on another answer under the same key."),
        ({"other_answers": 2}, "2 verdicts are on another answer under the same key."),
        ({"missing": 1}, "1 verdict is in one of the two only."),
        ({"missing": 3}, "3 verdicts are in one of the two only."),
        ({"numbers": (NumberDifference(name="f1", before=0.5, now=None),)}, "1 number of the scorecard differs."),
        ({"numbers": (NumberDifference(name="f1", before=0.5, now=None),) * 2}, "2 numbers of the scorecard differ."),
    ],
)
def test_findings_count_one_and_several(parts: dict[str, Any], finding: str) -> None:
    assert finding in repetition(**parts).findings


def test_of_a_very_long_completion_beginning_and_end_are_kept() -> None:
    text = kept_text("a" * LONGEST_KEPT + "b" * LONGEST_KEPT)
    assert text is not None
    assert text.startswith("aaa")
    assert text.endswith("bbb")
    assert f"[{LONGEST_KEPT} characters are left out here]" in text
    assert len(text) < LONGEST_KEPT + 100
    assert kept_text("short \ud83d") == "short \ufffd"


@pytest.mark.parametrize(("split", "differs"), [(Split.test, True), (Split.public, False)])
def test_the_secret_is_a_condition_of_the_sealed_split_alone(kept: Path, split: Split, differs: bool) -> None:
    result = Result.read(kept / "result.json").model_copy(update={"split": split})
    assert result.provenance is not None
    made = result.provenance.model_dump(mode="json")
    made["edition"]["secret_fingerprint"] = "another"
    other = result.model_copy(update={"provenance": type(result.provenance).model_validate(made)})
    names = [condition.name for condition in compare_repetition(result, other).conditions]
    assert any(name.endswith("secret_fingerprint") for name in names) is differs
