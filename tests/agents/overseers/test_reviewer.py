"""What an overseer may return, and that an overseer which is set up wrongly is stopped and never scored."""

import asyncio
import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi import Request, Response
from fastapi.responses import JSONResponse

from forge_agents.client import ArenaClient
from forge_agents.datasets import LabelledAnswer, evaluate_dataset
from forge_agents.evaluation import evaluate
from forge_agents.overseers import (
    Completion,
    NoSuchOverseer,
    OverseerFailed,
    Reviewer,
    WrongReview,
    conditions,
    open_overseer,
)
from forge_agents.records import read_records
from forge_agents.result import Result
from forge_agents.submission import submit
from forge_arena.types import Observation, Outcome, Trouble, Verdict

from ...brain import Brain, completion, refusal, serving
from ...command_line import invoked
from ...server_process import FORGE_ARENA, running
from ..conftest import TOKEN
from .test_endpoint import seen

FIELDS = {"detection": True, "explanation": "bias_injection", "correction": "", "confidence": 0.9}
VERDICT = Verdict(**FIELDS)


class Returning:
    """Returns whatever it is made with; a function is called with the observations."""

    name = "returning"

    def __init__(self, returned: Any) -> None:
        self.returned = returned

    def review(self, observations: Sequence[Observation]) -> Any:
        return self.returned(observations) if callable(self.returned) else self.returned


def reviewed(returned: Any, count: int = 2) -> list[Verdict | str]:
    return Reviewer(Returning(returned)).review([seen(n) for n in range(count)])


async def asynchronous(_: object) -> list[Verdict]:
    await asyncio.sleep(0)
    return [VERDICT]


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        (
            None,
            "review of overseer 'returning' returned None: it must return a list with one verdict for each of the 2",
        ),
        (FIELDS, "returned a dict ({'detection': True"),
        ("a text of a model", "returned a str ('a text of a model')"),
        (VERDICT, "returned a Verdict (Verdict(detection=True"),
        (True, "returned a bool (True)"),
        ({1, 2}, "returned a set ({1, 2})"),
        (asynchronous, "is async: it must return the verdicts, not a coroutine"),
        ([], "gave 0 verdicts for 2 observations"),
        ([VERDICT], "gave 1 verdicts for 2 observations"),
        ([VERDICT] * 3, "gave more than 2 verdicts for 2 observations"),
        (lambda _: iter(lambda: VERDICT, None), "gave more than 2 verdicts for 2 observations"),
    ],
)
def test_what_is_no_list_of_verdicts_is_refused_with_what_came_and_what_is_wanted(returned: Any, message: str) -> None:
    with pytest.raises(WrongReview, match=re.escape(message)):
        reviewed(returned)


@pytest.mark.parametrize(
    "returned",
    [
        (VERDICT, VERDICT),
        lambda observations: (VERDICT for _ in observations),
    ],
)
def test_verdicts_may_come_as_a_tuple_or_from_a_generator(returned: Any) -> None:
    assert reviewed(returned) == [VERDICT, VERDICT]


@pytest.mark.parametrize(
    "fields",
    [
        FIELDS,
        FIELDS | {"detection": np.bool_(True), "confidence": np.float32(0.9)},
        FIELDS | {"a note of its own": object()},
    ],
)
def test_a_dict_with_the_fields_of_a_verdict_is_one(client: ArenaClient, fields: dict[str, Any]) -> None:
    found = evaluate(Returning(lambda seen: [fields] * len(seen)), arena=client, split="train", episodes=4)
    assert {(row.outcome, row.detection, row.trouble) for row in found.rows} == {(Outcome.scored, True, None)}
    assert {round(row.p_corrupted or 0.0, 6) for row in found.rows} == {0.9}


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (None, "None is no verdict: it must be a Verdict, a dict with detection, explanation, correction"),
        ((True, 0.9), "a tuple ((True, 0.9)) is no verdict"),
        (FIELDS | {"confidence": 3}, "confidence must be between 0 and 1"),
        (FIELDS | {"detection": 1}, "detection must be true or false"),
        ({"label": 1}, "holds no JSON object with the fields detection"),
        ({(1, 2): 3}, "is no verdict: keys must be str"),
    ],
)
def test_one_wrong_verdict_costs_only_its_own_episode(client: ArenaClient, wrong: Any, reason: str) -> None:
    found = evaluate(Returning([VERDICT, wrong, VERDICT]), arena=client, split="train", episodes=3)
    assert [row.outcome for row in found.rows] == [Outcome.scored, Outcome.invalid_verdict, Outcome.scored]
    assert found.rows[1].trouble is Trouble.unusable
    assert reason in str(found.rows[1].reason)
    assert found.scorecard.troubles == {Trouble.unusable: 1}
    assert "1 of the reviews: what came does not have the form of a verdict; counted as wrong" in found.scorecard.notes


