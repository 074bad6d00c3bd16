"""Buckets of requests that limit how often a token may ask: in the memory of one process, or shared by several."""

import mmap
import os
import struct
import time
from collections.abc import Callable
from pathlib import Path

# How many requests are missing in a bucket, and the time on the clock when that was counted. Zeros are a full bucket.
_RECORD = struct.Struct("dd")


class Buckets:
    """A bucket for each of `count` tokens. It fills at `rate` requests a second up to `size`, and starts full.

    With a `file`, all processes that name the file share the buckets. The clock must be the same in all of them, as
    `time.monotonic` is on one machine.
    """

    def __init__(
        self,
        count: int,
        rate: float,
        size: float,
        *,
        file: Path | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._rate = rate
        self._size = size
        self._clock = clock
        length = count * _RECORD.size
        self._lock: int | None = None
        self._records: bytearray | mmap.mmap = bytearray(length)
        if file is not None:
            self._lock = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
            os.ftruncate(self._lock, length)
            self._records = mmap.mmap(self._lock, length)

    def take(self, number: int) -> float:
        """Take a request out of a bucket. Gives back 0.0, or the seconds until the bucket holds one again."""
        offset = number * _RECORD.size
        if self._lock is None:
            return self._take(offset)
        # Windows has no such locks, and can serve with one process only.
        import fcntl

        # A lock of the kernel, which takes it from a process that is killed.
        fcntl.lockf(self._lock, fcntl.LOCK_EX, _RECORD.size, offset)
        try:
            return self._take(offset)
        finally:
            fcntl.lockf(self._lock, fcntl.LOCK_UN, _RECORD.size, offset)

    def _take(self, offset: int) -> float:
        missing: float
        at: float
        missing, at = _RECORD.unpack_from(self._records, offset)
        now = self._clock()
        missing = max(0.0, missing - (now - at) * self._rate)
        lacking = missing + 1.0 - self._size
        _RECORD.pack_into(self._records, offset, missing if lacking > 0.0 else missing + 1.0, now)
        return max(0.0, lacking) / self._rate
