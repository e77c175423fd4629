"""Uniform margins of an image: white paper around a product, a frame."""

import numpy as np
from PIL import Image

from ..arrays import Array

SIDE = 128
"""Pixels of the longer side, or up to twice as many, of an image that was reduced."""

LEVELS = 12
"""Difference from the margin's color, levels, that JPEG leaves within a margin."""

SAMPLES = 24
"""Pixels of a line that are looked at first."""

SHARE = 0.99
"""Of the levels of a line, those that are the margin's color."""

SIDES = 3
"""Of the four, those that have a margin: less may be a sky, which no copy keeps."""

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
    across = pixels.transpose(1, 0, 2)
    sides = (across, pixels, across[::-1], pixels[::-1])
    # Most images have none: some pixels of the outer lines tell.
    colors = [_color(x[0]) for x in sides]
    for color in colors:
        if color is None:
            continue
        same = [x is not None and bool((abs(x - color) <= LEVELS).all()) for x in colors]
        if sum(same) < SIDES:
            continue
        cut = [_lines(x, color) if y else 0 for x, y in zip(sides, same, strict=True)]
        width, height = image.width - cut[0] - cut[2], image.height - cut[1] - cut[3]
        if width >= LEAST * image.width and height >= LEAST * image.height:
            return (cut[0], cut[1], cut[0] + width, cut[1] + height)
    return (0, 0, image.width, image.height)


def _color(line: Array) -> Array | None:
    """The color of a line [m, 3], int16, if it has one."""
    some = np.sort(line[:: max(1, len(line) // SAMPLES)], axis=0).astype(np.int16)
    few = len(some) // 12
    if (some[-1 - few] - some[few]).max() > 2 * LEVELS:
        return None
    color: Array = some[len(some) // 2]
    return color


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
