"""A run's network as a function from inputs to probabilities, with or without TensorFlow."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from ..arrays import Floats
from ..backend.startup import start_tensorflow
from ..errors import RunError, printable
from ..run.run import Run

Network = Callable[[Floats], Floats]
"""Inputs [B, S, S, 3] to probabilities [B, K], at the run's temperature."""
BATCH = 16


def fastest_network(run: Run) -> Network:
    """The run's LiteRT copy, else its network in TensorFlow.

    Raises:
        RunError: it is damaged or another network's.
    """
    if run.litert.is_file():
        from .litert import LiteRTNetwork

        side = run.architecture.input_size
        return LiteRTNetwork(run.litert, side, len(run.classes), BATCH)
    return keras_network(run)


def keras_network(run: Run) -> Network:
    """The run's network in TensorFlow, which is started.

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
    """The run's keras.Model in float32, float input [B, S, S, 3] to logits [B, K].

    Raises:
        RunError: the weights are damaged, or another network's.
    """
    from ..backend.dtype_policy import dtype_policy
    from ..model.model import build_model

    with dtype_policy("float32"):
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


def save_weights(network: Any, run: Run) -> None:
    """Write the weights of a keras.Model into the run directory, whole or not at all."""
    beside = run.path / ".part.weights.h5"
    network.save_weights(beside)
    beside.replace(run.weights)


def load_mean_image(run: Run) -> Floats | None:
    """The run's mean image, float32 [R, R, 3], or None if it subtracts channel means.

    Raises:
        RunError: it is damaged.
    """
    if run.preprocess.mean is not None:
        return None
    side = run.preprocess.stored_size
    try:
        mean = np.load(run.mean_image, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise RunError(f"{printable(run.mean_image)}: {error}") from error
    if mean.shape != (side, side, 3):
        raise RunError(
            f"{printable(run.mean_image)} has shape {mean.shape}, not {(side, side, 3)}"
        )
    return np.asarray(mean, np.float32)
