"""Parts of files on servers, kept on this machine up to a number of bytes."""

import os
import threading
import zlib
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from ...errors import DatasetError, printable


class BlockCache:
    """Files below a folder, of which those that were used least lately are removed.

    Several processes may use one folder; each counts what it has seen there.
    """

    def __init__(self, folder: Path, most_bytes: int) -> None:
        """Take over what an earlier process has left in `folder`."""
        self.folder, self.most_bytes = folder, most_bytes
        self._lock = threading.Lock()
        self._sizes: OrderedDict[Path, int] = OrderedDict()
        found = []
        for path in folder.glob("*/*"):
            # Another process may remove it meanwhile.
            try:
                status = path.stat()
            except OSError:
                continue
            found.append((status.st_mtime_ns, path, status.st_size))
        for _, path, size in sorted(found):
            self._sizes[path] = size
        self._bytes = sum(self._sizes.values())

    def get(self, key: str, size: int, fetch: Callable[[], bytes]) -> bytes:
        """The `size` bytes called `key`, a relative path; by `fetch` if they are not kept.

        What `fetch` returns is kept if it is that long. Called from several threads.

        Raises:
            DatasetError: they cannot be written.
        """
        path = self.folder / key
        data = _kept(path, size)
        if data is None:
            data = fetch()
            if len(data) == size:
                self._keep(path, data)
        self._use(path, len(data))
        return data

    def _keep(self, path: Path, data: bytes) -> None:
        part = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            part.write_bytes(data + _checksum(data))
            part.replace(path)
        except OSError as error:
            with suppress(OSError):
                part.unlink()
            raise DatasetError(
                f"{printable(self.folder)}, where parts of shards are kept: "
                f"{error.strerror}; set XDG_CACHE_HOME to another folder"
            ) from error

    def _use(self, path: Path, size: int) -> None:
        """Note that a file was used last, and remove those that are too much."""
        with self._lock:
            self._bytes += size - self._sizes.pop(path, 0)
            self._sizes[path] = size
            removed = []
            while self._bytes > self.most_bytes and len(self._sizes) > 1:
                old, length = self._sizes.popitem(last=False)
                self._bytes -= length
                removed.append(old)
        for old in removed:
            old.unlink(missing_ok=True)


def _kept(path: Path, size: int) -> bytes | None:
    """The bytes in a file of the cache; None if they are not there or damaged."""
    try:
        found = path.read_bytes()
    except OSError:
        return None
    data, checksum = found[:-4], found[-4:]
    return data if len(data) == size and checksum == _checksum(data) else None


def _checksum(data: bytes) -> bytes:
    return zlib.crc32(data).to_bytes(4, "big")
