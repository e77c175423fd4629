"""Classifier: images -> predictions; evaluate and predict both come through here.

The network runs in float32 whatever it was trained in: as the run's LiteRT copy, which
starts at once, or in TensorFlow where there is none.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from ..arrays import Floats, Pixels
from ..dataset import images
from ..dataset.decoding import parallel_map
from ..dataset.standardize import views
from ..errors import ImageError, RunError
from ..run.run import Run
from .network import BATCH, Network, fastest_network, load_mean_image

UNKNOWN = "unknown"
"""The answer where confidence is below the run's threshold."""
Image = str | Path | bytes | Pixels
"""A file, its bytes, or uint8 pixels [H, W, 3], RGB."""


@dataclass(frozen=True)
class Prediction:
    """What the network says about one image: probabilities [K], or what is wrong."""

    file: Path
    """Where the image was read from; empty for bytes and pixels."""
    classes: tuple[str, ...]
    threshold: float = 0.0
    digest: str = ""
    """SHA-256 of the file's bytes, hexadecimal."""
    probabilities: Floats | None = None
    error: str = ""

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
        return best[0][0] if best[0][1] >= self.threshold else UNKNOWN

    @property
    def confidence(self) -> float:
        """The probability of the most probable class; 0 for an error."""
        best = self.ranked(1)
        return best[0][1] if best else 0.0


class Classifier:
    """A run's network, ready to name images.

    >>> classifier = Classifier("saved")
    >>> [x.label for x in classifier(["a.jpg", "b.png"])]
    ['roses', 'tulips']
    """

    def __init__(
        self, run: Run | Path | str, tta: str | None = None, network: Network | None = None
    ) -> None:
        """Take the fastest network of `run`, or `network`.

        `tta`, test-time augmentation, is "none", "flip", "ten-crop", or the run's own.

        Raises:
            RunError: it is damaged or another network's, or the run's images have no
                margin for ten crops.
        """
        self.run = run if isinstance(run, Run) else Run.open(run)
        self.tta = tta or self.run.recipe.inference.tta
        preprocess = self.run.preprocess
        if self.tta == "ten-crop" and preprocess.stored_size == preprocess.input_size:
            raise RunError(
                f"--tta ten-crop needs images larger than the network's input; this run "
                f"keeps {preprocess.stored_size} pixels, all of which the network sees"
            )
        self.network = network or fastest_network(self.run)
        self.mean_image = load_mean_image(self.run)

    def __call__(self, images: Iterable[Image]) -> list[Prediction]:
        """A prediction for each image, in order; one that cannot be read has an error."""
        return list(self.predict(list(images)))

    def predict(
        self, images: Sequence[Image], batch_size: int = BATCH
    ) -> Iterator[Prediction]:
        """As calling, one after the other; memory does not grow with the images."""
        found = zip(images, parallel_map(self._read, images), strict=True)
        while chunk := list(islice(found, batch_size)):
            good = [x.pixels for _, x in chunk if not isinstance(x, ImageError)]
            rows = iter(self.probabilities(np.stack(good)) if good else ())
            for image, read in chunk:
                file = Path(image) if isinstance(image, str | Path) else Path()
                if isinstance(read, ImageError):
                    yield Prediction(file, self.run.classes, error=str(read))
                else:
                    yield Prediction(
                        file, self.run.classes, self.run.threshold, read.digest, next(rows)
                    )

    def probabilities(self, pixels: Pixels) -> Floats:
        """[B, K] of stored pixels [B, R, R, 3]: the mean over the views of TTA."""
        found: Floats = np.mean(self.views(pixels), axis=0)
        return found

    def views(self, pixels: Pixels) -> list[Floats]:
        """Probabilities [B, K] of every view of stored pixels [B, R, R, 3]."""
        seen = views(pixels, self.run.preprocess, self.mean_image, self.tta)
        return [self.network(x) for x in seen]

    def _read(self, image: Image) -> "_Read | ImageError":
        preprocess = self.run.preprocess
        try:
            if isinstance(image, np.ndarray):
                return _Read("", images.from_pixels(image, preprocess))
            data = image if isinstance(image, bytes) else images.read(Path(image))
            digest = hashlib.sha256(data).hexdigest()
            return _Read(digest, images.load(data, preprocess))
        except ImageError as error:
            return error


@dataclass(frozen=True)
class _Read:
    """An image that can be predicted."""

    digest: str
    pixels: Pixels
    """uint8 [R, R, 3]."""
