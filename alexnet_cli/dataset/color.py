"""Pixels of any mode of Pillow -> 8-bit sRGB."""

import io
from functools import lru_cache

import numpy as np
from PIL import Image, ImageCms

from ..errors import ImageError

_WHITE = (255, 255, 255, 255)

_ROWS = 64
"""Scaled at a time, because a wide pixel takes 8 bytes and more meanwhile."""

_TRANSPARENT_MODES = ("RGBA", "LA", "PA", "RGBa", "La")


def to_rgb(image: Image.Image) -> Image.Image:
    """`image` in mode RGB: transparency on white, wide gray by its range, as sRGB.

    Raises:
        ImageError: it has pixels that are NaN or infinite.
    """
    profile = image.info.get("icc_profile")
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        return _scaled(image).convert("RGB")
    if "transparency" in image.info or image.mode in _TRANSPARENT_MODES:
        if image.mode != "RGBA" or "transparency" in image.info:
            image = image.convert("RGBA")
        # Not a variable, which would keep it while the result is converted.
        image = Image.alpha_composite(Image.new("RGBA", image.size, _WHITE), image)
        return _srgb(image.convert("RGB"), profile)
    if image.mode not in ("CMYK", "L", "RGB"):
        image = image.convert("RGB")
    return _srgb(image, profile)


def _scaled(image: Image.Image) -> Image.Image:
    """8-bit gray of 16-bit, 32-bit or float gray, by the range of its type."""
    values = np.asarray(image)
    if not np.isfinite(values).all():
        raise ImageError("has pixels that are NaN or infinite")
    low, high = min(0.0, float(values.min())), float(values.max())
    # Floats are 0..1 or 0..255 by custom; wider ones are scaled by what they hold.
    ranges = (1.0, 255.0, 65535.0) if image.mode == "F" else (65535.0,)
    top = next((x for x in ranges if high <= x), high)
    scaled = np.empty(values.shape, np.uint8)
    for row in range(0, len(values), _ROWS):
        part = values[row : row + _ROWS].astype(np.float64)
        scaled[row : row + _ROWS] = np.rint((part - low) / (top - low) * 255)
    return Image.fromarray(scaled, "L")


def _srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """`image` in sRGB; a profile that does not fit the pixels is ignored."""
    transform = _transform(profile, image.mode) if profile else None
    converted = ImageCms.applyTransform(image, transform) if transform else None
    # `convert` copies what is RGB already.
    return converted or (image if image.mode == "RGB" else image.convert("RGB"))


@lru_cache(maxsize=32)
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """From `profile` to sRGB; None if it is sRGB, damaged, or not for images of `mode`."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if "sRGB" in ImageCms.getProfileDescription(source):
            return None
        target = ImageCms.createProfile("sRGB")
        return ImageCms.buildTransform(source, target, mode, "RGB")
    except (ImageCms.PyCMSError, OSError):
        return None
