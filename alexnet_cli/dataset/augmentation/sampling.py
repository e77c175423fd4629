"""All the randomness of augmentation: parameters sampled for each image of a batch."""

import numpy as np

from ...arrays import Doubles, Pixels
from ...preprocess import Preprocess
from ...recipe.sections import Augmentation
from .mixup import sample_mixing
from .parameters import AugmentationParameters

LUMA = (0.299, 0.587, 0.114)
"""Weights of red, green and blue in gray. Source: ITU-R BT.601."""

# RGB to YIQ; a change of hue is a rotation in its I, Q plane. Source: NTSC 1953.
_YIQ = np.array(
    ((0.299, 0.587, 0.114), (0.5959, -0.2746, -0.3213), (0.2115, -0.5227, 0.3112))
)

_RANDAUGMENT = {
    "rotation": 30.0, "shear": 17.0, "width_shift": 0.3, "height_shift": 0.3,
    "brightness": 0.6, "contrast": 0.6, "saturation": 0.9, "hue": 0.1,
}  # fmt: skip
"""Changes that RandAugment chooses from and their limits, in units of the recipe's fields.

Source: Cubuk et al. 2020 for geometry and colors; hue is ours. The paper's posterize,
solarize and equalize are left out, because they are not affine.
"""


def sample_parameters(
    augmentation: Augmentation,
    preprocess: Preprocess,
    count: int,
    rng: np.random.Generator,
    lighting: Doubles | None = None,
) -> AugmentationParameters:
    """Parameters of `count` images, float64; equal generators give equal ones.

    `lighting` [3, 3] comes from `principal_colors`, for PCA lighting only.
    """
    amounts = _amounts(augmentation, count, rng)
    affine = _affine_maps(augmentation, preprocess, amounts, rng)
    color = _color_changes(augmentation, amounts, rng, lighting)
    mixing = sample_mixing(augmentation, count, rng)
    return AugmentationParameters(affine=affine, **color, **mixing)


def _amounts(
    augmentation: Augmentation, count: int, rng: np.random.Generator
) -> dict[str, Doubles]:
    """[count] for each key of `_RANDAUGMENT` and for zoom: how much images are changed."""
    bounds = {x: getattr(augmentation, x) for x in (*_RANDAUGMENT, "zoom")}
    amounts = {k: rng.uniform(-v, v, count) for k, v in bounds.items()}
    if augmentation.randaugment:
        shape = (augmentation.randaugment, count)
        chosen = rng.integers(len(_RANDAUGMENT), size=shape)
        strengths = rng.uniform(-1, 1, shape)
        for i, (name, limit) in enumerate(_RANDAUGMENT.items()):
            amounts[name] += limit * np.where(chosen == i, strengths, 0).sum(axis=0)
    return amounts


