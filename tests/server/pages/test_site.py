"""The pages over real HTTP: who comes in, what a form may do, what a page shows, and what it never shows."""

import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from html import escape, unescape
from typing import Any

import pytest

from forge_arena.episodes import Arena
from forge_arena.errors import Unfit, WorkerFailed
from forge_arena.rewards import oracle_verdict
from forge_arena.types import Episode, Form, Split, Verdict
from forge_arena.verify import Verifier
from forge_arena.wire import OpenEpisodes
from forge_server.access import NOBODY
from forge_server.sessions import PageSession

from .browsing import Page, Person

PLAYER, TRAINER = "a token to play", "a token to train"
TOKENS = (f"player:{PLAYER}", f"trainer:{TRAINER}", "admin:a token for all")
HOSTILE = (
    "<script>alert(1)</script> \"quoted\" 'single' </textarea></label><img src=x onerror=alert(2)> &amp; {{ 7 * 7 }} "
    "[link](javascript:alert(3)) `code` **bold** --> ]]> \u202eright to left"
)


@asynccontextmanager
async def person_at(server: Any) -> AsyncIterator[Person]:
    person = Person(server)
    try:
        yield person
    finally:
        await person.close()


@pytest.fixture
async def person(server: Any) -> AsyncIterator[Person]:
    async with person_at(server) as somebody:
        yield somebody


async def truth_of(server: Any, path: str) -> Episode:
    cached = await server.service.episodes.cache.get(path.rpartition("/")[2])
    episode: Episode = cached.episode
    return episode


async def open_key(person: Person, key: str) -> str:
    """The path of an episode by its key, which the pages do not offer."""
    await person.get("/play")
    opened = await person.server.service.episodes.openings.open(
        OpenEpisodes(keys=(key,)), NOBODY, player=person.session().player
    )
    return f"/play/{opened.episodes[0].episode_id}"


def fields_of(verdict: Verdict) -> dict[str, str]:
    return {
        "detection": "corrupted" if verdict.detection else "right",
        "confidence": str(round(100 * verdict.confidence)),
        "explanation": verdict.explanation,
        "correction": verdict.correction,
    }


# --- who comes in ---


async def test_the_start_page_says_what_this_arena_is_and_needs_no_token(serve: Any) -> None:
    async with serve(tokens=TOKENS) as server, person_at(server) as somebody:
        answer = await somebody.http.get("/")
        assert "forge:5" in answer.text
        assert "scripted" in answer.text
        assert "in stock" not in answer.text.lower()
        await somebody.log_in(PLAYER)
        assert "in stock" in (await somebody.http.get("/")).text.lower()


async def test_a_login_leads_to_the_page_that_was_asked_for_and_nowhere_else(serve: Any) -> None:
    async with serve(tokens=TOKENS) as server, person_at(server) as somebody:
        form = (await somebody.http.get("/episodes")).text
        assert '<input type="hidden" name="to" value="/episodes">' in form
        for to, page in (
            ("/episodes", "/episodes"),
            ("//example.org", "/play"),
            ("https://example.org/", "/play"),
            ("/login", "/play"),
            ("/episodes\r\nx: y", "/play"),
            ("", "/play"),
        ):
            data = {"token": PLAYER, "to": to}
            answer = await somebody.http.post("/login", data=data, follow_redirects=False)
            assert (answer.status_code, answer.headers["location"]) == (303, page)


async def test_without_a_token_a_page_leads_to_the_login_and_a_wrong_token_does_not_open_it(serve: Any) -> None:
    async with serve(tokens=TOKENS) as server, person_at(server) as somebody:
        for path, login in (("/play", "/login"), ("/play/some-id", "/login?to=/play/some-id")):
            answer = await somebody.http.get(path, follow_redirects=False)
            assert (answer.status_code, answer.headers["location"]) == (303, login)
        for wrong in ("", "nobody's token", "player:" + PLAYER, "\u2028 \x00"):
            answer = await somebody.post("/login", token=wrong)
            assert answer.status_code == 401
            assert "does not open this arena" in answer.text
            assert not somebody.http.cookies
            assert not wrong.strip("\x00\u2028 ") or wrong not in answer.text
        await somebody.log_in(PLAYER)
        assert "Play the overseer" in (await somebody.http.get("/play")).text


async def test_the_cookie_is_not_the_token_and_no_script_or_other_site_gets_it(serve: Any) -> None:
    async with serve(tokens=TOKENS, root_path="/of/mine") as server, person_at(server) as somebody:
        answer = await somebody.http.post("/of/mine/login", data={"token": PLAYER}, follow_redirects=False)
        cookie = answer.headers["set-cookie"]
        assert answer.headers["location"] == "/of/mine/play"
        assert {"HttpOnly", "SameSite=strict", "Path=/of/mine"} <= set(cookie.split("; "))
        assert PLAYER not in cookie
        assert TOKENS[0] not in cookie


