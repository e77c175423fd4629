"""The folder of `predict --draw`, and the mark by which a drawing is told from other files.

A drawing holds the digest of its own bytes and name: one that was changed, renamed or
saved again is the user's, as is everything else in the folder.
"""

import hashlib
import os
import struct
import zlib
from pathlib import Path

from ..backend.regular_file import read_regular
from ..errors import DatasetError, first_line, printable
from ..run.output_path import require_writable_folder

_PNG = b"\x89PNG\r\n\x1a\n"
_AFTER_IHDR = len(_PNG) + 25
_JPEG = b"\xff\xd8"
_JFIF = b"\xff\xe0"
_COMMENT = b"\xff\xfe"
_TEXT = "drawn by alexnet predict, sha256 "
_MAX_BYTES = 2**30


class DrawingFolder:
    """A folder, perhaps yet to be made, in which drawings are known by their mark."""

    def __init__(self, folder: Path) -> None:
        """Check that `folder` can be written to.

        Raises:
            RunError: it cannot.
        """
        require_writable_folder(folder, "--draw")
        self.folder = folder
        self._real = os.path.realpath(folder)
        self._folders: dict[str, bool] = {}

    def make(self) -> None:
        """Make the folder, if it does not exist.

        Raises:
            DatasetError: it cannot be made.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            name = printable(self.folder)
            raise DatasetError(f"--draw {name}: {first_line(error)}") from error

    def holds(self, real: str) -> bool:
        """Whether a path without links is the folder or below it."""
        return real == self._real or real.startswith(f"{self._real.rstrip(os.sep)}{os.sep}")

    def has_file(self, file: Path) -> bool:
        """Whether `file`, or what it links to, is in the folder."""
        parent = str(file.parent)
        if parent not in self._folders:
            self._folders[parent] = self.holds(os.path.realpath(parent))
        if self._folders[parent]:
            return True
        # Of the many that are no links the folder alone says it.
        return os.path.islink(file) and self.holds(os.path.realpath(file))  # noqa: PTH114

    def has_drawn(self, file: Path) -> bool:
        """Whether `file` is, or links to, a drawing in the folder, as it was written."""
        return bool(drawing(Path(os.path.realpath(file))))


def drawing(file: Path) -> bytes:
    """The bytes of `file` if it is a drawing as it was written, else none."""
    try:
        data = b"" if file.is_symlink() else read_regular(file, _MAX_BYTES)
    except OSError:
        return b""
    return data if _is_marked(data, file.name) else b""


def marked(data: bytes, name: str) -> bytes:
    """The JPEG or PNG `data` with the mark of the drawing called `name`."""
    at = _place(data)
    return data[:at] + _mark(data, name) + data[at:]


def _is_marked(data: bytes, name: str) -> bool:
    at = _place(data)
    length = len(_mark(data, name))
    rest = data[:at] + data[at + length :]
    return data[at : at + length] == _mark(rest, name)


def _place(data: bytes) -> int:
    """Where the mark stands: where a PNG has its texts, or a JPEG its comment."""
    if data.startswith(_PNG):
        return _AFTER_IHDR
    if data[2:4] == _JFIF:
        return 4 + int.from_bytes(data[4:6])
    return len(_JPEG)


def _mark(data: bytes, name: str) -> bytes:
    """What marks the drawing `name` whose other bytes are `data`; one length a format."""
    digest = hashlib.sha256(os.fsencode(name) + b"\0" + data).hexdigest()
    text = f"{_TEXT}{digest}".encode()
    if not data.startswith(_PNG):
        return _COMMENT + struct.pack(">H", len(text) + 2) + text
    chunk = b"tEXtComment\0" + text
    length, check = len(chunk) - 4, zlib.crc32(chunk)
    return struct.pack(">I", length) + chunk + struct.pack(">I", check)
