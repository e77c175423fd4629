"""Near-identical images among many: every pair is compared that could change a group.

By its fingerprints; those that look alike are looked at closely, best first.
"""

import math
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice

import numpy as np

from ...arrays import Flags, Floats, Rows
from ...recipe.recipe import Recipe
from ..decoding import Counting, ProgressCallback
from ..parallel import parallel_map
from .closeups import Closeups, ImageSet, Refusals
from .fingerprint import Table, candidates, likeness
from .groups import Groups
from .pairs import NearPairs, not_compared
from .print_table import IN_MEMORY

TILE = 256
"""Views that are compared with as many others at once, which bounds memory."""

BATCH = 16
"""Tiles that are compared at once."""


MOST_SEARCHED = IN_MEMORY
"""Images of more than so many are not compared with each other.

The time grows by the square of their number, memory by 2.3 KB an image.
"""

SEARCH_SHARE = 0.1
"""Of --max-minutes, the most that the search for near-identical images takes."""


def searched(images: ImageSet, recipe: Recipe, counting: Counting) -> NearPairs:
    """Near-identical images, looked for in a share of --max-minutes.

    With --deterministic and --folds in all the time that it takes: splits of several
    trainings are then to be the same.
    """
    seconds = math.inf
    repeated = recipe.machine.deterministic or recipe.split.folds > 1
    if recipe.stopping.max_minutes and not repeated:
        seconds = SEARCH_SHARE * 60 * recipe.stopping.max_minutes
    return group_near(images, counting, recipe.split.group_near, seconds)


def group_near(
    images: ImageSet, counting: Counting, wanted: bool = True, seconds: float = math.inf
) -> NearPairs:
    """Near-identical images, if they are `wanted` and not too many to be looked for."""
    count = len(images.prints)
    if not wanted:
        return NearPairs()
    if count > MOST_SEARCHED:
        return not_compared(count)
    with counting("finding near duplicates") as progress:
        return near_pairs(images, progress, seconds)


def near_pairs(
    images: ImageSet,
    progress: ProgressCallback,
    seconds: float = math.inf,
    clock: Callable[[], float] = time.monotonic,
) -> NearPairs:
    """The pairs that connect near-identical images.

    The groups that they make are those of all near-identical pairs, since only pairs that
    are connected already are skipped, but for images that `TRIES` others resembled.
    Images that stand near each other are compared first; after `seconds` the rest is not.
    Memory grows with N by the fingerprints and a quarter more. `progress` counts pairs.
    """
    search = _Search(images)
    rows = len(search.table.images)
    compared, count = 0, rows * (rows - 1) // 2
    end = clock() + seconds
    tiles = _tiles(rows)
    while clock() < end and (batch := list(islice(tiles, BATCH))):
        # No images are joined meanwhile: what is skipped does not depend on the cores.
        looks = list(parallel_map(search.near, batch))
        for (one, two), near in zip(batch, looks, strict=True):
            if not search.join(one, two, near, lambda: clock() >= end):
                break
            n, m = one.stop - one.start, two.stop - two.start
            compared += n * (n - 1) // 2 if one == two else n * m
        progress(compared, count)
    return NearPairs(tuple(sorted(search.pairs)), compared, count)


class _Search:
    """A search within one set, and what it has found so far."""

    def __init__(self, images: ImageSet) -> None:
        count = len(images.prints)
        self.table = Table.of(images.prints)
        self.groups, self.refusals = Groups(count), Refusals(count)
        self.closeups = Closeups(images.image, images.image)
        self.pairs: list[tuple[int, int]] = []

    def near(self, tile: tuple[slice, slice]) -> Floats:
        """[n, m]: likeness of the views of a tile that are not connected yet, or 0."""
        one, two = self.table[tile[0]], self.table[tile[1]]
        apart = self._apart(one.images, two.images)
        if not apart.any():
            return apart.astype(np.float32)
        alike = candidates(one, two) & apart
        if tile[0] == tile[1]:
            alike = np.triu(alike, 1)
        return likeness(one.prints, two.prints, alike)

    def join(
        self, rows: slice, columns: slice, near: Floats, is_late: Callable[[], bool]
    ) -> bool:
        """Join images of a tile by its likenesses; False if it became too late for some."""
        one, two = self.table[rows], self.table[columns]
        while self._leave_open(one.images, two.images, near):
            if is_late():
                return False
            chosen = _best(near, self.groups.of(one.images), self.groups.of(two.images))
            views = [(one.view(i), two.view(j)) for i, j in chosen]
            for at, (x, y), same in zip(
                chosen, views, self.closeups.same(views), strict=True
            ):
                if not same:
                    self.refusals.add(x[0], near[at])
                    self.refusals.add(y[0], near[at])
                elif self.groups.join(x[0], y[0]):
                    self.pairs.append((min(x[0], y[0]), max(x[0], y[0])))
                near[at] = 0
        return True

    def _leave_open(self, one: Rows, two: Rows, near: Floats) -> bool:
        """Whether there is anything left to look at; what is not becomes 0."""
        least = np.maximum(self.refusals.least(one)[:, None], self.refusals.least(two))
        near *= self._apart(one, two) & (near > least)
        return bool(near.any())

    def _apart(self, one: Rows, two: Rows) -> Flags:
        """bool [n, m]: which images are in two groups."""
        apart: Flags = self.groups.of(one)[:, None] != self.groups.of(two)
        return apart