async def test_a_cookie_opens_no_api_and_a_header_opens_no_page(serve: Any) -> None:
    async with serve(tokens=TOKENS) as server, person_at(server) as somebody:
        await somebody.log_in(TRAINER)
        for method, path in (("GET", "/v1/stats"), ("POST", "/v1/episodes"), ("DELETE", "/v1/curriculum")):
            answer = await somebody.http.request(method, path)
            assert (answer.status_code, answer.json()["error"]["code"]) == (401, "unauthorized")
        header = {"authorization": f"Bearer {TRAINER}"}
        assert (await server.http.get("/play", headers=header)).status_code == 303


async def test_a_session_ends_with_its_time_with_its_token_and_with_the_logout(serve: Any) -> None:
    async with serve(tokens=TOKENS) as server, person_at(server) as somebody:
        await somebody.log_in(PLAYER)
        sessions, session = server.service.sessions, somebody.session()
        cookie = sessions.write(session)
        over = sessions.write(PageSession(session.owner, session.player, 1))
        forged = [over, cookie[:-1] + ("0" if cookie[-1] != "0" else "1"), "a.b.99999999999.c", "....", "\u00e9"]
        admin = cookie.replace(session.owner, "0" * 32)
        for wrong in (*forged, admin, ""):
            header = {"cookie": f"other=1; {sessions.cookie}={wrong}".encode()}
            assert (await server.http.get("/play", headers=header)).status_code == 303
        right = {"cookie": f"other=1; {sessions.cookie}={cookie}"}
        assert (await server.http.get("/play", headers=right)).status_code == 200
        answer = await somebody.post("/logout", await somebody.get("/play"))
        assert answer.url.path == "/"
        assert (await somebody.http.get("/play", follow_redirects=False)).status_code == 303
    async with serve(tokens=TOKENS[1:]) as restarted:
        assert restarted.service.sessions.read(cookie) == session
        assert (await restarted.http.get("/play", headers=right)).status_code == 303
    async with serve(tokens=TOKENS) as restarted:
        assert (await restarted.http.get("/play", headers=right)).status_code == 200


async def test_the_session_of_a_server_without_tokens_opens_none_with_tokens(serve: Any) -> None:
    async with serve() as server, person_at(server) as somebody:
        await somebody.get("/play")
        header = {"cookie": f"{server.service.sessions.cookie}={server.service.sessions.write(somebody.session())}"}
    async with serve(tokens=TOKENS) as server:
        assert (await server.http.get("/play", headers=header)).status_code == 303


async def test_the_rate_of_a_token_holds_on_the_pages_too(serve: Any) -> None:
    async with serve(tokens=TOKENS, rate=0.5) as server, person_at(server) as somebody:
        await somebody.log_in(PLAYER)
        answers = [await somebody.http.get("/play") for _ in range(8)]
        assert (answers[0].status_code, answers[-1].status_code) == (200, 429)
        assert "Try again in" in answers[-1].text
        assert answers[-1].headers["retry-after"]


# --- what a form may do ---


async def test_a_hidden_source_is_looked_up_and_shown_whole_after_the_verdict(serve: Any) -> None:
    async with serve(view="answer_only") as server, person_at(server) as somebody:
        path, page = await somebody.open(split="val")
        full = await server.open(keys=[(await server.state(path.rpartition("/")[2]))["key"]], view="full")
        seen = full[0]["observation"]
        lines = [line for line in seen["source_material"].splitlines() if len(line) > 60]
        assert lines
        assert not [line for line in lines if line in unescape(page.html)]
        nothing = await somebody.post(f"{path}/lookup", page, lookup="xyzzy")
        assert "No passage has any of these words" in nothing.text
        found = Page((await somebody.post(f"{path}/lookup", page, lookup="1", explanation="Mine")).text)
        assert "[1 of " in found.html
        assert found.by_id("explanation").text.strip() == "Mine"
        over = await somebody.post(path, page, detection="right", confidence="80")
        # Without the marks, which stand within lines.
        plain = unescape(re.sub(r"<[^>]+>", "", over.text))
        assert all(line in plain for line in lines)
        assert "[1 of " in over.text


async def test_a_form_of_another_page_or_session_or_site_changes_nothing(person: Person, server: Any) -> None:
    path, page = await person.open()
    async with person_at(server) as other:
        foreign = await other.get("/play")
        verdict = {"detection": "right", "confidence": "80"}
        for target, fields in (
            ("/play", {}),
            (path, verdict),
            (f"{path}/probe", {"question": "Why?"}),
            (f"{path}/lookup", {"lookup": "1"}),
            ("/logout", {}),
        ):
            for token in ({}, {"form_token": ""}, {"form_token": foreign.token}, {"form_token": "\u00e9"}):
                answer = await person.http.post(target, data={"more": "1", **fields, **token})
                assert answer.status_code == 403, target
                assert "not from a page of your session" in answer.text
            for origin in ("https://evil.example", "null"):
                headers = {"origin": origin}
                sent = {**fields, "form_token": page.token}
                assert (await person.http.post(target, data=sent, headers=headers)).status_code == 403
    state = await server.state(path.rpartition("/")[2])
    assert (state["results"], state["observation"]["probes"]) == ([], [])
    assert (await person.http.get(path)).text == (await person.http.get(path)).text


