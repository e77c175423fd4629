"""Predictions by the machines of Ray, in the order of the images."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path

from ..errors import DatasetError, RunReplaced, printable
from ..inference.classifier import Classifier
from ..inference.exported import open_model
from ..inference.prediction import Prediction, StoredImage, Unread
from ..run.run import Run
from .prediction_file import Image, model_digest
from .ray_cluster import Machines

PIECE = 256
"""Images that a worker gets at once."""


@dataclass(frozen=True)
class RayClassifier:
    """A model on the machines of Ray, where it predicts as a Classifier does here."""

    machines: Machines
    run: Run
    """Of the model; its threshold and its limit of pixels count."""
    model: Path
    """Run directory or exported model, which all machines can read."""

    def predict(self, images: Iterable[Image]) -> Iterator[Prediction]:
        """Yield a prediction for each image, in order.

        Raises:
            DatasetError: an image is a member of an archive.
            AlexNetError: a worker cannot load the model.
        """
        digest = model_digest(open_model(self.model))
        limit = self.run.preprocess.max_pixels / 1e6
        make = partial(_loaded, self.model, digest, limit)
        sent = map(_sendable, images)
        pieces = iter(lambda: list(islice(sent, PIECE)), [])
        for piece in self.machines.map(make, pieces):
            for prediction in piece:
                yield replace(prediction, threshold=self.run.threshold)


def _sendable(image: Image) -> Path | StoredImage:
    """`image`, which other machines can read.

    Raises:
        DatasetError: they cannot.
    """
    if isinstance(image, Unread):
        raise DatasetError(
            f"{printable(image.file)}: images in archives are not spread over the machines "
            f"of Ray; unpack it, or leave out --cluster"
        )
    return image


def _loaded(
    model: Path, digest: str, limit: float
) -> Callable[[list[Path | StoredImage]], list[Prediction]]:
    """What predicts images with the model whose files have that digest.

    Raises:
        AlexNetError: it cannot be loaded.
        RunReplaced: it is another model.
    """
    classifier = Classifier(model).limit(limit)
    if model_digest(open_model(model)) != digest:
        raise RunReplaced(
            f"{printable(model)} is not the same on all machines of Ray, or was replaced"
        )
    return classifier
