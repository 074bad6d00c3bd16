"""A vLLM that ends, or that hangs while its /health is well. The engine is a process behind a real socket, and only its
brain is played."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

import pytest

from forge_arena.errors import WorkerFailed
from forge_arena.types import Scenario
from forge_arena.workers.keeper import session_members
from forge_arena.workers.vllm import VLLMWorker


@asynccontextmanager
async def running(folder: Path, **settings: Any) -> AsyncIterator[VLLMWorker]:
    """A started Worker whose engine's mood is in `folder`."""
    program = folder / "vllm"
    program.write_text(
        f"#!{sys.executable}\nimport runpy\nrunpy.run_path({str(Path(__file__).with_name('engine.py'))!r})\n"
    )
    program.chmod(0o755)
    (folder / "mood").write_text("well")
    worker = VLLMWorker(
        str(folder),
        executable=str(program),
        log=folder / "vllm.log",
        cpu=True,
        **{"timeout": 2.0, "retries": 0, "first_pause": 0.1, "hang_after": 1.0, "chat_deadline": 0.5, **settings},
    )
    try:
        await worker.start()
        yield worker
    finally:
        await worker.aclose()


def lives(folder: Path) -> int:
    return int((folder / "lives").read_text())


async def test_an_engine_is_asked_to_revise(tmp_path: Path, scenario: Scenario) -> None:
    async with running(tmp_path) as worker:
        answer = await worker.answer(scenario, Random(1))
        assert await worker.revise(scenario, answer, ("'5 days' is not in the material.",), Random(2)) == answer
    with pytest.raises(WorkerFailed, match="was stopped"):
        await worker.revise(scenario, answer, (), Random(2))


async def test_an_engine_that_hangs_while_its_health_is_well_is_restarted(tmp_path: Path, scenario: Scenario) -> None:
    async with running(tmp_path, timeout=60.0) as worker:
        assert (await worker.answer(scenario, Random(1))).output
        session = worker.pid
        assert session is not None
        (tmp_path / "mood").write_text("hangs")
        asked = [asyncio.ensure_future(worker.answer(scenario, Random(n))) for n in range(20)]
        done, _ = await asyncio.wait(asked, timeout=20)
        assert len(done) == 20
        (tmp_path / "mood").write_text("well")
        for one in asked:
            failed = one.exception()
            assert isinstance(failed, WorkerFailed)
            assert "the vLLM engine ended while it was answering: it hangs: no answer for" in failed.reason
            assert "gave no answer within 0.5 s" in failed.reason
        await worker.start()
        assert (await worker.answer(scenario, Random(1))).output
        assert lives(tmp_path) == 2
        assert not session_members(session)


async def test_questions_that_end_by_their_own_time_limit_are_no_answers(tmp_path: Path, scenario: Scenario) -> None:
    async with running(tmp_path, timeout=1.5, hang_after=2.0) as worker:
        (tmp_path / "mood").write_text("hangs")
        for _ in range(60):
            with pytest.raises(WorkerFailed):
                await worker.answer(scenario, Random(1))
            if lives(tmp_path) == 2:
                break
            await asyncio.sleep(0.2)
        assert lives(tmp_path) == 2


async def test_an_engine_that_is_only_slow_is_left_alone(tmp_path: Path, scenario: Scenario) -> None:
    async with running(tmp_path) as worker:
        (tmp_path / "mood").write_text("slow")
        for _ in range(3):
            with pytest.raises(WorkerFailed, match="gave no answer within 2 s"):
                await worker.answer(scenario, Random(1))
        assert lives(tmp_path) == 1


async def test_an_engine_that_nobody_asks_is_left_alone(tmp_path: Path) -> None:
    async with running(tmp_path) as worker:
        (tmp_path / "mood").write_text("hangs")
        await asyncio.sleep(2)
        assert worker.pid is not None
        assert lives(tmp_path) == 1


async def test_an_engine_that_hangs_after_every_start_is_left_down_in_the_end(
    tmp_path: Path, scenario: Scenario
) -> None:
    # The window is too short for the slow rhythm of an engine that hangs.
    async with running(tmp_path, max_restarts=2, restart_window=0.5) as worker:
        (tmp_path / "mood").write_text("hangs")
        reason = ""
        while "left down" not in reason:
            with pytest.raises(WorkerFailed) as failed:
                await worker.answer(scenario, Random(1))
            reason = failed.value.reason
            await asyncio.sleep(0.1)
        assert "was restarted 2 times without one answer since, ended again, and is left down until start()" in reason
        assert "it hangs" in reason
        assert lives(tmp_path) == 3
        (tmp_path / "mood").write_text("well")
        await worker.start()
        assert (await worker.answer(scenario, Random(1))).output


async def test_an_engine_that_keeps_ending_is_left_down_until_it_is_started_again(
    tmp_path: Path, scenario: Scenario
) -> None:
    async with running(tmp_path, max_restarts=1) as worker:
        session = worker.pid
        assert session is not None
        (tmp_path / "mood").write_text("ends")
        os.kill(session, signal.SIGKILL)
        for _ in range(400):
            await asyncio.sleep(0.05)
            if worker.pid is None:
                break
        with pytest.raises(
            WorkerFailed, match=r"restarted 1 times within .* left down until .*: vLLM did not start: "
        ) as down:
            await worker.start()
        assert "OSError: the weights are not there" in down.value.reason
        assert not session_members(session)
        with pytest.raises(WorkerFailed, match="left down until start"):
            await worker.answer(scenario, Random(1))
        assert lives(tmp_path) == 2

        (tmp_path / "mood").write_text("well")
        await worker.start()
        assert (await worker.answer(scenario, Random(1))).output
        session = worker.pid
        assert session is not None
    assert not session_members(session)
    with pytest.raises(WorkerFailed, match=r"was stopped: call start\(\)"):
        await worker.answer(scenario, Random(1))
    assert (tmp_path / "vllm.log").read_text().count("--- 20") == lives(tmp_path) == 3
