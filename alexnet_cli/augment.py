"""Random variants of pictures: drawn in NumPy, applied to whole batches at once.

Every picture gets its own numbers, all geometry is composed into one warp and all
colour changes into one 3x3 matrix, so quality is lost once. `draw` holds all the
randomness; `cut_out` and `Prepare` are pure functions of pixels and drawn numbers.

Letters: B batch, R side of the kept picture, S side of the network's input.
"""

from collections.abc import Iterable

import keras
import numpy as np
import numpy.typing as npt
from keras import ops

from . import kernels
from .recipe import Preprocess, Recipe, warps
from .standard import standardised

Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
LUMA = (0.299, 0.587, 0.114)
"""Gray of RGB. Source: ITU-R BT.601."""
# RGB to YIQ; a turn of hue is a rotation in its I, Q plane. Source: NTSC 1953.
_YIQ = np.array(
    ((0.299, 0.587, 0.114), (0.5959, -0.2746, -0.3213), (0.2115, -0.5227, 0.3112))
)
DRAWN = 6 + 9 + 3 + 1
"""Numbers a picture: an affine map, a colour matrix, a colour offset, a contrast."""


def draw(
    recipe: Recipe,
    preprocess: Preprocess,
    count: int,
    rng: np.random.Generator,
    lighting: Doubles | None = None,
) -> Floats:
    """[count, DRAWN] numbers for `Prepare`, one row a picture.

    `lighting` [3, 3] is what `principal_colours` gives, wanted for PCA lighting only.
    """
    geometry = _maps(recipe, preprocess, count, rng)
    matrices, offsets, pivots = _colours(recipe, count, rng, lighting)
    columns = (geometry, matrices.reshape(count, 9), offsets, pivots[:, None])
    return np.concatenate(columns, axis=1, dtype=np.float32)


