"""Processes that ask each other: an answer that is not whole is no answer, and no error."""

import asyncio
from pathlib import Path
from typing import Any

from forge_server.siblings import Siblings


async def test_a_process_that_ends_in_the_middle_of_its_answer_is_left_out(tmp_path: Path) -> None:
    async def answer_half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.write(b'{"episodes": ')
        writer.close()

    async with await asyncio.start_unix_server(answer_half, tmp_path / "1.sock"):
        assert await Siblings(tmp_path, 0, 2).ask("counts") == []


async def test_a_question_that_was_given_up_is_no_error_of_the_process_that_was_asked(tmp_path: Path) -> None:
    async def count(_: dict[str, Any]) -> int:
        return 7

    troubles: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, trouble: troubles.append(trouble))
    asked = Siblings(tmp_path, 1, 2)
    await asked.listen({"counts": count})
    try:
        _, writer = await asyncio.open_unix_connection(tmp_path / "1.sock")
        writer.close()
        await writer.wait_closed()
        assert await Siblings(tmp_path, 0, 2).ask("counts") == [7]
    finally:
        await asked.aclose()
    assert troubles == []
