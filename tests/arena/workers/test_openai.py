"""An OpenAI-compatible endpoint as Worker: answers, retries, and what each failure says."""

import asyncio
import json
import logging
import re
import socket
import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from random import Random
from typing import Any

import pytest
from fastapi import Response

from forge_arena.errors import BadArgument, WorkerFailed
from forge_arena.types import Answer, CorruptionType, Scenario
from forge_arena.workers import open_worker
from forge_arena.workers.base import HiddenInstruction, Worker
from forge_arena.workers.openai import OpenAIWorker
from forge_arena.workers.prompts import ANSWER_SYSTEM

from ...brain import Brain, completion, refusal
from ...trickle import in_every_way, trickling

KEY = "sk-very-secret-0123456789"
Make = Callable[..., OpenAIWorker]


@pytest.fixture
async def make(brain: Brain) -> AsyncIterator[Make]:
    made: list[OpenAIWorker] = []

    def build(model: str = "brain", url: str = brain.url, key: str | None = KEY, **settings: Any) -> OpenAIWorker:
        made.append(OpenAIWorker(model, url, key, **({"timeout": 5.0, "retries": 0} | settings)))
        return made[-1]

    yield build
    for worker in made:
        await worker.aclose()


async def fails(worker: OpenAIWorker, scenario: Scenario) -> str:
    with pytest.raises(WorkerFailed) as failed:
        await worker.answer(scenario, Random(1))
    assert "\n" not in failed.value.reason
    assert KEY not in failed.value.reason
    return failed.value.reason


async def test_it_is_a_worker_and_says_which_model_answers(make: Make) -> None:
    worker = make()
    assert isinstance(worker, Worker)
    assert worker.name == "openai:brain"


async def test_reasoning_comes_from_think_tags(make: Make, brain: Brain, scenario: Scenario) -> None:
    brain.reactions = [completion("<think>Look at the window.</think>It takes 5 to 7 days.")]
    assert await make().answer(scenario, Random(1)) == Answer(
        reasoning="Look at the window.", output="It takes 5 to 7 days."
    )


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
async def test_reasoning_comes_from_the_servers_field(make: Make, brain: Brain, scenario: Scenario, field: str) -> None:
    brain.reactions = [completion("5 days.", **{field: "Look."})]
    assert await make().answer(scenario, Random(1)) == Answer(reasoning="Look.", output="5 days.")


async def test_half_a_character_in_an_answer_is_replaced(make: Make, brain: Brain, scenario: Scenario) -> None:
    message = {"role": "assistant", "content": "5 days \ud83d.", "reasoning": "Look \ud83d."}
    body = json.dumps({"choices": [{"message": message, "finish_reason": "stop"}]})
    brain.reactions = [Response(body, media_type="application/json")]
    answer = await make().answer(scenario, Random(1))
    assert answer == Answer(reasoning="Look \ufffd.", output="5 days \ufffd.")


async def test_an_answer_without_marks_is_kept_whole(make: Make, brain: Brain, scenario: Scenario) -> None:
    text = "First, the policy says 5 to 7 days.\n\nSo it arrives next week. " * 20
    brain.reactions = [completion(text)]
    assert await make().answer(scenario, Random(1)) == Answer(reasoning="", output=text.strip())


async def test_the_request_carries_the_sampling_and_a_seed_that_only_the_rng_decides(
    make: Make, brain: Brain, scenario: Scenario
) -> None:
    worker = make(temperature=0.3, max_tokens=77, extra={"top_k": 5})
    for seed in (1, 1, 2):
        await worker.answer(scenario, Random(seed))
    first, again, other = brain.seen
    assert first == again
    assert first["seed"] != other["seed"]
    assert 0 <= first["seed"] < 2**31
    assert (first["model"], first["temperature"], first["max_tokens"], first["top_k"]) == ("brain", 0.3, 77, 5)
    assert worker.sampling == {"model": "brain", "temperature": 0.3, "max_tokens": 77, "top_k": 5}


async def test_the_hidden_instruction_is_sent(make: Make, brain: Brain, scenario: Scenario) -> None:
    hidden = HiddenInstruction(
        corruption_type=CorruptionType.temporal_shift, target="w", alternative=None, text="Say ten days."
    )
    await make().answer(scenario, Random(1), hidden)
    assert "Say ten days." in brain.seen[0]["messages"][0]["content"]


async def test_a_reply_is_the_output_only(make: Make, brain: Brain, scenario: Scenario) -> None:
    brain.reactions = [completion("<think>hm</think>Section 3.2.")]
    assert await make().reply(scenario, Answer(reasoning="", output="x"), (), "Which?", Random(1)) == "Section 3.2."
    assert brain.seen[0]["messages"][-1] == {"role": "user", "content": "Which?"}


