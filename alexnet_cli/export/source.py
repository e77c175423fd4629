"""What is exported: a run, its network, and images to calibrate on."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..arrays import Pixels
from ..dataset.decoding import DecodedImage, decode_samples
from ..dataset.sources.kinds import exists, is_plain_folder
from ..dataset.sources.open import recorded_source
from ..dataset.sources.source import Sample
from ..dataset.split import TRAIN
from ..errors import ExportError, ImageError, printable
from ..inference.network import load_network
from ..run.run import Run

if TYPE_CHECKING:
    import keras

LABELS = "labels.txt"
"""A file with the name of a class per line."""
CALIBRATION_IMAGES = 200
"""How many training images show the ranges of activations."""


@dataclass
class ExportSource:
    """A run, and what its formats are made from, each made once and when it is needed."""

    run: Run

    @cached_property
    def network(self) -> "keras.Model":
        """Inputs [B, S, S, 3] to logits [B, K]."""
        return load_network(self.run)

    @cached_property
    def served(self) -> "keras.Model":
        """Stored pixels uint8 [B, R, R, 3] to probabilities [B, K]."""
        from .served_network import served_network

        return served_network(self.run, self.network)

    @property
    def record(self) -> str:
        """run.json as it is shipped: without names of this machine's folders."""
        return shipped(self.run).text()

    @property
    def labels(self) -> str:
        """labels.txt: a name is one line there, whatever it is made of."""
        names = (x.replace("\n", " ").replace("\r", " ") for x in self.run.classes)
        return "".join(f"{x}\n" for x in names)

    @cached_property
    def calibration(self) -> Pixels:
        """Stored pixels uint8 [N, R, R, 3] of training images.

        Raises:
            ExportError: there are none.
        """
        found: list[Any] = [
            x.pixels for x in _training_images(self.run) if not isinstance(x, ImageError)
        ]
        if not found:
            raise ExportError(
                f"--format litert-full-int8: the training images, on which it is "
                f"calibrated, are not in {printable(self.run.data or '(none)')}; "
                f"litert-int8 needs none"
            )
        return np.stack(found)


def shipped(run: Run) -> Run:
    """`run` as others may read it: without names of this machine's folders."""
    weights = run.recipe.pretrained.weights
    name = None if weights is None else Path(weights).name
    return replace(
        run,
        data="",
        parts={},
        recipe=run.recipe.changed(weights=name),
        provenance=run.provenance.without_names(),
        stamp=(),
    )


def _training_images(run: Run) -> Iterator[DecodedImage | ImageError]:
    """At most CALIBRATION_IMAGES images that it was trained on."""
    data = Path(run.data)
    if not run.data or not exists(data):
        return iter(())
    names = [x["file"] for x in run.split() if x["split"] == TRAIN]
    if is_plain_folder(data):
        names = [x for x in names if (data / x).is_file()]
    samples = [Sample(x, 0, TRAIN) for x in _spread(names, CALIBRATION_IMAGES)]
    source = recorded_source(data, run.classes, samples)
    return decode_samples(
        source.samples, source.read, run.preprocess, sequential=source.sequential
    )


def _spread(names: list[str], count: int) -> list[str]:
    """At most `count` of `names`, evenly: split.csv is in the order of classes."""
    if len(names) <= count:
        return names
    return [names[i * len(names) // count] for i in range(count)]
