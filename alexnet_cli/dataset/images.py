"""The only way from a file to pixels, and from pixels to the network's square.

Policy (README, "How pictures are read"): formats by content; first frame or page; EXIF
orientation applied; transparency on white; 16-bit scaled by range; embedded colour
profiles turned into sRGB; damage and oversize are errors, never grey pixels.
"""

import io
import struct
import warnings
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from ..arrays import Pixels
from ..errors import ImageError
from ..preprocess import MAX_PIXELS, Preprocess
from .color import to_rgb

MAX_BYTES = 512 * 2**20

PAD_GRAY = 127

REDUCED = 2
"""A JPEG is decoded at reduced size while that is this many times the size wanted."""

# What is odd about a file without harm to its pixels is no news to the user.
warnings.filterwarnings("ignore", module="PIL")

# decode() applies its own limit, before Pillow allocates anything.
Image.MAX_IMAGE_PIXELS = None

COMMON = ("JPEG", "PNG", "GIF", "BMP", "PPM")
"""Tried first: Pillow loads its plugins for all others only when they are asked for."""

FORMATS = (
    *COMMON, "WEBP", "DIB", "TIFF", "AVIF", "JPEG2000", "ICO", "PCX", "SGI", "QOI",
    "ICNS", "MSP", "SUN", "XBM",
)  # fmt: skip
"""What Pillow reads by a signature and without running another program.

Left out: TGA (no signature, so noise passes for it), EPS (runs Ghostscript), PSD and
other formats of which Pillow reads a part.
"""

# Pillow's decoders raise all of these on malformed files.
_DAMAGE = (
    OSError, SyntaxError, ValueError, TypeError, KeyError, IndexError, EOFError,
    OverflowError, MemoryError, AttributeError, NotImplementedError, RuntimeError,
    struct.error, zlib.error,
)  # fmt: skip

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

_END = b"\xff\xd9"

# What a picture's entropy-coded data might go on with.
_FILLERS = (b"\xf1\x3c\x87" * 90, b"\x55\xaa" * 128, b"\x00" * 256)


@dataclass(frozen=True)
class UprightImage:
    """A decoded file: its pixels as upright sRGB, and what they were stored as."""

    image: Image.Image
    format: str
    turned: bool
    """EXIF orientation was applied."""


def read(path: Path) -> bytes:
    """The bytes of `path`.

    Raises:
        ImageError: it cannot be read, is no file, or is beyond MAX_BYTES.
    """
    try:
        if not path.is_file():
            raise ImageError("is not a file" if path.exists() else "is not there")
        if path.stat().st_size > MAX_BYTES:
            raise ImageError(f"is larger than {MAX_BYTES >> 20} MiB")
        return path.read_bytes()
    except OSError as error:
        raise ImageError(f"cannot be read: {error.strerror}") from error


def decode(source: bytes | Path, max_pixels: int = MAX_PIXELS) -> Pixels:
    """The picture in a file or its bytes as uint8 [H, W, 3], sRGB, upright.

    Raises:
        ImageError: not a picture, damaged, or more than `max_pixels`.
    """
    return np.asarray(open_image(source, max_pixels).image)


def load(source: bytes | Path, preprocess: Preprocess) -> Pixels:
    """The picture as uint8 [R, R, 3], R being `preprocess.size`.

    Raises:
        ImageError: as `decode`.
    """
    picture = open_image(source, preprocess.max_pixels, REDUCED * preprocess.size)
    return square(picture.image, preprocess.resize, preprocess.size)