async def test_an_episode_of_one_person_is_nobody_elses(person: Person, server: Any) -> None:
    path, _ = await person.open()
    async with person_at(server) as other:
        page = await other.get("/play")
        assert (await other.http.get(path)).status_code == 404
        answer = await other.post(path, page, detection="right")
        assert (answer.status_code, "You have no such episode" in answer.text) == (404, True)
        assert (await other.post(f"{path}/probe", page, question="Why?")).status_code == 404
    assert (await server.state(path.rpartition("/")[2]))["results"] == []


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"detection": "maybe"}, "must be corrupted or right"),
        ({"detection": "right", "confidence": "49"}, "a number from 50 to 100"),
        ({"detection": "right", "confidence": "1e2"}, "a number from 50 to 100"),
        ({"detection": "corrupted", "corruption": "<b>"}, "must be a type of corruption"),
        ({"detection": "corrupted", "answer": "first"}, "must be the number of a piece"),
        ({"detection": ["right", "corrupted"]}, "sent 2 times"),
    ],
)
async def test_a_form_that_no_page_sends_is_refused_with_a_reason(
    person: Person, server: Any, fields: dict[str, Any], says: str
) -> None:
    path, page = await person.open()
    answer = await person.post(path, page, **fields)
    assert (answer.status_code, says in answer.text) == (422, True)
    assert (await server.state(path.rpartition("/")[2]))["results"] == []


async def test_a_body_that_is_no_form_is_refused(person: Person) -> None:
    path, _ = await person.open()
    for content, kind in (("{}", "application/json"), (b"detection=\xff", "application/x-www-form-urlencoded")):
        answer = await person.http.post(path, content=content, headers={"content-type": kind})
        assert answer.status_code == 422
    many = "&".join(f"answer={n}" for n in range(20_000))
    kind = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}
    assert (await person.http.post(path, content=many, headers=kind)).status_code == 422


async def test_a_verdict_without_a_detection_comes_back_with_all_that_was_filled_in(person: Person) -> None:
    path, page = await person.open()
    answer = await person.post(
        path, page, confidence="63", corruption="bias_injection", explanation="My words", correction="Mine", answer="2"
    )
    assert answer.status_code == 422
    again = Page(answer.text)
    assert "Say first whether" in again.html
    assert again.by_id("explanation").text.strip() == "My words"
    assert again.by_id("correction").text.strip() == "Mine"
    assert again.by_id("confidence").attributes["value"] == "63"
    ticked = [e.attributes for e in again.all("input") if "checked" in e.attributes and "name" in e.attributes]
    assert [(box["name"], box["value"]) for box in ticked] == [("answer", "2"), ("corruption", "bias_injection")]


# --- playing ---


async def test_what_a_person_earns_is_what_the_api_scores(person: Person, server: Any) -> None:
    for _ in range(4):
        path, page = await person.open(split="val")
        episode = await truth_of(server, path)
        best = oracle_verdict(episode.observation, episode.truth)
        answer = await person.post(path, page, **fields_of(best))
        assert answer.status_code == 200
        state = await server.state(path.rpartition("/")[2])
        shown = float(Page(answer.text).by_id("reward").attributes["data-reward"])
        assert shown == state["results"][0]["reward"]
        (opened,) = await server.open(keys=[state["key"]])
        result = (
            await server.send_verdicts(
                {"episode_id": opened["episode_id"], "verdict": best.model_dump(exclude_none=True)}
            )
        ).json()
        assert result["results"][0]["reward"] == pytest.approx(shown)
        assert shown > (0.99 if episode.truth.corrupted else 0.57)


async def test_marks_and_a_type_make_the_explanation_of_a_person_without_scripts(person: Person, server: Any) -> None:
    path, page = await person.open()
    boxes = [e for e in page.all("label") if "piece" in e.attributes.get("class", "")]
    assert boxes
    answer = await person.post(
        path, page, detection="corrupted", confidence="70", corruption="temporal_shift", answer="1", explanation=" "
    )
    state = await server.state(path.rpartition("/")[2])
    assert state["results"][0]["outcome"] == "scored"
    explanation = next(e for e in Page(answer.text).all("details") if "Explanation" in e.text).text
    assert 'temporal_shift: the answer says "' in explanation


async def test_a_repair_with_the_line_ends_of_a_browser_is_the_repair(person: Person, server: Any) -> None:
    path = await open_key(person, server.arena.key(Split.val, 3, Form.corrupted))
    page = await person.get(path)
    episode = await truth_of(server, path)
    fields = fields_of(oracle_verdict(episode.observation, episode.truth))
    assert "\n" in fields["correction"]
    answer = await person.post(path, page, **{**fields, "correction": fields["correction"].replace("\n", "\r\n")})
    assert float(Page(answer.text).by_id("reward").attributes["data-reward"]) == pytest.approx(1.0)


