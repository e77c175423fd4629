"""What is done to an image before it is planted: changes that leave it the same image."""

import io
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageEnhance, ImageOps

from alexnet_cli.dataset.images import open_image

Change = Callable[[Image.Image], Image.Image]


def scaled(factor: float) -> Change:
    """Resized by `factor`."""
    return lambda x: x.resize(
        [max(1, round(s * factor)) for s in x.size], Image.Resampling.LANCZOS
    )


def saved(quality: int) -> Change:
    """Saved as JPEG and read again."""

    def change(image: Image.Image) -> Image.Image:
        out = io.BytesIO()
        image.save(out, "JPEG", quality=quality)
        return open_image(out.getvalue()).image

    return change


def cropped(share: float) -> Change:
    """Cut by `share` of width and height on every side."""

    def change(image: Image.Image) -> Image.Image:
        x, y = (round(s * share) for s in image.size)
        return image.crop((x, y, image.width - x, image.height - y))

    return change


def bright(factor: float) -> Change:
    """With every level multiplied by `factor`."""
    return lambda x: ImageEnhance.Brightness(x).enhance(factor)


def contrast(factor: float) -> Change:
    """With every level's difference from the mean multiplied by `factor`."""
    return lambda x: ImageEnhance.Contrast(x).enhance(factor)


def margined(share: float) -> Change:
    """On white paper that is wider by `share` of width and height on every side."""

    def change(image: Image.Image) -> Image.Image:
        x, y = (round(s * share) for s in image.size)
        return ImageOps.expand(image, (x, y), "white")

    return change


CHANGES: dict[str, Change] = {
    "resized 0.5": scaled(0.5), "resized 0.75": scaled(0.75), "resized 1.5": scaled(1.5),
    "resized 2": scaled(2.0), "quality 50": saved(50), "quality 75": saved(75),
    "quality 95": saved(95), "flipped": ImageOps.mirror,
    "flipped, 0.6, quality 60": lambda x: saved(60)(scaled(0.6)(ImageOps.mirror(x))),
    "cropped 1 %": cropped(0.01), "cropped 2 %": cropped(0.02), "cropped 3 %": cropped(0.03),
    "cropped 5 %": cropped(0.05), "cropped 8 %": cropped(0.08), "cropped 10 %": cropped(0.1),
    "cropped 15 %": cropped(0.15), "brightness 0.75": bright(0.75),
    "brightness 0.9": bright(0.9), "brightness 1.1": bright(1.1),
    "brightness 1.3": bright(1.3), "contrast 0.8": contrast(0.8),
    "contrast 1.25": contrast(1.25), "margin 2 %": margined(0.02),
    "margin 10 %": margined(0.1), "margin 30 %": margined(0.3),
    "margin 10 %, 0.6, quality 60": lambda x: saved(60)(scaled(0.6)(margined(0.1)(x))),
    "margin 10 %, brightness 1.2": lambda x: margined(0.1)(bright(1.2)(x)),
    "cut on one side by 6 %": lambda x: x.crop((0, 0, round(0.94 * x.width), x.height)),
}  # fmt: skip


BURST = 8
"""Frames of a burst."""


def burst(image: Image.Image, seed: int, window: float = 0.98) -> list[Image.Image]:
    """Frames of one photo: a window that shakes, other light, and noise."""
    rng = np.random.default_rng((3, seed))
    frames = []
    for _ in range(BURST):
        w, h = window * image.width, window * image.height
        x, y = rng.uniform(0, 1, 2) * (image.width - w, image.height - h)
        size = round(w), round(h)
        shown = image.resize(size, Image.Resampling.BICUBIC, box=(x, y, x + w, y + h))
        levels = np.asarray(shown, float) * rng.uniform(0.93, 1.07)
        noisy = np.clip(levels + rng.normal(0, 4, levels.shape), 0, 255)
        frames.append(saved(85)(Image.fromarray(noisy.astype(np.uint8))))
    return frames
