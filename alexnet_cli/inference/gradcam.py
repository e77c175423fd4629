"""Grad-CAM: heat maps of the parts of an image that speak for a class. TensorFlow.

Source: Selvaraju et al. 2017, "Grad-CAM", section 3.
"""

import keras
import numpy as np
import tensorflow as tf

from ..arrays import Floats, Labels
from ..model.architecture import Architecture, trace
from ..model.layer_specs import Conv, ReLU


class HeatMaps:
    """The heat maps of one network, float input [B, S, S, 3] to logits [B, K]."""

    def __init__(self, network: keras.Model, arch: Architecture) -> None:
        """`network` is built from `arch`; its last convolution's activations are used."""
        layer = network.get_layer(last_activation(arch))
        self.model = keras.Model(network.input, [layer.output, network.output])

    def __call__(self, inputs: Floats, classes: Labels) -> Floats:
        """[B, S, S], 0 to 1: how much each pixel of inputs[i] speaks for classes[i]."""
        with tf.GradientTape() as tape:
            maps, logits = self.model(tf.constant(inputs), training=False)
            own = tf.reduce_sum(logits * tf.one_hot(classes, logits.shape[1]))
        importance = tf.reduce_mean(tape.gradient(own, maps), axis=(1, 2), keepdims=True)
        heat = tf.nn.relu(tf.reduce_sum(maps * importance, axis=-1, keepdims=True))
        heat /= tf.maximum(tf.reduce_max(heat, axis=(1, 2), keepdims=True), 1e-12)
        resized = tf.image.resize(heat, inputs.shape[1:3])[..., 0]
        return np.asarray(tf.clip_by_value(resized, 0, 1))


def last_activation(arch: Architecture) -> str:
    """Name of the ReLU that follows the last convolution of `arch`."""
    name, after_convolution = "", False
    for row in trace(arch, 2):
        if isinstance(row.layer, Conv):
            after_convolution = True
        elif isinstance(row.layer, ReLU) and after_convolution:
            name, after_convolution = row.name, False
    return name
