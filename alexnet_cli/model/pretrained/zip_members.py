"""Members of zip archives, read only as far as the archive's own size allows."""

import struct
import zlib
from collections import Counter
from typing import BinaryIO, cast
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

from ...errors import WeightsError
from .safe_pickle import LimitedFile

ZIP = b"PK\x03\x04"
"""How a zip archive with members begins."""
MAX_MEMBERS = 20_000
MAX_RATIO, SPARE = 16, 2**20
"""Members may be this many times larger than their archive, and so many bytes more.

Trained weights hardly compress; a decompression bomb is a thousand times larger.
"""


def zip_members(archive: ZipFile, size: int) -> dict[str, ZipInfo]:
    """The members of an archive of `size` bytes by name.

    Raises:
        WeightsError: one is there twice or encrypted, or they are too many or large.
    """
    members = archive.infolist()
    if len(members) > MAX_MEMBERS:
        raise WeightsError(f"is a zip archive of more than {MAX_MEMBERS:,} members")
    twice = [k for k, n in Counter(x.filename for x in members).items() if n > 1]
    if twice:
        raise WeightsError(f"is damaged: {twice[0][:100]} is in the archive twice")
    if any(x.flag_bits & 1 for x in members):
        raise WeightsError("is an encrypted archive: decrypt it first")
    if sum(x.file_size for x in members) > MAX_RATIO * size + SPARE:
        raise WeightsError(
            f"is an archive whose members are {MAX_RATIO} times larger than itself, or more"
        )
    return {x.filename: x for x in members}


def stored_member(file: BinaryIO, info: ZipInfo) -> bytes:
    """The bytes of a member that is not compressed, of the archive in `file`.

    Its checksum is compared unless it is 0, as torch writes it where it is told not to
    compute checksums; zipfile would refuse that.

    Raises:
        WeightsError: it is compressed, or not as the archive describes it.
    """
    # Neither does; a compressed member may be a decompression bomb.
    if info.compress_type != ZIP_STORED or info.compress_size != info.file_size:
        raise WeightsError(
            "is a compressed archive, which torch and Keras do not write: unzip it and zip "
            "it with -0"
        )
    file.seek(info.header_offset)
    header = file.read(30)
    if len(header) < 30 or header[:4] != ZIP:
        raise WeightsError(f"is damaged: {info.filename[:100]} is not where it should be")
    name, extra = struct.unpack("<HH", header[26:])
    start = file.seek(name + extra, 1)
    end = file.seek(0, 2)
    file.seek(start)
    data = file.read(min(info.file_size, max(0, end - start)))
    if len(data) != info.file_size or (info.CRC and zlib.crc32(data) != info.CRC):
        raise WeightsError(f"is damaged: {info.filename[:100]} is cut or changed")
    return data


def opened_member(archive: ZipFile, info: ZipInfo) -> LimitedFile:
    """A member as a file, deflated or not.

    Raises:
        WeightsError: it is compressed in another way.
    """
    if info.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
        raise WeightsError("is an archive compressed in a way that NumPy does not write")
    return LimitedFile(cast(BinaryIO, archive.open(info)), info.file_size)
