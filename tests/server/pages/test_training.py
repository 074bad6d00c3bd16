"""The page Runs over real HTTP: whose runs stand on it, what is drawn, and what hostile names do."""

from typing import Any

import pytest

from forge_server.pages.charts import COLOURS

from ..test_runs import ADMIN, OTHER, PLAYER, TOKENS, TRAINER, begin, report
from .browsing import Page, Person
from .test_site import HOSTILE, assert_harmless, assert_no_outside, person_at


def charts(page: Page) -> dict[str, str]:
    """What each chart says in words, by its title."""
    words = [e.attributes["aria-label"] for e in page.all("svg") if e.attributes.get("class") == "chart"]
    return {text.partition(", the last values: ")[0]: text.partition(", the last values: ")[2] for text in words}


def offered(page: Page) -> dict[str, bool]:
    """The runs that can be drawn, and whether they are."""
    boxes = [e for e in page.all("input") if e.attributes.get("name") == "run"]
    return {box.attributes["value"]: "checked" in box.attributes for box in boxes}


def lines_of(page: Page, colour: int) -> list[str]:
    groups = [e.attributes.get("class", "") for e in page.all("g")]
    return [name for name in groups if name.startswith(f"line-{colour} ")]


@pytest.fixture
async def person(server: Any) -> Any:
    async with person_at(server) as somebody:
        yield somebody


async def test_without_a_run_the_page_says_how_to_get_one_there(person: Person) -> None:
    page = await person.get("/runs")
    assert "No run is reported under this arena yet" in page.html
    assert "--report" in page.html
    assert "POST /v1/runs" in page.html
    assert not [e for e in page.all("input") if e.attributes.get("id") == "follow"]
    assert_no_outside(page.html)


async def test_the_newest_run_is_drawn_and_several_are_drawn_over_each_other(server: Any, person: Person) -> None:
    first = await begin(server, name="first run", notes="a note on it")
    await report(server, first, *({"step": n, "numbers": {"reward": n / 10, "kl": 0.5}} for n in range(1, 4)))
    held_out = {"kind": "held_out", "step": 2, "numbers": {"reward": 0.125, "auroc": 0.75, "components/detection": 1}}
    await report(server, first, held_out)
    page = await person.get("/runs")
    assert offered(page) == {first["run_id"]: True}
    assert charts(page) == {
        "reward": "reward 0.3, held out 0.125",
        "detection": "held out 1",
        "AUROC": "held out 0.75",
        "KL to the starting policy": "KL to the starting policy 0.5",
    }
    assert "a note on it" in page.html
    second = await begin(server, name="second run")
    assert offered(await person.get("/runs")) == {second["run_id"]: True, first["run_id"]: False}
    assert "No step was reported yet" in (await person.get("/runs")).html
    await report(server, second, {"step": 9, "numbers": {"reward": 0.7, "rewards/detection/mean": 0.25, "mine": 4}})
    page = await person.get(f"/runs?run={first['run_id']}&run={second['run_id']}")
    assert set(offered(page).values()) == {True}
    assert charts(page)["reward"] == "second run 0.7, first run 0.3, first run, held out 0.125"
    assert charts(page)["detection"] == "second run 0.25, first run, held out 1"
    assert charts(page)["mine"] == "second run 4"
    assert lines_of(page, 0)
    assert lines_of(page, 1)


async def test_the_phases_of_a_run_follow_each_other(server: Any, person: Person) -> None:
    run = await begin(server)
    for phase, value in (("phase 3", 0.9), ("phase 1", 0.1)):
        await report(server, run, *({"phase": phase, "step": n, "numbers": {"reward": value}} for n in range(11)))
    page = await person.get("/runs")
    assert charts(page)["reward"] == "reward 0.9"
    assert "phase 1, phase 3" in page.html
    cells = [e.text for e in page.all("td")]
    assert cells[0] == "20"


async def test_at_most_so_many_runs_are_drawn_and_a_run_that_is_none_is_refused(server: Any, person: Person) -> None:
    runs = [await begin(server, name=f"run {n}") for n in range(COLOURS + 2)]
    query = "&".join(f"run={run['run_id']}" for run in runs)
    assert sum(offered(await person.get(f"/runs?{query}")).values()) == COLOURS
    for nothing in ("nothing", "<b>", "%00"):
        answer = await person.http.get(f"/runs?run={nothing}")
        assert answer.status_code == 404
        assert "<b>" not in answer.text


async def test_a_token_sees_the_runs_that_it_reports_and_a_player_those_of_nobody(serve: Any) -> None:
    async with serve(tokens=TOKENS) as server:
        run = await begin(server, TRAINER, name="of the trainer")
        await report(server, run, {"step": 1, "numbers": {"reward": 0.5}}, token=TRAINER)
        for token, sees in ((PLAYER, False), (OTHER, False), (TRAINER, True), (ADMIN, True)):
            async with person_at(server) as somebody:
                assert (await somebody.http.get("/runs", follow_redirects=False)).status_code == 303
                await somebody.log_in(token)
                page = await somebody.get("/runs")
                assert ("of the trainer" in page.html) is sees
                assert (run["run_id"] in page.html) is sees
                answer = await somebody.http.get(f"/runs?run={run['run_id']}")
                assert answer.status_code == (200 if sees else 404)
                assert ("of the trainer" in answer.text) is sees


async def test_hostile_names_and_notes_are_text(server: Any, person: Person) -> None:
    name = HOSTILE[:100]
    runs = [await begin(server, name=name, notes=HOSTILE) for _ in range(2)]
    for run in runs:
        await report(server, run, {"step": 1, "numbers": {"reward": 0.5, "a name of one's own".replace("'", ""): 1}})
    page = await person.get(f"/runs?run={runs[0]['run_id']}&run={runs[1]['run_id']}")
    assert_harmless(page.html, 2)
    assert page.all("html")[0].text.count(name[:80]) >= 8
    assert charts(page)["reward"].count("<script>") == 2