def test_nothing_but_wrong_verdicts_is_an_error_and_no_score(client: ArenaClient) -> None:
    wanted = (
        r"'returning' gave no verdict on any of the first 3 episodes, and is not scored: None is no verdict: it must"
    )
    with pytest.raises(OverseerFailed, match=wanted):
        evaluate(Returning([None] * 3), arena=client, split="train", episodes=3)
    answers = [
        LabelledAnswer(task="t", source_material="s", worker_output=f"o{n}", corrupted=bool(n % 2)) for n in range(3)
    ]
    with pytest.raises(OverseerFailed, match=wanted):
        evaluate_dataset(Returning([None] * 3), answers, name="three")


def test_an_error_in_an_overseers_code_names_the_overseer_and_the_line() -> None:
    def broken(_: object) -> list[Verdict]:
        return [{}["no_such_key"]]

    with pytest.raises(OverseerFailed) as failed:
        reviewed(broken)
    assert re.fullmatch(
        r"overseer 'returning' raised KeyError: 'no_such_key' \(.*test_reviewer\.py:\d+\)", str(failed.value)
    )
    assert isinstance(failed.value.__cause__, KeyError)
    with pytest.raises(OverseerFailed, match="overseer 'returning' raised ZeroDivisionError: division by zero"):
        reviewed(lambda observations: (1 / 0 for _ in observations))


@pytest.mark.parametrize("code", [0, None, "enough"])
def test_an_overseer_that_leaves_the_process_has_failed(code: object) -> None:
    def leaving(_: object) -> list[Verdict]:
        sys.exit(code)  # type: ignore[arg-type]

    with pytest.raises(OverseerFailed, match=r"overseer 'returning' raised SystemExit.* \(.*test_reviewer\.py:\d+\)"):
        reviewed(leaving)


def test_an_interruption_by_a_person_is_none_of_the_overseers_errors() -> None:
    def interrupted(_: object) -> list[Verdict]:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        reviewed(interrupted)


@pytest.mark.parametrize("stated", ["conditions", "details"])
@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("3", "must be a dict of JSON values, got 3"),
        ("None", "must be a dict of JSON values, got None"),
        ("{'model': object()}", "must be a dict of JSON values: Unable to serialize unknown type"),
        ("property(lambda self: {}['weights'])", r"of overseer 'mine' raised KeyError: 'weights' \(.*\.py:4\)"),
    ],
)
def test_what_an_overseer_states_of_itself_must_be_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stated: str, code: str, message: str
) -> None:
    lines = (
        "class Mine:",
        "    name = 'mine'",
        "    def review(self, observations): return []",
        f"    {stated} = {code}",
    )
    (tmp_path / "mine_to_state.py").write_text("\n".join(lines))
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "mine_to_state", raising=False)
    with pytest.raises(NoSuchOverseer, match=f"`{stated}`.* {message}"):
        open_overseer("mine_to_state:Mine")


def test_conditions_are_what_json_makes_of_them() -> None:
    overseer = Returning([])
    overseer.conditions = {"layers": (1, 2), "folder": Path("here"), 3: 0.5}  # type: ignore[attr-defined]
    assert conditions(overseer) == {"layers": [1, 2], "folder": "here", "3": 0.5}


