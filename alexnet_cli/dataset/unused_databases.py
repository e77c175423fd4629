"""Databases of known images that are damaged, or that nobody has opened for long, go.

The latter are of folders that are gone, and of other versions, with other names.
"""

import os
import re
import sqlite3
import stat
from contextlib import closing, suppress
from pathlib import Path

LONG = 30 * 86_400
"""Seconds without being opened after which a database is unused."""
_NAME = re.compile(r"[0-9a-f]{32}\.sqlite")


def mark_used(file: Path) -> None:
    """Note that a database is opened now; not where that is not permitted."""
    with suppress(OSError):
        os.utime(file)


def remove_damaged(file: Path, error: sqlite3.DatabaseError) -> None:
    """Remove a database that `error` says is damaged; not where that is not permitted."""
    if not isinstance(error, sqlite3.OperationalError):
        with suppress(OSError):
            file.unlink()


def remove_unused(folder: Path, now: float) -> None:
    """Remove databases of `folder` that were opened or written last `LONG` before `now`.

    Not what has another name or other content, nor what another process uses.
    """
    try:
        files = list(folder.iterdir())
    except OSError:
        return
    for file in files:
        with suppress(OSError):
            is_old = _NAME.fullmatch(file.name) and _is_unused(file, now)
            # Asked again, as it may have been opened meanwhile.
            if is_old and _is_free(file) and _is_unused(file, now):
                file.unlink()


def _is_unused(file: Path, now: float) -> bool:
    status = file.lstat()
    return stat.S_ISREG(status.st_mode) and now - status.st_mtime > LONG


def _is_free(file: Path) -> bool:
    """Whether it is a database of images that no other process reads or writes now."""
    try:
        # Not made if it has vanished.
        name = f"{file.absolute().as_uri()}?mode=rw"
        with closing(sqlite3.connect(name, timeout=0, uri=True)) as opened:
            opened.execute("BEGIN EXCLUSIVE")
            opened.execute("SELECT name, size, time FROM images LIMIT 0")
    except sqlite3.DatabaseError:
        return False
    return True
