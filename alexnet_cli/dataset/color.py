"""Whatever a picture's pixels are stored as -> 8-bit sRGB."""

import io
from functools import lru_cache

import numpy as np
from PIL import Image, ImageCms

from ..errors import ImageError

_SEE_THROUGH = ("RGBA", "LA", "PA", "RGBa", "La")


def to_rgb(picture: Image.Image) -> Image.Image:
    """`picture` in mode RGB: transparency on white, wide gray by its range, as sRGB.

    Raises:
        ImageError: its pixels are no numbers.
    """
    profile = picture.info.get("icc_profile")
    if picture.mode in ("I", "F") or picture.mode.startswith("I;16"):
        return _scaled(picture).convert("RGB")
    if "transparency" in picture.info or picture.mode in _SEE_THROUGH:
        picture = picture.convert("RGBA")
        paper = Image.new("RGBA", picture.size, (255, 255, 255, 255))
        return _srgb(Image.alpha_composite(paper, picture).convert("RGB"), profile)
    if picture.mode not in ("CMYK", "L"):
        picture = picture.convert("RGB")
    return _srgb(picture, profile)


def _scaled(picture: Image.Image) -> Image.Image:
    """8-bit gray of 16-bit, 32-bit or float gray, by the range of its type."""
    values = np.asarray(picture).astype(np.float64)
    if not np.isfinite(values).all():
        raise ImageError("holds pixels that are no numbers")
    low, high = min(0.0, values.min()), values.max()
    # Floats are 0..1 or 0..255 by custom; beyond 16 bits only the range itself tells.
    ranges = (1.0, 255.0, 65535.0) if picture.mode == "F" else (65535.0,)
    top = next((x for x in ranges if high <= x), high)
    scaled = (values - low) / (top - low) * 255
    return Image.fromarray(np.rint(scaled).astype(np.uint8), "L")


def _srgb(picture: Image.Image, profile: bytes | None) -> Image.Image:
    """`picture` in sRGB; a profile that does not fit the pixels is left aside."""
    transform = _transform(profile, picture.mode) if profile else None
    converted = ImageCms.applyTransform(picture, transform) if transform else None
    return converted or picture.convert("RGB")


@lru_cache(maxsize=32)
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """The way from `profile` to sRGB; None where there is none to go."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if "sRGB" in ImageCms.getProfileDescription(source):
            return None
        target = ImageCms.createProfile("sRGB")
        return ImageCms.buildTransform(source, target, mode, "RGB")
    except (ImageCms.PyCMSError, OSError):
        return None
