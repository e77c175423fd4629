"""The AlexNets as tables of layer records, and what follows from a table alone.

A table's last `Dense` has `units=None`: one unit for each class. No TensorFlow.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from .errors import RecipeError
from .layers import (
    KINDS,
    BatchNorm,
    Conv,
    Dense,
    Dropout,
    Flatten,
    Layer,
    LocalNorm,
    Pool,
    ReLU,
    apply,
)


@dataclass(frozen=True)
class Architecture:
    """A network: its layers, and how its authors fed and initialised it."""

    name: str
    source: str
    input_size: int
    """Side of the square input, pixels."""
    classes: int
    """Class count of the publication, used where no folder says otherwise."""
    layers: tuple[Layer, ...]
    initializer: str = "glorot_uniform"
    """Of weights without a `std`: a Keras name, "normal" (0.01) or "torch"."""
    mean: str = "0"
    """What is subtracted from pixels (0..255): numbers, "imagenet" or "pixel"."""
    std: str = "255"
    """What pixels are then divided by: numbers or "imagenet"."""

    def to_dict(self) -> dict[str, Any]:
        """Plain data that `from_dict` turns back into an equal Architecture."""
        layers = [{"kind": type(x).__name__, **asdict(x)} for x in self.layers]
        return {**asdict(self), "layers": layers}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "Architecture":
        """The Architecture that `to_dict` described.

        Raises:
            KeyError, TypeError, AttributeError: `data` is something else.
        """
        layers = [dict(x) for x in data["layers"]]
        records = tuple(KINDS[x.pop("kind")](**x) for x in layers)
        return cls(**{**data, "layers": records})


class Traced(NamedTuple):
    """One layer of a traced network; `shape` is that of its output."""

    name: str
    layer: Layer
    shape: tuple[int, ...]
    parameters: int
    trainable: int


def trace(arch: Architecture, classes: int) -> Iterator[Traced]:
    """Name, output shape and parameters of every layer, first to last.

    Raises:
        RecipeError: the picture shrinks to nothing, or channels cannot be grouped.
    """
    shape: tuple[int, ...] = (arch.input_size, arch.input_size, 3)
    seen: dict[str, int] = {}
    for layer in arch.layers:
        kind = type(layer).__name__.lower()
        seen[kind] = seen.get(kind, 0) + 1
        into, (shape, parameters, fixed) = shape, apply(layer, shape, classes)
        if min(shape) < 1:
            raise RecipeError(f"{arch.name}: {kind}{seen[kind]} gets {into}: too small")
        yield Traced(f"{kind}{seen[kind]}", layer, shape, parameters, parameters - fixed)


_HEAD = (
    Dense(4096), ReLU(), Dropout(0.5),
    Dense(4096), ReLU(), Dropout(0.5),
    Dense(None),
)  # fmt: skip

_PAPER = Architecture(
    name="alexnet",
    source="Krizhevsky, Sutskever, Hinton 2012, sections 3 and 5",
    input_size=227,
    classes=1000,
    initializer="normal",
    mean="pixel",
    std="1",
    layers=(
        Conv(96, 11, stride=4, padding="valid"), ReLU(), LocalNorm(), Pool(),
        Conv(256, 5, groups=2, bias=1.0), ReLU(), LocalNorm(), Pool(),
        Conv(384, 3), ReLU(),
        Conv(384, 3, groups=2, bias=1.0), ReLU(),
        Conv(256, 3, groups=2, bias=1.0), ReLU(), Pool(),
        Flatten(),
        Dense(4096, bias=1.0), ReLU(), Dropout(0.5),
        Dense(4096, bias=1.0), ReLU(), Dropout(0.5),
        Dense(None),
    ),
)  # fmt: skip

_CAFFE_NORM = LocalNorm(k=1.0, alpha=1e-4 / 5)

_BVLC = Architecture(
    name="alexnet-bvlc",
    source="Caffe models/bvlc_alexnet train_val.prototxt (alpha is divided by n there)",
    input_size=227,
    classes=1000,
    initializer="normal",
    mean="124,117,104",
    std="1",
    layers=(
        Conv(96, 11, stride=4, padding="valid"), ReLU(), _CAFFE_NORM, Pool(),
        Conv(256, 5, groups=2, bias=0.1), ReLU(), _CAFFE_NORM, Pool(),
        Conv(384, 3), ReLU(),
        Conv(384, 3, groups=2, bias=0.1), ReLU(),
        Conv(256, 3, groups=2, bias=0.1), ReLU(), Pool(),
        Flatten(),
        Dense(4096, bias=0.1, std=0.005), ReLU(), Dropout(0.5),
        Dense(4096, bias=0.1, std=0.005), ReLU(), Dropout(0.5),
        Dense(None),
    ),
)  # fmt: skip

_OWT = Architecture(
    name="alexnet-owt",
    source="Krizhevsky 2014, one weird trick; layout of torchvision.models.alexnet",
    input_size=224,
    classes=1000,
    initializer="torch",
    mean="imagenet",
    std="imagenet",
    layers=(
        Conv(64, 11, stride=4, padding=2), ReLU(), Pool(),
        Conv(192, 5, padding=2), ReLU(), Pool(),
        Conv(384, 3), ReLU(),
        Conv(256, 3), ReLU(),
        Conv(256, 3), ReLU(), Pool(),
        Flatten(),
        Dropout(0.5), Dense(4096), ReLU(),
        Dropout(0.5), Dense(4096), ReLU(),
        Dense(None),
    ),
)  # fmt: skip

_BN = Architecture(
    name="alexnet-bn",
    source="the 24-class tutorial: the 2012 network in one tower, BatchNorm for LRN",
    input_size=224,
    classes=24,
    layers=(
        Conv(96, 11, stride=4, padding="valid"), ReLU(), BatchNorm(), Pool(),
        Conv(256, 5), ReLU(), BatchNorm(), Pool(),
        Conv(384, 3), ReLU(),
        Conv(384, 3), ReLU(),
        Conv(256, 3), ReLU(), Pool(),
        Flatten(),
        *_HEAD,
    ),
)  # fmt: skip

_FLOWERS = Architecture(
    name="alexnet-flowers",
    source="the five-flowers tutorial for TensorFlow 2.1.0: 11x11 second convolution",
    input_size=227,
    classes=5,
    layers=(
        Conv(96, 11, stride=4, padding="valid"), ReLU(), BatchNorm(), Pool(2, 2),
        Conv(256, 11), ReLU(), BatchNorm(),
        Conv(384, 3), ReLU(), BatchNorm(),
        Conv(384, 3), ReLU(), BatchNorm(),
        Conv(256, 3), ReLU(), BatchNorm(), Pool(2, 2),
        Flatten(),
        Dense(4096), ReLU(),
        Dense(4096), ReLU(),
        Dense(None),
    ),
)  # fmt: skip

_HALF = Architecture(
    name="alexnet-half",
    source="the Caltech tutorial: one of the two towers of the 2012 network",
    input_size=227,
    classes=45,
    layers=(
        Conv(48, 11, stride=4, padding="valid"), ReLU(), Pool(), BatchNorm(),
        Conv(128, 5, use_bias=False), Pool(), ReLU(), BatchNorm(),
        Conv(192, 3), ReLU(),
        Conv(192, 3), ReLU(),
        Conv(128, 3), ReLU(), Pool(),
        Flatten(),
        Dense(2048), ReLU(), Dropout(0.25),
        Dense(2048), ReLU(), Dropout(0.25),
        Dense(None),
    ),
)  # fmt: skip

_TINY = Architecture(
    name="tiny",
    source="ours, for tests: every kind of layer in a second",
    input_size=32,
    classes=3,
    layers=(
        Conv(8, 5, stride=2), ReLU(), LocalNorm(), Pool(),
        Conv(16, 3, groups=2, bias=0.1), ReLU(), BatchNorm(momentum=0.8), Pool(),
        Flatten(),
        Dense(32), ReLU(), Dropout(0.1),
        Dense(None),
    ),
)  # fmt: skip

ARCHITECTURES: dict[str, Architecture] = {
    x.name: x for x in (_PAPER, _BVLC, _OWT, _BN, _FLOWERS, _HALF, _TINY)
}
