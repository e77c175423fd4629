"""All that a run does to stored pixels as one Keras model, which every format holds."""

from typing import Any

import keras
import numpy as np
from keras import ops

from ..backend.dtype_policy import dtype_policy
from ..dataset.standardize import views
from ..errors import ExportError
from ..inference.network import load_mean_image
from ..model.normalization import BatchNormalization, LocalResponseNormalization
from ..run.run import Run


def served_network(
    run: Run, network: keras.Model, batch: int | None = None, dtype: str = "uint8"
) -> keras.Model:
    """Stored pixels [B, R, R, 3], 0 to 255, to probabilities float32 [B, K].

    Crop, standardization, the views of the run and its temperature are inside. B is free
    unless `batch` is given; `dtype` is that of the pixels.
    """
    size, preprocess = run.preprocess.stored_size, run.preprocess
    with dtype_policy("float32"):
        pixels = keras.Input((size, size, 3), batch, dtype=dtype, name="pixels")
        values = ops.cast(pixels, "float32")
        inputs = list(
            views(values, preprocess, load_mean_image(run), run.recipe.inference.tta)
        )
        # All views are one batch, so that the weights are read once.
        several = len(inputs) > 1
        logits = network(ops.concatenate(inputs, axis=0) if several else inputs[0])
        found = ops.softmax(logits / run.temperature)  # [V * B, K]
        if several:
            each = ops.reshape(found, (len(inputs), batch or -1, len(run.classes)))
            found = ops.mean(each, axis=0)
        named = keras.layers.Activation("linear", dtype="float32", name="probabilities")
        return keras.Model(pixels, named(found), name=network.name)


def plain_network(network: keras.Model) -> keras.Model:
    """`network` for inference, of Keras' own layers only: the same logits.

    Raises:
        ExportError: it has a layer that Keras does not.
    """
    with dtype_policy("float32"):
        plain = keras.models.clone_model(network, clone_function=_plain_layer)
    for layer in network.layers:
        if layer.weights and not isinstance(layer, keras.layers.Dropout):
            plain.get_layer(layer.name).set_weights(layer.get_weights())
    return plain


def _plain_layer(layer: keras.layers.Layer) -> keras.layers.Layer:
    if isinstance(layer, LocalResponseNormalization):
        return _plain_local_response_normalization(layer)
    if isinstance(layer, BatchNormalization):
        config = layer.get_config()
        return keras.layers.BatchNormalization(
            momentum=config["momentum"], epsilon=config["epsilon"], name=layer.name
        )
    if not type(layer).__module__.startswith("keras."):
        raise ExportError(
            f"{layer.name} is a {type(layer).__name__}, which Keras does not have; the "
            f"formats onnx, savedmodel and litert hold it"
        )
    return type(layer).from_config(layer.get_config())


def _plain_local_response_normalization(
    layer: LocalResponseNormalization,
) -> keras.Model:
    """The same in Keras' own operations: sums over neighbors are a 1 x 1 convolution."""
    _, height, width, channels = layer.input.shape
    inputs = keras.Input((height, width, channels), name=f"{layer.name}_input")
    index = np.arange(channels)
    near = abs(index[:, None] - index) <= layer.n // 2  # [C, C]
    kernel: Any = near[None, None].astype(np.float32)
    energy = ops.conv(ops.square(inputs), kernel, data_format="channels_last")
    outputs = inputs / ops.power(layer.k + layer.alpha * energy, layer.beta)
    return keras.Model(inputs, outputs, name=layer.name)
