"""A plain tar of small files, written once from its start; where each is, is known."""

import hashlib
import tarfile
from pathlib import Path

_BLOCK, _RECORD = tarfile.BLOCKSIZE, tarfile.RECORDSIZE


class TarWriter:
    """A tar in the ustar format; equal content gives an equal file."""

    def __init__(self, path: Path) -> None:
        """Make the file.

        Raises:
            OSError: it cannot be made.
        """
        self._file = path.open("wb")
        self._digest = hashlib.sha256()
        self.size = 0

    def add(self, name: str, data: bytes) -> int:
        """Append a file; the position of its first byte.

        Raises:
            OSError: the disk is full.
        """
        info = tarfile.TarInfo(name)
        info.size = len(data)
        self._write(info.tobuf(tarfile.USTAR_FORMAT))
        offset = self.size
        self._write(data)
        self._write(b"\0" * (-self.size % _BLOCK))
        return offset

    def finish(self) -> str:
        """End the tar; its SHA-256.

        Raises:
            OSError: the disk is full.
        """
        self._write(b"\0" * (2 * _BLOCK))
        self._write(b"\0" * (-self.size % _RECORD))
        self._file.flush()
        return self._digest.hexdigest()

    def close(self) -> None:
        """Close the file as it is."""
        self._file.close()

    def _write(self, data: bytes) -> None:
        self._file.write(data)
        self._digest.update(data)
        self.size += len(data)
