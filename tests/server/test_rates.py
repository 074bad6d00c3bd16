"""A bucket of requests fills at its rate, whether one process takes from it or several."""

import subprocess
import sys
from pathlib import Path

import pytest

from forge_server.rates import Buckets


def test_a_bucket_starts_full_and_fills_at_its_rate() -> None:
    now = 1_000.0
    buckets = Buckets(2, 2.0, 4.0, clock=lambda: now)
    assert [buckets.take(0) for _ in range(5)] == [0.0] * 4 + [0.5]
    # The other one has not been touched.
    assert buckets.take(1) == 0.0
    now += 0.5
    assert [buckets.take(0) for _ in range(2)] == [0.0, 0.5]
    now += 3_600.0
    assert [buckets.take(0) for _ in range(5)] == [0.0] * 4 + [0.5]


def test_two_that_name_one_file_share_their_buckets(tmp_path: Path) -> None:
    one, other = (Buckets(1, 0.5, 3.0, file=tmp_path / "rates", clock=lambda: 1_000.0) for _ in range(2))
    assert [one.take(0), other.take(0), one.take(0)] == [0.0] * 3
    assert other.take(0) == pytest.approx(2.0)


# How many requests a process of its own may make: its arguments are the file and the number of tries.
TAKEN = """
import sys
from pathlib import Path
from forge_server.rates import Buckets

buckets = Buckets(1, 0.001, 50_000.0, file=Path(sys.argv[1]))
print(sum(buckets.take(0) == 0.0 for _ in range(int(sys.argv[2]))))
"""


def test_no_request_is_taken_twice_by_processes_that_hurry(tmp_path: Path) -> None:
    command = [sys.executable, "-c", TAKEN, str(tmp_path / "rates"), "40000"]
    hurrying = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert sum(int(process.communicate(timeout=60)[0]) for process in hurrying) == 50_000
