"""Where a run can be written, and what trainings that were cut off have left there."""

import os
import re
from pathlib import Path

from ..errors import RunError, for_shell, printable
from . import checkpoints, digests
from .lock import LOCK, owner
from .run import FINISHED, TRAINING, Run

STAGED = re.compile(r"\.(?P<name>.+)\.new-[0-9a-f]{8}")
"""Names of folders that are written to before they replace the run directory `name`."""
EMPTY = {LOCK, "lost+found"}
"""Entries of folders that count as empty: of a dead process, and of a new file system."""
_LEFTOVER = r"\.{name}\.(new|old)(-[0-9a-f]{{8}})?"


def is_staged(folder: Path) -> bool:
    """Whether `folder` is to replace the run directory that its name says."""
    return STAGED.fullmatch(folder.resolve().name) is not None


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
    if not entries - EMPTY or (LOCK in entries and _is_worthless(out)):
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
    if STAGED.fullmatch(folder.name) and checkpoints.recorded(folder):
        return (
            f"{name} holds a training that was to replace {printable(final)} and did not "
            f"end; `alexnet train --resume {for_shell(folder)}` goes on, or delete it"
        )
    return f"{name} is left from a training that was cut off; delete it if it holds nothing"
