"""Pixels of more than 8 bits per channel -> 8 bits: which of their levels is white.

That of --white-level; or else the highest of the file's type, which 10- and 12-bit data
in 16-bit files come nowhere near.
"""

import io
import math
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from ...arrays import Array, Pixels
from ...errors import ImageError
from . import png, tiff

FEW = 8
"""An image whose highest level is below the top divided by this is nearly black."""

_ROWS = 64
"""Scaled at a time, because a wide pixel takes 8 bytes and more meanwhile."""

_BY_VALUES = {"F": (1.0, 255.0, 65535.0), "I": (255.0, 65535.0)}
"""Tops of types that have none by custom: the first one that holds all levels counts."""

_LITTLE, _BIG = ";16L", ";16B"
_NATIVE_SWAPPED = _BIG if sys.byteorder == "little" else _LITTLE
_SWAPPED = {
    f"{mode}{order}": f"{mode}{other}"
    for mode in ("RGB", "RGBA", "RGBX")
    for order, other in ((_LITTLE, _BIG), (_BIG, _LITTLE), (";16N", _NATIVE_SWAPPED))
}
"""Names of color with 16 bits, of which Pillow keeps the high byte -> those by which it
takes the low byte for it."""

_WIDE_COLOR = re.compile(r"(RGB|RGBA|RGBX|RGBa|LA|CMYK);16[BLN]")

_J2K_SIZE = b"\xff\x4f\xff\x51"
_J2K_DEPTH = 42
"""Where a JPEG 2000 codestream has the bits of its first channel."""


@dataclass(frozen=True)
class _Levels:
    """What a file says about its levels."""

    top: float | None = None
    """The highest that there can be, as decoded; None: by those that there are."""
    factor: float = 1.0
    """What Pillow multiplies levels of the file by."""
    unsigned: bool = False
    """Pillow has 32 bits without a sign as if they had one."""
    inverted: bool = False
    """The highest is black."""


def load(
    image: Image.Image, data: bytes, white_level: int | None = None
) -> tuple[Image.Image, int]:
    """`image`, just opened from `data`, with its pixels in 8 bits per channel.

    And its highest level, if that is below an eighth of what there can be; 0 if not, or
    if `white_level` says which level is white.

    Raises:
        ImageError: rows of a PNG are missing, levels are negative or not finite, or the
            white level of pixels is asked for that come out of their decoder in 8 bits.
    """
    raw = _raw_mode(image)
    if image.format == "PPM" and image.tile[0].codec_name == "ppm":  # type: ignore[attr-defined]
        return _of_map(image, data, white_level)
    levels = _levels_of(image, data)
    if _WIDE_COLOR.fullmatch(raw):
        key = image.info.get("transparency")
        png.load(image, data)
        if white_level is None and key is None:
            return image, _dim(_highest(image), 65535)
        return _of_color(image, data, raw, white_level), 0
    png.load(image, data)
    if not is_wide(image):
        return image, 0
    return gray(image, levels, white_level)


def is_wide(image: Image.Image) -> bool:
    """Whether `image` is gray with more than 8 bits."""
    return image.mode in ("I", "F") or image.mode.startswith("I;16")


def gray(
    image: Image.Image, levels: _Levels | None = None, white_level: int | None = None
) -> tuple[Image.Image, int]:
    """As `load`, of wide gray that has its pixels."""
    levels = levels or _levels_of(image, b"")
    values = np.asarray(image)
    if levels.unsigned:
        values = values.view(np.uint32)
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise ImageError("has pixels that are NaN or infinite")
    low, high = float(values.min()), float(values.max())
    tops = _BY_VALUES.get(image.mode, ())
    auto = levels.top or next((x for x in tops if high <= x), high)
    if low < 0 and (values.dtype.kind != "f" or low * 510 < -abs(auto)):
        raise ImageError(tiff.negative(low, high))
    top = white_level * levels.factor if white_level else auto
    scaled = _scaled(lambda rows: values[rows], values.shape, top)
    if levels.inverted:
        np.subtract(255, scaled, out=scaled)
    key = image.info.get("transparency")
    if isinstance(key, int):
        scaled[values == key] = 255
    found = Image.fromarray(scaled)
    found.info = {k: v for k, v in image.info.items() if k in ("exif", "xmp")}
    return found, 0 if white_level else _dim(high, auto, levels.factor)


def _dim(high: float, top: float, factor: float = 1.0) -> int:
    """`high` in levels of the file if it is far below `top`; else 0."""
    return math.ceil(high / factor) if 0 < high * FEW < top else 0


def _scaled(part: Callable[[slice], Array], shape: tuple[int, ...], top: float) -> Pixels:
    """uint8 of `shape`: the rows that `part` gives, `top` and above as 255."""
    found = np.empty(shape, np.uint8)
    for start in range(0, shape[0], _ROWS):
        rows = slice(start, min(start + _ROWS, shape[0]))
        # An image of zeros has a top of zero.
        values = part(rows).astype(np.float64) / (top or 1.0)
        found[rows] = np.rint(np.clip(values, 0, 1) * 255)
    return found


