"""Layer records: one frozen dataclass per kind, and what each does to a shape.

Shapes are [H, W, C] of one image, or [units] after `Flatten`. No TensorFlow.
"""

from dataclasses import dataclass

from ..errors import RecipeError


@dataclass(frozen=True)
class Conv:
    """2-D convolution; `padding` is "same", "valid", or pixels on each side."""

    filters: int
    kernel: int
    stride: int = 1
    padding: str | int = "same"
    groups: int = 1
    use_bias: bool = True
    bias: float = 0.0
    """Initial value of the biases."""
    std: float | None = None
    """Of the normal initial weights; None: the architecture's initializer."""


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
    """Batch normalization of each channel; the defaults are Keras' own."""

    momentum: float = 0.99
    epsilon: float = 1e-3


@dataclass(frozen=True)
class Pool:
    """Maximum over `size` x `size` windows at every `stride` pixels, without padding."""

    size: int = 3
    stride: int = 2


@dataclass(frozen=True)
class Flatten:
    """[H, W, C] to [H * W * C], in that order."""


@dataclass(frozen=True)
class Dense:
    """Fully connected layer; `units=None` means one unit per class; else as in `Conv`."""

    units: int | None
    bias: float = 0.0
    std: float | None = None


@dataclass(frozen=True)
class Dropout:
    """Set a fraction `rate` (0 to 1) of the activations to zero in training."""

    rate: float = 0.5


Layer = Conv | ReLU | LocalNorm | BatchNorm | Pool | Flatten | Dense | Dropout

KINDS: dict[str, type[Layer]] = {
    kind.__name__: kind
    for kind in (Conv, ReLU, LocalNorm, BatchNorm, Pool, Flatten, Dense, Dropout)
}


@dataclass(frozen=True)
class Output:
    """What a layer makes of its input's shape."""

    shape: tuple[int, ...]
    parameters: int = 0
    fixed: int = 0
    """How many of the parameters are not trained."""


def output_of(layer: Layer, shape: tuple[int, ...], classes: int) -> Output:
    """The shape and the parameters of `layer` on an input of `shape`.

    Raises:
        RecipeError: the channels cannot be divided into the layer's groups.
    """
    match layer:
        case Conv(filters=filters, kernel=kernel, groups=groups):
            height, width, channels = shape
            if channels % groups or filters % groups:
                raise RecipeError(
                    f"{channels} channels and {filters} filters cannot be divided into "
                    f"{groups} groups"
                )
            weights = kernel * kernel * (channels // groups) * filters
            out = (*(_side(x, layer) for x in (height, width)), filters)
            return Output(out, weights + filters * layer.use_bias)
        case Pool(size=size, stride=stride):
            height, width, channels = shape
            out = ((height - size) // stride + 1, (width - size) // stride + 1)
            return Output((*out, channels))
        case BatchNorm():
            return Output(shape, 4 * shape[-1], fixed=2 * shape[-1])
        case Flatten():
            return Output((shape[0] * shape[1] * shape[2],))
        case Dense():
            units = classes if layer.units is None else layer.units
            return Output((units,), (shape[0] + 1) * units)
        case ReLU() | LocalNorm() | Dropout():
            return Output(shape)


def _side(side: int, conv: Conv) -> int:
    """Side of the output of `conv` on an input of `side` pixels."""
    if conv.padding == "same":
        return -(-side // conv.stride)
    pad = 0 if conv.padding == "valid" else int(conv.padding)
    return (side + 2 * pad - conv.kernel) // conv.stride + 1
