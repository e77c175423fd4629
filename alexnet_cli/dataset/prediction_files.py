"""The files of a folder that are to be predicted: every name, also of what cannot be read.

Nothing is left out as a second name of something else; what a class folder would leave
out with a note is an input here, and what keeps it from being read is its error.
"""

import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ..errors import printable
from .layout.file_names import JUNK_FILES, JUNK_FOLDERS, NOT_IMAGES

MOST_NAMES = 8
"""Under how many names, by links, the files of one folder are listed.

Without a limit ten folders that link to each other would be listed in millions of ways.
"""


@dataclass(frozen=True)
class Input:
    """An image to predict, or what was given instead of one."""

    file: Path
    error: str = ""
    """Why it cannot be read, where that is known already."""
    name: str = ""
    """What it was called, if that is no path: a URL, a pattern."""


@dataclass(frozen=True)
class Folder:
    """A folder on the way through a tree."""

    path: Path
    real: str
    """Its path without links."""
    above: "Folder | None" = None
    linked: bool = False
    """A link led to it or to a folder above it."""

    def is_in_a_circle(self) -> bool:
        """Whether it is, or holds, one of the folders above, which a link led to."""
        if not self.linked:
            return False
        folder = self.above
        while folder and not f"{folder.real}{os.sep}".startswith(_below(self.real)):
            folder = folder.above
        return folder is not None


def _below(real: str) -> str:
    """What the paths of all that is in a folder begin with."""
    return real if real.endswith(os.sep) else f"{real}{os.sep}"


class FolderWalk:
    """The inputs below a folder, in the order of names' bytes, and a count of others."""

    def __init__(self, folder: Path, leave_out: Callable[[str], bool]) -> None:
        """`leave_out` says of the real path of a folder whether it is not read."""
        self._root, self._leave_out = folder, leave_out
        self._left_out: Counter[str] = Counter()
        self._names: Counter[str] = Counter()

    def note(self) -> str:
        """What was left out so far, in one line; empty if nothing was."""
        counts = ", ".join(f"{n} {reason}" for reason, n in sorted(self._left_out.items()))
        return f"{printable(self._root)}: left out {counts}" if counts else ""

    def __iter__(self) -> Iterator[Input]:
        """Every file that may be an image, and every file or folder with an error."""
        # Not recursive: folders may be nested deeper than Python calls functions.
        root = Folder(self._root, os.path.realpath(self._root))
        rest: list[tuple[os.DirEntry[str], Folder] | Input]
        rest = self._listed(root)
        while rest:
            item = rest.pop()
            if isinstance(item, Input):
                yield item
                continue
            entry, parent = item
            if reason := _skipped(entry):
                self._left_out[reason] += 1
            elif not is_folder(entry):
                yield Input(Path(entry.path), broken_link(entry))
            else:
                rest += self._listed(below(entry, parent))

    def _listed(self, folder: Folder) -> "list[tuple[os.DirEntry[str], Folder] | Input]":
        """The entries of `folder`, last name first, or the error that it cannot be read."""
        if self._leave_out(folder.real):
            self._left_out["folder(s) of --draw"] += 1
            return []
        if folder.is_in_a_circle():
            self._left_out["link(s) to a folder above"] += 1
            return []
        self._names[folder.real] += 1
        if self._names[folder.real] > MOST_NAMES:
            self._left_out[f"name(s) of folders with more than {MOST_NAMES}"] += 1
            return []
        try:
            with os.scandir(folder.path) as entries:
                found = sorted(entries, key=lambda x: os.fsencode(x.name), reverse=True)
        except OSError as error:
            return [Input(folder.path, f"cannot be read: {error.strerror}")]
        return [(x, folder) for x in found]


def broken_link(entry: "os.DirEntry[str] | Path") -> str:
    """The error of a link that leads nowhere or in a circle; empty for anything else."""
    if not os.path.islink(entry):  # noqa: PTH114, as Path raises for long names.
        return ""
    try:
        os.stat(entry)  # noqa: PTH116
    except FileNotFoundError:
        return "is a broken link"
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    return ""


def below(entry: os.DirEntry[str], parent: Folder) -> Folder:
    """The folder `entry` in `parent`, wherever it is if it is a link."""
    linked = entry.is_symlink()
    real = os.path.realpath(entry.path) if linked else f"{parent.real}{os.sep}{entry.name}"
    return Folder(Path(entry.path), real, parent, linked or parent.linked)


def _skipped(entry: os.DirEntry[str]) -> str:
    """Why `entry` is not taken for an image or a folder of them; empty if it is."""
    name = entry.name.lower()
    if is_folder(entry):
        if name.startswith(".") or name in JUNK_FOLDERS:
            return "hidden or system folder(s)"
        return ""
    if name.startswith(".") or name in JUNK_FILES:
        return "hidden or system file(s)"
    suffix = os.path.splitext(name)[1]  # noqa: PTH122
    return "file(s) that are no images by their extension" if suffix in NOT_IMAGES else ""


def is_folder(entry: os.DirEntry[str]) -> bool:
    """Whether `entry` is a folder or a link to one, and not a link in a circle."""
    try:
        return entry.is_dir()
    except OSError:
        return False
