"""An image as it was meant to be seen: EXIF orientation applied."""

import struct
import zlib

from PIL import ExifTags, Image

DAMAGE = (
    OSError, SyntaxError, ValueError, TypeError, KeyError, IndexError, EOFError,
    OverflowError, AttributeError, NotImplementedError, RuntimeError,
    struct.error, zlib.error,
)  # fmt: skip
"""What Pillow raises on malformed files, besides a lack of memory."""

_TRANSPOSES = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def upright(image: Image.Image) -> Image.Image:
    """`image` itself if it is upright already."""
    try:
        transpose = _TRANSPOSES.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    except DAMAGE:
        # Broken EXIF says nothing about orientation; the pixels are whole.
        transpose = None
    return image if transpose is None else image.transpose(transpose)