async def test_no_more_than_the_given_number_of_requests_run_at_once(
    make: Make, brain: Brain, scenario: Scenario
) -> None:
    async def slow(_: dict[str, Any]) -> Response:
        await asyncio.sleep(0.05)
        return completion("ok")

    brain.reactions = [slow]
    worker = make(concurrency=3)
    await asyncio.gather(*(worker.answer(scenario, Random(n)) for n in range(12)))
    assert len(brain.seen) == 12
    assert brain.most_at_once == 3


@pytest.mark.parametrize("status", [500, 502, 503, 429, 408])
async def test_passing_trouble_is_tried_again(make: Make, brain: Brain, scenario: Scenario, status: int) -> None:
    brain.reactions = [refusal(status, "busy", {"Retry-After": "0"}), completion("ok")]
    assert (await make(retries=1).answer(scenario, Random(1))).output == "ok"
    assert brain.seen[0] == brain.seen[1]


async def test_a_timeout_is_tried_again(make: Make, brain: Brain, scenario: Scenario) -> None:
    async def hang(_: dict[str, Any]) -> Response:
        await asyncio.sleep(1)
        return completion("too late")

    brain.reactions = [hang, completion("ok")]
    assert (await make(retries=1, timeout=0.3).answer(scenario, Random(1))).output == "ok"


@pytest.mark.parametrize("as_date", [False, True])
async def test_retry_after_is_respected(make: Make, brain: Brain, scenario: Scenario, as_date: bool) -> None:
    asked = format_datetime(datetime.now(UTC) + timedelta(seconds=3), usegmt=True) if as_date else "1"
    brain.reactions = [refusal(429, "slow down", {"Retry-After": asked}), completion("ok")]
    await make(retries=1).answer(scenario, Random(1))
    assert 0.95 < brain.times[1] - brain.times[0] < 4


async def test_a_server_that_asks_for_an_hour_is_not_waited_for(make: Make, brain: Brain, scenario: Scenario) -> None:
    brain.reactions = [refusal(429, "quota", {"Retry-After": "3600"})]
    reason = await fails(make(retries=4), scenario)
    assert len(brain.seen) == 1
    assert "refuses more requests (429); it asks to wait 3600 s; lower the concurrency or check the quota" in reason


async def test_a_retry_after_beyond_the_calendar_counts_as_none(make: Make, brain: Brain, scenario: Scenario) -> None:
    brain.reactions = [refusal(429, "quota", {"Retry-After": "Fri, 01 Jan 99999 00:00:00 GMT"})]
    assert "refuses more requests (429); lower the concurrency" in await fails(make(), scenario)


async def test_a_server_that_stays_broken_fails_with_status_and_tries(
    make: Make, brain: Brain, scenario: Scenario
) -> None:
    brain.reactions = [refusal(500, "CUDA\nout of memory", {"Retry-After": "0"})]
    assert await fails(make(retries=2), scenario) == f"{brain.url} answered 500 (3 tries): CUDA out of memory"
    assert len(brain.seen) == 3


async def test_a_server_that_hangs_fails_in_time(make: Make, brain: Brain, scenario: Scenario) -> None:
    async def hang(_: dict[str, Any]) -> Response:
        await asyncio.sleep(1)
        return completion("too late")

    brain.reactions = [hang]
    began = time.monotonic()
    reason = await fails(make(timeout=0.3), scenario)
    assert time.monotonic() - began < 0.9
    assert reason == f"'brain' at {brain.url} gave no answer within 0.3 s; is it overloaded?"


@in_every_way
async def test_a_server_that_trickles_fails_in_time(make: Make, scenario: Scenario, way: str) -> None:
    with trickling(way) as url:
        began = time.monotonic()
        reason = await fails(make(url=f"{url}/v1", timeout=0.5), scenario)
        assert time.monotonic() - began < 3.0
    assert reason == f"'brain' at {url}/v1 gave no answer within 0.5 s; is it overloaded?"


async def test_nobody_listening_fails_naming_the_address(make: Make, scenario: Scenario) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
        reason = await fails(make(url=url), scenario)
    assert reason == f"no connection to {url}: is the server running, and is the address right?"


