"""One writer per run directory: a lock that says whose it is and ends with its owner."""

import json
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from ..backend.file_lock import AlreadyLocked, release, try_lock
from ..errors import RunError, printable
from .digests import LOCK as LOCK


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the only lock on the existing `folder`.

    Where a file system offers no locks, the directory is written to without one.

    Raises:
        RunError: another process holds it, or `folder` cannot be written to.
    """
    path = folder / LOCK
    try:
        file = try_lock(path)
    except AlreadyLocked as error:
        raise RunError(
            f"{printable(folder)} is being written to by {_owner(path)}; "
            f"wait for it, or choose another --out"
        ) from error
    except OSError as error:
        raise RunError(
            f"{printable(folder)} cannot be written to: {error.strerror}"
        ) from error
    if file is not None:
        _sign(file)
    try:
        yield
    finally:
        release(file, path)


def owner(folder: Path) -> str:
    """Who holds the lock on `folder`; empty if nobody does."""
    path = folder / LOCK
    if not path.exists():
        return ""
    try:
        file = try_lock(path)
    except AlreadyLocked:
        return _owner(path)
    except OSError:
        return ""
    if file is not None:
        file.close()
    return ""


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
