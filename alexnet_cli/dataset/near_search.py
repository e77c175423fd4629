"""Near-identical images among many: every pair is compared that could change a group."""

import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice

import numpy as np

from ..arrays import Fingerprints, Flags, Rows
from .decoding import ProgressCallback
from .near_duplicates import Table, candidates, near_identical
from .parallel import parallel_map

TILE = 256
"""Images that are compared with as many others at once, which bounds memory."""

BATCH = 16
"""Tiles that are compared at once."""


@dataclass(frozen=True)
class NearPairs:
    """Near-identical images, as the fewest pairs that connect them."""

    pairs: tuple[tuple[int, int], ...] = ()
    """(i, j), i < j, in order; one less for each group than it has images."""
    compared: int = 0
    """Pairs of images that were compared, or did not need to be."""
    count: int = 0
    """All pairs of images; more than `compared` if time was up."""


def near_pairs(
    prints: Fingerprints,
    progress: ProgressCallback,
    seconds: float = math.inf,
    clock: Callable[[], float] = time.monotonic,
) -> NearPairs:
    """The pairs that connect near-identical images of [N, 32, 32].

    The groups that they make are those of all near-identical pairs, since only pairs that
    are connected already are skipped. Images that stand near each other are compared
    first; after `seconds` the rest is not. Memory grows with N by the fingerprints and a
    quarter more. `progress` counts pairs of images.
    """
    images, groups = Table.of(prints), _Groups(len(prints))
    pairs: list[tuple[int, int]] = []
    compared, count = 0, len(prints) * (len(prints) - 1) // 2
    end = clock() + seconds
    tiles = _tiles(len(prints))
    while clock() < end and (batch := list(islice(tiles, BATCH))):
        # No images are joined meanwhile: what is skipped does not depend on the cores.
        looks = list(parallel_map(lambda x: _near(images, groups, *x), batch))
        for (rows, columns), near in zip(batch, looks, strict=True):
            pairs += _join(groups, rows, columns, near)
            n, m = rows.stop - rows.start, columns.stop - columns.start
            compared += n * (n - 1) // 2 if rows == columns else n * m
        progress(compared, count)
    return NearPairs(tuple(sorted(pairs)), compared, count)


def find_copies(
    digests: Sequence[str],
    prints: Fingerprints,
    other_digests: Sequence[str],
    other_prints: Fingerprints,
    progress: ProgressCallback,
) -> dict[int, int]:
    """{index in the second set: index in the first} of each image that is in both.

    Of equal content by its digest, or near-identical by its fingerprint [32, 32]; the
    first such image. `progress` counts images of the first set.
    """
    first = {x: i for i, x in reversed(list(enumerate(digests)))}
    found = {i: first[x] for i, x in enumerate(other_digests) if x in first}
    rest = [i for i in range(len(other_prints)) if i not in found]
    others, table = Table.of(other_prints), Table.of(prints)
    for start in range(0, len(prints), TILE):
        parts = [rest[i : i + TILE] for i in range(0, len(rest), TILE)]
        look = partial(_first_near, others, table[start : start + TILE])
        for rows, firsts in zip(parts, parallel_map(look, parts), strict=True):
            found |= {i: start + j for i, j in zip(rows, firsts, strict=True) if j >= 0}
        rest = [i for i in rest if i not in found]
        progress(min(start + TILE, len(prints)), len(prints))
    return dict(sorted(found.items()))


def connected(count: int, pairs: Iterable[tuple[int, int]]) -> list[int]:
    """For each of `count` images the lowest index that pairs connect it to."""
    groups = _Groups(count)
    for i, j in pairs:
        groups.join(i, j)
    roots: list[int] = groups.of(slice(count)).tolist()
    return roots


class _Groups:
    """Images that were joined; a group's name is its lowest index."""

    def __init__(self, count: int) -> None:
        self.parent = np.arange(count)

    def of(self, images: slice) -> Rows:
        """int64 [n]: the group of each of `images`."""
        found = self.parent[images]
        while (self.parent[found] != found).any():
            found = self.parent[found]
        self.parent[images] = found
        return found

    def join(self, i: int, j: int) -> bool:
        """Join the groups of images i and j; whether they were two."""
        low, high = sorted((self._root(i), self._root(j)))
        self.parent[high] = low
        return low != high

    def _root(self, i: int) -> int:
        while self.parent[i] != i:
            self.parent[i] = self.parent[self.parent[i]]
            i = int(self.parent[i])
        return i


def _tiles(count: int) -> Iterator[tuple[slice, slice]]:
    """Rows and columns of the upper triangle of all pairs, its diagonal first.

    Files near each other in order, as frames of a video are, are connected before others
    are compared with them.
    """
    parts = [slice(i, min(i + TILE, count)) for i in range(0, count, TILE)]
    for distance in range(len(parts)):
        yield from zip(parts, parts[distance:], strict=False)


def _near(images: Table, groups: _Groups, rows: slice, columns: slice) -> Flags:
    """bool [n, m]: near-identical images of a tile that are not connected yet."""
    apart = _apart(groups, rows, columns)
    if not apart.any():
        return apart
    one, two = images[rows], images[columns]
    alike = candidates(one, two) & apart
    if rows == columns:
        alike = np.triu(alike, 1)
    return near_identical(one.prints, two.prints, alike)


def _join(
    groups: _Groups, rows: slice, columns: slice, near: Flags
) -> Iterator[tuple[int, int]]:
    """Those pairs of a tile that were not connected; now all of `near` are."""
    near &= _apart(groups, rows, columns)
    while near.any():
        # One of each row and each column: they are not connected one by one.
        i, j = np.flatnonzero(near.any(axis=1)), np.flatnonzero(near.any(axis=0))
        firsts = (i, near[i].argmax(axis=1)), (near[:, j].argmax(axis=0), j)
        for row, column in np.concatenate(firsts, axis=1).T.tolist():
            if groups.join(rows.start + row, columns.start + column):
                yield rows.start + row, columns.start + column
        near &= _apart(groups, rows, columns)


def _apart(groups: _Groups, rows: slice, columns: slice) -> Flags:
    """bool [n, m]: which images of a tile are in two groups."""
    apart: Flags = groups.of(rows)[:, None] != groups.of(columns)
    return apart


def _first_near(others: Table, table: Table, rows: list[int]) -> list[int]:
    """For each of `rows` of `others` the first near-identical image of `table`, or -1."""
    some = others[rows]
    near = near_identical(some.prints, table.prints, candidates(some, table))
    firsts: list[int] = np.where(near.any(axis=1), near.argmax(axis=1), -1).tolist()
    return firsts
