"""Near-identical images: small fingerprints, all pairs compared, sure ones kept.

A fingerprint is the gray image averaged down to 32 x 32. Pairs that look alike on
8 x 8 are compared on 16 x 16 again, mirrored and with their edges cut by up to a tenth:
resizing, saving again, mirroring and slight cropping leave the best of these
correlations near 1, other images of the same thing do not (docs/data.md).
"""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from PIL import Image

from ..arrays import Fingerprints, Floats

SIDE = 32

CANDIDATE, SURE = 0.75, 0.93
"""Correlations on 8 x 8 and, aligned, on 16 x 16.

Source: scripts/experiments/near_duplicates.py.
"""

CUTS = (0.0, 0.02, 0.04, 0.06, 0.08, 0.1)
"""Fractions of a side by which edges are cut."""

ROWS = 64
"""Fingerprints and candidates that are compared at once, which bounds memory."""

COLORLESS = 8
"""Largest difference of channels, levels, in a gray image; JPEG leaves some."""

FLAT = 1.5
"""Standard deviation, levels, below which an image has nothing to compare."""


def fingerprint(image: Image.Image) -> tuple[Fingerprints, bool]:
    """uint8 [32, 32] of the whole RGB image, and whether it is without color."""
    small = image.resize((SIDE, SIDE), Image.Resampling.BOX, reducing_gap=3.0)
    gray = bool(np.ptp(np.asarray(small), axis=2).max() <= COLORLESS)
    return np.asarray(small.convert("L")), gray


def near_pairs(
    prints: Fingerprints, others: Fingerprints | None = None
) -> Iterator[tuple[int, int]]:
    """Indices (i, j) of near-identical images: i < j in `prints`, or j in `others`.

    Of fingerprints [N, 32, 32]. Memory grows with N by the fingerprints alone.
    """
    within = others is None
    right = prints if others is None else others
    if not len(prints) or not len(right):
        return
    table = _normalized(_pooled(right, 8))
    for start in range(0, len(prints), ROWS):
        part = prints[start : start + ROWS]
        alike = np.zeros((len(part), len(right)), bool)
        for view in (part, part[:, :, ::-1]):
            alike |= _normalized(_pooled(view, 8)) @ table.T > CANDIDATE
        if within:
            alike &= np.arange(len(right)) > np.arange(start, start + len(part))[:, None]
        rows, columns = np.nonzero(alike)
        for at in range(0, len(rows), ROWS):
            i, j = rows[at : at + ROWS] + start, columns[at : at + ROWS]
            sure = alignment(prints[i], right[j]) > SURE
            yield from zip(i[sure].tolist(), j[sure].tolist(), strict=True)


def find_copies(
    digests: Sequence[str],
    prints: Fingerprints,
    other_digests: Sequence[str],
    other_prints: Fingerprints,
) -> dict[int, int]:
    """{index in the second set: index in the first} of each image that is in both.

    Of equal content by its digest, or near-identical by its fingerprint [32, 32].
    """
    first = {x: i for i, x in reversed(list(enumerate(digests)))}
    found = {i: first[x] for i, x in enumerate(other_digests) if x in first}
    for i, j in near_pairs(other_prints, prints):
        found.setdefault(i, j)
    return dict(sorted(found.items()))


def alignment(one: Fingerprints, two: Fingerprints) -> Floats:
    """float32 [N]: best correlation of images [N, 32, 32], over mirrors and cut edges."""
    best = np.full(len(one), -1, np.float32)
    for left, right in ((one, two), (two, one)):
        whole = _normalized(_pooled(right, 16))
        for view in (left, left[:, :, ::-1]):
            for window in _WINDOWS:
                cut = window @ view.astype(np.float32) @ window.T
                product = (_normalized(cut) * whole).sum(axis=1)
                best = np.maximum(best, product)
    return best


def connected(count: int, pairs: Iterable[tuple[int, int]]) -> list[int]:
    """For each of `count` images the lowest index that pairs connect it to."""
    parent = list(range(count))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    for i, j in pairs:
        low, high = sorted((root(i), root(j)))
        parent[high] = low
    return [root(i) for i in range(count)]


def _pooled(prints: Fingerprints, side: int) -> Floats:
    """[N, side, side]: fingerprints averaged down."""
    step = SIDE // side
    tiles = prints.reshape(len(prints), side, step, side, step)
    pooled: Floats = tiles.mean(axis=(2, 4), dtype=np.float32)
    return pooled


def _normalized(tiles: Floats) -> Floats:
    """[N, s * s]: [N, s, s] less the means of rows and columns, scaled to length 1.

    What is left when horizon and vignette are gone is an image's own. Flat images are
    0, so that they are like nothing.
    """
    rest = tiles - tiles.mean(axis=2, keepdims=True) - tiles.mean(axis=1, keepdims=True)
    rest = (rest + tiles.mean(axis=(1, 2), keepdims=True)).reshape(len(tiles), -1)
    length = np.linalg.norm(rest, axis=1, keepdims=True)
    flat = length < FLAT * np.sqrt(rest.shape[1])
    return np.where(flat, 0, rest / np.maximum(length, 1e-6)).astype(np.float32)


def _window(cut: float) -> Floats:
    """[16, 32] weights that average 32 pixels, less `cut` at each end, to 16."""
    edges = SIDE * np.linspace(cut, 1 - cut, 17)
    low, high = (
        np.maximum(edges[:-1, None], np.arange(SIDE)),
        np.minimum(edges[1:, None], np.arange(1, SIDE + 1)),
    )
    weights = np.maximum(high - low, 0)
    share: Floats = (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
    return share


_WINDOWS = [_window(x) for x in CUTS]
