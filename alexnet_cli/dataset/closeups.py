"""The images of a set looked at closely: read again, a few of them kept."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from PIL import Image

from ..arrays import Fingerprints, Pixels
from ..errors import ImageError
from ..preprocess import MAX_PIXELS
from . import images
from .close_look import SIDE, closeup, is_same
from .parallel import parallel_map

KEPT = 768
"""Closeups, of 48 KB, that are kept: the images of two tiles of pairs."""

TRIES = 32
"""Refusals of an image after which only what looks more alike is looked at closely.

Of many products of one shape every pair looks alike.
"""

Opener = Callable[[int], Image.Image]
"""Gives the RGB image of an index, from several threads at once; raises ImageError."""


def reopened(read: Callable[[int], bytes], max_pixels: int = MAX_PIXELS) -> Opener:
    """What opens images again, by what gives the encoded image of an index."""
    return lambda i: images.open_image(read(i), max_pixels, 2 * SIDE).image


@dataclass(frozen=True)
class ImageSet:
    """Images among which near-identical ones are looked for."""

    prints: Fingerprints
    """uint8 [N, 2, 32, 32]."""
    image: Opener
    digests: Sequence[str] = ()
    """[N]: of the encoded images, or ""; for `find_copies`."""


class Closeups:
    """Pairs of images of two sets, or of one, looked at closely."""

    def __init__(self, one: Opener, two: Opener) -> None:
        # Threads may read an image twice at once; both get the same.
        kept = lru_cache(KEPT)
        self._one = kept(lambda i, within: _closeup(one, i, within))
        self._two = self._one if one is two else kept(lambda i, x: _closeup(two, i, x))

    def same(
        self, pairs: Sequence[tuple[tuple[int, bool], tuple[int, bool]]]
    ) -> list[bool]:
        """Whether each of the pairs of (image, whether without its margins) is of one image.

        Not if one of them can no longer be read.
        """
        return list(parallel_map(self._same, pairs))

    def _same(self, pair: tuple[tuple[int, bool], tuple[int, bool]]) -> bool:
        one, two = self._one(*pair[0]), self._two(*pair[1])
        return one is not None and two is not None and is_same(one, two)


class Refusals:
    """How often images were refused, and how much alike they looked then."""

    def __init__(self, count: int) -> None:
        self.counts = np.zeros(count, np.int64)
        self.most = np.zeros(count, np.float32)

    def add(self, image: int, likeness: float) -> None:
        """`image` was refused though it looked that much alike."""
        self.counts[image] += 1
        self.most[image] = max(self.most[image], likeness)

    def least(self, images: np.ndarray) -> np.ndarray:
        """float32 [n]: what a pair has to exceed to be looked at."""
        return np.where(self.counts[images] < TRIES, 0, self.most[images])


def _closeup(image: Opener, index: int, within: bool) -> Pixels | None:
    try:
        return closeup(image(index), whole=not within)
    except ImageError:
        return None
