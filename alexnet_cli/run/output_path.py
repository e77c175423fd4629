"""Where the output files that people name are: behind links, in devices, in pipes."""

import errno
import os
import shutil
import stat
from pathlib import Path

from ..errors import RunError, printable

_MAX_LINKS = 40
"""Links that Linux follows before it says that they lead in a circle."""


def followed(file: Path) -> Path:
    """`file`, or where it leads if it is a link; that need not exist.

    Raises:
        OSError: its links lead in a circle.
    """
    if not file.is_symlink():
        return file
    target = Path(os.path.realpath(file))
    if target.is_symlink():
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(file))
    return target


def is_stream(file: Path) -> bool:
    """Whether `file` is a device, a pipe or a descriptor of this process, not a file.

    Nothing can take its place, and what it is given cannot be taken back.

    Raises:
        OSError: it cannot be looked at.
    """
    if _descriptor(file) is not None:
        return True
    try:
        mode = file.stat().st_mode
    except FileNotFoundError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def copy_to_stream(source: Path, file: Path) -> None:
    """Write the content of `source` into the stream `file`; waits for who reads a pipe.

    Raises:
        RunError: who reads the pipe has ended.
        OSError: it cannot be written to.
    """
    number = _descriptor(file)
    # A descriptor is not opened anew: at the place where others have written up to.
    opened = os.open(file, os.O_WRONLY | os.O_NOCTTY) if number is None else os.dup(number)
    try:
        with os.fdopen(opened, "wb") as out, source.open("rb") as whole:
            shutil.copyfileobj(whole, out)
    except BrokenPipeError as error:
        raise RunError(
            f"{printable(file)}: what reads it ended before all was written"
        ) from error


def require_writable(file: Path, option: str) -> None:
    """Check that `file`, the value of `option`, can be written; nothing is written.

    A folder that does not exist can be made.

    Raises:
        RunError: it cannot.
    """
    try:
        reason = _obstacle(file)
    except OSError as error:
        reason = f": {error.strerror}"
    if reason:
        raise RunError(f"{option} {printable(file)}{reason}; choose another file")


def require_writable_folder(folder: Path, option: str) -> None:
    """Check that files can be written into `folder`, or that it can be made.

    Raises:
        RunError: they cannot.
    """
    try:
        reason = _obstacle_in(folder)
    except OSError as error:
        reason = f": {error.strerror}"
    if reason:
        raise RunError(f"{option} {printable(folder)}{reason}; choose another folder")


def _obstacle(file: Path) -> str:
    """Why `file` cannot be written; empty if it can."""
    if is_stream(file):
        # Of a descriptor that is not open.
        mode = file.stat().st_mode
        if stat.S_ISSOCK(mode) and _descriptor(file) is None:
            return " is a socket"
        return "" if os.access(file, os.W_OK) else " cannot be written to"
    target = followed(file)
    if target.is_dir():
        return " is a folder"
    try:
        target.lstat()
    except FileNotFoundError:
        pass
    else:
        if not os.access(target, os.W_OK):
            return " cannot be written to"
    return _obstacle_in(target.parent)


def _obstacle_in(folder: Path) -> str:
    """Why nothing can be written into `folder`, which may have to be made."""
    while not folder.exists():
        if folder.is_symlink():
            return f": {printable(folder)} is a link to nothing"
        folder = folder.parent
    if not folder.is_dir():
        return f": {printable(folder)} is not a folder"
    if not os.access(folder, os.W_OK | os.X_OK):
        return f": no permission to write into {printable(folder)}"
    return ""


def _descriptor(file: Path) -> int | None:
    """The descriptor that `file` is a name of, as /dev/stdout is of 1."""
    folders = ("/dev/fd", os.path.realpath("/proc/self/fd"))
    for _ in range(_MAX_LINKS):
        if file.name.isdecimal() and os.path.realpath(file.parent) in folders:
            return int(file.name)
        if not file.is_symlink():
            break
        file = file.parent / file.readlink()
    return None