async def test_the_repair_editor_starts_from_the_answer_and_sent_back_unchanged_it_is_no_repair(
    person: Person, server: Any
) -> None:
    path = await open_key(person, server.arena.key(Split.val, 3, Form.corrupted))
    page = await person.get(path)
    episode = await truth_of(server, path)
    # The first line end after the tag belongs to the tag.
    assert page.by_id("correction").text.removeprefix("\n") == episode.observation.worker_output
    answer = await person.post(path, page, detection="corrupted", correction=page.by_id("correction").text)
    assert "There is no repair." in answer.text
    # Nothing is stored either: the explanation is empty, so there is nothing to unfold.
    assert "What the verdict says" not in answer.text


async def test_calling_an_answer_right_leaves_out_what_was_filled_in_for_a_corrupted_one(
    person: Person, server: Any
) -> None:
    path = await open_key(person, server.arena.key(Split.val, 3, Form.clean))
    answer = await person.post(
        path, await person.get(path), detection="right", confidence="100", corruption="bias_injection",
        explanation="bias_injection: no", correction="other", answer="1",
    )  # fmt: skip
    state = await server.state(path.rpartition("/")[2])
    assert state["results"][0]["components"] == {
        "detection": 1.0, "explanation": 0.25, "correction": 0.25, "calibration": 1.0,
    }  # fmt: skip
    assert "nothing to repair" in answer.text


async def test_a_probe_shows_its_answer_and_keeps_what_was_filled_in(person: Person, server: Any) -> None:
    path, page = await person.open()
    empty = await person.post(f"{path}/probe", page, question=" ", explanation="Mine")
    assert (empty.status_code, "Write a question" in empty.text) == (200, True)
    answer = await person.post(f"{path}/probe", page, question="What is <b>due</b>?", explanation="Mine", answer="1")
    asked = Page(answer.text)
    assert asked.by_id("explanation").text.strip() == "Mine"
    (probe,) = (await server.state(path.rpartition("/")[2]))["observation"]["probes"]
    assert probe["question"] == "What is <b>due</b>?"
    assert escape(probe["question"]) in asked.html
    assert probe["answer"] in asked.all("blockquote")[0].text
    assert not [e for e in asked.elements if e.attributes.get("id") == "question"]
    more = await person.post(f"{path}/probe", page, question="And now?")
    assert "All 1 probes of this episode are used" in more.text


async def test_a_verdict_is_final_and_the_same_form_again_shows_the_same_result(person: Person, server: Any) -> None:
    path, page = await person.open()
    first = await person.post(path, page, detection="right", confidence="80")
    again = await person.post(path, page, detection="right", confidence="80")
    assert (again.status_code, again.text) == (200, first.text)
    other = await person.post(path, page, detection="corrupted", confidence="80")
    assert (other.status_code, "a verdict is final" in other.text) == (409, True)


async def test_a_split_is_played_in_order_at_a_place_of_ones_own(person: Person, server: Any) -> None:
    async with person_at(server) as other:
        for index in range(3):
            for somebody in (person, other):
                path, _ = await somebody.open(split="val")
                assert (await server.state(path.rpartition("/")[2]))["key"] == f"forge:5:val:{index}"
    (shared,) = await server.open(split="val")
    assert shared["key"] == "forge:5:val:0"


