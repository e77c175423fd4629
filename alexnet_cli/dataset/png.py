"""Damage in a PNG, which Pillow does not look for, and what it reads wrong of one."""

import re
import struct
import zlib
from collections.abc import Iterator

from PIL import Image

from ..errors import ImageError

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_ICONS = (b"\0\0\1\0", b"icns")
_PRINTABLE = re.compile(rb"[A-Za-z]{4}")
_HEAD = struct.Struct(">I4s")
_DEPTH = len(SIGNATURE) + 16
"""Where a PNG has the bits of a channel."""


def require_whole(data: bytes) -> None:
    """Nothing, if no chunk of a PNG, or of one within an icon, is damaged or missing.

    Raises:
        ImageError: one is, up to the end of the image.
    """
    if data.startswith(SIGNATURE):
        _end(data, 0)
    elif data.startswith(_ICONS):
        start = data.find(SIGNATURE)
        while start >= 0:
            # From the end of the last one: its bytes may hold more signatures.
            start = data.find(SIGNATURE, _end(data, start))


def _end(data: bytes, start: int) -> int:
    """Where the PNG at `start` ends.

    Raises:
        ImageError: a checksum is wrong, or it ends too early.
    """
    view, position = memoryview(data), start + len(SIGNATURE)
    while position + _HEAD.size <= len(data):
        length, name = _HEAD.unpack_from(data, position)
        end: int = position + _HEAD.size + length
        if not _PRINTABLE.fullmatch(name) or end + 4 > len(data):
            break
        if zlib.crc32(view[position + 4 : end]) != int.from_bytes(view[end : end + 4]):
            raise ImageError(f"is damaged: PNG chunk {name.decode()} has a wrong checksum")
        position = end + 4
        if name == b"IEND":
            return position
    raise ImageError("is damaged: the end of the PNG is missing")


def chunk_names(data: bytes) -> Iterator[bytes]:
    """Names of the chunks of a PNG."""
    position = len(SIGNATURE)
    while position + _HEAD.size <= len(data):
        length, name = _HEAD.unpack_from(data, position)
        yield name
        position += length + 12


def correct(image: Image.Image, data: bytes) -> None:
    """Give `image`, a PNG with its pixels, its transparent level in terms of these.

    Pillow scales gray of 2 and 4 bits to 8, but not that level.
    """
    key, depth = image.info.get("transparency"), data[_DEPTH]
    if image.mode == "L" and isinstance(key, int) and depth < 8:
        image.info["transparency"] = key * (255 // (2**depth - 1))
