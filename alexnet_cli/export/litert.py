"""A run's network as a LiteRT file, in float32 or with fewer bits."""

import contextlib
import io
from collections.abc import Iterator

import keras
import numpy as np
import tensorflow as tf

from ..arrays import Pixels
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
    with replacing(run.litert) as part:
        part.write_bytes(litert(model, "float32"))


def litert(model: keras.Model, weights: str, pictures: Pixels | None = None) -> bytes:
    """`model` as a LiteRT file whose inputs and outputs have the types of the model's.

    `weights` is "float32", "float16", "int8", which leaves activations as they are, or
    "full-int8", which does not and takes their ranges from `pictures` [N, R, R, 3].
    """
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    if weights != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if weights == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if weights == "full-int8":
        assert pictures is not None
        converter.representative_dataset = lambda: _inputs(pictures)
    # It prints the name of a temporary folder to standard output.
    with contextlib.redirect_stdout(io.StringIO()), quiet():
        data: bytes = converter.convert()
    return data


def _inputs(pictures: Pixels) -> Iterator[list[Pixels]]:
    for picture in pictures:
        yield [np.ascontiguousarray(picture[None])]
