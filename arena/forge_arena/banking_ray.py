"""Fill a bank from many processes or machines: Ray Data hands out stretches of keys, every actor has its own Worker.

An actor records into one shard per stretch, in a folder beside the bank. Only this process writes to the bank: it
merges a shard as soon as the stretch is done. The bank and its folder therefore have to be on a filesystem that all
machines share, and every answer is on disk, whichever process ends. `ray` is imported only here, and only on use.
"""

import asyncio
import logging
import math
import os
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from forge_arena.banking import (
    Filling,
    FillingFailed,
    FillingResult,
    check_same_worker,
    fill,
    merge_shard,
    merge_shards,
    shard_of,
    shards_of,
)
from forge_arena.errors import BadArgument, ForgeArenaError
from forge_arena.loop_thread import LoopThread
from forge_arena.reader import SAME
from forge_arena.workers.bank import Bank, BankWorker

# The bounds of a stretch's length, in multiples of the answers in flight. A stretch is not short, because a Worker runs
# dry at its end. It is not long, because progress is reported by stretches, and a killed actor's stretch is done again.
LONGEST, SHORTEST = 64, 4
STRETCHES_AN_ACTOR = 4
# The file among the shards at which every actor stops, and the seconds until an actor sees the file.
STOP, POLL = "stop", 0.5
# Rows are only counts and names. Without a limit Ray would take a third of the memory for them.
OBJECT_STORE = 128 << 20
ENVIRONMENT = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}
# Ray's only switch for staying on the loopback interface. Without it, Ray overrules `_node_ip_address="127.0.0.1"`.
LOOPBACK = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}


class Filler:
    """What an actor runs: one Worker for the actor's whole life, one shard for each stretch.

    A failure goes back as text in the row, because Ray would retry an exception and then raise another type.
    """

    def __init__(self, filling: Filling, file: Path) -> None:
        self._filling = filling
        self._file = file
        self._stop = shards_of(file) / STOP
        self._live = filling.open_worker()
        self._sources, self._suite = filling.sources()
        # Not followed, because what other actors record meanwhile is for other keys.
        self._known = Bank(file, follow=False)
        # A thread of its own, because Ray calls from changing threads and a Worker belongs to one event loop.
        self._thread = LoopThread("the filler of a bank")

    # {"stretch": (1,)} -> {"shard": (1,), "filled": (1,), "error": (1,)}; one of `filled` and `error` is empty.
    def __call__(self, batch: dict[str, Any]) -> dict[str, list[str]]:
        stretches = [Filling.model_validate_json(text) for text in batch["stretch"]]
        rows = [self._run(stretch) for stretch in stretches]
        return {
            "shard": [str(shard_of(self._file, stretch)) for stretch in stretches],
            "filled": [row.model_dump_json() if isinstance(row, FillingResult) else "" for row in rows],
            "error": ["" if isinstance(row, FillingResult) else row for row in rows],
        }

    def close(self) -> None:
        """Stop the Worker. Ray ends an actor without this call; a vLLM then notices that its parent is gone."""
        self._thread.run(self._live.aclose)
        self._thread.close()
        self._known.close()

    def _run(self, stretch: Filling) -> FillingResult | str:
        try:
            return self._thread.run(self._run_until_stopped, self._fill(stretch))
        except (ForgeArenaError, ValueError, OSError) as error:
            return str(error) or type(error).__name__

    async def _run_until_stopped(self, work: Coroutine[Any, Any, FillingResult]) -> FillingResult:
        task = asyncio.ensure_future(work)
        while not task.done():
            if self._stop.exists():
                task.cancel()
                await asyncio.wait({task})
                raise FillingFailed("the run was stopped")
            await asyncio.wait({task}, timeout=POLL)
        return task.result()

    async def _fill(self, stretch: Filling) -> FillingResult:
        # The secrets came with the actor, not with the rows.
        stretch = self._filling.model_copy(update={"start": stretch.start, "count": stretch.count})
        with Bank(shard_of(self._file, stretch)) as shard:
            worker = BankWorker(shard, self._live, known=self._known)
            # Before every stretch, because a start that fails says why the Worker is down.
            await worker.start()
            reader = self._filling.open_reader(worker, shard.path)
            return await fill(self._filling.arena(worker, self._sources, self._suite, reader), stretch)


