"""Images -> probabilities; evaluate and predict both come through here."""

import hashlib
from collections.abc import Iterator, Sequence
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


class Classifier:
    """A Run's network, ready: uint8 pixels [B, R, R, 3] to probabilities [B, K]."""

    def __init__(
        self, run: Run, tta: str | None = None, network: Network | None = None
    ) -> None:
        """Take the fastest network of `run`, or `network`.

        `tta`, test-time augmentation, is "none", "flip", "ten-crop", or the Run's own.

        Raises:
            RunError: it is damaged or another network's, or the Run's pictures have no
                margin for ten crops.
        """
        preprocess = run.preprocess
        self.run, self.tta = run, tta or run.recipe.tta
        if self.tta == "ten-crop" and preprocess.size == preprocess.crop:
            raise RunError(
                f"--tta ten-crop needs pictures larger than the network's input; this "
                f"Run keeps {preprocess.size} pixels, all of which the network sees"
            )
        self.network = network or fastest_network(run)
        self.mean_image = load_mean_image(run)

    def __call__(self, pixels: Pixels) -> Floats:
        """Probabilities [B, K]; rows sum to 1. With TTA the mean over the views."""
        found: Floats = np.mean(self.each(pixels), axis=0)
        return found

    def each(self, pixels: Pixels) -> list[Floats]:
        """Probabilities [B, K] of every view."""
        seen = views(pixels, self.run.preprocess, self.mean_image, self.tta)
        return [self.network(x) for x in seen]


@dataclass(frozen=True)
class Prediction:
    """What the network says about one file: probabilities [K], or what is wrong."""

    file: Path
    digest: str = ""
    probabilities: Floats | None = None
    error: str = ""

    def top(self, count: int) -> list[tuple[int, float]]:
        """The `count` most probable classes and their probabilities, best first."""
        if self.probabilities is None:
            return []
        # Stable, so that equal probabilities come in class order.
        order = np.argsort(-self.probabilities, kind="stable")[:count]
        return [(int(i), float(self.probabilities[i])) for i in order]


def predict_files(
    classifier: Classifier, files: Sequence[Path], batch_size: int = BATCH
) -> Iterator[Prediction]:
    """One Answer for each of `files`, in their order; memory does not grow with them."""
    preprocess = classifier.run.preprocess

    def read(file: Path) -> tuple[str, Pixels] | ImageError:
        try:
            data = images.read(file)
            return hashlib.sha256(data).hexdigest(), images.load(data, preprocess)
        except ImageError as error:
            return error

    found = zip(files, parallel_map(read, files), strict=True)
    while chunk := list(islice(found, batch_size)):
        good = [x[1] for _, x in chunk if not isinstance(x, ImageError)]
        rows = iter(classifier(np.stack(good)) if good else ())
        for file, result in chunk:
            if isinstance(result, ImageError):
                yield Prediction(file, error=str(result))
            else:
                yield Prediction(file, result[0], next(rows))