@pytest.mark.parametrize("log_odds", [float("nan"), float("inf")])
def test_log_odds_that_are_no_number_name_the_overseer_and_the_line(log_odds: float) -> None:
    with pytest.raises(
        OverseerFailed,
        match=rf"overseer 'returning' raised ValueError: log_odds must be a finite number, .*, got {log_odds} \(.*\.py:",
    ):
        reviewed(lambda observations: [Completion(READABLE, log_odds) for _ in observations])


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (
            "class Mine:\n    def __init__(self):\n        self.model = {}['weights']",
            "making overseer .* KeyError: 'weights'",
        ),
        ("class Mine:\n    name = None\n    def review(self, o): return []", "made a Mine, which lacks `name`"),
        ("class Mine:\n    name = 'mine'\n    review = None", "made a Mine, which lacks `review`"),
        ("import no_such_library\nclass Mine: ...", "needs no_such_library, which is not installed"),
        ("class Mine(: ...", r"importing overseer .* SyntaxError: "),
        ("raise RuntimeError('no GPU')", r"importing overseer .* RuntimeError: no GPU \(.*\.py:1\)"),
        ("raise SystemExit(0)", r"importing overseer .* SystemExit: 0 \(.*\.py:1\)"),
    ],
)
def test_a_class_that_cannot_be_made_is_told_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, message: str
) -> None:
    (tmp_path / "mine_to_try.py").write_text(code)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "mine_to_try", raising=False)
    with pytest.raises(NoSuchOverseer, match=message):
        open_overseer("mine_to_try:Mine")


READABLE = json.dumps(FIELDS)


async def strict(body: dict[str, Any]) -> Response:
    """Answers as some endpoints do that take a temperature of 1 only, no seed and no system role."""
    if body.get("temperature", 1) != 1:
        return refusal(400, "Unsupported value: 'temperature' does not support 0.0 with this model.")
    if "seed" in body:
        return refusal(400, "Unknown parameter: 'seed'.")
    if body["messages"][0]["role"] == "system":
        return refusal(400, "System role not supported")
    return completion(READABLE)


# The settings without which the endpoint `strict` answers, in the order in which it asks for them.
OFFERS = ["--set=temperature=none", "--set=seed=none", "--set=system_role=user"]


def evaluate_by_command(brain: Brain, arena_url: str, out: Path, *settings: str) -> Any:
    """Evaluate the brain on 60 episodes by the command, which continues what is in the folder."""
    command = ["eval", "--overseer", f"openai:brain@{brain.url}", "--arena", arena_url, "--token", TOKEN]
    command += ["--split", "train", "--episodes", "60", "--batch", "10", "--out", str(out), "--resume"]
    return invoked(*command, *settings)


@pytest.mark.parametrize("given", range(3))
def test_an_endpoint_that_refuses_everything_is_no_score_and_is_told_what_helps(
    brain: Brain, arena_url: str, tmp_path: Path, given: int
) -> None:
    brain.reactions = [strict]
    ended = evaluate_by_command(brain, arena_url, tmp_path / "out", *OFFERS[:given])
    assert ended.exit_code == 2
    assert "gave no verdict on any of the first 10 episodes, and is not scored" in ended.stderr
    assert f"leave out a setting that it does not take: {OFFERS[given].replace('=', ' ', 1)}" in ended.stderr
    assert not (tmp_path / "out" / "result.json").exists()
    assert len(brain.seen) == 10


def test_an_evaluation_that_an_endpoint_refused_is_done_once_the_settings_are_right(
    brain: Brain, arena_url: str, tmp_path: Path
) -> None:
    brain.reactions = [strict]
    assert evaluate_by_command(brain, arena_url, tmp_path / "out").exit_code == 2
    ended = evaluate_by_command(brain, arena_url, tmp_path / "out", *OFFERS)
    assert ended.exit_code == 0, ended.stderr
    result = Result.read(tmp_path / "out")
    assert (result.scorecard.scored, result.scorecard.invalid, result.scorecard.failed) == (60, 0, 0)


