"""From kept pixels to the network's numbers: the same cut and standardisation everywhere.

Written with operators only, for arrays of NumPy, TensorFlow or JAX alike.
Letters: B batch, R side of the kept picture, S side of the network's input.
"""

from typing import Any

import numpy as np

from .recipe import Preprocess

Corner = tuple[int, int]


def standardised(
    pixels: Any, preprocess: Preprocess, mean_image: Any, corner: Corner | None = None
) -> Any:
    """The input [B, S, S, 3] cut from pixels [B, R, R, 3]; float32 of 0..255.

    `mean_image` is [R, R, 3] or None for the channel means; `corner` as in `cut`.
    """
    if mean_image is None:
        mean = np.float32(preprocess.mean)
    else:
        mean = cut(mean_image[None], preprocess.crop, corner)
    numbers = cut(pixels, preprocess.crop, corner) - mean
    numbers /= np.float32(preprocess.std)  # in place where an array can be changed
    return numbers


def cut(pixels: Any, side: int, corner: Corner | None = None) -> Any:
    """[B, side, side, C] of pixels [B, H, W, C] from `corner` (top, left) or the centre."""
    margin = pixels.shape[1] - side
    top, left = (margin // 2, margin // 2) if corner is None else corner
    return pixels[:, top : top + side, left : left + side]
