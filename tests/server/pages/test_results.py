"""What a person takes away from the page Play: the choices for the next episode, and a result that can be compared."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from forge_agents.compare import compare_results
from forge_agents.evaluation import evaluate
from forge_agents.result import Result
from forge_arena.types import CorruptionType, Split
from forge_server.errors import InvalidRequest
from forge_server.pages.choices import OPTIONS, Choices
from forge_server.pages.results import persons_result

from ...server_process import running, serving
from .browsing import Page, Person
from .test_site import person_at

RIGHT = {"detection": "right", "confidence": "80"}


@pytest.fixture
async def person(server: Any) -> AsyncIterator[Person]:
    async with person_at(server) as somebody:
        yield somebody


def hidden(page: Page) -> dict[str, str]:
    """What the form of the page sends beside its token."""
    fields = [e.attributes for e in page.all("input") if e.attributes.get("type") == "hidden"]
    return {field["name"]: field["value"] for field in fields if field["name"] != "form_token"}


async def give(person: Person, address: str, page: Page, **verdict: Any) -> Page:
    action = page.by_id("play").attributes["action"]
    answer = await person.post(action, page, **{**RIGHT, **verdict})
    assert answer.status_code == 200, answer.text
    return Page(answer.text)


# --- the choices ---


async def test_the_next_episode_keeps_all_choices(person: Person, server: Any) -> None:
    wanted = {"split": "val", "domain": "code_review", "corruption": "temporal_shift", "stealth": "2"}
    page, seen = await person.get("/play"), []
    for _ in range(3):
        answer = await person.post("/play", page, **wanted)
        assert answer.status_code == 200, answer.text
        assert dict(answer.url.params) == wanted
        plan = server.arena.plan((await server.state(answer.url.path.rpartition("/")[2]))["key"])
        assert (plan.split, plan.stealth, plan.corruption_type) == (Split.val, 2, CorruptionType.temporal_shift)
        seen.append(plan.index)
        after = await give(person, answer.url.path, Page(answer.text))
        assert hidden(after) == wanted
        page = after
    assert seen == sorted(set(seen))
    back = next(e.attributes["href"] for e in page.all("a") if e.text == "Other choices")
    start = await person.get(back)
    selected = {e.text for e in start.all("option") if "selected" in e.attributes}
    assert selected == {"code review", "temporal shift", "2"}
    (split,) = [e for e in start.all("input") if e.attributes.get("name") == "split" and "checked" in e.attributes]
    assert split.attributes["value"] == "val"


async def test_the_choices_outlive_a_probe_and_a_verdict_that_is_refused(person: Person) -> None:
    answer = await person.post("/play", await person.get("/play"), split="val", domain="legal_summarisation")
    page = Page(answer.text)
    (ask,) = [e.attributes for e in page.all("button") if "formaction" in e.attributes]
    asked = Page((await person.post(ask["formaction"], page, question="Why?")).text)
    refused = await person.post(asked.by_id("play").attributes["action"], asked, confidence="80")
    assert refused.status_code == 422
    after = await give(person, answer.url.path, Page(refused.text))
    assert hidden(after) == {"split": "val", "domain": "legal_summarisation"}


async def test_an_episode_that_was_left_waiting_goes_on_with_its_split(person: Person) -> None:
    path, _ = await person.open(split="val")
    after = await give(person, path, await person.get(path))
    assert hidden(after) == {"split": "val"}


@pytest.mark.parametrize("name", OPTIONS)
async def test_a_choice_that_is_none_is_refused_and_not_repeated(person: Person, name: str) -> None:
    page = await person.get("/play")
    for answer in (
        await person.post("/play", page, **{name: "<b>bold"}),
        await person.http.get("/play", params={name: "<b>bold"}),
    ):
        assert answer.status_code == 422
        assert f"{name.capitalize()}: choose from the list" in answer.text
        assert "<b>" not in answer.text
    with pytest.raises(InvalidRequest):
        Choices.of({name: "mixed"})


async def test_choices_that_no_episode_meets_are_refused_in_words(person: Person, server: Any) -> None:
    families = server.arena.families(Split.val)
    drawn = {kind for kinds in families.values() for kind in kinds}
    missing = sorted(set(CorruptionType) - drawn)
    for kind in missing:
        answer = await person.post("/play", await person.get("/play"), split="val", corruption=kind)
        assert "choose another domain, type or level" in answer.text
    assert Choices.of({"stealth": "3"}).query == "?split=train&stealth=3"


# --- the result ---


async def test_a_persons_result_is_an_ordinary_one_and_has_the_rewards_of_the_tally(
    person: Person, server: Any
) -> None:
    rewards = []
    for number in range(4):
        path, page = await person.open(split="val")
        if number == 1:
            asked = {"arguments": {"expression": "1 + 1"}}
            answer = await server.http.post(f"/v1/episodes/{path.rpartition('/')[2]}/tools/calculate", json=asked)
            assert answer.json()["counted"]
        verdict = (
            RIGHT if number % 2 else {"detection": "corrupted", "corruption": "temporal_shift", "confidence": "90"}
        )
        await give(person, path, page, **verdict)
        rewards.append((await server.state(path.rpartition("/")[2]))["results"][0]["reward"])
    left, _ = await person.open(split="val")
    assert (await server.http.delete(f"/v1/episodes/{left.rpartition('/')[2]}")).status_code == 204
    start = await person.get("/play")
    (link,) = [e for e in start.all("a") if "download" in e.attributes]
    assert link.attributes["href"] == "/play/result?split=val"
    # The first result imports scikit-learn, which takes long on a busy machine.
    answer = await person.http.get(link.attributes["href"], timeout=180)
    assert answer.headers["content-disposition"].startswith('attachment; filename="person-')
    result = Result.model_validate_json(answer.text)
    assert [row.key for row in result.rows] == [f"forge:5:val:{n}" for n in range(4)]
    assert [row.reward for row in result.rows] == rewards
    assert [row.tool_uses for row in result.rows] == [0, 1, 0, 0]
    assert result.scorecard.reward.value == pytest.approx(sum(rewards) / 4)
    assert result.suite_hash == (await server.http.get("/v1/stats")).json()["suite_hashes"]["val"]
    assert result.conditions["left_without_a_verdict"] == 1
    assert (result.overseer.split()[0], result.split, result.start, result.worker) == ("person", "val", 0, "scripted")
    assert all(row.seconds is not None and row.seconds >= 0 for row in result.rows)
    assert person.session().player not in answer.text


async def test_results_are_computed_one_at_a_time_however_often_they_are_asked_for(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, page = await person.open(split="val")
    await give(person, path, page)
    at_once: list[int] = []
    now = 0

    def counting(*args: Any, **values: Any) -> Any:
        nonlocal now
        now += 1
        at_once.append(now)
        time.sleep(0.05)
        now -= 1
        return persons_result(*args, **values)

    monkeypatch.setattr("forge_server.pages.playing.persons_result", counting)
    answers = await asyncio.gather(
        *(person.http.get("/play/result?split=val", timeout=180) for _ in range(4)),
    )
    assert [answer.status_code for answer in answers] == [200] * 4
    assert at_once == [1] * 4


async def test_what_is_sealed_or_of_somebody_else_is_in_no_result(person: Person, server: Any) -> None:
    path, page = await person.open(split="test")
    await give(person, path, page)
    refused = await person.http.get("/play/result?split=test")
    assert refused.status_code == 403
    assert "never leaves the server" in refused.text
    for split, status in (("val", 422), ("train", 422), ("all", 422), ("<b>", 422)):
        answer = await person.http.get(f"/play/result?split={split}")
        assert answer.status_code == status
        assert "<b>" not in answer.text
    assert not [e for e in (await person.get("/play")).all("a") if "download" in e.attributes]
    path, page = await person.open(split="val")
    await give(person, path, page)
    async with person_at(server) as other:
        await other.get("/play")
        assert (await other.http.get("/play/result?split=val")).status_code == 422


def test_a_person_is_compared_with_a_model_on_the_episodes_that_both_reviewed(tmp_path: Path) -> None:
    import httpx

    with running(*serving(store=f"sqlite:///{tmp_path}/arena.db", stock=2)) as url:
        model = evaluate("rules", arena=url, split="val", episodes=12)
        with httpx.Client(base_url=url, follow_redirects=True, timeout=180) as http:
            for _ in range(12):
                answer = http.post("/play", data={"form_token": Page(http.get("/play").text).token, "split": "val"})
                page = Page(answer.text)
                http.post(page.by_id("play").attributes["action"], data={"form_token": page.token, **RIGHT})
            path = tmp_path / "person.json"
            path.write_text(http.get("/play/result?split=val").text, encoding="utf-8")
    person = Result.read(path)
    comparison = compare_results(model, person, resamples=50)
    assert comparison.episodes == 12
    assert comparison.second == person.overseer
    assert not [caveat for caveat in comparison.caveats if "different answers" in caveat or "older version" in caveat]
    assert json.loads(path.read_text(encoding="utf-8"))["schema_version"] == 2
