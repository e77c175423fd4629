"""Which images are near-identical, as pairs."""

from collections.abc import Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class NearPairs:
    """Near-identical images, as the fewest pairs that connect them."""

    pairs: tuple[tuple[int, int], ...] = ()
    """(i, j), i < j, in order; one less for each group than it has images."""
    compared: int = 0
    """Pairs that were compared, or did not need to be; also those of images and margins."""
    count: int = 0
    """All of these pairs; more than `compared` if time was up."""


def not_compared(count: int) -> NearPairs:
    """Of so many images, none of which were compared."""
    return NearPairs(count=count * (count - 1) // 2)


def among(near: NearPairs, rows: Sequence[int]) -> NearPairs:
    """`near` of the images numbered `rows`, by their places there."""
    places = {x: i for i, x in enumerate(rows)}
    pairs = [(places[i], places[j]) for i, j in near.pairs if i in places and j in places]
    return replace(near, pairs=tuple(pairs))
