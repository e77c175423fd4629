"""A run's network: from inputs to probabilities, with or without TensorFlow."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ..arrays import Floats
from ..backend.regular_file import read_regular
from ..backend.startup import start_tensorflow
from ..errors import RunError, WeightsError, first_line, printable
from ..run.digests import Hashing, begin, require_as_written
from ..run.files import replacing
from ..run.run import Run

Network = Callable[[Floats], Floats]
"""Inputs [B, S, S, 3] to probabilities [B, K], at the run's temperature."""
_REMEDY = "delete it, and TensorFlow is used instead; or train again"
_NPY_HEADER = 2**16
_MOST_MEAN = 1e6
BATCH = 16
"""Images that a network computes at once."""


def verified_network(run: Run, begun: Hashing | None = None) -> Network:
    """As `fastest_network`, from files with the digests that SHA256SUMS has, if any.

    `begun` is perhaps of its LiteRT copy.

    Raises:
        RunError: a file is another one, is damaged, or does not belong to the run.
    """
    if run.exported and run.preprocess.mean is None:
        require_as_written(run.mean_image, "train again")
    if not (run.exported and run.litert.exists()):
        require_as_written(run.weights, "train again")
        return fastest_network(run)
    begun = begun or begin(run.litert)
    network = fastest_network(run)
    require_as_written(run.litert, _REMEDY, begun)
    return network


def fastest_network(run: Run) -> Network:
    """The run's LiteRT copy, or its network in TensorFlow if there is none.

    Raises:
        RunError: it is damaged, or does not belong to the run.
    """
    if run.exported and run.litert.exists():
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
    from ..model.pretrained.layouts import keras_weights
    from ..model.pretrained.matching import match_layers

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
        data = read_regular(run.mean_image, side * side * 3 * 8 + _NPY_HEADER)
        return _mean_image(io.BytesIO(data), (side, side, 3))
    except (OSError, ValueError, EOFError) as error:
        raise RunError(
            f"{printable(run.mean_image)} is damaged: {first_line(error)}"
        ) from error


def _mean_image(file: io.BytesIO, expected: tuple[int, ...]) -> Floats:
    """The array of a .npy file, float32, which has the shape `expected`.

    Raises:
        ValueError: it is something else.
    """
    # The shape comes first: NumPy takes the memory that it asks for.
    version = np.lib.format.read_magic(file)
    read_header = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }.get(version)
    if read_header is None:
        raise ValueError(f"its version is {version}")
    shape, _, dtype = read_header(file)
    if shape != expected:
        raise ValueError(f"its shape is {shape}, not {expected}")
    if dtype.kind != "f" or dtype.itemsize > 8:
        raise ValueError(f"its type is {dtype}, not float32")
    file.seek(0)
    found = np.lib.format.read_array(file, allow_pickle=False)
    if not (abs(found) <= _MOST_MEAN).all():
        raise ValueError("its numbers are not means of pixels")
    return np.asarray(found, np.float32)
