"""Layer records: one frozen dataclass a kind, and what each does to a shape.

Shapes are [H, W, C] of one image, or [units] after `Flatten`. No TensorFlow.
"""

from dataclasses import dataclass

from ..errors import RecipeError


@dataclass(frozen=True)
class Conv:
    """2-D convolution; `padding` is "same", "valid" or pixels on each side."""

    filters: int
    kernel: int
    stride: int = 1
    padding: str | int = "same"
    groups: int = 1
    use_bias: bool = True
    bias: float = 0.0
    std: float | None = None


@dataclass(frozen=True)
class ReLU:
    """max(0, x)."""


@dataclass(frozen=True)
class LocalNorm:
    """Local response normalization over `n` neighboring channels.

    Source: Krizhevsky et al. 2012, section 3.3; `alpha` is not divided by `n`.
    """

    n: int = 5
    k: float = 2.0
    alpha: float = 1e-4
    beta: float = 0.75


@dataclass(frozen=True)
class BatchNorm:
    """Batch normalization over channels; the defaults are Keras' own."""

    momentum: float = 0.99
    epsilon: float = 1e-3


@dataclass(frozen=True)
class Pool:
    """Maximum over `size` x `size` windows, `stride` apart, without padding."""

    size: int = 3
    stride: int = 2


@dataclass(frozen=True)
class Flatten:
    """[H, W, C] to [H * W * C], in that order."""


@dataclass(frozen=True)
class Dense:
    """Fully connected layer; `units=None` means one unit for each class."""

    units: int | None
    bias: float = 0.0
    std: float | None = None


@dataclass(frozen=True)
class Dropout:
    """Zero a share `rate` (0..1) of the activations while training."""

    rate: float = 0.5


Layer = Conv | ReLU | LocalNorm | BatchNorm | Pool | Flatten | Dense | Dropout

KINDS: dict[str, type[Layer]] = {
    kind.__name__: kind
    for kind in (Conv, ReLU, LocalNorm, BatchNorm, Pool, Flatten, Dense, Dropout)
}


def apply(
    layer: Layer, shape: tuple[int, ...], classes: int
) -> tuple[tuple[int, ...], int, int]:
    """Output shape, parameters, and how many of them are not trained.

    Raises:
        RecipeError: the channels do not split into the layer's groups.
    """
    match layer:
        case Conv(filters=filters, kernel=kernel, groups=groups):
            height, width, channels = shape
            if channels % groups or filters % groups:
                raise RecipeError(f"{channels} channels do not split into {groups}")
            weights = kernel * kernel * (channels // groups) * filters
            out = (*(_side(x, layer) for x in (height, width)), filters)
            return out, weights + filters * layer.use_bias, 0
        case Pool(size=size, stride=stride):
            height, width, channels = shape
            out = ((height - size) // stride + 1, (width - size) // stride + 1)
            return (*out, channels), 0, 0
        case BatchNorm():
            return shape, 4 * shape[-1], 2 * shape[-1]
        case Flatten():
            return (shape[0] * shape[1] * shape[2],), 0, 0
        case Dense():
            units = classes if layer.units is None else layer.units
            return (units,), (shape[0] + 1) * units, 0
        case ReLU() | LocalNorm() | Dropout():
            return shape, 0, 0


def _side(side: int, conv: Conv) -> int:
    """Pixels that are left of `side` after `conv`."""
    if conv.padding == "same":
        return -(-side // conv.stride)
    pad = 0 if conv.padding == "valid" else int(conv.padding)
    return (side + 2 * pad - conv.kernel) // conv.stride + 1
