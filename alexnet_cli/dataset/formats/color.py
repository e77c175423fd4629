"""Pixels of any mode of Pillow -> 8-bit sRGB."""

import io
from functools import lru_cache

from PIL import Image, ImageCms

from . import wide_levels

_WHITE = (255, 255, 255, 255)

_TRANSPARENT_MODES = ("RGBA", "LA", "PA", "RGBa", "La")


def to_rgb(image: Image.Image) -> Image.Image:
    """`image` in mode RGB: transparency on white, wide gray by its range, as sRGB.

    Raises:
        ImageError: it has levels that are negative or not finite.
    """
    profile = image.info.get("icc_profile")
    if wide_levels.is_wide(image):
        image, profile = wide_levels.gray(image)[0], None
    if "transparency" in image.info or image.mode in _TRANSPARENT_MODES:
        if image.mode != "RGBA" or "transparency" in image.info:
            image = image.convert("RGBA")
        # Not a variable, which would keep it while the result is converted.
        image = Image.alpha_composite(Image.new("RGBA", image.size, _WHITE), image)
        return _srgb(image.convert("RGB"), profile)
    if image.mode not in ("CMYK", "L", "RGB"):
        image = image.convert("RGB")
    return _srgb(image, profile)


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
