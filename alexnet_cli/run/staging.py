"""Where a run is written until it is whole, and how it then takes another one's place."""

import ctypes
import errno
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from ..errors import RunError, printable
from . import checkpoints, digests
from .files import sync
from .lock import LOCK, locked, owner
from .run import FINISHED, TRAINING, Run

_STAGED = re.compile(r"\.(?P<name>.+)\.new-[0-9a-f]{8}")
"""Names of folders that are written to before they replace the run directory `name`."""
_EMPTY = {LOCK, "lost+found"}
"""Entries of folders that count as empty: of a dead process, and of a new file system."""
_LEFTOVER = r"\.{name}\.(new|old)(-[0-9a-f]{{8}})?"


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
        RunError: it cannot be written to, or is being written to.
    """
    folder = folder.resolve()
    match = _STAGED.fullmatch(folder.name)
    final = folder.with_name(match["name"]) if match else folder
    with ExitStack() as locks:
        locks.enter_context(locked(folder))
        if match and final.exists():
            locks.enter_context(locked(final))
        for part in folder.glob("**/.part.*"):
            part.unlink()  # of a killed process
        staging = Staging(folder, final)
        yield staging
        if match and staging.complete:
            replace(folder, final)


@contextmanager
def noting_how_to_go_on(staging: Staging) -> Iterator[None]:
    """Tell with an error from the block where the training is that can be resumed."""
    try:
        yield
    except BaseException as error:
        if checkpoints.recorded(staging.folder):
            name = printable(staging.folder)
            error.add_note(f"`alexnet train --resume {name}` goes on")
        raise


def check_destination(out: Path, overwrite: bool) -> bool:
    """Whether `out` is a run directory, which a new one is to replace.

    Raises:
        RunError: no run can be written there.
    """
    name = printable(out)
    try:
        entries = {x.name for x in out.iterdir()}
    except FileNotFoundError:
        if out.is_symlink():
            raise RunError(f"{name} is a link to nothing; choose another --out") from None
        return False
    except NotADirectoryError as error:
        raise RunError(f"{name} is a file; choose another --out") from error
    except OSError as error:
        raise RunError(f"{name}: {error.strerror}; choose another --out") from error
    if not entries - _EMPTY or (LOCK in entries and _is_worthless(out)):
        return False
    if "run.json" not in entries:
        raise RunError(
            f"{name} already exists and is not a run directory; choose another --out"
        )
    _check_replaceable(out, overwrite)
    return True


def _is_worthless(folder: Path) -> bool:
    """Whether `folder` holds only what a killed process wrote before the first step."""
    if checkpoints.recorded(folder) or digests.notes(folder):
        return False
    return not (folder / "run.json").exists() or Run.read(folder).status == TRAINING


def _check_replaceable(out: Path, overwrite: bool) -> None:
    name, final = printable(out), out.resolve()
    try:
        run = Run.read(out)
    except RunError as error:
        # Another program's, or a damaged one: not ours to replace.
        raise RunError(f"{error}; delete it yourself, or choose another --out") from error
    if not overwrite and run.status == FINISHED:
        raise RunError(
            f"{name} already exists; --overwrite replaces it, or choose another --out"
        )
    if not overwrite:
        raise RunError(
            f"{name} holds a training with other options that did not end; "
            f"--resume {name} goes on with it, --overwrite replaces it"
        )
    if Path.cwd().is_relative_to(final):
        raise RunError(
            f"{name} is the current folder or holds it and cannot be replaced; "
            f"change to another folder"
        )
    if final.is_mount():
        raise RunError(
            f"{name} is a mount point and cannot be replaced; choose a folder inside it"
        )
    if not os.access(final.parent, os.W_OK | os.X_OK):
        raise RunError(
            f"{name} cannot be replaced: {printable(final.parent)} cannot be written to; "
            f"choose another --out"
        )


def leftovers(out: Path) -> list[str]:
    """What trainings that were cut off have left beside `out`, a line each."""
    final = out.resolve()
    pattern = re.compile(_LEFTOVER.format(name=re.escape(final.name)))
    try:
        found = sorted(x for x in final.parent.iterdir() if pattern.fullmatch(x.name))
    except OSError:
        return []
    return [_leftover(x, final) for x in found if x.is_dir() and not owner(x)]


def _leftover(folder: Path, final: Path) -> str:
    name = printable(folder)
    if _STAGED.fullmatch(folder.name) and checkpoints.recorded(folder):
        return (
            f"{name} holds a training that was to replace {printable(final)} and did not "
            f"end; `alexnet train --resume {name}` goes on, or delete it"
        )
    return f"{name} is left from a training that was cut off; delete it if it holds nothing"


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
        elif entry.name not in _EMPTY:
            entry.unlink()
