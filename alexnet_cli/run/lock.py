"""One writer per run directory: a lock that says whose it is and ends with its owner."""

import contextlib
import json
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

import portalocker

from ..errors import RunError, printable

LOCK = ".lock"
"""The name of the lock's file, in the directory that it protects."""


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the only lock on the existing `folder`; the system ends it with the process.

    On NFS it also keeps out other machines if the server offers locks; where a file system
    offers none, the directory is written to without one.

    Raises:
        RunError: another process holds it, or `folder` cannot be written to.
    """
    file = _acquire(folder)
    try:
        yield
    finally:
        if file is not None:
            # While it is held: nobody can be waiting for a name that is about to vanish.
            with contextlib.suppress(OSError):
                (folder / LOCK).unlink()
            file.close()


def owner(folder: Path) -> str:
    """Who holds the lock on `folder`; empty if nobody does."""
    path = folder / LOCK
    try:
        with path.open("r+") as file:
            portalocker.lock(file, _EXCLUSIVE)
            return ""
    except portalocker.LockException:
        return _owner(path)
    except OSError:
        return ""


_EXCLUSIVE = portalocker.LockFlags.EXCLUSIVE | portalocker.LockFlags.NON_BLOCKING


def _acquire(folder: Path) -> IO[str] | None:
    """The locked file; None if the file system has no locks."""
    path = folder / LOCK
    while True:
        try:
            file = path.open("a+")
        except OSError as error:
            raise RunError(
                f"{printable(folder)} cannot be written to: {error.strerror}"
            ) from error
        try:
            portalocker.lock(file, _EXCLUSIVE)
        except portalocker.AlreadyLocked as error:
            file.close()
            raise RunError(
                f"{printable(folder)} is being written to by {_owner(path)}; "
                f"wait for it, or choose another --out"
            ) from error
        except portalocker.LockException:
            file.close()
            return None
        if _is(file, path):
            _sign(file)
            return file
        # Its last owner has removed it after we had opened it.
        file.close()


def _is(file: IO[str], path: Path) -> bool:
    """Whether the opened `file` is what stands at `path` now."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _sign(file: IO[str]) -> None:
    """Write whose lock it is."""
    since = datetime.now(UTC).isoformat(timespec="seconds")
    text = {"process": os.getpid(), "host": platform.node(), "since": since}
    file.truncate(0)
    file.write(json.dumps(text) + "\n")
    file.flush()


def _owner(path: Path) -> str:
    try:
        data = json.loads(path.read_text())
        return f"process {data['process']} on {data['host']} since {data['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"
