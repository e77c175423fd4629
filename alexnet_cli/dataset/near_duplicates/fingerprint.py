"""Near-identical images: small fingerprints, and two looks at pairs of them.

A fingerprint is the gray image averaged down to 32 x 32, with its margins and without.
Pairs that look alike on 8 x 8 are compared on 16 x 16 again, mirrored and with their
edges cut by up to a tenth: resizing, saving again, mirroring and slight cropping leave
the best of these correlations near 1, other images of the same thing do not. So do other
products of one shape: `close_look` tells those (docs/data.md).
"""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from ...arrays import Doubles, Fingerprints, Flags, Floats, Rows
from .margins import content_box, reduced

SIDE = 32

PRINT = (2, SIDE, SIDE)
"""Shape of a fingerprint: the whole image, and what its margins leave of it."""

CANDIDATE, SURE = 0.75, 0.88
"""Correlations on 8 x 8 and, aligned, on 16 x 16.

Source: scripts/experiments/near_duplicates.py.
"""

CUTS = (0.0, 0.02, 0.04, 0.06, 0.08, 0.1)
"""Fractions of a side by which edges are cut; the first is the whole image."""

COLORLESS = 8
"""Largest difference of channels, levels, in a gray image; JPEG leaves some."""

FLAT = 1.5
"""Standard deviation, levels, below which an image has nothing to compare."""

BLOCK = 4096
"""Numbers of each factor in a product: BLAS computes so few in one thread.

Threads that wait for each other cost ten times as much when other work has their cores.
"""


def fingerprint(image: Image.Image) -> tuple[Fingerprints, bool]:
    """uint8 [2, 32, 32] of an RGB image, and whether it is without color.

    Of the whole image, and of what its margins leave, which is the same if it has none.
    """
    few = reduced(image)
    whole, content = (0, 0, *few.size), content_box(few)
    boxes = [whole] if content == whole else [whole, content]
    views = [few.resize((SIDE, SIDE), Image.Resampling.BOX, box=x) for x in boxes]
    red, green, blue = np.asarray(views[0]).transpose(2, 0, 1)
    highest = np.maximum(np.maximum(red, green), blue)
    lowest = np.minimum(np.minimum(red, green), blue)
    gray = bool((highest - lowest).max() <= COLORLESS)
    prints = [np.asarray(x.convert("L")) for x in views]
    return np.stack(prints * (3 - len(prints))), gray


@dataclass(frozen=True)
class Table:
    """Views of images, in the order of these, and what the first look needs of them."""

    prints: Fingerprints
    """uint8 [V, 32, 32]."""
    images: Rows
    """int64 [V]: the image that each is of."""
    within: Flags
    """bool [V]: whether it is of what margins leave; images without have one view."""
    small: Floats
    """float32 [2, V, 32]: see `_halves`."""

    @classmethod
    def of(cls, prints: Fingerprints) -> "Table":
        """The table of fingerprints [N, 2, 32, 32]."""
        seen = np.ones((len(prints), 2), bool)
        for i in range(0, len(prints), 1024):
            some = prints[i : i + 1024]
            seen[i : i + 1024, 1] = (some[:, 0] != some[:, 1]).any(axis=(1, 2))
        images, views = np.nonzero(seen)
        chosen = prints[seen]
        small = np.empty((2, len(chosen), 32), np.float32)
        for i in range(0, len(chosen), 1024):
            small[:, i : i + 1024] = _halves(chosen[i : i + 1024], _SMALL)[:, 0]
        return cls(chosen, images, views == 1, small)

    def view(self, row: int) -> tuple[int, bool]:
        """The image of a view, and whether it is what margins leave."""
        return int(self.images[row]), bool(self.within[row])

    def __getitem__(self, rows: slice | list[int]) -> "Table":
        return Table(
            self.prints[rows], self.images[rows], self.within[rows], self.small[:, rows]
        )


def candidates(one: Table, two: Table) -> Flags:
    """bool [N, M]: the first look, which images of two tables are alike on 8 x 8."""
    alike: Flags = _correlation(one.small, two.small) > CANDIDATE
    return alike


