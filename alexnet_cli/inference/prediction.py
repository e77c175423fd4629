"""Prediction: the probabilities of one image's classes."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..arrays import Floats, Pixels
from ..dataset.images import read

UNKNOWN = "unknown"
"""The label of a prediction whose confidence is below the run's threshold."""


@dataclass(frozen=True)
class Prediction:
    """The probabilities [K] of one image's classes, or why it cannot be read."""

    file: Path
    """The file of the image; `Path()` if it was given as bytes or pixels."""
    classes: tuple[str, ...]
    threshold: float = 0.0
    """Confidence below which the label is "unknown"."""
    digest: str = ""
    """SHA-256 of the file's bytes, hexadecimal; empty for pixels."""
    probabilities: Floats | None = None
    error: str = ""
    oversized: bool = False
    """The error is that it has more pixels than are read."""
    name: str = ""
    """What was given, if that is no path: a URL, a pattern that matches nothing."""

    def ranked(self, count: int) -> list[tuple[int, float]]:
        """The `count` most probable classes' indices and probabilities, best first."""
        if self.probabilities is None:
            return []
        # Stable, so that equal probabilities come in class order.
        order = np.argsort(-self.probabilities, kind="stable")[:count]
        return [(int(i), float(self.probabilities[i])) for i in order]

    def top(self, count: int) -> list[tuple[str, float]]:
        """The `count` most probable classes and their probabilities, best first."""
        return [(self.classes[i], p) for i, p in self.ranked(count)]

    @property
    def label(self) -> str:
        """The most probable class; "unknown" below the threshold; empty for an error."""
        best = self.top(1)
        if not best:
            return ""
        return UNKNOWN if self.rejected else best[0][0]

    @property
    def rejected(self) -> bool:
        """Whether the label is "unknown" for its low confidence, not as a class is."""
        return self.probabilities is not None and self.confidence < self.threshold

    @property
    def confidence(self) -> float:
        """The probability of the most probable class; 0 for an error."""
        best = self.ranked(1)
        return best[0][1] if best else 0.0

    def to_dict(self, name: str, top: int) -> dict[str, Any]:
        """The prediction of the image called `name` as JSON values."""
        ranked = self.top(top)
        classes = [{"label": n, "probability": round(p, 6)} for n, p in ranked]
        result: dict[str, Any] = {"error": self.error} if self.error else {}
        # One that cannot be drawn has both.
        if not self.error or ranked:
            result |= {"answer": self.label, "rejected": self.rejected}
        return {"file": name, **result, "classes": classes}


@dataclass(frozen=True)
class Unread:
    """An image that is no file of its own, as a member of an archive."""

    file: Path
    """Its name in the prediction."""
    read: Callable[[], bytes]
    """Returns the encoded image, or raises an ImageError; called once, in any thread."""
    digest: str = ""
    """SHA-256 of the image that it was made of; "" if that is its own."""


@dataclass(frozen=True)
class StoredImage:
    """An image as the network's preprocessing stores it, or why it cannot be read."""

    file: Path
    digest: str = ""
    pixels: Pixels | None = None
    """uint8 [R, R, 3]."""
    error: str = ""
    oversized: bool = False
    name: str = ""
    """As that of Prediction."""


def file_of(image: str | Path | bytes | Unread) -> Path:
    """The name of an image that is not pixels."""
    if isinstance(image, Unread):
        return image.file
    return Path() if isinstance(image, bytes) else Path(image)


def bytes_of(image: str | Path | bytes | Unread) -> bytes:
    """The encoded image.

    Raises:
        ImageError: it cannot be read.
    """
    if isinstance(image, Unread):
        return image.read()
    return image if isinstance(image, bytes) else read(Path(image))


def digest_of(image: str | Path | bytes | Unread, data: bytes) -> str:
    """SHA-256 of an encoded image, whose bytes are `data`, or of what that is made of."""
    made_of = image.digest if isinstance(image, Unread) else ""
    return made_of or hashlib.sha256(data).hexdigest()
