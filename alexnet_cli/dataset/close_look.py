"""Whether two images that look alike when small are the same in detail and in color.

The third look at near-identical images (docs/data.md): of two products of one shape, the
colors differ or a label does. They are laid over each other, and the largest difference
of any small block decides. A photograph is also the same if all of its fine detail is, in
gray or toned: nothing else has it.
"""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from ..arrays import Floats, Pixels
from .differences import EVERYWHERE, difference, halved, luma
from .margins import content_box, reduced
from .registration import Overlay, register

SIDE = 128

EDGE = 0.08
"""Of half a side, at the edges: a margin's JPEG blocks reach into what is within it."""

STILL = 0.99
"""Correlation at 16 x 16 of images that may need not be moved."""

SYMMETRIC = 0.2
"""By how much less the worse of two mirrors may correlate that is tried as well."""

ROUGH = 2.0
"""How many times the differences may be at a quarter of the size."""


def closeup(image: Image.Image, whole: bool = True) -> Pixels:
    """uint8 [128, 128, 3] of an RGB image, or of what its margins leave."""
    few = reduced(image, 2 * SIDE)
    box = None if whole else content_box(few)
    return np.asarray(few.resize((SIDE, SIDE), Image.Resampling.BILINEAR, box=box))


def is_same(one: Pixels, two: Pixels) -> bool:
    """Whether two closeups are of one image, perhaps mirrored."""
    # The same whichever comes first: no order of files changes a group.
    one, two = sorted((one, two), key=lambda x: x.tobytes())
    fixed, moving = _View.of(one), _View.of(two)
    score = _correlation(fixed, moving)
    # Most frames of a clip need not be moved.
    if score > STILL:
        common = Overlay().common(SIDE, EDGE)
        if difference(fixed.planes, moving.planes, common).is_small():
            return True
    mirrored = _View.of(two[:, ::-1])
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

    @classmethod
    def of(cls, pixels: Pixels) -> "_View":
        """The view of a closeup."""
        planes = np.ascontiguousarray(pixels.transpose(2, 0, 1), np.float32)
        half = luma(halved(planes))
        quarter = halved(half)
        return cls(planes, [halved(quarter), quarter, half])


def _is_same(one: _View, two: _View) -> bool:
    """Whether views that are the same way round are of one image."""
    overlay = register(one.sizes[:2], two.sizes[:2], Overlay())
    if overlay is None:
        return False
    few, rest = halved(one.planes, 2), halved(two.planes, 2)
    rough = difference(few, overlay.lay(rest), overlay.common(SIDE // 4, EDGE))
    if not rough.is_small(ROUGH) and rough.coarse < EVERYWHERE:
        return False
    overlay = register(one.sizes[2:], two.sizes[2:], overlay)
    if overlay is None:
        return False
    found = difference(one.planes, overlay.lay(two.planes), overlay.common(SIDE, EDGE))
    return found.is_small() or found.fine >= EVERYWHERE


def _correlation(one: _View, two: _View) -> float:
    """At 16 x 16, without the means of rows and columns."""
    a, b = (
        x.sizes[0]
        - x.sizes[0].mean(0)
        - x.sizes[0].mean(1, keepdims=True)
        + x.sizes[0].mean()
        for x in (one, two)
    )
    return float(np.vdot(a, b) / max(np.sqrt(np.vdot(a, a) * np.vdot(b, b)), 1e-6))