def fill_with_ray(
    filling: Filling,
    file: Path,
    on_keys: Callable[[int], object] = lambda _: None,
    *,
    actors: int = 2,
    gpus: float = 0.0,
    address: str | None = None,
) -> FillingResult:
    """Fill the bank `file` with `actors` Workers at a time, each with `gpus` GPUs of its own.

    Shards of an earlier run are merged first. Answers that the bank holds are not asked again.

    Args:
        on_keys: called with the number of keys whenever a stretch is done.
        gpus: 1 for a `vllm:` Worker on one GPU, its tensor parallel size on several, 0 for one that asks an endpoint.
        address: of a running Ray cluster; default a Ray of this process alone, on the loopback interface.

    Raises:
        FillingFailed: a Worker is down, or Ray has lost an actor for good. The other actors are stopped.
        BankBusy: another process is writing to the bank.
        ValueError, OSError: a setting or file cannot be used.
        ModuleNotFoundError: ray is not installed.
    """
    # Refuse wrong settings before anything is started.
    if filling.reader not in (None, SAME):
        raise BadArgument(
            f"with Ray the reader can only be the Worker's own model: give --reader {SAME}, or leave out --engine ray"
        )
    worker = filling.open_worker()
    filling.arena(worker, *filling.sources())
    file = file.absolute()
    filled = FillingResult()
    with Bank(file) as bank:
        bank.lock()
        merge_shards(bank, file)
        check_same_worker(bank, worker)
        before = len(bank)
        stop = shards_of(file) / STOP
        stop.unlink(missing_ok=True)

        def take(shard: Path, part: FillingResult) -> None:
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
    ray: Any, filling: Filling, file: Path, actors: int, gpus: float, take: Callable[[Path, FillingResult], None]
) -> None:
    """Give the stretches to actors. `take` gets the shard and the result of each stretch as soon as it is done."""
    share = math.ceil(filling.count / (actors * STRETCHES_AN_ACTOR))
    length = min(LONGEST * filling.concurrency, max(SHORTEST * filling.concurrency, share))
    items = [
        {"stretch": part.model_dump_json(exclude={"secret", "api_key", "reader_api_key"})}
        for part in filling.stretches(length)
    ]
    stretches = ray.data.from_items(items, override_num_blocks=len(items)).map_batches(
        Filler,
        fn_constructor_args=(filling, file),
        batch_size=1,
        # One at a time, because a stretch that waits behind another could go to an idle actor.
        compute=ray.data.ActorPoolStrategy(size=min(actors, len(items)), max_tasks_in_flight_per_actor=1),
        num_cpus=1,
        num_gpus=gpus or None,
    )
    try:
        rows = iter(stretches.iter_rows())
        try:
            for row in rows:
                if row["error"]:
                    raise FillingFailed(row["error"])
                take(Path(row["shard"]), FillingResult.model_validate_json(row["filled"]))
        finally:
            # Read all rows, because a shutdown of Ray before the last row ends this whole process without a message.
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
        ValueError: a Ray of our own has fewer GPUs than the Workers need, and would wait for ever.
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
        gpus_here = ray.cluster_resources().get("GPU", 0)
        if address is None and gpus * actors > gpus_here:
            raise BadArgument(f"{actors} actors with {gpus:g} GPUs each are wanted, and Ray finds {gpus_here:g} here")
        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = False
        logging.getLogger("ray.data").setLevel(logging.ERROR)
        yield ray
    finally:
        ray.shutdown()
