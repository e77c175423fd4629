"""How far numbers from a few images can be trusted: bootstrap and McNemar's test."""

import math
from dataclasses import dataclass

import numpy as np

from ..arrays import Flags, Labels, Probabilities

RESAMPLES = 2000


@dataclass(frozen=True)
class Intervals:
    """95 % intervals (low, high), each number 0 to 1."""

    top1: tuple[float, float]
    macro_f1: tuple[float, float]


def bootstrap(confusion: Labels, seed: int = 0) -> Intervals:
    """Percentile intervals of what follows from a confusion matrix [K, K].

    Drawing N images with replacement is drawing how often each of the matrix' cells
    comes up. Source: Efron, Tibshirani 1993, chapter 13.
    """
    rows, columns = np.nonzero(confusion)
    cells, classes = confusion[rows, columns], len(confusion)
    count = int(cells.sum())
    draws = np.random.default_rng(seed).multinomial(count, cells / count, RESAMPLES)
    accuracy = draws[:, rows == columns].sum(axis=1) / count
    f1 = []
    for drawn in draws:
        hits = np.where(rows == columns, drawn, 0)
        right, support, told = (
            np.bincount(x, y, classes)
            for x, y in ((rows, hits), (rows, drawn), (columns, drawn))
        )
        seen = support > 0
        f1.append((2 * right[seen] / (told + support)[seen]).mean())
    return Intervals(_middle(accuracy), _middle(np.array(f1)))


def _middle(values: Probabilities) -> tuple[float, float]:
    low, high = np.quantile(values, (0.025, 0.975))
    return float(low), float(high)


@dataclass(frozen=True)
class McNemar:
    """Two classifiers on the same images; `p` says how easily chance does as much."""

    only_first: int
    """Images that only the first one got right."""
    only_second: int
    p: float


def mcnemar(first: Flags, second: Flags) -> McNemar:
    """The exact two-sided test of right and wrong answers [N] to the same N images.

    Source: McNemar 1947; the binomial form, which needs no large numbers.
    """
    one, other = int((first & ~second).sum()), int((second & ~first).sum())
    count, few = one + other, min(one, other)
    tail = sum(math.comb(count, i) for i in range(few + 1))
    return McNemar(one, other, min(1.0, 2 * tail / 2**count))
