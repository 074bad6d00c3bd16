"""A train stream that follows a curriculum: over HTTP, after a restart, and on every server of one store."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from forge_arena.episodes import Arena
from forge_arena.types import Split
from forge_arena.wire import MAX_CELLS, Curriculum, CurriculumState
from forge_arena.workers import ScriptedWorker
from forge_server.curriculum import CurriculumWatch
from forge_server.store import Store

from .test_episodes import attempt, full, refused

PATH = "/v1/curriculum"


def cells(arena: Any, kept: int | None) -> dict[str, Any]:
    """Every cell measured: too easy, but those at the stealth that is to be kept."""
    return {
        "cells": [
            {
                "family": family,
                "corruption_type": type,
                "stealth": stealth,
                "episodes": 9,
                "pass_rate": 0.5 if stealth == kept else 0.99,
            }
            for family, types in sorted(arena.families(Split.train).items())
            for type in sorted(types)
            for stealth in range(4)
        ]
    }


async def follow(running: Any, stealth: int) -> CurriculumState:
    response = await running.http.post(PATH, json=cells(running.arena, stealth))
    assert response.status_code == 200, response.text
    return CurriculumState.model_validate_json(response.content)


async def stealths(running: Any, **ask: Any) -> set[int]:
    return {running.arena.plan(one["key"]).stealth for one in await running.open(**{"count": 12, **ask})}


async def test_the_stream_follows_what_was_measured_from_the_next_episode_on(server: Any) -> None:
    await full(server)
    state = await follow(server, stealth=2)
    assert state == CurriculumState(revision=1, low=0.2, high=0.85, measured=240, kept=60, too_easy=180, too_hard=0)
    assert await stealths(server) == {2}
    assert await stealths(server, start=0) == {2}
    assert await stealths(server, form="clean") == {2}
    assert await stealths(server, corruption="temporal_shift") == {2}
    await full(server)
    assert await stealths(server) == {2}


async def test_what_is_in_stock_is_kept_as_far_as_it_is_of_the_curriculum(serve: Any) -> None:
    async with serve(stock=24) as running:
        await full(running)
        in_stock = [f"forge:5:train:{index}" for index in range(24)]
        running.worker.mood = "hangs"
        await follow(running, stealth=1)
        fitting = [key for key in in_stock if running.arena.plan(key).stealth == 1]
        assert 0 < len(fitting) < len(in_stock)
        assert (await running.http.get("/v1/stats")).json()["stock"] == len(fitting)
        # The Worker hangs, so these come from the stock.
        assert [one["key"] for one in await running.open(count=len(fitting))] == fitting


async def test_other_splits_and_named_keys_are_served_as_before(server: Any) -> None:
    named = [f"forge:5:train:{n}" for n in range(12)]
    assert {server.arena.plan(key).stealth for key in named} == {0, 1, 2, 3}
    await follow(server, stealth=2)
    assert [e["key"] for e in await server.open(keys=named)] == named
    assert [e["key"] for e in await server.open(split="val", start=0, count=6)] == [
        f"forge:5:val:{n}" for n in range(6)
    ]
    assert [e["key"] for e in await server.open(split="test", count=4)] == [f"forge:5:test:{n}" for n in range(4)]


async def test_with_start_a_client_goes_on_after_the_last_key(server: Any) -> None:
    await follow(server, stealth=3)
    at, seen = 0, []
    for _ in range(3):
        seen += [e["key"] for e in await server.open(start=at, count=5)]
        at = int(seen[-1].split(":")[3]) + 1
    plans = [server.arena.plan(server.arena.key(Split.train, index)) for index in range(at)]
    assert seen == [plan.key for plan in plans if plan.stealth == 3]


async def test_it_is_replaced_looked_at_and_cleared(server: Any) -> None:
    assert (await server.http.get("/v1/stats")).json()["curriculum"] is None
    await refused(await server.http.get(PATH), 404, "no_curriculum")
    first = await follow(server, stealth=2)
    second = await follow(server, stealth=1)
    assert (first.revision, second.revision) == (1, 2)
    assert CurriculumState.model_validate_json((await server.http.get(PATH)).content) == second
    assert (await server.http.get("/v1/stats")).json()["curriculum"] == 2
    assert await stealths(server) == {1}
    assert [(await server.http.delete(PATH)).status_code for _ in range(2)] == [204, 204]
    await refused(await server.http.get(PATH), 404, "no_curriculum")
    assert (await server.http.get("/v1/stats")).json()["curriculum"] is None
    assert await stealths(server, count=40) == {0, 1, 2, 3}
    assert (await follow(server, stealth=0)).revision == 4


async def test_it_outlives_a_restart(serve: Any) -> None:
    async with serve() as running:
        state = await follow(running, stealth=2)
    async with serve() as running:
        await full(running)
        assert CurriculumState.model_validate_json((await running.http.get(PATH)).content) == state
        assert await stealths(running) == {2}
        await running.http.delete(PATH)
    async with serve() as running:
        assert await stealths(running, count=40) == {0, 1, 2, 3}


async def test_every_server_of_a_store_notices_a_change_at_once(serve: Any) -> None:
    async with serve() as one, serve() as other:
        await asyncio.gather(full(one), full(other))
        await follow(one, stealth=2)
        assert await stealths(other) == {2}
        assert (await other.http.get("/v1/stats")).json()["curriculum"] == 1
        await full(other)
        assert (await follow(other, stealth=1)).revision == 2
        assert await stealths(one) == {1}
        await other.http.delete(PATH)
        assert await stealths(one, count=40) == {0, 1, 2, 3}
        assert (await one.http.get(PATH)).status_code == 404


class CountingStore(Store):
    """A store that answers slowly, and counts how often it is asked for the revision of a curriculum."""

    asked = 0

    async def curriculum_revision(self, suite: str) -> int:
        self.asked += 1
        revision = await super().curriculum_revision(suite)
        await asyncio.sleep(0.02)
        return revision


async def test_questions_at_the_same_time_share_an_answer_that_is_never_older_than_they_are(tmp_path: Path) -> None:
    arena = Arena(ScriptedWorker())
    url = f"sqlite:///{tmp_path}/arena.db"
    here, elsewhere = CountingStore(url), Store(url)
    watch, other = CurriculumWatch(arena, here), CurriculumWatch(arena, elsewhere)

    async def keep_asking() -> None:
        while True:
            await watch.now()

    others = [asyncio.create_task(keep_asking()) for _ in range(20)]
    answers = 0
    for stealth in (0, 1, 2, 3, 2, 1):
        revision = (await other.replace(Curriculum.model_validate(cells(arena, stealth)))).revision
        in_force = await asyncio.gather(*(watch.now() for _ in range(50)))
        assert {curriculum.revision for curriculum in in_force} == {revision}
        answers += len(in_force)
    for task in others:
        task.cancel()
    await asyncio.wait(others)
    assert here.asked < answers / 2
    here.close()
    elsewhere.close()


async def test_an_episode_whose_making_began_before_the_change_is_not_served_from_stock(serve: Any) -> None:
    async with serve(stock=8, concurrency=2) as running:
        await full(running)
        opened = {e["key"] for e in await running.open(count=6)}  # Below half: the refill begins.
        await follow(running, stealth=0)
        for _ in range(4):
            assert await stealths(running) == {0}
            await full(running)
        assert opened


async def test_labels_in_a_followed_stream_are_half_and_half(server: Any) -> None:
    await follow(server, stealth=2)
    opened = await server.open(count=128)
    results = (await server.send_verdicts(*(attempt(e["episode_id"]) for e in opened))).json()["results"]
    corrupted = sum(r["truth"]["corrupted"] for r in results)
    assert abs(corrupted / len(opened) - 0.5) < 4 * (0.25 / len(opened)) ** 0.5
    assert {r["truth"]["stealth"] for r in results if r["truth"]["corrupted"]} == {2}


def changed(**update: Any) -> dict[str, Any]:
    cell = {
        "family": "duplicate_charge",
        "corruption_type": "temporal_shift",
        "stealth": 1,
        "episodes": 4,
        "pass_rate": 0.5,
    }
    return {"cells": [{**cell, **update}]}


MARK = "zqxjkvbpyg"


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        (
            changed(family="duplicate_chrage"),
            "unfit_curriculum",
            "cells[0].family: there is no such family",
        ),
        (changed(family=MARK), "unfit_curriculum", "cells[0].family: there is no such family in the train split."),
        (
            changed(corruption_type=MARK),
            "invalid_request",
            "cells[0].corruption_type: Input should be 'factual_omission'",
        ),
        (changed(stealth=4), "invalid_request", "cells[0].stealth: Input should be less than or equal to 3"),
        (changed(episodes=0), "invalid_request", "cells[0].episodes: Input should be greater than or equal to 1"),
        (changed(pass_rate=1.01), "invalid_request", "cells[0].pass_rate: Input should be less than or equal to 1"),
        ({**changed(), "low": 0.9}, "invalid_request", "body: low must not be above high"),
        ({"cells": changed()["cells"] * 2}, "invalid_request", "cells[1] measures the same cell as cells[0]"),
        ({"cells": []}, "invalid_request", "at least 1 item"),
        ({"cells": changed()["cells"] * (MAX_CELLS + 1)}, "invalid_request", "far too many fields"),
        ({"cells": [{}] * 1000}, "invalid_request", "cells[0].family: Field required"),
    ],
)
@pytest.mark.asyncio(loop_scope="module")
async def test_what_does_not_fit_is_refused_and_the_one_before_stays(
    shared_server: Any, body: dict[str, Any], code: str, message: str
) -> None:
    before = await follow(shared_server, stealth=2)
    response = await shared_server.http.post(PATH, json=body)
    said = await refused(response, 422, code)
    assert message in said
    assert len(said) < 600
    assert MARK not in response.text
    assert (await shared_server.http.get(PATH)).json()["revision"] == before.revision


@pytest.mark.asyncio(loop_scope="module")
async def test_a_misspelt_family_is_told_the_nearest(shared_server: Any) -> None:
    response = await shared_server.http.post(PATH, json=changed(family="duplicate_chrage"))
    assert "Did you mean 'duplicate_charge'?" in await refused(response, 422, "unfit_curriculum")


@pytest.mark.asyncio(loop_scope="module")
async def test_a_family_of_another_split_is_refused(shared_server: Any) -> None:
    for split in (Split.val, Split.test):
        response = await shared_server.http.post(PATH, json=changed(family=min(shared_server.arena.families(split))))
        assert "no such family in the train split" in await refused(response, 422, "unfit_curriculum")


async def test_a_curriculum_that_would_leave_nothing_is_refused(server: Any) -> None:
    response = await server.http.post(PATH, json=cells(server.arena, None))
    assert "nothing of the train split would remain" in await refused(response, 422, "unfit_curriculum")
    await refused(await server.http.get(PATH), 404, "no_curriculum")


async def test_filters_that_a_curriculum_leaves_nothing_of_are_refused(server: Any) -> None:
    await follow(server, stealth=2)
    response = await server.http.post("/v1/episodes", json={"count": 1, "stealth": 1})
    assert "clear the curriculum" in await refused(response, 422, "nothing_matches")


async def test_it_needs_the_token(serve: Any) -> None:
    async with serve(tokens=("correct horse",)) as running:
        for method in ("GET", "POST", "DELETE"):
            await refused(await running.http.request(method, PATH), 401, "unauthorized")


async def test_as_many_cells_as_there_may_be_are_taken_in_one_body(server: Any) -> None:
    # Nobody has so many families here; that the last one is refused by its place shows that all were read.
    many = cells(server.arena, 2)
    more = [{**many["cells"][0], "family": f"{'f' * 60}{n}"} for n in range(MAX_CELLS - len(many["cells"]))]
    response = await server.http.post(PATH, json={"cells": many["cells"] + more})
    assert "cells[240].family" in await refused(response, 422, "unfit_curriculum")
    unknown = b'{"cells":[{' + b",".join(b'"%d":1' % n for n in range(300_000)) + b"}]}"
    response = await server.http.post(PATH, content=unknown)
    assert "far too many fields" in await refused(response, 422, "invalid_request")


async def test_a_stored_curriculum_that_would_leave_nothing_now_is_not_followed(serve: Any) -> None:
    async with serve() as running:
        body = Curriculum.model_validate(cells(running.arena, None))
        store = Store(running.settings.store)
        assert await store.replace_curriculum("forge:5", body.model_dump_json(), 1.0) == 1
        store.close()
    async with serve() as running:
        assert len(await running.open(count=3)) == 3
        await refused(await running.http.get(PATH), 404, "no_curriculum")