async def test_a_key_that_makes_no_episode_is_passed_over(
    person: Person, server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    make = server.arena.make_with_verifier

    async def unfit(key: str) -> Any:
        if key in ("forge:5:val:0", "forge:5:val:1"):
            raise Unfit("no harmless edit fits") if key.endswith("0") else WorkerFailed("the engine answered 500")
        return await make(key)

    monkeypatch.setattr(server.arena, "make_with_verifier", unfit)
    for index in (2, 3):
        path, _ = await person.open(split="val")
        assert (await server.state(path.rpartition("/")[2]))["key"] == f"forge:5:val:{index}"


async def test_a_worker_that_fails_is_said_to_fail(person: Person, server: Any) -> None:
    server.worker.mood = "fails"
    answer = await person.post("/play", await person.get("/play"), split="val")
    assert (answer.status_code, "the engine answered 500" in answer.text) == (503, True)
    assert answer.headers["retry-after"]


async def test_a_domain_can_be_chosen(person: Person, server: Any) -> None:
    path, page = await person.open(split="train", domain="legal_summarisation")
    assert (await server.state(path.rpartition("/")[2]))["observation"]["domain"] == "legal_summarisation"
    assert "legal summarisation" in page.html
    page = await person.get("/play")
    for wrong in ({"split": "all"}, {"domain": "cooking"}):
        assert (await person.post("/play", page, **wrong)).status_code == 422


async def test_the_tally_is_what_the_person_has_earned_so_far_and_outlives_the_server(serve: Any) -> None:
    earned, squares, right = [], [], 0
    async with serve() as server, person_at(server) as somebody:
        assert "Your tally" not in (await somebody.get("/play")).html
        for confidence in (60, 90, 100):
            path, page = await somebody.open()
            answer = await somebody.post(path, page, detection="right", confidence=str(confidence))
            (result,) = (await server.state(path.rpartition("/")[2]))["results"]
            earned.append(result["reward"])
            corrupted = (await truth_of(server, path)).truth.corrupted
            right += not corrupted
            squares.append((1 - confidence / 100 - corrupted) ** 2)
        path, page = await somebody.open(split="test")
        await somebody.post(path, page, detection="right", confidence="80")
        await somebody.open(split="test")
        cookies = somebody.http.cookies
    async with serve() as server, person_at(server) as somebody:
        somebody.http.cookies = cookies
        page = await somebody.get("/play")
        cells = [[c.text for c in _cells(row)] for row in re.findall(r"<tr>.*?</tr>", page.html, re.DOTALL)]
        mean = f"{sum(earned) / 3:.3f}"
        assert ["train", "3", mean, f"{right / 3:.0%}", f"{sum(squares) / 3:.3f}", "0", "0"] in cells
        assert ["test", "1", "\u2013", "\u2013", "\u2013", "1", "0"] in cells
        assert ["all", "4", mean, f"{right / 3:.0%}", f"{sum(squares) / 3:.3f}", "1", "0"] in cells
        assert answer.status_code == 200


def _cells(row: str) -> list[Any]:
    return [element for element in Page(row).elements if element.name in ("td", "th")]


async def test_with_tokens_the_tally_is_the_tokens(serve: Any) -> None:
    async with serve(tokens=TOKENS) as server:
        for token, tally in ((PLAYER, False), (PLAYER, True), (TRAINER, False)):
            async with person_at(server) as somebody:
                await somebody.log_in(token)
                assert ("Your tally" in (await somebody.get("/play")).html) is tally
                path, page = await somebody.open()
                await somebody.post(path, page, detection="right", confidence="80")


async def test_an_expired_episode_says_so(serve: Any) -> None:
    async with serve(episode_ttl=0.2) as server, person_at(server) as somebody:
        path, page = await somebody.open(split="val")
        import asyncio

        await asyncio.sleep(0.3)
        assert (await somebody.http.get(path)).status_code == 410
        answer = await somebody.post(path, page, detection="right")
        assert (answer.status_code, "expired" in answer.text) == (410, True)


async def test_before_the_server_is_ready_the_pages_say_what_is_awaited(serve: Any, moody: Any) -> None:
    worker = moody()
    worker.started.clear()
    async with serve(worker=worker, wait=False) as server, person_at(server) as somebody:
        answer = await somebody.http.get("/play")
        assert (answer.status_code, "the Worker scripted is starting" in answer.text) == (503, True)
        assert "Not ready yet" in (await somebody.get("/")).html


# --- what a page never shows ---


@pytest.mark.parametrize("split", [Split.train, Split.val])
async def test_before_the_verdict_the_pages_of_twins_differ_in_their_texts_only(
    person: Person, server: Any, split: Split
) -> None:
    compared = 0
    for index in range(8):
        pages = {}
        for form in Form:
            path = await open_key(person, server.arena.key(split, index, form))
            episode = await truth_of(server, path)
            seen, truth = episode.observation, episode.truth
            html = (await person.http.get(path)).text
            named = html.replace(episode.key, "")
            for secret in (
                truth.family,
                "clean_output",
                "output_spans",
                "source_spans",
                "placebo",
                "stealth",
                "rewrite",
            ):
                assert secret not in named
            if truth.clean_output != seen.worker_output:
                assert escape(truth.clean_output) not in html
                assert truth.clean_output not in html
            pages[form] = _without_texts(html, path, episode.key)
        assert pages[Form.clean] == pages[Form.corrupted] == pages[Form.placebo]
        compared += 1
    assert compared == 8


def _without_texts(html: str, path: str, key: str) -> str:
    """The page without the texts of the answer, the names of the episode and the session's token."""
    for pattern in (r'<div class="text[^>]*>.*?</div>', r"<textarea[^>]*>.*?</textarea>"):
        html = re.sub(pattern, "", html, flags=re.DOTALL)
    return html.replace(path, "").replace(key, "").replace(key.rpartition(":")[0], "")


async def test_after_the_verdict_the_truth_is_shown(person: Person, server: Any) -> None:
    path = await open_key(person, server.arena.key(Split.val, 3, Form.corrupted))
    answer = await person.post(path, await person.get(path), detection="corrupted", confidence="80")
    truth = (await truth_of(server, path)).truth
    page = Page(answer.text)
    assert "corrupted" in page.all("h1")[0].text
    marks = [mark.text for mark in page.all("mark")]
    seen = (await truth_of(server, path)).observation
    for spans, text in ((truth.output_spans, seen.worker_output), (truth.source_spans, seen.source_material)):
        for span in spans:
            assert (span.of(text) or "something is missing here") in marks
    assert page.all("del") or page.all("ins")
    assert "0.80" in page.html


async def test_the_sealed_split_shows_neither_truth_nor_reward(person: Person, server: Any) -> None:
    pages = set()
    labels = set()
    for _ in range(8):
        path, page = await person.open(split="test")
        answer = await person.post(path, page, detection="corrupted", confidence="80", answer="1")
        episode = await truth_of(server, path)
        html = answer.text
        assert "sealed" in html
        assert not [e for e in Page(html).elements if e.name in ("mark", "del", "ins") or "data-reward" in e.attributes]
        for secret in (episode.truth.family, "the truth is", "Reward</span>"):
            assert secret not in html
        html = _without_texts(html, path, episode.key)
        html = html.replace(f"{episode.observation.domain.value.replace('_', ' ')}", "")
        pages.add(re.sub(r"<h2>Your tally</h2>.*", "", html, flags=re.DOTALL))
        labels.add(episode.truth.form)
    assert len(pages) == 1
    assert len(labels) > 1


async def test_a_split_that_is_not_sealed_shows_its_truth(serve: Any) -> None:
    async with serve(sealed=False) as server, person_at(server) as somebody:
        path, page = await somebody.open(split="test")
        answer = await somebody.post(path, page, detection="corrupted", confidence="80")
        assert "data-reward" in answer.text
        assert "The answer was" in answer.text


# --- texts are only text ---


@pytest.fixture
def hostile_worker(monkeypatch: pytest.MonkeyPatch) -> str:
    """Every episode has the hostile text in all that a Worker or a document can write."""
    make: Callable[..., Any] = Arena.make_with_verifier

    async def hostile(arena: Arena, key: str) -> tuple[Episode, Verifier]:
        episode, verifier = await make(arena, key)
        texts = {
            name: f"{getattr(episode.observation, name)}\n{HOSTILE}"
            for name in ("task", "source_material", "worker_reasoning", "worker_output")
        }
        truth = episode.truth.model_copy(update={"clean_output": f"{episode.truth.clean_output} {HOSTILE} twin"})
        seen = episode.observation.model_copy(update=texts)
        return episode.model_copy(update={"observation": seen, "truth": truth, "worker": HOSTILE}), verifier

    monkeypatch.setattr(Arena, "make_with_verifier", hostile)
    monkeypatch.setattr(Arena, "answers_by", HOSTILE)
    return HOSTILE


def assert_harmless(html: str, times: int) -> None:
    page = Page(html)
    assert [s.attributes.get("src", "inline") for s in page.all("script")] == ["/static/page.js"]
    assert not page.all("img")
    assert not [e for e in page.elements for name in e.attributes if name.startswith("on") or name == "style"]
    links = [e.attributes.get("href", "/") for e in page.elements]
    assert all(re.match(r"[/#]", link) for link in links), links
    assert "49" not in re.findall(r"&amp; (\S+)", html)
    shown = page.all("html")[0].text
    # Hidden characters are shown by their numbers.
    assert shown.count(HOSTILE.split("\u202e")[0].strip()) >= times
    assert "[U+202E]right to left" in shown


async def test_what_a_worker_a_document_or_a_person_writes_is_only_text(hostile_worker: str, serve: Any) -> None:
    async with serve() as server, person_at(server) as somebody:
        assert_harmless((await somebody.get("/")).html, 1)
        path, page = await somebody.open()
        assert_harmless(page.html, 3)
        answer = await somebody.post(f"{path}/probe", page, question=HOSTILE, explanation=HOSTILE, correction=HOSTILE)
        assert_harmless(answer.text, 5)
        again = Page(answer.text)
        assert again.by_id("explanation").text.removeprefix("\n") == HOSTILE
        answer = await somebody.post(path, page, detection="corrupted", explanation=HOSTILE, correction=HOSTILE)
        assert answer.status_code == 200
        assert_harmless(answer.text, 6)


async def test_nothing_may_run_or_come_from_elsewhere_on_any_page(person: Person) -> None:
    path, page = await person.open()
    await person.post(path, page, detection="right")
    for page_path in ("/", "/login", "/play", path, "/play/nothing"):
        answer = await person.http.get(page_path)
        policy = dict(part.split(" ", 1) for part in answer.headers["content-security-policy"].split("; "))
        assert policy["default-src"] == "'none'"
        assert (policy["script-src"], policy["style-src"]) == ("'self'", "'self'")
        assert (policy["form-action"], policy["base-uri"], policy["frame-ancestors"]) == ("'self'", "'none'", "'none'")
        # With no-referrer a browser would send `Origin: null` with our own forms.
        assert answer.headers["referrer-policy"] == "same-origin"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert_no_outside(answer.text)
    for name, kind in (("page.css", "text/css"), ("page.js", "text/javascript"), ("icon.svg", "image/svg+xml")):
        answer = await person.http.get(f"/static/{name}")
        assert (answer.status_code, answer.headers["content-type"].startswith(kind)) == (200, True)
        assert not re.search(r"https?://(?!www\.w3\.org/)|@import|url\(", answer.text)
    for name in ("nothing.css", "..%2Fsite.py", "%2e%2e/site.py", ".hidden"):
        assert (await person.http.get(f"/static/{name}")).status_code == 404


def assert_no_outside(html: str) -> None:
    assert not re.search(r"(?:src|href|action)=\"(?!/|#)", html)
    assert "http://" not in html
    assert "https://" not in html


async def test_under_a_path_every_link_and_form_is_below_it(serve: Any) -> None:
    async with serve(root_path="/of/mine") as server, person_at(server) as somebody:
        for path in ("/of/mine/", "/of/mine/play"):
            answer = await somebody.http.get(path)
            links = re.findall(r"(?:src|href|action)=\"([^\"#]*)", answer.text)
            assert links
            assert all(link.startswith("/of/mine/") for link in links if link), links
        assert 'aria-current="page"' in answer.text
        assert (await somebody.http.get("/of/mine/static/page.css")).status_code == 200


async def test_the_pages_are_no_part_of_the_api(server: Any) -> None:
    document = (await server.http.get("/openapi.json")).json()
    assert not [path for path in document["paths"] if path.startswith(("/play", "/login", "/static"))]


# --- browsing ---


async def give_verdicts(server: Any, headers: dict[str, str], **ask: Any) -> list[dict[str, Any]]:
    """Open episodes over the API and give a verdict on each."""
    opened = (await server.http.post("/v1/episodes", json=ask, headers=headers)).json()["episodes"]
    verdict = {"detection": True, "explanation": "", "correction": "", "confidence": 0.7}
    batch = {"verdicts": [{"episode_id": one["episode_id"], "verdict": verdict} for one in opened]}
    assert (await server.http.post("/v1/verdicts", json=batch, headers=headers)).status_code == 200
    return list(opened)


def listed(page: Page) -> list[str]:
    return [e.attributes["href"] for e in page.all("a") if re.match(r"/episodes/", e.attributes.get("href", ""))]


async def test_the_list_filters_by_what_episodes_are_and_each_filter_alone_is_right(
    person: Person, server: Any
) -> None:
    opened = await give_verdicts(server, {}, split="val", count=24)
    waiting = await server.open(split="val", count=3)
    facts = {}
    for one in opened:
        episode = await truth_of(server, f"/episodes/{one['episode_id']}")
        kind = episode.truth.corruption_type if episode.truth.corrupted else episode.truth.form.value
        facts[f"/episodes/{one['episode_id']}"] = {
            "split": "val",
            "domain": episode.observation.domain.value,
            "kind": kind,
            "stealth": episode.truth.stealth,
            "worker": episode.worker,
            "outcome": "scored",
        }
    everything = await person.get("/episodes")
    assert set(listed(everything)) == set(facts)
    assert not any(one["episode_id"] in everything.html for one in waiting)
    for name in ("split", "domain", "kind", "stealth", "worker", "outcome"):
        for value in {fact[name] for fact in facts.values() if fact[name] is not None} | {
            "train" if name == "split" else ""
        }:
            page = await person.get(f"/episodes?{name}={value}")
            expected = {path for path, fact in facts.items() if value in ("", str(fact[name]), fact[name])}
            assert set(listed(page)) == expected, (name, value)
    both = await person.get("/episodes?domain=code_review&kind=clean")
    assert set(listed(both)) == {
        path for path, fact in facts.items() if (fact["domain"], fact["kind"]) == ("code_review", "clean")
    }


async def test_a_long_list_goes_on_page_by_page_and_shows_each_episode_once(
    person: Person, server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("forge_server.records.LISTED", 4)
    monkeypatch.setattr("forge_server.records.SCANNED", 9)
    opened = await give_verdicts(server, {}, split="val", count=22)
    for query in ("", "kind=clean"):
        seen: list[str] = []
        path: str | None = f"/episodes?{query}"
        while path:
            page = await person.get(path)
            seen += listed(page)
            older = [e.attributes["href"] for e in page.all("a") if "before=" in e.attributes.get("href", "")]
            path = older[0] if older else None
        assert len(seen) == len(set(seen))
        truths = [(await truth_of(server, f"/episodes/{one['episode_id']}")).truth for one in opened]
        assert len(seen) == (sum(truth.form is Form.clean for truth in truths) if query else 22)


async def test_the_list_and_its_filters_tell_nothing_of_a_sealed_split(person: Person, server: Any) -> None:
    opened = await give_verdicts(server, {}, split="test", count=16)
    page = await person.get("/episodes?split=test")
    rows = re.findall(r"<tr>.*?</tr>", page.html, re.DOTALL)[1:]
    assert len(rows) == 16
    for row in rows:
        texts = [cell.text for cell in _cells(row)]
        assert (texts[2], texts[3], texts[5]) == ("sealed", "\u2013", "\u2013")
    for name, values in (("kind", ("clean", "placebo", "temporal_shift", "bias_injection")), ("stealth", "0123")):
        for value in values:
            for query in (f"{name}={value}", f"{name}={value}&split=test"):
                assert listed(await person.get(f"/episodes?{query}")) == []
    for one in opened[:4]:
        page = await person.get(f"/episodes/{one['episode_id']}")
        assert not [e for e in page.elements if e.name in ("mark", "del", "ins") or "data-reward" in e.attributes]


async def test_a_token_lists_what_it_opened_and_an_admin_lists_everything(serve: Any) -> None:
    async with serve(tokens=TOKENS) as server, person_at(server) as anybody:
        (mine,) = await give_verdicts(server, {"authorization": f"Bearer {TRAINER}"}, count=1)
        path = f"/episodes/{mine['episode_id']}"
        assert (await anybody.http.get("/episodes", follow_redirects=False)).status_code == 303
        for token, sees in ((PLAYER, False), (TRAINER, True), ("a token for all", True)):
            async with person_at(server) as somebody:
                await somebody.log_in(token)
                assert (path in listed(await somebody.get("/episodes"))) is sees
                assert (await somebody.http.get(path)).status_code == (200 if sees else 404)


async def test_what_a_token_opened_over_openenvs_wire_is_its_too(serve: Any) -> None:
    async with serve(tokens=TOKENS) as server, person_at(server) as somebody:
        header = {"authorization": f"Bearer {TRAINER}"}
        began = (await server.http.post("/reset", json={}, headers=header)).json()
        action = {"detection": True, "explanation": "", "correction": "", "confidence": 0.7}
        step = {"episode_id": began["metadata"]["episode_id"], "action": action}
        assert (await server.http.post("/step", json=step, headers=header)).status_code == 200
        await somebody.log_in(TRAINER)
        assert listed(await somebody.get("/episodes")) == [f"/episodes/{step['episode_id']}"]


async def test_an_episode_is_shown_once_all_its_attempts_are_made(person: Person, server: Any) -> None:
    (opened,) = await server.open(split="val", count=1, attempts=2)
    path = f"/episodes/{opened['episode_id']}"
    verdict = {"detection": False, "explanation": "", "correction": "", "confidence": 0.9}
    await server.send_verdicts({"episode_id": opened["episode_id"], "attempt": 0, "verdict": verdict})
    assert (await person.http.get(path)).status_code == 404
    assert path not in listed(await person.get("/episodes"))
    await server.send_verdicts({"episode_id": opened["episode_id"], "attempt": 1, "completion": "<b>no verdict</b>"})
    page = await person.get(path)
    assert path in listed(await person.get("/episodes?outcome=invalid_verdict"))
    assert "invalid verdict" in page.html
    assert page.by_id("reward").attributes["data-reward"]


@pytest.mark.parametrize("query", ["split=all", "stealth=4", "kind=<b>", "outcome=lost", "before=x", "before=1~%00"])
async def test_a_filter_that_does_not_exist_is_refused_and_not_repeated(person: Person, query: str) -> None:
    answer = await person.http.get(f"/episodes?{query}")
    assert answer.status_code == 422
    assert "<b>" not in answer.text


async def test_the_list_shows_hostile_names_as_text(hostile_worker: str, serve: Any) -> None:
    async with serve() as server, person_at(server) as somebody:
        (one,) = await give_verdicts(server, {}, split="val", count=1)
        assert_harmless((await somebody.get("/episodes")).html, 1)
        answer = await somebody.http.get("/episodes", params={"worker": hostile_worker})
        assert listed(Page(answer.text)) == [f"/episodes/{one['episode_id']}"]
        assert_harmless(answer.text, 1)
        assert_harmless((await somebody.get(f"/episodes/{one['episode_id']}")).html, 5)


# --- live, and the leaderboard ---


async def test_live_shows_what_the_server_does_and_nothing_of_a_sealed_split(person: Person, server: Any) -> None:
    page = await person.get("/live")
    assert "No verdict was scored since this process started" in page.html
    await give_verdicts(server, {}, split="test", count=3)
    page = await person.get("/live")
    assert "No verdict was scored since this process started" in page.html
    assert "3 scored" in page.html
    await give_verdicts(server, {}, split="val", count=6)
    page = await person.get("/live")
    stats = (await server.http.get("/v1/stats")).json()
    assert f"{stats['mean_reward']:.3f}" in page.html
    lines = page.all("polyline")
    assert len(lines) == 5
    assert len(lines[0].attributes["points"].split()) == 6
    asked = stats["making"]["answers_asked"]
    assert f"<strong>{asked}</strong> answers" in page.html


async def test_live_needs_a_token_where_the_server_has_tokens(serve: Any) -> None:
    async with serve(tokens=TOKENS) as server, person_at(server) as somebody:
        assert (await somebody.http.get("/live", follow_redirects=False)).status_code == 303
        await somebody.log_in(PLAYER)
        assert "Verdicts a second" in (await somebody.get("/live")).html


async def test_an_empty_leaderboard_says_how_to_get_on_it(person: Person) -> None:
    page = await person.get("/leaderboard")
    assert "Nobody has finished a submission yet" in page.html
    assert "--submit" in page.html
    assert_no_outside(page.html)
