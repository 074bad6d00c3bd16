"""An author is a model behind an endpoint, which may say anything: what is kept, what is asked again, what is a failure."""

import json
from collections.abc import AsyncIterator, Iterator
from copy import deepcopy
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from forge_arena.documents.author import SCHEMA, Author, AuthorFailed, ReplyKind, Written, open_author
from forge_arena.documents.document import Document
from forge_arena.documents.prompt import author_messages
from forge_arena.documents.proposal import Proposal, read_proposal
from forge_arena.documents.sections import Stretch, stretches
from forge_arena.errors import BadArgument
from forge_arena.workers.bank import Bank, BankWorker

from ...brain import Brain, completion, refusal, running_brain
from .proposed import EXAMPLES, WARRANTY, WARRANTY_PROPOSAL, with_fact

GOOD = json.dumps(WARRANTY_PROPOSAL)
USELESS = json.dumps({**WARRANTY_PROPOSAL, "facts": []})


@pytest.fixture
def brain() -> Iterator[Brain]:
    with running_brain() as brain:
        yield brain


@pytest.fixture
async def author(brain: Brain) -> AsyncIterator[Author]:
    author = Author(open_author(f"openai:author@{brain.url}"))
    yield author
    await author.aclose()


def stretch_of(text: str = WARRANTY, task: str | None = None) -> Stretch:
    return stretches(Document("warranty.md", text, task=task))[0]


async def written(brain: Brain, author: Author, *replies: Any) -> Written:
    brain.reactions = [completion(reply) if isinstance(reply, str) else reply for reply in replies]
    return await author.write(stretch_of(), "warranty-1")


def reasons(written: Written) -> str:
    return "\n".join(f"{part.what}: {part.reason}" for part in written.kept.dropped)


@pytest.mark.parametrize("name", EXAMPLES)
async def test_a_good_proposal_becomes_a_scenario_at_once(brain: Brain, author: Author, name: str) -> None:
    text, proposal, _ = EXAMPLES[name]
    brain.reactions = [completion(f"Here it is:\n```json\n{json.dumps(proposal)}\n```")]
    done = await author.write(stretch_of(text), f"{name}-1")
    assert done.kept.scenario is not None
    assert done.kept.scenario.family == f"{name}-1"
    assert done.replies == (ReplyKind.proposal,)
    (asked,) = brain.seen
    assert asked["messages"] == author_messages(text)
    assert asked["temperature"] == 0


async def test_the_task_of_a_row_is_part_of_what_is_asked(brain: Brain, author: Author) -> None:
    task = "Answer Ms Okafor, who bought a Ridge tent on 14 June 2024 whose zip broke."
    brain.reactions = [completion(json.dumps({**WARRANTY_PROPOSAL, "task": None}))]
    done = await author.write(stretch_of(task=task), "warranty-1")
    assert brain.seen[0]["messages"] == author_messages(WARRANTY, task=task)
    assert done.kept.scenario is not None
    assert done.kept.scenario.task.startswith(f"{task}\n\n")


@pytest.mark.parametrize(
    ("reply", "kind", "reason"),
    [
        (
            "The warranty lasts two years for such a tent, so I would tell her that.",
            ReplyKind.no_json,
            "no JSON object",
        ),
        ("[1, 2]", ReplyKind.no_json, "no JSON object"),
        (USELESS, ReplyKind.proposal, "only 0 facts"),
        (
            json.dumps({**WARRANTY_PROPOSAL, "facts": ["two years"]}),
            ReplyKind.proposal,
            "facts 1: the part: input should",
        ),
    ],
)
async def test_an_author_of_which_too_little_is_kept_is_asked_once_more_with_the_reasons(
    brain: Brain, author: Author, reply: str, kind: ReplyKind, reason: str
) -> None:
    done = await written(brain, author, reply, GOOD)
    assert done.kept.scenario is not None
    assert done.replies == (kind, ReplyKind.proposal)
    *_, said, again = brain.seen[1]["messages"]
    assert said == {"role": "assistant", "content": reply}
    assert reason in again["content"]


async def test_an_author_is_asked_twice_at_most(brain: Brain, author: Author) -> None:
    done = await written(brain, author, "No.")
    assert (done.kept.scenario, done.replies) == (None, (ReplyKind.no_json,) * 2)
    assert len(brain.seen) == 2


async def test_invented_quotations_are_dropped_and_counted_by_reason(brain: Brain, author: Author) -> None:
    invented = with_fact(1, quotation="Claims are heard for sixty days after the damage.")
    done = await written(brain, author, json.dumps(invented))
    assert done.kept.scenario is not None
    assert "the document does not hold the quotation" in reasons(done)
    assert (done.kept.proposed, done.kept.facts) == (4, 3)


