"""Damage in a PNG, which Pillow does not look for, and what it reads wrong of one."""

import re
import struct
import zlib
from collections.abc import Iterator

from PIL import Image

from ...errors import ImageError

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_ICONS = (b"\0\0\1\0", b"icns")
_PRINTABLE = re.compile(rb"[A-Za-z]{4}")
_HEAD = struct.Struct(">I4s")
_DEPTH = len(SIGNATURE) + 16
"""Where a PNG has the bits of a channel."""
_KNOWN = frozenset({b"IHDR", b"PLTE", b"IDAT", b"IEND"})
"""Chunks that may not be passed over, as their first letter in upper case says."""
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""Channels by the color type."""
_PASSES = (
    (0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2),
    (0, 1, 1, 2),
)  # fmt: skip
"""First column, first row and steps of the passes of an interlaced image."""
_PIECE = 2**20


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
        ImageError: a checksum is wrong, a chunk that matters is unknown, or it ends too
            early.
    """
    view, position = memoryview(data), start + len(SIGNATURE)
    while position + _HEAD.size <= len(data):
        length, name = _HEAD.unpack_from(data, position)
        end: int = position + _HEAD.size + length
        if not _PRINTABLE.fullmatch(name) or end + 4 > len(data):
            break
        if zlib.crc32(view[position + 4 : end]) != int.from_bytes(view[end : end + 4]):
            raise ImageError(f"is damaged: PNG chunk {name.decode()} has a wrong checksum")
        if name[:1].isupper() and name not in _KNOWN:
            raise ImageError(f"is damaged: PNG chunk {name.decode()} is of no known kind")
        position = end + 4
        if name == b"IEND":
            return position
    raise ImageError("is damaged: the end of the PNG is missing")


def load(image: Image.Image, data: bytes) -> None:
    """Decode `image`, just opened from `data`; that of a PNG has to have all its rows.

    Pillow leaves rows at 0 that a compressed stream with a proper end does not hold.

    Raises:
        ImageError: rows are missing.
    """
    image.load()
    if image.format != "PNG":
        return
    width, height = image.size
    interlaced = data[_DEPTH + 4] != 0
    last = image.crop((0, height - 1, width, height)).tobytes()
    if not interlaced and last.strip(b"\0"):
        return
    if _inflated(data) < _bytes_of_pixels(width, height, data, interlaced=interlaced):
        raise ImageError("is damaged: rows of the PNG are missing")


def _bytes_of_pixels(width: int, height: int, data: bytes, *, interlaced: bool) -> int:
    """How long the compressed stream is that a PNG should hold."""
    bits = data[_DEPTH] * _CHANNELS[data[_DEPTH + 1]]
    total = 0
    for x, y, right, down in _PASSES if interlaced else ((0, 0, 1, 1),):
        columns, rows = -(-(width - x) // right), -(-(height - y) // down)
        if columns > 0 and rows > 0:
            total += rows * (1 + -(-columns * bits // 8))
    return total


def _inflated(data: bytes) -> int:
    """How long the compressed stream of a PNG, whose checksums are right, really is."""
    stream, length = zlib.decompressobj(), 0
    for name, content in _chunks(data):
        if name == b"IDAT":
            rest = bytes(content)
            while rest and not stream.eof:
                length += len(stream.decompress(rest, _PIECE))
                rest = stream.unconsumed_tail
    return length + len(stream.flush())


def chunk_names(data: bytes) -> Iterator[bytes]:
    """Names of the chunks of a PNG."""
    return (name for name, _ in _chunks(data))


def _chunks(data: bytes) -> Iterator[tuple[bytes, memoryview]]:
    """Name and content of each chunk of a PNG."""
    view, position = memoryview(data), len(SIGNATURE)
    while position + _HEAD.size <= len(data):
        length, name = _HEAD.unpack_from(data, position)
        start = position + _HEAD.size
        yield name, view[start : start + length]
        position += length + 12


def correct(image: Image.Image, data: bytes) -> None:
    """Give `image`, a PNG with its pixels, its transparent level in terms of these.

    Pillow scales gray of 2 and 4 bits to 8, but not that level.
    """
    key, depth = image.info.get("transparency"), data[_DEPTH]
    if image.mode == "L" and isinstance(key, int) and depth < 8:
        image.info["transparency"] = key * (255 // (2**depth - 1))
