"""How far scores on a few images can be trusted: bootstrap and McNemar's test."""

import math
from dataclasses import dataclass

import numpy as np

from ..arrays import Flags, Labels, Probabilities

RESAMPLES = 2000
"""How many test sets a bootstrap resamples."""


@dataclass(frozen=True)
class Intervals:
    """95 % intervals (low, high) of scores, each 0 to 1."""

    top1: tuple[float, float]
    macro_f1: tuple[float, float]


def bootstrap(confusion: Labels, seed: int = 0) -> Intervals:
    """Percentile intervals of the scores that follow from a confusion matrix [K, K].

    Sampling N images with replacement is sampling how often each cell of the matrix
    comes up. Source: Efron, Tibshirani 1993, chapter 13.
    """
    rows, columns = np.nonzero(confusion)
    cells, classes = confusion[rows, columns], len(confusion)
    count = int(cells.sum())
    rng = np.random.default_rng(seed)
    samples = rng.multinomial(count, cells / count, RESAMPLES)
    accuracy = samples[:, rows == columns].sum(axis=1) / count
    f1 = []
    for sample in samples:
        hits = np.bincount(rows, np.where(rows == columns, sample, 0), classes)
        support = np.bincount(rows, sample, classes)
        predicted = np.bincount(columns, sample, classes)
        occurs = support > 0
        f1.append((2 * hits[occurs] / (predicted + support)[occurs]).mean())
    return Intervals(_interval(accuracy), _interval(np.array(f1)))


def _interval(values: Probabilities) -> tuple[float, float]:
    low, high = np.quantile(values, (0.025, 0.975))
    return float(low), float(high)


@dataclass(frozen=True)
class McNemar:
    """McNemar's test of two classifiers on the same images."""

    only_first: int
    """Images that only the first one predicts correctly."""
    only_second: int
    p: float
    """Probability of such a difference or a larger one between equally good classifiers."""


def mcnemar(first: Flags, second: Flags) -> McNemar:
    """The exact two-sided test of whether predictions [N] of the same images are correct.

    Source: McNemar 1947; the binomial form, which needs no large numbers.
    """
    one, other = int((first & ~second).sum()), int((second & ~first).sum())
    count, few = one + other, min(one, other)
    tail = sum(math.comb(count, i) for i in range(few + 1))
    return McNemar(one, other, min(1.0, 2 * tail / 2**count))