def _raw_mode(image: Image.Image) -> str:
    """What Pillow calls the pixels of a file that is not yet decoded; may be empty."""
    tiles: list[Any] = getattr(image, "tile", [])
    args = tiles[0].args if tiles else ""
    first = args[0] if isinstance(args, tuple) and args else args
    return first if isinstance(first, str) else ""


def _highest(image: Image.Image) -> int:
    """The highest level that colors of 16 bits may have; `image` is their high bytes."""
    if image.mode == "CMYK":
        return 65535
    return 255 + 256 * max(int(band[1]) for band in image.getextrema()[:3])  # type: ignore[index]


def _levels_of(image: Image.Image, data: bytes) -> _Levels:
    """What `data`, just opened as `image`, says about its levels."""
    tags = tiff.tags_of(image)
    if tags:
        bits, form = tiff.bits(tags), tiff.sample_format(tags)
        tops = {12: 4095.0, 16: 32767.0 if form == tiff.SIGNED else 65535.0}
        return _Levels(
            top=None if image.mode == "F" else tops.get(bits),
            unsigned=bits == 32 and form == tiff.UNSIGNED and image.mode == "I",
            inverted=tiff.white_is_zero(tags),
        )
    if image.format == "JPEG2000":
        start = data.find(_J2K_SIZE)
        bits = (data[start + _J2K_DEPTH] & 0x7F) + 1 if start >= 0 else 16
        return _Levels(65535.0, factor=2.0 ** (16 - min(bits, 16)))
    if image.format == "PPM" and image.mode == "I":
        args = image.tile[0].args  # type: ignore[attr-defined]
        most = args[-1] if isinstance(args, tuple) else 65535
        return _Levels(65535.0, factor=65535 / most)
    named = image.format == "PNG" or image.mode.startswith("I;16")
    return _Levels(65535.0 if named and image.mode != "F" else None)


def _of_map(
    image: Image.Image, data: bytes, white_level: int | None
) -> tuple[Image.Image, int]:
    """As `load`, of a PGM or PPM whose highest level is neither 255 nor 65535.

    Pillow reads these pixel by pixel, and knows no more than 8 bits in color.
    """
    tile = image.tile[0]  # type: ignore[attr-defined]
    most = tile.args[-1]
    kind = np.dtype("u1" if most < 256 else ">u2")
    channels = 3 if image.mode == "RGB" else 1
    shape = (image.height, image.width, channels)
    size = math.prod(shape)
    if len(data) - tile.offset < size * kind.itemsize:
        raise ImageError("is damaged: image data is missing at its end")
    values = np.frombuffer(data, kind, size, tile.offset).reshape(shape)
    top = white_level if white_level and most > 255 else most
    found = _scaled(lambda rows: values[rows], shape, top)
    dim = 0 if white_level or most < 256 else _dim(int(values.max()), most)
    return Image.fromarray(found if channels == 3 else found[..., 0]), dim


def _of_color(
    image: Image.Image, data: bytes, raw: str, white_level: int | None
) -> Image.Image:
    """8 bits of color with 16, `image`, whose low bytes are decoded too."""
    low = _low_bytes(image, data, raw)
    bands = len(image.getbands())
    key = image.info.get("transparency")
    shape = (image.height, image.width, 4 if key is not None else bands)

    def rows_of(rows: slice) -> Array:
        """float64 [r, W, 3 or 4], opacity scaled to the white level."""
        box = (0, rows.start, image.width, rows.stop)
        high_rows, low_rows = (np.asarray(x.crop(box)) for x in (image, low))
        values: Array = high_rows.astype(np.float64) * 256 + low_rows
        if key is not None:
            opacity = (values != key).any(axis=2, keepdims=True) * float(top)
            return np.concatenate((values, opacity), axis=2)
        values[..., 3:] *= top / 65535
        return values

    top = white_level or 65535
    found = Image.fromarray(_scaled(rows_of, shape, top))
    found.info = {k: v for k, v in image.info.items() if k != "transparency"}
    return found


def _low_bytes(image: Image.Image, data: bytes, raw: str) -> Image.Image:
    """As `image`, color of 16 bits called `raw`, but with the low bytes of its levels."""
    again = Image.open(io.BytesIO(data), formats=[str(image.format)])
    tiff.prepare(again, data)
    tiles: list[Any] = again.tile
    gray_alpha = raw == "LA;16B"
    planar = image.format == "TIFF" and tiff.is_planar(again)
    if (raw not in _SWAPPED and not gray_alpha) or planar:
        raise ImageError(
            "has 16 bits per channel in a form that --white-level cannot be applied to; "
            "save it as PNG"
        )
    # Four bytes are gray and opacity, or as well red, green, blue and opacity.
    name = "RGBA" if gray_alpha else _SWAPPED[raw]
    again.tile = [
        x._replace(args=(name, *x.args[1:]) if isinstance(x.args, tuple) else name)
        for x in tiles
    ]
    again.load()
    if not gray_alpha:
        return again
    _, low, _, low_opacity = again.split()
    return Image.merge("RGBA", (low, low, low, low_opacity))
