"""Tables of layers changed: another norm, dropout, initial weights or side of the input."""

from collections.abc import Callable
from dataclasses import replace

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
"""Keras' 0.99 remembers too long where an image's size or a rate changes in training."""


def with_input_size(arch: Architecture, side: int) -> Architecture:
    """`arch` for square inputs of `side` pixels."""
    return replace(arch, input_size=side)


def with_initializer(arch: Architecture, name: str) -> Architecture:
    """`arch` with all its initial weights drawn by `name`, unless that is "table"."""
    if name == "table":
        return arch
    layers = tuple(
        replace(x, std=None) if isinstance(x, Conv | Dense) else x for x in arch.layers
    )
    return replace(arch, initializer=INITIALIZERS[name], layers=layers)


def with_norm(arch: Architecture, norm: str) -> Architecture:
    """`arch` with its norms replaced by `norm`, one of `NORMS`.

    "all" and "dense" put BatchNorm between layers (hidden dense ones) and their ReLU;
    the others put theirs in the places of the table's norms, or where it has none,
    behind the ReLU of conv 1 and 2.
    """
    if norm == "table":
        return arch
    if norm in ("all", "dense"):
        kinds = Conv | Dense if norm == "all" else Dense
        old = BatchNorm | LocalNorm if norm == "all" else ()
        return _mapped(
            _mapped(arch, lambda x: () if isinstance(x, old) else (x,)),
            # The last Dense has no units of its own.
            lambda x: (
                (x, _NORM) if isinstance(x, kinds) and getattr(x, "units", True) else (x,)
            ),
        )
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


def with_hidden(arch: Architecture, units: int | None) -> Architecture:
    """`arch` with `units` in each hidden dense layer; None leaves the table's."""
    if units is None:
        return arch
    return _mapped(
        arch,
        lambda x: (replace(x, units=units),) if isinstance(x, Dense) and x.units else (x,),
    )


def with_dropout(arch: Architecture, rate: float | None) -> Architecture:
    """`arch` with dropout `rate` (0..1; 0 removes it, None leaves the table's).

    A network without dropout gets it behind the ReLU of its hidden dense layers.
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
    return replace(arch, layers=tuple(y for x in arch.layers for y in change(x)))


def _after_relu(
    arch: Architecture, kind: type[Layer], new: tuple[Layer, ...], first: int
) -> Architecture:
    """`arch` with `new` behind the ReLUs that belong to the `first` layers of `kind`."""
    layers: list[Layer] = []
    current: Layer | None = None
    seen = 0
    for layer in arch.layers:
        layers.append(layer)
        if isinstance(layer, Conv | Dense):
            current, seen = layer, seen + isinstance(layer, kind)
        elif isinstance(layer, ReLU) and isinstance(current, kind) and seen <= first:
            layers.extend(new)
    return replace(arch, layers=tuple(layers))
