"""Architecture -> keras.Model: one case for each kind of layer."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from .architecture import Architecture, trace
from .layer_specs import BatchNorm, Conv, Dense, Dropout, Flatten, LocalNorm, Pool, ReLU
from .normalization import BatchNormalization, LocalResponseNormalization
from .pretrained.matching import LayerMatch


def build_model(
    arch: Architecture, classes: int, seed: int = 0, *, any_side: bool = False
) -> keras.Model:
    """The network, float input [B, S, S, 3] to float32 logits [B, K]; K is `classes`.

    Equal seeds give equal initial weights. Layers are named as `trace` names them. With
    `any_side` S may be another than the table's: the last maps are averaged, or repeated,
    to the table's size, which at the table's S changes nothing.
    """
    side = None if any_side else arch.input_size
    inputs = keras.Input((side, side, 3), name="input")
    x = inputs
    into: tuple[int, ...] = ()
    for number, row in enumerate(trace(arch, classes)):
        if any_side and isinstance(row.layer, Flatten):
            x = keras.layers.AdaptiveAveragePooling2D(into[:2], name="any_side")(x)
        into = row.shape
        x = _connect(row.name, row.layer, x, _Build(arch, classes, seed + 1000 * number))
    x = keras.layers.Activation("linear", dtype="float32", name="logits")(x)
    return keras.Model(inputs, x, name=arch.name.replace("-", "_"))


class _Build:
    """What layers need to know beside their own record."""

    def __init__(self, arch: Architecture, classes: int, seed: int) -> None:
        self.arch, self.classes, self.seed = arch, classes, seed

    def weights(self, layer: Conv | Dense, part: int = 0) -> keras.Initializer:
        seed = self.seed + part
        kind = self.arch.initializer
        if layer.std is not None or kind == "normal":
            return keras.initializers.RandomNormal(stddev=layer.std or 0.01, seed=seed)
        if kind == "torch":
            # torch's default: uniform within 1 / sqrt(fan_in).
            return keras.initializers.VarianceScaling(1 / 3, "fan_in", "uniform", seed)
        return keras.initializers.get({"class_name": kind, "config": {"seed": seed}})


def _connect(name: str, layer: Any, x: Any, build: _Build) -> Any:
    match layer:
        case Conv():
            return _convolve(name, layer, x, build)
        case ReLU():
            return keras.layers.ReLU(name=name)(x)
        case LocalNorm(n=n, k=k, alpha=alpha, beta=beta):
            return LocalResponseNormalization(n, k, alpha, beta, name=name)(x)
        case BatchNorm(momentum=momentum, epsilon=epsilon):
            return BatchNormalization(momentum=momentum, epsilon=epsilon, name=name)(x)
        case Pool(size=size, stride=stride):
            return keras.layers.MaxPooling2D(size, stride, name=name)(x)
        case Flatten():
            return keras.layers.Flatten(name=name)(x)
        case Dense(units=units, bias=bias):
            return keras.layers.Dense(
                build.classes if units is None else units,
                kernel_initializer=build.weights(layer),
                bias_initializer=keras.initializers.Constant(bias),
                name=name,
            )(x)
        case Dropout(rate=rate):
            return keras.layers.Dropout(rate, seed=build.seed, name=name)(x)
    raise TypeError(f"no such layer: {layer!r}")


def _convolve(name: str, conv: Conv, x: Any, build: _Build) -> Any:
    """Groups are convolved apart and joined: Keras' `groups=` is slow on a CPU."""
    padding = conv.padding
    if isinstance(padding, int):
        x = keras.layers.ZeroPadding2D(padding, name=f"{name}_pad")(x)
        padding = "valid"
    outputs = []
    for i, part in enumerate(
        ops.split(x, conv.groups, axis=-1) if conv.groups > 1 else [x]
    ):
        layer = keras.layers.Conv2D(
            conv.filters // conv.groups,
            conv.kernel,
            conv.stride,
            padding,
            use_bias=conv.use_bias,
            kernel_initializer=build.weights(conv, part=i),
            bias_initializer=keras.initializers.Constant(conv.bias),
            name=name if conv.groups == 1 else f"{name}_{i + 1}",
        )
        outputs.append(layer(part))
    if conv.groups == 1:
        return outputs[0]
    return keras.layers.Concatenate(name=f"{name}_join")(outputs)


def layers_of(network: keras.Model, name: str) -> list[keras.layers.Layer]:
    """The Keras layers of the table's layer `name`: one, or one a group."""
    found = []
    for layer in network.layers:
        parts = (name, *(f"{name}_{i + 1}" for i in range(9)))
        if layer.name in parts and layer.weights:
            found.append(layer)
    return found


def put_weights(network: keras.Model, start: Sequence[LayerMatch]) -> None:
    """Give layers the arrays that fit them; groups share a kernel's outputs."""
    for fit in start:
        if fit.arrays:
            layers = layers_of(network, fit.layer)
            split = [np.split(x, len(layers), axis=-1) for x in fit.arrays]
            for i, layer in enumerate(layers):
                layer.set_weights([x[i] for x in split])