def principal_colours(pixels: npt.NDArray[np.uint8]) -> Doubles:
    """[3, 3]: each row an eigenvector of the RGB covariance times its eigenvalue.

    Of pixels [N, R, R, 3]. The eigenvalues are those of 0..1 pixels, the result is in
    units of 0..255. Source: Krizhevsky et al. 2012, section 4.1 (which names no unit;
    0..1 is what fb.resnet.torch's published ImageNet numbers are in).
    """
    step = max(1, pixels[..., 0].size // 2_000_000)
    values, vectors = np.linalg.eigh(np.cov(pixels.reshape(-1, 3)[::step].T / 255))
    return 255 * (vectors * values).T


def _maps(
    recipe: Recipe, preprocess: Preprocess, count: int, rng: np.random.Generator
) -> Doubles:
    """[count, 6] affine maps from output x, y (0..S-1) to input x, y (0..R-1)."""

    def between(spread: float) -> Doubles:
        return rng.uniform(-spread, spread, count)

    side, kept = preprocess.crop, preprocess.size
    centre = np.full((count, 2), (kept - side) // 2 + (side - 1) / 2)
    scale = np.ones((count, 2))
    if recipe.crop_area:
        centre, scale = _boxes(recipe.crop_area, preprocess, count, rng)
    elif recipe.random_crop:
        corner = rng.integers(0, kept - side, (count, 2), endpoint=True)
        centre = corner + (side - 1) / 2
    angle, lean = between(recipe.rotation), between(recipe.shear)
    scale = scale * np.stack([1 + between(recipe.zoom), 1 + between(recipe.zoom)], 1)
    shift = np.stack([between(recipe.width_shift), between(recipe.height_shift)], 1)
    for axis, flip in enumerate((recipe.hflip, recipe.vflip)):
        if flip:
            scale[:, axis] *= rng.choice((-1.0, 1.0), count)
    turn, lean = np.deg2rad(angle), np.tan(np.deg2rad(lean))
    # Input = centre + shift + rotation . shear . scale . (output - centre of output).
    cos, sin = np.cos(turn), np.sin(turn)
    a = np.stack([cos, cos * lean - sin, sin, sin * lean + cos], 1).reshape(-1, 2, 2)
    a = a * scale[:, None, :]
    origin = centre + shift * side - a @ np.full(2, (side - 1) / 2)
    return np.concatenate([a, origin[:, :, None]], axis=2).reshape(count, 6)


def _boxes(
    smallest: float, preprocess: Preprocess, count: int, rng: np.random.Generator
) -> tuple[Doubles, Doubles]:
    """Centres and scales [count, 2] of boxes with `smallest` to 1 of the area.

    Source: Szegedy et al. 2014, section 6, which crops 8 % to 100 %, 3:4 to 4:3.
    """
    side, kept = preprocess.crop, preprocess.size
    area = rng.uniform(smallest, 1, count) * kept**2
    ratio = np.exp(rng.uniform(np.log(3 / 4), np.log(4 / 3), count))
    box = np.stack([np.sqrt(area * ratio), np.sqrt(area / ratio)], 1).clip(2, kept)
    # From the centre of the first pixel to that of the last, a hair within the picture.
    reach = (box - 1) * (1 - 1e-5)
    corner = rng.uniform(0, 1, (count, 2)) * (kept - box)
    return corner + (box - 1) / 2, reach / (side - 1)


def _colours(
    recipe: Recipe, count: int, rng: np.random.Generator, lighting: Doubles | None
) -> tuple[Doubles, Doubles, Doubles]:
    """Matrices [count, 3, 3], offsets [count, 3], and shares of mean gray [count]."""

    def about_one(spread: float) -> Doubles:
        return 1 + rng.uniform(-spread, spread, count)

    matrix = np.broadcast_to(np.eye(3), (count, 3, 3))
    if recipe.hue:
        turn = 2 * np.pi * rng.uniform(-recipe.hue, recipe.hue, count)
        spin = np.tile(np.eye(3), (count, 1, 1))
        spin[:, 1, 1] = spin[:, 2, 2] = np.cos(turn)
        spin[:, 1, 2], spin[:, 2, 1] = -np.sin(turn), np.sin(turn)
        matrix = np.linalg.inv(_YIQ) @ spin @ _YIQ
    saturation = about_one(recipe.saturation)[:, None, None]
    gray = np.broadcast_to(np.array(LUMA), (3, 3))
    brightness, contrast = about_one(recipe.brightness), about_one(recipe.contrast)
    gain = (brightness * contrast)[:, None, None]
    matrix = gain * ((saturation * np.eye(3) + (1 - saturation) * gray) @ matrix)
    offset = np.zeros((count, 3))
    if recipe.pca_lighting and lighting is not None:
        offset = rng.normal(0, recipe.pca_lighting, (count, 3)) @ lighting
    return matrix, offset, brightness * (1 - contrast)


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


def cut_out(pictures: Iterable[Bytes], draws: Floats, side: int) -> Bytes:
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


class Prepare(keras.layers.Layer):
    """uint8 pixels and draws [B, DRAWN] to float32 input [B, S, S, 3].

    Pixels are [B, R, R, 3]; where `geometry` says "copy", [B, S, S, 3] from `cut_out`.
    Not training, the draws are ignored and the centre is cut. `mean_image` is float32
    [R, R, 3] or None for the preprocessing's channel means.
    """

    def __init__(
        self, recipe: Recipe, preprocess: Preprocess, mean_image: Floats | None = None
    ) -> None:
        super().__init__(dtype="float32", trainable=False)
        self.preprocess, self.mean_image = preprocess, mean_image
        self.fill_mode, self.how = recipe.fill_mode, geometry(recipe, preprocess)
        self.smooth = bool(warps(recipe) or recipe.crop_area)
        r = recipe
        self.coloured = bool(
            r.brightness or r.contrast or r.saturation or r.hue or r.pca_lighting
        )

    def call(self, inputs: tuple, training: bool = False):  # type: ignore[no-untyped-def]
        """float32 [B, S, S, 3], standardised."""
        pixels, draws = inputs
        if not training:
            pixels = ops.cast(pixels, "float32")
            return standardised(pixels, self.preprocess, self.mean_image)
        std = np.float32(self.preprocess.std)
        if self.mean_image is not None:
            # Subtracted where the pixels lie, as the paper does, before they move.
            pixels = self._recoloured(pixels, draws, np.float32(0), np.float32(1))
            return self._moved(pixels - self.mean_image, draws) / std
        mean = np.float32(self.preprocess.mean)
        return self._recoloured(self._moved(pixels, draws), draws, mean, std)

    def _moved(self, pixels, draws):  # type: ignore[no-untyped-def]
        side = self.preprocess.crop
        if self.how == "copy":
            return pixels
        if self.how == "boxes":
            return kernels.cut_boxes(pixels, draws[:, :6], side)
        return kernels.warp(pixels, draws[:, :6], side, self.smooth, self.fill_mode)

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
        offset = (draws[:, 15:18] + draws[:, 18:] * gray - mean) / std
        side = pixels.shape[1]
        flat = ops.reshape(pixels, (-1, side * side, 3))
        mixed = ops.matmul(flat, ops.transpose(matrix, (0, 2, 1))) + offset[:, None, :]
        mixed = ops.minimum(ops.maximum(mixed, -mean / std), (255 - mean) / std)
        return ops.reshape(mixed, (-1, side, side, 3))
