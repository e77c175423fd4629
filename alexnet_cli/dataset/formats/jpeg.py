"""The pixels of a JPEG, if all of them come from its file.

libjpeg fills what a cut file lacks with gray and only warns, and Pillow drops its
warnings. simplejpeg has the same decoder and makes each warning an error. What it
decodes is whole, and its pixels are those of Pillow. What it refuses need not be
damaged: Pillow decodes that twice, and has the last word.
"""

import importlib
import io
import re
from types import ModuleType

from PIL import Image, features

from ...arrays import Pixels
from ...errors import ImageError

_COLORS = {("RGB", "YCbCr"): "RGB", ("RGB", "RGB"): "RGB", ("L", "Gray"): "GRAY"}
"""Mode in Pillow and colors in the file -> what simplejpeg is asked for."""

_RARE = re.compile(rb"\xff[\xc3\xc5-\xc7\xc9-\xcb\xcd-\xcf]")
"""Starts of frames that are not Huffman-coded DCT.

libjpeg does not warn of missing arithmetic-coded data.
"""

COEFFICIENTS = 6
"""Bytes per pixel."""

FORMATS = ("JPEG", "MPO")
"""What Pillow calls a JPEG, and several in one file."""

BYTES_PER_PIXEL = 20
"""More than decoding a pixel takes at its peak, but for its coefficients."""

_LEAST = 8
"""Reduced images with shorter sides may have the size of two scales of libjpeg."""

_END = b"\xff\xd9"
_FILLERS = (b"\xf1\x3c\x87" * 90, b"\x55\xaa" * 128, b"\x00" * 256)
"""Bytes with which the entropy-coded data of a JPEG might go on."""


def strict_decoder() -> ModuleType | None:
    """simplejpeg; None on a small device that has Pillow only, or another libjpeg in it.

    Either way the answers are the same, but each JPEG is decoded twice.
    """
    if not features.check("libjpeg_turbo"):
        return None
    try:
        return importlib.import_module("simplejpeg")
    except ImportError:
        return None


STRICT = strict_decoder()


def pixels_to_decode(image: Image.Image, min_side: int) -> int:
    """As how many pixels the JPEG `image` counts.

    As those that it is decoded to; or as many as would take the memory of its
    coefficients, all of which are kept, at full size, of a progressive one.
    """
    pixels = image.width * image.height
    kept = COEFFICIENTS * pixels // BYTES_PER_PIXEL
    reduced = pixels // _reduction(image, min_side) ** 2
    return max(reduced, kept) if image.info.get("progressive") else reduced


def bytes_to_decode(image: Image.Image, min_side: int) -> int:
    """Memory, at its peak, that `load` takes, and what follows it; measured."""
    pixels = image.width * image.height
    stored = COEFFICIENTS * pixels if image.info.get("progressive") else 0
    return stored + BYTES_PER_PIXEL * pixels // _reduction(image, min_side) ** 2


def _reduction(image: Image.Image, min_side: int) -> int:
    """1, 2, 4 or 8: by what the sides of `image` are divided while it is decoded."""
    shrink = min(8, max(1, min(image.size) // min_side)) if min_side else 1
    return 1 << (shrink.bit_length() - 1)


def load(data: bytes, image: Image.Image, min_side: int) -> Image.Image:
    """`image`, just opened from `data`, with its pixels.

    With `min_side` reduced to 1/2, 1/4 or 1/8 if both sides keep that many pixels.

    Raises:
        ImageError: image data is missing at its end.
        OSError: libjpeg cannot decode it.
    """
    stored_size = image.size
    if min_side:
        image.draft(None, (min_side, min_side))
    pixels = _strict(data, image, stored_size)
    if pixels is None:
        return _compared(data, image, min_side)
    found = Image.fromarray(pixels)
    found.info, found.format = image.info, image.format
    return found


def _strict(data: bytes, image: Image.Image, stored_size: tuple[int, int]) -> Pixels | None:
    """uint8 [H, W, 3] or [H, W], of the size and mode of `image`; None to ask Pillow."""
    reduced = image.size != stored_size
    if STRICT is None or _RARE.search(data) or (reduced and min(image.size) < _LEAST):
        return None
    width, height = image.size if reduced else (0, 0)
    try:
        # First, as pixels of another size than Pillow's may not fit in memory.
        rows, columns, stored_colors, _ = STRICT.decode_jpeg_header(data)
        colors = _COLORS.get((image.mode, stored_colors))
        if colors is None or (columns, rows) != stored_size:
            return None
        pixels: Pixels = STRICT.decode_jpeg(
            data, colors, min_height=height, min_width=width
        )
    except (ValueError, KeyError):
        # A warning, or (a KeyError) a sampling that simplejpeg has no name for.
        return None
    return pixels[..., 0] if colors == "GRAY" else pixels


def _compared(data: bytes, image: Image.Image, min_side: int) -> Image.Image:
    """`image` with its pixels, decoded twice.

    The pixels of a whole file do not depend on what follows the last of them; those of a
    cut one do, whether it still has its end marker or not.
    """
    # An end marker before the last start of scan belongs to an EXIF thumbnail.
    end = data.rfind(_END, data.rfind(b"\xff\xda"))
    fillers = _FILLERS if end < 0 else _FILLERS[:1]
    # Bytes of 255 before a marker belong to it; with a filler they would be another one.
    scans = (data if end < 0 else data[:end]).rstrip(b"\xff")
    try:
        image.load()
    except OSError as error:
        if "truncated" not in str(error):
            raise
        image = _with_end(data, b"", min_side)
    pixels = image.tobytes()
    if any(_with_end(scans, x, min_side).tobytes() != pixels for x in fillers):
        raise ImageError("is damaged: image data is missing at its end")
    return image


def _with_end(data: bytes, filler: bytes, min_side: int) -> Image.Image:
    image = Image.open(io.BytesIO(data + filler + _END * 8), formats=("JPEG",))
    if min_side:
        image.draft(None, (min_side, min_side))
    image.load()
    return image
