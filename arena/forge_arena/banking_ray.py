"""Fill a bank from many processes or machines: Ray Data hands out stretches of keys, every actor has its own Worker.

An actor records into a shard per stretch, in a folder beside the bank; this process alone writes to the bank, into which
it merges a shard as soon as its stretch is through. So the bank and its folder have to be on a filesystem that all
machines share, and whatever ends, what was answered is on disk. `ray` is imported here only, and only when it is used.
"""

import asyncio
import logging
import math
import os
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from forge_arena.banking import Filled, Filling, FillingFailed, fill, merge_shard, merge_shards, shard_of, shards_of
from forge_arena.errors import BadArgument, ForgeArenaError
from forge_arena.loop_thread import LoopThread
from forge_arena.workers.bank import Bank, BankWorker

# A stretch in answers in flight. Each ends with a Worker that runs dry, so not few; progress comes by stretches, and a
# killed actor's stretch is made once more, so not many.
LONGEST, SHORTEST = 64, 4
STRETCHES_AN_ACTOR = 4
# The file among the shards at which every actor stops, and how many seconds later at most.
STOP, POLL = "stop", 0.5
# Rows are counts and names; Ray would take a third of the memory for them.
OBJECT_STORE = 128 << 20
ENVIRONMENT = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}
# Ray's only switch for staying on the loopback interface; `_node_ip_address="127.0.0.1"` is overruled without it.
LOOPBACK = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}


class Filler:
    """What an actor runs: one Worker for its whole life, one shard for each stretch that it is given.

    A failure goes back as text in the row: through Ray an exception would come out as another type, after retries.
    """

    def __init__(self, filling: Filling, file: Path) -> None:
        self._filling = filling
        self._file = file
        self._stop = shards_of(file) / STOP
        self._live = filling.open_worker()
        self._sources = filling.sources()
        # Not followed: what the others record meanwhile is for other keys, and would have to be read by every actor.
        self._known = Bank(file, follow=False)
        # Of its own: Ray calls from changing threads, and a Worker belongs to one event loop.
        self._thread = LoopThread("the filler of a bank")

    def __call__(self, batch: dict[str, Any]) -> dict[str, list[str]]:
        stretches = [Filling.model_validate_json(text) for text in batch["stretch"]]
        rows = [self._run(stretch) for stretch in stretches]
        return {
            "shard": [str(shard_of(self._file, stretch)) for stretch in stretches],
            "filled": [row.model_dump_json() if isinstance(row, Filled) else "" for row in rows],
            "error": ["" if isinstance(row, Filled) else row for row in rows],
        }

    def close(self) -> None:
        """Stop the Worker. Ray ends an actor without this; then a vLLM notices that its parent is gone."""
        self._thread.run(self._live.aclose)
        self._thread.close()
        self._known.close()

    def _run(self, stretch: Filling) -> Filled | str:
        try:
            return self._thread.run(self._unless_stopped, self._fill(stretch))
        except (ForgeArenaError, ValueError, OSError) as error:
            return str(error) or type(error).__name__

    async def _unless_stopped(self, work: Coroutine[Any, Any, Filled]) -> Filled:
        doing = asyncio.ensure_future(work)
        while not doing.done():
            if self._stop.exists():
                doing.cancel()
                await asyncio.wait({doing})
                raise FillingFailed("the run was stopped")
            await asyncio.wait({doing}, timeout=POLL)
        return doing.result()

    async def _fill(self, stretch: Filling) -> Filled:
        # The secrets came with the actor, not with the rows.
        stretch = self._filling.model_copy(update={"start": stretch.start, "count": stretch.count})
        with Bank(shard_of(self._file, stretch)) as shard:
            worker = BankWorker(shard, self._live, known=self._known)
            # Before every stretch: a Worker that is down is found here, with its reason.
            await worker.start()
            return await fill(self._filling.arena(worker, self._sources), stretch)