def likeness(one: Fingerprints, two: Fingerprints, alike: Flags) -> Floats:
    """float32 [N, M]: the second look at the pairs `alike`; 0 unless it is above SURE."""
    rows, columns = np.flatnonzero(alike.any(axis=1)), np.flatnonzero(alike.any(axis=0))
    near = np.zeros(alike.shape, np.float32)
    if len(rows):
        pairs = np.ix_(rows, columns)
        found = alignment(one[rows], two[columns])
        near[pairs] = np.where(alike[pairs] & (found > SURE), found, 0)
    return near


def alignment(one: Fingerprints, two: Fingerprints) -> Floats:
    """float32 [N, M]: best correlation of each of [N, 32, 32] with each of [M, 32, 32].

    Over mirrors and cut edges, of either one.
    """
    left, right = _halves(one, _WINDOWS), _halves(two, _WINDOWS)
    best = _correlation(left[:, 0], right[:, 0])
    for i in range(1, len(CUTS)):
        np.maximum(best, _correlation(left[:, i], right[:, 0]), out=best)
        np.maximum(best, _correlation(left[:, 0], right[:, i]), out=best)
    return best


def _correlation(one: Floats, two: Floats) -> Floats:
    """[N, M]: of halves [2, N, d] with halves [2, M, d], the better of two mirrors."""
    found = np.empty((one.shape[1], two.shape[1]), np.float32)
    width = BLOCK // one.shape[2]
    for i in range(0, len(found), 64):
        for j in range(0, found.shape[1], width):
            part = found[i : i + 64, j : j + width]
            (even, odd), (x, y) = one[:, i : i + 64], two[:, j : j + width]
            np.matmul(even, x.T, out=part)
            # Mirroring changes the sign of what is odd.
            part += np.abs(odd @ y.T)
    return found


def _halves(prints: Fingerprints, windows: Floats) -> Floats:
    """[2, W, N, s * s / 2]: tiles in their even and their odd half, of length 1 together.

    The tiles are fingerprints seen through each of `windows` [W, s, 32], which leave out
    the means of rows and columns: without horizon and vignette, what is left is an
    image's own. A half is the sum, or the difference, of a tile and its mirror image.
    Flat images are 0, so that they are like nothing.
    """
    cuts, side, half = len(windows), windows.shape[1], windows.shape[1] // 2
    left, right = windows[:, :half], windows[:, : half - 1 : -1]
    across = np.concatenate([left + right, left - right], axis=1) * np.float32(0.5**0.5)
    # Gray is 0, which costs the fewest digits.
    rows = (prints.astype(np.float32) - 128) @ across.reshape(-1, SIDE).T
    rows = rows.reshape(-1, SIDE, cuts, side).transpose(2, 0, 1, 3)
    tiles = (windows[:, None] @ rows).reshape(cuts, -1, side, 2, half)
    length = np.sqrt(np.einsum("wnrhc,wnrhc->wn", tiles, tiles))
    scale = (length >= FLAT * side) / np.maximum(length, 1e-6)
    tiles *= scale[:, :, None, None, None]
    return tiles.transpose(3, 0, 1, 2, 4).reshape(2, cuts, -1, side * half)


def _window(cut: float, side: int) -> Doubles:
    """[side, 32] weights that average 32 pixels, less `cut` at each end, to `side`."""
    edges = SIDE * np.linspace(cut, 1 - cut, side + 1)
    low, high = (
        np.maximum(edges[:-1, None], np.arange(SIDE)),
        np.minimum(edges[1:, None], np.arange(1, SIDE + 1)),
    )
    weights = np.maximum(high - low, 0)
    share: Doubles = weights / weights.sum(axis=1, keepdims=True)
    return share


def _windows(cuts: tuple[float, ...], side: int) -> Floats:
    """[W, side, 32]: the windows of `cuts`, whose sums are 0 in each column."""
    windows = np.stack([_window(x, side) for x in cuts])
    windows -= windows.mean(axis=1, keepdims=True)
    return windows.astype(np.float32)


_SMALL, _WINDOWS = _windows((0.0,), 8), _windows(CUTS, 16)
