"""Uniform margins of an image: white paper around a product, a frame."""

from functools import lru_cache

import numpy as np
from PIL import Image

from ...arrays import Array, Flags, Rows

SIDE = 80
"""Pixels of the longer side, or up to twice as many, of an image that was reduced."""

LEVELS = 12
"""Difference from the margin's color, levels, that JPEG leaves within a margin."""

SAMPLES = 24
"""Pixels of a line that are looked at first."""

SHARE = 0.99
"""Of the levels of a line, those that are the margin's color."""

SIDES = 2
"""Of the four, those that have a margin, at least: one may be a sky."""

LEAST = 1 / 8
"""Share of a side that is left; of an image with less than that nothing is cut."""

Box = tuple[float, float, float, float]


def reduced(image: Image.Image, side: int = SIDE) -> Image.Image:
    """`image` divided by a whole number, so that `side` or more of its length is left."""
    factor = max(image.size) // side
    return image.reduce(factor) if factor > 1 else image


def content_box(image: Image.Image) -> Box:
    """Left, top, right and bottom, pixels, of a small RGB image without its margins."""
    pixels = np.asarray(image)
    whole = (0, 0, image.width, image.height)
    colors, plain = _edges(pixels)
    if plain.sum() < SIDES:
        return whole
    across = pixels.transpose(1, 0, 2)
    sides = (across, pixels, across[::-1], pixels[::-1])
    for color in colors[plain]:
        same = plain & (np.abs(colors - color) <= LEVELS).all(axis=1)
        if same.sum() < SIDES:
            continue
        cut = [_lines(x, color) if y else 0 for x, y in zip(sides, same, strict=True)]
        width, height = image.width - cut[0] - cut[2], image.height - cut[1] - cut[3]
        if width >= LEAST * image.width and height >= LEAST * image.height:
            return (cut[0], cut[1], cut[0] + width, cut[1] + height)
    return whole


def _edges(pixels: Array) -> tuple[Array, Flags]:
    """int16 [4, 3] and bool [4]: colors of the outer lines, and which have only one.

    Left, top, right and bottom; by some of their pixels, since most images have none.
    """
    rows, columns = _places(*pixels.shape[:2])
    some = np.sort(pixels[rows, columns].reshape(4, SAMPLES, 3), axis=1).astype(np.int16)
    few = SAMPLES // 12
    spread = some[:, -1 - few] - some[:, few]
    return some[:, SAMPLES // 2], spread.max(axis=1) <= 2 * LEVELS


@lru_cache(256)
def _places(height: int, width: int) -> tuple[Rows, Rows]:
    """int64 [4 * SAMPLES] twice: rows and columns of some pixels of the outer lines."""
    at = np.linspace(0, 1, SAMPLES)
    down, along = ((at * (x - 1)).astype(np.int64) for x in (height, width))
    first = np.zeros(SAMPLES, np.int64)
    rows = np.concatenate([down, first, down, first + height - 1])
    columns = np.concatenate([first, along, first + width - 1, along])
    return rows, columns


def _lines(lines: Array, color: Array) -> int:
    """How many of the lines [n, m, 3] from the first on have `color`."""
    colors = np.tile(color, lines.shape[1])
    count = 0
    while count < len(lines):
        part = lines[count : count + 16].reshape(-1, len(colors))
        alike = (np.abs(part - colors) <= LEVELS).mean(axis=1) >= SHARE
        if not alike.all():
            return count + int(alike.argmin())
        count += len(part)
    return count
