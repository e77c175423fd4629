"""Which format the bytes of an image are in."""

import io

from PIL import Image, UnidentifiedImageError

from ...errors import ImageError
from . import heif
from .unread_formats import named

COMMON = ("JPEG", "PNG", "GIF", "BMP", "PPM")
"""Tried first, because Pillow has to load its plugins for all others."""

FORMATS = (
    *COMMON, "WEBP", "DIB", "TIFF", "AVIF", "JPEG2000", "ICO", "PCX", "SGI", "QOI",
    "ICNS", "MSP", "SUN", "XBM",
)  # fmt: skip
"""What Pillow reads by a signature and without running another program.

Left out: TGA (no signature, so noise passes for it), EPS (runs Ghostscript), PSD and
other formats of which Pillow reads a part.
"""


def identified(data: bytes) -> Image.Image:
    """The first frame in `data`, whose pixels are still to be read.

    Raises:
        ImageError: nothing that is read; says what it is instead, if that is known.
    """
    try:
        return Image.open(io.BytesIO(data), formats=COMMON)
    except UnidentifiedImageError:
        Image.init()
    try:
        known = [x for x in FORMATS if x in Image.OPEN]
        return Image.open(io.BytesIO(data), formats=known)
    except UnidentifiedImageError as error:
        if heif.looks_like(data):
            return heif.opened(data)
        raise ImageError(named(data)) from error
