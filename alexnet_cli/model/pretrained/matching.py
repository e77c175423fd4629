"""Which pretrained weights fit which layers of a network, and which layers are frozen."""

from dataclasses import dataclass

from ...arrays import Floats
from ...errors import WeightsError, printable
from ..architecture import Architecture, trace
from ..layer_specs import BatchNorm, Conv, Dense, Layer
from .pretrained_weights import PretrainedWeights


@dataclass(frozen=True)
class LayerMatch:
    """A layer of the network, or an array of the file, and whether the other has it."""

    layer: str
    shape: str
    """Of the kernel; empty for an array that no layer takes."""
    result: str
    """For people: loaded, new or left out, and why."""
    arrays: tuple[Floats, ...] = ()
    """What is loaded; empty where nothing is."""


def match_layers(
    weights: PretrainedWeights, arch: Architecture, classes: int, *, head: bool = False
) -> list[LayerMatch]:
    """One for each layer of `arch` with parameters, and for each array that no layer takes.

    The last layer is loaded only with `head`; it is new otherwise.
    """
    matches = []
    into: tuple[int, ...] = (arch.input_size, arch.input_size, 3)
    rows = list(trace(arch, classes))
    for row in rows:
        shapes = _shapes(row.layer, into, row.shape)
        into = row.shape
        if shapes:
            is_new = row is rows[-1] and not head
            matches.append(_match(row.name, shapes, weights, is_new=is_new))
    names = {x.layer for x in matches}
    left = [x for x in (*weights.layers, *weights.unknown) if x not in names]
    return matches + [LayerMatch(x, "", "left out, no such layer here") for x in left]


def _match(
    name: str, shapes: list[tuple[int, ...]], weights: PretrainedWeights, *, is_new: bool
) -> LayerMatch:
    shape, arrays = _text(shapes[0]), weights.layers.get(name, ())
    if is_new:
        return LayerMatch(name, shape, "new, for these classes")
    if not arrays:
        return LayerMatch(name, shape, "new, the file has none")
    if [x.shape for x in arrays] != shapes:
        return LayerMatch(name, shape, f"new, the file has {_text(arrays[0].shape)}")
    result = ", ".join(("loaded", *weights.changes.get(name, ())))
    return LayerMatch(name, shape, result, arrays)


def _shapes(
    layer: Layer, into: tuple[int, ...], out: tuple[int, ...]
) -> list[tuple[int, ...]]:
    """Shapes of a layer's arrays in Keras' order, for its shapes of input and output."""
    match layer:
        case Conv(filters=filters, kernel=kernel, groups=groups, use_bias=bias):
            shape = (kernel, kernel, into[-1] // groups, filters)
            return [shape, (filters,)] if bias else [shape]
        case Dense():
            return [(into[0], out[0]), (out[0],)]
        case BatchNorm():
            return [(into[-1],)] * 4
    return []


def _text(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))


def frozen_layers(arch: Architecture, freeze: str | None) -> list[str]:
    """Names of the layers with parameters that `freeze`, conv, all-but-head or N, freezes.

    N counts the layers with kernels; batch normalization belongs to the layer before it.

    Raises:
        WeightsError: `freeze` is none of these, or N is not below the number of layers.
    """
    if freeze is None:
        return []
    rows = [x for x in trace(arch, 1) if x.parameters]
    kernels = [x for x in rows if not isinstance(x.layer, BatchNorm)]
    if freeze == "conv":
        count = sum(isinstance(x.layer, Conv) for x in kernels)
    elif freeze == "all-but-head":
        count = len(kernels) - 1
    else:
        count = int(freeze) if freeze.isdecimal() else 0
        if not 0 < count < len(kernels):
            raise WeightsError(
                f"--freeze {printable(freeze)} is not conv, all-but-head, "
                f"or 1 to {len(kernels) - 1}"
            )
    end = rows.index(kernels[count])
    return [x.name for x in rows[:end]]
