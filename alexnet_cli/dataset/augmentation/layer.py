"""Random variants of pictures: drawn in `draws`, applied here to whole batches at once.

All geometry is composed into one warp and all colour changes into one 3x3 matrix, so
quality is lost once. `cut_out` and `Prepare` are pure functions of pixels and draws.

Letters: B batch, R side of the kept picture, S side of the network's input.
"""

from collections.abc import Iterable

import keras
import numpy as np
from keras import ops

from ...arrays import Floats, Pixels
from ...backend import ops as backend_ops
from ...preprocess import Preprocess
from ...recipe.recipe import Recipe, warps
from ..standardize import standardize
from .mixup import MIXED, mixed, mixes
from .sampling import LUMA


def geometry(recipe: Recipe, preprocess: Preprocess) -> str:
    """How pictures are cut: "copy" by `cut_out`, or by `Prepare` as "boxes" or "warp"."""
    if warps(recipe):
        return "warp"
    if recipe.crop_area:
        return "boxes"
    # A mean picture has to be subtracted before pictures are cut.
    return "warp" if preprocess.mean is None else "copy"


def fed_side(recipe: Recipe, preprocess: Preprocess) -> int:
    """Side of the pictures that `Prepare` takes: S where they are copied, else R."""
    copied = geometry(recipe, preprocess) == "copy"
    return preprocess.crop if copied else preprocess.size


def copy_crops(pictures: Iterable[Pixels], draws: Floats, side: int) -> Pixels:
    """uint8 [B, S, S, 3]: whole-pixel windows of pictures [R, R, 3], maybe mirrored."""
    out = np.empty((len(draws), side, side, 3), np.uint8)
    maps = np.rint(draws[:, :6]).astype(int)
    for place, picture, map_ in zip(out, pictures, maps, strict=True):
        x_step, _, x, _, y_step, y = map_
        # A mirrored window starts at its far end.
        left, top = x - (side - 1) * (x_step < 0), y - (side - 1) * (y_step < 0)
        window = picture[top : top + side, left : left + side]
        if x_step > 0:
            place[...] = window[::y_step]
            continue
        # Channel by channel: NumPy is slow where the innermost axis has three items.
        for channel in range(3):
            place[:, ::-1, channel] = window[::y_step, :, channel]
    return out


class AugmentAndStandardize(keras.layers.Layer):
    """uint8 pixels and draws [B, DRAWN] to float32 input [B, S, S, 3].

    Pixels are [B, R, R, 3]; where `geometry` says "copy", [B, S, S, 3] from `cut_out`.
    Not training, the draws are ignored and the centre is cut. `mean_image` is float32
    [R, R, 3] or None for the preprocessing's channel means. `side` is S where that is
    not the preprocessing's, whose draws are then made for that side.
    """

    def __init__(
        self,
        recipe: Recipe,
        preprocess: Preprocess,
        mean_image: Floats | None = None,
        side: int | None = None,
    ) -> None:
        super().__init__(dtype="float32", trainable=False)
        self.preprocess, self.mean_image = preprocess, mean_image
        self.side = side or preprocess.crop
        self.fill_mode, self.how = recipe.fill_mode, geometry(recipe, preprocess)
        self.smooth = bool(warps(recipe) or recipe.crop_area)
        r = recipe
        self.coloured = bool(
            r.brightness or r.contrast or r.saturation or r.hue or r.pca_lighting
            or r.randaugment
        )  # fmt: skip
        self.mixes = mixes(recipe)

    def call(self, inputs: tuple, training: bool = False):  # type: ignore[no-untyped-def]
        """float32 [B, S, S, 3], standardised."""
        pixels, draws = inputs
        if not training:
            return self._plain(pixels)
        ready = self._varied(pixels, draws)
        return mixed(ready, draws[:, -MIXED:]) if self.mixes else ready

    def _plain(self, pixels):  # type: ignore[no-untyped-def]
        """The centre; where pictures are still small, all that the network will see."""
        preprocess, side = self.preprocess, self.side
        pixels = ops.cast(pixels, "float32")
        ready = standardize(pixels, preprocess, self.mean_image)
        if side == preprocess.crop:
            return ready
        return ops.image.resize(ready, (side, side), antialias=True)

    def _varied(self, pixels, draws):  # type: ignore[no-untyped-def]
        std = np.float32(self.preprocess.std)
        if self.mean_image is not None:
            # Subtracted where the pixels lie, as the paper does, before they move.
            pixels = self._recoloured(pixels, draws, np.float32(0), np.float32(1))
            return self._moved(pixels - self.mean_image, draws) / std
        mean = np.float32(self.preprocess.mean)
        return self._recoloured(self._moved(pixels, draws), draws, mean, std)

    def _moved(self, pixels, draws):  # type: ignore[no-untyped-def]
        side = self.side
        if self.how == "copy":
            return pixels
        if self.how == "boxes":
            return backend_ops.cut_boxes(pixels, draws[:, :6], side)
        return backend_ops.warp(pixels, draws[:, :6], side, self.smooth, self.fill_mode)

    def _recoloured(self, pixels, draws, mean, std):  # type: ignore[no-untyped-def]
        """Pixels [B, H, W, 3] through each picture's own matrix, then standardised."""
        pixels = ops.cast(pixels, "float32")
        if not self.coloured:
            return (pixels - mean) * (1 / std)
        # The standardisation is part of the matrix and of the ends of 0..255.
        matrix = ops.reshape(draws[:, 6:15], (-1, 3, 3)) / ops.reshape(std, (-1, 1))
        # Every fourth row and column tell the mean gray well enough.
        sample = ops.mean(pixels[:, ::4, ::4], axis=(1, 2))
        gray = ops.sum(sample * np.float32(LUMA), axis=1, keepdims=True)
        offset = (draws[:, 15:18] + draws[:, 18:19] * gray - mean) / std
        side = pixels.shape[1]
        flat = ops.reshape(pixels, (-1, side * side, 3))
        mixed = ops.matmul(flat, ops.transpose(matrix, (0, 2, 1))) + offset[:, None, :]
        mixed = ops.minimum(ops.maximum(mixed, -mean / std), (255 - mean) / std)
        return ops.reshape(mixed, (-1, side, side, 3))
