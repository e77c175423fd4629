"""Groups of images that pairs connect: training keeps them on one side of the split."""

from collections.abc import Iterable, Sequence

import numpy as np

from ...arrays import Rows


class Groups:
    """Images that were joined; a group's name is its lowest index."""

    def __init__(self, count: int) -> None:
        self.parent = np.arange(count)

    def of(self, images: Rows) -> Rows:
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


def connected(count: int, pairs: Iterable[tuple[int, int]]) -> list[int]:
    """For each of `count` images the lowest index that pairs connect it to."""
    groups = Groups(count)
    for i, j in pairs:
        groups.join(i, j)
    roots: list[int] = groups.of(np.arange(count)).tolist()
    return roots


def content_groups(digests: Sequence[str], near: Iterable[tuple[int, int]]) -> list[str]:
    """A name for each image that equal ones and the pairs in `near` share.

    The first digits of the lowest SHA-256 among them, which no file name changes.
    """
    first: dict[str, int] = {}
    same = [(first.setdefault(x, i), i) for i, x in enumerate(digests)]
    roots = connected(len(digests), [*same, *near])
    lowest: dict[int, str] = {}
    for root, name in zip(roots, digests, strict=True):
        lowest[root] = min(name, lowest.get(root, name))
    return [lowest[x][:12] for x in roots]
