"""A run's network as a function from inputs to probabilities, with or without TensorFlow."""

import warnings
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from ..arrays import Floats
from ..backend.startup import start_tensorflow
from ..errors import RunError, printable
from ..run.run import Run

Network = Callable[[Floats], Floats]
"""Inputs [B, S, S, 3] to probabilities [B, K], at the Run's temperature."""

BATCH = 16


def fastest_network(run: Run) -> Network:
    """The Run's LiteRT copy, else its network in TensorFlow.

    Raises:
        RunError: it is damaged or another network's.
    """
    if run.lite.is_file():
        from .litert import LiteRTNetwork

        side = run.architecture.input_size
        return LiteRTNetwork(run.lite, side, len(run.classes), BATCH)
    return keras_network(run)


def keras_network(run: Run) -> Network:
    """The Run's network in TensorFlow, which is started.

    Raises:
        RunError: as `load_network`.
    """
    start_tensorflow()
    return as_probabilities(load_network(run), run.temperature)


def as_probabilities(network: Any, temperature: float = 1.0) -> Network:
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

    from ..model.model import build_model

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


def save_weights(network: keras.Model, run: Run) -> None:
    """Write the network's weights, whole or not at all."""
    beside = run.path / ".part.weights.h5"
    network.save_weights(beside)
    beside.replace(run.weights)