def square(picture: Image.Image, resize: str, size: int) -> Pixels:
    """`picture` (RGB) as uint8 [size, size, 3]; `resize` is squash, crop or pad.

    Bilinear with antialiasing. The exported graph repeats this arithmetic.
    """
    width, height = picture.size
    if resize == "squash":
        return _resized(picture, (size, size))
    if resize == "crop":
        side = min(width, height)
        left, top = (width - side) // 2, (height - side) // 2
        box = (left, top, left + side, top + side)
        return _resized(picture.crop(box), (size, size))
    longest = max(width, height)
    new = tuple(max(1, (x * size + longest // 2) // longest) for x in (width, height))
    out = np.full((size, size, 3), PAD_GRAY, np.uint8)
    left, top = (size - new[0]) // 2, (size - new[1]) // 2
    out[top : top + new[1], left : left + new[0]] = _resized(picture, (new[0], new[1]))
    return out


def _resized(picture: Image.Image, size: tuple[int, int]) -> Pixels:
    return np.asarray(picture.resize(size, Image.Resampling.BILINEAR))


def open_image(
    source: bytes | Path, max_pixels: int = MAX_PIXELS, least: int = 0
) -> UprightImage:
    """The first frame of a file or its bytes.

    With `least` a JPEG may come at 1/2, 1/4 or 1/8 of its size, as long as its shorter
    side has that many pixels: libjpeg then leaves out work that a resize undoes.

    Raises:
        ImageError: not a picture, damaged, or more than `max_pixels`.
    """
    data = read(source) if isinstance(source, Path) else source
    if not data:
        raise ImageError("is empty")
    try:
        stored = _opened(data, max_pixels, least)
        upright = _upright(stored)
        form = str(stored.format or "JPEG")
        return UprightImage(to_rgb(upright), form, upright is not stored)
    except _DAMAGE as error:
        raise ImageError(f"is damaged: {_reason(error)}") from error


def _reason(error: BaseException) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__


def _opened(data: bytes, max_pixels: int, least: int) -> Image.Image:
    """The first frame, all its pixels read."""
    picture = _identified(data)
    width, height = picture.size
    if width * height > max_pixels:
        raise ImageError(
            f"has {width} x {height} pixels, more than {max_pixels / 1e6:g} million"
        )
    if width * height == 0:
        raise ImageError("has no pixels")
    if picture.format in ("JPEG", "MPO"):
        if least:
            picture.draft(None, (least, least))
        return _jpeg(data, picture, least)
    picture.load()
    return picture


def _identified(data: bytes) -> Image.Image:
    """`data` as a picture whose pixels are still to be read."""
    try:
        return Image.open(io.BytesIO(data), formats=COMMON)
    except UnidentifiedImageError:
        Image.init()
    try:
        known = [x for x in FORMATS if x in Image.OPEN]
        return Image.open(io.BytesIO(data), formats=known)
    except UnidentifiedImageError as error:
        raise ImageError("is not a picture in a known format") from error


def _jpeg(data: bytes, picture: Image.Image, least: int) -> Image.Image:
    """`picture` with its pixels, if none of them is made up.

    libjpeg fills what a cut file lacks with grey, and Pillow does not pass its word on.
    The pixels of a whole file do not depend on what follows the last of them; those of
    a cut one do, whether it still has its end marker or not.
    """
    # An end marker before the last start of scan belongs to an EXIF thumbnail.
    end = data.rfind(_END, data.rfind(b"\xff\xda"))
    fillers = _FILLERS if end < 0 else _FILLERS[:1]
    end = len(data) if end < 0 else end
    try:
        picture.load()
    except OSError as error:
        if "truncated" not in str(error):
            raise
        picture = _with_end(data, b"", least)
    pixels = picture.tobytes()
    if any(_with_end(data[:end], x, least).tobytes() != pixels for x in fillers):
        raise ImageError("is damaged: picture data is missing at its end")
    return picture


def _with_end(data: bytes, filler: bytes, least: int) -> Image.Image:
    picture = Image.open(io.BytesIO(data + filler + _END * 8), formats=("JPEG",))
    if least:
        picture.draft(None, (least, least))
    picture.load()
    return picture


def _upright(picture: Image.Image) -> Image.Image:
    try:
        turn = _TURNS.get(picture.getexif().get(0x0112, 1))
    except _DAMAGE:
        # Broken EXIF says nothing about orientation; the pixels are whole.
        turn = None
    return picture if turn is None else picture.transpose(turn)
