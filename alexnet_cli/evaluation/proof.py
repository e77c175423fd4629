"""Whether an exported model answers as the network that it was made from."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..arrays import Doubles, Labels
from ..inference.measure import Measured
from .scores import score
from .significance import RESAMPLES, bootstrap

VALIDATION_IMAGES, DRAWN_IMAGES = "validation images", "drawn images"
"""What is said of images that a model is compared on, if they prove little of it."""


@dataclass(frozen=True)
class Accuracy:
    """Top-1 accuracy on labeled images, and what it lost on the same images."""

    top1: float
    interval: tuple[float, float]
    """95 %."""
    drop: float
    """Accuracy of the network it was made from, less its own; negative for a gain."""
    drop_interval: tuple[float, float]
    """95 %, paired: of the same images."""


@dataclass(frozen=True)
class Proof:
    """A model against the network that it was made from, on the same images."""

    images: int
    agreement: float
    """Part of the images for which both predict the same class, 0 to 1."""
    largest_difference: float
    """Between two probabilities, 0 to 1."""
    accuracy: Accuracy | None
    """None for images of unknown classes."""
    start: float
    latency: float
    throughput: float


@dataclass(frozen=True)
class Judged:
    """A model, its size, and how it compares with the run that it is from."""

    name: str
    path: Path
    bytes: int
    """Of its file, or of all files of its folder."""
    proof: Proof

    def lost_more_than(self, max_drop: float) -> bool:
        """Whether it lost more than `max_drop` of accuracy on the same images."""
        accuracy = self.proof.accuracy
        # One image in a hundred is 0.01, however that is rounded.
        return accuracy is not None and accuracy.drop > max_drop + 1e-9


def as_row(judged: Judged, max_drop: float | None = None) -> dict[str, Any]:
    """`judged` as JSON values, as in export.json; seconds, and 0 to 1.

    With `max_drop` also whether it `passed`.
    """
    proof, accuracy = judged.proof, judged.proof.accuracy
    passed = {} if max_drop is None else {"passed": not judged.lost_more_than(max_drop)}
    return {
        "name": judged.name,
        "bytes": judged.bytes,
        "images": proof.images,
        "agreement": proof.agreement,
        "largest_difference": proof.largest_difference,
        "accuracy": accuracy and accuracy.top1,
        "accuracy_interval": accuracy and list(accuracy.interval),
        "drop": accuracy and accuracy.drop,
        "drop_interval": accuracy and list(accuracy.drop_interval),
        **passed,
        "start_seconds": proof.start,
        "latency_seconds": proof.latency,
        "images_per_second": proof.throughput,
    }


def prove(
    own: Measured, other: Measured, labels: Labels | None, classes: tuple[str, ...]
) -> Proof:
    """`other` against `own` on the images that both can read.

    `labels` [N] are their classes, if those are known.
    """
    known = np.isfinite(own.probabilities).all(1) & np.isfinite(other.probabilities).all(1)
    one, two = own.probabilities[known], other.probabilities[known]
    truth = None if labels is None or not len(one) else labels[known]
    agreement = (one.argmax(1) == two.argmax(1)).mean() if len(one) else 0.0
    return Proof(
        images=len(one),
        agreement=float(agreement),
        largest_difference=float(abs(one - two).max(initial=0)),
        accuracy=None if truth is None else _accuracy(one, two, truth, classes),
        start=other.start,
        latency=other.latency,
        throughput=other.throughput,
    )


def _accuracy(
    one: Doubles, two: Doubles, labels: Labels, classes: tuple[str, ...]
) -> Accuracy:
    scores = score(two, labels, classes)
    lost = (one.argmax(1) == labels).astype(int) - (two.argmax(1) == labels)
    # How often each of -1, 0 and 1 comes up in as many images drawn with replacement.
    values = np.array([-1, 0, 1])
    parts = np.array([(lost == x).mean() for x in values])
    rng = np.random.default_rng(0)
    drops = rng.multinomial(len(lost), parts, RESAMPLES) @ values / len(lost)
    low, high = np.quantile(drops, (0.025, 0.975))
    return Accuracy(
        scores.top1,
        bootstrap(scores.confusion).top1,
        float(lost.mean()),
        (float(low), float(high)),
    )
