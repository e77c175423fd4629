"""Architectures with another norm, dropout, width, initial weights or input size."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from .architecture import Architecture
from .layer_specs import BatchNorm, Conv, Dense, Dropout, Layer, LocalNorm, ReLU

NORMS = ("table", "batch", "local", "none", "all", "dense")

INITIALIZERS = {
    "he": "he_normal",
    "glorot": "glorot_uniform",
    "normal": "normal",
    "torch": "torch",
}

_NORM = BatchNorm(momentum=0.9)
"""Keras' 0.99 adapts too slowly where the image size or the rate changes in training."""


def with_input_size(arch: Architecture, side: int) -> Architecture:
    """`arch` for square inputs of `side` pixels."""
    return replace(arch, input_size=side)


def with_initializer(arch: Architecture, name: str) -> Architecture:
    """`arch` with all initial weights drawn by `name`; "table" leaves its own."""
    if name == "table":
        return arch
    layers = tuple(
        replace(x, std=None) if isinstance(x, Conv | Dense) else x for x in arch.layers
    )
    return replace(arch, initializer=INITIALIZERS[name], layers=layers)


def with_norm(arch: Architecture, norm: str) -> Architecture:
    """`arch` with its norms replaced by `norm`, one of `NORMS`; "table" leaves its own.

    "all" puts BatchNorm between every convolution or hidden dense layer and its ReLU,
    "dense" only between the dense ones and theirs. The others replace the table's norms; a
    table without any gets them after the ReLU of its first two convolutions.
    """
    if norm == "table":
        return arch
    if norm == "all":
        return _normalized(with_norm(arch, "none"), convolutions=True)
    if norm == "dense":
        return _normalized(arch, convolutions=False)
    norms: dict[str, tuple[Layer, ...]] = {
        "batch": (BatchNorm(),),
        "local": (LocalNorm(),),
        "none": (),
    }
    new = norms[norm]
    if any(isinstance(x, BatchNorm | LocalNorm) for x in arch.layers):
        return _mapped(
            arch, lambda x: new if isinstance(x, BatchNorm | LocalNorm) else (x,)
        )
    return _after_relu(arch, Conv, new, first=2)


def _normalized(arch: Architecture, *, convolutions: bool) -> Architecture:
    """`arch` with BatchNorm after its hidden dense layers, and after `convolutions`."""

    def normalized(layer: Layer) -> tuple[Layer, ...]:
        # The last Dense, which has one unit per class, has no norm.
        hidden = isinstance(layer, Dense) and layer.units is not None
        chosen = hidden or (convolutions and isinstance(layer, Conv))
        return (layer, _NORM) if chosen else (layer,)

    return _mapped(arch, normalized)


def with_local_norm(arch: Architecture, values: Mapping[str, Any]) -> Architecture:
    """`arch` with `values` of n, k, alpha and beta in each local response normalization."""
    return _mapped(
        arch, lambda x: (replace(x, **values),) if isinstance(x, LocalNorm) else (x,)
    )


def with_hidden(arch: Architecture, units: int | None) -> Architecture:
    """`arch` with `units` in each hidden dense layer; None leaves its own."""
    if units is None:
        return arch
    return _mapped(
        arch,
        lambda x: (replace(x, units=units),) if isinstance(x, Dense) and x.units else (x,),
    )


def with_dropout(arch: Architecture, rate: float | None) -> Architecture:
    """`arch` with dropout `rate` (0 to 1); 0 removes it, None leaves its own.

    A network without dropout gets it after the ReLU of its hidden dense layers.
    """
    if rate is None:
        return arch
    new = (Dropout(rate),) if rate else ()
    if any(isinstance(x, Dropout) for x in arch.layers):
        return _mapped(arch, lambda x: new if isinstance(x, Dropout) else (x,))
    return _after_relu(arch, Dense, new, first=len(arch.layers))


def _mapped(
    arch: Architecture, change: Callable[[Layer], tuple[Layer, ...]]
) -> Architecture:
    """`arch` with every layer replaced by the layers that `change` returns for it."""
    return replace(arch, layers=tuple(y for x in arch.layers for y in change(x)))


def _after_relu(
    arch: Architecture, kind: type[Layer], new: tuple[Layer, ...], first: int
) -> Architecture:
    """`arch` with `new` after the ReLUs of the first `first` layers of `kind`."""
    layers: list[Layer] = []
    current: Layer | None = None
    count = 0
    for layer in arch.layers:
        layers.append(layer)
        if isinstance(layer, Conv | Dense):
            current, count = layer, count + isinstance(layer, kind)
        elif isinstance(layer, ReLU) and isinstance(current, kind) and count <= first:
            layers.extend(new)
    return replace(arch, layers=tuple(layers))
