"""Whether two images that were laid over each other are the same in every small block.

Another word on a label, a digit or a hand of a clock changes a few blocks and leaves all
others. What a copy's blocks differ by is explained by a shift of a fraction of a pixel and
by a loss of sharpness, but for noise; other strokes are not.
"""

import numpy as np

from ...arrays import Doubles, Flags, Floats
from .differences import Matched, halved, luma, means, overlapping

CELLS = 32
"""Halves of blocks in a row; a block is of 16 x 16 pixels of 256."""

CHANGE = 0.7
"""The largest mean square difference of a copy, of half a block's variance and NOISE.

Source: scripts/experiments/near_duplicates.py.
"""

NOISE = 14.0
"""Standard deviation, levels, of what saving at low quality leaves of a block."""

MOST = np.array([0.8, 0.8, 0.3])
"""The farthest shift of a block, pixels, across and down, and the most that its sharpness
differs: the share of the second differences that is added."""

RIDGE = 4.0
"""Added to the mean square of each slope, so that flat blocks are not moved."""


def has_small_changes(pair: Matched) -> bool:
    """Whether any small block differs, of those that both images have."""
    weight = pair.common.astype(np.float32)
    share = _cells(weight)
    one, two = luma(pair.one), luma(pair.two)
    mean, rest = (one + two) * np.float32(0.5), one - two
    m, mm, r, rr = means(
        _cells(np.stack([mean, mean * mean, rest, rest * rest]) * weight), share
    )
    least = (mm - m * m + (rr - r * r) / 4) / 2 + NOISE**2
    changed = (overlapping(share) >= 0.5) & (rr > CHANGE * least)
    if not changed.any():
        return False
    explained = _explained(mean, rest * weight, weight, share, changed)
    return bool((rr[changed] - explained > CHANGE * least[changed]).any())


def _explained(
    mean: Floats, rest: Floats, weight: Floats, share: Floats, chosen: Flags
) -> Doubles:
    """[K]: of the mean square of `rest` in K `chosen` blocks, what shift and blur do."""
    slopes = _slopes(mean) * weight
    pairs = [(i, j) for i in range(3) for j in range(i, 3)]
    products = np.stack(
        [*(slopes[i] * slopes[j] for i, j in pairs), *(x * rest for x in slopes)]
    )
    found = means(_cells(products), share)[:, chosen].astype(np.float64)
    normal = np.empty((found.shape[1], 3, 3))
    for (i, j), values in zip(pairs, found[:6], strict=True):
        normal[:, i, j] = normal[:, j, i] = values
    normal[:, range(3), range(3)] += RIDGE
    sums = found[6:].T
    step = np.clip(np.linalg.solve(normal, sums[..., None])[..., 0], -MOST, MOST)
    squares = np.einsum("ki,kij,kj->k", step, normal, step)
    explained: Doubles = 2 * (step * sums).sum(axis=1) - squares
    return explained


def _slopes(gray: Floats) -> Floats:
    """[3, n, n]: change across and down, per pixel, and the second differences."""
    found = np.zeros((3, *gray.shape), np.float32)
    across, down, bent = found
    across[:, 1:-1] = (gray[:, 2:] - gray[:, :-2]) / 2
    down[1:-1] = (gray[2:] - gray[:-2]) / 2
    inner = gray[1:-1, 1:-1]
    bent[1:-1, 1:-1] = (
        gray[2:, 1:-1] + gray[:-2, 1:-1] + gray[1:-1, 2:] + gray[1:-1, :-2] - 4 * inner
    )
    return found


def _cells(planes: Floats) -> Floats:
    """[..., 32, 32]: means."""
    return halved(planes, int(np.log2(planes.shape[-1] // CELLS)))
