"""A run's network: from inputs to probabilities, with or without TensorFlow."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ..arrays import Floats
from ..backend.startup import start_tensorflow
from ..errors import RunError, WeightsError, printable
from ..model.pretrained.layouts import keras_weights
from ..model.pretrained.matching import match_layers
from ..run.files import replacing
from ..run.run import Run

Network = Callable[[Floats], Floats]
"""Inputs [B, S, S, 3] to probabilities [B, K], at the run's temperature."""
BATCH = 16
"""Images that a network computes at once."""


def fastest_network(run: Run) -> Network:
    """The run's LiteRT copy, or its network in TensorFlow if there is none.

    Raises:
        RunError: it is damaged, or does not belong to the run.
    """
    if run.exported and run.litert.is_file():
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
    """The softmax of the logits of a keras.Model, divided by `temperature`."""
    import keras

    def probabilities(inputs: Floats) -> Floats:
        logits = network(inputs, training=False) / temperature
        return np.asarray(keras.ops.softmax(logits))

    return probabilities


def load_network(run: Run) -> Any:
    """The run's keras.Model in float32: float input [B, S, S, 3] to logits [B, K].

    Raises:
        RunError: the weights are damaged, or do not belong to the run.
    """
    from ..backend.dtype_policy import dtype_policy
    from ..model.model import build_model, put_weights

    # Not by Keras: its reader of HDF5 follows a stranger's file into other files.
    arch, count = run.architecture, len(run.classes)
    try:
        found = keras_weights(run.weights, arch)
    except WeightsError as error:
        raise RunError(f"{error}; train again") from error
    matches = match_layers(found, arch, count, head=True)
    wrong = next((x for x in matches if not x.arrays), None)
    if wrong:
        raise RunError(
            f"{printable(run.weights)} does not fit {arch.name} with {count} classes: "
            f"{wrong.layer}: {wrong.result.removeprefix('new, ')}; train again"
        )
    with dtype_policy("float32"):
        network = build_model(arch, count)
    put_weights(network, matches)
    return network


def save_weights(network: Any, file: Path) -> None:
    """Write the weights of a keras.Model to `file`, whole or not at all."""
    memory = _WeightsInMemory()
    network.save_weights(memory)
    with replacing(file) as part, part.open("wb") as out:
        out.write(memory.getbuffer())


class _WeightsInMemory(io.BytesIO):
    """A file in memory that Keras writes weights to, given a name that it accepts.

    HDF5 must not write to a disk: it crashes the process once that is full.
    """

    def __str__(self) -> str:
        return "model.weights.h5"


def load_mean_image(run: Run) -> Floats | None:
    """The run's mean image, float32 [R, R, 3], or None if it subtracts channel means.

    Raises:
        RunError: it does not exist or is damaged.
    """
    if run.preprocess.mean is not None:
        return None
    side = run.preprocess.stored_size
    try:
        mean = np.load(run.mean_image, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise RunError(f"{printable(run.mean_image)} is damaged: {error}") from error
    if mean.shape != (side, side, 3):
        raise RunError(
            f"{printable(run.mean_image)} is damaged: its shape is {mean.shape}, "
            f"not {(side, side, 3)}"
        )
    return np.asarray(mean, np.float32)