async def test_one_fact_ten_times_is_one_fact(brain: Brain, author: Author) -> None:
    proposal = deepcopy(WARRANTY_PROPOSAL)
    proposal["facts"] = [proposal["facts"][1]] * 10
    done = await written(brain, author, json.dumps(proposal))
    assert (done.kept.proposed, done.kept.facts) == (10, 1)
    assert reasons(done).count("the label says the same as") == 9


async def test_a_reply_that_was_cut_off_is_asked_for_again(brain: Brain, author: Author) -> None:
    done = await written(brain, author, completion(GOOD[:700], "length"), GOOD)
    assert done.replies == (ReplyKind.cut, ReplyKind.proposal)
    assert done.kept.scenario is not None
    assert "give fewer facts" in brain.seen[1]["messages"][-1]["content"]


@pytest.mark.parametrize(
    "reply", [completion(""), completion(None, refusal="I would rather not."), completion("x", "content_filter")]
)
async def test_a_reply_that_is_none_is_counted_and_not_asked_for_again(
    brain: Brain, author: Author, reply: Any
) -> None:
    done = await written(brain, author, reply)
    assert (done.kept.scenario, done.replies) == (None, (ReplyKind.none,))
    assert "the author gave no reply" in reasons(done)
    assert len(brain.seen) == 1


@pytest.mark.parametrize("status", [400, 401, 403])
async def test_an_endpoint_that_gives_no_reply_is_a_failure_and_says_nothing_of_the_document(
    brain: Brain, author: Author, status: int
) -> None:
    with pytest.raises(AuthorFailed):
        await written(brain, author, refusal(status, "not today"))


async def test_the_request_carries_the_form_of_a_proposal_as_a_schema(brain: Brain, author: Author) -> None:
    await written(brain, author, GOOD)
    form = brain.seen[0]["response_format"]
    assert (form["type"], form["json_schema"]["schema"]) == ("json_schema", SCHEMA)


async def test_a_server_that_refuses_the_schema_is_asked_without(brain: Brain, author: Author) -> None:
    async def without_schemas(body: dict[str, Any]) -> Any:
        return refusal(400, "response_format is not supported") if "response_format" in body else completion(GOOD)

    brain.reactions = [without_schemas]
    for _ in range(3):
        assert (await author.write(stretch_of(), "warranty-1")).kept.scenario is not None
    assert ["response_format" in body for body in brain.seen] == [True, False, False, False]


def test_the_schema_has_the_fields_of_a_proposal_and_takes_what_the_prompt_shows() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert set(SCHEMA["properties"]) == set(Proposal.model_fields)
    validator = Draft202012Validator(SCHEMA)
    read, _ = read_proposal(WARRANTY_PROPOSAL)
    assert read is not None
    assert list(validator.iter_errors(json.loads(read.model_dump_json()))) == []
    assert list(validator.iter_errors({"facts": "none"})) != []


def objects(schema: Any) -> Iterator[dict[str, Any]]:
    if isinstance(schema, dict):
        if schema.get("type") == "object":
            yield schema
        for part in schema.values():
            yield from objects(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from objects(part)


def test_strict_servers_take_the_schema() -> None:
    found = list(objects(SCHEMA))
    assert len(found) == 6
    for part in found:
        assert part["required"] == list(part["properties"])
        assert part["additionalProperties"] is False
    assert not any(word in json.dumps(SCHEMA) for word in ("maxLength", "default", "description", "title"))


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("", {"temperature": 0.0, "max_tokens": 4096}),
        ("#max_tokens=900", {"temperature": 0.0, "max_tokens": 900}),
        ("#temperature=0.3,timeout=20", {"temperature": 0.3, "max_tokens": 4096}),
        ("#temperature=none", {"temperature": None, "max_tokens": 4096}),
    ],
)
def test_an_author_reads_at_temperature_0_and_may_write_long_unless_its_spec_says_otherwise(
    spec: str, expected: dict[str, Any]
) -> None:
    model: Any = open_author(f"openai:author@http://127.0.0.1:9/v1{spec}")
    assert {name: model.sampling[name] for name in expected} == expected


def test_a_worker_without_a_model_is_no_author() -> None:
    with pytest.raises(BadArgument, match="'scripted' cannot be an author: a scripted Worker has no model"):
        open_author("scripted")


async def test_what_is_on_record_is_not_asked_again(brain: Brain, tmp_path: Any) -> None:
    brain.reactions = [completion("No."), completion(GOOD)]
    kept = []
    for _ in range(2):
        live = open_author(f"openai:author@{brain.url}")
        author = Author(BankWorker(Bank(tmp_path / "record"), live))
        kept.append(await author.write(stretch_of(), "warranty-1"))
        await author.aclose()
    assert kept[0] == kept[1]
    assert len(brain.seen) == 2
