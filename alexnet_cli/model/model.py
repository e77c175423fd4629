"""The Keras model of an architecture: one case for each kind of layer."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import ops

from .architecture import Architecture, trace
from .layer_specs import BatchNorm, Conv, Dense, Dropout, Flatten, LocalNorm, Pool, ReLU
from .normalization import BatchNormalization, LocalResponseNormalization
from .pretrained.matching import LayerMatch

# Said to every layer that asks, since a keras.json may have another default.
_LAST = "channels_last"


def build_model(
    arch: Architecture, classes: int, seed: int = 0, *, any_side: bool = False
) -> keras.Model:
    """The network, float input [B, S, S, 3] to float32 logits [B, K]; K is `classes`.

    Equal seeds give equal initial weights. Layers have the names that `trace` gives them.
    With `any_side` S is free: pooling brings the last feature maps to the table's size,
    which changes nothing where S is the table's.
    """
    side = None if any_side else arch.input_size
    inputs = keras.Input((side, side, 3), dtype="float32", name="input")
    x = inputs
    shape: tuple[int, ...] = ()
    for number, row in enumerate(trace(arch, classes)):
        if any_side and isinstance(row.layer, Flatten):
            pool = keras.layers.AdaptiveAveragePooling2D(shape[:2], _LAST, name="any_side")
            x = pool(x)
        shape = row.shape
        x = _connect(row.name, row.layer, x, _Build(arch, classes, seed + 1000 * number))
    x = keras.layers.Activation("linear", dtype="float32", name="logits")(x)
    return keras.Model(inputs, x, name=arch.name.replace("-", "_"))


@dataclass(frozen=True)
class _Build:
    """What building a layer needs besides its own record."""

    arch: Architecture
    classes: int
    seed: int

    def initializer(self, layer: Conv | Dense, group: int = 0) -> keras.Initializer:
        """Of the kernel of `layer`, or of one of its groups."""
        seed = self.seed + group
        kind = self.arch.initializer
        if layer.std is not None or kind == "normal":
            return keras.initializers.RandomNormal(stddev=layer.std or 0.01, seed=seed)
        if kind == "torch":
            # torch's default: uniform up to 1 / sqrt(fan_in).
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
            return keras.layers.MaxPooling2D(size, stride, "valid", _LAST, name=name)(x)
        case Flatten():
            return keras.layers.Flatten(_LAST, name=name)(x)
        case Dense(units=units, bias=bias):
            return keras.layers.Dense(
                build.classes if units is None else units,
                kernel_initializer=build.initializer(layer),
                bias_initializer=keras.initializers.Constant(bias),
                name=name,
            )(x)
        case Dropout(rate=rate):
            return keras.layers.Dropout(rate, seed=build.seed, name=name)(x)
    raise TypeError(f"no such layer: {layer!r}")


def _convolve(name: str, conv: Conv, x: Any, build: _Build) -> Any:
    """The groups convolved one by one, and joined: Keras' `groups=` is slow on a CPU."""
    padding = conv.padding
    if isinstance(padding, int):
        x = keras.layers.ZeroPadding2D(padding, _LAST, name=f"{name}_pad")(x)
        padding = "valid"
    parts = ops.split(x, conv.groups, axis=-1) if conv.groups > 1 else [x]
    outputs = []
    for i, part in enumerate(parts):
        layer = keras.layers.Conv2D(
            conv.filters // conv.groups,
            conv.kernel,
            conv.stride,
            padding,
            _LAST,
            use_bias=conv.use_bias,
            kernel_initializer=build.initializer(conv, group=i),
            bias_initializer=keras.initializers.Constant(conv.bias),
            name=name if conv.groups == 1 else f"{name}_{i + 1}",
        )
        outputs.append(layer(part))
    if conv.groups == 1:
        return outputs[0]
    return keras.layers.Concatenate(name=f"{name}_join")(outputs)


def layers_of(network: keras.Model, name: str) -> list[keras.layers.Layer]:
    """The Keras layers with weights of the table's layer `name`: one, or one per group."""
    names = re.compile(rf"{name}(_\d+)?")
    return [x for x in network.layers if names.fullmatch(x.name) and x.weights]


def put_weights(network: keras.Model, matches: Sequence[LayerMatch]) -> None:
    """Give `network` the arrays of `matches`; the groups of a layer share them out."""
    for match in matches:
        if match.arrays:
            layers = layers_of(network, match.layer)
            arrays = match.arrays
            if match.columns is not None:
                # The last layer, which has no groups: its other outputs stay as they are.
                arrays = tuple(np.array(x) for x in layers[0].weights)
                for whole, part in zip(arrays, match.arrays, strict=True):
                    whole[..., match.columns] = part
            split = [np.split(x, len(layers), axis=-1) for x in arrays]
            for i, layer in enumerate(layers):
                layer.set_weights([x[i] for x in split])
