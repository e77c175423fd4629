"""Whether two images that look alike when small are the same in detail and in color.

The third look at near-identical images (docs/data.md): of two products of one shape, the
colors differ or a label does. They are laid over each other, and the largest difference
of any small block decides, seen at 256 pixels if both have so many. A photograph may have
other colors, gray or toned, if all of its fine detail is the same: nothing else has it.
"""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from ...arrays import Floats, Pixels
from .differences import EVERYWHERE, Matched, difference, halved, luma
from .margins import content_box, reduced
from .registration import Overlay, register
from .small_changes import has_small_changes

SIDE, FINE = 128, 256
"""Pixels of both sides of a closeup, and where an image has more than that."""

EDGE = 0.08
"""Of half a side, at the edges: a margin's JPEG blocks reach into what is within it."""

STILL = 0.9
"""Correlation at 16 x 16 of images that may need not be moved."""

SYMMETRIC = 0.2
"""By how much less the worse of two mirrors may correlate that is tried as well."""

ROUGH = 2.0
"""How many times the differences may be at a quarter of the size."""


@dataclass(frozen=True)
class Closeup:
    """An image, or what its margins leave of it, at a size that all have."""

    pixels: Pixels
    """uint8 [128, 128, 3]."""
    fine: Pixels
    """uint8 [256, 256, 3]; `pixels` of an image that has not so many."""

    @classmethod
    def of(cls, image: Image.Image, whole: bool = True) -> "Closeup":
        """The closeup of an RGB image."""
        few = reduced(image, 2 * FINE)
        box = (0, 0, *few.size) if whole else content_box(few)
        least = min(box[2] - box[0], box[3] - box[1])
        side = FINE if least > (SIDE + FINE) / 2 else SIDE
        large = few.resize((side, side), Image.Resampling.BILINEAR, box=box)
        fine = np.asarray(large)
        return cls(fine if side == SIDE else np.asarray(large.reduce(2)), fine)

    @property
    def mirrored(self) -> "Closeup":
        """It the other way round."""
        return Closeup(self.pixels[:, ::-1], self.fine[:, ::-1])


def is_same(one: Closeup, two: Closeup) -> bool:
    """Whether two closeups are of one image, perhaps mirrored."""
    # The same whichever comes first: no order of files changes a group.
    one, two = sorted((one, two), key=lambda x: x.pixels.tobytes())
    fixed, moving = _View.of(one), _View.of(two)
    score = _correlation(fixed, moving)
    # Most frames of a clip need not be moved.
    if score > STILL and _agree(fixed, moving, Overlay()):
        return True
    mirrored = _View.of(two.mirrored)
    other = _correlation(fixed, mirrored)
    # What is symmetric but for a label may fit better the wrong way round.
    views = sorted([(score, 0, moving), (other, 1, mirrored)], reverse=True)
    least = max(score, other) - SYMMETRIC
    return any(_is_same(fixed, x) for score, _, x in views if score > least)


@dataclass(frozen=True)
class _View:
    planes: Floats
    """[3, 128, 128]: red, green and blue."""
    sizes: list[Floats]
    """Luma at 16, 32 and 64 pixels."""
    rest: Floats
    """[16, 16]: the first of them without the means of rows and columns."""
    fine: Pixels
    """That of the closeup."""

    @classmethod
    def of(cls, image: Closeup) -> "_View":
        """The view of a closeup."""
        planes = _planes(image.pixels)
        half = luma(halved(planes))
        quarter = halved(half)
        few = halved(quarter)
        across = few.mean(axis=1, keepdims=True)
        rest = few - few.mean(axis=0) - across + across.mean()
        return cls(planes, [few, quarter, half], rest, image.fine)


def _planes(pixels: Pixels) -> Floats:
    """[3, n, n] of [n, n, 3]."""
    return np.ascontiguousarray(pixels.transpose(2, 0, 1), np.float32)


def _is_same(one: _View, two: _View) -> bool:
    """Whether views that are the same way round are of one image."""
    overlay = register(one.sizes[:2], two.sizes[:2], Overlay())
    if overlay is None:
        return False
    few, rest = halved(one.planes, 2), halved(two.planes, 2)
    rough = difference(_laid(few, rest, overlay))
    if not rough.is_small(ROUGH) and rough.coarse < EVERYWHERE:
        return False
    overlay = register(one.sizes[2:], two.sizes[2:], overlay)
    return overlay is not None and _agree(one, two, overlay)


def _agree(one: _View, two: _View, overlay: Overlay) -> bool:
    """Whether two views have the same colors and labels, or the same detail all over."""
    pair = _laid(one.planes, two.planes, overlay)
    found = difference(pair)
    if not found.is_small():
        # Of an edited photograph the levels differ everywhere; no label could be told.
        return found.fine >= EVERYWHERE
    if len(one.fine) == len(two.fine) == FINE:
        pair = _laid(_planes(one.fine), _planes(two.fine), overlay)
    return not has_small_changes(pair)


def _laid(one: Floats, two: Floats, overlay: Overlay) -> Matched:
    """Planes [3, n, n], the second laid over the first."""
    return Matched.of(one, overlay.lay(two), overlay.common(one.shape[-1], EDGE))


def _correlation(one: _View, two: _View) -> float:
    """At 16 x 16, without the means of rows and columns."""
    a, b = one.rest, two.rest
    return float(np.vdot(a, b) / max(np.sqrt(np.vdot(a, a) * np.vdot(b, b)), 1e-6))
