"""Members of archives, of any format: which are images, and what is too much."""

import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from lzma import LZMAError
from pathlib import Path
from tarfile import TarError
from typing import Protocol
from zipfile import BadZipFile

from ...errors import DatasetError, ImageError, printable
from ..layout.left_out import LeftOut, Note

MAX_RATIO, SPARE = 200, 2**30
"""Members may be this many times larger than their archive, and so many bytes more.

Images hardly compress; bitmaps of one color do, by a hundred times.
"""
DAMAGE = (
    TarError, BadZipFile, LZMAError, EOFError, zlib.error, OSError, ValueError,
    NotImplementedError, RuntimeError,
)  # fmt: skip
"""What damaged archives raise; RuntimeError also where a password is needed."""
LINK = "a link in the archive, not followed; pack the file itself to use"
TWICE = "in the archive twice; the last one is used"
KINDS = {
    b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zXZ": "xz", b"PK\3\4": "zip",
    b"\x28\xb5\x2f\xfd": "Zstandard", b"7z\xbc\xaf": "7-Zip", b"Rar!": "RAR",
    b"\x04\x22\x4d\x18": "LZ4", b"<": "HTML or XML",
}  # fmt: skip
"""How files begin that are taken for archives of another kind."""
_DRIVE = re.compile(r"[A-Za-z]:")


class Members(Protocol):
    """An open archive."""

    names: tuple[str, ...]
    """Of its files, in their order in it, each once, with forward slashes."""
    sequential: bool
    """It is read from its start; a name before the last one takes as long as all before."""

    def begins_as_image(self, name: str) -> bool:
        """Whether the first bytes of a member are those of an image."""

    def read(self, name: str) -> bytes:
        """The content of a member. Called from several threads at once.

        Raises:
            ImageError: it cannot be read.
        """


@dataclass(frozen=True)
class Opened:
    """An open archive, and what is not among its names."""

    members: Members
    left_out: tuple[LeftOut, ...]


def clean_name(name: str, archive: Path, note: Note) -> str:
    """`name` without "." and doubled slashes; empty if it leads out of the archive."""
    words = [x for x in name.split("/") if x not in ("", ".")]
    if name.startswith("/") or ".." in words or _DRIVE.match(name):
        note(LeftOut(archive / name, "leads out of the archive, by its name"))
        return ""
    return "/".join(words)


def kind_of(head: bytes) -> str:
    """What a file is that begins with `head`; empty if that is not known."""
    return next((name for magic, name in KINDS.items() if head.startswith(magic)), "")


def require_no_bomb(total: int, archive: Path, size: int) -> None:
    """Refuse an archive of `size` bytes that unpacks to `total`, if that is no data set.

    Raises:
        DatasetError: it is.
    """
    if total > MAX_RATIO * size + SPARE:
        raise DatasetError(
            f"{printable(archive)}: what is in it is more than {MAX_RATIO} times larger "
            f"than itself, as in a decompression bomb; unpack it yourself if you trust it"
        )


def reading(read: Callable[[], bytes]) -> bytes:
    """What `read` returns.

    Raises:
        ImageError: it raises what damaged archives raise.
    """
    try:
        return read()
    except MemoryError as error:
        raise ImageError("needs more memory than there is") from error
    except DAMAGE as error:
        said = " ".join(str(error).split())[:200] or type(error).__name__
        raise ImageError(f"cannot be read from the archive: {said}") from error
