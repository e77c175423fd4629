"""The only way from a file to pixels, and from pixels to the square that is stored.

Policy (docs/data.md, "How images are read"): formats by content; first frame or page;
EXIF orientation applied; transparency on white; 16-bit scaled by range; embedded color
profiles converted to sRGB; damage and oversize are errors, never gray pixels.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from ..arrays import Pixels
from ..errors import ImageError
from ..preprocess import MAX_PIXELS, Preprocess
from .formats import file_limits, heif, jpeg, netpbm, png, tiff, wide_levels
from .formats.color import to_rgb
from .formats.identify import identified
from .formats.memory_budget import MemoryBudget
from .formats.orientation import DAMAGE, upright
from .formats.pillow_scope import pillow_scope, require_pixels

MAX_BYTES = 512 * 2**20
"""Size of the largest file that is read."""

MEMORY = MemoryBudget(2 * 2**30)
"""What is decoded at one time, by all threads; any one image may be decoded alone."""

BYTES_PER_PIXEL = jpeg.BYTES_PER_PIXEL
"""More than decoding a pixel takes at its peak, whatever the format; see docs/data.md."""

PAD_GRAY = 127
"""Level of the bars of --resize pad."""

REDUCED = 2
"""A JPEG may be decoded at a reduced size that is at least this many times R."""

VIEWED = 1024
"""As REDUCED x R where an image is to be seen, not computed with."""


@dataclass(frozen=True)
class UprightImage:
    """A decoded file: its pixels as upright sRGB, and what they were stored as."""

    image: Image.Image
    format: str
    turned: bool
    """EXIF orientation was applied."""
    stored_size: tuple[int, int]
    """Width and height in the file, upright."""
    dim: int = 0
    """Its highest level, where that is below an eighth of the range; 0 elsewhere."""


def read(path: Path) -> bytes:
    """The bytes of `path`.

    Raises:
        ImageError: it cannot be read, is not a file, or is larger than MAX_BYTES.
    """
    try:
        if not path.is_file():
            raise ImageError("is not a file" if path.exists() else "does not exist")
        if path.stat().st_size > MAX_BYTES:
            raise ImageError(f"is larger than {MAX_BYTES >> 20} MiB")
        return path.read_bytes()
    except MemoryError as error:
        raise ImageError("needs more memory than there is") from error
    except OSError as error:
        raise ImageError(f"cannot be read: {error.strerror}") from error


def decode(source: bytes | Path, max_pixels: int = MAX_PIXELS) -> Pixels:
    """uint8 [H, W, 3], sRGB, upright: the image in a file or in its bytes.

    Raises:
        ImageError: not an image, damaged, or more than `max_pixels`.
    """
    return np.asarray(open_image(source, max_pixels).image)


def view(source: bytes | Path, preprocess: Preprocess) -> Pixels:
    """uint8 [H, W, 3], not yet square: the image in a file or its bytes, for people.

    Raises:
        ImageError: as `load`, whose limit and white level it has.
    """
    limit, white_level = preprocess.max_pixels, preprocess.white_level
    return np.asarray(open_image(source, limit, VIEWED, white_level).image)


def load(source: bytes | Path, preprocess: Preprocess) -> Pixels:
    """uint8 [R, R, 3], R being `preprocess.stored_size`: the image as it is stored.

    Raises:
        ImageError: as `decode`.
    """
    min_side, white_level = REDUCED * preprocess.stored_size, preprocess.white_level
    with opened_image(source, preprocess.max_pixels, min_side, white_level) as found:
        return square(found.image, preprocess.resize_mode, preprocess.stored_size)


def from_pixels(pixels: Pixels, preprocess: Preprocess) -> Pixels:
    """uint8 [R, R, 3], as from `load`, of RGB pixels uint8 [H, W, 3].

    Raises:
        ValueError: they have another type or shape, or there are none.
    """
    is_rgb = pixels.dtype == np.uint8 and pixels.ndim == 3 and pixels.shape[2] == 3
    if not is_rgb or not pixels.size:
        raise ValueError(
            f"pixels must be uint8 [H, W, 3], not {pixels.dtype} {list(pixels.shape)}"
        )
    image = Image.fromarray(pixels)
    return square(image, preprocess.resize_mode, preprocess.stored_size)


def square(image: Image.Image, resize: str, size: int) -> Pixels:
    """uint8 [size, size, 3] of an RGB image; `resize` is squash, crop or pad.

    Bilinear with antialiasing. The exported graph repeats this arithmetic.
    """
    width, height = image.size
    if resize == "squash":
        return _resized(image, (size, size))
    if resize == "crop":
        side = min(width, height)
        left, top = (width - side) // 2, (height - side) // 2
        with pillow_scope():
            cut = image.crop((left, top, left + side, top + side))
        return _resized(cut, (size, size))
    longest = max(width, height)
    new = tuple(max(1, (x * size + longest // 2) // longest) for x in (width, height))
    out = np.full((size, size, 3), PAD_GRAY, np.uint8)
    left, top = (size - new[0]) // 2, (size - new[1]) // 2
    out[top : top + new[1], left : left + new[0]] = _resized(image, (new[0], new[1]))
    return out


def _resized(image: Image.Image, size: tuple[int, int]) -> Pixels:
    return np.asarray(image.resize(size, Image.Resampling.BILINEAR))


def open_image(
    source: bytes | Path,
    max_pixels: int = MAX_PIXELS,
    min_side: int = 0,
    white_level: int | None = None,
) -> UprightImage:
    """The first frame of a file or its bytes.

    With `min_side` a JPEG may be reduced to 1/2, 1/4 or 1/8 of its size, as long as both
    sides keep that many pixels: libjpeg then leaves out work that a resize would undo.
    `white_level` is that of Preprocess.

    Raises:
        ImageError: not an image, damaged, or more than `max_pixels`.
    """
    with opened_image(source, max_pixels, min_side, white_level) as found:
        return found


@contextmanager
def opened_image(
    source: bytes | Path,
    max_pixels: int = MAX_PIXELS,
    min_side: int = 0,
    white_level: int | None = None,
) -> Iterator[UprightImage]:
    """What `open_image` returns, for a block in which its memory is reserved.

    Raises:
        ImageError: as `open_image`, or the memory is not enough, also for the block.
    """
    try:
        data = read(source) if isinstance(source, Path) else source
        if not data:
            raise ImageError("is empty")
        file_limits.require_few_parts(data)
        png.require_whole(data)
        # The numbers of a file in digits take up to eight times its size.
        with MEMORY.reserve(8 * len(data) if data.startswith(netpbm.DIGITS) else 0):
            data = netpbm.binary(data)
        with ExitStack() as reserved:
            with _pillow(data, max_pixels):
                image = identified(data)
                _require_size(image, max_pixels, min_side)
                size = _bytes_to_decode(image, min_side)
                reserved.enter_context(MEMORY.reserve(size))
                found = _decoded(data, image, min_side, white_level)
            del image
            yield found
    except MemoryError as error:
        raise ImageError("needs more memory than there is") from error


@contextmanager
def _pillow(data: bytes, max_pixels: int) -> Iterator[None]:
    """Pillow, silent, with our limit; what it raises becomes an ImageError."""
    try:
        with pillow_scope(*file_limits.pixel_limit(data, max_pixels)):
            yield
    except DAMAGE as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise ImageError(f"is damaged: {reason}") from error


def _require_size(image: Image.Image, max_pixels: int, min_side: int) -> None:
    """Refuse `image`, just opened, if it counts as more than `max_pixels`."""
    if image.format in jpeg.FORMATS:
        require_pixels(image.size, max_pixels, jpeg.pixels_to_decode(image, min_side))
    else:
        require_pixels(image.size, max_pixels)
        require_pixels(file_limits.tile_size(image), max_pixels)


def _bytes_to_decode(image: Image.Image, min_side: int) -> int:
    """Memory, at its peak, that decoding `image` takes, which was just opened."""
    if image.format in jpeg.FORMATS:
        return jpeg.bytes_to_decode(image, min_side)
    return BYTES_PER_PIXEL * max(
        x * y for x, y in (image.size, file_limits.tile_size(image))
    )


def _decoded(
    data: bytes, image: Image.Image, min_side: int, white_level: int | None
) -> UprightImage:
    """`image`, just opened from `data`, with its pixels."""
    name, size, dim = str(image.format), image.size, 0
    if name in (*jpeg.FORMATS, "TIFF"):
        file_limits.require_few_scans(data, image)
    if name in jpeg.FORMATS:
        image = jpeg.load(data, image, min_side)
    elif name == "HEIF":
        heif.load(image)
    else:
        tiff.prepare(image, data)
        image, dim = wide_levels.load(image, data, white_level)
        if name == "TIFF":
            tiff.correct(image)
        elif name == "PNG":
            png.correct(image, data)
    turned = upright(image)
    stored_size = size[::-1] if turned.size == image.size[::-1] != image.size else size
    return UprightImage(to_rgb(turned), name, turned is not image, stored_size, dim)
