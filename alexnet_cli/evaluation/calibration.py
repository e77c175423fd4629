"""Whether probabilities mean what they say, and how to make them: NumPy alone.

Letters: V views of an image (test-time augmentation), N images, K classes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..arrays import Flags, Labels, Probabilities

LEAST_PICTURES = 50
"""With fewer, a temperature would fit them and nothing else: it stays 1."""

BINS = 15
"""Source: Guo et al. 2017, "On Calibration of Modern Neural Networks", section 2."""

_LOWEST, _HIGHEST = 0.2, 5.0

_TINY = float(np.finfo(np.float32).tiny)


@dataclass(frozen=True)
class ReliabilityBin:
    """The images whose highest probability lies between `low` and `high`."""

    low: float
    high: float
    images: int
    confidence: float
    """Mean highest probability; 0 without images."""
    accuracy: float
    """Share whose most probable class is right; 0 without images."""


def at_temperature(probabilities: Probabilities, temperature: float) -> Probabilities:
    """[..., K] as if the logits had been divided by `temperature`, float64."""
    logits = np.log(np.maximum(probabilities.astype(np.float64), _TINY)) / temperature
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    found: Probabilities = powers / powers.sum(axis=-1, keepdims=True)
    return found


def fit_temperature(views: Probabilities, labels: Labels) -> float:
    """The temperature, 0.2 to 5, at which the mean over views has the lowest loss.

    `views` are probabilities [V, N, K] at temperature 1; 1.0 with too few images.
    Source: Guo et al. 2017, section 4.2.
    """
    count = views.shape[1]
    if count < LEAST_PICTURES:
        return 1.0

    def loss(log_temperature: float) -> float:
        mean = at_temperature(views, np.exp(log_temperature)).mean(axis=0)
        return float(-np.log(np.maximum(mean[np.arange(count), labels], _TINY)).mean())

    # The loss has one valley; each look at two inner points leaves two thirds of it.
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
    """Equally wide bins of the highest probability, 0 to 1."""
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    found = []
    for i in range(bins):
        here = place == i
        count = int(here.sum())
        means = (float(x[here].mean()) if count else 0.0 for x in (confidence, right))
        found.append(ReliabilityBin(i / bins, (i + 1) / bins, count, *means))
    return found


def expected_calibration_error(bins: Sequence[ReliabilityBin]) -> float:
    """Mean distance of confidence and accuracy over the images of all bins, 0 to 1."""
    count = sum(x.images for x in bins)
    return sum(x.images * abs(x.confidence - x.accuracy) for x in bins) / count


def rejection_threshold(
    confidence: Probabilities, right: Flags, precision: float
) -> float | None:
    """The lowest probability from which on answers are right in `precision` of cases.

    None where no threshold reaches it. Answers with equal confidence stay together.
    """
    order = np.argsort(-confidence, kind="stable")
    ranked, hits = confidence[order], np.cumsum(right[order])
    share = hits / np.arange(1, len(order) + 1)
    last_of_equals = np.append(ranked[1:] < ranked[:-1], True)
    good = np.flatnonzero((share >= precision) & last_of_equals)
    return float(ranked[good[-1]]) if len(good) else None
