"""Where the files of a folder of shards are read: any part of any of them."""

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from ...backend.regular_file import open_regular
from ...errors import DatasetError, printable


class Store(Protocol):
    """The files of a folder of shards, by their names."""

    @property
    def location(self) -> str:
        """The folder's name in messages, printable."""

    def pin(self, version: str, sizes: Mapping[str, int]) -> None:
        """Receive a name of what the files hold, and the sizes that they should have."""

    def size(self, file: str) -> int:
        """The bytes of `file`.

        Raises:
            OSError: it cannot be read.
            DatasetError: as `read`.
        """

    def read(self, file: str, offset: int, size: int) -> bytes:
        """`size` bytes of `file` from `offset`, or those that there are.

        Called from several threads at once.

        Raises:
            OSError: it cannot be read.
            DatasetError: what serves it does not answer as it should.
        """

    def local(self, file: str, size: int) -> Path:
        """A copy of `file`, of `size` bytes, on this machine.

        Raises:
            OSError, DatasetError: as `read`.
        """


class LocalStore:
    """A folder on this machine."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def location(self) -> str:
        """The folder."""
        return printable(self.folder)

    def pin(self, version: str, sizes: Mapping[str, int]) -> None:
        """Ignore both: files are here, and are looked at."""

    def size(self, file: str) -> int:
        """The bytes of `file`."""
        return (self.folder / file).stat().st_size

    def read(self, file: str, offset: int, size: int) -> bytes:
        """`size` bytes of `file` from `offset`, or those that there are."""
        # Opened each time: thousands of shards are more files than a process may have open.
        with open_regular(self.folder / file) as opened:
            if hasattr(os, "pread"):
                return os.pread(opened.fileno(), size, offset)
            opened.seek(offset)
            return opened.read(size)

    def local(self, file: str, size: int) -> Path:
        """The file itself."""
        return self.folder / file


def file_digest(file: Path) -> str:
    """SHA-256 of `file`, hexadecimal.

    Raises:
        OSError: it cannot be read, or is not a regular file.
    """
    with open_regular(file) as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def unreadable(store: Store, file: str, error: OSError) -> DatasetError:
    """The error that `file` cannot be read."""
    reason = error.strerror or type(error).__name__
    return DatasetError(
        f"{store.location}/{file}: {reason}; `alexnet prepare` writes shards anew, into "
        f"another folder"
    )
