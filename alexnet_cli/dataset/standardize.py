"""From stored pixels to the network's input: the same crop and standardization everywhere.

For arrays of NumPy, TensorFlow or JAX alike.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np

from ..preprocess import Preprocess

_TINY = 1e-6
"""Added to the standard deviation of an image. Source: Keras' ImageDataGenerator."""
Corner = tuple[int, int]
"""Top and left, pixels."""


def standardize(
    pixels: Any, preprocess: Preprocess, mean_image: Any, corner: Corner | None = None
) -> Any:
    """float32 [B, S, S, 3]: the input cut from pixels [B, R, R, 3], 0 to 255.

    `mean_image` is [R, R, 3] or None for the channel means; `corner` as in `crop`.
    """
    side = preprocess.input_size
    # NumPy is slow where it repeats three numbers for every pixel.
    spread = _spread if isinstance(pixels, np.ndarray) else lambda x, side: np.float32(x)
    if mean_image is None:
        mean = spread(preprocess.mean, side)
    else:
        mean = crop(mean_image[None], side, corner)
    values = crop(pixels, side, corner) - mean
    values /= spread(preprocess.std, side)  # in place where an array can be changed
    return samplewise(values, preprocess)


def samplewise(inputs: Any, preprocess: Preprocess) -> Any:
    """Inputs [B, S, S, 3], each by its own mean and standard deviation if it is asked for.

    Source: `standardize` of Keras' ImageDataGenerator.
    """
    if not preprocess.samplewise_center:
        return inputs
    array: Any = np
    if not isinstance(inputs, np.ndarray):
        import keras  # Not at the top: predictions without TensorFlow do without it.

        array = keras.ops
    each = {"axis": (1, 2, 3), "keepdims": True}
    centered = inputs - array.mean(inputs, **each)
    if not preprocess.samplewise_std_normalization:
        return centered
    return centered / (array.sqrt(array.mean(centered * centered, **each)) + _TINY)


def views(pixels: Any, preprocess: Preprocess, mean_image: Any, tta: str) -> Iterator[Any]:
    """The inputs [B, S, S, 3] whose predictions are averaged; one where `tta` is "none".

    The center, with "flip" its mirror image, with "ten-crop" the corners and theirs too.
    Source of the last: Krizhevsky et al. 2012, section 4.1.
    """
    for corner in corners(preprocess, tta):
        view = standardize(pixels, preprocess, mean_image, corner)
        yield view
        if tta != "none":
            yield view[:, :, ::-1]


def corners(preprocess: Preprocess, tta: str) -> list[Corner]:
    """Where the views begin: the center's corner, with "ten-crop" the four others too."""
    margin = preprocess.stored_size - preprocess.input_size
    found = [(margin // 2, margin // 2)]
    if tta == "ten-crop":
        found += [(0, 0), (0, margin), (margin, 0), (margin, margin)]
    return found


@lru_cache(maxsize=4)
def _spread(color: tuple[float, float, float], side: int) -> Any:
    """float32 [side, side, 3] of one color."""
    return np.tile(np.array(color, np.float32), (side, side, 1))


def crop(pixels: Any, side: int, corner: Corner | None = None) -> Any:
    """[B, side, side, C] of pixels [B, H, W, C] from `corner`, or from the center."""
    margin = pixels.shape[1] - side
    top, left = (margin // 2, margin // 2) if corner is None else corner
    return pixels[:, top : top + side, left : left + side]
