"""The images of a set looked at closely: read again, a few of them kept."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from PIL import Image

from ...arrays import Fingerprints, Floats, Rows
from ...errors import ImageError
from ...preprocess import MAX_PIXELS
from .. import images
from ..parallel import parallel_map
from ..sources.source import Sample, Source
from .close_look import FINE, Closeup, is_same

KEPT = 512
"""Closeups, of up to 240 KB, that are kept: the images of two tiles of pairs."""

TRIES = 32
"""Refusals of an image after which only what looks more alike is looked at closely.

Of many products of one shape every pair looks alike.
"""

View = tuple[int, bool]
"""An image by its index, and whether without its margins."""

Opener = Callable[[int], Image.Image]
"""Gives the RGB image of an index, from several threads at once; raises ImageError."""


def reopened(read: Callable[[int], bytes], max_pixels: int = MAX_PIXELS) -> Opener:
    """What opens images again, by what gives the encoded image of an index."""
    return lambda i: images.open_image(read(i), max_pixels, FINE).image


@dataclass(frozen=True)
class ImageSet:
    """Images among which near-identical ones are looked for."""

    prints: Fingerprints
    """uint8 [N, 2, 32, 32]."""
    image: Opener | None
    """None where images cannot be opened again: what resembles one is then the same."""
    digests: Sequence[str] = ()
    """[N]: of the encoded images, or ""; for `find_copies`."""

    def __getitem__(self, rows: Sequence[int]) -> "ImageSet":
        """The images numbered `rows`."""
        opener = self.image
        return ImageSet(
            self.prints[list(rows)],
            opener and (lambda i: opener(rows[i])),
            [self.digests[i] for i in rows],
        )


def image_set(
    source: Source,
    samples: Sequence[Sample],
    prints: Fingerprints,
    digests: Sequence[str],
    max_pixels: int = MAX_PIXELS,
) -> ImageSet:
    """The `samples` of a source, to be searched.

    A compressed archive is not read from its start for each of them.
    """
    opener = reopened(lambda i: source.read(samples[i]), max_pixels)
    return ImageSet(prints, None if source.sequential else opener, digests)


class Closeups:
    """Pairs of images of two sets, or of one, looked at closely."""

    def __init__(self, one: Opener | None, two: Opener | None) -> None:
        self._blind = one is None or two is None
        # Threads may read an image twice at once; both get the same.
        kept = lru_cache(KEPT)
        self._one = kept(lambda view: _closeup(one, view))
        self._two = self._one if one is two else kept(lambda view: _closeup(two, view))

    def same(self, pairs: Sequence[tuple[View, View]]) -> list[bool]:
        """Whether each pair of views is of one image; not if it can no longer be read."""
        if self._blind:
            return [True] * len(pairs)
        return list(parallel_map(self._same, pairs))

    def _same(self, pair: tuple[View, View]) -> bool:
        one, two = self._one(pair[0]), self._two(pair[1])
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

    def least(self, images: Rows) -> Floats:
        """float32 [n]: what the likeness of a pair has to exceed to be looked at."""
        least: Floats = np.where(self.counts[images] < TRIES, 0, self.most[images])
        return least


def _closeup(image: Opener | None, view: View) -> Closeup | None:
    index, within = view
    try:
        return image and Closeup.of(image(index), whole=not within)
    except ImageError:
        return None
