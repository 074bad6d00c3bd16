"""A webhook as overseer: the example in another language, and every wrong answer that a server may give."""

import json
import logging
import re
import shutil
import subprocess
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from fastapi import Request, Response
from fastapi.responses import JSONResponse

from forge_agents.client import ArenaClient
from forge_agents.evaluation import evaluate
from forge_agents.overseers import NoSuchOverseer, OverseerFailed, open_overseer
from forge_agents.overseers.webhook import Webhook
from forge_agents.result import Result
from forge_arena.types import Domain, Observation, Outcome

from ...brain import serving
from ...scripts import end_of
from ...trickle import in_every_way, trickling

EXAMPLE = Path(__file__).parents[3] / "agents" / "examples" / "webhook.mjs"
VERDICT = {"detection": True, "explanation": "bias injection", "correction": "", "confidence": 0.8}
OBSERVATIONS = [
    Observation(task="Answer.", source_material="", worker_reasoning="", worker_output=str(n), domain=Domain.mixed)
    for n in range(3)
]


@contextmanager
def answering(*responses: Response, seen: list[dict[str, object]] | None = None) -> Iterator[str]:
    """The address of a server that gives these answers, the last one from then on."""
    given = list(responses)

    async def react(request: Request) -> Response:
        if seen is not None:
            seen.append({"body": await request.json(), "token": request.headers.get("authorization")})
        return given.pop(0) if len(given) > 1 else given[0]

    with serving({"/": react}) as url:
        yield f"{url}/"


def webhook(url: str, **settings: float) -> Webhook:
    return Webhook(url, **{"retries": 0, **settings})


