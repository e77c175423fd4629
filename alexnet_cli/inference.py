"""Pictures -> probabilities; evaluate and predict both come through here.

The network runs in float32 whatever it was trained in: as the Run's LiteRT copy, which
starts at once, or in TensorFlow where there is none.
"""

import hashlib
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .backend.startup import start_tensorflow
from .dataset import images
from .dataset.decoding import parallel_map
from .dataset.images import Pixels
from .dataset.standardize import views
from .errors import ImageError, RunError, printable
from .run import Run

Floats = npt.NDArray[np.float32]

Network = Callable[[Floats], Floats]
"""Inputs [B, S, S, 3] to probabilities [B, K], at the Run's temperature."""

BATCH = 16


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


def fastest_network(run: Run) -> Network:
    """The Run's LiteRT copy, else its network in TensorFlow.

    Raises:
        RunError: it is damaged or another network's.
    """
    if run.lite.is_file():
        from .lite import LiteNetwork

        side = run.architecture.input_size
        return LiteNetwork(run.lite, side, len(run.classes), BATCH)
    return keras_network(run)


def keras_network(run: Run) -> Network:
    """The Run's network in TensorFlow, which is started.

    Raises:
        RunError: as `load_network`.
    """
    start_tensorflow()
    return answering(load_network(run), run.temperature)


def answering(network: Any, temperature: float = 1.0) -> Network:
    """What `load_network` gave, as a function to probabilities."""
    import keras

    def probabilities(inputs: Floats) -> Floats:
        logits = network(inputs, training=False) / temperature
        return np.asarray(keras.ops.softmax(logits))

    return probabilities


def load_network(run: Run) -> Any:
    """The Run's keras.Model in float32, float input [B, S, S, 3] to logits [B, K].

    Raises:
        RunError: the weights are damaged, or of another network.
    """
    import keras

    from .model.model import build_model

    keras.config.set_dtype_policy("float32")
    network = build_model(run.architecture, len(run.classes))
    try:
        with warnings.catch_warnings():
            # Keras only warns when it leaves layers as they were.
            warnings.simplefilter("error")
            network.load_weights(run.weights)
    except (ValueError, OSError, KeyError, UserWarning) as error:
        reason = str(error).splitlines()[0][:200]
        raise RunError(
            f"{printable(run.weights)} does not fit {run.architecture.name} with "
            f"{len(run.classes)} classes: {reason}; train again"
        ) from error
    return network


def load_mean_image(run: Run) -> Floats | None:
    """The Run's mean picture, float32 [R, R, 3], or None where channel means serve.

    Raises:
        RunError: it is damaged.
    """
    if run.preprocess.mean is not None:
        return None
    side = run.preprocess.size
    try:
        mean = np.load(run.mean_image, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise RunError(f"{printable(run.mean_image)}: {error}") from error
    if mean.shape != (side, side, 3):
        raise RunError(
            f"{printable(run.mean_image)} is {mean.shape}, not {(side, side, 3)}"
        )
    return mean.astype(np.float32)


@dataclass(frozen=True)
class Answer:
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


def answers(
    classifier: Classifier, files: Sequence[Path], batch_size: int = BATCH
) -> Iterator[Answer]:
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
                yield Answer(file, error=str(result))
            else:
                yield Answer(file, result[0], next(rows))