@pytest.mark.parametrize(
    ("reaction", "message"),
    [
        (refusal(400, "maximum context length is 512 tokens"), "the prompt is longer than the context of 'brain'"),
        (completion(None, reasoning_content="Hm."), "the model wrote only reasoning and no answer"),
        (completion(None, finish="length", reasoning_content="Hm."), "cut off after 1024 tokens"),
        (completion(None, finish="content_filter"), "withheld the answer"),
        (JSONResponse({"choices": []}), "holds no choice"),
    ],
)
def test_an_overseer_from_which_no_answer_ever_comes_is_stopped(
    brain: Brain, client: ArenaClient, tmp_path: Path, reaction: Response, message: str
) -> None:
    brain.reactions = [reaction]
    for records, batch in (("a.jsonl", 32), ("b.jsonl", 1)):
        with pytest.raises(OverseerFailed, match=message):
            evaluate(
                f"openai:brain@{brain.url}",
                arena=client,
                split="train",
                episodes=20,
                batch=batch,
                records=tmp_path / records,
            )
        assert not list(read_records(tmp_path / records)[1])


def refusing(reaction: Response, every: int) -> Any:
    asked = 0

    async def react(_: dict[str, Any]) -> Response:
        nonlocal asked
        asked += 1
        return reaction if asked % every == 0 else completion(READABLE)

    return react


def test_a_request_that_is_refused_now_and_then_is_a_failure_of_its_own(brain: Brain, client: ArenaClient) -> None:
    brain.reactions = [refusing(refusal(400, "upstream trouble"), 4)]
    found = evaluate(f"openai:brain@{brain.url}", arena=client, split="train", episodes=12, batch=4, samples=2)
    failed = [row for row in found.rows if row.outcome is Outcome.infra_failed]
    assert 0 < len(failed) < len(found.rows)
    assert {row.reward for row in failed} == {None}
    assert {row.trouble for row in failed} == {Trouble.refused}
    assert all("answered 400: upstream trouble" in str(row.reason) for row in failed)
    assert (found.scorecard.failed, found.scorecard.invalid) == (len(failed), 0)
    assert f"{len(failed)} of the reviews: the overseer's endpoint refused the request; not scored" in str(
        found.scorecard.notes
    )


def test_a_request_that_was_refused_is_tried_again_on_resume(brain: Brain, client: ArenaClient, tmp_path: Path) -> None:
    task: dict[str, Any] = {"arena": client, "split": "train", "episodes": 12, "batch": 4, "samples": 2}
    task["records"] = tmp_path / "records.jsonl"
    brain.reactions = [refusing(refusal(400, "upstream trouble"), 4)]
    assert evaluate(f"openai:brain@{brain.url}", **task).scorecard.failed > 0
    brain.reactions = [completion(READABLE)]
    again = evaluate(f"openai:brain@{brain.url}", resume=True, **task)
    assert (again.scorecard.failed, again.scorecard.scored) == (0, 24)


@pytest.mark.parametrize(
    ("reaction", "trouble", "note"),
    [
        (refusal(400, "maximum context length is 512 tokens"), Trouble.too_long, "longer than the model's context"),
        (refusal(400, "filtered", code="content_filter"), Trouble.withheld, "a content filter kept the prompt"),
        (completion("<think>so " + READABLE, finish="length"), Trouble.cut, "cut off before its end"),
        (completion(None, refusal="I cannot."), Trouble.declined, "the model declined to answer"),
    ],
)
def test_what_an_overseer_cannot_review_is_counted_by_its_reason_and_shown(
    brain: Brain, arena_url: str, tmp_path: Path, reaction: Response, trouble: Trouble, note: str
) -> None:
    brain.reactions = [refusing(reaction, 4)]
    command = ["eval", "--overseer", f"openai:brain@{brain.url}", "--arena", arena_url, "--token", TOKEN]
    ended = invoked(*command, "--split", "train", "--episodes", "20", "--json", tmp_path / "r.json")
    assert ended.exit_code == 0, ended.stderr
    result = Result.read(tmp_path / "r.json")
    assert result.scorecard.troubles == {trouble: 5}
    assert result.scorecard.invalid == 5
    shown = " ".join(ended.stdout.split())
    assert "5 of the reviews: " in shown
    assert note in shown
    assert ("5 invalid, 5 cut" if trouble is Trouble.cut else "5 invalid") in shown


@pytest.mark.parametrize(("rest", "scored"), [("", 4), ("\nAnd so on, and", 0)])
def test_a_verdict_in_a_completion_that_was_cut_counts_where_nothing_follows_it(
    brain: Brain, client: ArenaClient, rest: str, scored: int
) -> None:
    brain.reactions = [completion(READABLE + rest, finish="length")]
    found = evaluate(f"openai:brain@{brain.url}", arena=client, split="train", episodes=4)
    assert (found.scorecard.scored, found.scorecard.troubles) == (scored, {Trouble.cut: 4})
    assert {row.trouble for row in found.rows} == {Trouble.cut}