@pytest.fixture
def node() -> Iterator[str]:
    program = shutil.which("node")
    if program is None:
        pytest.skip("node is not installed")
    with subprocess.Popen([program, str(EXAMPLE), "0"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        found = re.search(r"http://\S+", process.stdout.readline())
        assert found is not None
        yield found[0]
        process.terminate()


def test_an_overseer_in_javascript_reviews_real_episodes(node: str, client: ArenaClient) -> None:
    overseer = open_overseer(node)
    found = evaluate(overseer, arena=client, split="train", episodes=60)
    assert found.overseer == node
    assert (found.scorecard.invalid, found.scorecard.failed) == (0, 0)
    assert 0 < (found.scorecard.share_flagged.value or 0) < 1
    overseer.close()  # type: ignore[attr-defined]


def test_observations_go_out_whole_in_batches_with_the_key() -> None:
    seen: list[dict[str, object]] = []
    with answering(
        JSONResponse({"verdicts": [VERDICT, "some words"]}), JSONResponse({"verdicts": [VERDICT]}), seen=seen
    ) as url:
        overseer = webhook(url, batch=2)
        overseer._client.headers["Authorization"] = "Bearer sk"
        said = overseer.review(OBSERVATIONS)
        overseer.close()
    assert [type(s).__name__ for s in said] == ["Completion"] * 3
    assert said[1] == "some words"
    assert [one["token"] for one in seen] == ["Bearer sk"] * 2
    assert seen[0]["body"] == {"observations": [o.model_dump(mode="json") for o in OBSERVATIONS[:2]]}


def test_an_unreadable_verdict_is_one_episodes_trouble_only(client: ArenaClient) -> None:
    wrong = {**VERDICT, "confidence": 3}
    with answering(JSONResponse({"verdicts": [VERDICT, wrong, VERDICT]})) as url:
        overseer = webhook(url)
        found = evaluate(overseer, arena=client, split="train", episodes=3)
        overseer.close()
    assert [row.detection for row in found.rows] == [True, None, True]
    assert found.scorecard.invalid == 1


def test_trouble_that_passes_delays_and_is_counted() -> None:
    with answering(Response(status_code=503), JSONResponse({"verdicts": [VERDICT] * 3})) as url:
        overseer = webhook(url, retries=1)
        said = overseer.review(OBSERVATIONS)
        overseer.close()
    assert said[0].usage is not None
    assert said[0].usage.retries == 1


@pytest.mark.parametrize(
    ("response", "message"),
    [
        (Response("<!doctype html><p>Welcome", media_type="text/html"), "other than JSON: a web page"),
        (Response("hello", media_type="text/plain"), "other than JSON: hello"),
        (JSONResponse([VERDICT] * 3), "without a list of verdicts"),
        (JSONResponse({"verdict": VERDICT}), "without a list of verdicts"),
        (JSONResponse({"verdicts": [VERDICT] * 2}), "gave 2 verdicts for 3 observations"),
        (JSONResponse({"verdicts": [VERDICT] * 4}), "gave 4 verdicts for 3 observations"),
        (Response("Traceback: KeyError", status_code=500), "answered 500: Traceback: KeyError"),
        (Response("<h1>Not found", status_code=404, media_type="text/html"), "answered 404: a web page"),
    ],
)
def test_an_answer_that_is_none_is_refused_and_says_what_came(response: Response, message: str) -> None:
    with answering(response) as url:
        overseer = webhook(url)
        with pytest.raises(OverseerFailed, match=re.escape(message)):
            overseer.review(OBSERVATIONS)
        overseer.close()


def test_nobody_listening_is_a_failure() -> None:
    overseer = webhook("http://127.0.0.1:1/hook")
    with pytest.raises(OverseerFailed, match=r"no connection to http://127\.0\.0\.1:1/hook: is the server running"):
        overseer.review(OBSERVATIONS)
    overseer.close()


def test_passwords_and_queries_are_not_in_the_name() -> None:
    overseer = open_overseer("https://me:hunter2@example.org/hook?key=secret")
    assert overseer.name == "https://example.org/hook"
    overseer.close()  # type: ignore[attr-defined]


def test_a_mistyped_address_is_refused_without_its_password() -> None:
    with pytest.raises(NoSuchOverseer, match=r"overseer 'htps://example\.org/hook': there is no module 'htps'"):
        open_overseer("htps://me:hunter2@example.org/hook")


def test_a_user_and_a_password_are_sent_and_appear_in_no_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    seen: list[dict[str, object]] = []
    with answering(JSONResponse({"verdicts": [VERDICT] * 3}), seen=seen) as url:
        overseer = webhook(url.replace("://", "://me:hunter2@"))
        overseer.review(OBSERVATIONS)
        overseer.close()
    assert [request["token"] for request in seen] == [f"Basic {b64encode(b'me:hunter2').decode()}"]
    assert "hunter2" not in caplog.text
    with pytest.raises(NoSuchOverseer, match="but not both"):
        open_overseer("http://me:hunter2@example.org/hook", api_key="a-key")


def test_an_address_without_a_host_is_refused() -> None:
    with pytest.raises(NoSuchOverseer, match="a webhook is an address like"):
        open_overseer("http:///hook")


@in_every_way
def test_the_timeout_is_for_the_whole_answer(way: str) -> None:
    with trickling(way) as url:
        overseer = webhook(url, timeout=0.5)
        begin = time.monotonic()
        with pytest.raises(OverseerFailed, match=rf"{url} gave no answer within 0\.5 s$"):
            overseer.review(OBSERVATIONS)
        assert time.monotonic() - begin < 3.0
        overseer.close()


def test_an_answer_that_trickles_is_tried_again() -> None:
    with trickling("body") as url:
        overseer = webhook(url, timeout=0.2, retries=1)
        with pytest.raises(OverseerFailed, match=r"gave no answer within 0\.2 s \(2 tries\)"):
            overseer.review(OBSERVATIONS)
        overseer.close()


SCRIPT = """
import sys
from forge_agents.overseers.webhook import Webhook
from forge_arena.types import Domain, Observation
seen = Observation(task="", source_material="", worker_reasoning="", worker_output="", domain=Domain.mixed)
overseer = Webhook(sys.argv[1])
print(len(overseer.review([seen])))
"""


def test_one_that_nobody_closes_keeps_no_script_from_ending() -> None:
    with answering(JSONResponse({"verdicts": [VERDICT]})) as url:
        ended = end_of(SCRIPT, "raise ValueError('mine')", arguments=(url,))
    assert (ended.said, ended.complained_of_nothing_but, ended.code) == (("1",), "ValueError: mine", 1)
    assert ended.seconds < 5.0


def test_half_a_character_from_a_webhook_ends_nothing(client: ArenaClient, tmp_path: Path) -> None:
    half = {**VERDICT, "explanation": "half of one: \ud83d"}
    body = json.dumps({"verdicts": [half, "half \ud83d", {**half, "confidence": "\ud83d"}]})
    with answering(Response(body, media_type="application/json")) as url, closing(webhook(url)) as overseer:
        found = evaluate(overseer, arena=client, split="train", episodes=3, records=tmp_path / "records.jsonl")
    assert [row.outcome for row in found.rows] == [Outcome.scored, Outcome.invalid_verdict, Outcome.invalid_verdict]
    assert Result.model_validate_json(found.to_json()) == found


def test_json_that_is_nested_too_deeply_is_refused_in_words() -> None:
    body = '{"verdicts":' + "[" * 100_000
    with (
        answering(Response(body, media_type="application/json")) as url,
        closing(webhook(url)) as overseer,
        pytest.raises(OverseerFailed, match="something other than JSON"),
    ):
        overseer.review(OBSERVATIONS)
