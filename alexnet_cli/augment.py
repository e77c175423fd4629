"""Random variants of pictures: drawn in NumPy, applied to whole batches at once.

Every picture gets its own numbers, all geometry is composed into one warp and all
colour changes into one 3x3 matrix, so quality is lost once. `draw` holds all the
randomness; `Prepare` is a pure function of pixels and drawn numbers.

Letters: B batch, R side of the kept picture, S side of the network's input.
"""

import keras
import numpy as np
import numpy.typing as npt
from keras import ops

from .recipe import Preprocess, Recipe

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
    box = np.stack([np.sqrt(area * ratio), np.sqrt(area / ratio)], 1).clip(1, kept)
    corner = rng.uniform(0, 1, (count, 2)) * (kept - box)
    return corner + (box - 1) / 2, box / side


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


class Prepare(keras.layers.Layer):
    """uint8 pixels [B, R, R, 3] and draws [B, DRAWN] to float32 input [B, S, S, 3].

    Not training, the draws are ignored and the centre is cut. `mean_image` is
    float32 [R, R, 3] or None for the preprocessing's channel means.
    """

    def __init__(
        self, recipe: Recipe, preprocess: Preprocess, mean_image: Floats | None = None
    ) -> None:
        super().__init__(dtype="float32", trainable=False)
        self.preprocess, self.mean_image = preprocess, mean_image
        self.fill_mode = recipe.fill_mode
        r = recipe
        self.coloured = bool(
            r.brightness or r.contrast or r.saturation or r.hue or r.pca_lighting
        )
        self.resampled = bool(
            r.rotation or r.shear or r.zoom or r.width_shift or r.height_shift
            or r.crop_area
        )  # fmt: skip
        self.moved = self.resampled or r.hflip or r.vflip or r.random_crop

    def call(self, inputs: tuple, training: bool = False):  # type: ignore[no-untyped-def]
        """float32 [B, S, S, 3], standardised."""
        pixels, draws = inputs
        if not training:
            return standardised(pixels, self.preprocess, self.mean_image)
        pixels = ops.cast(pixels, "float32")
        if self.coloured:
            pixels = _recoloured(pixels, draws[:, 6:])
        if self.mean_image is not None:
            # Subtracted where the pixels lie, as the paper does, before they move.
            pixels = pixels - self.mean_image
        if self.moved:
            pixels = self._warped(pixels, draws[:, :6])
        else:
            pixels = cut(pixels, self.preprocess)
        if self.mean_image is None:
            pixels = pixels - np.float32(self.preprocess.mean)
        return pixels / np.float32(self.preprocess.std)

    def _warped(self, pixels, maps):  # type: ignore[no-untyped-def]
        side = self.preprocess.crop
        how = "bilinear" if self.resampled else "nearest"
        maps = ops.concatenate([maps, ops.zeros_like(maps[:, :2])], axis=1)
        if keras.backend.backend() == "tensorflow":
            import tensorflow as tf

            return tf.raw_ops.ImageProjectiveTransformV3(
                images=pixels,
                transforms=maps,
                output_shape=[side, side],
                interpolation=how.upper(),
                fill_mode=self.fill_mode.upper(),
                fill_value=0.0,
            )
        warped = ops.image.affine_transform(
            pixels, maps, interpolation=how, fill_mode=self.fill_mode
        )
        return warped[:, :side, :side]


def standardised(pixels, preprocess, mean_image, corner=None):  # type: ignore[no-untyped-def]
    """The input [B, S, S, 3] cut from uint8 pixels [B, R, R, 3], float32.

    `corner` is the (top, left) of the cut; None is the centre.
    """
    mean = np.float32(preprocess.mean) if mean_image is None else mean_image
    if mean_image is not None:
        mean = cut(mean[None], preprocess, corner)
    pixels = ops.cast(cut(pixels, preprocess, corner), "float32")
    return (pixels - mean) / np.float32(preprocess.std)


def cut(pixels, preprocess, corner=None):  # type: ignore[no-untyped-def]
    """[B, S, S, 3] of pixels [B, R, R, 3] from `corner` (top, left), or the centre."""
    side, margin = preprocess.crop, preprocess.size - preprocess.crop
    top, left = (margin // 2, margin // 2) if corner is None else corner
    return pixels[:, top : top + side, left : left + side]


def _recoloured(pixels, draws):  # type: ignore[no-untyped-def]
    """Pixels [B, R, R, 3], 0..255, through each picture's own matrix and offset."""
    matrix = ops.reshape(draws[:, :9], (-1, 1, 3, 3))
    luma = np.float32(LUMA)
    gray = ops.sum(ops.mean(pixels, axis=(1, 2)) * luma, axis=1, keepdims=True)
    offset = draws[:, 9:12] + draws[:, 12:] * gray
    mixed = ops.matmul(pixels, ops.transpose(matrix, (0, 1, 3, 2)))
    return ops.clip(mixed + offset[:, None, None, :], 0.0, 255.0)
