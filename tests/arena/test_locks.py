"""One process at a time is at work in a folder, and a killed one leaves nothing in the way."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from forge_arena.locks import FolderInUse, lock_folder

HOLD = """
import sys
from pathlib import Path
from forge_arena.locks import lock_folder
with lock_folder(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_folder_is_held_by_one_process_until_it_ends_also_by_kill_9(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    command = [sys.executable, "-c", HOLD, str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        with pytest.raises(FolderInUse, match=rf"another process is at work in {folder}: wait until it ends"):
            lock_folder(folder).__enter__()
        process.send_signal(signal.SIGKILL)
        process.wait(30)
    with lock_folder(folder), pytest.raises(FolderInUse), lock_folder(folder):
        pass
    with lock_folder(folder):
        pass
    assert list(folder.iterdir()) == []
