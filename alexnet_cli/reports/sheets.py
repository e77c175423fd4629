"""Sheets of images, heat maps and labels on images: pixels, without matplotlib."""

from collections.abc import Sequence

import numpy as np
from PIL import Image

from ..arrays import Floats, Pixels
from ..errors import ImageError
from .fonts import draw_line

MAX_SIDE = 65_500
"""Pixels of the longest side of a JPEG that libjpeg writes."""

_HEAT = ((30, 40, 140), (30, 150, 200), (90, 200, 90), (250, 210, 40), (215, 30, 30))
"""Colors of a heat map, from 0 to 1."""


def sheet(rows: Sequence[Pixels], side: int = 112, gap: int = 4) -> Pixels:
    """uint8 [H, W, 3]: each of `rows`, uint8 [n, S, S, 3], as a row of thumbnails."""
    height, width = len(rows), max(len(x) for x in rows)
    step = side + gap
    paper = Image.new("RGB", (width * step + gap, height * step + gap), "white")
    for y, row in enumerate(rows):
        for x, pixels in enumerate(row):
            thumbnail = Image.fromarray(pixels).resize(
                (side, side), Image.Resampling.BILINEAR
            )
            paper.paste(thumbnail, (gap + x * step, gap + y * step))
    return np.asarray(paper)


def kernels(weights: Floats, columns: int = 16) -> Pixels:
    """uint8 [H, W, 3]: a sheet of first-layer kernels [k, k, 3, n]; gray is zero.

    Each is scaled by its own largest weight. Source: Krizhevsky et al. 2012, figure 3.
    """
    each = np.moveaxis(weights, -1, 0)
    largest = np.abs(each).max(axis=(1, 2, 3), keepdims=True)
    images = np.rint(127.5 * (1 + each / np.maximum(largest, 1e-12))).astype(np.uint8)
    grown = images.repeat(4, axis=1).repeat(4, axis=2)
    rows = [grown[i : i + columns] for i in range(0, len(grown), columns)]
    return sheet(rows, side=grown.shape[1])


def heated(pixels: Pixels, heat: Floats) -> Pixels:
    """uint8 [H, W, 3]: `pixels` under the colors of `heat` [H, W], 0 (blue) to 1 (red)."""
    stops = np.linspace(0, 1, len(_HEAT))
    colors = np.stack(
        [np.interp(heat, stops, x) for x in zip(*_HEAT, strict=True)], axis=-1
    )
    return np.rint(0.55 * pixels + 0.45 * colors).astype(np.uint8)


def labeled(pixels: Pixels, text: str) -> Image.Image:
    """The image [H, W, 3], enlarged if small, with `text` in a dark bar at its bottom.

    Raises:
        ImageError: it is so long and narrow that it would be too large then.
    """
    image = Image.fromarray(pixels)
    if min(image.size) < 200:
        grow = 200 / min(image.size)
        if grow * max(image.size) > MAX_SIDE:
            width, height = image.size
            raise ImageError(f"{width} x {height} pixels are too narrow to write on")
        image = image.resize([round(x * grow) for x in image.size])
    size = max(14, min(image.height // 16, image.width // 14))
    bar = Image.new("RGB", (image.width, round(size * 1.7)), (20, 20, 20))
    draw_line(bar, text, size * 0.5, size)
    image.paste(bar, (0, image.height - bar.height))
    return image