def test_a_dataset_is_scored_without_the_requests_that_were_refused(brain: Brain, tmp_path: Path) -> None:
    answers = [
        LabelledAnswer(task="t", source_material=f"s{n}", worker_output=f"o{n}", corrupted=bool(n % 2))
        for n in range(12)
    ]
    brain.reactions = [refusing(refusal(400, "upstream trouble"), 4)]
    task: dict[str, Any] = {"name": "twelve", "records": tmp_path / "records.jsonl"}
    overseer = open_overseer(f"openai:brain@{brain.url}")
    found = evaluate_dataset(overseer, answers, **task)
    assert (found.scorecard.rows, found.scorecard.failed, found.scorecard.invalid) == (9, 3, 0)
    assert found.scorecard.troubles == {Trouble.refused: 3}
    brain.reactions = [completion(READABLE)]
    again = evaluate_dataset(overseer, answers, resume=True, **task)
    overseer.close()  # type: ignore[attr-defined]
    assert (again.scorecard.rows, again.scorecard.failed) == (12, 0)


def test_an_origin_all_of_whose_requests_are_refused_has_no_scores_and_ends_nothing(brain: Brain) -> None:
    async def picky(body: dict[str, Any]) -> Response:
        unwelcome = "unwelcome" in json.dumps(body)
        return refusal(400, "against the rules of the house") if unwelcome else completion(READABLE)

    answers = [
        LabelledAnswer(
            task="t", source_material=origin, worker_output=f"o{n}", corrupted=bool(n % 2), origin=origin, domain=domain
        )
        for origin, domain in (("welcome", "mixed"), ("well known", "customer_support"), ("unwelcome", "code_review"))
        for n in range(4)
    ]
    brain.reactions = [picky]
    overseer = open_overseer(f"openai:brain@{brain.url}")
    found = evaluate_dataset(overseer, answers, name="twelve")
    overseer.close()  # type: ignore[attr-defined]
    assert (found.scorecard.rows, found.scorecard.failed) == (8, 4)
    assert {group: list(cards) for group, cards in found.groups.items() if group != "corruption_type"} == {
        "origin": ["welcome", "well known"],
        "domain": ["customer_support", "mixed"],
    }


def test_a_webhook_that_answers_with_nothing_that_is_a_verdict_is_stopped(client: ArenaClient) -> None:
    async def nulls(request: Request) -> Response:
        return JSONResponse({"verdicts": [None] * len((await request.json())["observations"])})

    with serving({"/": nulls}) as url, pytest.raises(OverseerFailed, match="None is no verdict"):
        evaluate(f"{url}/", arena=client, split="train", episodes=20)


def test_a_refused_request_stops_a_submission_which_goes_on_once_it_is_mended(
    brain: Brain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORGE_ARENA_LEADERBOARD_EPISODES", "12")
    overseer = open_overseer(f"openai:brain@{brain.url}")
    serve = [
        "-c",
        FORGE_ARENA,
        "serve",
        "--port",
        "0",
        "--store",
        f"sqlite:///{tmp_path}/board.db",
        "--scenarios",
        "short",
    ]
    with running(*serve) as url, ArenaClient(url) as arena:
        entry = arena.enter("mine")
        brain.reactions = [refusal(400, "no")]
        with pytest.raises(OverseerFailed, match="gave no verdict on any of the first 12 episodes"):
            submit(overseer, arena, entry)
        assert arena.submission(entry.submission_id).judged == 0
        brain.reactions = [refusing(refusal(400, "upstream trouble"), 4)]
        with pytest.raises(OverseerFailed, match=r"3 episodes have no verdict: .* upstream trouble"):
            submit(overseer, arena, entry)
        half = arena.submission(entry.submission_id)
        assert half.judged == 9
        brain.reactions = [completion(READABLE)]
        assert submit(overseer, arena, half).judged == 12
    overseer.close()  # type: ignore[attr-defined]
