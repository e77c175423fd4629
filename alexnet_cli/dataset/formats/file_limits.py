"""Files that are small and cost much: refused by a look at their bytes, before decoding.

How many pixels a file declares is `images`' own limit. These are about work that does not
show in the number of pixels.
"""

import re
from collections.abc import Iterable, Iterator
from itertools import islice, takewhile
from typing import TYPE_CHECKING, cast

from PIL import Image

from ...errors import ImageError
from . import png
from .netpbm import DIGITS
from .pillow_scope import OPTION

if TYPE_CHECKING:
    from PIL.TiffImagePlugin import TiffImageFile

ICON_PIXELS = 4096 * 4096
"""An icon may have this many. ICO is made for 256 x 256, ICNS for 1024 x 1024."""

MAX_REDUCED = 10
"""A JPEG may have this many times the pixels of the limit if it is decoded to fewer."""

MAX_SCANS = 500
"""Of a progressive JPEG; encoders write about ten.

Source: libjpeg-turbo's own fuzz targets, fuzz/decompress.cc, stop after 500 scans.
"""

LEAST_SCANS = 16
"""As many scans a JPEG of up to 100 megapixels may have."""

SCANNED_PIXELS = 400_000_000
"""Scans x pixels of a JPEG with more than LEAST_SCANS: each scan goes over all of them."""

LEAST_SCANNED_PIXELS = 2_000_000_000
"""Scans x pixels of larger ones."""

MAX_PARTS = 20_000
"""Chunks of a PNG, segments of a JPEG, bytes between those, blocks of a GIF's comments.

Pillow reads each of them in Python. A PNG may have one per PNG_CHUNK bytes.
"""

PNG_CHUNK = 4096
"""libpng writes pixels in pieces of 8 KiB."""

MAX_PLAIN_BYTES = 64 * 2**20
"""Size of a QOI, which Pillow decodes in Python, and of a PBM, PGM or PPM in digits."""

_ICONS = (b"\0\0\1\0", b"icns")
_JPEG = b"\xff\xd8\xff"
_GIF = b"GIF8"
_QOI = b"qoif"
_SCAN = re.compile(rb"\xff\xda")
_START_OF_SCAN, _END = 0xDA, 0xD9

_TILE = (322, 323)
"""Tags of the width and the height of a tile."""

_COMPRESSION, _JPEG_COMPRESSIONS = 259, (6, 7)
_PLACES = ((273, 279), (324, 325))
"""Tags of the offsets and the sizes of strips, and of tiles."""

_MARKER = re.compile(rb"\xff([\x02-\xcf\xd9-\xfe])")
"""But for restarts, starts of images and stuffed zeros, none of which ends a scan."""


def pixel_limit(data: bytes, max_pixels: int) -> tuple[int, str]:
    """How many pixels `data` may declare, and what sets that, in words.

    `max_pixels`; fewer if it is an icon, whose images Pillow opens by itself; more if it
    is a JPEG, which may be decoded to fewer than it has.
    """
    if data.startswith(_JPEG):
        return MAX_REDUCED * max_pixels, f"{MAX_REDUCED} times {OPTION}"
    if data.startswith(_ICONS) and max_pixels > ICON_PIXELS:
        return ICON_PIXELS, ""
    return max_pixels, OPTION


def tile_size(image: Image.Image) -> tuple[int, int]:
    """Width and height of the tiles of a TIFF; 0, 0 if it has none.

    libtiff takes memory for a whole one, which may be larger than the image.
    """
    if image.format != "TIFF":
        return 0, 0
    tags = cast("TiffImageFile", image).tag_v2
    # The tags of a file may be of any type.
    width, height = (x if isinstance(x, int) else 0 for x in map(tags.get, _TILE))
    return width, height


