"""A run's network as a LiteRT file."""

import contextlib
import io

import keras
import tensorflow as tf

from ..backend.dtype_policy import dtype_policy
from ..backend.startup import quiet
from ..run.files import replacing
from ..run.run import Run


def save_litert(run: Run, network: keras.Model) -> None:
    """Write `run.litert`: inputs float32 [B, S, S, 3] to probabilities [B, K].

    They are those of one view, at the run's temperature.
    """
    with dtype_policy("float32"):
        logits = network.output / run.temperature
        probabilities = keras.layers.Softmax(dtype="float32")(logits)
        model = keras.Model(network.input, probabilities)
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    # It prints the name of a temporary folder to standard output.
    with contextlib.redirect_stdout(io.StringIO()), quiet():
        data = converter.convert()
    with replacing(run.litert) as part:
        part.write_bytes(data)