def _best(near: Floats, one: Rows, two: Rows) -> list[tuple[int, int]]:
    """Of each row and each column what is most alike, as the fewest that connect as much.

    `one` and `two` are the groups of rows and columns. What is left out could only join
    what a better pair has joined, unless that is refused: then it is chosen next time.
    """
    rows, columns = np.flatnonzero(near.any(axis=1)), np.flatnonzero(near.any(axis=0))
    best = (rows, near[rows].argmax(axis=1)), (near[:, columns].argmax(axis=0), columns)
    i, j = np.concatenate(best, axis=1)
    order = np.argsort(-near[i, j], kind="stable")
    i, j = i[order], j[order]
    names, places = np.unique(np.concatenate([one[i], two[j]]), return_inverse=True)
    groups, places = Groups(len(names)), places.tolist()
    pairs = zip(i.tolist(), j.tolist(), places[: len(i)], places[len(i) :], strict=True)
    return [(row, column) for row, column, x, y in pairs if groups.join(x, y)]


def find_copies(
    here: ImageSet, other: ImageSet, progress: ProgressCallback
) -> dict[int, int]:
    """{index in `other`: index `here`} of each image that is in both.

    Of equal content by its digest, or near-identical; the first such image. `progress`
    counts images of `here`.
    """
    # A bad file has no digest, and is like no other.
    first = {x: i for i, x in reversed(list(enumerate(here.digests))) if x}
    found = {i: first[x] for i, x in enumerate(other.digests) if x in first}
    table, others = Table.of(here.prints), Table.of(other.prints)
    closeups, refusals = Closeups(other.image, here.image), Refusals(len(other.prints))
    rest = [k for k, i in enumerate(others.images.tolist()) if i not in found]
    for start in range(0, len(table.images), TILE):
        tile = table[start : start + TILE]
        parts = [others[rest[i : i + TILE]] for i in range(0, len(rest), TILE)]
        looks = parallel_map(partial(_near, table=tile), parts)
        for part, near in zip(parts, list(looks), strict=True):
            for i, j in _firsts(part, tile, near, closeups, refusals).items():
                found[i] = min(j, found.get(i, j))
        rest = [k for k in rest if others.images[k] not in found]
        progress(int(tile.images[-1]) + 1, len(here.prints))
    return dict(sorted(found.items()))


def _near(part: Table, table: Table) -> Floats:
    return likeness(part.prints, table.prints, candidates(part, table))


def _firsts(
    part: Table, table: Table, near: Floats, closeups: Closeups, refusals: Refusals
) -> dict[int, int]:
    """{image of `part`: the first of `table` that is near-identical}."""
    found: dict[int, int] = {}
    while True:
        near *= near > refusals.least(part.images)[:, None]
        rows = np.flatnonzero(near.any(axis=1))
        if not len(rows):
            return found
        columns = (near[rows] > 0).argmax(axis=1)
        chosen = list(zip(rows.tolist(), columns.tolist(), strict=True))
        views = [(part.view(i), table.view(j)) for i, j in chosen]
        for at, (x, y), same in zip(chosen, views, closeups.same(views), strict=True):
            if same:
                found[x[0]] = min(y[0], found.get(x[0], y[0]))
                near[at[0]] = 0
            else:
                refusals.add(x[0], near[at])
                near[at] = 0


def _tiles(count: int) -> Iterator[tuple[slice, slice]]:
    """Rows and columns of the upper triangle of all pairs, its diagonal first.

    Files near each other in order, as frames of a video are, are connected before others
    are compared with them.
    """
    parts = [slice(i, min(i + TILE, count)) for i in range(0, count, TILE)]
    for distance in range(len(parts)):
        yield from zip(parts, parts[distance:], strict=False)