def require_few_parts(data: bytes) -> None:
    """Nothing, if `data` has not so many parts that reading them takes long.

    Raises:
        ImageError: it has.
    """
    if data.startswith(png.SIGNATURE):
        _require_few(
            png.chunk_names(data), "chunks", max(MAX_PARTS, len(data) // PNG_CHUNK)
        )
    elif data.startswith(_JPEG):
        # Each begins with this byte; the ones in pixels and thumbnails count too.
        if len(data) > MAX_PARTS and data.count(b"\xff") > MAX_PARTS:
            _require_few(_jpeg_markers(data), "segments")
            _require_few(range(_filler(data)), "bytes between segments")
    elif data.startswith(_GIF):
        _require_few(_gif_blocks(data), "blocks before its first image")
    elif data.startswith((*DIGITS, _QOI)) and len(data) > MAX_PLAIN_BYTES:
        kind = "a QOI" if data.startswith(_QOI) else "plain text"
        raise ImageError(
            f"is {kind} of more than {MAX_PLAIN_BYTES >> 20} MiB; save it as PNG"
        )


def require_few_scans(data: bytes, image: Image.Image) -> None:
    """Nothing, if the JPEG or TIFF `image` in `data` has not too many scans.

    Raises:
        ImageError: it has, or one of the JPEGs in a TIFF has.
    """
    pixels = max(1, image.width * image.height)
    least = min(LEAST_SCANS, LEAST_SCANNED_PIXELS // pixels)
    limit = max(1, least, min(MAX_SCANS, SCANNED_PIXELS // pixels))
    parts = _jpegs(data, image) if image.format == "TIFF" else [data]
    for part in parts:
        # Those of a thumbnail or a second image count first: nearly always that suffices.
        if next(islice(_SCAN.finditer(part), limit, None), None):
            scans = sum(x == _START_OF_SCAN for x, _ in _jpeg_markers(part))
            if scans > limit:
                raise ImageError(f"has {scans} scans, more than {limit}; save it again")


def _jpegs(data: bytes, image: Image.Image) -> Iterator[bytes]:
    """The JPEGs that are strips or tiles of a TIFF, each once."""
    tags = cast("TiffImageFile", image).tag_v2
    if tags.get(_COMPRESSION) not in _JPEG_COMPRESSIONS:
        return
    for offsets, counts in _PLACES:
        pairs = set(zip(tags.get(offsets, ()), tags.get(counts, ()), strict=False))
        if sum(count for _, count in pairs) > 2 * len(data):
            raise ImageError("has strips or tiles that overlap; save it again")
        for offset, count in pairs:
            yield data[offset : offset + count]


def _require_few(found: Iterable[object], parts: str, limit: int = MAX_PARTS) -> None:
    if next(islice(found, limit, None), None) is not None:
        raise ImageError(f"has more than {limit} {parts}; save it again")


def _gif_blocks(data: bytes) -> Iterator[int]:
    """Sizes of the blocks that extensions of a GIF consist of, before its first image."""
    table = 3 << ((data[10] & 7) + 1) if len(data) > 10 and data[10] & 0x80 else 0
    place = 13 + table
    while data[place : place + 1] == b"!":
        place += 2
        while place < len(data) and (size := data[place]):
            yield size
            place += 1 + size
        place += 1


def _filler(data: bytes) -> int:
    """Bytes of a JPEG's header that belong to no segment."""
    before_scan = takewhile(lambda x: x[0] != _START_OF_SCAN, _jpeg_markers(data))
    return sum(skipped for _, skipped in before_scan)


def _jpeg_markers(data: bytes) -> Iterator[tuple[int, int]]:
    """Second bytes of a JPEG's markers, and the bytes skipped before each.

    Up to the end of its first image.
    """
    position = 2
    while marker := _MARKER.search(data, position):
        code = marker[1][0]
        yield code, marker.start() - position
        if code == _END:
            return
        position = marker.end() + int.from_bytes(data[marker.end() : marker.end() + 2])
    yield _END, max(0, len(data) - position)