async def test_the_first_of_the_tries_that_fail_is_said(
    make: Make, brain: Brain, scenario: Scenario, caplog: pytest.LogCaptureFixture
) -> None:
    down, up = refusal(503, f"loading with {KEY}", {"Retry-After": "0"}), completion("It takes 5 to 7 days.")
    worker = make(retries=3)
    said = f"A request failed, and is sent again (3 times at most): {brain.url} answered 503: loading with [key]"
    brain.reactions = [down, down, up, up] * 2
    for warnings in (1, 2):
        await worker.answer(scenario, Random(1))
        await worker.answer(scenario, Random(2))
        assert [record.getMessage() for record in caplog.records] == [said] * warnings


@pytest.mark.parametrize(
    ("key", "said"), [(KEY, "refused the given API key or password"), (None, "refused a request without an API key")]
)
async def test_a_refused_key_is_not_shown(
    make: Make, brain: Brain, scenario: Scenario, key: str | None, said: str
) -> None:
    brain.reactions = [refusal(401, f"Incorrect API key provided: {KEY}")]
    assert said in await fails(make(key=key), scenario)
    assert len(brain.seen) == 1


@pytest.mark.parametrize("key", [f"{KEY}\n", f"{KEY}\u00e9"])
async def test_a_key_that_no_header_can_hold_is_refused_and_not_shown(make: Make, key: str) -> None:
    with pytest.raises(BadArgument, match="the API key holds a character that no key has") as refused:
        make(key=key)
    assert KEY not in str(refused.value)


async def test_without_a_key_none_is_taken_from_the_environment(
    make: Make, brain: Brain, scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("OPENAI_API_KEY", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID"):
        monkeypatch.setenv(variable, KEY)
    await make(key=None).answer(scenario, Random(1))
    assert not any(KEY in value for value in brain.headers[0].values())


async def test_an_unknown_model_fails_with_the_models_that_are_there(
    make: Make, brain: Brain, scenario: Scenario
) -> None:
    brain.reactions = [refusal(404, "The model `other` does not exist.")]
    assert await fails(make("other"), scenario) == f"{brain.url} has no model 'other'; it serves brain"


async def test_a_wrong_path_says_to_check_the_address(make: Make, brain: Brain, scenario: Scenario) -> None:
    url = brain.url.removesuffix("/v1")
    assert "does the address end in /v1?" in await fails(make(url=url), scenario)


async def test_a_prompt_longer_than_the_context_says_so(make: Make, brain: Brain, scenario: Scenario) -> None:
    said = "This model's maximum context length is 512 tokens. However, you requested 700."
    brain.reactions = [refusal(400, said, code=400)]
    reason = await fails(make(retries=2), scenario)
    assert reason == f"the prompt is longer than the context of 'brain' at {brain.url}: {said}"
    assert len(brain.seen) == 1


async def test_another_refusal_is_passed_on_without_the_key(make: Make, brain: Brain, scenario: Scenario) -> None:
    brain.reactions = [refusal(400, f"bad temperature for {KEY}")]
    assert (
        await fails(make(), scenario) == f"{brain.url} answered 400: bad temperature for [key]; "
        "such a setting follows the Worker's name: #temperature=none"
    )


async def test_a_web_page_is_no_answer(make: Make, brain: Brain, scenario: Scenario) -> None:
    reason = await fails(make(url=brain.url.replace("/v1", "/wrong")), scenario)
    assert "something other than a chat completion" in reason
    assert "Welcome" not in reason


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"choices": null}',
        b'{"choices": []}',
        b'{"choices": 5}',
        b'{"choices": [null]}',
        b'{"choices": [{}]}',
        b'{"choices": [{"message": null}]}',
        b'{"choices": [{"message": {"content": 5}}]}',
        b'{"choices": [{"message": "x"}]}',
        b"\xff\xfe",
    ],
)
async def test_garbage_is_no_answer(make: Make, brain: Brain, scenario: Scenario, body: bytes) -> None:
    brain.reactions = [Response(body, media_type="application/json")]
    await fails(make(), scenario)


@pytest.mark.parametrize(
    ("reaction", "said"),
    [
        (completion(""), "answered with empty text"),
        (completion(None), "answered with empty text"),
        (completion(" \n"), "answered with empty text"),
        (completion("<think>hm</think> "), "answered with empty text after its reasoning"),
        (completion("It takes 5 to", finish="length"), "was cut off after 1024 tokens or at the end of its context"),
        (completion("", finish="content_filter"), "withheld its answer"),
        (completion(None, refusal="I cannot."), "declined to answer"),
        (completion(None, reasoning_content="Look."), "answered with empty text after its reasoning"),
    ],
)
async def test_an_answer_that_is_not_whole_fails(
    make: Make, brain: Brain, scenario: Scenario, reaction: Response, said: str
) -> None:
    brain.reactions = [reaction]
    assert said in await fails(make(), scenario)


