"""Where a tree of folders is: on a disk, or wherever else there are names and bytes."""

import os
import re
import stat
from pathlib import Path
from typing import Protocol

from ...errors import ImageError, printable
from .. import images
from .left_out import LeftOut

HEAD = 132
"""Bytes by which files of images are told."""
_SIGNATURES = re.compile(
    rb"\xff\xd8\xff|\x89PNG|GIF8|BM|RIFF....WEBP|II[*+]\x00|MM\x00[*+]|\x00\x00\x01\x00|icns|qoif"
    rb"|....ftyp|\x00\x00\x00\x0cjP|\xff\x4f\xff\x51|P[1-6Ff]\s|\n[\x00-\x05]\x01|\x01\xda"
    rb"|\x59\xa6\x6a\x95|DanM|Lin[S]|#define|.{128}DICM",
    re.S,
)
"""How files of images begin. Source: Pillow's plugins, and libmagic for those it lacks."""


class Entry(Protocol):
    """A file or folder in a folder, as os.DirEntry is one of a disk."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def path(self) -> str:
        """Its path, which begins with that of the folder."""

    def is_dir(self) -> bool:
        """Whether it is a folder, or a link to one."""

    def is_file(self) -> bool:
        """Whether it is a regular file, or a link to one."""

    def is_symlink(self) -> bool:
        """Whether it is a link."""


class Files(Protocol):
    """A tree of folders and files, by their paths."""

    @property
    def wrapped(self) -> bool:
        """Whether single folders around the class folders say nothing, as in archives."""

    @property
    def left_out(self) -> tuple[LeftOut, ...]:
        """What is there, but not among the entries."""

    @property
    def sequential(self) -> bool:
        """Whether files are to be read one at a time, in the order of `place`."""

    def entries(self, folder: Path) -> list[Entry]:
        """What is in `folder`, in the order of the names' bytes.

        Raises:
            OSError: it is not a folder or cannot be read.
        """

    def real(self, path: Path | str) -> str:
        """`path` without links: the same for all paths of one folder or file."""

    def begins_as_image(self, path: Path | str) -> bool:
        """Whether there is a file whose first bytes are those of an image."""

    def read(self, path: Path) -> bytes:
        """The content of a file. Called from several threads at once.

        Raises:
            ImageError: it cannot be read.
        """

    def place(self, path: Path) -> int:
        """Where a file stands among all, if they are `sequential`."""


class Disk:
    """The folders and files of the file system."""

    wrapped = False
    left_out = ()
    sequential = False

    def entries(self, folder: Path) -> list[Entry]:
        """What is in `folder`, in the order of the names' bytes.

        Raises:
            OSError: it is not a folder or cannot be read.
        """
        with os.scandir(folder) as found:
            return sorted(found, key=lambda x: os.fsencode(x.name))

    def real(self, path: Path | str) -> str:
        """`path` without links."""
        return os.path.realpath(path)

    def begins_as_image(self, path: Path | str) -> bool:
        """Whether `path` is a file with the first bytes of an image."""
        return begins_as_image(path)

    def read(self, path: Path) -> bytes:
        """The bytes of a file.

        Raises:
            ImageError: it cannot be read.
        """
        try:
            return images.read(path)
        except ImageError as error:
            if path.is_symlink() and str(error) == "does not exist":
                raise ImageError(
                    f"is a link to nothing: {printable(path.readlink())}"
                ) from error
            raise

    def place(self, path: Path) -> int:
        """Files are read in any order."""
        return 0


DISK = Disk()


def begins_as_image(file: "str | os.PathLike[str]") -> bool:
    """Whether `file` is one, and has the first bytes of an image."""
    try:
        # Not a pipe in its place, which would be waited for.
        number = os.open(file, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except OSError:
        return False
    with os.fdopen(number, "rb", buffering=0) as opened:
        if not stat.S_ISREG(os.fstat(number).st_mode):
            return False
        return is_image_head(opened.read(HEAD) or b"")


def is_image_head(head: bytes) -> bool:
    """Whether a file that begins with `head`, of at most HEAD bytes, may be an image."""
    return _SIGNATURES.match(head) is not None
