"""A zip archive whose members are read where they are, by several threads."""

import stat
import struct
import weakref
import zipfile
from io import BufferedReader
from pathlib import Path

from ...backend.regular_file import open_regular
from ...errors import DatasetError, ImageError, for_shell, printable
from ..images import MAX_BYTES
from ..layout.disk import HEAD, is_image_head
from ..layout.left_out import LeftOut
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

METHODS = {
    9: "Deflate64", 93: "Zstandard", 95: "XZ", 98: "PPMd", 99: "encryption",
}  # fmt: skip
"""Of compression that Python does not read. Source: PKWARE's APPNOTE, 4.4.5."""
_UTF8 = 0x800
_ENCRYPTED = 0x1
_END = struct.Struct("<4s4H2LH")
"""End of central directory. Source: PKWARE's APPNOTE, 4.3.16."""


class ZipMembers:
    """The files of a zip archive that is open as long as this lives."""

    sequential = False

    def __init__(self, archive: zipfile.ZipFile, infos: dict[str, zipfile.ZipInfo]) -> None:
        self.archive, self.infos = archive, infos
        self.names = tuple(infos)
        weakref.finalize(self, archive.close)

    def begins_as_image(self, name: str) -> bool:
        """Whether the first bytes of a member are those of an image."""
        try:
            with self.archive.open(self.infos[name]) as member:
                return is_image_head(member.read(HEAD))
        except (KeyError, *DAMAGE):
            return False

    def read(self, name: str) -> bytes:
        """The content of a member, checked by its CRC.

        Raises:
            ImageError: it is encrypted, too large, or damaged.
        """
        info = self.infos.get(name)
        if info is None:
            raise ImageError("is not in the archive")
        if info.flag_bits & _ENCRYPTED:
            raise ImageError("is encrypted; unpack the archive with its password")
        if info.file_size > MAX_BYTES:
            raise ImageError(f"is larger than {MAX_BYTES >> 20} MiB")
        if method := METHODS.get(info.compress_type):
            raise ImageError(f"is compressed by {method}, which is not read; repack it")
        return reading(lambda: self.archive.read(info))


def open_zip(path: Path) -> Opened:
    """The zip archive at `path`.

    Raises:
        DatasetError: it is damaged, a part of several, encrypted, or a bomb.
    """
    name = printable(path)
    try:
        file = open_regular(path)
    except OSError as error:
        raise DatasetError(f"{name}: {error.strerror}") from error
    try:
        _require_one_part(file, path)
        archive = zipfile.ZipFile(file)
        # ZipFile leaves closing what it did not open to us.
        weakref.finalize(archive, file.close)
    except DAMAGE as error:
        file.seek(0)
        kind = kind_of(file.read(HEAD))
        file.close()
        said = f"it is {kind}" if kind not in ("", "zip") else error
        raise DatasetError(
            f"{name} is no zip archive, or was cut short ({said}); fetch it again"
        ) from error
    except DatasetError:
        file.close()
        raise
    return _listed(path, archive, size=file.seek(0, 2))


def _listed(path: Path, archive: zipfile.ZipFile, size: int) -> Opened:
    """The members of an archive of `size` bytes."""
    name = printable(path)
    members = [x for x in archive.infolist() if not x.is_dir()]
    require_no_bomb(sum(x.file_size for x in members), path, size)
    _require_apart(members, name)
    left_out: list[LeftOut] = []
    infos: dict[str, zipfile.ZipInfo] = {}
    for info in members:
        member = _name(info)
        if stat.S_ISLNK(info.external_attr >> 16):
            left_out.append(LeftOut(path / member, LINK))
        elif clean := clean_name(member, path, left_out.append):
            if clean in infos:
                left_out.append(LeftOut(path / clean, TWICE))
            infos[clean] = info
    if infos and all(x.flag_bits & _ENCRYPTED for x in infos.values()):
        raise DatasetError(f"{name} is encrypted; unpack it with its password")
    return Opened(ZipMembers(archive, infos), tuple(left_out))


def _name(info: zipfile.ZipInfo) -> str:
    """The name of a member in the encoding that it most likely has."""
    name = info.filename
    if not info.flag_bits & _UTF8:
        # zipfile takes it for cp437; most programs write UTF-8 without saying so.
        try:
            name = name.encode("cp437").decode("utf-8")
        except UnicodeError:
            name = info.filename
    # Programs for Windows write its separators.
    return name if "/" in name else name.replace("\\", "/")


def _require_one_part(file: BufferedReader, path: Path) -> None:
    """Refuse one file of an archive that is split into several.

    Raises:
        DatasetError: it is one.
    """
    size = file.seek(0, 2)
    file.seek(max(0, size - 2**16 - _END.size))
    tail = file.read()
    file.seek(0)
    at = tail.rfind(b"PK\5\6")
    if at < 0 or len(tail) < at + _END.size:
        return
    _, disk, first, *_ = _END.unpack_from(tail, at)
    if (disk, first) != (0, 0) and 0xFFFF not in (disk, first):
        raise DatasetError(
            f"{printable(path)} is one of {disk + 1} parts of a zip archive; join them "
            f"first, as by `zip -s 0 {for_shell(path)} --out whole.zip`"
        )


def _require_apart(members: list[zipfile.ZipInfo], name: str) -> None:
    """Refuse members that share bytes, as in the smallest of bombs.

    Source: Fifield 2019, "A better zip bomb".

    Raises:
        DatasetError: two do.
    """
    end = 0
    for x in sorted(members, key=lambda x: x.header_offset):
        if x.header_offset < end:
            raise DatasetError(
                f"{name}: members overlap, as in a decompression bomb; it is not read"
            )
        end = x.header_offset + x.compress_size