async def test_a_model_that_wants_max_completion_tokens_gets_it(make: Make, brain: Brain, scenario: Scenario) -> None:
    said = "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
    brain.reactions = [refusal(400, said), completion("ok")]
    worker = make(max_tokens=99)
    for _ in range(2):
        assert (await worker.answer(scenario, Random(1))).output == "ok"
    assert [("max_tokens" in body, body.get("max_completion_tokens")) for body in brain.seen] == [
        (True, None),
        (False, 99),
        (False, 99),
    ]


async def test_start_shows_that_an_answer_can_be_had(make: Make, brain: Brain) -> None:
    brain.reactions = [completion("Y", finish="length"), refusal(401, "no")]
    worker = make()
    await worker.start()
    assert brain.seen[0]["max_tokens"] == 1
    with pytest.raises(WorkerFailed, match="refused the given API key"):
        await worker.start()


async def test_keys_and_passwords_are_never_logged(
    make: Make, brain: Brain, scenario: Scenario, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    brain.reactions = [refusal(500, KEY, {"Retry-After": "0"}), completion("ok")]
    await make(retries=1).answer(scenario, Random(1))
    assert KEY not in caplog.text
    url = brain.url.replace("://", "://me:hunter2@") + "/gone"
    assert "hunter2" not in await fails(make(url=url, key=None), scenario)
    assert "hunter2" not in caplog.text


async def test_start_asks_with_the_same_roles_and_settings_as_every_answer(
    make: Make, brain: Brain, scenario: Scenario
) -> None:
    worker = make()
    await worker.start()
    await worker.answer(scenario, Random(1))
    first, then = brain.seen
    assert [m["role"] for m in first["messages"]] == [m["role"] for m in then["messages"]] == ["system", "user"]
    assert first.keys() == then.keys()


async def test_what_an_endpoint_does_not_take_is_left_out_by_what_follows_the_workers_name(
    brain: Brain, scenario: Scenario
) -> None:
    worker = open_worker(f"openai:brain@{brain.url}#temperature=none,seed=none,system_role=user,max_tokens=99")
    assert isinstance(worker, OpenAIWorker)
    await worker.start()
    await worker.answer(scenario, Random(1))
    await worker.reply(scenario, Answer(reasoning="", output="x"), (), "Which?", Random(1))
    await worker.aclose()
    assert [[m["role"] for m in body["messages"]] for body in brain.seen] == [
        ["user"],
        ["user"],
        ["user", "assistant", "user"],
    ]
    assert not any({"temperature", "seed"} & body.keys() for body in brain.seen)
    assert brain.seen[1]["max_tokens"] == 99
    assert brain.seen[1]["messages"][0]["content"].startswith(ANSWER_SYSTEM)
    assert worker.sampling == {
        "model": "brain",
        "temperature": None,
        "max_tokens": 99,
        "seed": None,
        "system_role": "user",
    }


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ("temprature=none", "a Worker has no setting 'temprature'. Did you mean 'temperature'? It takes temperature,"),
        ("temperature=hot", "the Worker's temperature cannot be 'hot': give a number, or none"),
        ("seed=7", "the Worker's seed cannot be '7': give none"),
        ("system_role=boss", "system_role must be one of system, user, got 'boss'"),
        ("temperature=inf", "temperature must be a finite number of at least 0, got inf"),
        ("timeout=nan", "timeout above 0, got concurrency=16, retries=4, timeout=nan"),
    ],
)
async def test_a_setting_that_a_worker_does_not_take_is_refused(brain: Brain, settings: str, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        open_worker(f"openai:brain@{brain.url}#{settings}")


@pytest.mark.parametrize(
    "url", ["", "localhost:8000/v1", "ftp://host/v1", "http:///v1", "http://host:port/v1", "http://[::1/v1"]
)
async def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(BadArgument, match="base_url must look like http://host:port/v1, got "):
        OpenAIWorker("brain", url)


@pytest.mark.parametrize("word", ["an/opener", "an#opener"])
async def test_a_password_that_was_not_written_as_an_address_wants_it_is_not_repeated(word: str) -> None:
    with pytest.raises(ValueError, match=re.escape("write / as %2F, ? as %3F and # as %23")) as refused:
        OpenAIWorker("brain", f"https://me:{word}@host/v1")
    assert "opener" not in str(refused.value)


async def test_settings_out_of_range_are_refused(brain: Brain) -> None:
    with pytest.raises(ValueError, match="concurrency=0"):
        OpenAIWorker("brain", brain.url, concurrency=0)
