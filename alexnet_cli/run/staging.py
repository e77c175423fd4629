"""Where a run is written until it is whole, and how it then takes another one's place."""

import ctypes
import errno
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from ..backend.whole_file import sync
from ..errors import RunError, for_shell, printable
from . import checkpoints, digests
from .destination import EMPTY, STAGED, check_destination
from .lock import LOCK, locked

_FOLDERS = {"assets", "checkpoints", "logs", "plots", "variables"}
"""Names of folders that a training writes into."""


@dataclass
class Staging:
    """A run directory that is being written, and what it will be."""

    folder: Path
    final: Path
    """`folder` itself, or the run directory that it replaces."""
    complete: bool = True
    """Whether it is worth more than what it replaces; set by who writes it."""


@contextmanager
def staged(out: Path, overwrite: bool = False) -> Iterator[Staging]:
    """A folder to write a run into, which is `out` once the block has succeeded.

    It is `out` from the start, to be watched, unless that is a run directory: the old one
    stays until the new one is whole. If the block raises, a folder in which training has
    recorded nothing is removed, and any other stays to be resumed.

    Raises:
        RunError: `out` cannot be written to, is being written to, is a run directory that
            is not to be replaced, or anything else than an empty folder.
    """
    is_run = check_destination(out, overwrite)
    final = out.resolve()  # where a link leads to is replaced, not the link
    with ExitStack() as locks:
        if is_run:
            locks.enter_context(locked(final))
        made = _made(final if not is_run else _beside(final))
        locks.enter_context(locked(made[0]))
        if not is_run:
            # Another training may have ended there since.
            check_destination(out, overwrite=False)
        _clear(made[0])
        try:
            staging = Staging(made[0], final)
            yield staging
            if is_run and staging.complete:
                replace(staging.folder, final)
        except BaseException:
            if not checkpoints.recorded(made[0]):
                _remove(made)
            raise


@contextmanager
def resumed(folder: Path) -> Iterator[Staging]:
    """The run directory `folder` to go on writing to; a staged one then replaces its run.

    Raises:
        RunError: it cannot be written to, is being written to, or would write elsewhere.
    """
    folder = folder.resolve()
    _require_inside(folder)
    match = STAGED.fullmatch(folder.name)
    final = folder.with_name(match["name"]) if match else folder
    with ExitStack() as locks:
        locks.enter_context(locked(folder))
        if match and final.exists():
            locks.enter_context(locked(final))
        for part in folder.glob("**/.part.*"):
            # Of a killed process.
            if part.is_dir():
                shutil.rmtree(part)
            else:
                part.unlink(missing_ok=True)
        staging = Staging(folder, final)
        yield staging
        if match and staging.complete:
            replace(folder, final)
            (final / LOCK).unlink(missing_ok=True)


def _require_inside(folder: Path) -> None:
    """Check that what a training writes into `folder` stays there: links are followed.

    Raises:
        RunError: a file or folder that it writes is a link to another place.
    """
    yours = {*digests.notes(folder)}
    for x in folder.rglob("*"):
        written = x not in yours or x.name in _FOLDERS
        if x.is_symlink() and written and not x.resolve().is_relative_to(folder):
            raise RunError(
                f"{printable(x)} is a link to {printable(x.readlink())}, which would be "
                f"written to; `cp -rL` makes a run directory without links"
            )


@contextmanager
def noting_how_to_go_on(staging: Staging) -> Iterator[None]:
    """Tell with an error from the block where the training is that can be resumed."""
    try:
        yield
    except BaseException as error:
        if checkpoints.recorded(staging.folder):
            name = for_shell(staging.folder)
            error.add_note(f"`alexnet train --resume {name}` goes on")
        raise


def replace(folder: Path, final: Path) -> None:
    """Put the verified run in `folder` in the place of `final`, whose notes it takes over.

    Raises:
        RunError: a file is not what was written; `final` is as it was.
    """
    digests.verify(folder)
    if not final.exists():
        folder.rename(final)
        sync(final.parent)
        return
    for note in digests.notes(final):
        copy = folder / note.relative_to(final)
        if not copy.exists() and not copy.is_symlink():
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(note, copy, follow_symlinks=False)
    old = _beside(final, "old")
    if _exchange(folder, final):
        folder.rename(old)
    else:
        final.rename(old)
        try:
            folder.rename(final)
        except OSError:
            old.rename(final)
            raise
    sync(final.parent)
    shutil.rmtree(old)


def _exchange(one: Path, other: Path) -> bool:
    """Exchange two folders in one step; False where the system cannot."""
    try:
        renameat2 = ctypes.CDLL(None, use_errno=True).renameat2
    except (AttributeError, OSError, TypeError):
        return False
    here, exchange = -100, 2  # AT_FDCWD, RENAME_EXCHANGE
    if renameat2(here, os.fsencode(one), here, os.fsencode(other), exchange) == 0:
        return True
    number = ctypes.get_errno()
    if number in (errno.ENOSYS, errno.EINVAL):  # an old kernel, a simple file system
        return False
    raise OSError(number, os.strerror(number), str(one), None, str(other))


def _beside(final: Path, kind: str = "new") -> Path:
    """A new name on the same volume."""
    return final.with_name(f".{final.name}.{kind}-{secrets.token_hex(4)}")


def _made(folder: Path) -> list[Path]:
    """`folder`, and the folders that were made: itself, if so, and those above it.

    Raises:
        RunError: it cannot be made.
    """
    missing = [x for x in (folder, *folder.parents) if not x.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(f"{printable(folder)} cannot be made: {error.strerror}") from error
    return [folder, *missing]


def _remove(made: list[Path]) -> None:
    """Remove what `_made` has made, and what was written into the folder."""
    folder, *own = made
    # The error that ends the work is the one to report.
    with suppress(OSError):
        _clear(folder)
        (folder / LOCK).unlink()
        for path in own:
            path.rmdir()


def _clear(folder: Path) -> None:
    """Remove everything in `folder` but its lock."""
    for entry in folder.iterdir():
        if entry.is_dir() and not entry.is_symlink() and entry.name != "lost+found":
            shutil.rmtree(entry)
        elif entry.name not in EMPTY:
            entry.unlink()
