"""Mixup, CutMix and random erasing: sampled, applied to images and to labels.

Sources: mixup, Zhang et al. 2018; CutMix, Yun et al. 2019; random erasing, Zhong et al.
2017 (2 to 33 % of the area, 0.3 to 3.3 as wide as high).
"""

from typing import Any

import numpy as np
from keras import ops

from ...arrays import Doubles, Floats
from ...recipe.sections import Augmentation
from .parameters import AugmentationParameters


def sample_mixing(
    augmentation: Augmentation, count: int, rng: np.random.Generator
) -> dict[str, Doubles]:
    """`own_share`, `pasted_box` and `erased_box` of `AugmentationParameters`, [count, n].

    With both mixup and CutMix each image gets one of them.
    """
    share, pasted, erased = np.ones(count), np.zeros((count, 4)), np.zeros((count, 4))
    pastes = np.zeros(count, bool)
    mixup, cutmix = augmentation.mixup, augmentation.cutmix
    if cutmix:
        pastes = rng.random(count) < (0.5 if mixup else 1.0)
    if mixup:
        share = np.where(pastes, 1, rng.beta(mixup, mixup, count))
    if cutmix:
        area = rng.beta(cutmix, cutmix, count)
        pasted = _boxes(area, np.ones(count), rng) * pastes[:, None]
    if augmentation.erasing:
        ratio = np.exp(rng.uniform(np.log(0.3), np.log(3.3), count))
        erases = rng.random(count) < augmentation.erasing
        erased = _boxes(rng.uniform(0.02, 0.33, count), ratio, rng) * erases[:, None]
    return {"own_share": share[:, None], "pasted_box": pasted, "erased_box": erased}


def _boxes(area: Doubles, ratio: Doubles, rng: np.random.Generator) -> Doubles:
    """[count, 4]: boxes of `area` and width / height `ratio`, clipped to the image."""
    half = np.sqrt(np.stack([area * ratio, area / ratio], axis=1)) / 2
    center = rng.random(half.shape)
    return np.concatenate([center - half, center + half], axis=1).clip(0, 1)


def mix_targets(targets: Floats, parameters: AugmentationParameters) -> Floats:
    """float32 [B, K]: labels in the shares in which `mix` blends images; rows sum to 1."""
    left, top, right, bottom = parameters.pasted_box.T
    visible = 1 - (right - left) * (bottom - top)
    own = (parameters.own_share[:, 0] * visible)[:, None]
    mixed = own * targets + (1 - own) * np.roll(targets, 1, axis=0)
    return np.asarray(mixed, np.float32)


def mix(images: Any, parameters: AugmentationParameters) -> Any:
    """Standardized images [B, S, S, 3], blended, pasted over and erased."""
    side = images.shape[1]
    share = ops.reshape(parameters.own_share, (-1, 1, 1, 1))
    own = share * (1 - _inside(parameters.pasted_box, side))
    both = own * images + (1 - own) * ops.roll(images, 1, axis=0)
    return both * (1 - _inside(parameters.erased_box, side))


def _inside(boxes: Any, side: int) -> Any:
    """1 within `boxes` [B, 4] and 0 elsewhere, float32 [B, side, side, 1]."""
    centers = ((np.arange(side) + 0.5) / side).astype(np.float32)
    across, down = (
        ops.cast(
            (boxes[:, i, None] <= centers) & (centers < boxes[:, i + 2, None]), "float32"
        )
        for i in (0, 1)
    )
    return (down[:, :, None] * across[:, None, :])[..., None]