def fill_with_ray(
    filling: Filling,
    file: Path,
    on_keys: Callable[[int], object] = lambda _: None,
    *,
    actors: int = 2,
    gpus: float = 0.0,
    address: str | None = None,
) -> Filled:
    """Fill the bank `file` with `actors` Workers at a time, each with `gpus` GPUs of its own.

    What an earlier run left behind is merged first, and what the bank holds is not asked again.

    Args:
        on_keys: called with the number of keys whenever a stretch is through.
        gpus: 1 for a `vllm:` Worker on one GPU, its tensor parallel size on several, 0 for one that asks an endpoint.
        address: of a running Ray cluster; default a Ray of this process alone, on the loopback interface.

    Raises:
        FillingFailed: a Worker is down, or Ray has lost an actor for good; the rest was stopped.
        BankBusy: another process is writing to the bank.
        ValueError, OSError: something that was given cannot be used.
        ModuleNotFoundError: ray is not installed.
    """
    # What is wrong with what was given is said before anything is started.
    filling.arena(filling.open_worker(), filling.sources())
    file = file.absolute()
    filled = Filled()
    with Bank(file) as bank:
        bank.lock()
        merge_shards(bank, file)
        before = len(bank)
        stop = shards_of(file) / STOP
        stop.unlink(missing_ok=True)

        def take(shard: Path, part: Filled) -> None:
            nonlocal filled
            merge_shard(bank, shard)
            filled += part
            on_keys(part.keys)

        try:
            with _running_ray(actors, gpus, address) as ray:
                _hand_out(ray, filling, file, actors, gpus, take)
        finally:
            stop.unlink(missing_ok=True)
            merge_shards(bank, file)
        return filled.model_copy(update={"recorded": len(bank) - before, "answers": len(bank)})


def _hand_out(
    ray: Any, filling: Filling, file: Path, actors: int, gpus: float, take: Callable[[Path, Filled], None]
) -> None:
    """Give the stretches to actors; `take` gets the shard of each and what came of it, in the order they are done."""
    wanted = math.ceil(filling.count / (actors * STRETCHES_AN_ACTOR))
    length = min(LONGEST * filling.concurrency, max(SHORTEST * filling.concurrency, wanted))
    given = [{"stretch": part.model_dump_json(exclude={"secret", "api_key"})} for part in filling.stretches(length)]
    stretches = ray.data.from_items(given, override_num_blocks=len(given)).map_batches(
        Filler,
        fn_constructor_args=(filling, file),
        batch_size=1,
        # One at a time: a stretch that waits behind another could have gone to an idle actor.
        compute=ray.data.ActorPoolStrategy(size=min(actors, len(given)), max_tasks_in_flight_per_actor=1),
        num_cpus=1,
        num_gpus=gpus or None,
    )
    try:
        rows = iter(stretches.iter_rows())
        try:
            for row in rows:
                if row["error"]:
                    raise FillingFailed(row["error"])
                take(Path(row["shard"]), Filled.model_validate_json(row["filled"]))
        finally:
            # Ray ends this whole process, without a word, where it is shut down while rows are still to come.
            if (folder := shards_of(file)).is_dir():
                (folder / STOP).touch()
            for _ in rows:
                pass
    except ray.exceptions.RayError as error:
        raise FillingFailed(f"Ray gave up: {' '.join(str(error).split())[:400]}") from error


@contextmanager
def _running_ray(actors: int, gpus: float, address: str | None) -> Iterator[Any]:
    """Ray, connected to a cluster or started for this process, until the block ends.

    Raises:
        ValueError: a Ray of our own cannot give every Worker the GPUs that it is to have, and would wait for ever.
    """
    for name, value in (ENVIRONMENT if address else ENVIRONMENT | LOOPBACK).items():
        os.environ.setdefault(name, value)
    import ray
    import ray.data

    settings: dict[str, Any] = {"address": address or "local", "log_to_driver": False, "logging_level": logging.ERROR}
    if address is None:
        settings |= {
            "include_dashboard": False,
            "num_cpus": max(actors, os.cpu_count() or 1),
            "object_store_memory": OBJECT_STORE,
            "_node_ip_address": "127.0.0.1",
        }
    try:
        ray.init(**settings)
    except ConnectionError as error:
        raise FillingFailed(f"no Ray cluster at {address}: {' '.join(str(error).split())[:300]}") from error
    try:
        there = ray.cluster_resources().get("GPU", 0)
        if address is None and gpus * actors > there:
            raise BadArgument(f"{actors} actors with {gpus:g} GPUs each are wanted, and Ray finds {there:g} here")
        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = False
        logging.getLogger("ray.data").setLevel(logging.ERROR)
        yield ray
    finally:
        ray.shutdown()