def principal_colors(pixels: Pixels) -> Doubles:
    """float64 [3, 3]: each row an eigenvector of the RGB covariance times its eigenvalue.

    Of pixels [N, R, R, 3]. The eigenvalues are those of 0..1 pixels, the result is in
    levels, 0 to 255. Source: Krizhevsky et al. 2012, section 4.1 (which names no unit;
    fb.resnet.torch's published numbers of ImageNet are those of 0..1 pixels).
    """
    step = max(1, pixels[..., 0].size // 2_000_000)
    values, vectors = np.linalg.eigh(np.cov(pixels.reshape(-1, 3)[::step].T / 255))
    colors: Doubles = 255 * (vectors * values).T
    return colors


def _affine_maps(
    augmentation: Augmentation,
    preprocess: Preprocess,
    amounts: dict[str, Doubles],
    rng: np.random.Generator,
) -> Doubles:
    """[count, 6] affine maps from output x, y (0..S-1) to input x, y (0..R-1)."""
    count = len(amounts["rotation"])
    side, stored = preprocess.input_size, preprocess.stored_size
    center = np.full((count, 2), (stored - side) // 2 + (side - 1) / 2)
    scale = np.ones((count, 2))
    if augmentation.crop_area:
        center, scale = _resized_crops(augmentation.crop_area, preprocess, count, rng)
    elif augmentation.random_crop:
        corner = rng.integers(0, stored - side, (count, 2), endpoint=True)
        center = corner + (side - 1) / 2
    zoom = rng.uniform(-augmentation.zoom, augmentation.zoom, count)
    scale = scale * np.stack([1 + amounts["zoom"], 1 + zoom], 1)
    shift = np.stack([amounts["width_shift"], amounts["height_shift"]], 1)
    for axis, flip in enumerate((augmentation.hflip, augmentation.vflip)):
        if flip:
            scale[:, axis] *= rng.choice((-1.0, 1.0), count)
    angle, shear = np.deg2rad(amounts["rotation"]), np.tan(np.deg2rad(amounts["shear"]))
    # Input = center + shift + rotation . shear . scale . (output - center of output).
    cos, sin = np.cos(angle), np.sin(angle)
    a = np.stack([cos, cos * shear - sin, sin, sin * shear + cos], 1).reshape(-1, 2, 2)
    a = a * scale[:, None, :]
    view = stored if augmentation.crop_area else side
    origin = center + shift * view - a @ np.full(2, (side - 1) / 2)
    return np.concatenate([a, origin[:, :, None]], axis=2).reshape(count, 6)


def _resized_crops(
    smallest: float, preprocess: Preprocess, count: int, rng: np.random.Generator
) -> tuple[Doubles, Doubles]:
    """Centers and scales [count, 2] of boxes with `smallest` to 1 of the area.

    Source: Szegedy et al. 2014, section 6, which crops 8 % to 100 %, 3:4 to 4:3.
    """
    side, stored = preprocess.input_size, preprocess.stored_size
    area = rng.uniform(smallest, 1, count) * stored**2
    ratio = np.exp(rng.uniform(np.log(3 / 4), np.log(4 / 3), count))
    box = np.stack([np.sqrt(area * ratio), np.sqrt(area / ratio)], 1).clip(2, stored)
    # From the center of the first pixel to that of the last, less what rounding may add.
    reach = (box - 1) * (1 - 1e-5)
    corner = rng.uniform(0, 1, (count, 2)) * (stored - box)
    return corner + (box - 1) / 2, reach / (side - 1)


def _color_changes(
    augmentation: Augmentation,
    amounts: dict[str, Doubles],
    rng: np.random.Generator,
    lighting: Doubles | None,
) -> dict[str, Doubles]:
    """`color_matrix`, `color_offset` and `pivot` of each image."""
    count = len(amounts["hue"])
    matrix = np.broadcast_to(np.eye(3), (count, 3, 3))
    if augmentation.hue or augmentation.randaugment:
        angle = 2 * np.pi * amounts["hue"]
        rotation = np.tile(np.eye(3), (count, 1, 1))
        rotation[:, 1, 1] = rotation[:, 2, 2] = np.cos(angle)
        rotation[:, 1, 2], rotation[:, 2, 1] = -np.sin(angle), np.sin(angle)
        matrix = np.linalg.inv(_YIQ) @ rotation @ _YIQ
    saturation = (1 + amounts["saturation"])[:, None, None]
    gray = np.broadcast_to(np.array(LUMA), (3, 3))
    brightness, contrast = 1 + amounts["brightness"], 1 + amounts["contrast"]
    gain = (brightness * contrast)[:, None, None]
    matrix = gain * ((saturation * np.eye(3) + (1 - saturation) * gray) @ matrix)
    offset = np.zeros((count, 3))
    if augmentation.pca_lighting and lighting is not None:
        offset = rng.normal(0, augmentation.pca_lighting, (count, 3)) @ lighting
    if shift := augmentation.channel_shift:
        # The same for all three, as Keras' ImageDataGenerator has it.
        offset = offset + rng.uniform(-shift, shift, (count, 1))
    pivot = brightness * (1 - contrast)
    return {
        "color_matrix": matrix.reshape(count, 9),
        "color_offset": offset,
        "pivot": pivot[:, None],
    }
