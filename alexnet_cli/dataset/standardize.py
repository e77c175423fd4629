"""From stored pixels to the network's input: the same crop and standardization everywhere.

For arrays of NumPy, TensorFlow or JAX alike.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np

from ..arrays import Array, Floats
from ..preprocess import Preprocess

_TINY = 1e-6
"""Added to the standard deviation of an image. Source: Keras' ImageDataGenerator."""
_NEAR = 3 / 4
"""Side of the closer view of "two-scale", as a fraction of the stored image's."""
Box = tuple[int, int, int]
"""Of a square: top, left and side, pixels."""


def standardize(
    pixels: Any, preprocess: Preprocess, mean_image: Any, box: Box | None = None
) -> Any:
    """float32 [B, S, S, 3]: the input cut from pixels [B, R, R, 3], 0 to 255.

    `mean_image` is [R, R, 3] or None for the channel means. What is in `box`, of any side,
    is resized to S; without one the input is the center, of pixels of any size.
    """
    size = preprocess.input_size
    corner, side = (box[:2], box[2]) if box else (None, size)

    def cut(images: Any) -> Any:
        inside = crop(images, side, corner)
        return inside if side == size else _resized(inside, size)

    # NumPy is slow where it repeats three numbers for every pixel.
    spread = _spread if isinstance(pixels, np.ndarray) else lambda x, side: np.float32(x)
    mean = spread(preprocess.mean, size) if mean_image is None else cut(mean_image[None])
    values = cut(pixels) - mean
    values /= spread(preprocess.std, size)  # in place where an array can be changed
    return samplewise(values, preprocess)


def samplewise(inputs: Any, preprocess: Preprocess) -> Any:
    """Inputs [B, S, S, 3], each by its own mean and standard deviation if it is asked for.

    Source: `standardize` of Keras' ImageDataGenerator.
    """
    if not preprocess.samplewise_center:
        return inputs
    array = _operations(inputs)
    each = {"axis": (1, 2, 3), "keepdims": True}
    centered = inputs - array.mean(inputs, **each)
    if not preprocess.samplewise_std_normalization:
        return centered
    return centered / (array.sqrt(array.mean(centered * centered, **each)) + _TINY)


def views(pixels: Any, preprocess: Preprocess, mean_image: Any, tta: str) -> Iterator[Any]:
    """The inputs [B, S, S, 3] whose predictions are averaged; one where `tta` is "none".

    Otherwise each of `boxes` and its mirror image.
    """
    for box in boxes(preprocess, tta):
        view = standardize(pixels, preprocess, mean_image, box)
        yield view
        if tta != "none":
            yield view[:, :, ::-1]


def boxes(preprocess: Preprocess, tta: str) -> list[Box]:
    """Where the views are: the center; with "ten-crop" the four corners too.

    With "two-scale" all that is stored, and the central square with 3/4 of its side.
    Source of ten crops: Krizhevsky et al. 2012, section 4.1.
    """
    stored, side = preprocess.stored_size, preprocess.input_size
    if tta == "two-scale":
        return [(0, 0, stored), _middle(stored, round(_NEAR * stored))]
    margin = stored - side
    found = [_middle(stored, side)]
    if tta == "ten-crop":
        found += [(top, left, side) for top in (0, margin) for left in (0, margin)]
    return found


def _middle(stored: int, side: int) -> Box:
    margin = stored - side
    return margin // 2, margin // 2, side


def _resized(values: Any, side: int) -> Any:
    """[B, side, side, C] of values [B, H, H, C]: bilinear, without antialiasing.

    Formats of models have just that, and images are warped like that in training.
    """
    if not isinstance(values, np.ndarray):
        resize = _operations(values).image.resize
        return resize(values, (side, side), "bilinear", data_format="channels_last")
    _, source, _, channels = values.shape
    first, weight = neighbors(source, side)
    # Rows are whole; of a row, every channel of a pixel has its own neighbors.
    column = (first[:, None] * channels + np.arange(channels)).ravel()
    across = np.repeat(weight, channels)
    found = np.empty((len(values), side, side * channels), np.float32)
    for image, resized in zip(values, found, strict=True):
        flat = image.reshape(source, -1).astype(np.float32)
        rows = flat[first]
        rows += (flat[first + 1] - rows) * weight[:, None]
        left, right = rows.take(column, 1), rows.take(column + channels, 1)
        np.add(left, (right - left) * across, out=resized)
    return found.reshape(-1, side, side, channels)


@lru_cache(maxsize=8)
def neighbors(source: int, side: int) -> tuple[Array, Floats]:
    """How a row of `source` pixels is resized to `side`, bilinear: two arrays [side].

    The first of the two neighbors of each pixel, and the weight of the second, 0 to 1.
    """
    center = ((np.arange(side) + 0.5) * source / side - 0.5).clip(0, source - 1)
    first = np.minimum(center.astype(np.int64), source - 2)
    return first, (center - first).astype(np.float32)


def _operations(values: Any) -> Any:
    """NumPy or Keras' operations, whichever `values` are for."""
    if isinstance(values, np.ndarray):
        return np
    import keras  # Not at the top: predictions without TensorFlow do without it.

    return keras.ops


@lru_cache(maxsize=4)
def _spread(color: tuple[float, float, float], side: int) -> Any:
    """float32 [side, side, 3] of one color."""
    return np.tile(np.array(color, np.float32), (side, side, 1))


def crop(pixels: Any, side: int, corner: tuple[int, int] | None = None) -> Any:
    """[B, side, side, C] of pixels [B, H, W, C] from `corner`, or from the center."""
    margin = pixels.shape[1] - side
    top, left = (margin // 2, margin // 2) if corner is None else corner
    return pixels[:, top : top + side, left : left + side]
