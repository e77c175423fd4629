"""Augmentation applied to whole batches at once; its parameters come from `sampling`.

All geometry is composed into one warp and all color changes into one 3 x 3 matrix, so
that pixels are interpolated once. Nothing here is random.
"""

from collections.abc import Iterable
from typing import Any

import keras
import numpy as np
from keras import ops

from ...arrays import Floats, Pixels
from ...backend import ops as backend_ops
from ...preprocess import Preprocess
from ...recipe.sections import Augmentation
from ..standardize import samplewise, standardize
from .mixup import mix
from .parameters import AugmentationParameters
from .sampling import LUMA


def geometry(augmentation: Augmentation, preprocess: Preprocess) -> str:
    """How crops are made: "copy" by `copy_crops`, or "boxes" or "warp" by the layer."""
    if augmentation.warps:
        return "warp"
    if augmentation.crop_area:
        return "boxes"
    # A mean image has to be subtracted before images are cropped.
    return "warp" if preprocess.mean is None else "copy"


def fed_side(augmentation: Augmentation, preprocess: Preprocess) -> int:
    """Side of the images that the layer expects: S where crops are copied, else R."""
    copied = geometry(augmentation, preprocess) == "copy"
    return preprocess.input_size if copied else preprocess.stored_size


def copy_crops(images: Iterable[Pixels], affine: Floats, out: Pixels) -> Pixels:
    """`out`, uint8 [B, S, S, 3]: whole-pixel windows of images [R, R, 3], flipped or not.

    `affine` [B, 6] is the field of `AugmentationParameters`.
    """
    side, near = out.shape[1], np.empty(out.shape[1:], np.uint8)
    # Plain numbers: for slices those of NumPy take three times as long.
    rows = np.rint(affine).astype(int).tolist()
    for target, image, row in zip(out, images, rows, strict=True):
        x_step, _, x, _, y_step, y = row
        # A flipped window starts at its far end.
        left, top = x - (side - 1) * (x_step < 0), y - (side - 1) * (y_step < 0)
        window = image[top : top + side, left : left + side]
        if x_step > 0:
            target[...] = window[::y_step]
            continue
        # Near the processor first: it is read once for each channel, because NumPy is slow
        # where the innermost axis has three items.
        near[...] = window
        for channel in range(3):
            target[:, ::-1, channel] = near[::y_step, :, channel]
    return out


def center_crops(count: int, stored: int, side: int) -> Floats:
    """float32 [count, 6] for `copy_crops`: the centers of images of side `stored`."""
    margin = (stored - side) // 2
    return np.tile(np.array((1, 0, margin, 0, 1, margin), np.float32), (count, 1))


def _resizing(before: int, after: int) -> Floats:
    """float32 [after, before]: what a row or column is multiplied by to resize it.

    The weights of Keras' antialiased resizing, for whose kernel XLA has no other.
    """
    image = np.eye(before, dtype=np.float32)[..., None]
    weights = ops.image.resize(
        image, (after, before), antialias=True, data_format="channels_last"
    )
    return np.asarray(weights)[..., 0]


class AugmentAndStandardize(keras.layers.Layer):
    """float32 input [B, S, S, 3] of uint8 pixels and packed parameters [B, WIDTH].

    Pixels are [B, R, R, 3]; where `geometry` is "copy", [B, S, S, 3] from `copy_crops`.
    Outside training the parameters are ignored and the center is cropped. `mean_image` is
    float32 [R, R, 3] or None for the preprocessing's channel means. `side` is S where
    that is not the preprocessing's; the parameters are then sampled for that side. With
    `xla` it is made of what XLA compiles.
    """

    def __init__(
        self,
        augmentation: Augmentation,
        preprocess: Preprocess,
        mean_image: Floats | None = None,
        side: int | None = None,
        *,
        xla: bool = False,
    ) -> None:
        super().__init__(dtype="float32", trainable=False)
        self.augmentation, self.preprocess = augmentation, preprocess
        self.mean_image = mean_image
        self.side = side or preprocess.input_size
        self.geometry = geometry(augmentation, preprocess)
        self.smooth = bool(augmentation.warps or augmentation.crop_area)
        self.warp, self.cut_boxes = backend_ops.warp, backend_ops.cut_boxes
        if xla:
            self.warp, self.cut_boxes = map(
                backend_ops.portable, (self.warp, self.cut_boxes)
            )
        resized = self.side != preprocess.input_size
        self.shrink = _resizing(preprocess.input_size, self.side) if resized else None

    def call(self, inputs: tuple[Any, Any], training: bool = False) -> Any:
        """float32 [B, S, S, 3], standardized."""
        pixels, rows = inputs
        if not training:
            return self._center(pixels)
        parameters = AugmentationParameters.unpack(rows)
        ready = samplewise(self._augmented(pixels, parameters), self.preprocess)
        return mix(ready, parameters) if self.augmentation.mixes else ready

    def _center(self, pixels: Any) -> Any:
        """The center [B, S, S, 3], resized where S is not the preprocessing's."""
        pixels = ops.cast(pixels, "float32")
        ready = standardize(pixels, self.preprocess, self.mean_image)
        if self.shrink is None:
            return ready
        return ops.einsum("yh,bhwc,xw->byxc", self.shrink, ready, self.shrink)

    def _augmented(self, pixels: Any, parameters: AugmentationParameters) -> Any:
        std = np.array(self.preprocess.std, np.float32)
        if self.mean_image is not None:
            # Subtracted before pixels move, as in the paper.
            pixels = self._recolored(pixels, parameters, np.float32(0), np.float32(1))
            return self._moved(pixels - self.mean_image, parameters) / std
        mean = np.array(self.preprocess.mean, np.float32)
        return self._recolored(self._moved(pixels, parameters), parameters, mean, std)

    def _moved(self, pixels: Any, parameters: AugmentationParameters) -> Any:
        side = self.side
        if self.geometry == "copy":
            return pixels
        if self.geometry == "boxes":
            return self.cut_boxes(pixels, parameters.affine, side)
        # What is uncovered becomes 0, and is moved to the value with all else.
        value, mode = self.augmentation.fill_value, self.augmentation.fill_mode
        if value:
            pixels = ops.cast(pixels, "float32") - value
        warped = self.warp(pixels, parameters.affine, side, self.smooth, mode)
        return warped + value if value else warped

    def _recolored(
        self, pixels: Any, parameters: AugmentationParameters, mean: Any, std: Any
    ) -> Any:
        """Pixels [B, H, W, 3] through each image's own matrix, then standardized."""
        pixels = ops.cast(pixels, "float32")
        if not self.augmentation.recolors:
            return (pixels - mean) * (1 / std)
        # Standardization is folded into the matrix, the offset and the limits 0 and 255.
        matrix = ops.reshape(parameters.color_matrix, (-1, 3, 3)) / ops.reshape(
            std, (-1, 1)
        )
        # Every fourth row and column suffice for the mean gray.
        sample = ops.mean(pixels[:, ::4, ::4], axis=(1, 2))
        gray = ops.sum(sample * np.array(LUMA, np.float32), axis=1, keepdims=True)
        offset = (parameters.color_offset + parameters.pivot * gray - mean) / std
        side = pixels.shape[1]
        flat = ops.reshape(pixels, (-1, side * side, 3))
        mixed = ops.matmul(flat, ops.transpose(matrix, (0, 2, 1))) + offset[:, None, :]
        mixed = ops.minimum(ops.maximum(mixed, -mean / std), (255 - mean) / std)
        return ops.reshape(mixed, (-1, side, side, 3))
