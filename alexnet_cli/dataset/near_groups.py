"""Images that training keeps on one side of the split: equal and near-identical ones."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace

from ..recipe.recipe import Recipe
from .closeups import ImageSet
from .connected import connected
from .decoding import Counting
from .near_search import NearPairs, near_pairs

MOST_SEARCHED = 250_000
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
        return NearPairs(count=count * (count - 1) // 2)
    with counting("finding near duplicates") as progress:
        return near_pairs(images, progress, seconds)


def among(near: NearPairs, rows: Sequence[int]) -> NearPairs:
    """`near` of the images numbered `rows`, by their places there."""
    places = {x: i for i, x in enumerate(rows)}
    pairs = [(places[i], places[j]) for i, j in near.pairs if i in places and j in places]
    return replace(near, pairs=tuple(pairs))


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
