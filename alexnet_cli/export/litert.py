"""A run's network as a LiteRT file."""

import contextlib
import io

import keras
import tensorflow as tf

from ..backend.startup import quiet
from ..run.run import Run


def save_litert(run: Run, network: keras.Model) -> None:
    """Write `run.lite`: float32 inputs [B, S, S, 3] to probabilities [B, K].

    They are those of one view, at the Run's temperature.

    Raises:
        AlexNetError: it could not be written.
    """
    logits = network.output / run.temperature
    probabilities = keras.layers.Softmax(dtype="float32")(logits)
    converter = tf.lite.TFLiteConverter.from_keras_model(
        keras.Model(network.input, probabilities)
    )
    # It tells standard output about a folder of its own.
    with contextlib.redirect_stdout(io.StringIO()), quiet():
        model = converter.convert()
    beside = run.lite.with_name(f".{run.lite.name}.part")
    beside.write_bytes(model)
    beside.replace(run.lite)
