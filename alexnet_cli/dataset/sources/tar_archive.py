"""A tar archive: read where its members are, or if it is compressed, from its start."""

import bz2
import gzip
import lzma
import tarfile
import threading
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import IO, Any, cast

from ...backend.regular_file import open_regular
from ...errors import DatasetError, ImageError, first_line, printable
from ..images import MAX_BYTES
from ..layout.disk import HEAD, is_image_head
from ..layout.left_out import LeftOut
from ..layout.listing import has_known_extension
from .members import (
    DAMAGE,
    LINK,
    TWICE,
    Opened,
    clean_name,
    kind_of,
    reading,
    require_no_bomb,
)

MAX_HEADER = 2**20
"""Bytes of one header, as of a long name; tarfile would keep any number in memory."""
_BLOCK = 2**18
_MAGIC: dict[bytes, Callable[[BufferedReader], Any]] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ": lzma.open,
}


class _Forward:
    """An unpacked tar, as a file that is read onwards only, and not without end."""

    def __init__(self, file: IO[bytes], path: Path, size: int) -> None:
        self.file, self.path, self.size = file, path, size
        self.position = 0
        self.last = b""
        """The header that was read last."""

    def tell(self) -> int:
        return self.position

    def read(self, count: int) -> bytes:
        """A header."""
        if not 0 <= count <= MAX_HEADER:
            raise tarfile.ReadError(f"a header of {count:,} bytes")
        self.last = self.take(count)
        return self.last

    def take(self, count: int) -> bytes:
        """The next `count` bytes, or what is left."""
        data = self.file.read(count)
        self.position += len(data)
        require_no_bomb(self.position, self.path, self.size)
        return data

    def seek(self, position: int) -> int:
        """Go on to `position`, or to the end."""
        if isinstance(self.file, BufferedReader):
            self.position = self.file.seek(position)
            return self.position
        if position < self.position:
            raise tarfile.ReadError("headers are not in their order")
        while self.position < position:
            if not self.take(min(_BLOCK, position - self.position)):
                break
        return self.position


class _Stream:
    """One pass over the members of a tar."""

    def __init__(self, path: Path) -> None:
        """Open it.

        Raises:
            DatasetError: it cannot be opened.
        """
        self.raw = _opened(path)
        # One file object closes the other, but not the one below it.
        weakref.finalize(self, self.raw.close)
        size = self.raw.seek(0, 2)
        self.raw.seek(0)
        self.forward = _Forward(_unpacked(self.raw), path, size)
        self.sequential = self.forward.file is not self.raw

    def __iter__(self) -> Iterator[tarfile.TarInfo]:
        """The members; after each `self.forward` is where its data begin.

        Raises:
            TarError: the archive is damaged.
        """
        with tarfile.open(fileobj=cast(IO[bytes], self.forward), mode="r:") as tar:
            while (info := tar.next()) is not None:
                # tarfile keeps all that it has read.
                cast(Any, tar).members = []
                self.forward.seek(info.offset_data)
                yield info
        if self.forward.last.strip(b"\0"):
            # tarfile takes damage for the end.
            raise tarfile.ReadError("a damaged header")
        # The checksum of what was compressed is behind it.
        while self.sequential and self.forward.take(_BLOCK):
            pass


def _opened(path: Path) -> BufferedReader:
    try:
        return open_regular(path)
    except OSError as error:
        raise DatasetError(f"{printable(path)}: {error.strerror}") from error


def _unpacked(raw: BufferedReader) -> IO[bytes]:
    """`raw`, or if it is compressed, a file of what it was."""
    head = raw.peek(6)[:6]
    for magic, opener in _MAGIC.items():
        if head.startswith(magic):
            return cast(IO[bytes], opener(raw))
    if name := kind_of(head):
        raise tarfile.ReadError(f"it is {name}")
    return raw


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the content of a member is, in the unpacked tar."""

    offset: int
    size: int
    image: bool
    """It is one by its extension, or by its first bytes."""


class TarMembers:
    """The files of a tar archive, one of them read at a time."""

    def __init__(self, path: Path, places: dict[str, _Place], stream: _Stream) -> None:
        self.path, self.places, self.stream = path, places, stream
        # In the order of their content; hard links share that of another.
        self.names = tuple(sorted(places, key=lambda x: places[x].offset))
        self.sequential = stream.sequential
        self.lock = threading.Lock()
        self.last: tuple[_Place | None, bytes] = None, b""
        """The content that was read last, which hard links may share."""

    def begins_as_image(self, name: str) -> bool:
        """Whether the first bytes of a member are those of an image, as far as is known."""
        return name in self.places and self.places[name].image

    def read(self, name: str) -> bytes:
        """The content of a member; a compressed archive begins anew if it was before.

        Raises:
            ImageError: it is too large or damaged.
        """
        place = self.places.get(name)
        if place is None:
            raise ImageError("is not in the archive")
        if place.size > MAX_BYTES:
            raise ImageError(f"is larger than {MAX_BYTES >> 20} MiB")
        with self.lock:
            data = reading(lambda: self._read(place))
        if len(data) != place.size:
            raise ImageError("is cut short in the archive")
        return data

    def _read(self, place: _Place) -> bytes:
        if place == self.last[0]:
            return self.last[1]
        if self.sequential and self.stream.forward.position > place.offset:
            self.stream = _Stream(self.path)
        self.stream.forward.seek(place.offset)
        data = self.stream.forward.take(place.size)
        if self.sequential:
            self.last = place, data
        return data


def open_tar(path: Path) -> Opened:
    """The tar archive at `path`, compressed by gzip, bzip2 or xz or not; listed once.

    Raises:
        DatasetError: it is none, damaged or a bomb.
    """
    left_out: list[LeftOut] = []
    places: dict[str, _Place] = {}
    try:
        stream = _Stream(path)
        for info in (x for x in stream if not x.isdir()):
            place = _placed(info, stream, places)
            if place is None:
                left_out.append(LeftOut(path / info.name, _kind(info)))
            elif clean := clean_name(info.name, path, left_out.append):
                if places.pop(clean, None):
                    left_out.append(LeftOut(path / clean, TWICE))
                places[clean] = place
    except MemoryError as error:
        raise DatasetError(f"{printable(path)} needs more memory than there is") from error
    except DAMAGE as error:
        raise DatasetError(
            f"{printable(path)} is no tar archive, or was cut short ({first_line(error)}); "
            f"fetch it again, or repack it as .zip or .tar.gz"
        ) from error
    return Opened(TarMembers(path, places, stream), tuple(left_out))


def _placed(
    info: tarfile.TarInfo, stream: _Stream, places: dict[str, _Place]
) -> _Place | None:
    """Where the content is of a member at which `stream` stands; None if it has none.

    That of a hard link is where it is of the member before to which it leads.
    """
    if info.islnk():
        return places.get(info.linkname.removeprefix("./"))
    if info.issparse() or not info.isreg():
        return None
    # Only now can the first bytes be had without reading the archive once more.
    image = has_known_extension(info.name) or is_image_head(
        stream.forward.take(min(HEAD, info.size))
    )
    return _Place(info.offset_data, info.size, image)


def _kind(info: tarfile.TarInfo) -> str:
    if info.issym() or info.islnk():
        return LINK
    return "a sparse file" if info.issparse() else "neither a file nor a folder"
