"""A run's network as a LiteRT file."""

import contextlib
import io

import keras
import tensorflow as tf

from ..backend.dtype_policy import dtype_policy
from ..backend.startup import quiet
from ..run.run import Run


def save_litert(run: Run, network: keras.Model) -> None:
    """Write `run.litert`: float32 inputs [B, S, S, 3] to probabilities [B, K].

    They are those of one view, at the run's temperature.

    Raises:
        AlexNetError: it could not be written.
    """
    with dtype_policy("float32"):
        logits = network.output / run.temperature
        probabilities = keras.layers.Softmax(dtype="float32")(logits)
        model = keras.Model(network.input, probabilities)
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    # It tells standard output about a folder of its own.
    with contextlib.redirect_stdout(io.StringIO()), quiet():
        data = converter.convert()
    beside = run.litert.with_name(f".{run.litert.name}.part")
    beside.write_bytes(data)
    beside.replace(run.litert)
