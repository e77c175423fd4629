"""The plain search for near-identical images, with which the fast one is compared.

Every pair is looked at twice, one view after another, as docs/data.md describes it.
"""

from collections.abc import Iterator

import numpy as np

SIDE, CANDIDATE, SURE, FLAT, ROWS = 32, 0.75, 0.88, 1.5, 64
CUTS = (0.0, 0.02, 0.04, 0.06, 0.08, 0.1)


def all_pairs(
    prints: np.ndarray, others: np.ndarray | None = None
) -> Iterator[tuple[int, int]]:
    """Indices (i, j) of near-identical images: i < j in `prints`, or j in `others`."""
    right = prints if others is None else others
    if not len(prints) or not len(right):
        return
    table = normalized(pooled(right, 8))
    for start in range(0, len(prints), ROWS):
        part = prints[start : start + ROWS]
        alike = np.zeros((len(part), len(right)), bool)
        for view in (part, part[:, :, ::-1]):
            alike |= normalized(pooled(view, 8)) @ table.T > CANDIDATE
        if others is None:
            alike &= np.arange(len(right)) > np.arange(start, start + len(part))[:, None]
        rows, columns = np.nonzero(alike)
        for at in range(0, len(rows), ROWS):
            i, j = rows[at : at + ROWS] + start, columns[at : at + ROWS]
            sure = best_correlation(prints[i], right[j]) > SURE
            yield from zip(i[sure].tolist(), j[sure].tolist(), strict=True)


def best_correlation(one: np.ndarray, two: np.ndarray) -> np.ndarray:
    """[N]: of images [N, 32, 32] with others, over mirrors and cut edges of either one."""
    best = np.full(len(one), -1.0)
    for left, right in ((one, two), (two, one)):
        whole = normalized(pooled(right, 16))
        for view in (left, left[:, :, ::-1]):
            for cut in CUTS:
                window = averages(cut)
                product = normalized(window @ view.astype(float) @ window.T) * whole
                best = np.maximum(best, product.sum(axis=1))
    return best


def pooled(prints: np.ndarray, side: int) -> np.ndarray:
    """[N, side, side]: fingerprints averaged down."""
    step = SIDE // side
    return prints.reshape(len(prints), side, step, side, step).mean(axis=(2, 4))


def normalized(tiles: np.ndarray) -> np.ndarray:
    """[N, s * s]: less the means of rows and columns, of length 1; flat images are 0."""
    rest = tiles - tiles.mean(axis=2, keepdims=True) - tiles.mean(axis=1, keepdims=True)
    rest = (rest + tiles.mean(axis=(1, 2), keepdims=True)).reshape(len(tiles), -1)
    length = np.linalg.norm(rest, axis=1, keepdims=True)
    flat = length < FLAT * np.sqrt(rest.shape[1])
    return np.where(flat, 0, rest / np.maximum(length, 1e-6))


def averages(cut: float) -> np.ndarray:
    """[16, 32] weights that average 32 pixels, less `cut` at each end, to 16."""
    edges = SIDE * np.linspace(cut, 1 - cut, 17)
    low = np.maximum(edges[:-1, None], np.arange(SIDE))
    high = np.minimum(edges[1:, None], np.arange(1, SIDE + 1))
    weights = np.maximum(high - low, 0)
    return weights / weights.sum(axis=1, keepdims=True)
