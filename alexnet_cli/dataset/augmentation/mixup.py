"""Pictures blended, pasted into their neighbours, or with a box blanked out.

Every picture of a batch draws its own numbers; its partner is the one before it, and the
first one's is the last. Labels are mixed as pixels are.

Sources: mixup, Zhang et al. 2018; CutMix, Yun et al. 2019; random erasing, Zhong et al.
2017 (2 to 33 % of the area, 0.3 to 3.3 as wide as high).
"""

import numpy as np
from keras import ops

from ...arrays import Doubles, Floats
from ...recipe.recipe import Recipe

MIXED = 1 + 4 + 4
"""Numbers a picture: its own share of a blend, the pasted box, the blanked box.

Boxes are left, top, right, bottom, shares (0..1) of the sides; empty ones are zeros.
"""


def mixes(recipe: Recipe) -> bool:
    """Whether `mixed` has anything to do."""
    return bool(recipe.mixup or recipe.cutmix or recipe.erasing)


def sample_mixing(recipe: Recipe, count: int, rng: np.random.Generator) -> Doubles:
    """[count, MIXED] numbers for `mixed`; of mixup and CutMix each picture gets one."""
    blend, pasted, blank = np.ones(count), np.zeros((count, 4)), np.zeros((count, 4))
    pastes = np.zeros(count, bool)
    if recipe.cutmix:
        pastes = rng.random(count) < (0.5 if recipe.mixup else 1.0)
    if recipe.mixup:
        blend = np.where(pastes, 1, rng.beta(recipe.mixup, recipe.mixup, count))
    if recipe.cutmix:
        area = rng.beta(recipe.cutmix, recipe.cutmix, count)
        pasted = _boxes(area, np.ones(count), rng) * pastes[:, None]
    if recipe.erasing:
        ratio = np.exp(rng.uniform(np.log(0.3), np.log(3.3), count))
        erased = rng.random(count) < recipe.erasing
        blank = _boxes(rng.uniform(0.02, 0.33, count), ratio, rng) * erased[:, None]
    return np.concatenate([blend[:, None], pasted, blank], axis=1)


def _boxes(area: Doubles, ratio: Doubles, rng: np.random.Generator) -> Doubles:
    """Boxes [count, 4] of `area` and width by height about any centre, cut at the edge."""
    half = np.sqrt(np.stack([area * ratio, area / ratio], axis=1)) / 2
    centre = rng.random(half.shape)
    return np.concatenate([centre - half, centre + half], axis=1).clip(0, 1)


def mixed_targets(targets: Floats, numbers: Floats) -> Floats:
    """Labels [B, K] in the shares in which `mixed` leaves the pictures; rows sum to 1."""
    left, top, right, bottom = numbers[:, 1:5].T
    own = (numbers[:, 0] * (1 - (right - left) * (bottom - top)))[:, None]
    return (own * targets + (1 - own) * np.roll(targets, 1, axis=0)).astype(np.float32)


def mixed(pictures, numbers):  # type: ignore[no-untyped-def]
    """Standardised pictures [B, S, S, 3], each with its partner in it and its hole."""
    side = pictures.shape[1]
    own = ops.reshape(numbers[:, :1], (-1, 1, 1, 1)) * (1 - _inside(numbers[:, 1:5], side))
    both = own * pictures + (1 - own) * ops.roll(pictures, 1, axis=0)
    return both * (1 - _inside(numbers[:, 5:9], side))


def _inside(boxes, side):  # type: ignore[no-untyped-def]
    """1 within `boxes` [B, 4] and 0 elsewhere, float32 [B, side, side, 1]."""
    places = ((np.arange(side) + 0.5) / side).astype(np.float32)
    across, down = (
        ops.cast(
            (boxes[:, i : i + 1] <= places) & (places < boxes[:, i + 2 : i + 3]), "float32"
        )
        for i in (0, 1)
    )
    return (down[:, :, None] * across[:, None, :])[..., None]
