"""Whether confidence matches accuracy, and how to make it match: NumPy alone."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..arrays import Flags, Labels, Probabilities

MIN_IMAGES = 50
"""A temperature that is fitted to fewer fits little else: it stays 1."""

BINS = 15
"""Source: Guo et al. 2017, "On Calibration of Modern Neural Networks", section 2."""

_LOWEST, _HIGHEST = 0.2, 5.0

_TINY = float(np.finfo(np.float32).tiny)


@dataclass(frozen=True)
class ReliabilityBin:
    """The images whose confidence is from `low` to `high`."""

    low: float
    high: float
    images: int
    confidence: float
    """Mean confidence; 0 without images."""
    accuracy: float
    """Fraction of correct predictions; 0 without images."""


def at_temperature(probabilities: Probabilities, temperature: float) -> Probabilities:
    """[..., K], float64: as if the logits had been divided by `temperature`."""
    logits = np.log(np.maximum(probabilities.astype(np.float64), _TINY)) / temperature
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    scaled: Probabilities = powers / powers.sum(axis=-1, keepdims=True)
    return scaled


def fit_temperature(views: Probabilities, labels: Labels) -> float:
    """The temperature, 0.2 to 5, at which the mean over views has the lowest loss.

    `views` are probabilities [V, N, K] at temperature 1; 1.0 if N is below MIN_IMAGES.
    Source: Guo et al. 2017, section 4.2.
    """
    count = views.shape[1]
    if count < MIN_IMAGES:
        return 1.0

    def loss(log_temperature: float) -> float:
        mean = at_temperature(views, np.exp(log_temperature)).mean(axis=0)
        return float(-np.log(np.maximum(mean[np.arange(count), labels], _TINY)).mean())

    # Ternary search: the loss has one minimum, and each step keeps two thirds around it.
    low, high = np.log(_LOWEST), np.log(_HIGHEST)
    while high - low > 1e-4:
        third = (high - low) / 3
        if loss(low + third) < loss(high - third):
            high -= third
        else:
            low += third
    return float(np.exp((low + high) / 2))


def reliability(
    probabilities: Probabilities, labels: Labels, bins: int = BINS
) -> list[ReliabilityBin]:
    """Accuracy by confidence: bins of equal width, from 0 to 1."""
    confidence = probabilities.max(axis=1)
    correct = probabilities.argmax(axis=1) == labels
    index = np.minimum((confidence * bins).astype(int), bins - 1)
    result = []
    for i in range(bins):
        inside = index == i
        count = int(inside.sum())
        means = [float(x[inside].mean()) if count else 0.0 for x in (confidence, correct)]
        result.append(ReliabilityBin(i / bins, (i + 1) / bins, count, *means))
    return result


def expected_calibration_error(bins: Sequence[ReliabilityBin]) -> float:
    """Mean distance of confidence and accuracy over the images of all bins, 0 to 1."""
    count = sum(x.images for x in bins)
    return sum(x.images * abs(x.confidence - x.accuracy) for x in bins) / count


def rejection_threshold(
    confidence: Probabilities, correct: Flags, precision: float
) -> float | None:
    """The lowest confidence from which on a fraction `precision` of predictions is correct.

    None if there is no such confidence. Equal confidences are on one side of it.
    """
    order = np.argsort(-confidence, kind="stable")
    ranked, hits = confidence[order], np.cumsum(correct[order])
    fraction = hits / np.arange(1, len(order) + 1)
    last_of_equals = np.append(ranked[1:] < ranked[:-1], True)
    good = np.flatnonzero((fraction >= precision) & last_of_equals)
    return float(ranked[good[-1]]) if len(good) else None
