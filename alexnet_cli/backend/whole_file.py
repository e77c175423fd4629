"""Files that appear whole or not at all, and that a crash of the system does not undo."""

import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PART = ".part."
"""What names of files begin with that are not whole yet."""
_MAX_NAME = 255
"""Bytes of a name; that of nearly every file system."""


@contextmanager
def written_whole(target: Path) -> Iterator[Path]:
    """A path to write to, which becomes `target` when the block succeeds.

    Until then readers see the old file or none; after an error it is as it was. The old
    file's permissions stay, and so do its other names (hard links) with the old content.

    Raises:
        OSError: it cannot be written.
    """
    part = part_of(target)
    # A killed process may have left one, perhaps a link to another file.
    part.unlink(missing_ok=True)
    try:
        yield part
        _put(part, target)
    finally:
        part.unlink(missing_ok=True)


def part_of(target: Path) -> Path:
    """The name, always the same, under which `target` is written before it is whole.

    The ending stays: Keras chooses a format of weights by it.
    """
    name = f"{PART}{target.name}"
    if len(os.fsencode(name)) > _MAX_NAME:
        digest = hashlib.sha256(os.fsencode(target.name)).hexdigest()[:32]
        name = f"{PART}{digest}{target.suffix}"
    return target.with_name(name)


def sync(path: Path) -> None:
    """Have the system write the file or the entries of the folder at `path` to its disk."""
    if path.is_dir() and not hasattr(os, "O_DIRECTORY"):
        return  # Windows cannot, and has no need to.
    # Windows syncs only what is open for writing.
    opened = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _put(part: Path, target: Path) -> None:
    """Give the file `part` the place, and the permissions, of `target`."""
    sync(part)
    with suppress(FileNotFoundError):
        before = target.stat().st_mode
        # One of several names is a file of its own.
        if part.stat().st_nlink == 1:
            part.chmod(stat.S_IMODE(before))
    part.replace(target)
    # A folder may be one to write into and not to list, and is not synced then.
    with suppress(PermissionError):
        sync(target.parent)
