"""One process at a time writes to a folder or a file. The kernel lifts a lock with its process, also after kill -9."""

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from forge_arena.errors import ForgeArenaError

if sys.platform != "win32":
    import fcntl

# Some network file systems have no locks. Work goes on there without a lock, as on a system without locks.
NO_LOCKS = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP)
LOCK = ".lock"


class FolderInUse(ForgeArenaError, ValueError):
    """Another process is at work in a folder, or the folder holds a run that nobody asked to continue."""


def lock(descriptor: int, path: Path) -> None:
    """Lock an open file until it is closed. Does nothing if the system or the file system has no such locks.

    Raises:
        FolderInUse: another process holds the lock; the message names `path`.
    """
    if sys.platform == "win32":
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise FolderInUse(f"another process is at work in {path}: wait until it ends, or take another folder") from None
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise


@contextmanager
def lock_folder(folder: Path) -> Iterator[None]:
    """Keep other processes out of a folder, and make the folder if it is not there.

    A killed process leaves an empty file `.lock` behind, which does no harm.

    Raises:
        FolderInUse: another process is at work in it.
        OSError: the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if sys.platform == "win32":
        yield
        return
    path = folder / LOCK
    with path.open("ab") as file:
        lock(file.fileno(), folder)
        # The previous process removes its file when it ends, so this lock may be on a file that nobody finds any more.
        if not path.exists() or not os.path.samestat(path.stat(), os.fstat(file.fileno())):
            raise FolderInUse(f"another process was at work in {folder} just now: try again")
        try:
            yield
        finally:
            path.unlink(missing_ok=True)
