"""Let several tasks work off what there is to do."""

import asyncio
from collections.abc import Callable, Coroutine


async def work_together(work: Callable[[], Coroutine[object, object, None]], concurrency: int) -> None:
    """Do the same work in `concurrency` tasks at a time, until all of them have ended.

    If one of them raises, the others are cancelled and waited for. Otherwise a request in flight would write to a file
    that is closed by then.
    """
    tasks = [asyncio.create_task(work()) for _ in range(concurrency)]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
