"""A lock on a file, which the system ends with its process."""

import contextlib
import os
from pathlib import Path
from typing import IO

import portalocker

AlreadyLocked = portalocker.AlreadyLocked
_FLAGS = portalocker.LockFlags.EXCLUSIVE | portalocker.LockFlags.NON_BLOCKING


def try_lock(path: Path) -> IO[str] | None:
    """The file `path`, which is made, opened and locked; None where there are no locks.

    On NFS it also keeps out other machines, if the server offers locks.

    Raises:
        AlreadyLocked: another process holds the lock.
        OSError: the file cannot be opened.
    """
    while True:
        file = path.open("a+")
        try:
            portalocker.lock(file, _FLAGS)
        except AlreadyLocked:
            file.close()
            raise
        except (OSError, portalocker.LockException):
            file.close()
            path.unlink(missing_ok=True)
            return None
        if _is(file, path):
            return file
        # Its last owner has removed it after we had opened it.
        file.close()


def release(file: IO[str] | None, path: Path) -> None:
    """End the lock of `try_lock`, and remove its file."""
    if file is not None:
        # While it is held: who has opened it meanwhile sees that it has vanished.
        with contextlib.suppress(OSError):
            path.unlink()
        file.close()


def _is(file: IO[str], path: Path) -> bool:
    """Whether the opened `file` is what stands at `path` now."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False
