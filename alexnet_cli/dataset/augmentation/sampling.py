"""All the randomness of augmentation: numbers for every picture of a batch.

Letters: R side of the kept picture, S side of the network's input.
"""

import numpy as np

from ...arrays import Doubles, Floats, Pixels
from ...preprocess import Preprocess
from ...recipe.recipe import Recipe
from .mixup import MIXED, sample_mixing

LUMA = (0.299, 0.587, 0.114)
"""Gray of RGB. Source: ITU-R BT.601."""

# RGB to YIQ; a turn of hue is a rotation in its I, Q plane. Source: NTSC 1953.
_YIQ = np.array(
    ((0.299, 0.587, 0.114), (0.5959, -0.2746, -0.3213), (0.2115, -0.5227, 0.3112))
)

_RANDOM = {
    "rotation": 30.0, "shear": 17.0, "width_shift": 0.3, "height_shift": 0.3,
    "brightness": 0.6, "contrast": 0.6, "saturation": 0.9, "hue": 0.1,
}  # fmt: skip
"""What RandAugment chooses from and how far it goes, in the units of Recipe's fields.

Source: Cubuk et al. 2020, whose geometry and colours these are; hue is ours, and its
posterize, solarize and equalize, which are no affine maps, are left out.
"""

DRAWN = 6 + 9 + 3 + 1 + MIXED
"""Numbers a picture: an affine map, a colour matrix and offset, a contrast, mixing."""


def sample_parameters(
    recipe: Recipe,
    preprocess: Preprocess,
    count: int,
    rng: np.random.Generator,
    lighting: Doubles | None = None,
) -> Floats:
    """[count, DRAWN] numbers for `Prepare`, one row a picture.

    `lighting` [3, 3] is what `principal_colours` gives, wanted for PCA lighting only.
    """
    amounts = _amounts(recipe, count, rng)
    geometry = _maps(recipe, preprocess, amounts, rng)
    matrices, offsets, pivots = _colours(recipe, amounts, rng, lighting)
    mixing = sample_mixing(recipe, count, rng)
    columns = (geometry, matrices.reshape(count, 9), offsets, pivots[:, None], mixing)
    return np.concatenate(columns, axis=1, dtype=np.float32)


def _amounts(recipe: Recipe, count: int, rng: np.random.Generator) -> dict[str, Doubles]:
    """How far each picture goes in each of `_RANDOM`'s ways and in zoom: [count] each."""
    names = (*_RANDOM, "zoom")
    bounds = {x: getattr(recipe, x) for x in names}
    amounts = {k: rng.uniform(-v, v, count) for k, v in bounds.items()}
    if recipe.randaugment:
        chosen = rng.integers(len(_RANDOM), size=(recipe.randaugment, count))
        strengths = rng.uniform(-1, 1, chosen.shape)
        for i, (name, most) in enumerate(_RANDOM.items()):
            amounts[name] += most * np.where(chosen == i, strengths, 0).sum(axis=0)
    return amounts


def principal_colors(pixels: Pixels) -> Doubles:
    """[3, 3]: each row an eigenvector of the RGB covariance times its eigenvalue.

    Of pixels [N, R, R, 3]. The eigenvalues are those of 0..1 pixels, the result is in
    units of 0..255. Source: Krizhevsky et al. 2012, section 4.1 (which names no unit;
    0..1 is what fb.resnet.torch's published ImageNet numbers are in).
    """
    step = max(1, pixels[..., 0].size // 2_000_000)
    values, vectors = np.linalg.eigh(np.cov(pixels.reshape(-1, 3)[::step].T / 255))
    return 255 * (vectors * values).T


def _maps(
    recipe: Recipe,
    preprocess: Preprocess,
    amounts: dict[str, Doubles],
    rng: np.random.Generator,
) -> Doubles:
    """[count, 6] affine maps from output x, y (0..S-1) to input x, y (0..R-1)."""
    count = len(amounts["rotation"])
    side, kept = preprocess.crop, preprocess.size
    centre = np.full((count, 2), (kept - side) // 2 + (side - 1) / 2)
    scale = np.ones((count, 2))
    if recipe.crop_area:
        centre, scale = _boxes(recipe.crop_area, preprocess, count, rng)
    elif recipe.random_crop:
        corner = rng.integers(0, kept - side, (count, 2), endpoint=True)
        centre = corner + (side - 1) / 2
    zoom = rng.uniform(-recipe.zoom, recipe.zoom, count)
    scale = scale * np.stack([1 + amounts["zoom"], 1 + zoom], 1)
    shift = np.stack([amounts["width_shift"], amounts["height_shift"]], 1)
    for axis, flip in enumerate((recipe.hflip, recipe.vflip)):
        if flip:
            scale[:, axis] *= rng.choice((-1.0, 1.0), count)
    turn, lean = np.deg2rad(amounts["rotation"]), np.tan(np.deg2rad(amounts["shear"]))
    # Input = centre + shift + rotation . shear . scale . (output - centre of output).
    cos, sin = np.cos(turn), np.sin(turn)
    a = np.stack([cos, cos * lean - sin, sin, sin * lean + cos], 1).reshape(-1, 2, 2)
    a = a * scale[:, None, :]
    view = kept if recipe.crop_area else side
    origin = centre + shift * view - a @ np.full(2, (side - 1) / 2)
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
    recipe: Recipe,
    amounts: dict[str, Doubles],
    rng: np.random.Generator,
    lighting: Doubles | None,
) -> tuple[Doubles, Doubles, Doubles]:
    """Matrices [count, 3, 3], offsets [count, 3], and shares of mean gray [count]."""
    count = len(amounts["hue"])
    matrix = np.broadcast_to(np.eye(3), (count, 3, 3))
    if recipe.hue or recipe.randaugment:
        turn = 2 * np.pi * amounts["hue"]
        spin = np.tile(np.eye(3), (count, 1, 1))
        spin[:, 1, 1] = spin[:, 2, 2] = np.cos(turn)
        spin[:, 1, 2], spin[:, 2, 1] = -np.sin(turn), np.sin(turn)
        matrix = np.linalg.inv(_YIQ) @ spin @ _YIQ
    saturation = (1 + amounts["saturation"])[:, None, None]
    gray = np.broadcast_to(np.array(LUMA), (3, 3))
    brightness, contrast = 1 + amounts["brightness"], 1 + amounts["contrast"]
    gain = (brightness * contrast)[:, None, None]
    matrix = gain * ((saturation * np.eye(3) + (1 - saturation) * gray) @ matrix)
    offset = np.zeros((count, 3))
    if recipe.pca_lighting and lighting is not None:
        offset = rng.normal(0, recipe.pca_lighting, (count, 3)) @ lighting
    return matrix, offset, brightness * (1 - contrast)
